"""From a state of the molecule to triangles and points with colours; all of it runs in a thread."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from jobs.core.exploring import Atoms
from widgets.explorer import map_colours, map_shapes
from widgets.explorer.map_colours import ColourKey, ValueScale
from widgets.explorer.map_levels import Levels, difference_levels, levels_of
from widgets.explorer.map_options import POSITION, MapOptions
from widgets.explorer.map_state import MapState
from widgets.explorer.meshing import EMPTY, Mesh, surface

Colours = NDArray[np.float32]

#: Memory for surfaces that were made before, so that a trajectory plays a second time without making them.
REMEMBERED_MB: Final = 300
_MOST_ARROWS: Final = 400
_MOST_ROUND_ATOMS: Final = 3000


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be shown; `number` tells one wish from another."""

    number: int
    state: MapState | None
    consensus: MapState | None
    other: MapState | None
    atoms: Atoms | None
    options: MapOptions


@dataclass(frozen=True, eq=False)
class SurfaceContent:
    """Triangles with colours ``(N, 3)`` of their own, or in the colour of their kind (None)."""

    mesh: Mesh
    colours: Colours | None = None


@dataclass(frozen=True, eq=False)
class PointsContent:
    """Places ``(N, 3)`` (z, y, x) in Å, colours ``(N, 4)`` and the diameter in Å."""

    places: NDArray[np.float32]
    colours: Colours
    diameter_a: float


@dataclass(frozen=True, eq=False)
class Picture:
    """Everything that is to be seen for a request.

    Attributes
    ----------
    surfaces, points
        By the names of layers, see :mod:`widgets.explorer.map_scene`.
    level, levels
        Of the maps.
    difference_level, differences
        Of the difference map, None without one.
    key
        What the colours mean, None for one colour.
    centre_a, radius_a
        A ball around the molecule, centre as (z, y, x).
    half_side_a
        Half the side of the box.
    hint
        What is missing, in words.
    """

    request: Request
    surfaces: dict[str, SurfaceContent] = field(default_factory=dict)
    points: dict[str, PointsContent] = field(default_factory=dict)
    level: float = 0.0
    levels: Levels | None = None
    difference_level: float = 0.0
    differences: Levels | None = None
    key: ColourKey | None = None
    centre_a: NDArray[np.float32] = field(default_factory=lambda: np.zeros(3, np.float32))
    radius_a: float = 0.0
    half_side_a: float = 1.0
    hint: str = ""


class Recent:
    """Values made from arrays, kept while there is room and the arrays live."""

    def __init__(self, megabytes: float) -> None:
        self._room = megabytes * 1e6
        self._kept: OrderedDict[tuple[Any, ...], tuple[list[Any], Any, int]] = OrderedDict()
        self._size = 0

    def get(self, sources: list[Any], extra: tuple[Any, ...], make: Callable[[], tuple[Any, int]]) -> Any:
        """Return what `make` returns (a value, and its size in bytes), or the same as before."""
        key = (*(id(source) for source in sources), *extra)
        found = self._kept.get(key)
        # an identity may belong to another array by now
        if found is not None and all(r() is s for r, s in zip(found[0], sources, strict=True)):
            self._kept.move_to_end(key)
            return found[1]
        if found is not None:
            self._forget(key)
        value, size = make()
        self._kept[key] = ([weakref.ref(source) for source in sources], value, size)
        self._size += size
        while self._size > self._room and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return value

    def _forget(self, key: tuple[Any, ...]) -> None:
        self._size -= self._kept.pop(key)[2]


