"""The best place, angle and mirror of many images on one reference, over all shifts of a range at once.

For every angle the correlation with all shifts is one inverse Fourier transform, so that a range of ten
pixels costs what one of one pixel does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource, blocks, take_images, transform_images
from jobs.isac2.workers import Workers
from jobs.maths.transforms2d import Planar

# Fixed, whatever the memory, so that results do not depend on it; small enough for the cache of a processor.
_BLOCK = 32
#: Steps of the search of fractions of a pixel about the best whole one.
_FINE = 0.25
_FINE_STEPS = 3


def reference_bank(reference: Tensor, angles_deg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what images look like whose transformation onto the reference has each angle, and each mirror.

    Parameters
    ----------
    reference
        ``(n, n)``.
    angles_deg
        ``(A,)``.

    Returns
    -------
    bank, angles_deg, mirror
        ``(2 A, n, n)``, ``(2 A,)`` and ``(2 A,)``.
    """
    angles = torch.cat([angles_deg, angles_deg])
    mirror = torch.arange(len(angles), device=angles.device) >= len(angles_deg)
    turn = Planar(angles, angles.new_zeros(len(angles), 2), mirror)
    return transform_images(reference.expand(len(angles), -1, -1), turn.inverse()), angles, mirror


def search_globally(
    images: ImageSource | Tensor,
    count: int,
    reference: Tensor,
    angles_deg: Tensor,
    limit: float,
) -> Planar:
    """Return the best transformation of every image onto one reference.

    Parameters
    ----------
    images
        ``count`` images ``(n, n)`` read by index.
    count
        How many.
    reference
        ``(n, n)``, masked; images need no mask then.
    angles_deg
        ``(A,)`` angles that are tried, each also mirrored.
    limit
        Largest offset in x and in y, pixels; below 1 it is 0.

    Returns
    -------
    Planar
        ``count`` transformations, shifts to a quarter of a pixel.
    """
    device = reference.device
    box = reference.shape[-1]
    bank, angles, mirror = reference_bank(reference, angles_deg)
    spectra = torch.fft.rfft2(bank).conj()
    reach = min(int(limit), box // 2 - 1)
    steps = torch.arange(-reach, reach + 1, device=device)
    rows = torch.remainder(steps, box)
    fine = torch.arange(-_FINE_STEPS, _FINE_STEPS + 1, device=device) * (_FINE if reach else 0.0)

    def searched(device: torch.device, block: tuple[int, int]) -> tuple[Tensor, Tensor]:
        start, stop = block
        part = torch.fft.rfft2(take_images(images, torch.arange(start, stop), device))
        product = part[:, None] * spectra
        maps = torch.fft.irfft2(product, s=(box, box))[:, :, rows][:, :, :, rows]
        best = maps.flatten(1).argmax(1)
        side = len(steps)
        entry, place = best // side**2, best % side**2
        offset = torch.stack([steps[place % side], steps[place // side]], -1)
        near = product[torch.arange(stop - start, device=device), entry]
        return entry, _refined(near, offset, fine, box)

    found = list(Workers((device,)).map(searched, blocks(count, _BLOCK)))
    entry = torch.cat([part[0] for part in found])
    offset = torch.cat([part[1] for part in found]).clamp(-limit, limit)
    return Planar.from_offset(angles[entry], offset, mirror[entry])


def _refined(spectrum: Tensor, offset: Tensor, fine: Tensor, box: int) -> Tensor:
    """Return the maximum of band-limited correlations on a finer grid about whole pixels, ``(b, 2)`` x, y."""
    place = offset[:, None, :].to(fine.dtype) + fine[:, None]  # (b, f, 2)
    kx = torch.fft.rfftfreq(box, device=fine.device)
    ky = torch.fft.fftfreq(box, device=fine.device)
    twice = torch.full_like(kx, 2.0)
    twice[0] = 1.0
    if box % 2 == 0:
        twice[-1] = 1.0
    along_x = torch.exp(2j * math.pi * place[..., 0, None] * kx) * twice  # (b, f, kx)
    along_y = torch.exp(2j * math.pi * place[..., 1, None] * ky)
    values = (along_y @ spectrum @ along_x.transpose(1, 2)).real  # (b, fy, fx)
    best = values.flatten(1).argmax(1)
    row = torch.arange(len(best), device=best.device)
    return torch.stack(
        [place[row, best % len(fine), 0], place[row, best // len(fine), 1]],
        -1,
    )
