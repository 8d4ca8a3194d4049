"""Class averages at the size of the input images, corrected for the CTF.

Each image is multiplied by its CTF and laid onto its class; the sum is divided by the sum of the squared
CTFs, turned alike, plus what the agreement of even and odd members says of the noise (Wiener's filter).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from jobs.formats.image_stack_input import ImageInput
from jobs.maths.ctf import CtfParameters, ctf_rfft, from_particles
from jobs.maths.fourier import (
    image_to_rfft,
    pad_rfft,
    radius_rfft,
    rfft_to_image,
    shell_average,
    shell_index,
)
from jobs.maths.fsc import resolution_at
from jobs.maths.masks import soft_circle
from jobs.maths.transforms2d import Planar

#: Images at a time; fixed, so that sums are the same whatever the memory.
_BLOCK: Final = 64
_THRESHOLD: Final = 0.143
_EDGE_PX: Final = 5.0
#: Shells over which an average fades behind its resolution.
_FADING: Final = 4
_LEAST_SHELLS: Final = 5
_COARSEST_A: Final = 10.0
_MOST_B: Final = 1000.0


@dataclass(frozen=True, eq=False)
class FullSize:
    """Full-size averages of `K` classes.

    Attributes
    ----------
    averages
        `(K, y, x)` float32.
    curves
        `(K, y // 2 + 1)` correlation of even and odd members by ring.
    resolution_a
        `(K,)` Å, where that falls below 0.143; infinity when it never was above.
    bfactor_a2
        `(K,)` factor that was undone, Å²; 0 without sharpening.
    """

    averages: npt.NDArray[np.float32]
    curves: npt.NDArray[np.float32]
    resolution_a: npt.NDArray[np.float64]
    bfactor_a2: npt.NDArray[np.float64]


def full_size_averages(
    source: ImageInput,
    members: list[npt.NDArray[np.int64]],
    planar: list[Planar],
    *,
    radius_px: float,
    device: torch.device | str,
    sharpen: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> FullSize:
    """Average the members of every class from the images as they are.

    Parameters
    ----------
    source
        The input.
    members
        Rows of the input of each class, one at least.
    planar
        Transformations of these images onto their average, shifts in input pixels.
    radius_px
        Radius of the particle: outside lies the background, inside even and odd members are compared.
    device
        Where to compute.
    sharpen
        Undo the fall of amplitudes with frequency (B-factor fitted to each average).
    report
        Is told how many of how many images are done; may raise to stop.

    Returns
    -------
    FullSize
        In the order of the classes.
    """
    device = torch.device(device)
    box, pixel = source.box, source.pixel_size_a or 1.0
    mask = soft_circle(box, min(radius_px, box / 2 - _EDGE_PX), _EDGE_PX, device)
    averages, curves, resolutions, factors = [], [], [], []
    done, total = 0, sum(len(rows) for rows in members)
    for rows, poses in zip(members, planar, strict=True):
        sums = torch.zeros(2, box, box, device=device)
        weights = torch.zeros(2, box, box // 2 + 1, device=device)
        for first in range(0, len(rows), _BLOCK):
            part = slice(first, first + _BLOCK)
            half = torch.arange(first, min(first + _BLOCK, len(rows)), device=device) % 2
            images, squares = weighted_images(source, rows[part], poses[part].to(device), radius_px)
            sums.index_add_(0, half, images)
            weights.index_add_(0, half, squares)
            done += len(half)
            if report is not None:
                report(done, total)
        transforms = image_to_rfft(sums)
        curve = halves_agreement(transforms, weights, mask)
        resolution = resolution_at(curve, pixel, _THRESHOLD, box)
        filtered, factor = filtered_average(transforms.sum(0), weights.sum(0), curve, pixel, sharpen)
        averages.append(rfft_to_image(filtered, box).cpu().numpy())
        curves.append(curve.cpu().numpy())
        resolutions.append(resolution)
        factors.append(factor)
    return FullSize(np.stack(averages), np.stack(curves), np.array(resolutions), np.array(factors))


def weighted_images(
    source: ImageInput, rows: npt.NDArray[np.int64], poses: Planar, radius_px: float
) -> tuple[Tensor, Tensor]:
    """Return images times their CTF, laid onto the average, and the squared CTFs turned alike.

    Parameters
    ----------
    source
        The input.
    rows
        `n` rows of it.
    poses
        `n` transformations onto the average; their device is used.
    radius_px
        Outside of it lies the background, which becomes mean 0 and deviation 1.

    Returns
    -------
    images, squares
        `(n, y, x)`, and `(n, y, x // 2 + 1)`.
    """
    device = poses.alpha_deg.device
    images = torch.from_numpy(source.read(rows)).to(device)
    box = images.shape[-1]
    axis = torch.arange(box, device=device) - box // 2
    outside = (axis**2 + axis[:, None] ** 2 > radius_px**2).float()
    count = outside.sum().clamp(min=1)
    images = images - ((images * outside).sum((1, 2)) / count)[:, None, None]
    spread = ((images**2 * outside).sum((1, 2)) / count).sqrt()[:, None, None]
    images = images / torch.where(spread > 0, spread, torch.ones_like(spread))
    particles = source.particles
    pixel = source.pixel_size_a or 1.0
    params = from_particles(particles, rows, device)
    premultiplied = torch.as_tensor(particles.ctf_premultiplied[rows], device=device)
    flipped = premultiplied.clone()
    if source.ctf is not None:
        flipped = torch.as_tensor(source.ctf.applied[rows], device=device)
    ctf = ctf_rfft(params, box, pixel)
    ctf = torch.where(flipped[:, None, None], ctf.abs(), ctf)
    ctf = torch.where(premultiplied[:, None, None], torch.ones_like(ctf), ctf)
    fine = rfft_to_image(pad_rfft(image_to_rfft(images) * ctf, 2 * box), 2 * box) * 2
    # A soft factor or a magnification would have to be turned as well; they hardly change the sum of squares.
    squares = ctf_rfft(_turned(params, poses), box, pixel) ** 2
    return _laid(fine, box, poses), squares


def _turned(params: CtfParameters, poses: Planar) -> CtfParameters:
    """Parameters of the CTF of images that were turned and mirrored."""
    angle = params.defocus_angle_deg - poses.alpha_deg.to(params.defocus_angle_deg.dtype)
    angle = torch.where(poses.mirror, 180.0 - angle, angle)
    return replace(params, defocus_angle_deg=angle, mag_matrix=None, even_zernike=None)


def _laid(fine: Tensor, box: int, poses: Planar) -> Tensor:
    """Lay images onto their average, from copies of twice the sampling so that no detail is lost.

    Parameters
    ----------
    fine
        `(n, 2 box, 2 box)` with the centre at pixel ``box``.
    box
        Side of the result.
    poses
        `n` transformations.
    """
    device, side = fine.device, fine.shape[-1]
    axis = torch.arange(box, device=device, dtype=torch.float64) - box // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    alpha = torch.deg2rad(poses.alpha_deg.double())[:, None, None]
    cosine, sine = torch.cos(alpha), torch.sin(alpha)
    sign = torch.where(poses.mirror, -1.0, 1.0).double()[:, None, None]
    shift = poses.shift.double()[:, :, None, None]
    # Backwards: undo the mirror, then the shift, then the rotation.
    u, v = sign * x - shift[:, 0], y - shift[:, 1]
    place = torch.stack((cosine * u - sine * v, sine * u + cosine * v), -1)
    half = (side - 1) / 2
    grid = ((2 * place + box - half) / half).float()
    return functional.grid_sample(
        fine[:, None], grid, mode="bicubic", padding_mode="zeros", align_corners=True
    )[:, 0]


def halves_agreement(transforms: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return the correlation by ring of two halves.

    Parameters
    ----------
    transforms, weights
        `(2, box, box // 2 + 1)` sums of images times CTF, and of squared CTFs.
    mask
        `(box, box)` where they are compared.

    Returns
    -------
    torch.Tensor
        `(box // 2 + 1,)`.
    """
    box = mask.shape[-1]
    floor = 0.05 * weights.mean((-2, -1), keepdim=True).clamp(min=1e-6)
    halves = image_to_rfft(rfft_to_image(transforms / (weights + floor), box) * mask)
    cross = shell_average((halves[0] * halves[1].conj()).real, box)
    power = [shell_average(half.abs() ** 2, box) for half in halves]
    size = (power[0] * power[1]).sqrt()
    return torch.where(size > 0, cross / size.clamp(min=1e-30), torch.zeros_like(size))


