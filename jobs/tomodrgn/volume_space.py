"""Volumes compared voxel by voxel: masks, correlation, Fourier shell correlation, principal components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.maths.fsc import fsc
from jobs.maths.masks import mask_from_threshold, soft_sphere

Volume = NDArray[np.floating]
Doubles = NDArray[np.float64]

MASKS: Final = ("none", "sphere", "tight", "soft")
#: Percentile of a volume above which it is solid.
SOLID: Final = 99.0
#: Dilation and edge of a soft mask in voxels: this part of the box.
_PART: Final = 30
#: Volumes among which all products are taken; of more, components are learnt a batch at a time.
_MOST_PRODUCTS: Final = 8192


@dataclass(frozen=True)
class MaskOrder:
    """How a mask is made.

    Attributes
    ----------
    kind
        ``none``, ``sphere``, ``tight`` or ``soft``.
    path
        A map to use instead.
    percentile
        Above which a volume is solid.
    dilate, edge
        Growth of a soft mask and width of its cosine edge in voxels; None = a thirtieth of the box.
    """

    kind: str = "soft"
    path: Path | None = None
    percentile: float = SOLID
    dilate: float | None = None
    edge: float | None = None


def mask_of(volumes: Sequence[Volume] | Callable[[], Any], order: MaskOrder) -> NDArray[np.float32] | None:
    """Return the mask ``(D, D, D)`` of volumes, None for no mask.

    Solid is what is above the percentile in any of them.

    Parameters
    ----------
    volumes
        The volumes, or what gives them one after the other, so that they need not be in memory together.
    order
        What is wanted.

    Raises
    ------
    UserError
        When there is no such mask, or nothing is left.
    """
    if order.path is not None:
        return read_map(order.path, permissive=True).data
    if order.kind == "none":
        return None
    if order.kind not in MASKS:
        raise UserError(f"there is no mask {order.kind}", hint=f"Choose one of {', '.join(MASKS)}")
    solid: NDArray[np.bool_] | None = None
    for volume in volumes() if callable(volumes) else volumes:
        if order.kind == "sphere":
            return soft_sphere(volume.shape[0], volume.shape[0] / 2, 0.0).numpy()
        above = volume >= np.percentile(volume, order.percentile)
        solid = above if solid is None else solid | above
    if solid is None:
        raise UserError("there are no volumes to make a mask of")
    if order.kind == "tight":
        return solid.astype(np.float32)
    part = float(-(-solid.shape[0] // _PART))
    dilate = part if order.dilate is None else order.dilate
    edge = part if order.edge is None else order.edge
    return mask_from_threshold(torch.from_numpy(solid.astype(np.float32)), 0.5, dilate, edge).numpy()


def correlation(first: Volume, second: Volume, mask: Volume | None = None) -> float:
    """Return the correlation of two masked volumes, means subtracted; 0 of constants."""
    return float(correlations([first], [second], mask)[0, 0])


def correlations(
    first: Sequence[Volume], second: Sequence[Volume], mask: Volume | None = None
) -> NDArray[np.float64]:
    """Return the correlation ``(n, m)`` of every volume with every other, as :func:`correlation`."""

    def rows(volumes: Sequence[Volume]) -> Doubles:
        flat = np.stack([(v if mask is None else v * mask).ravel() for v in volumes]).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        size = np.linalg.norm(flat, axis=1, keepdims=True)
        return np.divide(flat, size, out=np.zeros_like(flat), where=size > 0)

    return rows(first) @ rows(second).T


def shells(first: Volume, second: Volume, mask: Volume | None = None) -> Doubles:
    """Return the Fourier shell correlation ``(D // 2 + 1,)`` of two volumes, shell 0 is the mean."""
    made = None if mask is None else torch.from_numpy(np.asarray(mask, np.float64))
    a, b = (torch.from_numpy(np.asarray(v, np.float64)) for v in (first, second))
    return fsc(a, b, made).numpy()


@dataclass(frozen=True)
class VoxelPca:
    """Principal components of volumes.

    Attributes
    ----------
    mean
        ``(m,)`` of the voxels.
    axes
        ``(k, m)`` one unit vector per row.
    variance, total
        ``(k,)`` along each, and of everything.
    coordinates
        ``(n, k)`` of each volume.
    """

    mean: Doubles
    axes: NDArray[np.float32]
    variance: Doubles
    total: float
    coordinates: NDArray[np.float32]


def voxel_pca(rows: NDArray[np.float32], most: int, block: int = 1 << 16) -> VoxelPca:
    """Return the leading principal components of volumes ``(n, m)``, which may be a file in memory.

    Up to 8192 volumes exactly, from their products with one another, summed over blocks of voxels; of more,
    batch by batch. Neither needs all voxels in memory.
    """
    n, m = rows.shape
    most = min(most, n, m)
    if n > _MOST_PRODUCTS:
        return _in_batches(rows, most)
    mean = np.empty(m)
    products = np.zeros((n, n))
    for begin in range(0, m, block):
        part = rows[:, begin : begin + block].astype(np.float64)
        mean[begin : begin + block] = part.mean(axis=0)
        part -= mean[begin : begin + block]
        products += part @ part.T
    sizes, vectors = np.linalg.eigh(products)
    sizes, vectors = np.maximum(sizes[::-1][:most], 0), vectors[:, ::-1][:, :most]
    lengths = np.sqrt(sizes)
    weights = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9 * lengths.max())
    axes = np.empty((most, m), np.float32)
    for begin in range(0, m, block):
        part = rows[:, begin : begin + block] - mean[begin : begin + block]
        axes[:, begin : begin + block] = weights.T @ part
    total = float(np.trace(products)) / max(1, n - 1)
    coordinates = (vectors * lengths).astype(np.float32)
    return VoxelPca(mean, axes, sizes / max(1, n - 1), total, coordinates)


def _in_batches(rows: NDArray[np.float32], most: int) -> VoxelPca:
    from sklearn.decomposition import IncrementalPCA

    size = max(2 * most, 256)
    model = IncrementalPCA(most)
    # A last batch that is smaller than the number of components joins the one before.
    edges = [*range(0, len(rows) - size, size), len(rows)] if len(rows) > size else [0, len(rows)]
    parts = list(pairwise(edges))
    for begin, end in parts:
        model.partial_fit(rows[begin:end])
    coordinates = np.concatenate([model.transform(rows[begin:end]) for begin, end in parts])
    total = float(np.sum(model.var_)) * len(rows) / max(1, len(rows) - 1)
    return VoxelPca(
        model.mean_,
        model.components_.astype(np.float32),
        model.explained_variance_,
        total,
        coordinates.astype(np.float32),
    )
