"""Series of latent states for movies made without a window: along a component, or from state to state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from jobs.core.errors import UserError
from jobs.core.latent_curves import follow_particles
from jobs.explore.linear_embeddings import Components, components

Floats = NDArray[np.floating]
States = NDArray[np.float32]

#: Frames of a movie when nobody says otherwise.
FRAMES: Final = 40
#: Percentiles of the particles between which a movie along a component runs.
LOW, HIGH = 2.0, 98.0
# Standard deviation of the smoothing of a path that hops from particle to particle, as a fraction of it.
_HOPS: Final = 0.04


def principal(latent: Floats) -> Components:
    """Return the principal components of latent coordinates ``(P, L)``."""
    finite: NDArray[np.bool_] = np.all(np.isfinite(latent), axis=1)
    return components(latent, finite)


def coordinate(latent: Floats, found: Components, number: int) -> NDArray[np.float64]:
    """Return where particles ``(P,)`` lie along a component (from 1), measured from their mean.

    Raises
    ------
    UserError
        When there is no such component.
    """
    if not 1 <= number <= len(found.axes):
        raise UserError(f"there is no component {number}: there are {len(found.axes)}")
    along: NDArray[np.float64] = (np.asarray(latent, np.float64) - found.mean) @ found.axes[number - 1]
    return along


def state_along(latent: Floats, number: int, at: str) -> States:
    """Return the state ``(L,)`` at a place along a component, all others at their mean.

    Parameters
    ----------
    latent
        ``(P, L)``.
    number
        Component, from 1.
    at
        Distance from the mean in units of the latent space, or a percentile of the particles, as ``95%``.

    Raises
    ------
    UserError
        When there is no such component, or the place is no number.
    """
    found = principal(latent)
    along = coordinate(latent, found, number)
    try:
        value = float(at.removesuffix("%"))
    except ValueError:
        value = float("nan")
    if not np.isfinite(value) or (at.endswith("%") and not 0 <= value <= 100):
        raise UserError(f"a number or a percentile such as 95% is expected, not '{at}'")
    place = float(np.nanpercentile(along, value)) if at.endswith("%") else value
    return (found.mean + place * found.axes[number - 1]).astype(np.float32)


def along_component(
    latent: Floats,
    number: int,
    frames: int = FRAMES,
    low: float = LOW,
    high: float = HIGH,
    *,
    straight: bool = False,
) -> States:
    """Return states ``(F, L)`` at equal steps along a component.

    Parameters
    ----------
    latent
        ``(P, L)``.
    number
        Component, from 1.
    frames
        How many states.
    low, high
        Percentiles of the particles at which it starts and ends.
    straight
        All other components at their mean; otherwise the mean states of the particles along the component,
        which follow a bent band of particles where a line would leave it.

    Raises
    ------
    UserError
        When there is no such component, or the particles do not differ along it.
    """
    found = principal(latent)
    along = coordinate(latent, found, number)
    start, end = np.nanpercentile(along, (low, high))
    if start == end:
        raise UserError(f"all particles have the same value along component {number}")
    places = np.linspace(start, end, frames)
    if not straight:
        return follow_particles(along, latent, places)
    return (found.mean + places[:, None] * found.axes[number - 1]).astype(np.float32)


def through(states: Floats, frames: int = FRAMES) -> States:
    """Return states ``(F, L)`` on straight lines from state to state, all of which are met.

    The frames between are shared out so that steps are as equal as this allows.

    Parameters
    ----------
    states
        ``(H, L)`` states to be met, two or more.
    frames
        How many; at least one for each state.

    Raises
    ------
    UserError
        When there are too few frames, or too few different states.
    """
    met = np.asarray(states, np.float64)
    keep = np.concatenate([[True], np.abs(np.diff(met, axis=0)).max(axis=1) > 0])
    met = met[keep]
    if len(met) < 2:
        raise UserError("a movie needs two different states to lead from one to the other")
    if frames < len(met):
        raise UserError(f"{frames} frames are too few to meet {len(met)} states")
    length = np.linalg.norm(np.diff(met, axis=0), axis=1)
    steps = _shared(length, frames - 1)
    parts = [met[k] + np.arange(n)[:, None] / n * (met[k + 1] - met[k]) for k, n in enumerate(steps.tolist())]
    return np.concatenate([*parts, met[-1:]]).astype(np.float32)


def along_rows(latent: Floats, rows: Sequence[int], frames: int = FRAMES) -> States:
    """Return states ``(F, L)`` at equal steps along a path of particles, smoothed; its ends are particles.

    Parameters
    ----------
    latent
        ``(P, L)``.
    rows
        Particles of the path in order, two or more.
    frames
        How many states.

    Raises
    ------
    UserError
        When the path has no length.
    """
    points = np.asarray(latent, np.float64)[list(rows)]
    fine = _resampled(points, 8 * max(frames, len(points)))
    smooth = gaussian_filter1d(fine, _HOPS * len(fine), axis=0, mode="nearest")
    # smoothing draws the ends inwards: lead them back to their particles, the nearer the more
    t = np.linspace(0, 1, len(fine))[:, None]
    smooth += (1 - t) ** 8 * (fine[0] - smooth[0]) + t**8 * (fine[-1] - smooth[-1])
    return _resampled(smooth, frames).astype(np.float32)


def _resampled(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return points at equal steps along a polygon."""
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if not run[-1] > 0:
        raise UserError("the path has no length")
    at = np.linspace(0, run[-1], count)
    return np.stack([np.interp(at, run, column) for column in points.T], axis=1)


def _shared(length: NDArray[np.float64], steps: int) -> NDArray[np.int64]:
    """Share steps among segments by their length, at least one each."""
    given = np.ones(len(length), np.int64)
    for _ in range(steps - len(length)):
        given[np.argmax(length / given)] += 1
    return given
