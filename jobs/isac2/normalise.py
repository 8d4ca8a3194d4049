"""Working images of resampled ones: centred, cut to the working box, and of one brightness and contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from jobs.isac2.masks import disc, strip
from jobs.isac2.resample import centred, smooth_box
from jobs.maths.fourier import image_to_rfft, rfft_to_image, shift_phases

if TYPE_CHECKING:
    from jobs.isac2.settings import IsacSettings


def shift_images(images: Tensor, shifts: Tensor, room: int) -> Tensor:
    """Move images by phases; what leaves at one side does not come in at the other.

    Parameters
    ----------
    images
        ``(b, n, n)``.
    shifts
        ``(b, 2)`` x and y in pixels.
    room
        At least the longest shift.
    """
    box = images.shape[-1]
    padded = smooth_box(box + 2 * room)
    planes = image_to_rfft(centred(images, padded)) * shift_phases(padded, shifts)
    return centred(rfft_to_image(planes, padded), box)


def normalise(images: Tensor, settings: IsacSettings, angle_deg: Tensor | None = None) -> Tensor:
    """Cut resampled images to the working box, with mean 0 outside and deviation 1 inside of the particle.

    Parameters
    ----------
    images
        ``(b, small, small)``.
    settings
        Of the run.
    angle_deg
        ``(b,)`` directions of filaments.

    Returns
    -------
    Tensor
        ``(b, box, box)``; around images smaller than the working box there are zeros.
    """
    box, small = settings.box, images.shape[-1]
    inner = min(box, small)
    images = centred(images, inner)
    if settings.filament and angle_deg is not None:
        half_width = int(settings.filament_width * settings.shrink + 0.5) // 2
        inside = strip(inner, half_width, angle_deg)
    else:
        radius = settings.target_radius if small >= box else small // 2 - 2
        inside = disc(inner, radius, images.device)[None]
    weights = inside.to(images.dtype)
    rest = 1 - weights
    outside = (images * rest).sum((-2, -1)) / rest.sum((-2, -1)).clamp(min=1)
    images = images - outside[:, None, None]
    count = weights.sum((-2, -1))
    mean = (images * weights).sum((-2, -1)) / count
    square = ((images - mean[:, None, None]).square() * weights).sum((-2, -1))
    sigma = (square / (count - 1).clamp(min=1)).sqrt()
    images = images / sigma.clamp(min=torch.finfo(images.dtype).tiny)[:, None, None]
    if settings.filament and not settings.filament_mask_ignore:
        images = images * weights
    return centred(images, box)
