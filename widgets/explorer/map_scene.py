"""The napari view of the map: its canvas, its camera, and one or two views side by side."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer import graphics
from widgets.explorer.map_content import Picture
from widgets.explorer.map_layers import MapLayers

View = Literal["front", "back", "side", "top"]

# (z, y, x) of where the eye looks, and of what is up
_VIEWS: Final[dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "front": ((-1, 0, 0), (0, 1, 0)),
    "back": ((1, 0, 0), (0, 1, 0)),
    "side": ((0, 0, -1), (0, 1, 0)),
    "top": ((0, -1, 0), (-1, 0, 0)),
}
_MARGIN: Final = 1.06


class MapScene(QObject):
    """Shows pictures in a napari view.

    Parameters
    ----------
    smooth_edges : bool
        Draw four samples per pixel.
    parent : QObject
        Owner.

    Signals
    -------
    double_clicked
        On the canvas.
    drawn
        A frame is on the screen.
    """

    double_clicked = Signal()
    drawn = Signal()

    def __init__(self, smooth_edges: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.model, self.view = graphics.make_viewer(smooth_edges)
        self._layers = MapLayers(self.model)
        self._ball: tuple[NDArray[Any], float] = (np.zeros(3), 0.0)
        self._zoom_later = 1.0
        self._size = tuple(self.model.canvas.size)
        self.model.dims.axis_labels = ("z", "y", "x")
        overlays = self.model.canvas.overlays
        overlays.scale_bar.visible = True
        overlays.scale_bar.ticks = False
        overlays.axes.visible = False
        overlays.axes.colored = False
        self.camera = self.model.scene.camera
        self.camera.events.angles.connect(self._on_turned)
        self.model.canvas.events.size.connect(self._on_resized)
        # keys belong to the window: napari would switch dimensions, delete layers and more
        self._canvas: QWidget = self.view.canvas.native
        for widget in (self.view, self._canvas):
            widget.installEventFilter(self)
            widget.setAcceptDrops(False)
        self._canvas.setObjectName("explorer_map_picture")
        self._canvas.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # its keys are those of the whole explorer
        if isinstance(self._canvas, QOpenGLWidget):
            self._canvas.frameSwapped.connect(self._on_frame)
        self._canvas.setToolTip("Left drag: turn · Shift + drag: move · wheel: zoom · double-click: fit")

    def close(self) -> None:
        """End the view."""
        self.camera.events.angles.disconnect(self._on_turned)
        self.model.canvas.events.size.disconnect(self._on_resized)
        for widget in (self.view, self._canvas):
            widget.removeEventFilter(self)
        self.view.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep keys, drops and double clicks from napari."""
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event.ignore()
            return True
        if kind in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            event.ignore()
            return True
        if kind is QEvent.Type.MouseButtonDblClick and isinstance(event, QMouseEvent):
            if event.button() is Qt.MouseButton.LeftButton:
                self.double_clicked.emit()
            return True
        return False

    def apply(self, picture: Picture) -> None:
        """Show a picture, and nothing else."""
        self._layers.apply(picture)
        self._split(self._layers.stands_apart)
        self._ball = (picture.centre_a, picture.radius_a)

    def _split(self, apart: bool) -> None:
        """Show one view, or two side by side whose cameras move together."""
        grid = self.model.canvas.grid
        if apart and grid.stride != self._layers.in_first_view:
            grid.stride = self._layers.in_first_view
        if grid.enabled != apart:
            grid.shape = (1, 2)
            grid.enabled = apart
            height, width = self.model.canvas.size
            narrow = min(height, width / 2) / max(min(height, width), 1)
            # the views have no size before they are drawn once, and napari cannot zoom before
            self._zoom_later *= narrow if apart else 1 / narrow

    # -- camera and light ----------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole molecule, from where the camera stands."""
        centre, radius = self._ball
        height, width = self.model.canvas.size
        if self.model.canvas.grid.enabled:
            width = width / 2
        self.camera.center = tuple(float(c) for c in centre)
        self._zoom_later = 1.0
        self.camera.zoom = min(height, width) / (2 * _MARGIN * max(radius, 1.0))

    def look(self, view: View) -> None:
        """Look from one of the standard sides."""
        direction, up = _VIEWS[view]
        self.camera.set_view_direction(direction, up)

    def turn(self, degrees: float) -> None:
        """Turn the molecule about the axis that is upright in the picture."""
        angle = np.radians(degrees)
        view, up = np.asarray(self.camera.view_direction), np.asarray(self.camera.up_direction)
        aside = np.cross(view, up)
        turned = view * np.cos(angle) + aside * np.sin(angle)
        self.camera.set_view_direction(tuple(turned), tuple(up))

    def _on_turned(self, _event: Any = None) -> None:
        self._layers.relight()

    def _on_resized(self, _event: Any = None) -> None:
        """Keep the molecule as large in the pane as it was."""
        before, now = self._size, tuple(self.model.canvas.size)
        self._size = now
        if min(before) > 0 and min(now) > 0:
            self._zoom_by(min(now) / min(before))

    def _on_frame(self) -> None:
        if self._zoom_later != 1.0:
            factor, self._zoom_later = self._zoom_later, 1.0
            self._zoom_by(factor)
            self.draw()
        else:
            self.drawn.emit()

    def _zoom_by(self, factor: float) -> None:
        self.camera.zoom = self.camera.zoom * factor

    # -- looks ---------------------------------------------------------------------------------------------

    def set_theme(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self.model.canvas.background_color_override = style.colours().surface
        self._layers.set_theme(dark)

    def show_axes(self, on: bool) -> None:
        """Show the directions of x, y and z in a corner."""
        self.model.canvas.overlays.axes.visible = on

    def show_scale_bar(self, on: bool) -> None:
        """Show a bar of a round number of Å."""
        self.model.canvas.overlays.scale_bar.visible = on

    def draw(self) -> None:
        """Draw a frame soon, even if nothing has changed; `drawn` tells when."""
        self._canvas.update()

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen, ``(H, W, 3)``."""
        return np.ascontiguousarray(self.view.screenshot(flash=False)[..., :3])
