"""All images of a set of tilt particles as Fourier samples, on the device or in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import torch
from torch import Tensor

from jobs.core.team import Team
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.slices import SlicePlane
from jobs.tomodrgn.bank_cache import CachedSamples, cache_file, shuffled_groups
from jobs.tomodrgn.batches import Batch, Portion, pair_plane, rows_of
from jobs.tomodrgn.forward import ForwardModel, ForwardOptions
from jobs.tomodrgn.samples import SampleOptions, SampleReader

#: Part of the free memory of the device that images may take before they go to a file.
MEMORY_SHARE = 0.5


def _nothing(done: int, of: int) -> None:
    """Say nothing about progress."""


class ImageBank:
    """Images of a set as samples of half planes, float16.

    Parameters
    ----------
    particles
        The set.
    samples, forward
        How images become samples, and which factors the forward model has.
    device
        Where batches are used.
    cache
        Folder for the file of samples; None keeps them in memory whatever they need.
    lazy
        Use the file even if the samples fit into memory.
    each
        Called with images done and in all while they are read; may raise to stop.

    Attributes
    ----------
    box, pixel_size_a
        Of the images.
    plane
        Samples ``m``; each stands for itself and its conjugate.
    first
        ``(P + 1,)`` first image of each particle, on the CPU.
    norm
        Noise scale that samples were divided by: standard deviation of each part of a sample in the units of
        the images (orthonormal transform).
    cached
        Whether the samples are in a file.
    """

    def __init__(
        self,
        particles: TiltParticles,
        samples: SampleOptions | None = None,
        forward: ForwardOptions | None = None,
        *,
        device: torch.device | str = "cpu",
        cache: Path | None = None,
        lazy: bool = False,
        each: Callable[[int, int], None] = _nothing,
    ) -> None:
        self.particles, self.device = particles, torch.device(device)
        self.samples, self.options = samples or SampleOptions(), forward or ForwardOptions()
        self.box, self.pixel_size_a = particles.box, particles.pixel_size_a
        self.plane: SlicePlane = pair_plane(self.box, self.samples.extent, self.device)
        self.first = torch.from_numpy(particles.first.copy())
        self.rotations = torch.from_numpy(particles.rotation.copy()).to(self.device)
        self.forward = ForwardModel(particles, self.plane, self.options, self.device)
        reader = SampleReader(particles, self.plane, self.samples)
        self.norm = self.samples.scale or self._estimate(reader)
        self.image_bytes = len(self.plane.index) * 4
        needed = self.image_bytes * particles.n_images
        self.cached = lazy or (cache is not None and needed > MEMORY_SHARE * free_memory(self.device))
        self._memory: Tensor | None = None
        self._file: CachedSamples | None = None
        if self.cached:
            path = cache_file(reader, self.norm, cache or particles.project_dir, each)
            self._file = CachedSamples(
                path, self.first, len(self.plane.index), pinned=self.device.type == "cuda"
            )
        else:
            self._memory = torch.empty(
                (particles.n_images, len(self.plane.index), 2), dtype=torch.float16, device=self.device
            )
            for rows, values in reader.chunks():
                self._memory[rows] = (values / self.norm).half()
                each(rows.stop, particles.n_images)
        reader.stacks.close()

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.first) - 1

    def batch(self, particles: Tensor, images: Tensor | None = None) -> Batch:
        """All images of these particles, ``(p,)`` int64 on the CPU, in the order asked for.

        Parameters
        ----------
        particles
            Which ones.
        images
            ``(N,)`` bool on the CPU, the images of the set that take part; None = all.
        """
        rows, owner, starts = rows_of(self.first, particles)
        if images is not None:
            rows, owner, starts = _kept(rows, owner, images, len(particles))
        if self._memory is not None:
            coefficients = self._memory[rows.to(self.device)]
        else:
            assert self._file is not None
            coefficients = self._file.rows(rows).to(self.device)
        return self._finished(particles, rows, owner, starts, coefficients)

    def epoch(
        self,
        batch_size: int,
        generator: torch.Generator,
        images: Tensor | None = None,
        team: Team | None = None,
    ) -> Iterator[Portion]:
        """All particles once, in random order; the order does not depend on where the samples are.

        Parameters
        ----------
        batch_size
            Particles of a batch; the last of a group may have fewer.
        generator
            Source of the order.
        images
            ``(N,)`` bool on the CPU, the images that take part; None = all.
        team
            Processes that share every batch; None = this one alone.
        """
        team = team or Team()
        groups = shuffled_groups(self.first, self.image_bytes, generator)
        if self._file is None:
            for group in groups:
                for whole in group.split(batch_size):
                    yield Portion(self.batch(team.part(whole), images), whole)
            return
        for group, samples, starts in self._file.groups(groups):
            for whole, begin in zip(group.split(batch_size), starts.split(batch_size), strict=True):
                particles = team.part(whole)
                rows, owner, first = rows_of(self.first, particles)
                # From rows of the set to rows of the group.
                shift = team.part(begin) - self.first[particles]
                if images is not None:
                    rows, owner, first = _kept(rows, owner, images, len(particles))
                chosen = samples[rows + shift[owner]]
                if samples.is_pinned():
                    chosen = chosen.pin_memory()
                there = chosen.to(self.device, non_blocking=True)
                yield Portion(self._finished(particles, rows, owner, first, there), whole)

    def ordered(self, batch_size: int, images: Tensor | None = None) -> Iterator[Batch]:
        """All particles once, in the order of the set."""
        for particles in torch.arange(self.n).split(batch_size):
            yield self.batch(particles, images)

    def _finished(
        self, particles: Tensor, rows: Tensor, owner: Tensor, starts: Tensor, coefficients: Tensor
    ) -> Batch:
        there = rows.to(self.device, non_blocking=True)
        ctf, weight = self.forward(there)
        return Batch(
            coefficients.float(),
            ctf,
            weight,
            self.rotations[there],
            owner.to(self.device, non_blocking=True),
            starts.to(self.device, non_blocking=True),
            particles,
        )

    def _estimate(self, reader: SampleReader) -> float:
        rows = torch.from_numpy(reader.scale_rows())
        weight = torch.cat([_or_ones(*self.forward(part.to(self.device))) for part in rows.split(256)])
        return reader.noise_scale(weight)


def split_images(first: Tensor, fraction: float, seed: int) -> Tensor:
    """Which images teach, ``(N,)`` bool; the others are for testing.

    Of every particle about ``fraction`` of its images teach, at least one; with a fraction below 1 at least
    one image of each particle that has several is for testing.
    """
    n_images = int(first[-1])
    teach = torch.ones(n_images, dtype=torch.bool)
    if fraction >= 1:
        return teach
    draw = torch.rand(n_images, generator=torch.Generator().manual_seed(seed))
    for a, b in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        kept = min(max(1, round(fraction * (b - a))), max(1, b - a - 1))
        teach[a + draw[a:b].argsort()[kept:]] = False
    return teach


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


def _or_ones(factor: Tensor, weight: Tensor | None) -> Tensor:
    return torch.ones_like(factor) if weight is None else weight


def _kept(rows: Tensor, owner: Tensor, images: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of the images that take part, with their owners and the first of each particle."""
    kept = images[rows]
    rows, owner = rows[kept], owner[kept]
    counts = torch.bincount(owner, minlength=n)
    return rows, owner, torch.cat((counts.new_zeros(1), counts.cumsum(0)))
