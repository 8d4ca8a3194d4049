"""Image names of a tilt series as a project sees them, so that a file lies well in the folder of a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import StarTable

_COLUMN = "rlnImageName"


def named_from(table: StarTable, stack: IntArray, stacks: list[Path], root: Path) -> StarTable:
    """Return a table whose image names lead from ``root`` to their stacks.

    Names that do so already stay to the letter, as do the numbers of sections and all other columns.

    Parameters
    ----------
    table
        Images, `(n,)` rows.
    stack
        `(n,)` index into ``stacks``.
    stacks
        Existing files.
    root
        Folder, as that of the project; a stack outside of it is named by its whole path.
    """
    root = root.absolute()
    names = table.text(_COLUMN)
    renamed = np.empty(len(names), object)
    known: dict[tuple[str, int], str] = {}
    for row, (name, of) in enumerate(zip(names, stack.tolist(), strict=True)):
        number, at, path = name.rpartition("@")
        if (path, of) not in known:
            known[path, of] = _path(path, stacks[of].absolute(), root)
        renamed[row] = number + at + known[path, of]
    if all(path == new for (path, _), new in known.items()):
        return table
    return table.with_columns({_COLUMN: renamed})


def _path(written: str, stack: Path, root: Path) -> str:
    try:
        if (root / written).samefile(stack):
            return written
    except OSError:
        pass  # leads nowhere from there
    return str(stack.relative_to(root) if stack.is_relative_to(root) else stack)
