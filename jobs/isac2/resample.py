"""From images as they were extracted to working pixels: background, phase flip, whitening, new sampling.

Each image is set into a larger box of zeros, transformed once, cut down to the frequencies that the new
sampling holds, multiplied there, and transformed back. The size of the larger box is chosen so that it is a
whole number of working pixels too: the scale is the one wanted, not that of the next whole box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from jobs.isac2.masks import disc, strip
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import crop_rfft, image_to_rfft, pad_rfft, radius_rfft, rfft_to_image

if TYPE_CHECKING:
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

# Edge pixels of the particle may lie this far from where the exact scale puts them, working pixels.
_MISPLACED: Final = 0.005
# Boxes up to this many times the smallest possible are looked at, and up to this size.
_LARGER: Final = 1.6
_STILL_SMALL: Final = 256
_BLOCK_NUMBERS: Final = 1 << 24
_LARGEST_BLOCK: Final = 256


@dataclass(frozen=True)
class Sampling:
    """How images become working images.

    Attributes
    ----------
    box
        Of the input images.
    padded, cut
        Box that an image is set into, and the same box in working pixels.
    small
        Box of the input images in working pixels.
    """

    box: int
    padded: int
    cut: int
    small: int

    @property
    def scale(self) -> float:
        """Working pixels per input pixel."""
        return self.cut / self.padded

    @property
    def block(self) -> int:
        """Images that are computed at a time: by the box alone, so that results do not hang on memory."""
        return int(min(_LARGEST_BLOCK, max(1, _BLOCK_NUMBERS // max(self.padded, self.cut) ** 2)))


def sampling(box: int, settings: IsacSettings) -> Sampling:
    """Choose the boxes for images of one size.

    Parameters
    ----------
    box
        Of the input images, px.
    settings
        Of the run.
    """
    shrink = settings.shrink
    small = max(2, settings.small_box(box))
    # Phase flipping spreads an image: it needs room not to come in again at the other side.
    least = 2 * box if settings.ctf or settings.vpp else box
    if shrink == 1:
        padded = least if not (settings.ctf or settings.vpp) else _smooth_from(least)
        return Sampling(box, padded, padded, small)
    best, error = least, float("inf")
    for padded in range(least, max(int(_LARGER * least), _STILL_SMALL) + 2):
        if not _is_smooth(padded):
            continue
        cut = round(padded * shrink)
        misplaced = abs(padded * shrink - cut) / (padded * shrink) * settings.target_radius
        if misplaced < error and cut >= small:
            best, error = padded, misplaced
        if error < _MISPLACED:
            break
    return Sampling(box, best, round(best * shrink), small)


def resample_images(
    images: Tensor,
    size: Sampling,
    settings: IsacSettings,
    signs: Tensor | None = None,
    factors: Tensor | None = None,
    angle_deg: Tensor | None = None,
) -> Tensor:
    """Bring images to working pixels.

    Parameters
    ----------
    images
        ``(b, box, box)`` float32.
    size
        From :func:`sampling`.
    settings
        Of the run.
    signs
        ``(b, cut, cut // 2 + 1)`` of +1 and -1 from :func:`ctf_signs`.
    factors
        ``(cut, cut // 2 + 1)`` amplitudes from :func:`jobs.isac2.power.whitening_plane`.
    angle_deg
        ``(b,)`` directions of filaments.

    Returns
    -------
    Tensor
        ``(b, small, small)``, the centre at ``small // 2`` and the background about 0.
    """
    images = images - background(images, settings, angle_deg)[:, None, None]
    low = size.padded // 2 - size.box // 2
    high = size.padded - size.box - low
    planes = image_to_rfft(torch.nn.functional.pad(images, (low, high, low, high)))
    if size.cut < size.padded:
        planes = crop_rfft(planes, size.cut)
    elif size.cut > size.padded:
        planes = pad_rfft(planes, size.cut)
    if signs is not None:
        planes = planes * signs
    if factors is not None:
        planes = planes * factors
    # An orthonormal transform keeps sums of squares: pixel values are brought back to what they were.
    result = rfft_to_image(planes, size.cut) * size.scale
    return centred(result, size.small)


def ctf_signs(images: ImageInput, rows: slice, size: Sampling, device: torch.device) -> Tensor | None:
    """Return the signs of the CTF of some images in working pixels, None where the file has no CTF.

    Parameters
    ----------
    images
        The input.
    rows
        Which.
    size
        From :func:`sampling`.
    device
        Where to compute.

    Returns
    -------
    Tensor
        ``(b, cut, cut // 2 + 1)`` of +1 and -1; +1 everywhere for images that are flipped already. The CTF of
        :mod:`jobs.maths.ctf` is positive at low frequencies: contrast stays as it is.
    """
    if images.ctf is None:
        return None
    indices = np.arange(rows.start, rows.stop)
    params = from_particles(images.particles, indices, device)
    # an envelope changes no sign, but could become zero
    params = replace(params, bfactor_a2=torch.zeros_like(params.bfactor_a2))
    pixel = torch.as_tensor(images.particles.pixel_size_a[rows].copy(), device=device) / size.scale
    ctf = ctf_rfft(params, size.cut, pixel)
    applied = torch.as_tensor(images.ctf.applied[rows].copy(), device=device)
    return torch.where((ctf < 0) & ~applied[:, None, None], -1.0, 1.0)


def centred(images: Tensor, box: int) -> Tensor:
    """Cut images ``(…, n, n)`` about their centre to another box, or set them into zeros."""
    low = box // 2 - images.shape[-1] // 2
    high = box - images.shape[-1] - low
    return torch.nn.functional.pad(images, (low, high, low, high))


def frequency_plane(size: Sampling, device: torch.device) -> Tensor:
    """Return the frequencies ``(cut, cut // 2 + 1)`` in 1/px of the input images."""
    return radius_rfft(size.cut, device) / size.padded


def smooth_box(least: int) -> int:
    """Return the smallest even box from ``least`` on that is transformed quickly."""
    return _smooth_from(least + least % 2)


def background(images: Tensor, settings: IsacSettings, angle_deg: Tensor | None) -> Tensor:
    """Return the mean ``(b,)`` outside of the particle; of the whole image where there is no outside."""
    box = images.shape[-1]
    if settings.filament and angle_deg is not None:
        outside = ~strip(box, int(settings.filament_width + 0.5) // 2, angle_deg)
    else:
        outside = ~disc(box, settings.radius, images.device)[None]
    empty = ~outside.any(dim=(-2, -1), keepdim=True)
    weights = (outside | empty).to(images.dtype)
    return (images * weights).sum((-2, -1)) / weights.sum((-2, -1))


def _smooth_from(least: int) -> int:
    while not _is_smooth(least):
        least += 1
    return least


def _is_smooth(number: int) -> bool:
    """Tell whether a box is even and a product of 2, 3, 5 and 7."""
    if number % 2:
        return False
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number == 1
