"""Equal-size K-means: images go to the reference they resemble most, as many to each as to any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from jobs.isac2.averages import ImageSource, segment_averages, take_images, transform_images
from jobs.isac2.disc_basis import disc_basis
from jobs.isac2.equal_size import equal_size
from jobs.isac2.filters import lowpass_images, passband
from jobs.isac2.group_alignment import GroupAlignment, align_groups
from jobs.isac2.lattice import Lattice
from jobs.isac2.likelihood import log_likelihoods, polar_deviation
from jobs.isac2.memory import group_bytes, limit_bytes, pass_plan
from jobs.isac2.scoring import MultiReference, ScoreTable
from jobs.isac2.settings import IsacSettings
from jobs.isac2.workers import Workers
from jobs.maths.polar import PolarGrid
from jobs.maths.transforms2d import Planar

#: Called with main iteration, generation, and the part of it that is done, 0 to 1; may raise to stop.
Report = Callable[[int, int, float], None]
#: Called with the part of a step that is done.
Progress = Callable[[float], None]


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
    """

    images: ImageSource | Tensor
    settings: IsacSettings
    device: torch.device
    report: Report = field(default=lambda main, generation, part: None)
    workers: Workers = field(default=None)  # type: ignore[assignment]
    _searches: dict[tuple[float, torch.device], MultiReference] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.workers is None:
            self.workers = Workers((self.device,))

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

    def search(self, cutoff: float, device: torch.device | None = None) -> MultiReference:
        """Return the search against references filtered at a cutoff; it leaves out what they do not show.

        Parameters
        ----------
        cutoff
            1/px.
        device
            One of those of the workers, the first when None.
        """
        place = (cutoff, self.workers.first if device is None else device)
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
                self.grids[place[1]], lattice, normalise=True, frequency=finest
            )
        return self._searches[place]


def kmeans_pass(
    engine: Engine, index: Tensor, planar: Planar, references: Tensor, cutoff: float, progress: Progress
) -> tuple[Tensor, Planar]:
    """Assign images to references and find where they lie on theirs.

    Parameters
    ----------
    engine
        Images, settings, device.
    index
        ``(n,)`` images of the pool.
    planar
        ``(n,)`` current transformations; only the centres that they imply are used.
    references
        ``(K, y, x)``.
    cutoff
        At which they are filtered, 1/px.
    progress
        Is told how much of the pass is done.

    Returns
    -------
    group, planar
        ``(n,)`` group of each image, ``n // K`` images in each but one; and ``(n,)`` transformations, double
        precision.
    """
    first, count = engine.workers.first, len(index)
    held = pass_plan(engine.search(cutoff), count, len(references), engine.settings.box, engine.limit)
    workers = engine.workers.sharing(held.at_once)
    home = first if held.table_stays else torch.device("cpu")
    searches = {device: engine.search(cutoff, device) for device in workers.different}
    prepared = workers.copies(searches[first].references(references.to(first)))
    chunks = [slice(start, min(count, start + held.chunk)) for start in range(0, count, held.chunk)]
    offsets = planar.pre_rotation_offset()

    def scored(device: torch.device, rows: slice) -> ScoreTable:
        images = take_images(engine.images, index[rows], device)
        table = searches[device].best(images, offsets[rows].to(device), prepared[device], reset=True)
        return table.to(home)

    tables = []
    for rows, table in zip(chunks, workers.map(scored, chunks), strict=True):
        tables.append(table)
        progress(0.8 * rows.stop / count)
    table = ScoreTable.joined(tables)
    power = searches[first].half_power(prepared[first])
    deviation = polar_deviation(searches[first], engine.images, index)
    group = equal_size(log_likelihoods(table.scores, power, deviation))
    chosen = table.chosen(group)
    group = group.to(first)

    def aligned(device: torch.device, rows: slice) -> Planar:
        images = take_images(engine.images, index[rows], device)
        found = searches[device].align_chosen(
            images, prepared[device], chosen[rows].to(device), group[rows].to(device)
        )
        return found.to(device=first)

    found = []
    for rows, part in zip(chunks, workers.map(aligned, chunks), strict=True):
        found.append(part)
        progress(0.8 + 0.2 * rows.stop / count)
    return group, joined(found)


def updated_references(
    engine: Engine,
    index: Tensor,
    group: Tensor,
    planar: Planar,
    count: int,
    cutoff: float,
    generator: torch.Generator,
) -> tuple[Tensor, Planar]:
    """Average the members of each group, centre them, and turn all groups onto one another.

    Parameters
    ----------
    engine
        Images, settings, device.
    index, group, planar
        ``(n,)`` images, their groups and transformations.
    count
        Number of groups.
    cutoff
        Of the filter of the averages, 1/px.
    generator
        For the random start of the mutual alignment.

    Returns
    -------
    references, planar
        ``(K, y, x)`` filtered averages and ``(n,)`` transformations onto them.
    """
    planar = centred_groups(planar, group, count)
    averages, _ = segment_averages(
        engine.images, planar, group, count, index=index, interpolation="bilinear", workers=engine.workers
    )
    averages = lowpass_images(averages, cutoff, engine.settings.ff)
    if count < 2:
        return averages, planar
    onto = align_groups(
        averages,
        Planar.identity(count),
        torch.zeros(count, dtype=torch.int64),
        1,
        engine.group_options,
        1,
        generator,
        workers=engine.workers,
    )[0].to(device=engine.device, dtype=planar.shift.dtype)
    return transform_images(averages, onto), onto[group].compose(planar)


def centred_groups(planar: Planar, group: Tensor, count: int) -> Planar:
    """Take the mean shift of each group's members away from them; mirrored ones move the other way in x.

    Parameters
    ----------
    planar, group
        ``(n,)``.
    count
        Number of groups.
    """
    shift = planar.shift.clone()
    shift[:, 0] = torch.where(planar.mirror, -shift[:, 0], shift[:, 0])
    # A product with the table of members: its order of sums is fixed on every device.
    member = torch.nn.functional.one_hot(group, count).to(shift.dtype)
    mean = (member.T @ shift) / member.sum(0).clamp(min=1)[:, None]
    zero = torch.zeros(len(group), dtype=shift.dtype, device=shift.device)
    back = Planar(zero, -mean[group], torch.zeros_like(planar.mirror))
    return back.compose(planar)


def joined(parts: list[Planar]) -> Planar:
    """Return transformations one after the other."""
    return Planar(
        torch.cat([part.alpha_deg for part in parts]),
        torch.cat([part.shift for part in parts]),
        torch.cat([part.mirror for part in parts]),
    )


def agreement(before: Tensor, now: Tensor) -> float:
    """Return how far two lists of stable members agree: shared members over all, class by class.

    Parameters
    ----------
    before, now
        ``(n,)`` class of each stable image, -1 for the others.

    Returns
    -------
    float
        0 to 1; 0 when both are empty.
    """
    shared = int(((before == now) & (now >= 0)).sum())
    together = int((before >= 0).sum()) + int((now >= 0).sum()) - shared
    return shared / together if together else 0.0
