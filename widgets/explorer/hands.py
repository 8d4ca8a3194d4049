"""What the mouse does in the latent plot: one gesture at a time, from press to release."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QMenu

from widgets.explorer.overlay import HANDLE_PX
from widgets.explorer.tools import HANDLE_TOOLS, REGION_TOOLS, Mode, Tool, mode_of

if TYPE_CHECKING:
    from widgets.explorer.canvas import LatentCanvas

Gesture = Literal["", "pick", "pan", "stroke", "handle", "polygon"]

_CLICK_PX: Final = 4.0
_STEP_PX: Final = 2.0
_CLOSE_PX: Final = 10.0


class Hands:
    """The gesture under way on a canvas, and the rules for starting, following and ending one.

    Attributes
    ----------
    gesture
        What is being done, empty for nothing.
    tool
        Tool of a stroke under way; with the middle button that is `Tool.DRAW` whatever the plot's tool is.
    corners
        Places of the stroke or polygon so far, in data coordinates.
    mode
        How the region under way is to be combined.
    cursor
        Where the mouse is in the widget, None when it is elsewhere.
    hovered_handle, chosen_handle
        Handle under the mouse and the one taken hold of last, -1 for none.
    """

    def __init__(self, canvas: LatentCanvas) -> None:
        self._canvas = canvas
        self.gesture: Gesture = ""
        self.tool = Tool.PICK
        self.corners: list[tuple[float, float]] = []
        self.mode: Mode = "new"
        self.cursor: QPointF | None = None
        self.hovered_handle = -1
        self.chosen_handle = -1
        self.space = False
        self._button = Qt.MouseButton.NoButton
        self._start = QPointF()
        self._last = QPointF()
        self._moved = False

    @property
    def closing(self) -> bool:
        """Whether a click now would close the polygon."""
        if self.gesture != "polygon" or len(self.corners) < 3 or self.cursor is None:
            return False
        first = self._canvas.frame.to_screen(*self.corners[0])
        return _apart(first, self.cursor) <= _CLOSE_PX

    @property
    def hint(self) -> str:
        """What can be done in the middle of a gesture, empty for nothing to say."""
        if self.gesture == "polygon":
            return (
                "Enter, double-click or first corner: close \u00b7 Backspace: undo corner \u00b7 Esc: cancel"
            )
        return "Esc: cancel" if self.gesture == "stroke" else ""

    # -- mouse ---------------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Start a gesture, or add a corner to the polygon."""
        place, button = event.position(), event.button()
        canvas = self._canvas
        if self.gesture not in ("", "polygon") or not canvas.frame.rect.contains(place):
            return
        if self.gesture == "polygon" and button == Qt.MouseButton.MiddleButton:
            return
        self._start = self._last = place
        self._moved = False
        if button == Qt.MouseButton.RightButton or (
            button == Qt.MouseButton.LeftButton and (self.space or canvas.tool is Tool.PAN)
        ):
            self._begin("polygon" if self.gesture else "pan", button)
            canvas.refresh_cursor()
        elif button == Qt.MouseButton.MiddleButton:
            self._begin_stroke(Tool.DRAW, button, place)
        elif button == Qt.MouseButton.LeftButton:
            self._press_left(event)

    def _press_left(self, event: QMouseEvent) -> None:
        canvas, place = self._canvas, event.position()
        handle = self.handle_at(place) if canvas.tool in HANDLE_TOOLS else -1
        if handle >= 0:
            self.chosen_handle = handle
            self._begin("handle", event.button())
        elif canvas.tool is Tool.PICK:
            self._begin("pick", event.button())
            canvas.picked.emit(*canvas.frame.to_data(place))
        elif canvas.tool is Tool.ANCHORS:
            canvas.anchor_added.emit(*canvas.frame.to_data(place))
        elif canvas.tool is Tool.POLYGON:
            self._add_corner(event)
        else:
            self.mode = mode_of(event.modifiers()) if canvas.tool in REGION_TOOLS else "new"
            self._begin_stroke(canvas.tool, event.button(), place)
        canvas.update()

    def _begin(self, gesture: Gesture, button: Qt.MouseButton) -> None:
        self.gesture, self._button = gesture, button

    def _begin_stroke(self, tool: Tool, button: Qt.MouseButton, place: QPointF) -> None:
        self._begin("stroke", button)
        self.tool = tool
        self.corners = [self._canvas.frame.to_data(place)]

    def _add_corner(self, event: QMouseEvent) -> None:
        self.cursor = event.position()
        if self.closing:
            self.close_polygon()
            return
        if self.gesture != "polygon":
            self.mode = mode_of(event.modifiers())
            self.tool = Tool.POLYGON
            self.corners = []
            self.gesture = "polygon"
        self.corners.append(self._canvas.frame.to_data(event.position()))

    def move(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        canvas, place = self._canvas, event.position()
        self.cursor = place
        self._moved = self._moved or _apart(place, self._start) > _CLICK_PX
        dragging_view = self.gesture == "pan" or (self.gesture == "polygon" and self._button_held(event))
        if dragging_view:
            across, down = canvas.frame.per_pixel
            step = place - self._last
            canvas.show_view(canvas.view.moved(-step.x() * across, step.y() * down))
        elif self.gesture == "pick":
            canvas.dragged.emit(*canvas.frame.to_data(place))
        elif self.gesture == "handle" and self._moved:
            canvas.anchor_moved.emit(self.chosen_handle, *canvas.frame.to_data(place))
        elif self.gesture == "stroke":
            self._extend(place, event.modifiers())
        elif not self.gesture:
            self._hover(place)
        self._last = place
        if self.gesture:
            canvas.update()

    def _button_held(self, event: QMouseEvent) -> bool:
        return bool(event.buttons() & Qt.MouseButton.RightButton)

    def _extend(self, place: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        frame = self._canvas.frame
        # what is drawn beyond the edge lies on it: elsewhere there is nothing to see
        inside = QPointF(
            min(max(place.x(), frame.rect.left()), frame.rect.right()),
            min(max(place.y(), frame.rect.top()), frame.rect.bottom()),
        )
        if self.tool is Tool.LINE:
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                inside = _straightened(self._start, inside)
            self.corners[1:] = [frame.to_data(inside)]
        elif self.tool is Tool.RECTANGLE:
            (x1, y1), (x2, y2) = self.corners[0], frame.to_data(inside)
            self.corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        elif _apart(inside, frame.to_screen(*self.corners[-1])) >= _STEP_PX:
            self.corners.append(frame.to_data(inside))

    def _hover(self, place: QPointF) -> None:
        canvas = self._canvas
        handle = self.handle_at(place) if canvas.tool in HANDLE_TOOLS else -1
        if handle != self.hovered_handle:
            self.hovered_handle = handle
            canvas.refresh_cursor()
            canvas.update()
        canvas.hover_later()

    def release(self, event: QMouseEvent) -> None:
        """End the gesture that began with this button."""
        if event.button() != self._button:
            return
        canvas, gesture = self._canvas, self.gesture
        self._button = Qt.MouseButton.NoButton
        if gesture == "polygon":
            canvas.refresh_cursor()
            return
        self.gesture = ""
        if gesture == "stroke":
            self._end_stroke()
        elif gesture == "pick" and self._moved:
            canvas.drag_ended.emit()
        elif gesture == "handle" and not self._moved and canvas.tool is Tool.PICK:
            canvas.picked.emit(*canvas.frame.to_data(event.position()))
        elif gesture == "pan" and not self._moved and event.button() == Qt.MouseButton.RightButton:
            self._offer_removal(event)
        canvas.refresh_cursor()
        canvas.update()

    def _end_stroke(self) -> None:
        corners, self.corners = self.corners, []
        if not self._moved or len(corners) < 2:
            return  # a click, or a tremble of the hand
        points: NDArray[np.float64] = np.array(corners)
        if self.tool not in REGION_TOOLS:
            self._canvas.path_drawn.emit(points)
        elif len(points) > 2 and np.ptp(points, axis=0).min() > 0:
            self._canvas.region_drawn.emit(points, self.mode)

    def double_click(self, event: QMouseEvent) -> None:
        """Close the polygon; else show everything, where two clicks mean nothing else."""
        if event.button() != Qt.MouseButton.LeftButton:
            self.press(event)
        elif self.gesture == "polygon":
            self.close_polygon()
        elif self._canvas.tool is Tool.ANCHORS or self.handle_at(event.position()) >= 0:
            self.press(event)
        elif not self.gesture:
            self._canvas.fit()

    # -- shared --------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Give up what is being drawn."""
        self.gesture, self.corners = "", []
        self._button = Qt.MouseButton.NoButton
        self._canvas.refresh_cursor()
        self._canvas.update()

    def remove_corner(self) -> None:
        """Take back the last corner of the polygon; without corners it is given up."""
        self.corners.pop()
        if not self.corners:
            self.cancel()

    def close_polygon(self) -> None:
        """End the polygon and announce it; with fewer than three corners it stays open."""
        if len(self.corners) < 3:
            return
        points: NDArray[np.float64] = np.array(self.corners)
        self.cancel()
        self._canvas.region_drawn.emit(points, self.mode)

    def handle_at(self, place: QPointF) -> int:
        """Return the handle under a place of the widget, -1 for none; the uppermost of several."""
        places = self._canvas.frame.points_to_screen(self._canvas.handles)
        near = [k for k, p in enumerate(places) if _apart(p, place) <= HANDLE_PX + 4]
        return near[-1] if near else -1

    def handle_to_remove(self) -> int:
        """Return the handle that a key would remove: the one under the mouse, or the last one moved."""
        wanted = self.hovered_handle if self.hovered_handle >= 0 else self.chosen_handle
        return wanted if wanted < len(self._canvas.handles) else -1

    def remove_handle(self, handle: int) -> None:
        """Ask for the removal of a handle."""
        self.hovered_handle = self.chosen_handle = -1
        self._canvas.anchor_removed.emit(handle)

    def _offer_removal(self, event: QMouseEvent) -> None:
        handle = self.handle_at(event.position())
        if handle < 0:
            return
        menu = QMenu(self._canvas)
        menu.setObjectName("explorer_anchor_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        action = menu.addAction(f"Remove anchor {handle + 1}")
        action.setObjectName("explorer_remove_anchor")
        action.setToolTip("Take this anchor out of the trajectory (Delete)")
        action.triggered.connect(lambda: self.remove_handle(handle))
        menu.popup(event.globalPosition().toPoint())


def _apart(a: QPointF, b: QPointF) -> float:
    return math.hypot(a.x() - b.x(), a.y() - b.y())


def _straightened(start: QPointF, end: QPointF) -> QPointF:
    """Return the end turned around the start to the nearest of eight directions."""
    length = _apart(start, end)
    angle = math.atan2(end.y() - start.y(), end.x() - start.x())
    angle = round(angle / (math.pi / 4)) * (math.pi / 4)
    return QPointF(start.x() + length * math.cos(angle), start.y() + length * math.sin(angle))
