"""Image stacks of tilt-series particles: which section of which file is which tilt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.mrc_header import read_map_header
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_files import Finder

_IMAGE, _FLAGS = "rlnImageName", "rlnTomoVisibleFrames"


@dataclass(frozen=True, eq=False)
class TiltStacks:
    """Visible images of all particles, particle by particle in the order of the table.

    Attributes
    ----------
    paths
        Stack of each particle that has visible images.
    stack, section
        `(n,)` file and section (from 0) of each image.
    row, frame
        `(n,)` row of its particle, and its place in the tilt series.
    box
        Image size in pixels.
    project_dir
        Folder below which the stacks were found.
    unflagged
        True when nothing says which tilts are visible, so that all are.
    """

    paths: list[Path]
    stack: IntArray
    section: IntArray
    row: IntArray
    frame: IntArray
    box: int
    project_dir: Path
    unflagged: bool


def read_tilt_stacks(table: StarTable, n_tilts: IntArray, finder: Finder) -> TiltStacks:
    """Find every particle's stack and match its sections with ``rlnTomoVisibleFrames``.

    A stack with one section per visible frame (RELION 5) is counted through; one with a section per tilt
    (WarpTools) is read by position.

    Parameters
    ----------
    table
        Particle table.
    n_tilts
        `(p,)` tilts of each particle's tomogram.
    finder
        Finds the stacks.

    Raises
    ------
    FormatError
        Names particle, stack and the numbers: flags of another length than the tilt series, other values
        than 0 and 1, missing stacks, sections that fit neither layout, mixed boxes, no visible image at all.
    """
    flags = _flags(table, n_tilts)
    names = [str(name) for name in table.text(_IMAGE)]
    paths: list[Path] = []
    section: list[IntArray] = []
    frame: list[IntArray] = []
    counts = np.zeros(table.n_rows, np.int64)
    box = 0
    for row, name in enumerate(names):
        seen = np.arange(n_tilts[row]) if flags is None else np.flatnonzero(flags[row])
        if not len(seen):
            continue
        path, nz, side = _stack(table, row, name, finder)
        box = box or side
        if side != box:
            raise _at(table, row, f"the images of {path} are {side} pixels wide, but {box} are expected")
        section.append(_sections(table, row, path, nz, seen, int(n_tilts[row])))
        frame.append(seen)
        paths.append(path)
        counts[row] = len(seen)
    if not paths:
        raise FormatError("no particle has a visible frame", path=table.path, column=_FLAGS)
    row_of = np.repeat(np.arange(table.n_rows), counts)
    stack = np.repeat(np.arange(len(paths)), counts[counts > 0])
    return TiltStacks(
        paths,
        stack,
        np.concatenate(section),
        row_of,
        np.concatenate(frame),
        box,
        finder.folder,
        unflagged=flags is None,
    )


def _flags(table: StarTable, n_tilts: IntArray) -> list[IntArray] | None:
    if _FLAGS not in table:
        return None
    flags = []
    for row, vector in enumerate(table.vectors(_FLAGS)):
        if len(vector) != n_tilts[row]:
            raise table.cell_error(
                row,
                _FLAGS,
                f"its {len(vector)} flags do not match the {n_tilts[row]} tilts of the tomogram",
                "Particles and tomograms must be of one export.",
            )
        if not np.isin(vector, (0, 1)).all():
            raise table.cell_error(row, _FLAGS, "only 0 and 1 are expected in it")
        flags.append(vector.astype(np.int64))
    return flags


def _stack(table: StarTable, row: int, name: str, finder: Finder) -> tuple[Path, int, int]:
    """Return path, sections and box of a particle's stack."""
    if "@" in name:
        raise table.cell_error(row, _IMAGE, "the stack of a tilt series has no image number before an @")
    path = finder.file(name)
    if path is None:
        raise _at(
            table,
            row,
            f"the image stack {name} does not exist",
            "Name the project folder, or the folder of the stacks (--datadir).",
        )
    try:
        header = read_map_header(path, permissive=True)
    except FormatError as error:
        raise _at(table, row, f"the image stack {path}: {error.message}") from error
    nz, height, width = header.shape
    if height != width or width % 2:
        raise _at(table, row, f"the images of {path} are {width} × {height} pixels, not square and even")
    if header.sections_present < nz:
        raise _at(
            table, row, f"the image stack {path} is truncated: {header.sections_present} of {nz} images"
        )
    return path, nz, width


def _sections(table: StarTable, row: int, path: Path, nz: int, seen: IntArray, tilts: int) -> IntArray:
    if nz == tilts:
        return seen
    if nz == len(seen):
        return np.arange(nz, dtype=np.int64)
    if _FLAGS not in table:
        raise FormatError(
            f"the table data_{table.name} lacks the column {_FLAGS}: which of the {tilts} tilts "
            f"the {nz} images of {path} show is not known",
            path=table.path,
            column=_FLAGS,
            hint="Take the particle file as it was extracted; whole and with this column.",
        )
    who = table.row(row).get("rlnTomoParticleName", f"of row {row + 1}")
    raise _at(
        table,
        row,
        f"the stack {path} of particle {who} holds {nz} images, but {len(seen)} (visible frames) or {tilts} "
        "(all tilts) are expected",
    )


def _at(table: StarTable, row: int, message: str, hint: str = "") -> FormatError:
    line = f" (line {table.line(row)})" if table.path is not None else ""
    return FormatError(message + line, path=table.path, row=row + 1, column=_IMAGE, hint=hint)
