"""The figures of a task, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QWidget

from jobs.core.figures import Figure
from widgets import style
from widgets.figure_plot import FigurePlot
from widgets.figure_table import FigureTable

if TYPE_CHECKING:
    from widgets.figure_scatter import FigureScatter

    Drawn = FigurePlot | FigureScatter | FigureTable

#: Figures narrower than this are put below each other, where that leaves them high enough (px).
_NARROW, _LOW = 260, 190
#: Shares of the width: the columns of a table need more than a plot.
_TABLE_SHARE, _PLOT_SHARE = 5, 4
#: Narrower than this they are in any case.
_CRAMPED = 200


class FigureBoard(QWidget):
    """Draws figures beside each other, or below where room is narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_board")
        self.plots: list[Drawn] = []
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(style.MEDIUM)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def set_figures(
        self, figures: Sequence[Figure], arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        """Show these figures, with the arrays they name; plots are reused, so nothing flickers."""
        for place, figure in enumerate(figures):
            old = self.plots[place] if place < len(self.plots) else None
            if old is None or _kind_of(old) != _kind_for(figure):
                self._put(place, _plot_for(figure, self))
        while len(self.plots) > len(figures):
            self._drop(self.plots.pop())
        for plot, figure in zip(self.plots, figures, strict=True):
            if isinstance(plot, (FigurePlot, FigureTable)):
                plot.set_figure(figure)
            else:
                plot.set_figure(figure, arrays or {})
        self._arrange()

    def _put(self, place: int, plot: Drawn) -> None:
        if place < len(self.plots):
            self._drop(self.plots[place])
            self.plots[place] = plot
        else:
            self.plots.append(plot)
        self._row.insertWidget(place, plot, _TABLE_SHARE if isinstance(plot, FigureTable) else _PLOT_SHARE)

    def _drop(self, plot: QWidget) -> None:
        self._row.removeWidget(plot)
        plot.hide()
        plot.deleteLater()

    def texts(self) -> list[str]:
        """Return what is read in all figures."""
        return [text for plot in self.plots for text in plot.texts()]

    def resizeEvent(self, event: object) -> None:
        """Arrange the figures anew."""
        self._arrange()

    def _arrange(self) -> None:
        count = max(1, len(self.plots))
        each = self.width() / count
        cramped = count > 1 and each < _CRAMPED
        # nothing can be read in so little width: whoever holds the board has to make room below
        self.setMinimumHeight(count * _LOW if cramped else 0)
        narrow = cramped or (each < _NARROW and self.height() / count >= _LOW)
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._row.setDirection(direction)


def _kind_for(figure: Figure) -> str:
    return figure.kind if figure.kind in ("scatter", "table") else "plot"


def _kind_of(drawn: Drawn) -> str:
    if isinstance(drawn, FigurePlot):
        return "plot"
    return "table" if isinstance(drawn, FigureTable) else "scatter"


def _plot_for(figure: Figure, parent: QWidget) -> Drawn:
    if figure.kind == "table":
        return FigureTable(parent)
    if figure.kind != "scatter":
        return FigurePlot(parent)
    # what draws a million points is loaded by the first figure that needs it
    from widgets.figure_scatter import FigureScatter

    return FigureScatter(parent)
