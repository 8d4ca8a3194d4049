"""Images of clouds of Gaussians without noise: analytic projection, then the CTF."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.coordinates import project_points

_DENSE_LIMIT = 4000  # points up to which every Gaussian is evaluated on every row and column
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
    Small clouds are exact samples of the projected Gaussians. Large ones are spread with cubic B-splines on a
    grid of half the pixel and finished in Fourier space; the difference is below 1e-3 of the image's standard
    deviation for Gaussians of half a pixel and more.
    """
    xy = project_points(points_a, rotations, shifts_px, box, pixel_size_a)
    mass = weights.expand(xy.shape[:2])
    sigma_px = sigma_a / pixel_size_a
    if xy.shape[1] <= _DENSE_LIMIT:
        return _evaluate(xy, mass, sigma_px, box)
    return _spread(xy, mass, sigma_px, box)


def images_per_chunk(n_points: int, box: int) -> int:
    """How many images to make at once, so that memory stays at some tens of megabytes."""
    per_image = n_points * box if n_points <= _DENSE_LIMIT else n_points * 8
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
    side = box * _OVERSAMPLING
    fine = xy * _OVERSAMPLING
    # A point outside the image would come in on the other side of the periodic grid: it is dropped instead.
    mass = torch.where(((fine >= 0) & (fine <= side - 1)).all(-1), mass, 0.0)
    base = torch.floor(fine).long()
    taps_x, taps_y = _cubic_taps(fine[..., 0] - base[..., 0]), _cubic_taps(fine[..., 1] - base[..., 1])
    image = torch.arange(len(xy), device=xy.device)[:, None] * side
    total = torch.zeros(len(xy) * side * side, dtype=xy.dtype, device=xy.device)
    columns = [(base[..., 0] + i - 1) % side for i in range(4)]
    for j in range(4):
        row = (image + (base[..., 1] + j - 1) % side) * side
        weight = mass * taps_y[j]
        for i in range(4):
            total.index_add_(0, (row + columns[i]).reshape(-1), (weight * taps_x[i]).reshape(-1))
    spectrum = torch.fft.rfft2(total.reshape(len(xy), side, side))
    low = torch.cat((spectrum[:, : box // 2], spectrum[:, side - box // 2 :]), dim=1)[..., : box // 2 + 1]
    line = _replacement(torch.fft.fftfreq(box, device=xy.device), sigma_px)
    half_line = _replacement(torch.fft.rfftfreq(box, device=xy.device), sigma_px)
    return torch.fft.irfft2(low * line[:, None] * half_line, s=(box, box))


def _replacement(frequency: Tensor, sigma_px: float) -> Tensor:
    """Transform of the Gaussian divided by that of the spline, at cycles per pixel."""
    return torch.exp(-2 * (torch.pi * sigma_px * frequency) ** 2) / torch.sinc(frequency / _OVERSAMPLING) ** 4


def _cubic_taps(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cubic B-spline at the four grid points around a fraction ``t`` in [0, 1)."""
    s = 1 - t
    return (
        s**3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (3 * s**3 - 6 * s**2 + 4) / 6,
        t**3 / 6,
    )
