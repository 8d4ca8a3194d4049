"""Read tilt angles of IMOD: ``.tlt`` and ``.rawtlt``, one angle in degrees per line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole

_STEEPEST = 180.0


def read_tilt_angles(path: str | Path) -> npt.NDArray[np.float64]:
    """Return the angles `(t,)` in degrees in file order; further columns and empty lines are passed over.

    Raises
    ------
    FormatError
        When the file is missing, holds no angles, or a line does not begin with an angle within ±180°.
    """
    path = Path(path)
    data = read_whole(path)
    if b"\0" in data:
        raise FormatError("this is not a text file, but one angle per line is expected", path=path)
    angles = []
    for row, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            angle = float(words[0])
        except ValueError:
            angle = math.nan
        if not abs(angle) <= _STEEPEST:
            raise FormatError(f"an angle in degrees is expected, not {words[0]!r}", path=path, row=row)
        angles.append(angle)
    if not angles:
        raise FormatError("the file holds no tilt angles", path=path)
    return np.array(angles)
