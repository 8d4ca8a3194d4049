"""The layers of a tomogram in napari: made when they are needed first, then kept and changed.

To take a layer away and make it anew costs some tenths of a second, most of it in napari's looking for
garbage; to change one costs a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets import style
from widgets.explorer.meshing import Mesh

if TYPE_CHECKING:
    from napari.components import ViewerModel

# what is seen through comes after what is inside
_ORDER: Final = ("slab", "points", "solids", "surface", "rings")
_UNITS: Final = ("angstrom",) * 3
#: More balls than this are drawn with hard edges.
_FEW: Final = 20_000
#: Slabs of so many sizes are kept: one for each axis.
_SLABS: Final = 3


class SceneLayers:
    """Shows, changes and hides layers.

    Parameters
    ----------
    model : ViewerModel
        The viewer.
    """

    def __init__(self, model: ViewerModel) -> None:
        self._model = model
        self.by_name: dict[str, Any] = {}

    def hide(self, name: str) -> None:
        """Show a layer no more."""
        layer = self.by_name.get(name)
        if layer is not None and layer.visible:
            layer.visible = False

    def shows(self, name: str) -> bool:
        """Whether a layer is there and seen."""
        layer = self.by_name.get(name)
        return layer is not None and bool(layer.visible)

    def hide_slab(self, but: str = "") -> None:
        """Show no slab, or only this one."""
        for name in self.by_name:
            if name.startswith("slab") and name != but:
                self.hide(name)

    def set_slab(self, corners: NDArray[np.float32], grey: NDArray[np.uint8]) -> None:
        """Show a picture ``[v, u]`` between four corners (z, y, x), counted around it."""
        faces = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
        data = (corners, faces, np.ones(4, np.float32))
        texture = np.repeat(grey[..., None], 3, axis=2)
        # a texture of another size cannot be put on a layer: one for each
        name = f"slab {grey.shape[0]} {grey.shape[1]}"
        self.hide_slab(but=name)
        layer = self.by_name.get(name)
        if layer is not None:
            # three assignments, of which the drawing is told once
            with layer.events.set_data.blocker():
                layer.data = data
            layer.texture = texture
            self._reveal(layer)
            return
        from napari.layers import Surface

        slabs = [other for other in self.by_name if other.startswith("slab")]
        for other in slabs[: len(slabs) + 1 - _SLABS]:
            self._model.layers.remove(self.by_name.pop(other))
        # rows of a texture are counted from its upper edge, as y and z grow upward here
        places = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
        layer = Surface(
            data,
            name=name,
            texture=texture,
            texcoords=places,
            shading="none",
            colormap="gray",
            contrast_limits=(0.0, 1.0),
            blending="translucent_no_depth",
            units=_UNITS,
        )
        self._add(name, layer)

    def set_mesh(self, name: str, mesh: Mesh, colours: NDArray[np.float32], opacity: float) -> None:
        """Show triangles with a colour ``(N, 4)`` at each vertex."""
        data = (mesh.vertices, mesh.faces, np.ones(len(mesh.vertices), np.float32))
        blending = "translucent" if opacity < 1 or colours[:, 3].min(initial=1) < 1 else "opaque"
        layer = self.by_name.get(name)
        if layer is not None:
            # two assignments, of which the drawing is told once: in between the lengths differ
            with layer.events.set_data.blocker():
                layer.vertex_colors = None
                layer.data = data
            layer.vertex_colors = colours
            _assign(layer, opacity=opacity, blending=blending)
            self._reveal(layer)
            return
        from napari.layers import Surface

        layer = Surface(
            data,
            name=name,
            shading="none",
            vertex_colors=colours,
            contrast_limits=(0.0, 1.0),
            opacity=opacity,
            blending=blending,
            units=_UNITS,
        )
        self._add(name, layer)

    def light(self, name: str, colours: NDArray[np.float32]) -> None:
        """Change the colours ``(N, 4)`` of triangles that are shown."""
        self.by_name[name].vertex_colors = colours

    def set_balls(
        self, places: NDArray[np.float32], colours: NDArray[np.float32], size_a: float, opacity: float
    ) -> None:
        """Show balls ``(N, 3)`` in their colours ``(N, 4)``; at no opacity they are only known."""
        layer = self.by_name.get("points")
        if layer is None:
            from napari.layers import Points

            layer = Points(
                places,
                name="points",
                size=size_a,
                face_color=colours,
                # a light rim, so that dark balls are seen on the dark of a slab
                border_width=0.12,
                border_color="#d0d4da",
                shading="none",
                antialiasing=1 if len(places) <= _FEW else 0,
                opacity=opacity,
                blending="translucent",
                visible=opacity > 0,
                units=_UNITS,
            )
            self._add("points", layer)
            return
        if opacity <= 0:
            self.hide("points")
        _move(layer, places, size_a)
        if not np.array_equal(layer.face_color, colours):
            layer.face_color = colours
        if opacity > 0:
            _assign(layer, opacity=opacity, antialiasing=1 if len(places) <= _FEW else 0)
            self._reveal(layer)

    def set_rings(self, places: NDArray[np.float32], size_a: float) -> None:
        """Show rings ``(N, 3)``."""
        colour = style.colour("accent").name()
        layer = self.by_name.get("rings")
        if layer is None:
            from napari.layers import Points

            layer = Points(
                places,
                name="rings",
                size=size_a,
                face_color="transparent",
                border_color=colour,
                border_width=0.08,
                blending="translucent_no_depth",
                units=_UNITS,
            )
            layer.metadata["colour"] = colour
            self._add("rings", layer)
            return
        _move(layer, places, size_a)
        if layer.metadata["colour"] != colour:
            layer.metadata["colour"] = layer.border_color = colour
        self._reveal(layer)

    def _reveal(self, layer: Any) -> None:
        if not layer.visible:
            layer.visible = True

    def _add(self, name: str, layer: Any) -> None:
        place = sum(_rank(other) < _rank(name) for other in self.by_name)
        self._model.layers.insert(place, layer)
        self._model.layers.selection.clear()
        self.by_name[name] = layer


def _rank(name: str) -> int:
    return _ORDER.index(name.split()[0])


def _move(layer: Any, places: NDArray[np.float32], size_a: float) -> None:
    """Put points at other places; new ones take the size of all."""
    changed = len(layer.data) != len(places) or not np.array_equal(layer.data, places)
    resized = changed or not len(layer.size) or layer.size[0] != np.float32(size_a)
    if changed:
        layer.data = places
    if resized:
        layer.size = size_a


def _assign(layer: Any, **values: Any) -> None:
    for name, value in values.items():
        if getattr(layer, name) != value:
            setattr(layer, name, value)
