"""Colour tables for scales and for categories, which colour-blind people can read as well."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

Table = NDArray[np.uint8]

#: Steps of a scale; the row after them is for particles without a value.
STEPS: Final = 255
#: Row of scales for particles without a value.
MISSING: Final = 255

#: Tables to choose from, by name: what they are good for.
TABLES: Final[dict[str, str]] = {
    "viridis": "for any scale; readable with every kind of colour vision",
    "magma": "for any scale; strong contrast",
    "cividis": "for any scale; nearly the same for colour-blind eyes",
    "turbo": "shows fine steps, without equal distances",
    "coolwarm": "for values on both sides of zero",
    "cyclic": "for angles: both ends have the same colour",
    "grey": "without colour",
}

# The first six are those of Okabe and Ito; each further one was chosen as the colour farthest, in CIELAB,
# from all before and from grey, for normal and for red- and green-blind eyes alike (its lightness between
# 42 and 82, so that it is seen on light and on dark ground).
_CATEGORIES: Final = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#5a3cff",
    "#c3d287", "#7878ff", "#b43c3c", "#f0b4b4", "#5ad2e1", "#c3874b", "#87e15a",
    "#d200b4", "#4ba5ff", "#875a87", "#c32d1e", "#694be1", "#87b478",
)  # fmt: skip
#: Categories that have a colour of their own; the others share one.
MOST_COLOURS: Final = len(_CATEGORIES)

_SOURCES: Final = {"grey": "CET-L1", "cyclic": "CET-C6"}


def grey(*, dark: bool) -> tuple[int, int, int]:
    """Return the colour of particles without a value."""
    return (96, 102, 112) if dark else (186, 191, 199)


def other(*, dark: bool) -> tuple[int, int, int]:
    """Return the colour that the smaller categories share."""
    return (136, 142, 152) if dark else (142, 148, 158)


@lru_cache(maxsize=32)
def _steps(name: str, dark: bool) -> Table:
    if name == "coolwarm":
        return _coolwarm(dark)
    # the end of the map that would vanish in the background is left out
    start, stop = (0.2, 1.0) if dark else (0.0, 0.92)
    if name in ("cyclic", "turbo"):
        start, stop = 0.0, 1.0
    if name == "grey":
        start, stop = (0.25, 1.0) if dark else (0.0, 0.8)
    table = pg.colormap.get(_SOURCES.get(name, name)).getLookupTable(start, stop, STEPS)
    return np.ascontiguousarray(np.asarray(table, np.uint8)[:, :3])


def _coolwarm(dark: bool) -> Table:
    """Blue over a quiet middle to red, of equal strength on both sides; the middle fits to the ground."""
    middle = (120, 126, 136) if dark else (200, 203, 208)
    stops = np.array([(58, 108, 224), (110, 160, 240), middle, (240, 140, 105), (205, 42, 50)], np.float64)
    if dark:
        stops[[0, 4]] = (86, 140, 255), (255, 84, 78)
    place = np.linspace(0, 4, STEPS)
    columns = [np.interp(place, np.arange(5), stops[:, k]) for k in range(3)]
    return np.stack(columns, axis=1).round().astype(np.uint8)


def scale(name: str, *, dark: bool = False, backwards: bool = False) -> Table:
    """Return the table of a scale: ``(256, 3)``, the last row for particles without a value.

    Raises
    ------
    KeyError
        For a name that is not among `TABLES`.
    """
    if name not in TABLES:
        raise KeyError(name)
    steps = _steps(name, dark)
    return np.vstack([steps[::-1] if backwards else steps, np.array([grey(dark=dark)], np.uint8)])


def categories(count: int, *, dark: bool = False) -> Table:
    """Return the table of categories: ``(min(count, 20) + 2, 3)``.

    The last row but one is for all further categories together, the last for particles without a value.
    """
    own = [tuple(bytes.fromhex(c[1:])) for c in _CATEGORIES[:count]]
    return np.array([*own, other(dark=dark), grey(dark=dark)], np.uint8)
