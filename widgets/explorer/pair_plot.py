"""Every pair of some dimensions at a glance; a click shows that pair in the large plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import style
from widgets.explorer.colouring import Colouring
from widgets.explorer.number_text import short
from widgets.explorer.pair_ends import FOOT, draw_ends
from widgets.explorer.pair_raster import PairOrder, PairPictures, draw_pairs
from widgets.explorer.steady import Steady

#: More dimensions than this would be too small to see.
MOST: Final = 6
_GAP: Final = 3
_SMALLEST: Final = 36


class PairPlot(QWidget):
    """A grid of small plots.

    Histograms stand on the diagonal, particles in the colours of the large plot below it, their density above
    it, with the correlation of the pair. Pictures are made in a thread, for exactly the pixels there are.

    Signals
    -------
    axes_chosen
        Numbers of the dimensions that should be shown across and upwards.
    rendered
        New pictures are on the screen.
    """

    axes_chosen = Signal(int, int)
    rendered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_pair_plot")
        self.setAccessibleName("Plots of all pairs of dimensions")
        self.setMinimumSize(200, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.names: tuple[str, ...] = ()
        self._columns: tuple[NDArray[Any], ...] = ()
        self._colouring: Colouring | None = None
        self._shown: NDArray[np.bool_] | None = None
        self._selected: NDArray[np.bool_] | None = None
        self._current: tuple[int, int] | None = None
        self._hovered: tuple[int, int] | None = None
        self.pictures: PairPictures | None = None
        self._images: dict[tuple[int, int], QImage] = {}
        self._worker = Steady(draw_pairs, self)
        self._worker.answered.connect(self._on_drawn)
        self._timer = QTimer(self, singleShot=True, interval=20)
        self._timer.timeout.connect(self._request)
        style.ThemeWatcher(self, self._later)

    def sizeHint(self) -> QSize:
        """Return a size in which four dimensions are well seen."""
        return QSize(420, 420)

    # -- data ----------------------------------------------------------------------------------------------

    def set_dimensions(self, names: Sequence[str], values: NDArray[Any]) -> None:
        """Show other dimensions.

        Parameters
        ----------
        names : sequence of str
            Of the dimensions.
        values : (P, d) array
            Coordinates; of more than six dimensions the first six are shown.

        Raises
        ------
        ValueError
            When there are not as many names as dimensions.
        """
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(f"values have shape {values.shape}, expected (particles, {len(names)})")
        self.names = tuple(names[:MOST])
        self._columns = tuple(np.ascontiguousarray(values[:, k]) for k in range(len(self.names)))
        self._current = None
        self._later()

    def set_colouring(self, made: Colouring | None) -> None:
        """Show particles in the colours of the large plot; densities are drawn in one colour."""
        self._colouring = made
        self._later()

    def set_shown(self, mask: NDArray[np.bool_] | None) -> None:
        """Draw only these particles, ``(P,)``; all for None."""
        self._shown = mask
        self._later()

    def set_selection(self, mask: NDArray[np.bool_] | None) -> None:
        """Let these particles, ``(P,)``, stand out; None for no selection."""
        self._selected = mask
        self._later()

    def set_current(self, across: int, up: int) -> None:
        """Mark the pair that the large plot shows."""
        self._current = (up, across)
        self.update()

    # -- pictures ------------------------------------------------------------------------------------------

    @property
    def cell(self) -> int:
        """Width and height of a cell in device-independent pixels."""
        n = max(1, len(self.names))
        room = min(self.width() - FOOT, self.height() - FOOT) - (n - 1) * _GAP
        return max(_SMALLEST, room // n)

    def rect_of(self, row: int, column: int) -> QRectF:
        """Return where a cell lies."""
        step = self.cell + _GAP
        return QRectF(FOOT + column * step, row * step, self.cell, self.cell)

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """Return row and column of the cell at a place, None between and beside them."""
        cells = ((row, column) for row in range(len(self.names)) for column in range(len(self.names)))
        return next((cell for cell in cells if self.rect_of(*cell).contains(place)), None)

    def _later(self) -> None:
        self._timer.start()

    def _request(self) -> None:
        if not self._columns:
            return
        side = round(self.cell * self.devicePixelRatioF())
        n = len(self._columns[0])
        made = self._colouring
        # colours and masks of a model that is about to follow are not drawn yet
        if made is not None and n not in (len(part) for part in (made.index, made.rgb) if part is not None):
            made = None
        shown, selected = (
            m if m is not None and len(m) == n else None for m in (self._shown, self._selected)
        )
        ground, quiet, strong = _triple("surface"), _triple("line"), _triple("accent")
        self._worker.request(PairOrder(self._columns, side, made, shown, selected, ground, quiet, strong))

    def _on_drawn(self, pictures: PairPictures) -> None:
        if pictures.order.columns is not self._columns:
            return
        self.pictures = pictures
        side = pictures.order.side
        self._images = {
            place: QImage(cell.data, side, side, 3 * side, QImage.Format.Format_RGB888)
            for place, cell in pictures.cells.items()
        }
        self.update()
        self.rendered.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Put the pictures in their places, with names, ends of the axes and correlations."""
        if self.pictures is None or self.pictures.order.columns is not self._columns:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for (row, column), image in self._images.items():
            self._draw_cell(painter, row, column, image)
        painter.setFont(style.scaled_font(0.8, self))
        painter.setPen(style.colour("muted"))
        for k, (low, high) in enumerate(self.pictures.limits):
            below = self.rect_of(len(self.names) - 1, k)
            draw_ends(painter, below, self.rect_of(k, 0) if k else None, short(low), short(high))

    def _draw_cell(self, painter: QPainter, row: int, column: int, image: QImage) -> None:
        rect = self.rect_of(row, column)
        painter.drawImage(rect, image)
        marked = self._current in ((row, column), (column, row)) and row != column
        hovered = self._hovered == (row, column) and row != column
        strong = marked or hovered
        pen = QPen(style.colour("accent" if strong else "line"), 2 if strong else 1)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
        inner = rect.adjusted(5, 3, -5, -3)
        if row == column:
            painter.setFont(style.small_font(self, bold=True))
            painter.setPen(style.colour("text"))
            name = painter.fontMetrics().elidedText(
                self.names[row], Qt.TextElideMode.ElideRight, round(inner.width())
            )
            painter.drawText(inner, name)
        elif row < column and self.pictures is not None and self.cell > 70:
            value = self.pictures.correlation[row, column]
            if np.isfinite(value):
                painter.setFont(style.scaled_font(0.8, self))
                painter.setPen(style.colour("text"))
                text = f"r {value:+.2f}".replace("-", "−")
                painter.drawText(inner, int(Qt.AlignmentFlag.AlignRight), text)

    # -- hands ---------------------------------------------------------------------------------------------

    def _choose(self, cell: tuple[int, int] | None) -> None:
        if cell is not None and cell[0] != cell[1]:
            row, column = cell
            self._current = cell
            self.update()
            self.axes_chosen.emit(column, row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the pair under the pointer."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._choose(self.cell_at(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the cell under the pointer."""
        cell = self.cell_at(event.position())
        if cell != self._hovered:
            self._hovered = cell
            hand = cell is not None and cell[0] != cell[1]
            self.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Mark none."""
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbouring cell with the arrows, choose it with Return or Space."""
        steps = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        n = len(self.names)
        if event.key() in steps and n:
            row, column = self._hovered or (min(1, n - 1), 0)
            down, right = steps[Qt.Key(event.key())]
            self._hovered = (min(max(row + down, 0), n - 1), min(max(column + right, 0), n - 1))
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._hovered)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say what a click on the cell under the pointer does."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(QPointF(event.pos()))
            text = ""
            if cell is not None and cell[0] != cell[1]:
                text = (
                    f"{self.names[cell[1]]} across, {self.names[cell[0]]} up\nClick: show in the large plot"
                )
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw for the new size when it rests."""
        super().resizeEvent(event)
        self._later()


def _triple(name: str) -> tuple[int, int, int]:
    colour: QColor = style.colour(name)
    return colour.red(), colour.green(), colour.blue()
