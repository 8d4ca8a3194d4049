"""Check particle rows against the image stacks they name: existence, length, box and image numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.image_names import WHOLE_FILE, ImageNames
from jobs.formats.mrc_header import MapHeader, read_map_header
from jobs.formats.optics import Optics
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import StarTable

_COLUMN = "rlnImageName"


def check_stacks(table: StarTable, names: ImageNames, stacks: list[Path], optics: Optics) -> IntArray:
    """Check every stack once, by its header and size, and return the box of each optics group.

    Parameters
    ----------
    table
        Particle table, for messages.
    names
        Image names, taken apart.
    stacks
        Files of ``names.paths``.
    optics
        Groups of the particles; boxes of 0 are not stated by the STAR file.

    Returns
    -------
    numpy.ndarray
        `(g,)` box in pixels; stated boxes, else those of the images.

    Raises
    ------
    FormatError
        Names the STAR file and the first row concerned: missing or unreadable stack, truncated stack, image
        number beyond the stack, odd, rectangular or mixed boxes, a box unlike ``rlnImageSize``.
    """
    first_row = np.full(len(stacks), -1, np.int64)
    first_row[names.stack[::-1]] = np.arange(len(names.stack))[::-1]
    last_section = np.zeros(len(stacks), np.int64)
    np.maximum.at(last_section, names.stack, names.section)
    unnumbered = np.zeros(len(stacks), bool)
    unnumbered[names.stack[names.section == WHOLE_FILE]] = True
    _check_presence(table, stacks, first_row)
    size_of_stack = np.zeros(len(stacks), np.int64)
    for i, stack in enumerate(stacks):
        row = int(first_row[i])
        header = _header(table, stack, row)
        size_of_stack[i] = _image_size(table, header, row)
        if unnumbered[i] and header.shape[0] > 1:
            raise _at(
                table,
                _first(names, i, names.section == WHOLE_FILE),
                f"{stack} holds {header.shape[0]} images, but the name does not say which",
                "Write the number in front, as 000001@stack.mrcs.",
            )
        if last_section[i] >= header.shape[0]:
            row = _first(names, i, names.section >= header.shape[0])
            raise _at(
                table,
                row,
                f"image {names.section[row] + 1} is wanted of {stack}, which holds only {header.shape[0]}",
            )
        _check_length(table, header, row)
    return _boxes(table, size_of_stack[names.stack], stacks, names, optics)


def _first(names: ImageNames, stack: int, where: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero((names.stack == stack) & where)[0])


def _check_presence(table: StarTable, stacks: list[Path], first_row: IntArray) -> None:
    absent = [i for i, stack in enumerate(stacks) if not _is_file(stack)]
    if absent:
        i = absent[0]
        count = f" ({len(absent)} of {len(stacks)} stacks are missing)" if len(stacks) > 1 else ""
        raise _at(table, int(first_row[i]), f"the image stack {stacks[i]} does not exist{count}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way may not be entered
        return False


def _header(table: StarTable, stack: Path, row: int) -> MapHeader:
    try:
        return read_map_header(stack, permissive=True)
    except FormatError as error:
        raise _at(table, row, f"the image stack {stack}: {error.message}") from error


def _image_size(table: StarTable, header: MapHeader, row: int) -> int:
    _, height, width = header.shape
    if height != width:
        raise _at(table, row, f"the images of {header.path} are {width} × {height} pixels, not square")
    if width % 2:
        raise _at(
            table,
            row,
            f"the images of {header.path} have an odd box of {width} pixels, an even one is expected",
        )
    return width


def _check_length(table: StarTable, header: MapHeader, row: int) -> None:
    if header.sections_present < header.shape[0]:
        expected = header.data_offset + header.data_bytes
        raise _at(
            table,
            row,
            f"the image stack {header.path} is truncated: {expected:,} bytes are expected for its "
            f"{header.shape[0]} images, {header.file_bytes:,} are there",
            "Copy or extract the stack again.",
        )


def _boxes(
    table: StarTable, size: IntArray, stacks: list[Path], names: ImageNames, optics: Optics
) -> IntArray:
    """Return the box of each group; ``size`` is the image size of each particle."""
    box = optics.box.copy()
    common = 0
    for group in np.unique(optics.group).tolist():
        members = np.flatnonzero(optics.group == group)
        expected = int(box[group]) or common or int(size[members[0]])
        wrong = members[size[members] != expected]
        if len(wrong):
            row = int(wrong[0])
            raise _at(
                table,
                row,
                f"the images of {stacks[names.stack[row]]} are {size[row]} pixels wide, but {expected} are "
                f"expected for {optics.group_names[group]}",
                "All particles need one box: extract them again with the same box and pixel size.",
            )
        box[group] = common = expected
    return box


def _at(table: StarTable, row: int, message: str, hint: str = "") -> FormatError:
    line = f" (line {table.line(row)})" if table.path is not None else ""
    return FormatError(message + line, path=table.path, row=row + 1, column=_COLUMN, hint=hint)
