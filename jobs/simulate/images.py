"""Images of clouds of Gaussians without noise: analytic projection, then the CTF."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from jobs.maths.coordinates import project_points

_DENSE_LIMIT = 4000  # points up to which every Gaussian is evaluated on every row and column
_DENSE_SIGMA_PX = 0.95  # narrower Gaussians alias when they are sampled
_CHUNK_FLOATS = 4_000_000
_OVERSAMPLING = 2


def project_cloud(
    points_a: Tensor,
    weights: Tensor,
    sigma_a: float,
    rotations: Tensor,
    shifts_px: Tensor,
    box: int,
    pixel_size_a: float,
) -> Tensor:
    """Project clouds of equal, round Gaussians.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(b, n, 3)`` centres, centred Å, one set per image.
    weights: torch.Tensor
        ``(n,)`` or ``(b, n)`` integrals.
    sigma_a: float
        Width in Å.
    rotations: torch.Tensor
        ``(b, 3, 3)`` RELION matrices.
    shifts_px: torch.Tensor
        ``(b, 2)`` offset of the particle from pixel ``box // 2``.
    box: int
        Image side.
    pixel_size_a: float
        Pixel size in Å.

    Returns
    -------
    torch.Tensor
        ``(b, box, box)`` images; each Gaussian adds up to its weight.

    Notes
    -----
    Small clouds of wide Gaussians are exact samples of the projections. Others are spread with cubic
    B-splines on a grid of half the pixel and finished in Fourier space, which leaves out what lies beyond the
    Nyquist frequency instead of letting it alias; for a width of one pixel the two ways differ by 6e-4.
    """
    xy = project_points(points_a, rotations, shifts_px, box, pixel_size_a)
    mass = weights.expand(xy.shape[:2])
    sigma_px = sigma_a / pixel_size_a
    if _is_dense(xy.shape[1], sigma_px):
        return _evaluate(xy, mass, sigma_px, box)
    return _spread(xy, mass, sigma_px, box)


def _is_dense(n_points: int, sigma_px: float) -> bool:
    return n_points <= _DENSE_LIMIT and sigma_px >= _DENSE_SIGMA_PX


def images_per_chunk(n_points: int, box: int) -> int:
    """How many images to make at once, so that memory stays at some tens of megabytes."""
    per_image = n_points * box if n_points <= _DENSE_LIMIT else n_points * 16
    return max(1, min(256, _CHUNK_FLOATS // per_image))


def apply_ctf(images: Tensor, ctf: Tensor) -> Tensor:
    """Multiply images ``(b, d, d)`` with real CTFs ``(b, d, d // 2 + 1)`` in Fourier space."""
    return torch.fft.irfft2(torch.fft.rfft2(images) * ctf, s=images.shape[-2:])


def _evaluate(xy: Tensor, mass: Tensor, sigma_px: float, box: int) -> Tensor:
    """Separable Gaussians as one matrix product per image."""
    pixels = torch.arange(box, dtype=xy.dtype, device=xy.device)
    rows = torch.exp(-0.5 * ((pixels - xy[..., 1:2]) / sigma_px) ** 2)  # (b, n, h)
    columns = torch.exp(-0.5 * ((pixels - xy[..., 0:1]) / sigma_px) ** 2)  # (b, n, w)
    scaled = columns * (mass / (2 * torch.pi * sigma_px**2))[..., None]
    return rows.transpose(1, 2) @ scaled


def _spread(xy: Tensor, mass: Tensor, sigma_px: float, box: int) -> Tensor:
    """Spread points with cubic B-splines on a finer grid, then exchange the spline for the Gaussian."""
    from jobs.simulate.spread import spread_points

    side = box * _OVERSAMPLING
    grids = np.zeros((len(xy), side, side), dtype=np.float32)
    spread_points((xy * _OVERSAMPLING).float().numpy(), mass.float().contiguous().numpy(), grids)
    spectrum = torch.fft.rfft2(torch.from_numpy(grids))
    low = torch.cat((spectrum[:, : box // 2], spectrum[:, side - box // 2 :]), dim=1)[..., : box // 2 + 1]
    line = _replacement(torch.fft.fftfreq(box, device=xy.device), sigma_px)
    half_line = _replacement(torch.fft.rfftfreq(box, device=xy.device), sigma_px)
    return torch.fft.irfft2(low * line[:, None] * half_line, s=(box, box))


def _replacement(frequency: Tensor, sigma_px: float) -> Tensor:
    """Transform of the Gaussian divided by that of the spline, at cycles per pixel."""
    return torch.exp(-2 * (torch.pi * sigma_px * frequency) ** 2) / torch.sinc(frequency / _OVERSAMPLING) ** 4
