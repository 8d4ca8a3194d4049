"""From Dynamo's tables back to RELION 5 or Warp, by the tags that the sidecar knows.

Where particles came from a STAR file, its rows are taken up again, with every column and block; only places
and orientations are replaced. Otherwise a new file is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.dynamo_processor.contract import FloatArray, IntArray
from jobs.dynamo_processor.dynamo_rows import places_of_rows
from jobs.dynamo_processor.sidecar import Sidecar, read_sidecar, rows_of_tags
from jobs.dynamo_processor.star_particles import COORDINATES_PIXEL
from jobs.dynamo_processor.words import SIDECAR
from jobs.formats.dynamo_table import DynamoTable, read_table
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.conventions3d import matrix_to_relion

_AXES: Final = ("X", "Y", "Z")
_ANGLES: Final = ("Rot", "Tilt", "Psi")
_UP: Final = 6


def find_sidecar(table: Path) -> Path:
    """Return the sidecar of the project that a table lies in, looked for in its folder and those above it.

    Raises
    ------
    UserError
        When there is none.
    """
    folder = table.absolute().parent
    for place in [folder, *folder.parents][:_UP]:
        if (place / SIDECAR).is_file():
            return place / SIDECAR
    raise UserError(f"no {SIDECAR} is near the table", path=table, hint="Name it (--map FILE).")


def merged(paths: Sequence[Path]) -> DynamoTable:
    """Read tables and put them below each other, in the order of their tags.

    Raises
    ------
    FormatError
        When a tag stands in two of them.
    """
    tables = [read_table(path) for path in paths]
    width = min(table.values.shape[1] for table in tables)
    values = np.concatenate([table.values[:, :width] for table in tables])
    imaginary = np.concatenate([table.daxis_imaginary for table in tables])
    tags, first, count = np.unique(values[:, 0], return_index=True, return_counts=True)
    if (count > 1).any():
        hint = "Give one table of each half"
        raise FormatError(f"the tag {tags[count > 1][0]:g} stands in two tables", path=paths[-1], hint=hint)
    return DynamoTable(values[first], imaginary[first])


def write_back(
    tables: Sequence[Path], sidecar: Path, out: Path, *, to: str = "relion5", only_averaged: bool = False
) -> int:
    """Write the particles of Dynamo's tables for RELION 5 or Warp.

    Parameters
    ----------
    tables
        One table, or those of the halves.
    sidecar
        ``particles_map.star`` of the set-up.
    out
        STAR file to write.
    to
        ``relion5`` or ``warp``.
    only_averaged
        Whether rows with 0 in column 3 are left out.

    Returns
    -------
    int
        How many particles were written.

    Raises
    ------
    UserError
        When files cannot be read, do not belong together, or nothing is left.
    """
    known = read_sidecar(sidecar)
    table = merged(tables)
    if only_averaged:
        table = table.select(table["averaged"] != 0)
    if not len(table):
        raise UserError("no particle is left", path=tables[0])
    tags = np.round(table["tag"]).astype(np.int64)
    rows = rows_of_tags(known, tags, tables[0])
    place, rotation = places_of_rows(table, known.offset)
    columns = _columns(known, rows, place, rotation, to)
    columns["rlnClassNumber"] = np.maximum(np.round(table["class"]).astype(np.int64), 1)
    source = known.particles_file
    if source is not None and source.is_file():
        blocks = _in_source(known, rows, columns, source, to)
    else:
        blocks = _new(known, rows, columns, to)
    write_star_tables(out, blocks)
    return len(table)


def _columns(
    known: Sidecar, rows: IntArray, place: FloatArray, rotation: FloatArray, to: str
) -> dict[str, npt.ArrayLike]:
    """Coordinates, orientations and halves by RELION's names."""
    number = known.particles.ints("hsTomogramNumber")[rows]
    at = {int(n): i for i, n in enumerate(known.tomograms.ints("hsTomogramNumber"))}
    tomogram = np.array([at[int(n)] for n in number])

    def of(name: str) -> FloatArray:
        return known.tomograms.floats(name)[tomogram]

    binning, voxel = of("hsBinning"), of("hsVoxelSize")
    size = np.stack([of(f"hsSize{a}") for a in _AXES], axis=1)
    full = np.stack([of(f"hsFullSize{a}") for a in _AXES], axis=1)
    pixel = of("hsFullPixelSize")
    stated = (pixel > 0) & (full > 0).all(axis=1)
    pixel = np.where(stated, pixel, voxel / binning)
    full = np.where(stated[:, None], full, size * binning[:, None])
    unbinned = place * binning[:, None]
    counted = unbinned
    if COORDINATES_PIXEL in known.particles:
        counted = unbinned * (pixel / known.particles.floats(COORDINATES_PIXEL)[rows])[:, None]
    angles = matrix_to_relion(rotation)
    columns: dict[str, npt.ArrayLike] = {}
    for k, axis in enumerate(_AXES):
        if to == "warp":
            columns[f"rlnCoordinate{axis}"] = counted[:, k]
            columns[f"rlnOrigin{axis}Angst"] = np.zeros(len(rows))
        else:
            columns[f"rlnCenteredCoordinate{axis}Angst"] = (unbinned[:, k] - full[:, k] / 2) * pixel
            columns[f"rlnOrigin{axis}Angst"] = np.zeros(len(rows))
    for k, name in enumerate(_ANGLES):
        columns[f"rlnAngle{name}"] = angles[:, k]
    columns["rlnRandomSubset"] = known.particles.ints("hsHalf")[rows]
    return columns


