"""Write particles of tilt series: a selection as the file was, or a Warp series made of any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.star_text import format_values
from jobs.formats.tilt_geometry import euler_angles
from jobs.formats.tilt_names import named_from
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_rows import DOSE_WEIGHTED_COLUMN, ORIGINAL_COLUMN

_B_PER_DOSE = -4.0  # Warp's B-factor, Å² per e/Å²
_MAGNIFICATION = 10000.0  # makes the "detector" pixel size that of the image, also for RELION 3.0
_WITH_OPTICS_VERSION = 30001


def write_selection(
    particles: TiltParticles,
    path: str | Path,
    *,
    keep_original: bool = False,
    name_from: str | Path | None = None,
) -> None:
    """Write a set (or what was selected of it) in the flavour in which it was read.

    All blocks, columns and characters of values stay, and rows stay in the order of the file; a whole set
    that was written once is written again byte for byte.

    Parameters
    ----------
    particles
        Set; of an image series single images may have been left out too.
    path
        Target; an old file stays until the new one is complete. Of an optimisation set: the new set, beside
        which its particles and tomograms are written.
    keep_original
        Add the column ``UnfilteredParticleInds``, the place of each particle among all of the first file, so
        that selections from this file can be mapped back (image series only).
    name_from
        Folder from which images shall be found, as that of the project, where the file moves away from the
        folder in which it was read. Without it every name stays.

    Raises
    ------
    UserError
        When nothing is selected, or a file cannot be written.
    """
    path = Path(path)
    if not particles.n:
        raise UserError("no particle is left to write", path=path)
    if name_from is not None:
        stack = np.empty(particles.table.n_rows, np.int64)
        stack[particles.row] = particles.stack
        table = named_from(particles.table, stack, particles.stacks, Path(name_from))
        particles = replace(particles, tables={**particles.tables, particles.table_name: table})
    if not particles.one_row_per_image or particles.further:
        from jobs.formats.tilt_export_sets import write_optimisation_set

        write_optimisation_set(particles, path)
        return
    tables = dict(particles.tables)
    if keep_original:
        original = np.empty(particles.n_images, np.int64)
        original[particles.row] = particles.original[particles.particle]
        tables[particles.table_name] = particles.table.with_columns({ORIGINAL_COLUMN: original})
    if "optics" in tables:
        # Without the version line RELION would take the file for one of the time before optics tables.
        tables = {
            name: t if t.version is not None else t.renamed(name, _WITH_OPTICS_VERSION)
            for name, t in tables.items()
        }
    write_star_tables(path, tables)


def write_warp_series(particles: TiltParticles, path: str | Path) -> None:
    """Write a set as image series in the style of RELION 3.0, as Warp and M do: one row per image.

    Reading the file gives the same particles and arrays, except that ``frame`` counts within the particle.
    The dose is written as it is known: of optimisation sets that before each image, where Warp states that up
    to its end.

    Parameters
    ----------
    particles
        Set of any flavour.
    path
        Target; an old file stays until the new one is complete.

    Raises
    ------
    UserError
        When nothing is selected, or the file cannot be written.
    """
    path = Path(path)
    if not particles.n:
        raise UserError("no particle is left to write", path=path)
    columns = _columns(particles, path)
    rows = [b" ".join(cells) for cells in zip(*map(_cells, columns.values()), strict=True)]
    write_star_tables(path, [StarTable.from_rows("", tuple(columns), rows, version=None)])


def image_names(particles: TiltParticles, path: Path) -> list[str]:
    """Return `N` names ``000001@stack.mrcs``, relative to the project where ``path`` lies in it."""
    root = particles.project_dir.absolute()
    inside = path.absolute().is_relative_to(root)
    named = []
    for stack in particles.stacks:
        absolute = root / stack
        relative = inside and absolute.is_relative_to(root)
        named.append(str(absolute.relative_to(root) if relative else absolute))
    pairs = zip(particles.section.tolist(), particles.stack.tolist(), strict=True)
    return [f"{section + 1:06d}@{named[stack]}" for section, stack in pairs]


def _cells(values: npt.ArrayLike) -> list[bytes]:
    """Return a column as text; numbers that repeat, as most do here, are made text once."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return format_values(array)
    different, place = np.unique(array, return_inverse=True)
    if 4 * len(different) > len(array):
        return format_values(array)
    text = format_values(different)
    return [text[i] for i in place.tolist()]


def _columns(p: TiltParticles, path: Path) -> dict[str, npt.ArrayLike]:
    of = p.particle
    columns: dict[str, npt.ArrayLike] = {
        "rlnImageName": image_names(p, path),
        "rlnGroupName": [str(name) for name in p.particle_name[of]],
        "rlnMagnification": np.full(p.n_images, _MAGNIFICATION),
        "rlnDetectorPixelSize": np.full(p.n_images, p.pixel_size_a),
        "rlnVoltage": p.voltage_kv,
        "rlnSphericalAberration": p.spherical_aberration_mm,
        "rlnAmplitudeContrast": p.amplitude_contrast,
    }
    if p.ctf_known.any():
        columns |= {
            "rlnDefocusU": p.defocus_u_a,
            "rlnDefocusV": p.defocus_v_a,
            "rlnDefocusAngle": p.defocus_angle_deg,
            "rlnPhaseShift": p.phase_shift_deg,
        }
        if not p.ctf_known.all():
            columns["rlnCtfDataAreCtfCorrected"] = ~p.ctf_known
    rot, tilt, psi = euler_angles(p.rotation).T
    columns |= {"rlnAngleRot": rot, "rlnAngleTilt": tilt, "rlnAnglePsi": psi}
    columns |= {f"rlnOrigin{axis}": p.origin_a[:, i] / p.pixel_size_a for i, axis in enumerate("XY")}
    if np.isfinite(p.dose).all():
        columns["rlnCtfBfactor"] = p.dose * _B_PER_DOSE
    columns["rlnCtfScalefactor"] = p.tilt_weight
    if np.isfinite(p.tilt_deg).all():
        columns["rlnTomoNominalStageTiltAngle"] = p.tilt_deg
    if (p.tomogram != "").all():
        columns["rlnMicrographName"] = [str(name) for name in p.tomogram[of]]
    if np.isfinite(p.coordinate_a).all():
        xyz = p.coordinate_a[of] / p.pixel_size_a
        columns |= {f"rlnCoordinate{axis}": xyz[:, i] for i, axis in enumerate("XYZ")}
    if p.half.any():
        columns["rlnRandomSubset"] = p.half[of]
    if not np.array_equal(p.original, np.arange(p.n)):
        columns[ORIGINAL_COLUMN] = p.original[of]
    for name, holds in (
        ("rlnCtfDataAreCtfPremultiplied", p.ctf_premultiplied),
        (DOSE_WEIGHTED_COLUMN, p.dose_weighted),
    ):
        if holds:
            columns[name] = np.ones(p.n_images, np.int64)
    if p.hand != 1:
        columns["rlnTomoHand"] = np.full(p.n_images, p.hand)
    return columns
