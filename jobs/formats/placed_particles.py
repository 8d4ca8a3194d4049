"""Read where particles stand in their tomograms, from whatever file says it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.core.placing import Places
from jobs.formats.optics import check_finite
from jobs.formats.particle_identity import find_particles
from jobs.formats.star import read_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray
from jobs.formats.tilt_files import Finder, set_files
from jobs.formats.tilt_geometry import euler_matrices
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_recover import from_images
from jobs.formats.tilt_series import is_set, read_tilt_particles

_TOMOGRAM: Final = ("rlnTomoName", "rlnMicrographName", "wrpSourceName")
_NAMES: Final = ("rlnTomoParticleName", "rlnGroupName")
_ANGLES: Final = ("Rot", "Tilt", "Psi")
#: M keeps several poses of a particle as it moves; the first is used, its coordinates are in Å.
_M_COORDINATES: Final = tuple(f"wrpCoordinate{axis}1" for axis in "XYZ")


def read_places(
    path: str | Path,
    project_dir: str | Path | None = None,
    *,
    apix: float | None = None,
    tomogram_column: str = "",
    datadir: str | Path | None = None,
) -> Places:
    """Read places and orientations of particles: a volume series, an image series or an optimisation set.

    Parameters
    ----------
    path
        STAR file of Warp, M or RELION with one row per particle or per image, or an optimisation set.
    project_dir
        Folder to which paths are relative.
    apix
        Å per pixel of the coordinates, for files that do not state it or state a wrong one.
    tomogram_column
        Column with the name of the tomogram; found when empty.
    datadir
        Folder of the images of an optimisation set.

    Raises
    ------
    FormatError
        When columns are missing or hold something else.
    """
    path = Path(path)
    tables = read_star_tables(path)
    if is_set(tables):
        project = None if project_dir is None else Path(project_dir)
        files = set_files(path, project)
        inside = read_star_tables(files.particles)
        bare = _particle_table(inside, files.particles)
        if "rlnImageName" not in bare and "rlnTomoName" in bare:
            # picked or imported, not extracted: there are places, but no images
            return _of_rows(
                bare, inside.get("optics"), files.particles, apix, tomogram_column, files.tomograms
            )
        return places_of(read_tilt_particles(path, project, datadir=datadir))
    table = _particle_table(tables, path)
    if "rlnCtfScalefactor" in table and _repeats(table):
        # one row per image; the poses of a particle are those of its images
        return places_of(read_tilt_particles(path, project_dir, apix=apix, require_images=False))
    return _of_rows(table, tables.get("optics"), path, apix, tomogram_column)


def places_of(particles: TiltParticles, name: npt.ArrayLike | None = None) -> Places:
    """Return places of particles that were read already, in their order.

    Parameters
    ----------
    particles
        The set.
    name
        `(P,)` identities to give them; those of the set when None.
    """
    table, rows = particles.table, particles.row[particles.first[:-1]]
    centre = np.array(particles.coordinate_a, float)
    rotation = np.array(particles.particle_rotation, float)
    notes: list[str] = []
    if particles.one_row_per_image:
        centre, rotation = _of_images(particles, centre, rotation, notes)
    else:
        turn = euler_matrices(_columns(table, [f"rlnTomoSubtomogram{a}" for a in _ANGLES])[rows])
        origin = _columns(table, [f"rlnOrigin{a}Angst" for a in "XYZ"])[rows]
        centre = centre - np.einsum("pij,pj->pi", turn, origin)
    names = np.array(particles.particle_name if name is None else name, object)
    tomogram = np.array(particles.tomogram, object)
    # tomograms.star first: it names the reconstructions
    sources = (*(path for path, _ in reversed(particles.further.values())), particles.path)
    return Places(names, tomogram, centre, rotation, tuple(notes), particles.pixel_size_a, sources)


def _of_images(
    particles: TiltParticles, centre: FloatArray, rotation: FloatArray, notes: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Orientations from those of images: exactly where they are rigid tilts, else of the least tilted one."""
    centre, rotation = centre.copy(), rotation.copy()
    about = 0
    for tomogram in dict.fromkeys(particles.tomogram.tolist()):
        members = np.flatnonzero(particles.tomogram == tomogram)
        try:
            found = from_images(particles, str(tomogram), members)
        except UserError:
            about += len(members)
            rotation[members] = particles.rotation[_least_tilted(particles, members)]
            continue
        rotation[members] = found.particle_rotation
        centre[members] -= found.origin_a
    if about:
        notes.append(
            f"The file states poses of images only: {about} particles are shown as they stand in their least "
            "tilted image. A volume series (one row per particle) states them exactly."
        )
    return centre, rotation