def _in_source(
    known: Sidecar, rows: IntArray, columns: dict[str, npt.ArrayLike], source: Path, to: str
) -> list[StarTable]:
    """The source's own file with these rows and new places."""
    tables = read_star_tables(source)
    block = "particles" if "particles" in tables else max(tables, key=lambda name: tables[name].n_rows)
    index = known.particles.ints("hsIndex")[rows]
    if index.size and index.max() >= tables[block].n_rows:
        most, used = tables[block].n_rows, int(index.max()) + 1
        raise FormatError(
            f"the file has {most} particles, but the set-up used number {used}",
            path=source,
            hint="It has been changed since; restore the one that was used.",
        )
    table = tables[block].select(index)
    for name in _ANGLES:
        # the orientation is now whole in rlnAngle…
        if f"rlnTomoSubtomogram{name}" in table:
            columns[f"rlnTomoSubtomogram{name}"] = np.zeros(len(rows))
    kind = "warp" if "rlnCoordinateX" in table and "rlnCenteredCoordinateXAngst" not in table else "relion5"
    stale = [f"rlnCoordinate{a}" for a in _AXES] if to == "relion5" else []
    stale += [f"rlnCenteredCoordinate{a}Angst" for a in _AXES] if to == "warp" else []
    stale += [f"rlnOrigin{a}" for a in _AXES]
    # M's poses over time are older than what Dynamo found
    stale += [name for name in table.columns if name.startswith(("wrpCoordinate", "wrpAngle"))]
    table = table.without_columns([name for name in stale if name in table]).with_columns(columns)
    if kind != to and to == "warp" and "rlnMicrographName" not in table:
        table = table.with_columns({"rlnMicrographName": _names(known, rows)})
    if kind != to and to == "relion5" and "rlnTomoName" not in table:
        table = table.with_columns({"rlnTomoName": _names(known, rows)})
    tables[block] = table
    return list(tables.values())


def _names(known: Sidecar, rows: IntArray) -> npt.NDArray[np.object_]:
    number = known.particles.ints("hsTomogramNumber")[rows]
    names = known.tomograms.text("hsTomogramName")
    at = {int(n): str(names[i]) for i, n in enumerate(known.tomograms.ints("hsTomogramNumber"))}
    return np.array([at[int(n)] for n in number], object)


def _new(known: Sidecar, rows: IntArray, columns: dict[str, npt.ArrayLike], to: str) -> list[StarTable]:
    """A new file: an optics group, and one row per particle."""
    names = _names(known, rows)
    voxel = float(known.tomograms.floats("hsVoxelSize")[0])
    binning = float(known.tomograms.floats("hsBinning")[0])
    pixel = float(known.tomograms.floats("hsFullPixelSize")[0]) or voxel / binning
    optics: dict[str, npt.ArrayLike] = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnTomoTiltSeriesPixelSize": [pixel],
        "rlnImagePixelSize": [voxel],
    }
    name = "rlnMicrographName" if to == "warp" else "rlnTomoName"
    what = [f"{n}.tomostar" for n in names] if to == "warp" else names
    whole: dict[str, npt.ArrayLike] = {
        name: np.array(what, object),
        **columns,
        "rlnOpticsGroup": np.ones(len(rows), np.int64),
    }
    if to == "relion5":
        number = np.arange(1, len(rows) + 1)
        whole["rlnTomoParticleName"] = np.array(
            [f"{n}/{k}" for n, k in zip(names, number, strict=True)], object
        )
    return [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", whole)]
