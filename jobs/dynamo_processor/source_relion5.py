"""Particles of RELION 4 and 5: an optimisation set, or particles with their ``tomograms.star``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.contract import FloatArray, ParticleTable, SourceSettings, TomogramEntry, table_of
from jobs.dynamo_processor.finding import (
    Findings,
    VolumeFacts,
    natural,
    tilt_range,
    usable_volume,
    volume_facts,
)
from jobs.dynamo_processor.star_particles import (
    COORDINATES_PIXEL,
    columns,
    identity_columns,
    origins,
    particle_file,
    poses,
    reconstruction,
    rows_of,
    tables_of,
)
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_files import Finder, set_files
from jobs.formats.tilt_geometry import tilt_angles
from jobs.formats.tomograms import TomogramReader

_CENTRED = [f"rlnCenteredCoordinate{a}Angst" for a in "XYZ"]
_CORNER = [f"rlnCoordinate{a}" for a in "XYZ"]
_SIZE = [f"rlnTomoSize{a}" for a in "XYZ"]
_RECONSTRUCTED = (
    "rlnTomoReconstructedTomogram",
    "rlnTomoReconstructedTomogramDenoised",
    "rlnTomoReconstructedTomogramHalf1",
)
_IMAGE_PIXEL = "rlnImagePixelSize"
# Sizes of binned reconstructions are rounded, often to even numbers.
_ROUNDING = 4.0


@dataclass(frozen=True, eq=False)
class _Set:
    """Particles and tomograms of a set."""

    path: Path
    particles: StarTable
    optics: StarTable | None
    tomograms: TomogramReader
    finder: Finder


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms that have particles, in natural order.

    Raises
    ------
    UserError
        When the particles are not given, cannot be read, or their ``tomograms.star`` is not found.
    """
    opened = _open(settings)
    names = sorted(set(opened.particles.text("rlnTomoName").tolist()), key=natural)
    return [_entry(number, name, opened, settings) for number, name in enumerate(names, start=1)]


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of a tomogram, their origins applied.

    Raises
    ------
    UserError
        When the entry is not usable, or a column cannot be read.
    """
    usable_volume(entry)
    opened = _open(entry.settings)
    rows = rows_of(opened.particles, "rlnTomoName", entry.name)
    table = rows.table
    pixel = entry.full_pixel_a
    rotation, turn = poses(table)
    full = _unbinned(table, entry, opened) - np.einsum("pij,pj->pi", turn, origins(table, pixel)) / pixel
    names = [f"{entry.name}/{number + 1}" for number in rows.number.tolist()]
    known = identity_columns(rows, names)
    if not all(label in table for label in _CENTRED):
        known["extra"][COORDINATES_PIXEL] = _corner_pixel(table, entry, opened)
    return table_of(entry, full / entry.binning, rotation, names, **known)


def _unbinned(table: StarTable, entry: TomogramEntry, opened: _Set) -> FloatArray:
    """Positions `(n, 3)` in unbinned pixels from the corner, origins not yet applied."""
    if all(label in table for label in _CENTRED):
        return columns(table, _CENTRED) / entry.full_pixel_a + np.array(entry.full_size) / 2
    if not all(label in table for label in _CORNER):
        raise FormatError(
            f"the particles have neither {_CENTRED[0]} … nor {_CORNER[0]} …",
            path=opened.path,
            column=_CENTRED[0],
        )
    return columns(table, _CORNER) * (_corner_pixel(table, entry, opened)[:, None] / entry.full_pixel_a)


def _corner_pixel(table: StarTable, entry: TomogramEntry, opened: _Set) -> FloatArray:
    """Å per pixel `(n,)` of coordinates from the corner.

    RELION counts them in pixels of the tilt series, WarpTools in pixels of the images it extracted.
    """
    pixel = np.full(table.n_rows, entry.settings.coordinates_pixel_a or entry.full_pixel_a)
    optics = opened.optics
    if entry.settings.coordinates_pixel_a or opened.tomograms.read(entry.name).translated:
        return pixel
    if _IMAGE_PIXEL in table:
        return table.floats(_IMAGE_PIXEL)
    if optics is None or _IMAGE_PIXEL not in optics or not optics.n_rows:
        return pixel
    if "rlnOpticsGroup" not in table or "rlnOpticsGroup" not in optics:
        return np.full(table.n_rows, float(optics.floats(_IMAGE_PIXEL)[0]))
    sizes = dict(zip(optics.ints("rlnOpticsGroup").tolist(), optics.floats(_IMAGE_PIXEL), strict=True))
    return np.array([sizes.get(group, pixel[0]) for group in table.ints("rlnOpticsGroup").tolist()])


def _open(settings: SourceSettings) -> _Set:
    path = particle_file(settings)
    tables = tables_of(path)
    star = settings.resolved(settings.tomograms_star)
    if star is not None and "particles" in tables:
        particle_path, tomograms = path, star
    else:
        files = set_files(path, settings.base_dir)
        particle_path, tomograms = files.particles, star or files.tomograms
    finder = Finder(tomograms, settings.base_dir, also=particle_path)
    blocks = tables_of(particle_path)
    table = blocks.get("particles")
    if table is None or not table.n_rows:
        raise FormatError("the file holds no particles (block data_particles)", path=particle_path)
    table.require(["rlnTomoName"])
    return _Set(particle_path, table, blocks.get("optics"), TomogramReader(tomograms, finder.file), finder)


def _entry(number: int, name: str, opened: _Set, settings: SourceSettings) -> TomogramEntry:
    findings = Findings()
    rows = rows_of(opened.particles, "rlnTomoName", name)
    low = high = float("nan")
    full_size, pixel, volume, facts, binning = (0, 0, 0), 0.0, None, None, 1.0
    if name not in opened.tomograms:
        close = opened.tomograms.closest(name)
        findings.error(
            f"{opened.tomograms.path.name} knows no tomogram {name}",
            "tomograms_star",
            f"Is {close} meant?" if close else "",
        )
    else:
        pixel, full_size = _frame(opened.tomograms, name, findings)
        try:
            turned = opened.tomograms.read(name).rotation
            low, high = tilt_range(tilt_angles(turned)[:, 1], findings, name)
        except UserError as error:
            findings.from_error(error, "tomograms_star")
        volume = _volume(opened, name, settings, findings)
        facts = volume_facts(volume, findings, "volumes_dir") if volume is not None else None
    if facts is not None and pixel:
        binning = _binning(facts, opened.tomograms, name, pixel, full_size, findings)
    size = facts.size if facts else (0, 0, 0)
    voxel = (facts.voxel_size_a or pixel * binning) if facts else 0.0
    files = {"particles": opened.path, "tomograms": opened.tomograms.path}
    return TomogramEntry(
        number,
        name,
        settings,
        volume,
        size,
        voxel,
        round(low, 3),
        round(high, 3),
        len(rows.number),
        files,
        binning=binning,
        full_size=full_size,
        full_pixel_a=pixel,
        problems=tuple(findings.problems),
    )


def _frame(reader: TomogramReader, name: str, findings: Findings) -> tuple[float, tuple[int, int, int]]:
    """Pixel size in Å and size in pixels of the unbinned tomogram."""
    pixel = reader.optics(name, "rlnTomoTiltSeriesPixelSize")
    size = [reader.optics(name, label) for label in _SIZE]
    if not (np.isfinite(pixel) and pixel > 0) or not np.isfinite(size).all():
        missing = "rlnTomoTiltSeriesPixelSize" if not np.isfinite(pixel) else "rlnTomoSizeX …"
        findings.error(f"{reader.path.name} does not state {missing} of {name}", "tomograms_star")
        return 0.0, (0, 0, 0)
    return float(pixel), (round(size[0]), round(size[1]), round(size[2]))


def _volume(opened: _Set, name: str, settings: SourceSettings, findings: Findings) -> Path | None:
    """Reconstruction: from the folder given, else as the table of tomograms names it."""
    if settings.volumes_dir is None:
        table = opened.tomograms.table
        row = int(np.flatnonzero(table.text("rlnTomoName") == name)[0])
        for label in _RECONSTRUCTED:
            named = str(table.text(label)[row]) if label in table else ""
            if not named or named.lower() == "none":
                continue
            found = opened.finder.file(named)
            if found is not None:
                return found
            findings.error(
                f"the reconstruction {named} does not exist",
                "volumes_dir",
                "Give the folder that holds the reconstructions.",
            )
            return None
    return reconstruction(settings, name, findings)


def _binning(
    facts: VolumeFacts,
    reader: TomogramReader,
    name: str,
    pixel: float,
    full_size: tuple[int, int, int],
    findings: Findings,
) -> float:
    """Unbinned pixels per voxel, by the voxel size, else as stated, else by the sizes."""
    stated = reader.optics(name, "rlnTomoTomogramBinning")
    if facts.voxel_size_a:
        binning = facts.voxel_size_a / pixel
    elif np.isfinite(stated) and stated > 0:
        binning = float(stated)
    else:
        binning = full_size[0] / facts.size[0]
    # headers hold four digits of a voxel size that is the pixel size times a whole number
    whole = round(binning)
    if whole and abs(binning - whole) < 5e-3 * whole:
        binning = float(whole)
    off = np.abs(np.array(facts.size) * binning - np.array(full_size)).max()
    if off > _ROUNDING * max(binning, 1.0):
        findings.warning(
            f"the reconstruction of {name} has {' × '.join(map(str, facts.size))} voxels of {binning:g} px, "
            f"the tomogram {' × '.join(map(str, full_size))} px",
            "volumes_dir",
            "Is it this tomogram? Look at the preview.",
        )
    return binning
