"""The layers of the map in napari, their light, and the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer import graphics, map_colours, map_shapes
from widgets.explorer.map_content import Picture, PointsContent, SurfaceContent

if TYPE_CHECKING:
    from napari.layers import Points, Surface

View = Literal["front", "back", "side", "top"]

# Drawn in this order, translucent ones last; everything from "points beside" on stands in the second view.
_ORDER: Final = (
    "points", "atoms", "arrows", "bonds", "map", "gain", "loss", "points of other", "other",
    "consensus points", "consensus", "faint", "points beside", "beside",
)  # fmt: skip
_BESIDE: Final = ("points beside", "beside")
_OPACITY: Final = {"consensus": 0.33, "faint": 0.25, "other": 0.55}
# (z, y, x) of where the eye looks, and of what is up
_VIEWS: Final[dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "front": ((-1, 0, 0), (0, 1, 0)),
    "back": ((1, 0, 0), (0, 1, 0)),
    "side": ((0, 0, -1), (0, 1, 0)),
    "top": ((0, -1, 0), (-1, 0, 0)),
}
_MARGIN: Final = 1.06
_ANGSTROM: Final = ("angstrom",) * 3


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
        self._layers: dict[str, Any] = {}
        self._shown: dict[str, SurfaceContent] = {}
        self._places: dict[str, PointsContent] = {}
        self._ball: tuple[NDArray[Any], float] = (np.zeros(3), 0.0)
        self._half_side = 0.0
        self._size = tuple(self.model.canvas.size)
        self.dark = False
        self.model.dims.axis_labels = ("z", "y", "x")
        overlays = self.model.canvas.overlays
        overlays.scale_bar.visible = True
        overlays.scale_bar.ticks = False
        overlays.axes.visible = False
        self.camera = self.model.scene.camera
        self.camera.events.angles.connect(self._on_turned)
        self.model.canvas.events.size.connect(self._on_resized)
        # keys belong to the window: napari would switch dimensions, delete layers and more
        self._canvas: QWidget = self.view.canvas.native
        for widget in (self.view, self._canvas):
            widget.installEventFilter(self)
            widget.setAcceptDrops(False)
        self._canvas.setObjectName("explorer_map_picture")
        if isinstance(self._canvas, QOpenGLWidget):
            self._canvas.frameSwapped.connect(self.drawn)
        self._canvas.setToolTip("Left drag: turn · Shift + drag: move · wheel: zoom · double-click: fit")

    def close(self) -> None:
        """End the view."""
        self.camera.events.angles.disconnect(self._on_turned)
        self.model.canvas.events.size.disconnect(self._on_resized)
        for widget in (self.view, self._canvas):
            widget.removeEventFilter(self)
        self._layers, self._shown, self._places = {}, {}, {}
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

    # -- what is seen --------------------------------------------------------------------------------------

    def apply(self, picture: Picture) -> None:
        """Show a picture, and nothing else."""
        self._half_side = max(self._half_side, picture.half_side_a)
        wanted = picture.surfaces.keys() | picture.points.keys()
        for name, content in picture.surfaces.items():
            if content.mesh.is_empty:
                wanted = wanted - {name}
                continue
            if self._shown.get(name) is not content:
                self._set_surface(name, content)
        for name, places in picture.points.items():
            self._set_points(name, places)
        for name, layer in self._layers.items():
            layer.visible = name in wanted
        for name in [name for name in self._shown if name not in wanted]:
            del self._shown[name]
        self._split(any(name in wanted for name in _BESIDE))
        self._ball = (picture.centre_a, picture.radius_a)

    def _set_surface(self, name: str, content: SurfaceContent) -> None:
        self._shown[name] = content
        mesh = content.mesh
        # two corners of the box belong to no triangle: the layer keeps its extent, which saves napari much work
        corners = np.array([[-self._half_side] * 3, [self._half_side] * 3], np.float32)
        vertices = np.concatenate([corners, mesh.vertices])
        faces = mesh.faces + np.uint32(2)
        values, colours = self._light(content)
        layer: Surface | None = self._layers.get(name)
        if layer is None:
            from napari.layers import Surface

            layer = Surface(
                (vertices, faces, values),
                name=name,
                shading="none",
                contrast_limits=(0.0, 1.0),
                vertex_colors=colours,
                opacity=_OPACITY.get(name, 1.0),
                blending="translucent" if name in _OPACITY else "opaque",
                units=_ANGSTROM,
                colormap=self._ramp(name),
            )
            self._add(name, layer)
            return
        had_colours = layer.vertex_colors is not None
        if colours is None and not had_colours:
            layer.data = (vertices, faces, values)
            return
        # two assignments, of which the drawing is told once: in between their lengths differ
        with layer.events.set_data.blocker():
            if colours is None:
                layer.vertex_colors = None
            else:
                layer.data = (vertices, faces, values)
        if colours is None:
            layer.data = (vertices, faces, values)
        else:
            layer.vertex_colors = colours

    def _light(self, content: SurfaceContent) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return brightness of vertices, and their lit colours when they have some."""
        eye = -np.asarray(self.camera.view_direction, np.float32)
        bright = map_shapes.shade(content.mesh.normals, eye, self.camera.up_direction)
        corners = np.zeros(2, np.float32)
        values = np.concatenate([corners, bright])
        if content.colours is None:
            return values, None
        colours = map_shapes.lit_colours(content.colours, bright)
        return values, np.concatenate([np.zeros((2, 4), np.float32), colours])

    def _ramp(self, name: str) -> Any:
        """Return the colours of a kind of surface from darkness to a gleam."""
        from napari.utils.colormaps import Colormap

        kind = name if name in ("other", "consensus", "faint", "gain", "loss") else "map"
        base = map_colours.tint(kind, dark=self.dark)
        stops = np.stack([base * 0.0, base, base + (1 - base) * 1.0])
        return Colormap(
            np.hstack([stops, np.ones((3, 1))]), controls=[0.0, 0.75, 1.0], name=f"{kind} {self.dark}"
        )

    def _set_points(self, name: str, content: PointsContent) -> None:
        before = self._places.get(name)
        if before is content:
            return
        self._places[name] = content
        corners = np.array([[-self._half_side] * 3, [self._half_side] * 3], np.float32)
        places = np.concatenate([corners, content.places])
        colours = np.concatenate([np.zeros((2, 4), np.float32), content.colours])
        layer: Points | None = self._layers.get(name)
        if layer is not None and before is not None and len(before.places) == len(content.places):
            layer.data = places
            if not np.array_equal(before.colours, content.colours):
                layer.face_color = colours
            if before.diameter_a != content.diameter_a:
                layer.size = content.diameter_a
            return
        if layer is not None:
            self.model.layers.remove(layer)
            del self._layers[name]
        from napari.layers import Points

        few = len(places) <= 3000
        shown = np.ones(len(places), bool)
        shown[:2] = False
        layer = Points(
            places,
            name=name,
            size=content.diameter_a,
            face_color=colours,
            border_width=0,
            shown=shown,
            shading="spherical" if few else "none",
            antialiasing=1 if few else 0,
            opacity=0.45 if name == "consensus points" else 1.0,
            units=_ANGSTROM,
        )
        self._add(name, layer)

    def _add(self, name: str, layer: Any) -> None:
        place = sum(_ORDER.index(other) < _ORDER.index(name) for other in self._layers)
        self.model.layers.insert(place, layer)
        self.model.layers.selection.clear()
        self._layers[name] = layer

    def _split(self, apart: bool) -> None:
        """Show one view, or two side by side whose cameras move together."""
        grid = self.model.canvas.grid
        if apart:
            # the first view has as many layers as there are before the second
            grid.stride = sum(name not in _BESIDE for name in self._layers)
            grid.shape = (1, 2)
        if grid.enabled != apart:
            grid.enabled = apart
            self._zoom_by(0.5 if apart else 2.0)

    # -- camera and light ----------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole molecule, from where the camera stands."""
        centre, radius = self._ball
        height, width = self.model.canvas.size
        if self.model.canvas.grid.enabled:
            width = width / 2
        self.camera.center = tuple(float(c) for c in centre)
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
        for name, content in self._shown.items():
            layer = self._layers[name]
            values, colours = self._light(content)
            if colours is None:
                layer.vertex_values = values
            else:
                layer.vertex_colors = colours

    def _on_resized(self, _event: Any = None) -> None:
        """Keep the molecule as large in the pane as it was."""
        before, now = self._size, tuple(self.model.canvas.size)
        self._size = now
        if min(before) > 0 and min(now) > 0:
            self._zoom_by(min(now) / min(before))

    def _zoom_by(self, factor: float) -> None:
        self.camera.zoom = self.camera.zoom * factor

    # -- looks ---------------------------------------------------------------------------------------------

    def set_theme(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self.dark = dark
        self.model.canvas.background_color_override = style.colours().surface
        for name in self._shown:
            self._layers[name].colormap = self._ramp(name)

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
