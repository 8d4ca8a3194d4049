"""Gaussians, their colours and arrows, and atoms, as the map shows them; runs in a thread."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from jobs.core.exploring import Atoms
from widgets.explorer import map_colours, map_shapes
from widgets.explorer.map_colours import ColourKey, ValueScale
from widgets.explorer.map_content import Colours, Picture, PointsContent, SurfaceContent
from widgets.explorer.map_options import POSITION, MapOptions
from widgets.explorer.map_recent import Recent
from widgets.explorer.map_state import MapState
from widgets.explorer.meshing import Mesh

_REMEMBERED_MB: Final = 120
_DISPLACEMENT: Final = "displacement (Å)"
_MOST_ARROWS: Final = 400
_SHORTEST_ARROW_A: Final = 0.3
_MOST_ROUND_ATOMS: Final = 3000


class Gaussians:
    """Makes what is drawn of Gaussians and atoms; remembers the scales on which values are shown."""

    def __init__(self) -> None:
        self._recent = Recent(_REMEMBERED_MB)
        self._scales: dict[str, ValueScale] = {}

    def forget_scales(self) -> None:
        """Begin new colour scales, for another model."""
        self._scales = {}

    def colours(self, state: MapState, options: MapOptions) -> tuple[Colours | None, ColourKey | None]:
        """Return colours of Gaussians ``(N, 3)`` and what they mean."""
        if state.points_a is None:
            return None, None
        if options.colour_by == POSITION:
            place = state.rest_a if state.rest_a is not None else state.points_a
            return map_colours.of_places(place), ColourKey(options.colour_by, 0.0, 0.0)
        values = state.point_values.get(options.colour_by)
        if values is None or len(values) != len(state.points_a):
            return None, None
        scale = self._scales.setdefault(options.colour_by, ValueScale())
        scale.include(values)
        low, high = scale.limits()
        key = ColourKey(options.colour_by, low, high)
        return map_colours.of_values(values, low, high), key

    def points(
        self, state: MapState, values: Colours | None, options: MapOptions, tint: str | None
    ) -> PointsContent:
        """Return Gaussians in colours of their own, or all in the colour of a kind of map."""
        places = state.rest_a if tint == "consensus" else state.points_a
        assert places is not None
        if values is None or tint is not None:
            plain = map_colours.tint(tint or "map", dark=options.dark)
            values = np.broadcast_to(plain, (len(places), 3))
        alpha = np.full((len(places), 1), 0.45 if tint == "consensus" else 1.0, np.float32)
        diameter = self.spacing(state) * options.point_size
        return PointsContent(
            np.ascontiguousarray(places[:, ::-1], np.float32), np.hstack([values, alpha]), diameter
        )

    def spacing(self, state: MapState) -> float:
        """Return how far apart neighbouring Gaussians lie, in Å."""
        rest = state.rest_a if state.rest_a is not None else state.points_a
        assert rest is not None
        if len(rest) < 2:
            return 3.0

        def make() -> tuple[float, int]:
            nearest, _ = cKDTree(rest).query(rest[:: max(1, len(rest) // 2000)], k=[2])
            return float(np.clip(1.1 * np.median(np.asarray(nearest)), 1.0, 12.0)), 100

        return float(self._recent.get([rest], ("spacing",), make))

    def on_surface(self, mesh: Mesh, state: MapState, values: Colours) -> Colours:
        """Return colours of vertices: those of the three nearest Gaussians, the nearest counting most."""
        if mesh.is_empty or state.points_a is None:
            return np.zeros((len(mesh.vertices), 3), np.float32)
        points = state.points_a

        def make() -> tuple[tuple[Any, Any], int]:
            tree = cKDTree(points[:, ::-1])
            count = min(3, len(points))
            distance, index = tree.query(mesh.vertices, k=list(range(1, count + 1)))
            weight = 1.0 / (np.asarray(distance) ** 2 + 1.0)
            weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
            return (index, weight), 2 * weight.nbytes

        index, weight = self._recent.get([mesh.vertices, points], ("nearest",), make)
        return np.einsum("nk,nkc->nc", weight, values[index]).astype(np.float32)

    def add_arrows(self, picture: Picture, reference: MapState | None) -> ColourKey | None:
        """Add arrows from where the Gaussians rest to where they are; return what their colours mean."""
        state, options = picture.request.state, picture.request.options
        if state is None or state.points_a is None or state.rest_a is None:
            return None
        chosen = self._spread(state.rest_a, reference, picture.level)
        starts = state.rest_a[chosen][:, ::-1]
        moved = state.points_a[chosen][:, ::-1] - starts
        length = np.linalg.norm(moved, axis=1)
        seen = length > _SHORTEST_ARROW_A
        starts, moved = starts[seen], moved[seen] * options.arrow_scale
        thickness = float(np.clip(0.005 * picture.half_side_a, 0.2, 1.2))
        mesh, owner = map_shapes.arrows(starts, starts + moved, thickness)
        if mesh.is_empty:
            return None
        scale = self._scales.setdefault(_DISPLACEMENT, ValueScale())
        scale.include(length)
        low, high = scale.limits()
        colours = map_colours.of_values(length[seen], low, high)
        picture.surfaces["arrows"] = SurfaceContent(mesh, colours[owner])
        return ColourKey(_DISPLACEMENT, low, high)

    def _spread(self, points: NDArray[Any], reference: MapState | None, level: float) -> NDArray[np.intp]:
        """Return rows of Gaussians spread evenly over the molecule, each far from those before.

        Gaussians outside the surface of the consensus carry next to no density, and how they move says
        nothing.
        """

        def make() -> tuple[NDArray[np.intp], int]:
            inside = np.arange(len(points))
            if reference is not None and reference.volume is not None:
                volume = reference.volume
                centre = (np.array(volume.shape) // 2)[:, None]
                places = points[:, ::-1].T / reference.voxel_size_a + centre
                density = ndimage.map_coordinates(np.asarray(volume, np.float32), places, order=1)
                dense = np.flatnonzero(density > 0.5 * level)
                inside = dense if len(dense) else inside
            if len(inside) <= _MOST_ARROWS:
                return inside, int(inside.nbytes)
            chosen = np.zeros(_MOST_ARROWS, np.intp)
            distance = np.full(len(inside), np.inf)
            for k in range(1, _MOST_ARROWS):
                step = points[inside] - points[inside[chosen[k - 1]]]
                distance = np.minimum(distance, (step**2).sum(1))
                chosen[k] = int(distance.argmax())
            return inside[chosen], int(chosen.nbytes)

        volumes = [reference.volume] if reference is not None and reference.volume is not None else []
        return self._recent.get([points, *volumes], ("spread", level if volumes else None), make)

    def add_atoms(self, picture: Picture, state: MapState, atoms: Atoms, *, dark: bool) -> None:
        """Add an atomic model: rods, and balls while there are not too many."""
        places = state.atoms_a
        if places is None or len(places) != len(atoms.points_a):
            places = atoms.points_a
        places = np.ascontiguousarray(places[:, ::-1], np.float32)
        colours = map_colours.of_elements(atoms.element, dark=dark)
        if len(atoms.bonds):
            mesh, owner = map_shapes.sticks(places, atoms.bonds, 0.35)
            picture.surfaces["bonds"] = SurfaceContent(mesh, colours[owner])
        if len(places) <= _MOST_ROUND_ATOMS or not len(atoms.bonds):
            picture.points["atoms"] = PointsContent(
                places, np.hstack([colours, np.ones((len(places), 1), np.float32)]), 1.4
            )
