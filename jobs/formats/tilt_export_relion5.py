"""Write any particles of tilt series whose geometry is known as a native RELION 5 optimisation set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.mrc import write_map, write_stack
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_files import Finder
from jobs.formats.tilt_geometry import euler_angles, tilt_angles
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_recover import Recovered, from_images, of_known_tomogram
from jobs.formats.tilt_rows import DOSE_WEIGHTED_COLUMN


@dataclass(frozen=True)
class Relion5Export:
    """The files of a set: the optimisation set, its particles and its tomograms."""

    optimisation_set: Path
    particles: Path
    tomograms: Path


def write_relion5_set(particles: TiltParticles, folder: str | Path) -> Relion5Export:
    """Write a native RELION 5 set: particles, ``tomograms.star``, tilt series, and stacks of visible frames.

    Parameters
    ----------
    particles
        Any particles of tilt series. Of image series the tilts are recovered from poses, exposures and
        defocus of the images.
    folder
        New folder; ``optimisation_set.star`` is written last. Inside the project of the particles, paths are
        relative to the project, elsewhere to this folder.

    Returns
    -------
    Relion5Export
        Where the set lies.

    Raises
    ------
    UserError
        When the geometry is not that of rigid tilt series (says why), or a file cannot be written.
    """
    out = Path(folder)
    project = particles.project_dir.resolve()
    root = project if out.resolve().is_relative_to(project) else out.resolve()
    groups = _by_tomogram(particles)
    finder = Finder(particles.path, particles.project_dir)
    recovered = {
        name: of_known_tomogram(particles, name, members, finder)
        if "tomograms" in particles.further
        else from_images(particles, name, members)
        for name, members in groups.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "tilt_series").mkdir(exist_ok=True)
    placeholder = out / "no_tilt_image.mrc"
    write_map(placeholder, np.zeros((1, 2, 2), np.float32), particles.pixel_size_a)
    for name, tomogram in recovered.items():
        table = _tilt_table(name, tomogram, _from(root, placeholder))
        write_star_tables(out / "tilt_series" / f"{_file(name)}.star", [table])
    written = Relion5Export(out / "optimisation_set.star", out / "particles.star", out / "tomograms.star")
    write_star_tables(written.tomograms, [_global_table(particles, recovered, out, root)])
    stacks = _write_stacks(particles, recovered, out, root)
    write_star_tables(written.particles, _particle_tables(particles, recovered, stacks))
    pairs = {
        "rlnTomoParticlesFile": [_from(root, written.particles)],
        "rlnTomoTomogramsFile": [_from(root, written.tomograms)],
    }
    write_star_tables(written.optimisation_set, [StarTable.from_columns("", pairs, is_loop=False)])
    return written


def _by_tomogram(particles: TiltParticles) -> dict[str, np.ndarray]:
    names = particles.tomogram.astype(str)
    unique, first = np.unique(names, return_index=True)
    if "" in unique:
        raise UserError(
            "some particles do not say of which tomogram they are, which a RELION 5 set must state",
            path=particles.path,
        )
    return {str(unique[i]): np.flatnonzero(names == unique[i]) for i in np.argsort(first)}


def _tilt_table(name: str, tomogram: Recovered, image: str) -> StarTable:
    """Return the tilts of one tomogram."""
    n = len(tomogram.rotation)
    angle = tilt_angles(tomogram.rotation)
    columns: dict[str, np.ndarray] = {
        "rlnMicrographName": np.array([image] * n, object),
        "rlnMicrographPreExposure": tomogram.dose,
        "rlnTomoNominalStageTiltAngle": tomogram.tilt_deg,
        "rlnTomoXTilt": angle[:, 0],
        "rlnTomoYTilt": angle[:, 1],
        "rlnTomoZRot": angle[:, 2],
        "rlnTomoXShiftAngst": np.zeros(n),
        "rlnTomoYShiftAngst": np.zeros(n),
        "rlnDefocusU": tomogram.defocus_u_a,
        "rlnDefocusV": tomogram.defocus_v_a,
        "rlnDefocusAngle": tomogram.defocus_angle_deg,
        "rlnPhaseShift": tomogram.phase_shift_deg,
        "rlnCtfScalefactor": tomogram.tilt_weight,
    }
    exact = {k: v if v.dtype == object else _exact(v) for k, v in columns.items()}
    return StarTable.from_columns(name, exact)


def _global_table(
    particles: TiltParticles, recovered: dict[str, Recovered], out: Path, root: Path
) -> StarTable:
    """Return one row per tomogram."""
    tomograms = list(recovered.values())
    image = np.array([particles.first[t.particles[0]] for t in tomograms], np.int64)
    pixel = np.array([t.pixel_size_a for t in tomograms])
    size = np.rint(np.stack([t.size_a for t in tomograms]) / pixel[:, None]).astype(np.int64)
    columns = {
        "rlnTomoName": list(recovered),
        "rlnTomoTiltSeriesStarFile": [
            _from(root, out / "tilt_series" / f"{_file(name)}.star") for name in recovered
        ],
        "rlnVoltage": particles.voltage_kv[image],
        "rlnSphericalAberration": particles.spherical_aberration_mm[image],
        "rlnAmplitudeContrast": particles.amplitude_contrast[image],
        "rlnMicrographOriginalPixelSize": _exact(pixel),
        "rlnTomoHand": [float(t.hand) for t in tomograms],
        "rlnOpticsGroupName": ["opticsGroup1"] * len(tomograms),
        "rlnTomoTiltSeriesPixelSize": _exact(pixel),
        **{f"rlnTomoSize{axis}": size[:, i] for i, axis in enumerate("XYZ")},
    }
    return StarTable.from_columns("global", columns)


def _write_stacks(
    particles: TiltParticles, recovered: dict[str, Recovered], out: Path, root: Path
) -> np.ndarray:
    """Write the visible frames of every particle in the order of the tilts; return the names `(P,)`."""
    names = np.empty(particles.n, object)
    with ImageStacks(particles) as images:
        for tomogram_name, tomogram in recovered.items():
            folder = out / "Subtomograms" / _file(tomogram_name)
            folder.mkdir(parents=True, exist_ok=True)
            for i, p in enumerate(tomogram.particles.tolist()):
                rows = particles.first[p] + np.argsort(tomogram.frame[i], kind="stable")
                path = folder / f"{i + 1}_stack2d.mrcs"
                write_stack(path, images.read(rows), particles.pixel_size_a, dtype=images.dtype)
                names[p] = _from(root, path)
    return names


def _particle_tables(
    particles: TiltParticles, recovered: dict[str, Recovered], stacks: np.ndarray
) -> list[StarTable]:
    """Return the blocks of the particle file: general, optics, particles."""
    n = particles.n
    angle, centred, origin = np.empty((n, 3)), np.empty((n, 3)), np.empty((n, 3))
    flags = np.empty(n, object)
    for tomogram in recovered.values():
        of, tilts = tomogram.particles, len(tomogram.rotation)
        angle[of] = euler_angles(tomogram.particle_rotation)
        centred[of], origin[of] = tomogram.centred_a, tomogram.origin_a
        for p, frame in zip(of.tolist(), tomogram.frame, strict=True):
            seen = np.bincount(frame, minlength=tilts)
            flags[p] = "[" + ",".join(map(str, seen.tolist())) + "]"
    columns: dict[str, np.ndarray] = {
        "rlnTomoName": particles.tomogram,
        "rlnTomoParticleName": particles.particle_name,
        "rlnOpticsGroup": np.ones(n, np.int64),
        "rlnImageName": stacks,
        "rlnTomoVisibleFrames": flags,
        **{f"rlnCenteredCoordinate{a}Angst": _exact(centred[:, i]) for i, a in enumerate("XYZ")},
        **{f"rlnOrigin{a}Angst": _exact(origin[:, i]) for i, a in enumerate("XYZ")},
        **{f"rlnTomoSubtomogram{a}": np.zeros(n) for a in ("Rot", "Tilt", "Psi")},
        **{f"rlnAngle{a}": _exact(angle[:, i]) for i, a in enumerate(("Rot", "Tilt", "Psi"))},
    }
    if particles.half.any():
        columns["rlnRandomSubset"] = particles.half
    for column in particles.table.columns if not particles.one_row_per_image else ():
        replaced = column in columns or column.startswith(("rlnCoordinate", "rlnRandomSubset"))
        if not replaced:
            rows = particles.row[particles.first[:-1]]
            columns[column] = particles.table.text(column)[rows]
    pixel = next(iter(recovered.values())).pixel_size_a
    optics: dict[str, list[float] | list[int] | list[str]] = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnSphericalAberration": [float(particles.spherical_aberration_mm[0])],
        "rlnVoltage": [float(particles.voltage_kv[0])],
        "rlnAmplitudeContrast": [float(particles.amplitude_contrast[0])],
        "rlnTomoTiltSeriesPixelSize": [pixel],
        "rlnCtfDataAreCtfPremultiplied": [int(particles.ctf_premultiplied)],
        "rlnImageDimensionality": [2],
        "rlnTomoSubtomogramBinning": [particles.pixel_size_a / pixel],
        "rlnImagePixelSize": [particles.pixel_size_a],
        "rlnImageSize": [particles.box],
    }
    if not particles.dose_weighted:
        optics[DOSE_WEIGHTED_COLUMN] = [0]
    return [
        StarTable.from_columns("general", {"rlnTomoSubTomosAre2DStacks": [1]}, is_loop=False),
        StarTable.from_columns("optics", optics),
        StarTable.from_columns("particles", columns),
    ]


def _exact(values: np.ndarray) -> np.ndarray:
    """Return numbers as text with the digits that reading needs, where RELION's six decimals lose some."""
    out = np.empty(len(values), object)
    out[:] = [repr(float(v)) for v in values]
    return out


def _from(root: Path, path: Path) -> str:
    return path.resolve().relative_to(root).as_posix()


def _file(name: str) -> str:
    return name.replace("/", "_")
