"""The plot of all particles in a plane of latent space, and everything the hand can do in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from widgets.explorer import keys, overlay
from widgets.explorer.hands import Hands
from widgets.explorer.point_plot import PointPlot
from widgets.explorer.tool_icons import tool_cursor
from widgets.explorer.tools import ABOUT, HANDLE_TOOLS, Tool
from widgets.explorer.view import Frame

# at most thirty times a second
_HOVER_MS: Final = 34
_WHEEL_STEP: Final = 1.2
_HOVER_RING_PX: Final = 6.0


class LatentCanvas(PointPlot):
    """Particles in a plane: looks, hovers, picks, draws trajectories and outlines of selections.

    All places are in data coordinates.

    Signals
    -------
    picked, dragged : float, float
        Left button pressed with the tool PICK, and moved while held.
    drag_ended
        The left button was released after `dragged`.
    hovered : int
        Row of the particle under the mouse, -1 for none; at most thirty times a second.
    path_drawn : (M, 2) array
        A trajectory was drawn.
    region_drawn : (M, 2) array, str
        A region was drawn, and whether it is ``new``, to ``add``, ``subtract`` or ``intersect``.
    anchor_added : float, float
    anchor_moved : int, float, float
        A handle is being dragged; sent all the while.
    anchor_removed : int
    tool_changed : str
    """

    picked = Signal(float, float)
    dragged = Signal(float, float)
    drag_ended = Signal()
    hovered = Signal(int)
    path_drawn = Signal(object)
    region_drawn = Signal(object, str)
    anchor_added = Signal(float, float)
    anchor_moved = Signal(int, float, float)
    anchor_removed = Signal(int)
    tool_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_latent_canvas")
        self.setAccessibleName("Latent space")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._mark: tuple[float, float] | None = None
        self._path: NDArray[np.float64] = np.zeros((0, 2))
        self.handles: NDArray[np.float64] = np.zeros((0, 2))
        self._tool = Tool.PICK
        self._hovered_row = -1
        self._hands = Hands(self)
        self._hover_timer = QTimer(self, singleShot=True, interval=_HOVER_MS)
        self._hover_timer.timeout.connect(self._look_under_mouse)
        self.set_tool(Tool.PICK)

    def set_coordinates(self, xy: NDArray[Any], names: tuple[str, str], *, keep_view: bool = False) -> None:
        """Show particles at other places; see :meth:`PointPlot.set_coordinates`."""
        self._hovered_row = -1
        super().set_coordinates(xy, names, keep_view=keep_view)

    def set_mark(self, xy: Sequence[float] | NDArray[Any] | None) -> None:
        """Mark the place of the state that is shown."""
        known = xy is not None and bool(np.isfinite(xy).all())
        self._mark = (float(xy[0]), float(xy[1])) if xy is not None and known else None
        self.update()

    def set_path(self, points: NDArray[Any] | None, handles: NDArray[Any] | None = None) -> None:
        """Draw a trajectory ``(M, 2)`` with handles ``(H, 2)`` to take hold of."""
        none = np.zeros((0, 2))
        path = none if points is None else np.array(points, np.float64).reshape(-1, 2)
        self._path = path[np.isfinite(path).all(axis=1)]
        self.handles = none if handles is None else np.array(handles, np.float64).reshape(-1, 2)
        if self._hands.chosen_handle >= len(self.handles):
            self._hands.chosen_handle = -1
        self._hands.hovered_handle = -1
        self.update()

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does; an unfinished outline is given up."""
        changed = tool is not self._tool
        if changed and self._hands.gesture:
            self._hands.cancel()
        self._tool = tool
        about = ABOUT[tool]
        self.setStatusTip(f"{about.title}: {about.usage}")
        self.setAccessibleDescription(self.statusTip())
        self.refresh_cursor()
        if changed:
            self.tool_changed.emit(tool.value)
        self.update()

    def zoom(self, factor: float, place: QPointF | None = None) -> None:
        """Show more (factor above 1) or less around a place of the widget: the mouse, or else the middle."""
        frame = self.frame
        place = place or self._hands.cursor
        if place is None or not frame.rect.contains(place):
            place = frame.rect.center()
        self.show_view(self._view.zoomed(factor, *frame.to_data(place)))

    def refresh_cursor(self) -> None:
        """Show in the cursor what a press would do."""
        hands = self._hands
        if hands.hovered_handle >= 0 or hands.gesture == "handle":
            self.setCursor(Qt.CursorShape.SizeAllCursor)
        elif hands.space and hands.gesture != "pan":
            self.setCursor(tool_cursor(Tool.PAN))
        else:
            self.setCursor(tool_cursor(self._tool, held=hands.gesture == "pan"))

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        if hasattr(self, "_hands"):  # not while the base class is being made
            self.refresh_cursor()

    # -- hovering ------------------------------------------------------------------------------------------

    def hover_later(self) -> None:
        """Look for the particle under the mouse, in a moment."""
        if not self._hover_timer.isActive():
            self._hover_timer.start()

    def _look_under_mouse(self) -> None:
        place = self._hands.cursor
        row = -1
        if place is not None and not self._hands.gesture and self.frame.rect.contains(place):
            found = self.nearest(*self.frame.to_data(place))
            row = -1 if found is None else found
        if row != self._hovered_row:
            self._hovered_row = row
            self.hovered.emit(row)
            self.update()

    # -- events --------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a gesture."""
        self._hands.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow it."""
        self._hands.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        self._hands.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything, or close the polygon."""
        self._hands.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor."""
        # a touchpad tells pixels, and few at a time; a wheel tells eighths of a degree, 120 per notch
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom(_WHEEL_STEP**-steps, event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the mouse."""
        self._hands.cursor = None
        self._hands.hovered_handle = -1
        self._look_under_mouse()
        self.update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on the keys of tools, view and gestures."""
        if not keys.press(self, self._hands, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Notice when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._hands.space = False
            self.refresh_cursor()
            return
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Let go of Space: its release goes elsewhere."""
        self._hands.space = False
        super().focusOutEvent(event)

    # -- painting ------------------------------------------------------------------------------------------

    def paint_over(self, painter: QPainter, frame: Frame) -> None:
        """Draw path, mark, and what the hand is about to do."""
        super().paint_over(painter, frame)
        hands = self._hands
        path, handles = frame.points_to_screen(self._path), frame.points_to_screen(self.handles)
        capped = bool(path and handles) and (path[-1] - handles[-1]).manhattanLength() < overlay.HANDLE_PX
        overlay.paint_path(painter, path, capped=capped)
        overlay.paint_handles(
            painter,
            handles,
            -1 if self._bare else hands.hovered_handle,
            hands.chosen_handle if not self._bare and self._tool in HANDLE_TOOLS else -1,
        )
        if self._mark is not None:
            overlay.paint_mark(painter, frame.to_screen(*self._mark))
        if self._bare:
            return
        if 0 <= self._hovered_row < len(self._cloud):
            x, y = (float(v) for v in self._cloud.xy[self._hovered_row])
            overlay.paint_hover(painter, frame.to_screen(x, y), _HOVER_RING_PX)
        places = [frame.to_screen(*corner) for corner in hands.corners]
        overlay.paint_rubber(painter, hands.tool, places, hands.cursor, hands.mode, hands.closing)
        if hands.hint:
            overlay.paint_note(painter, frame.rect, hands.hint, Qt.AlignmentFlag.AlignBottom, self)
