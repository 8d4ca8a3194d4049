"""Soft masks: circles, spheres, neighbourhoods of points, thresholded maps."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional


def raised_cosine(distance: Tensor, radius: float, edge: float) -> Tensor:
    """1 up to ``radius``, 0 beyond ``radius + edge``, half a cosine period between."""
    if edge <= 0:
        return (distance <= radius).to(distance.dtype)
    phase = ((distance - radius) / edge).clamp(0, 1)
    return 0.5 * (1 + torch.cos(math.pi * phase))


def soft_circle(
    box: int, radius_px: float, edge_px: float, device: torch.device | str | None = None
) -> Tensor:
    """Mask ``(box, box)``: 1 within ``radius_px`` of pixel ``box // 2``, 0 from ``edge_px`` beyond it."""
    return raised_cosine(_distance(box, 2, device), radius_px, edge_px)


def soft_sphere(
    box: int, radius_px: float, edge_px: float, device: torch.device | str | None = None
) -> Tensor:
    """Mask ``(box,) * 3``: 1 within ``radius_px`` of voxel ``box // 2``, 0 from ``edge_px`` beyond it."""
    return raised_cosine(_distance(box, 3, device), radius_px, edge_px)


def mask_from_points(
    points_a: Tensor, box: int, voxel_size_a: float, radius_a: float, edge_a: float = 0.0
) -> Tensor:
    """Mask around points: 1 within ``radius_a`` of any of them, falling linearly to 0 over ``edge_a`` more.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(n, 3)`` centred points ``(x, y, z)`` in Å.
    box: int
        Side of the mask.
    voxel_size_a: float
        Voxel size in Å.
    radius_a, edge_a: float
        Distances in Å.

    Returns
    -------
    torch.Tensor
        ``(box, box, box)`` float32 mask ``[z, y, x]``.
    """
    points = points_a.detach().cpu().double().numpy()
    far = radius_a + edge_a
    # Only voxels near an occupied one are worth a search for the nearest point; rounding moves a point by at
    # most half a voxel along each axis. The margin lets points just outside the box reach into it.
    margin = math.ceil(far / voxel_size_a) + 1
    position = points[:, ::-1] / voxel_size_a + box // 2 + margin
    side = box + 2 * margin
    voxel = np.rint(position).astype(np.int64)
    voxel = voxel[((voxel >= 0) & (voxel < side)).all(1)]
    distance = np.full((box,) * 3, far + voxel_size_a)
    if len(voxel):
        empty = np.ones((side,) * 3, dtype=bool)
        empty[tuple(voxel.T)] = False
        inner = (slice(margin, margin + box),) * 3
        near = distance_transform_edt(empty)[inner] <= far / voxel_size_a + 0.87
        nearest, _ = cKDTree(position).query(np.argwhere(near) + margin)
        distance[near] = nearest * voxel_size_a
    found = torch.as_tensor(distance, dtype=torch.float32, device=points_a.device)
    if edge_a <= 0:
        return (found <= radius_a).float()
    return (1 - (found - radius_a) / edge_a).clamp(0, 1)


def mask_from_threshold(volume: Tensor, threshold: float, extend_px: float, edge_px: float) -> Tensor:
    """Mask of a map: voxels above ``threshold``, grown by ``extend_px`` and softened over ``edge_px``.

    Parameters
    ----------
    volume: torch.Tensor
        ``(d, h, w)`` density.
    threshold: float
        Density level.
    extend_px, edge_px: float
        Growth, and width of the raised-cosine edge beyond it, in voxels.

    Returns
    -------
    torch.Tensor
        ``(d, h, w)`` float32 mask.
    """
    inside = volume > threshold
    if not bool(inside.any()):
        raise ValueError(
            f"no voxel of the map is above the threshold {threshold}: its maximum is {float(volume.max())}"
        )
    distance = distance_transform_edt(~inside.cpu().numpy())
    return raised_cosine(
        torch.as_tensor(distance, dtype=torch.float32, device=volume.device), extend_px, edge_px
    )


def smooth_volume(volume: Tensor, sigma_px: float) -> Tensor:
    """Convolve a volume ``(d, h, w)`` with a Gaussian of ``sigma_px`` voxels; the outside counts as zero."""
    reach = max(1, math.ceil(4 * sigma_px))
    axis = torch.arange(-reach, reach + 1, dtype=volume.dtype, device=volume.device)
    kernel = torch.exp(-0.5 * (axis / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    result = volume[None, None]
    for dim in range(3):
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[dim + 2], padding[dim] = len(kernel), reach
        result = functional.conv3d(result, kernel.reshape(shape), padding=padding)
    return result[0, 0]


def _distance(box: int, ndim: int, device: torch.device | str | None) -> Tensor:
    """Distance of every pixel or voxel from the centre one, in pixels."""
    axis = torch.arange(box, device=device, dtype=torch.float32) - box // 2
    square = axis**2
    for _ in range(ndim - 1):
        square = square[..., None] + axis**2
    return square.sqrt()
