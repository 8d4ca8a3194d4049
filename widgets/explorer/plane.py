"""A plane of the shown space: which particle lies at a place, and which latent state belongs to it."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from jobs.core.exploring import Embedding
from widgets.explorer.nearest_points import finite_rows, nearest_point, shepard_weights

Floats = NDArray[np.float32]

#: Particles whose latents are averaged at a place of an embedding that has no inverse.
NEIGHBOURS: Final = 8
#: Particles whose distances to their neighbours tell how dense the data are.
_SAMPLE: Final = 2000
#: Particles that tell the spread along a component well enough.
_SPREAD: Final = 100_000
#: Places for which it is quicker to look at all particles than to build a tree.
_FEW: Final = 16


class Plane:
    """Two axes of an embedding, and the way back from a place to a latent state.

    Distances in the plane are in units of the ranges of the two axes, so that an axis in other units than its
    neighbour counts no less. Particles without a finite place or latent state are never chosen.

    Parameters
    ----------
    embedding
        Where particles lie, ``(P, d)``.
    latent
        Latent coordinates ``(P, L)``.
    axes
        Which columns of the embedding are shown, horizontally and vertically.

    Raises
    ------
    ValueError
        If the numbers of particles differ, an axis does not exist, or no particle has a place.
    """

    def __init__(self, embedding: Embedding, latent: NDArray[Any], axes: tuple[int, int] = (0, 1)) -> None:
        coordinates = np.asarray(embedding.coordinates)
        if coordinates.ndim != 2 or np.ndim(latent) != 2 or len(coordinates) != len(latent):
            raise ValueError(f"coordinates {coordinates.shape} and latent {np.shape(latent)} do not match")
        if not all(0 <= axis < coordinates.shape[1] for axis in axes):
            raise ValueError(f"axes {axes} of an embedding of {coordinates.shape[1]} axes")
        self.embedding = embedding
        self.axes = axes
        self.latent: Floats = np.ascontiguousarray(latent, np.float32)
        self.xy: Floats = np.empty((len(coordinates), 2), np.float32)
        for k, axis in enumerate(axes):
            self.xy[:, k] = coordinates[:, axis]
        #: Rows of particles with a place and a state.
        self.rows: NDArray[np.intp] = finite_rows(self.xy, self.latent)
        if not self.rows.size:
            raise ValueError("no particle has a place in this plane")
        span = np.array([np.ptp(column) for column in self._good(self.xy).T])
        #: Range of the data along both axes; 1 where all particles have the same coordinate.
        self.span: Floats = np.where(span > 0, span, 1).astype(np.float32)
        self._lock = threading.RLock()
        self._trees: dict[str, cKDTree] = {}
        self._gap: float | None = None

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        """Mean coordinates of the embedding; sums of a million float32 need the precision."""
        return self._good(self.embedding.coordinates).mean(axis=0, dtype=np.float64)

    def _good(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of particles with a place and a state; not a copy when these are all."""
        return values if self.rows.size == len(values) else values[self.rows]

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two axes."""
        return self.embedding.names[self.axes[0]], self.embedding.names[self.axes[1]]

    @property
    def is_exact(self) -> bool:
        """Whether an exact state is one: only a linear embedding by latent coordinates can be inverted."""
        return self.embedding.is_linear

    def prepare(self) -> None:
        """Build what makes questions about many places fast; for a worker thread, takes a while."""
        self._tree("plane")
        self._tree("latent")
        self.typical_gap()

    def nearest(self, x: float, y: float) -> int:
        """Return the row of the particle nearest to a place.

        Before :meth:`prepare` every particle is looked at (milliseconds for a million), so that the first
        click never waits.
        """
        with_tree = self._trees.get("plane")
        if with_tree is not None:
            return int(self.rows[int(with_tree.query(np.array([x, y]) / self.span)[1])])
        return int(self.rows[self._looked_through([x, y], 1)[0][0]])

    def nearest_rows(self, points: ArrayLike, k: int = 1) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the ``k`` nearest particles of each place.

        Parameters
        ----------
        points
            Places ``(M, 2)``.
        k
            How many; fewer where there are fewer particles.

        Returns
        -------
        rows, distances
            ``(M, k)`` each, nearest first; distances in units of the ranges of the axes.
        """
        k = min(k, self.rows.size)
        if "plane" not in self._trees and len(np.atleast_2d(np.asarray(points))) <= _FEW:
            found = [self._looked_through(point, k) for point in np.atleast_2d(np.asarray(points))]
            return self.rows[np.array([index for index, _ in found])], np.array([d for _, d in found])
        scaled = np.atleast_2d(np.asarray(points, np.float64)) / self.span
        distance, index = self._tree("plane").query(scaled, k=np.arange(1, k + 1))
        return self.rows[np.asarray(index)], np.asarray(distance)

    def _looked_through(self, point: ArrayLike, k: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return places in `rows` and distances of the nearest particles by looking at all of them."""
        x, y = np.asarray(point, np.float32)
        places = self._good(self.xy)
        squares = ((places[:, 0] - x) / self.span[0]) ** 2 + ((places[:, 1] - y) / self.span[1]) ** 2
        index = np.array([np.argmin(squares)]) if k == 1 else np.argpartition(squares, k - 1)[:k]
        index = index[np.argsort(squares[index], kind="stable")]
        return index, np.sqrt(squares[index].astype(np.float64))

    def rows_along(self, points: ArrayLike) -> list[int]:
        """Return the particles nearest to places ``(M, 2)`` in order, none of them twice.

        A place whose particle is that of the place before is left out; where a path crosses itself, the
        nearest particle not yet used is taken.
        """
        places = np.atleast_2d(np.asarray(points))
        chosen: list[int] = []
        before = -1
        for candidates in self.nearest_rows(places, len(places))[0].tolist():
            if candidates[0] != before:
                chosen += [row for row in candidates if row not in chosen][:1]
            before = candidates[0]
        return chosen

    def state_at(self, x: float, y: float, exact: bool) -> Floats:
        """Return the latent state ``(L,)`` of a place.

        Parameters
        ----------
        x, y
            Place in the plane.
        exact
            False: the state of the nearest particle. True: the state of the place itself; in a linear
            embedding all coordinates that are not shown have their mean over the particles, elsewhere it is a
            mean over the nearest particles, weighted by their distance.
        """
        if not exact:
            return self.latent[self.nearest(x, y)].copy()
        return self.states_at([[x, y]], exact=True)[0]

    def states_at(self, points: ArrayLike, exact: bool) -> Floats:
        """Return the latent states ``(M, L)`` of places ``(M, 2)``; see :meth:`state_at`."""
        places = np.atleast_2d(np.asarray(points, np.float64))
        if not exact:
            return self.latent[self.nearest_rows(places)[0][:, 0]].copy()
        offset, matrix = self.embedding.offset, self.embedding.matrix
        if offset is not None and matrix is not None:
            coordinates = np.tile(self._mean, (len(places), 1))
            coordinates[:, list(self.axes)] = places
            return (offset + coordinates @ matrix).astype(np.float32)
        rows, distance = self.nearest_rows(places, NEIGHBOURS + 1)
        weight = shepard_weights(distance)
        mean = np.einsum("mk,mkl->ml", weight, self.latent[rows[:, : weight.shape[1]]])
        return mean.astype(np.float32)

    def place_of(self, z: ArrayLike) -> Floats:
        """Return where a latent state ``(L,)`` lies in the plane, ``(2,)``.

        Exactly (by projection) in a linear embedding; elsewhere the place of the particle whose state is
        nearest to it.
        """
        offset, matrix = self.embedding.offset, self.embedding.matrix
        state = np.asarray(z, np.float32)
        if (offset is None or matrix is None) and "latent" not in self._trees:
            return self.xy[self.rows[nearest_point(self._good(self.latent), state)]].copy()
        return self.places_of(state[None])[0]

    def places_of(self, states: ArrayLike) -> Floats:
        """Return where latent states ``(F, L)`` lie in the plane, ``(F, 2)``; see :meth:`place_of`."""
        z = np.atleast_2d(np.asarray(states, np.float64))
        offset, matrix = self.embedding.offset, self.embedding.matrix
        if offset is not None and matrix is not None:
            # the pseudo-inverse: matrices of some embeddings are not orthonormal
            coordinates = (z - offset) @ np.linalg.pinv(np.asarray(matrix, np.float64))
            return coordinates[:, list(self.axes)].astype(np.float32)
        return self.xy[self.rows[self._tree("latent").query(z)[1]]].copy()

    def component(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats]:
        """Return a straight line through the mean of latent space along which a coordinate changes.

        Parameters
        ----------
        k
            Axis of a linear embedding; principal component of the latent coordinates (0 = largest variance)
            for all other embeddings, whose axes are no directions in latent space.

        Returns
        -------
        centre, direction, coordinate
            ``(L,)``, ``(L,)`` and ``(P',)``: the states along the line are ``centre + t * direction``, the
            coordinates t of the particles are the third, of an even sample where there are very many.
        """
        offset, matrix = self.embedding.offset, self.embedding.matrix
        step = max(1, self.rows.size // _SPREAD)
        if offset is not None and matrix is not None:
            coordinates = self._mean.copy()
            coordinates[k] = 0.0
            centre = offset + coordinates @ matrix
            return (
                centre,
                np.asarray(matrix[k], np.float64),
                self._good(self.embedding.coordinates)[::step, k],
            )
        latent = self._good(self.latent)[::step]
        mean = latent.mean(axis=0, dtype=np.float64)
        centred = latent - mean.astype(np.float32)
        _, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
        direction = vectors[:, -1 - k]
        # the sign of an eigenvector is arbitrary: its largest entry is positive
        direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
        return mean, direction, centred @ direction.astype(np.float32)

    @property
    def n_components(self) -> int:
        """How many components :meth:`component` knows."""
        return int(self.embedding.coordinates.shape[1] if self.is_exact else self.latent.shape[1])

    def distance_to_data(self, states: ArrayLike) -> NDArray[np.float64]:
        """Return how far states ``(F, L)`` are from the nearest particle in latent space, ``(F,)``."""
        return np.asarray(self._tree("latent").query(np.asarray(states, np.float64))[0])

    def typical_gap(self) -> float:
        """Return the distance in latent space within which 99 % of particles have eight others.

        A state farther than this from every particle lies where there are none.
        """
        with self._lock:
            if self._gap is None:
                step = max(1, self.rows.size // _SAMPLE)
                sample = self._good(self.latent)[::step]
                # the nearest is the particle itself
                k = min(NEIGHBOURS + 1, self.rows.size)
                self._gap = float(np.percentile(self._tree("latent").query(sample, k=[k])[0], 99))
            return self._gap

    def _tree(self, of: str) -> cKDTree:
        with self._lock:
            if of not in self._trees:
                points = self._good(self.xy) / self.span if of == "plane" else self._good(self.latent)
                # a sliding-midpoint tree takes a third of the time of a balanced one
                self._trees[of] = cKDTree(points, balanced_tree=False, compact_nodes=False)
            return self._trees[of]
