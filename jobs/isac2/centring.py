"""Where the object of an average lies: the methods by which a global average is kept centred."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from jobs.core.errors import UserError

#: What the numbers of the option mean.
METHODS: Final = {
    -1: "mean shift of the particles",
    0: "none",
    1: "phase centre of gravity",
    2: "correlation with a Gaussian",
    3: "correlation with a ring of two Gaussians",
    4: "correlation with the mask",
    5: "correlation with its own rotational average",
    6: "phase centre of gravity of what is above the mean by one deviation",
    7: "correlation of what is above the mean by one deviation with the mask",
}
_NARROW, _WIDE = 2.0, 7.0
_ROUNDS = 20


def centre_offset(average: Tensor, method: int, radius: float, pixel: float = 1.0) -> Tensor:
    """Return how far the object of an average is from the centre ``n // 2``.

    Parameters
    ----------
    average
        ``(n, n)``.
    method
        0 to 7 of :data:`METHODS`; 0, and -1, which needs the particles' shifts, give 0.
    radius
        Of the particle in pixels of the average.
    pixel
        Size of a pixel of the average in working pixels, in which the Gaussians are measured.

    Returns
    -------
    torch.Tensor
        ``(2,)`` x and y in pixels of the average, float64.

    Raises
    ------
    UserError
        When there is no such method.
    """
    if method not in METHODS:
        raise UserError(
            f"there is no centring method {method}", column="center_method", hint="Choose -1 to 7"
        )
    image = average.double()
    if method in (-1, 0):
        return image.new_zeros(2)
    if method == 1:
        return _phase_centre(image)
    if method == 6:
        return _phase_centre(torch.where(image > _level(image), image, 0.0))
    if method == 2:
        return _peak(_correlation(image, _gaussian(image, _NARROW / pixel)))
    if method == 3:
        ring = _gaussian(image, _WIDE / pixel) - _gaussian(image, _NARROW / pixel)
        return _peak(_correlation(image, ring))
    disc = (_radii(image) <= radius).double()
    if method == 4:
        return _peak(_correlation(image, disc))
    if method == 5:
        return _own_rotational_average(image)
    binary = (image > _level(image)).double()
    smooth = functional.avg_pool2d(binary[None, None], 5, stride=1, padding=2)[0, 0]
    return _mean_of_maxima(_correlation((smooth > 0.5).double(), disc))


def _level(image: Tensor) -> Tensor:
    return image.mean() + image.std()


def _radii(image: Tensor) -> Tensor:
    axis = torch.arange(len(image), device=image.device, dtype=image.dtype) - len(image) // 2
    return torch.hypot(axis[:, None], axis[None, :])


def _gaussian(image: Tensor, sigma: float) -> Tensor:
    return torch.exp(-0.5 * (_radii(image) / sigma) ** 2)


def _phase_centre(image: Tensor) -> Tensor:
    """Return the centre of gravity on a circle, from the phase of the first harmonic of each projection."""
    n = len(image)
    found = []
    for axis in (0, 1):
        harmonic = torch.fft.rfft(image.sum(axis))[1]
        place = -torch.angle(harmonic) * n / (2 * math.pi) - n // 2
        found.append(torch.remainder(place + n / 2, n) - n / 2)
    return torch.stack(found)


def _correlation(image: Tensor, reference: Tensor) -> Tensor:
    """Return the cross-correlation map; no shift stands at ``n // 2``."""
    product = torch.fft.rfft2(image) * torch.fft.rfft2(reference).conj()
    return torch.fft.fftshift(torch.fft.irfft2(product, s=image.shape))


def _peak(correlation: Tensor) -> Tensor:
    n = len(correlation)
    index = correlation.argmax()
    return torch.stack([index % n - n // 2, index // n - n // 2]).double()


def _mean_of_maxima(correlation: Tensor) -> Tensor:
    highest = correlation.max()
    if highest <= 0:
        return correlation.new_zeros(2)
    y, x = torch.nonzero(correlation >= highest - 1e-6 * highest.abs(), as_tuple=True)
    n = len(correlation)
    return torch.stack([x.double().mean() - n // 2, y.double().mean() - n // 2])


def _own_rotational_average(image: Tensor) -> Tensor:
    """Return the shift found by moving the image onto its own rotational average again and again."""
    n = len(image)
    shell = _radii(image).round().long().reshape(-1)
    count = torch.bincount(shell).clamp(min=1).double()
    total = image.new_zeros(2)
    moved = image
    for _ in range(_ROUNDS):
        profile = torch.bincount(shell, weights=moved.reshape(-1)) / count
        step = _peak(_correlation(moved, profile[shell].reshape(n, n)))
        if float(torch.hypot(step[0], step[1])) < 1.0:
            break
        total = total + step
        x, y = (int(value) for value in step)
        moved = torch.roll(moved, (-y, -x), (0, 1))
    return torch.remainder(total + n / 2, n) - n / 2
