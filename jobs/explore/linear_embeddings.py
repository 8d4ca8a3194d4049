"""Embeddings in which every place tells an exact state: latent axes, principal and independent components."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.core.exploring import Embedding, EmbeddingRequest

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating]

#: Components of deformations that are kept, however many numbers describe one.
MOST_MOTIONS = 12
#: Share of the variance that independent components of deformations must hold together, and most of them.
_ENOUGH_VARIANCE, _MOST_INDEPENDENT = 0.99, 8
#: Smaller shares of the variance are rounding of single precision.
_ROUNDING = 1e-12
_ROWS_AT_ONCE = 65_536
#: Particles from which the unmixing is learnt; its error falls with their root.
_MOST_FITTED = 50_000


@dataclass(frozen=True)
class Components:
    """Principal components of points.

    Attributes
    ----------
    mean
        ``(D,)``.
    axes
        ``(D, D)``, one unit vector per row; the most variable direction comes first. The largest entry of
        each is positive.
    variance
        ``(D,)`` along each axis.
    """

    mean: Doubles
    axes: Doubles
    variance: Doubles

    @property
    def shares(self) -> Doubles:
        """Share of the whole variance that each axis holds; zeros when nothing varies."""
        total = self.variance.sum()
        return self.variance / total if total > 0 else np.zeros_like(self.variance)

    @property
    def rank(self) -> int:
        """How many axes vary by more than rounding."""
        return int((self.variance > _ROUNDING * self.variance.max(initial=0.0)).sum())

    def holding(self, share: float, most: int) -> int:
        """Return how many axes hold a share of the variance, at least one and at most ``most``."""
        needed = int(np.searchsorted(np.cumsum(self.shares), share - _ROUNDING)) + 1
        return max(1, min(needed, most, self.rank))


def place(points: Floats, finite: NDArray[np.bool_], request: EmbeddingRequest) -> Embedding:
    """Return the embedding of ``(P, D)`` points by a linear method; rows that are not finite become NaN."""
    if request.method == "axes":
        return _latent_axes(points, finite, request)
    found = components(points, finite)
    if request.method == "ica":
        return _independent(points, finite, found, request)
    by_latent = request.by == "latent"
    kept = len(found.axes) if by_latent else min(len(found.axes), MOST_MOTIONS)
    axes = found.axes[:kept]
    word = "PC" if by_latent else "motion "
    names = tuple(f"{word}{k + 1} ({_percent(share)})" for k, share in enumerate(found.shares[:kept]))
    coordinates = project(points, found.mean, axes.T)
    return _finished(request, coordinates, names, found.mean, axes)


def components(points: Floats, finite: NDArray[np.bool_]) -> Components:
    """Return the principal components of the finite rows of ``(P, D)`` points.

    Moments are summed in double precision, a block of rows at a time, so that a million particles need
    neither a second copy nor more than a fraction of a second.
    """
    count, size = max(1, int(finite.sum())), points.shape[1]
    complete = bool(finite.all())
    mean, covariance = np.zeros(size), np.zeros((size, size))
    for block, used in _blocks(points, finite, complete):
        mean += block[used].sum(axis=0, dtype=np.float64)
    mean /= count
    for block, used in _blocks(points, finite, complete):
        centred = block[used].astype(np.float64) - mean
        covariance += centred.T @ centred
    variance, axes = np.linalg.eigh(covariance / count)
    # numpy sorts upwards and has eigenvectors in columns
    variance, axes = np.clip(variance[::-1], 0.0, None), axes[:, ::-1].T
    # rounding keeps the choice stable where two entries are equal but for noise
    largest = np.abs(axes).round(6).argmax(axis=1)
    axes = axes * np.where(axes[np.arange(size), largest] < 0, -1.0, 1.0)[:, None]
    return Components(mean, axes, variance)


def project(points: Floats, mean: Doubles, directions: Doubles) -> NDArray[np.float32]:
    """Return ``(points - mean) @ directions`` as float32, computed in double precision."""
    coordinates = np.empty((len(points), directions.shape[1]), np.float32)
    for begin in range(0, len(points), _ROWS_AT_ONCE):
        block = points[begin : begin + _ROWS_AT_ONCE].astype(np.float64)
        # a number that is not finite makes its whole row NaN below
        block[~np.isfinite(block)] = np.nan
        coordinates[begin : begin + _ROWS_AT_ONCE] = (block - mean) @ directions
    return coordinates


def _blocks(
    points: Floats, finite: NDArray[np.bool_], complete: bool
) -> list[tuple[Floats, NDArray[np.bool_] | slice]]:
    starts = range(0, len(points), _ROWS_AT_ONCE)
    slices = [slice(begin, begin + _ROWS_AT_ONCE) for begin in starts]
    return [(points[rows], slice(None) if complete else finite[rows]) for rows in slices]


def _latent_axes(points: Floats, finite: NDArray[np.bool_], request: EmbeddingRequest) -> Embedding:
    coordinates = np.array(points, np.float32)
    coordinates[~finite] = np.nan
    size = points.shape[1]
    names = tuple(f"z{k + 1}" for k in range(size))
    return _finished(request, coordinates, names, np.zeros(size), np.eye(size))


def _independent(
    points: Floats, finite: NDArray[np.bool_], found: Components, request: EmbeddingRequest
) -> Embedding:
    """Unmix whitened principal components; sources come in the order of the variance that they explain."""
    by_latent = request.by == "latent"
    kept = found.rank if by_latent else found.holding(_ENOUGH_VARIANCE, _MOST_INDEPENDENT)
    scale = np.sqrt(found.variance[:kept])
    whitening = found.axes[:kept].T / scale
    rows = chosen(np.flatnonzero(finite), _MOST_FITTED, request.seed)
    turn = _unmixing((points[rows].astype(np.float64) - found.mean) @ whitening, request.seed)
    # what one unit of each source adds: latent = mean + sources @ effects
    effects = turn @ (scale[:, None] * found.axes[:kept])
    size = np.linalg.norm(effects, axis=1)
    order = np.argsort(-size, kind="stable")
    turn, effects, size = turn[order], effects[order], size[order]
    largest = np.abs(effects).round(6).argmax(axis=1)
    signs = np.where(effects[np.arange(kept), largest] < 0, -1.0, 1.0)
    turn, effects = turn * signs[:, None], effects * signs[:, None]
    word = "IC" if by_latent else "motion IC"
    shares = size**2 / found.variance.sum()
    names = tuple(f"{word}{k + 1} ({_percent(share)})" for k, share in enumerate(shares))
    directions = whitening @ turn.T
    if not by_latent:
        # sources have unit variance; their size in Å is that of what they add
        directions = directions * size
    return _finished(request, project(points, found.mean, directions), names, found.mean, effects)


def _unmixing(white: Doubles, seed: int) -> Doubles:
    """Return the rotation ``(D, D)`` with sources = white @ rotation.T, by FastICA."""
    if white.shape[1] == 1:
        return np.eye(1)
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    ica = FastICA(whiten=False, fun="logcosh", max_iter=300, tol=1e-4, random_state=seed)
    with warnings.catch_warnings():
        # Gaussian mixtures of sources have no unique answer: then any rotation is as good as the last one
        warnings.simplefilter("ignore", ConvergenceWarning)
        ica.fit(white)
    # the nearest exact rotation makes the inverse exact too
    left, _, right = np.linalg.svd(np.asarray(ica.components_, np.float64))
    return left @ right


def chosen(rows: NDArray[np.integer], most: int, seed: int) -> NDArray[np.integer]:
    """Return the rows, or a random subset of ``most`` of them in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _finished(
    request: EmbeddingRequest,
    coordinates: NDArray[np.float32],
    names: tuple[str, ...],
    offset: Doubles,
    matrix: Doubles,
) -> Embedding:
    """Add an axis to a line, so that there is a plane, and the inverse where there is one."""
    if len(names) == 1:
        # points of a line would hide one another; a place across it changes nothing in the state
        seen = coordinates[np.isfinite(coordinates)]
        width = float(seen.std()) if len(seen) else 0.0
        rng = np.random.default_rng(request.seed)
        spread = rng.uniform(-0.5, 0.5, len(coordinates)) * (width or 1.0)
        spread[~np.isfinite(coordinates[:, 0])] = np.nan
        coordinates = np.column_stack([coordinates[:, 0], spread]).astype(np.float32)
        names, matrix = (*names, "spread (no meaning)"), np.vstack([matrix, np.zeros_like(matrix)])
    if request.by != "latent":
        return Embedding(request, coordinates, names)
    return Embedding(request, coordinates, names, offset.astype(np.float32), matrix.astype(np.float32))


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
