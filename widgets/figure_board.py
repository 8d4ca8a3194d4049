"""The figures of a task, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QWidget

from jobs.core.figures import Figure
from widgets import style
from widgets.figure_plot import FigurePlot

#: Figures narrower than this are put below each other, where that leaves them high enough (px).
_NARROW, _LOW = 260, 190


class FigureBoard(QWidget):
    """Draws figures of curves and histograms beside each other, or below where room is narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_board")
        self.plots: list[FigurePlot] = []
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(style.MEDIUM)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def set_figures(self, figures: Sequence[Figure]) -> None:
        """Show these figures; plots are reused, so nothing flickers."""
        while len(self.plots) > len(figures):
            self.plots.pop().deleteLater()
        while len(self.plots) < len(figures):
            plot = FigurePlot(self)
            self.plots.append(plot)
            self._row.addWidget(plot, 1)
        for plot, figure in zip(self.plots, figures, strict=True):
            plot.set_figure(figure)
        self._arrange()

    def texts(self) -> list[str]:
        """Return what is read in all figures."""
        return [text for plot in self.plots for text in plot.texts()]

    def resizeEvent(self, event: object) -> None:
        """Arrange the figures anew."""
        self._arrange()

    def _arrange(self) -> None:
        count = max(1, len(self.plots))
        narrow = self.width() / count < _NARROW and self.height() / count >= _LOW
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._row.setDirection(direction)
