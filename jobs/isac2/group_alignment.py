"""Alignment within groups without a reference: all groups and all independent runs together.

Every image is aligned to the average of its group, again and again, from random angles and mirrors.  Images
enter as Fourier-Bessel coefficients about the points of a small lattice of centres
(:mod:`jobs.isac2.disc_basis`), so that an average is a sum of coefficients times phases and no image is
interpolated anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource, take_images
from jobs.isac2.disc_basis import DiscBasis, disc_basis, shifted_images
from jobs.isac2.filters import passband
from jobs.isac2.group_scoring import GroupScorer
from jobs.isac2.workers import Workers
from jobs.maths.transforms2d import Planar

#: Images in the groups that are computed together; fixed, because sums of other shapes round differently.
IMAGES_PER_BLOCK = {"cpu": 256, "cuda": 4096}
_LOWEST_CUTOFF = 0.1
#: How far, in search steps, a centre may walk from where it started, besides the reach of one search.
WALK = 2
_LAST_WITHOUT_COARSE = 10
_COARSE_EVERY = 4


@dataclass(frozen=True)
class GroupAlignment:
    """Options of the alignment within groups, in working pixels.

    Attributes
    ----------
    radius
        Last ring.
    range_x, range_y, step
        Search range along x and y, and step of it.
    offset_limit
        Largest offset of a centre along x or y.
    iterations
        Averages per run (maxit); there is one alignment less.
    coarse_deg
        Angle grid of the iterations that shake images out of wrong places (dst); 0 = no such iterations.
    cutoff, falloff
        Last cutoff of the filter in 1/px (FH) and its relative fall-off (FF).
    """

    radius: float
    range_x: float = 1.0
    range_y: float = 1.0
    step: float = 1.0
    offset_limit: float = 8.0
    iterations: int = 30
    coarse_deg: float = 90.0
    cutoff: float = 0.45
    falloff: float = 0.2

    def schedule(self) -> list[tuple[float, bool]]:
        """Return the cutoff of every alignment, and whether its angles are coarse."""
        steps = []
        for iteration in range(self.iterations - 1):
            ramp = iteration / max(1, self.iterations - 1)
            coarse = (
                self.coarse_deg > 0
                and iteration % _COARSE_EVERY == 0
                and iteration + 1 <= self.iterations - _LAST_WITHOUT_COARSE
            )
            steps.append((_LOWEST_CUTOFF + (self.cutoff - _LOWEST_CUTOFF) * ramp, coarse))
        return steps


@dataclass(frozen=True)
class _Lattice:
    """Centres about which coefficients are kept: steps ``-half ... half`` along x and y."""

    half_x: int
    half_y: int
    step: float

    def points(self) -> Tensor:
        """Return ``(p, 2)`` steps ``(x, y)``, x fastest."""
        y, x = torch.meshgrid(
            torch.arange(-self.half_y, self.half_y + 1),
            torch.arange(-self.half_x, self.half_x + 1),
            indexing="ij",
        )
        return torch.stack([x.flatten(), y.flatten()], -1)

    def coefficients(self, basis: DiscBasis, images: Tensor, groups: int) -> list[Tensor]:
        """Return coefficients about every point, as :meth:`DiscBasis.coefficients`."""
        place = self.points().to(torch.float64) * self.step
        whole = torch.floor(place + 1e-9)
        fraction = (place - whole).round(decimals=6)
        kinds, which = torch.unique(fraction, dim=0, return_inverse=True)
        out: list[Tensor] | None = None
        for kind, offset in enumerate(kinds):
            chosen = torch.nonzero(which == kind)[:, 0]
            moved = images
            if bool((offset != 0).any()):
                moved = shifted_images(images, offset.to(images.device).expand(len(images), 2))
            part = basis.coefficients(moved, whole[chosen].to(torch.int64), groups)
            if len(kinds) == 1:
                return part
            if out is None:
                out = [p.new_empty(*p.shape[:4], len(place), p.shape[5]) for p in part]
            for target, values in zip(out, part, strict=True):
                target[:, :, :, :, chosen.to(target.device)] = values
        assert out is not None
        return out


def align_groups(
    images: ImageSource | Tensor | np.ndarray,
    start: Planar,
    labels: Tensor,
    groups: int,
    options: GroupAlignment,
    runs: int,
    generator: torch.Generator,
    *,
    index: Tensor | None = None,
    workers: Workers | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Planar:
    """Align the images of every group to each other, several times from independent random starts.

    Parameters
    ----------
    images
        Normalised working images ``(N, y, x)``, read by index.
    start
        ``(n,)`` transformations; only the centres that they imply are used.
    labels
        ``(n,)`` group of each image, 0 ... ``groups - 1``; negative = in no group.
    groups
        Number of groups.
    options
        Search and filters.
    runs
        How many independent alignments.
    generator
        Source of random angles and mirrors, on the CPU.
    index
        ``(n,)`` which image each row belongs to; by default one after the other.
    workers
        Devices that share the groups; the CPU when None.
    report
        Called with groups done and groups in all; it may raise to end the work.

    Returns
    -------
    Planar
        ``(runs, n)`` transformations on the CPU, float32; images in no group keep their centre and random
        angle. Runs of a group agree, where its images are alike, up to one transformation of the whole run.
    """
    workers = Workers() if workers is None else workers
    labels = labels.cpu()
    count = len(labels)
    index = torch.arange(count) if index is None else index.cpu()
    # Drawn for all images at once, so that blocks do not change who gets which.
    alpha = 360 * torch.rand(runs, count, generator=generator)
    mirror = torch.rand(runs, count, generator=generator) < 0.5
    limit = options.offset_limit
    offset = start.pre_rotation_offset().cpu().float().clamp(-limit, limit)[None].repeat(runs, 1, 1)
    # Made here, because several threads would make it several times.
    bases = {device: disc_basis(options.radius, device) for device in workers.different}

    def aligned(device: torch.device, block: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Planar]:
        members, valid = block
        taken = take_images(images, index[members.flatten()], device)
        state = (alpha[:, members], offset[0, members], mirror[:, members])
        found = _align_block(taken, valid.to(device), state, options, bases[device])
        return members, valid, found.to(device="cpu")

    cut = _blocks(labels, groups, IMAGES_PER_BLOCK[workers.first.type])
    done = 0
    # All are cut before any is filled in: members of other blocks are never read.
    for members, valid, found in workers.map(aligned, cut):
        alpha[:, members[valid]] = found.alpha_deg[:, valid]
        offset[:, members[valid]] = found.shift[:, valid]
        mirror[:, members[valid]] = found.mirror[:, valid]
        done += len(members)
        if report is not None:
            report(done, groups)
    return Planar.from_offset(alpha, offset, mirror)


def _blocks(labels: Tensor, groups: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Give ``(g, n)`` members of consecutive groups, about ``size`` in all, and which entries count."""
    order = torch.argsort(labels, stable=True)
    counts = torch.bincount(labels[labels >= 0], minlength=groups).tolist()
    lists = list(torch.split(order[int((labels < 0).sum()) :], counts))
    pending: list[Tensor] = []
    for number, members in enumerate(lists):
        pending.append(members)
        width = max(len(m) for m in pending)
        following = len(lists[number + 1]) if number + 1 < len(lists) else size + 1
        if max(width, following) * (len(pending) + 1) > size:
            pending = [m for m in pending if len(m)]
            if pending:
                width = max(len(m) for m in pending)
                valid = torch.arange(width) < torch.tensor([len(m) for m in pending])[:, None]
                table = torch.zeros(len(pending), width, dtype=torch.int64)
                table[valid] = torch.cat(pending)
                yield table, valid
            pending = []


