"""What all passes of a run share: images, settings, devices, and what is worked out once for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource
from jobs.isac2.ctf_weights import CtfWeights, WeightedImages, deconvolved
from jobs.isac2.disc_basis import disc_basis
from jobs.isac2.filters import passband
from jobs.isac2.group_alignment import GroupAlignment
from jobs.isac2.lattice import Lattice
from jobs.isac2.memory import group_bytes, limit_bytes
from jobs.isac2.scoring import MultiReference
from jobs.isac2.settings import IsacSettings
from jobs.isac2.workers import Workers
from jobs.maths.polar import PolarGrid

#: Called with main iteration, generation, and the part of it that is done, 0 to 1; may raise to stop.
Report = Callable[[int, int, float], None]


@dataclass(eq=False)
class Engine:
    """What all passes of a run share.

    Attributes
    ----------
    images
        Working images ``(N, y, x)``, read by index.
    settings
        Of the run.
    device
        Where to compute.
    report
        Is told of progress.
    workers
        Devices that share the work, of which ``device`` is the first; that one alone by default.
    weights
        CTFs of the images; None where none are known.
    weighted
        The images weighted by them, read by index, if they are at hand; else they are weighted when read.
    """

    images: ImageSource | Tensor
    settings: IsacSettings
    device: torch.device
    report: Report = field(default=lambda main, generation, part: None)
    workers: Workers = field(default=None)  # type: ignore[assignment]
    weights: CtfWeights | None = None
    weighted: ImageSource | Tensor | None = None
    _searches: dict[tuple[float, torch.device, bool], MultiReference] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        if self.workers is None:
            self.workers = Workers((self.device,))

    @property
    def scored(self) -> ImageSource | Tensor:
        """Images as they are compared with references: weighted by their CTF where it is known."""
        if self.weights is None:
            return self.images
        if self.weighted is not None:
            return self.weighted
        return WeightedImages(self.images, self.weights, self.device)

    def deconvolved(self, averages: Tensor, index: Tensor, labels: Tensor) -> Tensor:
        """Return averages ``(K, y, x)`` of :attr:`scored` images without the CTF of their members."""
        if self.weights is None:
            return averages
        return deconvolved(averages, self.weights.mean(index, labels, len(averages)))

    @cached_property
    def grids(self) -> dict[torch.device, PolarGrid]:
        """Rings up to the finest detail that any pass looks at, on every device."""
        settings = self.settings
        finest = passband(settings.fh, settings.ff)
        return {
            device: PolarGrid(settings.target_radius, settings.ir, settings.rs, finest, device=device)
            for device in self.workers.different
        }

    @property
    def limit(self) -> int:
        """Bytes that may be used on the first device; the others are taken to be like it."""
        return limit_bytes(self.workers.first, self.settings.gpu_memory_use)

    def group_workers(self, images: int) -> Workers:
        """Return who aligns within groups of so many images at once, as many as there is memory for."""
        options, first = self.group_options, self.workers.first
        each = group_bytes(disc_basis(options.radius, first), options, images, self.settings.stab_ali)
        return self.workers.sharing(self.limit // each)

    @cached_property
    def group_options(self) -> GroupAlignment:
        """Options of the alignment within groups."""
        settings = self.settings
        return GroupAlignment(
            radius=settings.target_radius,
            range_x=settings.xr,
            range_y=settings.range_y,
            step=settings.ts,
            offset_limit=settings.offset_limit,
            iterations=settings.maxit,
            coarse_deg=settings.dst,
            cutoff=settings.fh,
            falloff=settings.ff,
        )

    def search(
        self, cutoff: float, device: torch.device | None = None, normalise: bool = False
    ) -> MultiReference:
        """Return the search against references filtered at a cutoff; it leaves out what they do not show.

        Parameters
        ----------
        cutoff
            1/px.
        device
            One of those of the workers, the first when None.
        normalise
            Whether every polar image gets mean 0 and deviation 1.
        """
        place = (cutoff, self.workers.first if device is None else device, normalise)
        if place not in self._searches:
            settings = self.settings
            lattice = Lattice.square(
                settings.box,
                settings.target_radius,
                settings.xr,
                settings.range_y,
                settings.ts,
                device=place[1],
            )
            finest = passband(cutoff, settings.ff)
            self._searches[place] = MultiReference(
                self.grids[place[1]], lattice, normalise=normalise, frequency=finest
            )
        return self._searches[place]
