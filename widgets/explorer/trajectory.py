"""Series of latent states along a path, however it was made. numpy and scipy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.core.errors import UserError
from jobs.core.latent_curves import follow_particles
from widgets.explorer.path_geometry import (
    DENSE,
    between,
    knots_of,
    resample,
    smooth_path,
    smoothed,
    with_length,
)
from widgets.explorer.plane import Plane

Floats = NDArray[np.float32]

#: Frames of a trajectory when nobody says otherwise.
FRAMES: Final = 40
#: Particles through which a free-hand path is led.
KEYS: Final = 9
#: Embeddings whose axes mean something from end to end.
WITH_AXES: Final = ("axes", "pca", "ica")
# Standard deviation of the smoothing of a path that hops from particle to particle, as a fraction of it.
_HOPS: Final = 0.04


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States one after another, and where they lie in the plane they were made in.

    Attributes
    ----------
    states
        ``(F, L)`` float32.
    plane
        ``(F, 2)`` float32.
    title
        What it is, in words.
    rows
        Particles through which it leads, in order; empty when it leads through none on purpose.
    """

    states: Floats
    plane: Floats
    title: str
    rows: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.states)

    def placed(self, plane: Plane) -> Trajectory:
        """Return the same states where they lie in another plane."""
        return Trajectory(self.states, plane.places_of(self.states), self.title, self.rows)

    def reversed(self) -> Trajectory:
        """Return the way back."""
        return Trajectory(
            np.ascontiguousarray(self.states[::-1]),
            np.ascontiguousarray(self.plane[::-1]),
            self.title,
            self.rows[::-1],
        )

    def bounce(self) -> Trajectory:
        """Return the way there and back, so that it can be repeated without a jump: 2 F - 2 frames."""
        if len(self) < 3:
            return self
        return Trajectory(
            np.concatenate([self.states, self.states[-2:0:-1]]),
            np.concatenate([self.plane, self.plane[-2:0:-1]]),
            f"{self.title}, there and back",
            self.rows,
        )


@dataclass(frozen=True)
class PathRequest:
    """A path along high density that is to be found in the background.

    Attributes
    ----------
    rows
        Particles through which it has to lead, in order, two or more.
    frames
        Of the trajectory to be made of it.
    """

    rows: tuple[int, ...]
    frames: int


def free_hand(points: ArrayLike, plane: Plane, frames: int = FRAMES, exact: bool = False) -> Trajectory:
    """Return the trajectory along a path drawn by hand.

    Parameters
    ----------
    points
        ``(M, 2)`` places in the plane, in the order they were drawn.
    plane
        Where they were drawn.
    frames
        How many states, two or more.
    exact
        True: the states of the places, equally far apart along the smoothed path. False: the path is led
        through particles near it, none of them twice, with states on straight lines of latent space between.

    Raises
    ------
    UserError
        If the path has no length, or all of it is nearest to one particle.
    """
    path = smooth_path(points, plane.span)
    if exact:
        places = resample(path, max(frames, 2), plane.span)
        return Trajectory(plane.states_at(places, exact=True), places, "free-hand path")
    rows = plane.rows_along(resample(path, KEYS, plane.span))
    if len(rows) < 2:
        raise UserError(
            "the path is shorter than the distance between particles",
            hint="Draw a longer one, or use exact latents.",
        )
    return through(rows, plane, frames, title="free-hand path")


def straight(
    a: ArrayLike, b: ArrayLike, plane: Plane, frames: int = FRAMES, exact: bool = False
) -> Trajectory:
    """Return the trajectory between two places ``(2,)`` of the plane.

    In a linear plane, and between particles, it is a straight line of latent space with equal steps; with
    exact latents in any other plane it is a straight line in the plane.
    """
    ends = np.array([a, b], np.float32).reshape(2, 2)
    with_length(ends / plane.span)
    if not exact:
        rows = plane.rows_along(ends)
        if len(rows) < 2:
            raise UserError(
                "both ends of the line belong to the same particle",
                hint="Draw a longer line, or use exact latents.",
            )
        return through(rows, plane, frames, title="straight line")
    t = np.linspace(0, 1, max(frames, 2), dtype=np.float32)[:, None]
    places = ((1 - t) * ends[0] + t * ends[1]).astype(np.float32)
    return Trajectory(plane.states_at(places, exact=True), places, "straight line")


