"""Members of a class turned and moved a little more, at the size of the input images.

Classification looks at small images. What their pixels could not tell is found here: members of each half of
a class are compared with the average of their own half at nearby angles and shifts, so that the halves stay
independent and their agreement goes on to tell the resolution - and whether it was of any use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.formats.image_stack_input import ImageInput
from jobs.isac2.averages import transform_images
from jobs.isac2.full_size import halves_agreement, weighted_images
from jobs.isac2.kmeans import joined
from jobs.maths.fourier import crop_rfft, image_to_rfft, rfft_to_image, shell_average, shell_index
from jobs.maths.masks import soft_circle
from jobs.maths.transforms2d import Planar

#: Images at a time; fixed, so that sums are the same whatever the memory.
_BLOCK: Final = 64
_EDGE_PX: Final = 5.0
_THRESHOLD: Final = 0.143
#: How far beyond the resolution at the start details are looked at.
_FINER: Final = 1.5
_LEAST_BOX: Final = 24
#: Steps of the search in pixels of the images, of angles at the rim.
_STEP_PX: Final = 0.5


@dataclass(frozen=True, eq=False)
class _Held:
    """Members at coarser sampling: images times CTF `(n, s, s)`, squared CTFs, half-sets `(n,)`."""

    images: Tensor
    squares: Tensor
    half: Tensor

    def blocks(self) -> Iterator[slice]:
        return (slice(first, first + _BLOCK) for first in range(0, len(self.half), _BLOCK))


def align_locally(
    source: ImageInput,
    rows: npt.NDArray[np.int64],
    planar: Planar,
    *,
    radius_px: float,
    range_px: float,
    device: torch.device | str,
    iterations: int = 5,
    check: Callable[[], None] = lambda: None,
) -> Planar:
    """Refine the transformations of the members of one class, as long as its halves agree better for it.

    Parameters
    ----------
    source
        The input.
    rows
        `n` rows of the members.
    planar
        `n` transformations onto the average, shifts in input pixels.
    radius_px
        Of the particle.
    range_px
        Largest shift along x and y, and largest way of a point at `radius_px` by the turn, input pixels.
    device
        Where to compute.
    iterations
        How often averages and members are compared; it ends when the halves agree no better.
    check
        Called for every block of images; may raise to stop.

    Returns
    -------
    Planar
        `n` transformations, double precision. As they came when that is of no use.
    """
    device = torch.device(device)
    planar = planar.to(dtype=torch.float64)
    if len(rows) < 4 or range_px <= 0:
        return planar
    held = _held(source, rows, planar, radius_px, device, check)
    if held is None:
        return planar
    small = held.images.shape[-1]
    scale = small / source.box
    mask = soft_circle(small, *_soft(radius_px, source.box, scale), device)
    search = _Search(small, scale, radius_px, range_px, device)
    moved = best = Planar.identity(len(rows), dtype=torch.float64, device=device)
    agreed, trusted = -math.inf, None
    for number in range(iterations + 1):
        references, curve = _references(held, moved.scaled(scale), mask)
        if trusted is None:
            # Rings count by their pixels, those that showed something at the start.
            trusted = torch.arange(len(curve), device=device) * (curve > _THRESHOLD)
        agreement = float((curve * trusted).sum())
        # Members follow noise too, which the two halves have not in common: that is where it ends.
        if agreement <= agreed:
            break
        best, agreed = moved, agreement
        if number < iterations:
            moved = _in_one_frame(held, search, search.all_best(held, references, check), mask, scale)
    return best.compose(planar.to(device)).to(planar.alpha_deg.device)


def _soft(radius_px: float, box: int, scale: float) -> tuple[float, float]:
    return min(radius_px, box / 2 - _EDGE_PX) * scale, _EDGE_PX * scale


def _held(
    source: ImageInput,
    rows: npt.NDArray[np.int64],
    planar: Planar,
    radius_px: float,
    device: torch.device,
    check: Callable[[], None],
) -> _Held | None:
    """Read the members, find to what detail their halves agree, and keep them at that sampling."""
    box = source.box
    half = torch.arange(len(rows), device=device) % 2
    sums = torch.zeros(2, box, box, device=device)
    weights = torch.zeros(2, box, box // 2 + 1, device=device)
    for first in range(0, len(rows), _BLOCK):
        check()
        part = slice(first, first + _BLOCK)
        images, squares = weighted_images(source, rows[part], planar[part].to(device), radius_px)
        sums.index_add_(0, half[part], images)
        weights.index_add_(0, half[part], squares)
    mask = soft_circle(box, *_soft(radius_px, box, 1.0), device)
    curve = halves_agreement(image_to_rfft(sums), weights, mask)
    below = torch.nonzero(curve[1:] < _THRESHOLD)
    shell = int(below[0]) if len(below) else box // 2
    if shell < 2:
        return None
    small = min(box, max(_LEAST_BOX, 2 * math.ceil(_FINER * shell)))
    kept, squared = [], []
    for first in range(0, len(rows), _BLOCK):
        check()
        part = slice(first, first + _BLOCK)
        images, squares = weighted_images(source, rows[part], planar[part].to(device), radius_px)
        kept.append(rfft_to_image(crop_rfft(image_to_rfft(images), small), small))
        squared.append(crop_rfft(squares, small))
    return _Held(torch.cat(kept), torch.cat(squared), half)


def _references(held: _Held, moved: Planar, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Average of each half `(2, s, s)`, its rings weighted by what the halves agree on; and that by ring."""
    small = mask.shape[-1]
    sums = torch.zeros(2, small, small, device=mask.device)
    weights = torch.zeros(2, *held.squares.shape[1:], device=mask.device)
    for part in held.blocks():
        sums.index_add_(0, held.half[part], transform_images(held.images[part], moved[part]))
        weights.index_add_(0, held.half[part], held.squares[part])
    transforms = image_to_rfft(sums)
    curve = halves_agreement(transforms, weights, mask)
    known = curve.clamp(1e-3, 0.999)
    index = shell_index(small, mask.device).clamp(max=small // 2)
    noise = (shell_average(weights, small) * (1 - known) / known)[:, index]
    average = transforms / (weights + noise).clamp(min=1e-12)
    return rfft_to_image(average, small) * mask, curve


def _in_one_frame(held: _Held, search: _Search, moved: Planar, mask: Tensor, scale: float) -> Planar:
    """Bring the second half onto the first, as each may have turned as a whole, and keep the mean place."""
    references, _ = _references(held, moved.scaled(scale), mask)
    first = torch.zeros(1, dtype=torch.int64, device=mask.device)
    onto = search.best(references[1:], references, first)
    both = onto[torch.zeros(len(held.half), dtype=torch.int64, device=mask.device)].compose(moved)
    second = held.half == 1
    angle = torch.where(second, both.alpha_deg, moved.alpha_deg)
    shift = torch.where(second[:, None], both.shift, moved.shift)
    angle = torch.remainder(angle + 180, 360) - 180
    still = torch.zeros_like(second)
    mean = Planar(-angle.mean().expand(len(angle)), torch.zeros_like(shift), still)
    return mean.compose(Planar(angle, shift - shift.mean(0), still))


class _Search:
    """Angles and shifts about where images lie.

    Parameters
    ----------
    small
        Side of the images that are compared.
    scale
        Their pixels per pixel of the input.
    radius_px, range_px
        See :func:`align_locally`.
    device
        Where to compute.
    """

    def __init__(
        self, small: int, scale: float, radius_px: float, range_px: float, device: torch.device
    ) -> None:
        steps = max(1, math.ceil(range_px / _STEP_PX))
        offsets = torch.arange(-steps, steps + 1, device=device, dtype=torch.float64) * (range_px / steps)
        self._small = small
        self._angles = torch.rad2deg(offsets / radius_px)
        self._shifts = offsets
        # Coefficients of an image moved by t are those of the image times exp(-2 pi i k t).
        along = torch.fft.fftfreq(small, device=device, dtype=torch.float64) * scale
        across = along[: small // 2 + 1].abs()
        self._along = torch.polar(
            torch.ones(1, 1, device=device).double(), -2 * torch.pi * offsets[:, None] * along
        )
        self._across = torch.polar(
            torch.ones(1, 1, device=device).double(), -2 * torch.pi * offsets[:, None] * across
        )
        twice = torch.full((small // 2 + 1,), 2.0, device=device)
        twice[0] = 1.0
        if small % 2 == 0:
            twice[-1] = 1.0
        self._twice = twice

    def all_best(self, held: _Held, references: Tensor, check: Callable[[], None]) -> Planar:
        """Return what :meth:`best` finds for all members, block by block."""
        found = []
        for part in held.blocks():
            check()
            found.append(self.best(held.images[part], references, held.half[part]))
        return joined(found)

    def best(self, images: Tensor, references: Tensor, half: Tensor) -> Planar:
        """Return the small turns and shifts, in input pixels, that bring images onto references.

        Parameters
        ----------
        images
            `(n, s, s)`.
        references
            `(2, s, s)`.
        half
            `(n,)` which reference belongs to each image.
        """
        count, angles, shifts = len(images), len(self._angles), len(self._shifts)
        back = Planar(
            -self._angles.repeat(2),
            torch.zeros(2 * angles, 2, dtype=torch.float64, device=images.device),
            torch.zeros(2 * angles, dtype=torch.bool, device=images.device),
        )
        # A reference turned back, so that images need only be shifted.
        turned = transform_images(references.repeat_interleave(angles, 0), back).view(
            2, angles, *images.shape[1:]
        )
        seen = image_to_rfft(images)
        scores = torch.empty(count, angles, shifts, shifts, device=images.device)
        shown = image_to_rfft(turned).conj() * self._twice
        for number in range(angles):
            product = seen * shown[half, number]
            by_x = torch.einsum("nyx,tx->nyt", product, self._across.to(product.dtype))
            scores[:, number] = torch.einsum("nyt,uy->nut", by_x, self._along.to(product.dtype)).real
        place = scores.flatten(1).argmax(1)
        a, u, t = place // shifts**2, (place // shifts) % shifts, place % shifts
        rank = torch.arange(count, device=images.device)
        angle = _peak(scores[rank, :, u, t], a, self._angles)
        y = _peak(scores[rank, a, :, t], u, self._shifts)
        x = _peak(scores[rank, a, u, :], t, self._shifts)
        shifted = Planar(
            torch.zeros_like(angle), torch.stack((x, y), 1), torch.zeros_like(half, dtype=torch.bool)
        )
        turn = Planar(angle, torch.zeros_like(shifted.shift), shifted.mirror)
        return turn.compose(shifted)


def _peak(values: Tensor, place: Tensor, at: Tensor) -> Tensor:
    """Return where curves `(n, m)` have their maximum, by a parabola through its neighbours."""
    inner = place.clamp(1, len(at) - 2)
    rank = torch.arange(len(values), device=values.device)
    low, mid, high = (values[rank, inner + d].double() for d in (-1, 0, 1))
    bend = low - 2 * mid + high
    move = torch.where(bend < 0, 0.5 * (low - high) / torch.where(bend < 0, bend, -1.0), 0.0).clamp(-0.5, 0.5)
    step = at[1] - at[0]
    # At the end of the range there are no two neighbours.
    return torch.where(inner == place, at[inner] + move * step, at[place])
