"""What a trajectory is to be made of, how it is made, and a word about how far it is from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from widgets.explorer import trajectory
from widgets.explorer.path_geometry import resample
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import Trajectory

Source = Literal["path", "line", "anchors", "component", "states"]


@dataclass(frozen=True)
class Anchor:
    """A place through which a trajectory leads.

    Attributes
    ----------
    x, y
        Place in the plane.
    row
        Particle, when one was named; its state then counts whatever the place.
    """

    x: float
    y: float
    row: int | None = None


@dataclass(frozen=True, eq=False)
class Order:
    """One trajectory to be made.

    Attributes
    ----------
    source
        Of what: a drawn path, a line between two anchors, anchors, a component, or given states.
    plane
        Where.
    frames
        How many states.
    exact
        Whether places stand for themselves, not for the nearest particle.
    path
        ``(M, 2)``, of a drawn path.
    anchors
        Of a line and of anchors.
    component, low, high
        Which component, and its percentiles.
    given
        A trajectory that came from elsewhere, to be divided into other steps.
    """

    source: Source
    plane: Plane
    frames: int
    exact: bool = False
    path: NDArray[Any] | None = None
    anchors: tuple[Anchor, ...] = ()
    component: int = 0
    low: float = 2.0
    high: float = 98.0
    given: Trajectory | None = None


def warning(made: Trajectory, plane: Plane) -> str:
    """Return a sentence about frames that lie where there are no particles; empty when none do."""
    # a hair more, so that the particles themselves are never away
    away = plane.distance_to_data(made.states) > plane.typical_gap() * (1 + 1e-6)
    count = int(away.sum())
    if not count:
        return ""
    if count == len(away):
        return "No frame lies near a particle."
    return f"{count} {'frame lies' if count == 1 else 'frames lie'} where there are no particles."


def make(order: Order) -> Trajectory:
    """Make a trajectory.

    Raises
    ------
    UserError
        If it cannot be made, saying what is missing.
    """
    plane, frames = order.plane, order.frames
    if order.source == "path":
        return trajectory.free_hand(
            np.zeros((0, 2)) if order.path is None else order.path, plane, frames, order.exact
        )
    if order.source == "component":
        return trajectory.along_component(
            plane, order.component, frames, order.low, order.high, exact=order.exact
        )
    if order.source == "states" and order.given is not None:
        return _divided(order.given, frames)
    if order.source == "line" and len(order.anchors) == 2 and all(a.row is None for a in order.anchors):
        a, b = order.anchors
        return trajectory.straight((a.x, a.y), (b.x, b.y), plane, frames, order.exact)
    title = "straight line" if order.source == "line" else "through anchors"
    if order.exact:
        states = [_state(anchor, plane) for anchor in order.anchors]
        places = [[anchor.x, anchor.y] for anchor in order.anchors]
        return trajectory.through(
            np.array(states).reshape(-1, plane.latent.shape[1]), plane, frames, places, title
        )
    rows = rows_of(order.anchors, plane)
    return trajectory.through(np.array(rows, np.int64), plane, frames, title=title)


def rows_of(anchors: tuple[Anchor, ...], plane: Plane) -> list[int]:
    """Return the particle of each anchor: the one named, else the nearest."""
    return [plane.nearest(a.x, a.y) if a.row is None else a.row for a in anchors]


def anchors_at(given: ArrayLike, plane: Plane) -> tuple[Anchor, ...]:
    """Return anchors at rows of particles ``(C,)``, or at places ``(C, 2)``."""
    values = np.asarray(given)
    if values.ndim == 1:
        return tuple(Anchor(float(plane.xy[r, 0]), float(plane.xy[r, 1]), int(r)) for r in values.astype(int))
    return tuple(Anchor(float(x), float(y)) for x, y in values)


def _state(anchor: Anchor, plane: Plane) -> NDArray[np.float32]:
    if anchor.row is not None:
        return plane.latent[anchor.row]
    return plane.state_at(anchor.x, anchor.y, exact=True)


def _divided(given: Trajectory, frames: int) -> Trajectory:
    """Return the same way in another number of equal steps; as it is when the number fits already."""
    if len(given) == frames:
        return given
    both = np.hstack([given.states, given.plane])
    n_latent = given.states.shape[1]
    span = np.r_[np.ones(n_latent), np.full(2, np.inf)]
    even = resample(both, max(frames, 2), span)
    return Trajectory(
        np.ascontiguousarray(even[:, :n_latent]),
        np.ascontiguousarray(even[:, n_latent:]),
        given.title,
        given.rows,
    )
