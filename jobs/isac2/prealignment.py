"""Pre-alignment: all images are centred on one average of all; only the shifts are kept.

The images are small here (some 32 pixels): centring needs no fine detail, and the whole set fits into memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource, segment_sums
from jobs.isac2.centring import centre_offset
from jobs.isac2.filters import lowpass_images, tangent_lowpass
from jobs.isac2.global_search import search_globally
from jobs.isac2.seeding import generator
from jobs.maths.fourier import shell_index
from jobs.maths.transforms2d import Planar

if TYPE_CHECKING:
    from jobs.isac2.settings import IsacSettings

ITERATIONS: Final = 14
#: Angles of the search; only shifts are kept, which a few degrees do not change.
_ANGLES: Final = 36
#: Images that move by less than this (root mean square, pixels) have arrived.
_ARRIVED: Final = 0.1
#: Iterations in which images are placed by their mass alone.
_BY_MASS: Final = 4
_CUTOFFS: Final = (0.12, 0.40)
_FALLOFF: Final = 0.2
#: Finest detail that is looked at, 1/px of working images: twice that is the coarse box in units of theirs.
_DETAIL: Final = 0.18
_SMALLEST_BOX: Final = 24


@dataclass(frozen=True, eq=False)
class GlobalAlignment:
    """What the pre-alignment found.

    Attributes
    ----------
    shift
        ``(N, 2)`` x and y that centre each untouched image, in pixels of the images aligned.
    averages, filtered
        ``(I, n, n)`` of every iteration (14, or fewer when all images have arrived), raw and as
        the images were aligned to it.
    curves
        ``I`` correlations of the half averages, ``(n // 2 + 1,)``.
    changes
        ``I`` root mean squares of how the shifts changed, pixels.
    """

    shift: Tensor
    averages: Tensor = field(repr=False)
    filtered: Tensor = field(repr=False)
    curves: list[Tensor] = field(repr=False)
    changes: list[float]


def coarse_box(settings: IsacSettings, box: int) -> int:
    """Return the box to which input images are shrunk for the pre-alignment, even and quick to transform."""
    wanted = max(_SMALLEST_BOX, math.ceil(2 * _DETAIL * settings.small_box(box)))
    limit = max(2, box - box % 2)
    size = wanted + wanted % 2
    while size < limit and not _smooth(size):
        size += 2
    return min(size, limit)


def search_range(settings: IsacSettings, box: int) -> int:
    """Return how far the particle may lie from the centre of an input box, in working pixels."""
    return max(0, (settings.small_box(box) - 2 * (settings.target_radius + 1)) // 2)


def align_globally(
    images: ImageSource | Tensor,
    count: int,
    settings: IsacSettings,
    box: int,
    device: torch.device,
    report: Callable[[int, int], None],
) -> GlobalAlignment:
    """Align images to their common average again and again.

    Parameters
    ----------
    images
        ``count`` images of :func:`coarse_box`, background about 0.
    count
        How many.
    settings
        Of the run.
    box
        Of the input images, px.
    device
        Where to compute.
    report
        Is told the iterations done and of how many; may raise to stop.

    Returns
    -------
    GlobalAlignment
        Shifts are 0 when the particle fills the box.
    """
    size = coarse_box(settings, box)
    pixel = settings.small_box(box) / size
    radius = settings.target_radius / pixel
    limit = search_range(settings, box) / pixel
    mask = _disc(size, radius, device)
    planar = _random_start(count, settings, device)
    halves = torch.arange(count) % 2
    coarse = torch.arange(0.0, 360.0, settings.dst or 360.0, device=device)
    fine = torch.arange(_ANGLES, device=device) * (360.0 / _ANGLES)
    raw, used, curves, changes = [], [], [], []
    drift = torch.zeros(2, device=device)
    for iteration in range(ITERATIONS):
        report(iteration, ITERATIONS)
        shaken = iteration % 4 == 0 and iteration + 1 <= ITERATIONS - 10
        sums, _ = segment_sums(images, planar, halves, 2, interpolation="bilinear", device=device)
        average = sums.sum(0) / count
        curve = ring_correlation(sums[0] * mask, sums[1] * mask)
        cutoff, falloff = fitted_filter(curve, size, pixel)
        # With their mass the first rounds find where images are; without it later ones look at detail.
        level = average[mask > 0].mean() if iteration >= _BY_MASS else 0.0
        filtered = (average - level) * mask
        filtered = lowpass_images(filtered, cutoff, falloff)
        if not shaken:
            # Centres of gravity need the mass that taking away the mean would hide.
            visible = lowpass_images(average * mask, cutoff, falloff)
            offset = drift if settings.center_method == -1 else _offset(visible, settings, radius, pixel)
            filtered = _moved(filtered, -offset.clamp(-limit, limit))
        raw.append(average)
        used.append(filtered)
        curves.append(curve)
        found = search_globally(images, count, filtered * mask, coarse if shaken else fine, limit)
        changes.append(_change(planar, found))
        planar = found
        if iteration >= _BY_MASS and changes[-1] < _ARRIVED:
            break
        drift = _mean_shift(planar)
    report(ITERATIONS, ITERATIONS)
    # The centre of the untouched image came from its offset: moving by the opposite centres it.
    return GlobalAlignment(
        -planar.pre_rotation_offset(), torch.stack(raw), torch.stack(used), curves, changes
    )


def ring_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return the Fourier ring correlation ``(n // 2 + 1,)`` of two images ``(n, n)``."""
    a, b = torch.fft.rfft2(first), torch.fft.rfft2(second)
    box = first.shape[-1]
    shells = shell_index(box, first.device).reshape(-1).cpu()
    columns = torch.full((box // 2 + 1,), 2.0)
    columns[0] = 1.0
    if box % 2 == 0:
        columns[-1] = 1.0

    def summed(values: Tensor) -> Tensor:
        weighted = (values.cpu() * columns).reshape(-1).double()
        return torch.bincount(shells, weights=weighted, minlength=box // 2 + 2)[: box // 2 + 1]

    size = (summed(a.abs() ** 2) * summed(b.abs() ** 2)).sqrt()
    cross = summed((a * b.conj()).real)
    return torch.where(size > 0, cross / size.clamp(min=1e-300), 0.0)


def fitted_filter(curve: Tensor, box: int, pixel: float) -> tuple[float, float]:
    """Fit the tangent filter to the correlation of half averages.

    Parameters
    ----------
    curve
        ``(box // 2 + 1,)`` correlation of the halves.
    box
        Of the averages.
    pixel
        Size of their pixels in working pixels.

    Returns
    -------
    cutoff, falloff
        In 1/px of these averages, within what is allowed for working pixels; and relative.
    """
    whole = (2 * curve / (1 + curve).clamp(min=1e-3)).clamp(0, 1)
    frequency = torch.arange(len(curve), dtype=torch.float64) / box
    cutoffs = torch.linspace(0.02, 0.5, 97, dtype=torch.float64)
    falloffs = torch.linspace(0.05, _FALLOFF, 7, dtype=torch.float64)
    model = torch.stack([tangent_lowpass(frequency, cutoffs[:, None], float(w)) for w in falloffs], 1)
    error = ((model - whole) ** 2).sum(-1)
    best = int(error.argmin())
    cutoff = float(cutoffs[best // len(falloffs)])
    lowest, highest = (value * pixel for value in _CUTOFFS)
    return min(max(cutoff, lowest), highest, 0.49), float(falloffs[best % len(falloffs)])


def _offset(image: Tensor, settings: IsacSettings, radius: float, pixel: float) -> Tensor:
    return centre_offset(image, settings.center_method, radius, pixel).to(image.dtype)


def _moved(image: Tensor, shift: Tensor) -> Tensor:
    """Return an image moved by ``(x, y)`` pixels, by phases."""
    box = image.shape[-1]
    phase = torch.fft.fftfreq(box, device=image.device)[:, None] * shift[1]
    phase = phase + torch.fft.rfftfreq(box, device=image.device) * shift[0]
    return torch.fft.irfft2(torch.fft.rfft2(image) * torch.exp(-2j * math.pi * phase), s=image.shape)


def _mean_shift(planar: Planar) -> Tensor:
    """Return the mean movement in the frame of the average: mirrored images move the other way in x."""
    shift = planar.shift.clone()
    shift[:, 0] = torch.where(planar.mirror, -shift[:, 0], shift[:, 0])
    return shift.mean(0)


def _change(before: Planar, now: Planar) -> float:
    moved = now.pre_rotation_offset() - before.pre_rotation_offset()
    return float(moved.square().sum(-1).mean().sqrt())


def _random_start(count: int, settings: IsacSettings, device: torch.device) -> Planar:
    """Return images where they are, at random angles: all at angle 0 would make an average of their noise."""
    random = generator(settings.rand_seed, "prealignment")
    start = Planar.identity(count, device=device)
    return replace(start, alpha_deg=(torch.rand(count, generator=random) * 360).to(device))


def _disc(box: int, radius: float, device: torch.device) -> Tensor:
    axis = torch.arange(box, device=device, dtype=torch.float32) - box // 2
    return (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).float()


def _smooth(number: int) -> bool:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number == 1
