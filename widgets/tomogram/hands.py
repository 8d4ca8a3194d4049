"""What the mouse does in the view of a tomogram: hovering, clicking, and outlines drawn over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer.polygon import inside
from widgets.explorer.tools import mode_of

Tool = Literal["look", "rectangle", "lasso"]
_CLICK_PX: Final = 4.0
_NEAR_PX: Final = 9.0
_HOVER_MS: Final = 40

#: Gives the pixels and depths ``(N, 3)`` at which particles are seen.
Project = Callable[[], NDArray[Any]]


class Rubber(QWidget):
    """The outline that is being drawn; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_rubber")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.corners: list[QPointF] = []
        self.hide()

    def show_corners(self, corners: list[QPointF]) -> None:
        """Draw an outline, or none."""
        self.corners = corners
        parent = self.parentWidget()
        if parent is not None:
            self.resize(parent.size())
        self.setVisible(len(corners) > 1)
        self.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(style.colour("accent"), 1.6))
        painter.setBrush(style.colour("accent", 0.12))
        painter.drawPolygon(QPolygonF(self.corners))


class SceneHands(QObject):
    """Follows the mouse over the widget that shows the particles.

    Signals
    -------
    hovered : int
        Which of the seen particles is under the mouse, -1 for none.
    clicked : int, str
        Which of them was clicked (-1: none), and how that combines with the selection.
    region : object, str
        Mask over the seen particles inside an outline, and how it combines.
    """

    hovered = Signal(int)
    clicked = Signal(int, str)
    region = Signal(object, str)

    def __init__(self, target: QWidget, project: Project, parent: QObject) -> None:
        super().__init__(parent)
        self._target, self._project = target, project
        self._rubber = Rubber(target)
        self.tool: Tool = "look"
        self._start: QPointF | None = None
        self._mode = "new"
        self._path: list[QPointF] = []
        self._cursor: QPointF | None = None
        self._hovered = -1
        self._timer = QTimer(self, singleShot=True, interval=_HOVER_MS)
        self._timer.timeout.connect(self._look)
        target.setMouseTracking(True)
        target.installEventFilter(self)

    def close(self) -> None:
        """Let go of the widget."""
        self._timer.stop()
        self._target.removeEventFilter(self)

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does."""
        self.tool = tool
        self._give_up()
        self._target.setCursor(Qt.CursorShape.ArrowCursor if tool == "look" else Qt.CursorShape.CrossCursor)

    def nearest(self, place: QPointF) -> int:
        """Return which particle is seen at a place, the one in front where several are; -1 for none."""
        seen = self._project()
        if not len(seen):
            return -1
        with np.errstate(invalid="ignore"):
            apart = np.hypot(seen[:, 0] - place.x(), seen[:, 1] - place.y())
        close = np.flatnonzero(apart <= _NEAR_PX)
        if not len(close):
            return -1
        return int(close[np.lexsort((seen[close, 2], np.round(apart[close] / 3)))[0]])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the mouse; events that belong to an outline go no further."""
        kind = event.type()
        if kind is QEvent.Type.Leave:
            self._cursor = None
            self._look()
        if not isinstance(event, QMouseEvent):
            return False
        left = event.button() is Qt.MouseButton.LeftButton
        if kind is QEvent.Type.MouseButtonPress and left:
            self._start, self._mode = event.position(), mode_of(event.modifiers())
            self._path = [event.position()]
            return self.tool != "look"
        if kind is QEvent.Type.MouseMove:
            return self._move(event)
        if kind is QEvent.Type.MouseButtonRelease and left and self._start is not None:
            return self._release(event)
        return False

    def _move(self, event: QMouseEvent) -> bool:
        self._cursor = event.position()
        if self._start is None:
            if not self._timer.isActive():
                self._timer.start()
            return False
        if self.tool == "look":
            return False
        if self.tool == "lasso":
            self._path.append(event.position())
            self._rubber.show_corners(self._path)
        else:
            self._rubber.show_corners(_corners(self._start, event.position()))
        return True

    def _release(self, event: QMouseEvent) -> bool:
        start, path = self._start, self._path
        here = event.position()
        corners = _corners(start, here) if self.tool == "rectangle" and start is not None else [*path, here]
        drawn = self.tool != "look"
        self._give_up()
        if start is not None and (here - start).manhattanLength() <= _CLICK_PX and len(path) < 6:
            self.clicked.emit(self.nearest(here), self._mode)
        elif drawn:
            seen = self._project()
            outline = np.array([[c.x(), c.y()] for c in corners], np.float32)
            xy = np.nan_to_num(np.asarray(seen[:, :2], np.float32), nan=-1e9)
            self.region.emit(inside(xy, outline), self._mode)
        return drawn

    def _give_up(self) -> None:
        self._start = None
        self._path = []
        self._rubber.show_corners([])

    def _look(self) -> None:
        row = -1 if self._cursor is None or self._start is not None else self.nearest(self._cursor)
        if row != self._hovered:
            self._hovered = row
            self.hovered.emit(row)


def _corners(a: QPointF, b: QPointF) -> list[QPointF]:
    return [a, QPointF(b.x(), a.y()), b, QPointF(a.x(), b.y())]
