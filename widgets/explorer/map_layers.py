"""The layers of the map in napari, and the light on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import map_colours, map_shapes
from widgets.explorer.map_content import Picture, PointsContent, SurfaceContent

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Points, Surface

# Drawn in this order, translucent ones last; everything from "points beside" on stands in the second view.
_ORDER: Final = (
    "points", "atoms", "arrows", "bonds", "map", "gain", "loss", "points of other", "other",
    "consensus points", "veil", "consensus", "faint", "points beside", "beside", "veil beside",
)  # fmt: skip
_BESIDE: Final = ("points beside", "beside", "veil beside")
#: A veil is a map with something inside.
_OPACITY: Final = {"consensus": 0.33, "faint": 0.25, "other": 0.55, "veil": 0.4, "veil beside": 0.4}
_ANGSTROM: Final = ("angstrom",) * 3
#: More points than this are drawn as plain discs: round ones cost too much without a graphics card.
_MOST_ROUND: Final = 3000


class MapLayers:
    """Shows pictures as layers of a napari viewer; layers are made when they are needed first.

    Parameters
    ----------
    model : ViewerModel
        The viewer; its camera says from where the light comes.
    """

    def __init__(self, model: ViewerModel) -> None:
        self._model = model
        self._layers: dict[str, Any] = {}
        self._surfaces: dict[str, SurfaceContent] = {}
        self._points: dict[str, PointsContent] = {}
        self._half_side = 0.0
        self._dark = False

    def apply(self, picture: Picture) -> None:
        """Show a picture, and nothing else."""
        self._half_side = max(self._half_side, picture.half_side_a)
        surfaces = {name: s for name, s in picture.surfaces.items() if not s.mesh.is_empty}
        for name, content in surfaces.items():
            before = self._surfaces.get(name)
            same = before is not None and before.mesh is content.mesh
            if not same or content.colours is not None or (before and before.colours is not None):
                self._set_surface(name, content)
        for name, places in picture.points.items():
            self._set_points(name, places)
        wanted = surfaces.keys() | picture.points.keys()
        for name, layer in self._layers.items():
            if layer.visible != (name in wanted):
                layer.visible = name in wanted
        self._surfaces = surfaces

    @property
    def stands_apart(self) -> bool:
        """Whether two states are to be seen side by side."""
        return any(name in self._layers and self._layers[name].visible for name in _BESIDE)

    @property
    def in_first_view(self) -> int:
        """How many layers belong to the first of two views."""
        return sum(name not in _BESIDE for name in self._layers)

    def relight(self) -> None:
        """Let the light come from the camera again, after it has moved."""
        for name, content in self._surfaces.items():
            layer = self._layers[name]
            values, colours = self._light(content)
            if colours is None:
                layer.vertex_values = values
            else:
                layer.vertex_colors = colours

    def set_theme(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self._dark = dark
        for name, layer in self._layers.items():
            if name not in self._points:
                layer.colormap = self._ramp(name)

    # -- surfaces ------------------------------------------------------------------------------------------

    def _set_surface(self, name: str, content: SurfaceContent) -> None:
        # two corners of the box belong to no triangle: an extent that stays saves napari much work
        vertices = np.concatenate([self._corners(), content.mesh.vertices])
        faces = content.mesh.faces + np.uint32(2)
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
        elif colours is not None:
            # two assignments, of which the drawing is told once: in between the lengths differ
            with layer.events.set_data.blocker():
                layer.data = (vertices, faces, values)
            layer.vertex_colors = colours
        else:
            if layer.vertex_colors is not None:
                with layer.events.set_data.blocker():
                    layer.vertex_colors = None
            layer.data = (vertices, faces, values)

    def _corners(self) -> NDArray[np.float32]:
        return np.array([[-self._half_side] * 3, [self._half_side] * 3], np.float32)

    def _light(self, content: SurfaceContent) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return brightness of vertices, and their lit colours when they have some."""
        camera = self._model.scene.camera
        eye = -np.asarray(camera.view_direction, np.float32)
        bright = map_shapes.shade(content.mesh.normals, eye, camera.up_direction)
        values = np.concatenate([np.zeros(2, np.float32), bright])
        if content.colours is None:
            return values, None
        colours = map_shapes.lit_colours(content.colours, bright)
        return values, np.concatenate([np.zeros((2, 4), np.float32), colours])

    def _ramp(self, name: str) -> Any:
        """Return the colours of a kind of surface from darkness over its own to a gleam."""
        from napari.utils.colormaps import Colormap

        base = map_colours.tint(name, dark=self._dark)
        stops = np.hstack([np.stack([0 * base, base, np.ones(3)]), np.ones((3, 1))])
        return Colormap(stops, controls=[0.0, 0.75, 1.0], name=f"{name} {self._dark}")

    # -- points --------------------------------------------------------------------------------------------

    def _set_points(self, name: str, content: PointsContent) -> None:
        before = self._points.get(name)
        self._points[name] = content
        places = np.concatenate([self._corners(), content.places])
        colours = np.concatenate([np.zeros((2, 4), np.float32), content.colours])
        layer: Points | None = self._layers.get(name)
        if layer is not None and before is not None and len(before.places) == len(content.places):
            if not np.array_equal(before.places, content.places):
                layer.data = places
            if not np.array_equal(before.colours, content.colours):
                layer.face_color = colours
            if before.diameter_a != content.diameter_a:
                layer.size = content.diameter_a
            return
        if layer is not None:
            self._model.layers.remove(layer)
            del self._layers[name]
        from napari.layers import Points

        is_round = len(places) <= _MOST_ROUND
        shown = np.ones(len(places), bool)
        shown[:2] = False
        layer = Points(
            places,
            name=name,
            size=content.diameter_a,
            face_color=colours,
            border_width=0,
            shown=shown,
            shading="spherical" if is_round else "none",
            antialiasing=1 if is_round else 0,
            opacity=0.45 if name == "consensus points" else 1.0,
            units=_ANGSTROM,
        )
        self._add(name, layer)

    def _add(self, name: str, layer: Any) -> None:
        place = sum(_ORDER.index(other) < _ORDER.index(name) for other in self._layers)
        self._model.layers.insert(place, layer)
        # napari outlines chosen layers and gives them the keys
        self._model.layers.selection.clear()
        self._layers[name] = layer
