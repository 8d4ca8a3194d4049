"""pyqtgraph in the colours of the theme."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsScene

from widgets import style


def graphics(name: str) -> pg.GraphicsLayoutWidget:
    """Return an empty sheet for plots, from which items can be removed again.

    Qt keeps the items of a scene in a tree, each where its bounding rectangle lies, and looks for one that is
    removed where that rectangle lies *now*. The axes of pyqtgraph, whose grid covers their plot, change
    theirs without a word when the plot is resized: the tree keeps the address of what was removed, and the
    next painting after that memory was given back ends the program. The few items of a plot need no tree.
    """
    found = pg.GraphicsLayoutWidget()
    found.setObjectName(name)
    found.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
    return found


def themed_plot(plot: pg.PlotItem) -> None:
    """Give axes and grid of a plot the colours and fonts of the theme."""
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        # values carry their units in their names: no prefixes such as (x0.001)
        axis.enableAutoSIPrefix(False)
        axis.setPen(pg.mkPen(style.colour("outline")))
        axis.setTextPen(pg.mkPen(style.colour("muted")))
        axis.setStyle(tickFont=style.small_font())
        axis.label.setFont(style.small_font())
        axis.label.setDefaultTextColor(style.colour("muted"))
    plot.showGrid(x=True, y=True, alpha=0.12)
    plot.hideButtons()
    plot.setMenuEnabled(False)


def series_colour(index: int) -> QColor:
    """Return the colour of the n-th curve."""
    series = style.colours().series
    return QColor(series[index % len(series)])


def mixed(first: QColor, second: QColor, share: float) -> QColor:
    """Return a colour between two, `share` (0 … 1) of it the second."""
    pairs = (
        (first.red(), second.red()),
        (first.green(), second.green()),
        (first.blue(), second.blue()),
    )
    parts = [round(a * (1 - share) + b * share) for a, b in pairs]
    return QColor(*parts)


def colour_table(name: str = "viridis") -> NDArray[np.uint8]:
    """Return a colour map as ``(256, 3)``; ``density`` runs from quiet to strong in the theme's accent."""
    if name != "density":
        # the end of the map that would vanish in the background is left out
        start, stop = (0.2, 1.0) if style.colours().name == "dark" else (0.0, 0.92)
        return np.asarray(pg.colormap.get(name).getLookupTable(start, stop, 256), np.uint8)[:, :3]
    ends = [style.colour("selection"), style.colour("accent"), style.colour("text")]
    stops = np.array([[c.red(), c.green(), c.blue()] for c in ends], np.float64)
    place = np.linspace(0, 2, 256)
    columns = [np.interp(place, [0, 1, 2], stops[:, k]) for k in range(3)]
    return np.stack(columns, axis=1).astype(np.uint8)


def category_table(count: int) -> NDArray[np.uint8]:
    """Return `count` clearly different colours as ``(count, 3)``."""
    found = [series_colour(k) for k in range(count)]
    return np.array([[c.red(), c.green(), c.blue()] for c in found], np.uint8)