def _least_tilted(particles: TiltParticles, members: IntArray) -> IntArray:
    steep = np.where(np.isfinite(particles.tilt_deg), np.abs(particles.tilt_deg), 0.0)
    order = np.lexsort((np.arange(particles.n_images), steep, particles.particle))
    return order[particles.first[:-1]][members]


def _particle_table(tables: dict[str, StarTable], path: Path) -> StarTable:
    loops = [t for t in tables.values() if t.is_loop and any(c in t for c in _TOMOGRAM + _NAMES)]
    table = tables.get("particles") or (max(loops, key=len) if loops else None)
    if table is None or not table.n_rows:
        raise FormatError(
            "the file holds no particles of tomograms",
            path=path,
            hint="A STAR file of Warp, M or RELION with coordinates is expected.",
        )
    return table


def _repeats(table: StarTable) -> bool:
    column = next((c for c in _NAMES if c in table), None)
    return column is not None and len(set(table.text(column).tolist())) < table.n_rows


def _of_rows(
    table: StarTable,
    optics: StarTable | None,
    path: Path,
    apix: float | None,
    tomogram_column: str,
    tomograms: Path | None = None,
) -> Places:
    """Places of a table with one row per particle."""
    wanted = tomogram_column.lstrip("_")
    if wanted and wanted not in table:
        table.require([wanted])
    column = wanted or next((c for c in _TOMOGRAM if c in table), "")
    if not column:
        table.require([_TOMOGRAM[1]])
    tomogram = table.text(column)
    notes: list[str] = []
    size = 0.0
    if all(c in table for c in _M_COORDINATES):
        centre = _columns(table, _M_COORDINATES)
        rotation = euler_matrices(_columns(table, [f"wrpAngle{a}1" for a in _ANGLES], required=True))
        if "wrpCoordinateX2" in table:
            notes.append("The first of several poses of each particle is shown.")
    else:
        table.require([f"rlnAngle{a}" for a in _ANGLES])
        within = euler_matrices(_columns(table, [f"rlnAngle{a}" for a in _ANGLES]))
        turn = euler_matrices(_columns(table, [f"rlnTomoSubtomogram{a}" for a in _ANGLES]))
        rotation = turn @ within
        pixel = _pixel_size(table, optics, path, apix)
        coordinate = _corner(table, path, pixel, tomograms)
        size = float(pixel[0])
        if any(f"rlnOrigin{a}Angst" in table for a in "XYZ"):
            origin = _columns(table, [f"rlnOrigin{a}Angst" for a in "XYZ"])
        else:
            origin = _columns(table, [f"rlnOrigin{a}" for a in "XYZ"]) * pixel[:, None]
        centre = coordinate - np.einsum("pij,pj->pi", turn, origin)
    beside = tomograms or path.with_name("tomograms.star")
    sources = (*([beside] if beside.is_file() else []), path)
    return Places(_names(table, tomogram), tomogram, centre, rotation, tuple(notes), size, sources)