def along_component(
    plane: Plane,
    k: int,
    frames: int = FRAMES,
    low: float = 2.0,
    high: float = 98.0,
    *,
    exact: bool = True,
) -> Trajectory:
    """Return the trajectory along one component: straight, or through the particles.

    Parameters
    ----------
    plane
        Its embedding gives the components when it is linear; otherwise they are the principal components of
        the latent coordinates.
    k
        Which, from 0.
    frames
        How many states.
    low, high
        Percentiles of the particles at which it starts and ends.
    exact
        A straight line, all other components at their mean; otherwise the mean states of the particles along
        the component, which follow a bent band of particles where the line would leave it.

    Raises
    ------
    UserError
        If the particles do not differ along this component.
    """
    centre, direction, coordinate = plane.component(k)
    if not exact and plane.embedding.request.method in WITH_AXES:
        coordinate = plane.embedding.coordinates[plane.rows, k]
    start, end = (float(v) for v in np.percentile(coordinate, (low, high)))
    named = plane.is_exact or (not exact and plane.embedding.request.method in WITH_AXES)
    name = plane.embedding.names[k] if named else f"principal component {k + 1}"
    if not end > start:
        raise UserError(f"all particles have the same value along {name}", hint="Choose another component.")
    at = np.linspace(start, end, max(frames, 2))
    if exact:
        states = (centre + at[:, None] * direction).astype(np.float32)
    else:
        latent = plane.latent[plane.rows]
        if len(coordinate) != len(latent):
            coordinate = ((latent - centre) @ direction).astype(np.float32)
        states = follow_particles(coordinate, latent, at)
    return Trajectory(states, plane.places_of(states), f"along {name}")


def through(
    anchors: ArrayLike,
    plane: Plane,
    frames: int = FRAMES,
    places: ArrayLike | None = None,
    title: str = "through anchors",
) -> Trajectory:
    """Return the trajectory of straight lines in latent space from anchor to anchor.

    Each anchor is a frame; between them the steps are as equal as this allows.

    Parameters
    ----------
    anchors
        Rows of particles ``(H,)`` (integers) or latent states ``(H, L)``, two or more.
    plane
        Where they lie.
    frames
        How many states; never fewer than there are anchors.
    places
        Where latent anchors lie in the plane, ``(H, 2)``, when it is known better than by their states.
    title
        What to call it.

    Raises
    ------
    UserError
        If there are fewer than two anchors, or all of them are the same state.
    """
    given = np.asarray(anchors)
    rows: tuple[int, ...] = ()
    if given.ndim == 1 and np.issubdtype(given.dtype, np.integer):
        rows = tuple(int(row) for row in given)
        given, places = plane.latent[given], plane.xy[given]
    if len(given) < 2 or given.ndim != 2:
        raise UserError("a trajectory needs two anchors or more", hint="Add another anchor.")
    states = given.astype(np.float64)
    at = np.asarray(plane.places_of(states) if places is None else places, np.float64)
    length = np.linalg.norm(np.diff(states, axis=0), axis=1)
    if not length.sum() > 0:
        raise UserError("all anchors are the same state", hint="Add one elsewhere.")
    knots = knots_of(length, max(frames, len(states)))
    frame = np.arange(knots[-1] + 1)
    return Trajectory(between(frame, knots, states), between(frame, knots, at), title, rows)


def from_rows(
    rows: Sequence[int],
    latent: NDArray[Any],
    frames: int = FRAMES,
    plane: Plane | None = None,
    smooth: bool = True,
) -> Trajectory:
    """Return the trajectory along a chain of many particles, as a graph path gives it.

    Parameters
    ----------
    rows
        Particles in order.
    latent
        Latent coordinates of all particles ``(P, L)``.
    plane
        Where they lie; without it all places are (0, 0) until :meth:`Trajectory.placed` finds them.
    frames
        How many states, equally far apart in latent space.
    smooth
        Whether to smooth out the hops from particle to particle; both ends stay where they are.

    Raises
    ------
    UserError
        If the chain has fewer than two different particles.
    """
    chain = [row for k, row in enumerate(rows) if k == 0 or row != rows[k - 1]]
    if len(chain) < 2:
        raise UserError("the path holds fewer than two particles", hint="Choose anchors farther apart.")
    places = np.zeros((len(chain), 2)) if plane is None else plane.xy[chain]
    both = np.hstack([latent[chain], places]).astype(np.float64)
    n_latent = latent.shape[1]
    # distances are those of latent space; the places in the plane are carried along
    weight = np.r_[np.ones(n_latent), np.full(2, np.inf)]
    if smooth:
        both = smoothed(resample(both, DENSE, weight).astype(np.float64), _HOPS)
    even = resample(both, max(frames, 2), weight)
    return Trajectory(
        np.ascontiguousarray(even[:, :n_latent]),
        np.ascontiguousarray(even[:, n_latent:]),
        "path of high density",
        tuple(int(row) for row in chain),
    )


def distance_to_data(states: NDArray[Any], latent: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far states ``(F, L)`` are from the nearest of the particles ``(P, L)``, ``(F,)``.

    `Plane.distance_to_data` answers the same faster when it is asked often.
    """
    data = np.asarray(latent, np.float32)
    data = data[np.isfinite(data).all(axis=1)]
    if not len(data):
        return np.full(len(states), np.inf)
    # one state after the other: F × P distances at once would not fit for a million particles
    return np.array([np.sqrt(np.min(np.sum((data - z) ** 2, axis=1))) for z in np.asarray(states)])
