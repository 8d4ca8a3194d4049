"""How alike images are when they may be turned, mirrored and shifted: best correlations of all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar

_IMAGES_AT_ONCE = 64


@dataclass(frozen=True)
class BestMatches:
    """Best correlation of every image with every reference, and what reaches it.

    Attributes
    ----------
    correlation
        ``(A, B)`` over the disc, 1 when they are the same.
    planar
        ``(A, B)`` transformations of the images onto the references.
    """

    correlation: Tensor
    planar: Planar


def best_matches(
    images: Tensor, references: Tensor, radius: int, reach: float = 0.0, step: float = 1.0
) -> BestMatches:
    """Compare images with references over a disc, at all rotations, both mirror states, and shifts.

    Parameters
    ----------
    images, references: torch.Tensor
        ``(A, y, x)`` and ``(B, y, x)`` on one device.
    radius: int
        Of the disc about the centre ``n // 2``, pixels.
    reach: float
        The centre of the images is looked for up to so many pixels away in x and in y.
    step: float
        Pixels between the places where it is looked for.

    Returns
    -------
    BestMatches
        Rotations are right to a fraction of a pixel at the rim, not refined further.
    """
    device = images.device
    grid = PolarGrid(radius, max_frequency=0.5, device=device)
    targets = grid.coefficients(references.float(), normalise=True)
    places = torch.arange(-round(reach / step), round(reach / step) + 1, dtype=torch.float64) * step
    y, x = torch.meshgrid(places, places, indexing="ij")
    points = torch.stack((x.reshape(-1), y.reshape(-1)), -1)
    tables = [grid.table((images.shape[-2], images.shape[-1]), point[None]) for point in points]
    correlation, alpha, place, mirror = [], [], [], []
    for some in images.float().split(_IMAGES_AT_ONCE):
        best = torch.full((len(some), len(references)), -torch.inf, device=device)
        angle, where = torch.zeros_like(best), torch.zeros_like(best, dtype=torch.int64)
        flipped = torch.zeros_like(best, dtype=torch.bool)
        for number, table in enumerate(tables):
            found = grid.coefficients(some, table, normalise=True)
            for is_mirror in (False, True):
                score, turn = _rotations(grid, found, targets, is_mirror)
                better = score > best
                best = torch.where(better, score, best)
                angle = torch.where(better, turn, angle)
                where = torch.where(better, number, where)
                flipped = torch.where(better, is_mirror, flipped)
        correlation.append(best)
        alpha.append(angle)
        place.append(where)
        mirror.append(flipped)
    offset = points.to(device)[torch.cat(place)]
    planar = Planar.from_offset(torch.cat(alpha).double(), offset, torch.cat(mirror))
    return BestMatches(torch.cat(correlation), planar)


def _rotations(grid: PolarGrid, found: Tensor, targets: Tensor, mirror: bool) -> tuple[Tensor, Tensor]:
    """Best correlation ``(A, B)`` over rotations, and the rotation in degrees."""
    n_angles = 4 * (grid.max_m + 1)
    spectrum = found.new_zeros(n_angles // 2 + 1, found.shape[2], targets.shape[2], dtype=torch.complex64)
    theirs = torch.complex(targets[:, 0], targets[:, 1])
    mine = torch.complex(found[:, 0], -found[:, 1])
    if mirror:
        theirs = theirs.conj()
    for band in grid.bands:
        weights = grid.ring_weights[band.ring :].to(torch.complex64)
        f = theirs[band.rows].reshape(band.n_m, band.n_rings, -1) * weights[:, None]
        g = mine[band.rows].reshape(band.n_m, band.n_rings, -1)
        spectrum[band.m : band.m + band.n_m] = g.transpose(1, 2) @ f
    curve = torch.fft.irfft(spectrum, n_angles, dim=0, norm="forward")
    score, index = curve.max(dim=0)
    return score, index * (360.0 / n_angles)
