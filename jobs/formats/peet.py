"""Read motive lists of PEET: orientations and offsets of the points of a model.

A motive list is a CSV file of one header line and 20 columns: correlation, two reserved, number of the point
(from 1), wedge weight, five unused, offset x, y, z, two unused, a reserved one, phi, psi, theta, and a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole

FloatArray = npt.NDArray[np.float64]

_COLUMNS = 20
_OFFSET = slice(10, 13)
_PHI, _PSI, _THETA, _CLASS = 16, 17, 18, 19


@dataclass(frozen=True, eq=False)
class MotiveList:
    """A motive list, one row per particle.

    Attributes
    ----------
    point
        `(n,)` number of the point in the model, from 1.
    correlation
        `(n,)` to the reference; higher is better.
    offset
        `(n, 3)` x, y, z in px, added to the point.
    angles_deg
        `(n, 3)` phi, theta, psi: turns of the reference about z, x, z, in this order.
    class_id
        `(n,)` class, 0 where there is none.
    """

    point: npt.NDArray[np.int64]
    correlation: FloatArray
    offset: FloatArray
    angles_deg: FloatArray
    class_id: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.point)


def read_motive_list(path: str | Path) -> MotiveList:
    """Read a motive list.

    Raises
    ------
    FormatError
        When the file is missing, has no rows, or a row has fewer than 19 numbers; names the line.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(read_whole(path).decode("utf-8-sig", "replace").splitlines(), start=1):
        words = [w.strip() for w in line.strip().rstrip(",").split(",")]
        if not line.strip() or (number == 1 and not _is_number(words[0])):
            continue
        if len(words) < _COLUMNS - 1 or not all(_is_number(w) for w in words):
            raise FormatError(f"{_COLUMNS} numbers are expected, not {line[:60]!r}", path=path, row=number)
        values = [float(w) for w in words[:_COLUMNS]]
        values += [0.0] * (_COLUMNS - len(values))
        if not np.isfinite([*values[_OFFSET], *values[_PHI : _THETA + 1]]).all() or values[3] < 1:
            raise FormatError("an offset, angle or number of a point is impossible", path=path, row=number)
        rows.append(values)
    if not rows:
        raise FormatError("the motive list has no rows", path=path)
    table = np.array(rows)
    return MotiveList(
        table[:, 3].astype(np.int64),
        table[:, 0],
        table[:, _OFFSET],
        table[:, [_PHI, _THETA, _PSI]],
        np.nan_to_num(table[:, _CLASS]).astype(np.int64),
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
