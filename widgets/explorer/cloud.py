"""The points of the latent plot with their colours and layers, in an order that is quick to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: Layers from below: filtered out, beside the selection, all others.
HIDDEN, DIMMED, BRIGHT = 0, 1, 2
#: What a value is: place in a continuous table, category, packed 0xRRGGBB.
CONTINUOUS, CATEGORY, RGB = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Order:
    """Points sorted by the cells of a coarse grid.

    Attributes
    ----------
    rows
        ``(n,)`` row of each sorted point; None while points stand in their own order, in one cell.
    xy
        ``(n, 2)`` float32 sorted points; without `rows` they may hold NaN.
    starts
        Where each cell begins, ``(side² + 1,)`` int32.
    grid
        x and y of the grid's corner, cells per data unit along x and y.
    """

    rows: NDArray[np.int32] | None
    xy: NDArray[np.float32]
    starts: NDArray[np.int32]
    side: int
    grid: NDArray[np.float64]

    @property
    def arguments(self) -> Sequence[Any]:
        """What the kernels take first."""
        return self.xy, self.starts, self.side, self.grid

    def row(self, place: int) -> int:
        """Return the row of the point at a place of this order."""
        return place if self.rows is None else int(self.rows[place])

    def arranged(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values per row in this order."""
        return values if self.rows is None else values[self.rows]


_CELL_POINTS: Final = 16
_MOST_CELLS: Final = 512


def unsorted(xy: NDArray[np.float32]) -> Order:
    """Return points as they come."""
    return Order(None, xy, np.array([0, len(xy)], np.int32), 1, np.array([0.0, 0.0, 1.0, 1.0]))


def sort(xy: NDArray[np.float32], box: NDArray[np.float64], kernels: Any) -> Order:
    """Return points sorted into cells of about the same size on the screen; takes some ten ms per million.

    Parameters
    ----------
    xy
        ``(P, 2)`` points.
    box
        x low, x high, y low, y high of the region worth cutting into cells; the outermost ones hold the rest.
    kernels
        The compiled functions :mod:`widgets.explorer.kernels`.
    """
    side = int(np.clip(np.sqrt(len(xy) / _CELL_POINTS), 1, _MOST_CELLS))
    grid = np.array([box[0], box[2], side / (box[1] - box[0]), side / (box[3] - box[2])])
    rows, starts = kernels.cell_order(xy, *(float(v) for v in grid), side)
    return Order(rows, np.ascontiguousarray(xy[rows]), starts, side, grid)


class Cloud:
    """Points, what colours them, and which are hidden or dimmed.

    Attributes
    ----------
    xy
        ``(P, 2)`` float32.
    kind, value, table
        How points are coloured: `CONTINUOUS` and `CATEGORY` have rows of the table as values, `RGB` packed
        colours. The last row of a table with more than one is for points without a value.
    layer
        ``(P,)`` of `HIDDEN`, `DIMMED`, `BRIGHT`.
    """

    def __init__(self, xy: NDArray[Any] | None = None) -> None:
        points = np.zeros((0, 2)) if xy is None else np.asarray(xy)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"coordinates have shape {points.shape}, expected (particles, 2)")
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is not drawn
            self.xy: NDArray[np.float32] = np.array(points, np.float32, order="C")
        count = len(self.xy)
        self.kind = CONTINUOUS
        self.value: NDArray[np.uint32] = np.zeros(count, np.uint32)
        self.table: NDArray[np.uint8] = np.zeros((1, 3), np.uint8)
        self.layer: NDArray[np.uint8] = np.full(count, BRIGHT, np.uint8)
        self._shown: NDArray[np.bool_] | None = None
        self._selection: NDArray[np.bool_] | None = None
        self.order = unsorted(self.xy)
        self._arranged: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def sorted_value(self) -> NDArray[np.uint32]:
        """Values in drawing order."""
        return self._in_order("value", self.value)

    @property
    def sorted_layer(self) -> NDArray[np.uint8]:
        """Layers in drawing order."""
        return self._in_order("layer", self.layer)

    def _in_order(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        if name not in self._arranged:
            self._arranged[name] = self.order.arranged(values)
        return self._arranged[name]

    def moved(self, xy: NDArray[Any]) -> Cloud:
        """Return the points at other places; as many as before keep colours, filter and selection."""
        other = Cloud(xy)
        if len(other) == len(self):
            other.kind, other.value, other.table = self.kind, self.value, self.table
            other._shown, other._selection = self._shown, self._selection
            other.layer = self.layer
        return other

    def set_order(self, order: Order) -> None:
        """Draw in another order from now on."""
        self.order = order
        self._arranged.clear()

    def set_colours(self, index: NDArray[Any] | None, table: NDArray[Any], *, categorical: bool) -> None:
        """Colour by rows of a table, whose last row is for points without a value.

        Without an index all points take the first row.

        Raises
        ------
        ValueError
            If shapes do not fit.
        """
        colours = np.array(table, np.uint8, order="C")
        if colours.ndim != 2 or colours.shape[1] != 3 or not len(colours):
            raise ValueError(f"the colour table has shape {colours.shape}, expected (colours, 3)")
        if index is not None and np.shape(index) != (len(self),):
            raise ValueError(f"colours have shape {np.shape(index)}, expected ({len(self)},)")
        self.kind = CATEGORY if categorical else CONTINUOUS
        self.table = colours
        self.value = np.zeros(len(self), np.uint32) if index is None else np.asarray(index).astype(np.uint32)
        self._arranged.pop("value", None)

    def set_rgb(self, rgb: NDArray[Any]) -> None:
        """Give each point a colour of its own, ``(P, 3)`` uint8.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        if np.shape(rgb) != (len(self), 3):
            raise ValueError(f"colours have shape {np.shape(rgb)}, expected ({len(self)}, 3)")
        parts = np.asarray(rgb, np.uint8)
        packed = parts[:, 0].astype(np.uint32) << np.uint32(16)
        packed |= parts[:, 1].astype(np.uint32) << np.uint32(8)
        packed |= parts[:, 2]
        self.kind, self.value = RGB, packed
        self._arranged.pop("value", None)

    def set_shown(self, shown: NDArray[Any] | None) -> None:
        """Hide what a mask ``(P,)`` leaves out; None shows all."""
        self._shown = self._mask(shown)
        self._set_layers()

    def set_selection(self, selection: NDArray[Any] | None) -> None:
        """Dim what a mask ``(P,)`` leaves out; None dims nothing."""
        self._selection = self._mask(selection)
        self._set_layers()

    def _mask(self, mask: NDArray[Any] | None) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        if np.shape(mask) != (len(self),):
            raise ValueError(f"the mask has shape {np.shape(mask)}, expected ({len(self)},)")
        return np.array(mask, np.bool_)

    def _set_layers(self) -> None:
        if self._selection is None:
            self.layer = np.full(len(self), BRIGHT, np.uint8)
        else:
            self.layer = np.uint8(DIMMED) + self._selection.view(np.uint8)
        if self._shown is not None:
            self.layer *= self._shown.view(np.uint8)
        self._arranged.pop("layer", None)

    @property
    def has_selection(self) -> bool:
        """Whether some points are dimmed beside others."""
        return self._selection is not None

    @property
    def known(self) -> int:
        """How many rows of a continuous table are values: means are taken over these."""
        return max(1, len(self.table) - 1)

    def colours_of(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the colours ``(n, 3)`` of rows."""
        value = self.value[rows]
        if self.kind == RGB:
            return np.stack([(value >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
        return self.table[np.minimum(value, len(self.table) - 1)]