def _align_block(
    images: Tensor,
    valid: Tensor,
    state: tuple[Tensor, Tensor, Tensor],
    options: GroupAlignment,
    basis: DiscBasis,
) -> Planar:
    """Align one block of groups; return angles, offsets (in place of shifts) and mirrors ``(runs, g, n)``."""
    device = images.device
    groups, members = valid.shape
    alpha, offset, mirror = (part.to(device) for part in state)
    box = images.shape[-1]
    reach_x, reach_y = (round(r / options.step) for r in (options.range_x, options.range_y))
    # The lattice itself must fit around the farthest allowed start without leaving the image.
    room = max(0, math.floor((box - 1 - box // 2 - basis.reach) / options.step + 1e-6))
    walk = min(WALK, max(0, math.floor(options.offset_limit / options.step + 1e-6)))
    lattice = _Lattice(
        min(reach_x + walk if reach_x else 0, room), min(reach_y + walk if reach_y else 0, room), options.step
    )
    centred = shifted_images(images, offset.reshape(-1, 2))
    scorer = GroupScorer(
        basis,
        lattice.coefficients(basis, centred, groups),
        lattice.points().to(device),
        (reach_x, reach_y),
        valid,
    )
    place = offset[:, :, None] + options.step * lattice.points().to(device)
    scorer.allow((place.abs() <= options.offset_limit + 1e-3).all(-1).movedim(-1, 1))
    # (g, runs, n) from here on
    angle = torch.deg2rad(alpha.movedim(0, 1))
    flip = mirror.movedim(0, 1)
    at = torch.full(angle.shape, lattice.points().shape[0] // 2, dtype=torch.int64, device=device)
    coarse_angles = round(360 / options.coarse_deg) if options.coarse_deg > 0 else 0
    for cutoff, coarse in options.schedule():
        band = passband(cutoff, options.falloff)
        averages = scorer.averages(angle, flip, at, band)
        references = scorer.references(averages, cutoff, options.falloff)
        angle, flip, at = scorer.align(references, at, band, coarse_angles if coarse else 0)
    found = torch.gather(
        place[:, None].expand(groups, angle.shape[1], members, -1, 2),
        3,
        at[..., None, None].expand(*at.shape, 1, 2),
    )
    return Planar(torch.rad2deg(angle).movedim(0, 1), found[..., 0, :].movedim(0, 1), flip.movedim(0, 1))
