"""Square pictures in rows that fill their room."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import style
from widgets.explorer.image_tile import paint_picture

_GAP: Final = 2


class MontageGrid(QWidget):
    """Square pictures in rows; the first may stand for all."""

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_montage_grid")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.pictures: list[QImage | None] = []
        self.names: list[str] = []
        self.marked = -1
        self._over = -1
        self._arranged: tuple[tuple[int, int, int], int] = ((0, 0, 0), 1)

    def set_count(self, count: int, marked: int = -1) -> None:
        """Make room for so many pictures; one of them may be marked as no particle but their mean."""
        self.pictures = [None] * count
        self.names = [""] * count
        self.marked, self._over = marked, -1
        self.update()

    def set_picture(self, place: int, picture: QImage, name: str) -> None:
        """Show a picture."""
        self.pictures[place], self.names[place] = picture, name
        self.update(self.cell(place).toAlignedRect().adjusted(-1, -1, 1, 1))

    def columns(self) -> int:
        """Return how many columns make the pictures largest."""
        # asked for every picture at every repaint
        key = (self.width(), self.height(), len(self.pictures))
        if key != self._arranged[0]:
            self._arranged = (key, max(range(1, key[2] + 1), key=self._side, default=1))
        return self._arranged[1]

    def _side(self, columns: int) -> float:
        rows = math.ceil(len(self.pictures) / columns)
        return min((self.width() + _GAP) / columns, (self.height() + _GAP) / rows) - _GAP

    def cell(self, place: int) -> QRectF:
        """Return where a picture lies."""
        columns = self.columns()
        side = math.floor(self._side(columns))
        left = (self.width() - columns * (side + _GAP) + _GAP) // 2
        return QRectF(
            left + (place % columns) * (side + _GAP), (place // columns) * (side + _GAP), side, side
        )

    def place_at(self, point: QPoint) -> int:
        """Return which picture lies under a point, -1 for none."""
        for place in range(len(self.pictures)):
            if self.cell(place).contains(point):
                return place
        return -1

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(280, 280)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which anything can be seen."""
        return QSize(120, 120)

    def event(self, event: QEvent) -> bool:
        """Tell the name of the particle under the mouse."""
        if isinstance(event, QHelpEvent):
            place = self.place_at(event.pos())
            if place >= 0 and self.names[place]:
                area = self.cell(place).toAlignedRect()
                QToolTip.showText(event.globalPos(), self.names[place], self, area)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark what would be clicked."""
        over = self.place_at(event.position().toPoint())
        if over != self._over:
            self._over = over
            active = over >= 0 and over != self.marked and self.pictures[over] is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if active else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, _event: QEvent) -> None:
        """Mark nothing."""
        self._over = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a particle."""
        place = self.place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.clicked.emit(place)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw all pictures, and grey squares for those to come."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, picture in enumerate(self.pictures):
            cell = self.cell(place)
            painter.fillRect(cell, style.colour("neutral_soft"))
            if picture is not None:
                cell = paint_picture(painter, picture, cell)
            if place in (self.marked, self._over):
                painter.setPen(QPen(style.colour("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(cell.adjusted(1, 1, -1, -1))
