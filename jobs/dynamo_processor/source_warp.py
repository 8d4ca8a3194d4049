"""Particles of Warp and M: a STAR file with one row per particle, coordinates in pixels from the corner."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.contract import (
    FloatArray,
    ParticleTable,
    SourceSettings,
    TomogramEntry,
    table_of,
)
from jobs.dynamo_processor.finding import Findings, natural, tilt_range, usable_volume, volume_facts
from jobs.dynamo_processor.star_particles import (
    columns,
    identity_columns,
    origins,
    particle_file,
    plain_name,
    poses,
    reconstruction,
    rows_of,
    stated_pixel,
    tables_of,
)
from jobs.formats.files import read_whole
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_angles import read_tilt_angles
from jobs.formats.tilt_geometry import euler_matrices

_NAMES = ("rlnMicrographName", "rlnTomoName", "wrpSourceName")
_CORNER = [f"rlnCoordinate{a}" for a in "XYZ"]
#: M states poses over time, in Å; the first one counts.
_M_CORNER = [f"wrpCoordinate{a}1" for a in "XYZ"]
_M_ANGLES = [f"wrpAngle{a}1" for a in ("Rot", "Tilt", "Psi")]
_PIXEL = ("rlnImagePixelSize", "rlnPixelSize", "rlnDetectorPixelSize", "rlnTomoTiltSeriesPixelSize")
_TILT_FOLDERS = ("", "tomostar", "warp_tiltseries", "tiltstack/{name}", "{name}")
_TILT_SUFFIXES = (".tlt", ".rawtlt", ".xml")
#: Tilt angles in the file that Warp keeps of every tilt series, and which of the tilts it uses.
_XML = {
    "Angles": re.compile(r"<Angles>([^<]*)</Angles>"),
    "UseTilt": re.compile(r"<UseTilt>([^<]*)</UseTilt>"),
}


def find(settings: SourceSettings) -> list[TomogramEntry]:
    """List the tomograms that have particles, in natural order.

    Raises
    ------
    UserError
        When the particles are not given or cannot be read.
    """
    table, column, optics = _particles(settings)
    names = _names(table, column)
    return [
        _entry(number, name, rows_of(table, column, name).table, optics, settings)
        for number, name in enumerate(names, start=1)
    ]


def particles(entry: TomogramEntry) -> ParticleTable:
    """Read the particles of a tomogram, their origins applied.

    Raises
    ------
    UserError
        When the entry is not usable, or a column cannot be read.
    """
    usable_volume(entry)
    table, column, _ = _particles(entry.settings)
    rows = rows_of(table, column, _names(table, column)[entry.number - 1])
    names = [f"{entry.name}/{number + 1}" for number in rows.number.tolist()]
    known = identity_columns(rows, names)
    pixel = entry.full_pixel_a
    if all(label in table for label in _M_CORNER):
        position_a = columns(rows.table, _M_CORNER)
        rotation = np.swapaxes(euler_matrices(columns(rows.table, _M_ANGLES)), 1, 2)
    else:
        rotation, turn = poses(rows.table)
        moved = np.einsum("pij,pj->pi", turn, origins(rows.table, pixel))
        position_a = columns(rows.table, _CORNER) * pixel - moved
    return table_of(entry, position_a / entry.voxel_size_a, rotation, names, **known)


def _particles(settings: SourceSettings) -> tuple[StarTable, str, StarTable | None]:
    """Table, the column that names tomograms, and the table of optics groups."""
    path = particle_file(settings)
    tables = tables_of(path)
    loops = [t for t in tables.values() if t.is_loop and any(label in t for label in _NAMES)]
    table = tables.get("particles") or (max(loops, key=len) if loops else None)
    if table is None or not table.n_rows:
        raise FormatError("the file holds no particles of tomograms", path=path)
    column = next((label for label in _NAMES if label in table), "")
    if not column:
        table.require(_NAMES[:1])
    if not all(label in table for label in _M_CORNER):
        table.require(_CORNER)
        table.require([f"rlnAngle{a}" for a in ("Rot", "Tilt", "Psi")])
    return table, column, tables.get("optics")


def _entry(
    number: int, named: str, table: StarTable, optics: StarTable | None, settings: SourceSettings
) -> TomogramEntry:
    findings = Findings()
    name = plain_name(named)
    volume = _beside(named, settings) or reconstruction(settings, name, findings)
    facts = volume_facts(volume, findings, "volumes_dir") if volume is not None else None
    pixel = settings.coordinates_pixel_a or _pixel(table, optics) or stated_pixel(named)
    voxel = facts.voxel_size_a if facts else 0.0
    if facts is not None:
        if not pixel:
            pixel = voxel or 1.0
            findings.warning(
                f"the file states no pixel size: coordinates are taken as voxels of {pixel:g} Å",
                "coordinates_pixel_a",
            )
        voxel = voxel or pixel
        _check_bounds(table, pixel, voxel, facts.size, findings)
    low, high, tilts = _tilts(name, volume, settings, findings)
    files = {"particles": particle_file(settings)}
    if tilts is not None:
        files["tilts"] = tilts
    full = tuple(round(n * voxel / pixel) for n in facts.size) if facts else (0, 0, 0)
    return TomogramEntry(
        number,
        name,
        settings,
        volume,
        facts.size if facts else (0, 0, 0),
        voxel,
        low,
        high,
        table.n_rows,
        files,
        binning=voxel / pixel if pixel and voxel else 1.0,
        full_size=(full[0], full[1], full[2]),
        full_pixel_a=pixel,
        problems=tuple(findings.problems),
    )


def _names(table: StarTable, column: str) -> list[str]:
    return sorted(set(table.text(column).tolist()), key=natural)


def _beside(named: str, settings: SourceSettings) -> Path | None:
    """Return the reconstruction when the name is a path to one."""
    if settings.volumes_dir is not None or Path(named).suffix not in (".mrc", ".rec"):
        return None
    for folder in (settings.base_dir, particle_file(settings).parent):
        if (folder / named).is_file():
            return folder / named
    return None


def _pixel(table: StarTable, optics: StarTable | None) -> float:
    """Å per pixel of coordinates by the columns of the file, 0 where there is none."""
    for label in _PIXEL:
        if label in table:
            return float(table.floats(label)[0])
        if optics is not None and label in optics and optics.n_rows:
            if "rlnOpticsGroup" in table and "rlnOpticsGroup" in optics:
                sizes = dict(zip(optics.ints("rlnOpticsGroup").tolist(), optics.floats(label), strict=True))
                return float(sizes.get(int(table.ints("rlnOpticsGroup")[0]), 0.0))
            return float(optics.floats(label)[0])
    return 0.0


def _check_bounds(
    table: StarTable, pixel: float, voxel: float, size: tuple[int, int, int], findings: Findings
) -> None:
    """Note particles outside the reconstruction: a wrong pixel size shows there."""
    if not all(label in table for label in _CORNER):
        return
    try:
        at: FloatArray = columns(table, _CORNER) * pixel / voxel
    except UserError as error:
        findings.from_error(error, "particles_star")
        return
    out = int(((at < -0.5) | (at > np.array(size) - 0.5)).any(axis=1).sum())
    if out:
        findings.warning(
            f"{out} of {len(at)} particles lie outside the reconstruction",
            "coordinates_pixel_a",
            f"Coordinates were taken as pixels of {pixel:g} Å.",
        )


def _tilts(
    name: str, volume: Path | None, settings: SourceSettings, findings: Findings
) -> tuple[float, float, Path | None]:
    """Tilt range by a ``.tomostar`` or tilt angles beside the reconstruction; NaN where there is none."""
    star = particle_file(settings)
    tops = [star.parent, *star.parent.parents[:3], settings.base_dir]
    if volume is not None:
        tops = [volume.parent, *volume.parent.parents[:2], *tops]
    for top in dict.fromkeys(tops):
        for folder in _TILT_FOLDERS:
            inside = top / folder.format(name=name)
            try:
                tomostar = inside / f"{name}.tomostar"
                if tomostar.is_file():
                    return *_of_tomostar(tomostar, findings), tomostar
                for suffix in _TILT_SUFFIXES:
                    file = inside / f"{name}{suffix}"
                    if not file.is_file():
                        continue
                    angles = _of_xml(file) if suffix == ".xml" else read_tilt_angles(file)
                    if len(angles):
                        return *tilt_range(angles, findings, file.name), file
            except UserError as error:
                findings.from_error(error, "particles_star")
                return float("nan"), float("nan"), None
    findings.warning(
        f"the tilt range of {name} is not known: no {name}.tomostar, {name}.tlt or {name}.xml was found; its "
        "particles are taken as if no wedge were missing",
        "volumes_dir",
        "Put one of them beside the reconstruction.",
    )
    return float("nan"), float("nan"), None


def _of_tomostar(path: Path, findings: Findings) -> tuple[float, float]:
    table = next(iter(read_star_tables(path).values()))
    table.require(["wrpAngleTilt"])
    return tilt_range(table.floats("wrpAngleTilt"), findings, path.name)


def _of_xml(path: Path) -> FloatArray:
    """Tilt angles `(t,)` of the tilts that Warp uses; none where the file is of another kind."""
    text = read_whole(path).decode("utf-8", "replace")
    found = {key: match[1].split() for key, pattern in _XML.items() if (match := pattern.search(text))}
    try:
        angles = np.array([float(word) for word in found.get("Angles", [])])
    except ValueError:
        angles = np.zeros(0)
    if not np.isfinite(angles).all():
        return np.zeros(0)
    used = np.array([word.lower() == "true" for word in found.get("UseTilt", [])])
    return angles[used] if len(used) == len(angles) and used.any() else angles
