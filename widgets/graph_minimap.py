"""A small picture of the whole chart, with the part that is seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.graph_canvas import GraphCanvas
from widgets.graph_geometry import CARD_HEIGHT, CARD_WIDTH
from widgets.graph_paint import paint_dots

_LARGEST: Final = (168, 120)
_SMALLEST: Final = 26
_INSET: Final = 10


class GraphMinimap(QWidget):
    """Stands in a corner of the canvas; a click goes to that place.

    Parameters
    ----------
    canvas
        The canvas whose chart it shows; hidden while all of it is seen anyway.
    """

    def __init__(self, canvas: GraphCanvas) -> None:
        super().__init__(canvas)
        self.setObjectName("graph_minimap")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("The whole chart; click to go there")
        self._canvas = canvas
        self._picture = QPixmap()
        canvas.view_moved.connect(self.place)
        style.ThemeWatcher(self, self.redraw)

    def redraw(self) -> None:
        """Draw the chart anew."""
        self._picture = QPixmap()
        self.place()
        self.update()

    def place(self) -> None:
        """Stand in the lower right corner, as large as the shape of the chart wants it."""
        rect = self._canvas.chart.rect
        scale = min(_LARGEST[0] / rect.width(), _LARGEST[1] / rect.height())
        width = round(max(rect.width() * scale, _SMALLEST))
        height = round(max(rect.height() * scale, _SMALLEST))
        view = self._canvas.viewport().rect()
        self.setGeometry(view.right() - width - _INSET, view.bottom() - height - _INSET, width, height)
        inner = rect.adjusted(50, 50, -50, -50)
        small = view.width() < 3 * width or view.height() < 2 * height
        self.setVisible(
            bool(self._canvas.chart.jobs) and not small and not self._canvas.seen().contains(inner)
        )
        self.update()

    def _scales(self) -> tuple[float, float]:
        rect = self._canvas.chart.rect
        return self.width() / rect.width(), self.height() / rect.height()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture and the frame of what is seen."""
        ratio = self.devicePixelRatioF()
        if self._picture.size() != self.size() * ratio:
            self._picture = self._draw(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        across, along = self._scales()
        origin, seen = self._canvas.chart.rect.topLeft(), self._canvas.seen()
        frame = QRectF(
            (seen.left() - origin.x()) * across,
            (seen.top() - origin.y()) * along,
            max(seen.width() * across, 4),
            max(seen.height() * along, 4),
        )
        painter.setPen(QPen(style.colour("accent"), 1.5))
        painter.setBrush(style.colour("accent", 0.12))
        painter.drawRect(frame.intersected(QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)))
        painter.setPen(QPen(style.colour("outline"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(style.colour("raised"))
        painter = QPainter(picture)
        across, along = self._scales()
        origin = self._canvas.chart.rect.topLeft()
        width, height = max(CARD_WIDTH * across, 1.0), max(CARD_HEIGHT * along, 1.0)
        by_status: dict[str, list[int]] = {}
        for at, job in enumerate(self._canvas.chart.jobs):
            by_status.setdefault(job.status, []).append(at)
        corners = (self._canvas.chart.corners - (origin.x(), origin.y())) * (across, along)
        # in a large chart many cards fall upon the same half pixel: one of them will do
        grid = np.round(corners * (2 * ratio)).astype(np.int64)
        dots = {
            status: [
                QRectF(x, y, width, height)
                for x, y in corners[some][np.unique(grid[some], axis=0, return_index=True)[1]].tolist()
            ]
            for status, some in by_status.items()
        }
        paint_dots(painter, dots.items())
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the place."""
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())

    def _go(self, place: QPointF) -> None:
        across, along = self._scales()
        origin = self._canvas.chart.rect.topLeft()
        self._canvas.centerOn(QPointF(origin.x() + place.x() / across, origin.y() + place.y() / along))
        self._canvas.view_moved.emit()
