"""From a state of the molecule to a picture; runs in a thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from widgets.explorer.map_content import Picture, Request, SurfaceContent
from widgets.explorer.map_gaussians import Gaussians
from widgets.explorer.map_levels import Levels, difference_levels, levels_of
from widgets.explorer.map_options import MapOptions
from widgets.explorer.map_recent import Recent
from widgets.explorer.map_state import MapState
from widgets.explorer.meshing import EMPTY, Mesh, surface

#: Memory for surfaces that were made before, so that a trajectory plays a second time without making them.
REMEMBERED_MB: Final = 300


class Preparer:
    """Makes pictures; remembers surfaces."""

    def __init__(self) -> None:
        self._meshes = Recent(REMEMBERED_MB)
        self._small = Recent(60)
        self.gaussians = Gaussians()

    def prepare(self, request: Request) -> Picture:
        """Return what is to be seen."""
        state, options = request.state, request.options
        if state is None:
            return Picture(request)
        reference = next((s for s in (request.consensus, state) if s and s.volume is not None), None)
        levels = None if reference is None else self._levels(reference)
        level = options.level if options.level is not None else levels.automatic if levels else 0.0
        centre, radius = self._ball(reference or state, levels)
        picture = Picture(
            request,
            level=level,
            levels=levels,
            half_side_a=_half_side(reference or state),
            centre_a=centre,
            radius_a=radius,
        )
        other = None if request.other is state else request.other
        with_map = options.representation != "points" and state.volume is not None
        with_points = options.representation != "map" or state.volume is None
        subtracting = other is not None and options.comparison == "difference" and with_map
        if subtracting and other is not None and other.volume is not None:
            picture = self._add_difference(picture, state, other)
        elif with_map:
            picture = self._add_map(picture, state)
        if other is not None and options.comparison != "difference":
            self._add_other(picture, other, with_map=with_map, with_points=with_points)
        colours, key = self.gaussians.colours(state, options)
        if with_points and state.points_a is not None:
            picture.points["points"] = self.gaussians.points(state, colours, options, None)
        if options.consensus_map and request.consensus is not None and request.consensus.volume is not None:
            picture.surfaces["consensus"] = SurfaceContent(self._mesh(request.consensus, level))
        if options.consensus_points and state.rest_a is not None:
            picture.points["consensus points"] = self.gaussians.points(state, None, options, "consensus")
        shows_values = with_points or (options.colour_map and bool({"map", "veil"} & picture.surfaces.keys()))
        if not shows_values:
            key = None
        if options.arrows:
            arrows_key = self.gaussians.add_arrows(picture, reference)
            key = key or arrows_key
        if options.atoms and request.atoms is not None:
            self.gaussians.add_atoms(picture, state, request.atoms, dark=options.dark)
        return replace(picture, key=key)

    def _levels(self, state: MapState) -> Levels:
        volume = state.volume
        assert volume is not None
        return self._small.get([volume], ("levels",), lambda: (levels_of(volume), 2000))

    def _add_map(self, picture: Picture, state: MapState) -> Picture:
        content = self._coloured(state, picture.level, picture.request.options)
        picture.surfaces["veil" if _has_inside(picture.request) else "map"] = content
        if content.mesh.is_empty:
            return replace(picture, hint=f"No density above {picture.level:.3g}: lower the level")
        return picture

    def _coloured(self, state: MapState, level: float, options: MapOptions) -> SurfaceContent:
        """Return the surface of a map, in the colours of its Gaussians if these are wanted."""
        mesh = self._mesh(state, level)
        colours, _ = self.gaussians.colours(state, options) if options.colour_map else (None, None)
        if colours is None:
            return SurfaceContent(mesh)
        return SurfaceContent(mesh, self.gaussians.on_surface(mesh, state, colours))

    def _add_other(self, picture: Picture, other: MapState, *, with_map: bool, with_points: bool) -> None:
        options = picture.request.options
        apart = options.comparison == "side by side"
        if with_map and other.volume is not None:
            if apart:
                name = "veil beside" if options.representation == "both" else "beside"
                picture.surfaces[name] = self._coloured(other, picture.level, options)
            else:
                picture.surfaces["other"] = SurfaceContent(self._mesh(other, picture.level))
        if with_points and other.points_a is not None:
            colours, _ = self.gaussians.colours(other, options)
            name, tint = ("points beside", None) if apart else ("points of other", "other")
            picture.points[name] = self.gaussians.points(other, colours, options, tint)

    def _mesh(self, state: MapState, level: float) -> Mesh:
        volume = state.volume
        assert volume is not None

        def make() -> tuple[Mesh, int]:
            mesh = surface(volume, level, state.voxel_size_a)
            return mesh, mesh.nbytes

        return self._meshes.get([volume], (level,), make)

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
        picture.surfaces["faint"] = SurfaceContent(self._mesh(state, picture.level))
        hint = ""
        if picture.surfaces["gain"].mesh.is_empty and picture.surfaces["loss"].mesh.is_empty:
            hint = f"No difference above {level:.3g}: lower its level"
        return replace(picture, differences=levels, difference_level=level, hint=hint)

    def _ball(self, state: MapState, levels: Levels | None) -> tuple[NDArray[np.float32], float]:
        """Return a ball that holds the molecule: centre (z, y, x) and radius in Å."""
        rest = state.rest_a if state.rest_a is not None else state.points_a
        places, margin = EMPTY.vertices, 0.0
        if levels is not None and state.volume is not None:
            places = self._mesh(state, levels.automatic).vertices
        elif rest is not None:
            places, margin = rest[:, ::-1], self.gaussians.spacing(state)
        if not len(places):
            return np.zeros(3, np.float32), _half_side(state)
        # a few Gaussians may stand far outside
        centre = 0.5 * (np.percentile(places, 1, axis=0) + np.percentile(places, 99, axis=0))
        radius = float(np.percentile(np.linalg.norm(places - centre, axis=1), 99.5)) + margin
        return centre.astype(np.float32), radius


def _has_inside(request: Request) -> bool:
    """Whether something is to be seen inside of the map."""
    options = request.options
    return options.representation == "both" or options.arrows or (options.atoms and request.atoms is not None)


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
        return np.subtract(first, second, dtype=np.float32), state.voxel_size_a
    finer_first = len(first) > len(second)
    fine, coarse = (first, second) if finer_first else (second, first)
    voxels = (state.voxel_size_a, other.voxel_size_a)
    fine_voxel, coarse_voxel = voxels if finer_first else voxels[::-1]
    step = float(coarse_voxel / fine_voxel)
    offset = [size // 2 - step * (count // 2) for size, count in zip(fine.shape, coarse.shape, strict=True)]
    sampled = ndimage.affine_transform(
        np.asarray(fine, np.float32), np.full(3, step), offset, output_shape=coarse.shape, order=1
    )
    difference = sampled - coarse if finer_first else coarse - sampled
    return difference.astype(np.float32, copy=False), coarse_voxel
