"""The napari view of a tomogram: a slab or a surface of it, and the particles in it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from widgets import style
from widgets.explorer import graphics, map_shapes
from widgets.explorer.meshing import Mesh
from widgets.tomogram.instances import Solids
from widgets.tomogram.scene_layers import SceneLayers
from widgets.tomogram.slab import AXES, SlabPicture

# (z, y, x) of where the eye looks, and of what is up, to look straight at slabs across z, y, x
_VIEWS: Final = {
    "z": ((-1, 0, 0), (0, 1, 0)),
    "y": ((0, 1, 0), (1, 0, 0)),
    "x": ((0, 0, -1), (1, 0, 0)),
}
_MARGIN: Final = 1.08
#: Surfaces with more vertices keep the light that they had when they were made.
_MOST_LIT: Final = 200_000


class TomogramScene(QObject):
    """Draws; decides nothing.

    Signals
    -------
    drawn
        A frame is on the screen.
    turned
        The camera has moved: everything is elsewhere on the screen.
    """

    drawn = Signal()
    turned = Signal()

    def __init__(self, smooth_edges: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.model, self.view = graphics.make_viewer(smooth_edges)
        self.view.setObjectName("tomogram_canvas")
        self.layers = SceneLayers(self.model)
        self._extent = np.ones(3)
        self._solids: Solids | None = None
        self._solid_colours: NDArray[np.float32] = np.zeros((0, 4), np.float32)
        self._surface: Mesh | None = None
        self.model.dims.axis_labels = ("z", "y", "x")
        overlays = self.model.canvas.overlays
        overlays.scale_bar.visible = True
        overlays.scale_bar.ticks = False
        overlays.axes.visible = False
        self.camera = self.model.scene.camera
        self.camera.events.connect(self._on_camera)
        self.canvas: QWidget = self.view.canvas.native
        for widget in (self.view, self.canvas):
            widget.installEventFilter(self)
            widget.setAcceptDrops(False)
        if isinstance(self.canvas, QOpenGLWidget):
            self.canvas.frameSwapped.connect(self.drawn)

    def close(self) -> None:
        """End the view."""
        self.camera.events.disconnect(self._on_camera)
        for widget in (self.view, self.canvas):
            widget.removeEventFilter(self)
        self.view.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep keys and drops from napari: they belong to the window."""
        if event.type() in (
            *(QEvent.Type.KeyPress, QEvent.Type.KeyRelease),
            *(QEvent.Type.DragEnter, QEvent.Type.Drop),
        ):
            event.ignore()
            return True
        return False

    # -- what is shown -------------------------------------------------------------------------------------

    def set_extent(self, extent_a: NDArray[np.float64]) -> None:
        """Take the size z, y, x in Å of what is looked at."""
        self._extent = np.maximum(extent_a, 1.0)

    def set_slab(self, picture: SlabPicture | None, limits: tuple[float, float] | None = None) -> None:
        """Show a slab, or none; densities at `limits` are black and white."""
        if picture is None:
            self.layers.hide_slab()
            return
        low, high = limits or picture.limits
        shade = (picture.image - low) * (255 / max(high - low, 1e-30))
        grey = np.clip(shade, 0, 255, out=shade).astype(np.uint8)
        axis = AXES.index(picture.slab.axis)
        v, u = (k for k in range(3) if k != axis)
        corners = np.repeat(picture.low[None], 4, axis=0)
        corners[[2, 3], v] = picture.high[v]
        corners[[1, 2], u] = picture.high[u]
        self.layers.set_slab(corners.astype(np.float32), grey)

    def set_surface(self, mesh: Mesh | None) -> None:
        """Show a surface of the tomogram, or none."""
        self._surface = None if mesh is None or mesh.is_empty else mesh
        if self._surface is None:
            self.layers.hide("surface")
            return
        grey = np.tile(np.array([[0.62, 0.65, 0.7, 1.0]], np.float32), (len(self._surface.vertices), 1))
        self._set_mesh("surface", self._surface, grey, opacity=0.45)

    def set_points(
        self, places: NDArray[Any], colours: NDArray[np.float32], size_a: float, opacity: float
    ) -> None:
        """Show particles as balls at ``(N, 3)`` places (z, y, x), with colours ``(N, 4)``."""
        if not len(places):
            self.layers.hide("points")
            return
        self.layers.set_balls(np.asarray(places, np.float32), colours, size_a, opacity)

    def set_rings(self, places: NDArray[Any], size_a: float) -> None:
        """Mark selected particles by rings."""
        if not len(places):
            self.layers.hide("rings")
            return
        self.layers.set_rings(np.asarray(places, np.float32), size_a)

    def set_solids(self, solids: Solids | None, colours: NDArray[np.float32], opacity: float = 1.0) -> None:
        """Show maps or arrows, in colours ``(P, 4)`` of their particles."""
        self._solids = None if solids is None or solids.mesh.is_empty else solids
        if self._solids is None:
            self.layers.hide("solids")
            return
        self._solid_colours = np.asarray(colours, np.float32)[self._solids.owner]
        self._set_mesh("solids", self._solids.mesh, self._solid_colours, opacity)

    def _set_mesh(self, name: str, mesh: Mesh, colours: NDArray[np.float32], opacity: float) -> None:
        self.layers.set_mesh(name, mesh, self._lit(mesh, colours), opacity)

    def _lit(self, mesh: Mesh, colours: NDArray[np.float32]) -> NDArray[np.float32]:
        eye = -np.asarray(self.camera.view_direction, np.float32)
        bright = map_shapes.shade(mesh.normals, eye, self.camera.up_direction)
        lit = map_shapes.lit_colours(colours[:, :3], bright)
        lit[:, 3] = colours[:, 3]
        return np.asarray(lit, np.float32)

    # -- camera --------------------------------------------------------------------------------------------

    def look(self, axis: str) -> None:
        """Look straight at slabs across an axis, from where their picture is upright."""
        direction, up = _VIEWS[axis]
        self.camera.set_view_direction(direction, up)

    def fit(self) -> None:
        """Show the whole tomogram."""
        height, width = self.model.canvas.size
        self.camera.center = tuple(float(v) / 2 for v in self._extent)
        direction = np.abs(np.asarray(self.camera.view_direction))
        up = np.abs(np.asarray(self.camera.up_direction))
        across = np.cross(direction, up)
        tall, wide = float(np.abs(up) @ self._extent), float(np.abs(across) @ self._extent)
        self.camera.zoom = min(height / (_MARGIN * max(tall, 1.0)), width / (_MARGIN * max(wide, 1.0)))

    def project(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """Return where ``(N, 3)`` places (z, y, x) are seen: ``(N, 3)`` pixels of the canvas and depth."""
        known = self.layers.by_name
        # all have the same transform
        layer = next(iter(known.values()), None)
        if layer is None or not len(places):
            return np.full((len(places), 3), np.nan)
        node = self.view.canvas.layer_to_visual[layer].node
        transform = node.transforms.get_transform("visual", "canvas")
        full = np.ones((len(places), 4))
        full[:, :3] = np.asarray(places, float)[:, ::-1]
        seen = np.asarray(transform.map(full), float)
        return np.asarray(seen[:, :3] / seen[:, 3:])

    def _on_camera(self, _event: Any = None) -> None:
        for name in ("solids", "surface"):
            mesh = self._surface if name == "surface" else (self._solids.mesh if self._solids else None)
            if self.layers.shows(name) and mesh is not None and len(mesh.vertices) < _MOST_LIT:
                colours = self._solid_colours
                if name == "surface":
                    colours = np.tile(np.array([[0.62, 0.65, 0.7, 1.0]], np.float32), (len(mesh.vertices), 1))
                self.layers.light(name, self._lit(mesh, colours))
        self.turned.emit()

    def set_theme(self) -> None:
        """Take the colours of the theme."""
        self.model.canvas.background_color_override = style.colours().surface

    def draw(self) -> None:
        """Draw a frame soon, even if nothing has changed."""
        self.canvas.update()

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen, ``(H, W, 3)``."""
        return np.ascontiguousarray(self.view.screenshot(flash=False)[..., :3])
