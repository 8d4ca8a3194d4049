"""Clouds of Gaussians: placing them in a map, their images and volumes, and who is whose neighbour.

A Gaussian of weight ``w`` and standard deviation ``s`` (Å) at ``x`` is the density
``w (2 pi s^2)^(-3/2) exp(-|r - x|^2 / (2 s^2))`` per voxel volume, so its projection sums to ``w``.  Points
are in Å relative to the centre voxel ``D // 2``, axis order ``(x, y, z)``.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from jobs.maths.fourier import rfft_grid
from jobs.maths.splat import splat_volume, spline_transfer

#: Lloyd rounds that spread the seeds evenly over the density; more change little.
_LLOYD_ROUNDS = 8
#: Voxels per point used to spread the points; the rest is left out to bound time and memory.
_VOXELS_PER_POINT = 40


def automatic_threshold(volume: Tensor) -> float:
    """Density level that separates the molecule from the solvent.

    The larger of the 98.5th percentile of all voxels and four standard deviations above the mean of the
    corners of the box, where there is only solvent.

    Parameters
    ----------
    volume: torch.Tensor
        ``(D, D, D)`` map.
    """
    box = volume.shape[0]
    flat = volume.reshape(-1).float()
    stride = max(1, flat.numel() // 2_000_000)
    sample = flat[::stride]
    level = float(torch.quantile(sample, 0.985)) if sample.numel() < 16_000_000 else float(sample.max()) / 2
    axis = torch.arange(box, device=volume.device) - box // 2
    outside = (axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2) > (
        box / 2
    ) ** 2
    corners = volume[outside].float()
    return max(level, float(corners.mean() + 4 * corners.std())) if corners.numel() > 1 else level


def seed_points(
    volume: Tensor, voxel_size_a: float, n_points: int, threshold: float, generator: torch.Generator
) -> Tensor:
    """Place points evenly in a map, more of them where there is more density.

    Voxels are drawn in proportion to their density; a few rounds of Lloyd's algorithm then move every point
    to the centre of mass of the density it is nearest to.

    Parameters
    ----------
    volume: torch.Tensor
        ``(D, D, D)`` map ``[z, y, x]``.
    voxel_size_a: float
        Voxel size in Å.
    n_points: int
        Number of points.
    threshold: float
        Only voxels above this density are used.
    generator: torch.Generator
        Source of randomness (CPU).

    Returns
    -------
    torch.Tensor
        ``(n_points, 3)`` float32 points in Å relative to the centre voxel.

    Raises
    ------
    ValueError
        If no voxel is above the threshold.
    """
    volume = volume.detach().cpu().float()
    box = volume.shape[0]
    flat = volume.reshape(-1)
    above = torch.nonzero(flat > threshold)[:, 0]
    if above.numel() == 0:
        raise ValueError(
            f"no voxel of the map is above {threshold:g}; its values reach from {float(flat.min()):g} to "
            f"{float(flat.max()):g}"
        )
    mass = flat[above].double()
    drawn = above[_draw(mass, n_points, generator)]
    points = _voxel_points(drawn, box) + torch.rand(n_points, 3, generator=generator) - 0.5
    if above.numel() > _VOXELS_PER_POINT * n_points:
        keep = torch.randperm(above.numel(), generator=generator)[: _VOXELS_PER_POINT * n_points]
        above, mass = above[keep], mass[keep]
    voxels = _voxel_points(above, box).numpy().astype(np.float64)
    moved = points.numpy().astype(np.float64)
    for _ in range(_LLOYD_ROUNDS):
        _, nearest = cKDTree(moved).query(voxels)
        total = np.bincount(nearest, weights=mass.numpy(), minlength=n_points)
        filled = total > 0
        for axis in range(3):
            sums = np.bincount(nearest, weights=mass.numpy() * voxels[:, axis], minlength=n_points)
            moved[filled, axis] = sums[filled] / total[filled]
    return torch.from_numpy(moved * voxel_size_a).float()


def transfer(widths_a: Tensor, box: int, pixel_size_a: float) -> Tensor:
    """Fourier transform of the Gaussians of a cloud, with the splat's own transform divided out.

    Multiply the (unnormalised) transform of :func:`jobs.maths.splat.splat_points` by this to get that of the
    projected Gaussians.

    Parameters
    ----------
    widths_a: torch.Tensor
        ``(c,)`` standard deviations in Å.
    box: int
        Side of the images in pixels.
    pixel_size_a: float
        Pixel size of the splatted images in Å.

    Returns
    -------
    torch.Tensor
        ``(c, D, D // 2 + 1)`` real, differentiable with respect to the widths.
    """
    ky, kx = rfft_grid(box, widths_a.device)
    frequency2 = (kx**2 + ky**2) / pixel_size_a**2
    envelope = torch.exp(-2 * math.pi**2 * widths_a[:, None, None] ** 2 * frequency2)
    return envelope / (spline_transfer(kx) * spline_transfer(ky))


def render_volume(
    points_a: Tensor, weights: Tensor, widths_a: Tensor, box: int, voxel_size_a: float
) -> Tensor:
    """Render a cloud as a map, by splat and Fourier filter.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(n, 3)`` points in Å.
    weights: torch.Tensor
        ``(c, n)`` weight of every Gaussian in every class of widths.
    widths_a: torch.Tensor
        ``(c,)`` standard deviations in Å.
    box: int
        Side ``D`` of the map.
    voxel_size_a: float
        Voxel size in Å.

    Returns
    -------
    torch.Tensor
        ``(D, D, D)`` float32 map ``[z, y, x]``, centre at ``D // 2``.
    """
    transform = torch.fft.rfftn(splat_volume(points_a / voxel_size_a, weights, box), dim=(-3, -2, -1))
    full = torch.fft.fftfreq(box, device=points_a.device)
    half = torch.fft.rfftfreq(box, device=points_a.device)
    spline = (
        spline_transfer(full)[:, None, None] * spline_transfer(full)[None, :, None] * spline_transfer(half)
    )
    frequency2 = full[:, None, None] ** 2 + full[None, :, None] ** 2 + half**2
    scale = -2 * math.pi**2 * (widths_a / voxel_size_a) ** 2
    total = (transform * torch.exp(scale[:, None, None, None] * frequency2)).sum(0) / spline
    return torch.fft.fftshift(torch.fft.irfftn(total, s=(box, box, box)))


def radius_graph(points_a: Tensor, factor: float = 1.5, neighbours: int = 2) -> tuple[Tensor, float]:
    """Connect points that are close to one another.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(n, 3)`` points in Å.
    factor: float
        Edges reach this many mean neighbour distances far.
    neighbours: int
        Over how many nearest neighbours that mean is taken.

    Returns
    -------
    edges: torch.Tensor
        ``(2, E)`` int64, every pair once, smaller index first, in lexical order.
    distance: float
        Mean distance of the nearest neighbours, Å.
    """
    positions = points_a.detach().cpu().numpy().astype(np.float64)
    if len(positions) < 2:
        return torch.zeros(2, 0, dtype=torch.int64, device=points_a.device), 0.0
    tree = cKDTree(positions)
    distances = np.asarray(tree.query(positions, k=min(neighbours, len(positions) - 1) + 1)[0])
    mean = float(distances[:, 1:].mean())
    pairs = tree.query_pairs(factor * mean, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return torch.from_numpy(pairs.T.astype(np.int64).copy()).to(points_a.device), mean


def _draw(mass: Tensor, n_points: int, generator: torch.Generator) -> Tensor:
    """Draw indices in proportion to ``mass`` by systematic sampling of its cumulative sum."""
    total = torch.cumsum(mass, 0)
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    marks = (torch.arange(n_points, dtype=torch.float64) + start) * (total[-1] / n_points)
    return torch.searchsorted(total, marks).clamp(max=mass.numel() - 1)


def _voxel_points(flat_index: Tensor, box: int) -> Tensor:
    """Centre-relative voxel coordinates ``(x, y, z)`` of flat voxel indices."""
    z, y, x = flat_index // box**2, (flat_index // box) % box, flat_index % box
    return torch.stack((x, y, z), -1).float() - box // 2