class Preparer:
    """Makes pictures; remembers surfaces, and the scales on which values are shown."""

    def __init__(self) -> None:
        self._meshes = Recent(REMEMBERED_MB)
        self._small = Recent(60)
        self._scales: dict[str, ValueScale] = {}

    def forget_scales(self) -> None:
        """Begin new colour scales, for another model."""
        self._scales = {}

    def prepare(self, request: Request) -> Picture:
        """Return what is to be seen."""
        state, options, other = request.state, request.options, request.other
        reference = next(
            (s for s in (request.consensus, state) if s is not None and s.volume is not None), None
        )
        if state is None:
            return Picture(request)
        levels: Levels | None = None
        if reference is not None:
            volume = reference.volume
            levels = self._small.get([volume], ("levels",), lambda: (levels_of(volume), 2000))  # type: ignore[arg-type]
        level = options.level if options.level is not None else levels.automatic if levels else 0.0
        half = _half_side(reference or state)
        picture = Picture(request, level=level, levels=levels, half_side_a=half)
        comparing = other is not None and other is not state
        difference = comparing and options.comparison == "difference"
        if difference and (state.volume is None or other is None or other.volume is None):
            difference = comparing = False
        with_map = options.representation != "points" and state.volume is not None
        with_points = options.representation != "map" or state.volume is None
        values, key = self._values(state, options)
        if with_map:
            mesh = self._mesh(state, level)
            name = "faint" if difference else "map"
            colours = None
            if options.colour_map and values is not None and not difference:
                colours = self._on_surface(mesh, state, values)
            picture.surfaces[name] = SurfaceContent(mesh, colours)
            if mesh.is_empty:
                picture = replace(picture, hint=f"No density above {level:.3g}: lower the level")
        if difference and other is not None:
            picture = self._add_difference(picture, state, other)
        elif comparing and other is not None:
            apart = options.comparison == "side by side"
            if with_map and other.volume is not None:
                picture.surfaces["beside" if apart else "other"] = self._other(other, level, options, apart)
            if with_points and other.points_a is not None:
                other_values, _ = self._values(other, options)
                tint = None if apart else "other"
                picture.points["points beside" if apart else "points of other"] = self._points(
                    other, other_values, options, tint
                )
        if with_points and state.points_a is not None:
            picture.points["points"] = self._points(state, values, options, None)
        if options.consensus_map and request.consensus is not None and request.consensus.volume is not None:
            picture.surfaces["consensus"] = SurfaceContent(self._mesh(request.consensus, level))
        if options.consensus_points and state.rest_a is not None:
            picture.points["consensus points"] = self._points(state, None, options, "consensus")
        if options.arrows:
            self._add_arrows(picture, state, options)
        if options.atoms and request.atoms is not None:
            self._add_atoms(picture, state, request.atoms, options)
        shows_values = with_points or (with_map and options.colour_map and not difference)
        centre, radius = self._ball(reference or state, levels)
        return replace(picture, key=key if shows_values else None, centre_a=centre, radius_a=radius)

    # -- maps ----------------------------------------------------------------------------------------------

    def _mesh(self, state: MapState, level: float) -> Mesh:
        volume = state.volume
        assert volume is not None

        def make() -> tuple[Mesh, int]:
            mesh = surface(volume, level, state.voxel_size_a)
            return mesh, mesh.nbytes

        return self._meshes.get([volume], (level,), make)

    def _other(self, other: MapState, level: float, options: MapOptions, apart: bool) -> SurfaceContent:
        mesh = self._mesh(other, level)
        values, _ = self._values(other, options)
        if apart and options.colour_map and values is not None:
            return SurfaceContent(mesh, self._on_surface(mesh, other, values))
        return SurfaceContent(mesh)

    def _add_difference(self, picture: Picture, state: MapState, other: MapState) -> Picture:
        def make() -> tuple[tuple[NDArray[np.float32], float, Levels], int]:
            values, voxel = subtract(state, other)
            return (values, voxel, difference_levels(values)), values.nbytes

        values, voxel, levels = self._small.get([state.volume, other.volume], ("difference",), make)
        wanted = picture.request.options.difference_level
        level = levels.automatic if wanted is None else wanted
        for name, sign in (("gain", 1.0), ("loss", -1.0)):

            def mesh(sign: float = sign) -> tuple[Mesh, int]:
                made = surface(sign * values, level, voxel)
                return made, made.nbytes

            picture.surfaces[name] = SurfaceContent(self._meshes.get([values], (sign, level), mesh))
        hint = picture.hint
        if picture.surfaces["gain"].mesh.is_empty and picture.surfaces["loss"].mesh.is_empty:
            hint = f"No difference above {level:.3g}: lower its level"
        return replace(picture, differences=levels, difference_level=level, hint=hint)

    def _on_surface(self, mesh: Mesh, state: MapState, values: Colours) -> Colours:
        """Return colours of vertices: those of the three nearest Gaussians, the nearest counting most."""
        if mesh.is_empty or state.points_a is None:
            return np.zeros((len(mesh.vertices), 3), np.float32)
        points = state.points_a

        def make() -> tuple[tuple[Any, Any], int]:
            tree = cKDTree(points[:, ::-1])
            count = min(3, len(points))
            distance, index = tree.query(mesh.vertices, k=list(range(1, count + 1)))
            weight = 1.0 / (distance**2 + 1.0)
            weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
            return (index, weight), int(index.nbytes + weight.nbytes)

        index, weight = self._meshes.get([mesh.vertices, points], ("nearest",), make)
        return np.einsum("nk,nkc->nc", weight, values[index]).astype(np.float32)

    # -- points --------------------------------------------------------------------------------------------

    def _values(self, state: MapState, options: MapOptions) -> tuple[Colours | None, ColourKey | None]:
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
        return map_colours.of_values(values, low, high, dark=options.dark), key

    def _points(
        self, state: MapState, values: Colours | None, options: MapOptions, tint: str | None
    ) -> PointsContent:
        places = state.rest_a if tint == "consensus" else state.points_a
        assert places is not None
        if values is None or tint is not None:
            plain = map_colours.tint(tint or "map", dark=options.dark)
            values = np.broadcast_to(plain, (len(places), 3))
        alpha = np.full((len(places), 1), 0.45 if tint == "consensus" else 1.0, np.float32)
        diameter = self._spacing(state) * options.point_size
        return PointsContent(
            np.ascontiguousarray(places[:, ::-1], np.float32), np.hstack([values, alpha]), diameter
        )

    def _spacing(self, state: MapState) -> float:
        """Return how far apart neighbouring Gaussians lie, in Å."""
        rest = state.rest_a if state.rest_a is not None else state.points_a
        assert rest is not None
        if len(rest) < 2:
            return 3.0

        def make() -> tuple[float, int]:
            nearest, _ = cKDTree(rest).query(rest[:: max(1, len(rest) // 2000)], k=[2])
            return float(np.clip(1.1 * np.median(nearest), 1.0, 12.0)), 100

        return float(self._small.get([rest], ("spacing",), make))

    def _add_arrows(self, picture: Picture, state: MapState, options: MapOptions) -> None:
        if state.points_a is None or state.rest_a is None:
            return
        chosen = self._spread(state.rest_a)
        starts = state.rest_a[chosen][:, ::-1]
        moved = state.points_a[chosen][:, ::-1] - starts
        length = np.linalg.norm(moved, axis=1)
        seen = length > 0.3
        starts, moved = starts[seen], moved[seen] * options.arrow_scale
        mesh, owner = map_shapes.arrows(starts, starts + moved, 0.25 * self._spacing(state))
        if mesh.is_empty:
            return
        scale = self._scales.setdefault("displacement (Å)", ValueScale())
        scale.include(length)
        low, high = scale.limits()
        colours = map_colours.of_values(length[seen], low, high, dark=options.dark)
        picture.surfaces["arrows"] = SurfaceContent(mesh, colours[owner])

    def _spread(self, points: NDArray[Any]) -> NDArray[np.intp]:
        """Return rows of points spread evenly over the molecule, each far from those before."""
        if len(points) <= _MOST_ARROWS:
            return np.arange(len(points))

        def make() -> tuple[NDArray[np.intp], int]:
            chosen = np.zeros(_MOST_ARROWS, np.intp)
            distance = np.full(len(points), np.inf)
            for k in range(1, _MOST_ARROWS):
                distance = np.minimum(distance, ((points - points[chosen[k - 1]]) ** 2).sum(1))
                chosen[k] = int(distance.argmax())
            return chosen, int(chosen.nbytes)

        return self._small.get([points], ("spread",), make)

    def _add_atoms(self, picture: Picture, state: MapState, atoms: Atoms, options: MapOptions) -> None:
        places = state.atoms_a
        if places is None or len(places) != len(atoms.points_a):
            places = atoms.points_a
        places = np.ascontiguousarray(places[:, ::-1], np.float32)
        colours = map_colours.of_elements(atoms.element, dark=options.dark)
        if len(atoms.bonds):
            mesh, owner = map_shapes.sticks(places, atoms.bonds, 0.35)
            picture.surfaces["bonds"] = SurfaceContent(mesh, colours[owner])
        if len(places) <= _MOST_ROUND_ATOMS or not len(atoms.bonds):
            picture.points["atoms"] = PointsContent(
                places, np.hstack([colours, np.ones((len(places), 1), np.float32)]), 1.4
            )

    def _ball(self, state: MapState, levels: Levels | None) -> tuple[NDArray[np.float32], float]:
        """Return a ball that holds the molecule: centre (z, y, x) and radius in Å."""
        rest = state.rest_a if state.rest_a is not None else state.points_a
        places, margin = EMPTY.vertices, 0.0
        if levels is not None and state.volume is not None:
            places = self._mesh(state, levels.automatic).vertices
        elif rest is not None:
            places, margin = rest[:, ::-1], self._spacing(state)
        if not len(places):
            return np.zeros(3, np.float32), _half_side(state)
        # a few Gaussians may stand far outside
        centre = 0.5 * (np.percentile(places, 1, axis=0) + np.percentile(places, 99, axis=0))
        radius = float(np.percentile(np.linalg.norm(places - centre, axis=1), 99.5)) + margin
        return centre.astype(np.float32), radius


def _half_side(state: MapState) -> float:
    if state.volume is not None:
        return 0.5 * max(state.volume.shape) * state.voxel_size_a
    if state.points_a is not None and len(state.points_a):
        return 1.2 * float(np.abs(state.points_a).max()) + 10.0
    return 100.0


def subtract(state: MapState, other: MapState) -> tuple[NDArray[np.float32], float]:
    """Return the difference of two maps of the same cube of space, and its voxel size in Å.

    When the boxes differ, the finer map is interpolated at the voxels of the coarser one.
    """
    first, second = state.volume, other.volume
    assert first is not None and second is not None
    if len(first) == len(second):
        return np.asarray(first, np.float32) - second, state.voxel_size_a
    finer_first = len(first) > len(second)
    fine, coarse = (first, second) if finer_first else (second, first)
    voxels = (state.voxel_size_a, other.voxel_size_a)
    fine_voxel, coarse_voxel = voxels if finer_first else voxels[::-1]
    step = coarse_voxel / fine_voxel
    offset = [size // 2 - step * (count // 2) for size, count in zip(fine.shape, coarse.shape, strict=True)]
    sampled = ndimage.affine_transform(
        np.asarray(fine, np.float32), np.full(3, step), offset, output_shape=coarse.shape, order=1
    )
    difference = sampled - coarse if finer_first else coarse - sampled
    return difference.astype(np.float32, copy=False), coarse_voxel