def filtered_average(
    transform: Tensor, weight: Tensor, curve: Tensor, pixel: float, sharpen: bool
) -> tuple[Tensor, float]:
    """Divide by the CTF with Wiener's filter, fade behind the resolution, and sharpen if asked for.

    Parameters
    ----------
    transform, weight
        `(box, box // 2 + 1)` sums of images times CTF, and of squared CTFs.
    curve
        `(box // 2 + 1,)` correlation of even and odd members.
    pixel
        Å.
    sharpen
        Whether a B-factor is fitted, between 10 Å and the resolution, and undone.

    Returns
    -------
    average, factor
        Its transform, and the B-factor in Å² that was undone.
    """
    box, device = transform.shape[-2], transform.device
    shells = torch.arange(box // 2 + 1, device=device)
    below = torch.nonzero(curve[1:] < _THRESHOLD)
    last = int(below[0]) + 1 if len(below) else box // 2
    fade = 0.5 + 0.5 * torch.cos(torch.pi * ((shells - last) / _FADING).clamp(0, 1))
    trusted = torch.where(shells <= last, curve, curve[last]).clamp(0.5 * _THRESHOLD, 0.999)
    trusted[0] = trusted[1]
    noise = shell_average(weight, box) * (1 - trusted) / (2 * trusted)
    index = shell_index(box, device).clamp(max=box // 2)
    average = transform / (weight + noise[index]).clamp(min=1e-12) * fade[index]
    inside = radius_rfft(box, device) <= box / 2
    average = average * inside
    frequency = shells / (box * pixel)
    if not sharpen:
        return average, 0.0
    amplitude = shell_average(average.abs() ** 2, box).sqrt()
    used = (frequency > 1 / _COARSEST_A) & (shells <= last) & (amplitude > 0)
    if int(used.sum()) < _LEAST_SHELLS:
        return average, 0.0
    square = (frequency[used] ** 2).double()
    centred = square - square.mean()
    slope = float((centred * amplitude[used].log().double()).sum() / (centred**2).sum())
    factor = min(max(-4 * slope, 0.0), _MOST_B)
    return average * torch.exp(factor / 4 * frequency**2)[index], factor