def _corner(table: StarTable, path: Path, pixel: FloatArray, tomograms: Path | None) -> FloatArray:
    """Coordinates `(p, 3)` in Å from voxel 0."""
    labels = [f"rlnCoordinate{a}" for a in "XYZ"]
    if all(c in table for c in labels):
        return _columns(table, labels) * pixel[:, None]
    centred = [f"rlnCenteredCoordinate{a}Angst" for a in "XYZ"]
    if not all(c in table for c in centred):
        missing = [c for c in labels if c not in table]
        raise FormatError(
            "the file does not say where the particles are",
            path=path,
            column=missing[0],
            hint="Give the volume series (one row per particle, with coordinates) of the same particles.",
        )
    found = tomograms or Finder(path).file("tomograms.star")
    known = {} if found is None else read_star_tables(found)
    sizes = known.get("global")
    if sizes is None:
        raise FormatError(
            "coordinates from the centre of tomograms need tomograms.star beside them", path=path
        )
    sizes.require(["rlnTomoName", "rlnTomoTiltSeriesPixelSize", *(f"rlnTomoSize{a}" for a in "XYZ")])
    size = _columns(sizes, [f"rlnTomoSize{a}" for a in "XYZ"])
    size = size * sizes.floats("rlnTomoTiltSeriesPixelSize")[:, None]
    row = {str(n): i for i, n in enumerate(sizes.text("rlnTomoName"))}
    at = np.array([row.get(str(n), -1) for n in table.text("rlnTomoName")])
    if (at < 0).any():
        raise table.cell_error(int(np.argmax(at < 0)), "rlnTomoName", f"{found} knows no such tomogram")
    return _columns(table, centred) + size[at] / 2


def _pixel_size(table: StarTable, optics: StarTable | None, path: Path, apix: float | None) -> FloatArray:
    """Å per pixel of the coordinates `(p,)`."""
    if apix is not None:
        if not (np.isfinite(apix) and apix > 0):
            raise UserError(f"a pixel size of more than 0 Å is expected, not {apix:g}")
        return np.full(table.n_rows, float(apix))
    # RELION counts coordinates in pixels of the tilt series, Warp in those of what was extracted
    for column in ("rlnTomoTiltSeriesPixelSize", "rlnImagePixelSize", "rlnDetectorPixelSize", "rlnPixelSize"):
        if column in table:
            return table.floats(column)
        if optics is not None and column in optics:
            if "rlnOpticsGroup" not in table or len(optics) == 1:
                return np.full(table.n_rows, float(optics.floats(column)[0]))
            sizes = dict(zip(optics.ints("rlnOpticsGroup"), optics.floats(column), strict=True))
            return np.array([sizes[g] for g in table.ints("rlnOpticsGroup")])
    raise FormatError(
        "the file states no pixel size for its coordinates", path=path, hint="Give it (--apix)."
    )


def _names(table: StarTable, tomogram: TextArray) -> TextArray:
    for column in _NAMES:
        if column in table:
            return table.text(column)
    if "rlnImageName" in table:
        return table.text("rlnImageName")
    if "rlnTomoParticleId" in table:
        return np.array(
            [f"{t}/{i}" for t, i in zip(tomogram, table.text("rlnTomoParticleId"), strict=True)], object
        )
    return np.array([f"{t}/{i + 1}" for i, t in enumerate(tomogram)], object)


def _columns(table: StarTable, labels: Iterable[str], required: bool = False) -> FloatArray:
    """Finite numbers `(rows, k)`, zeros for columns that are not there."""
    found = []
    for label in labels:
        if required:
            table.require([label])
        values = table.floats(label) if label in table else np.zeros(table.n_rows)
        check_finite(values, table, label)
        found.append(values)
    return np.stack(found, axis=1)


def places_for(particles: TiltParticles, other: Places, path: Path, name: npt.ArrayLike) -> Places:
    """Return the places of particles by another file that names them, in the order of the first.

    Parameters
    ----------
    particles
        The set whose order counts.
    other
        Places of the other file.
    path
        That file, for messages.
    name
        `(P,)` identities to give them.
    """
    row = find_particles(other.name, particles.particle_name, path)
    there = row >= 0
    tomogram = np.where(there, other.tomogram[row], "")
    centre = np.where(there[:, None], other.centre_a[row], np.nan)
    rotation = np.where(there[:, None, None], other.rotation[row], np.nan)
    notes = list(other.notes)
    if not there.all():
        notes.append(f"{int((~there).sum()):,} of {len(row):,} particles are not in {path.name}.")
    names = np.array(name, object)
    sources = (*other.sources, *(path for path, _ in particles.further.values()), particles.path)
    return Places(names, tomogram.astype(object), centre, rotation, tuple(notes), other.pixel_size_a, sources)
