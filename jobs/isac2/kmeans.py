"""Equal-size K-means: images go to the reference they resemble most, as many to each as to any other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from jobs.isac2.averages import segment_averages, take_images, transform_images
from jobs.isac2.engine import Engine
from jobs.isac2.equal_size import equal_size
from jobs.isac2.filters import lowpass_images
from jobs.isac2.group_alignment import align_groups
from jobs.isac2.likelihood import log_likelihoods, reference_powers
from jobs.isac2.memory import pass_plan
from jobs.isac2.scoring import ScoreTable
from jobs.maths.transforms2d import Planar

#: Called with the part of a step that is done.
Progress = Callable[[float], None]


def kmeans_pass(
    engine: Engine,
    index: Tensor,
    planar: Planar,
    references: Tensor,
    cutoff: float,
    progress: Progress,
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
        ``(K, y, x)``, without CTF where that is known.
    cutoff
        Detail beyond it is not looked at, 1/px.
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
    offsets, source = planar.pre_rotation_offset(), engine.scored

    def scored(device: torch.device, rows: slice) -> ScoreTable:
        images = take_images(source, index[rows], device)
        table = searches[device].best(images, offsets[rows].to(device), prepared[device], reset=True)
        return table.to(home)

    tables = []
    for rows, table in zip(chunks, workers.map(scored, chunks), strict=True):
        tables.append(table)
        progress(0.8 * rows.stop / count)
    table = ScoreTable.joined(tables)
    shown = reference_powers(references.to(first), engine.settings.target_radius)
    ctf = None if engine.weights is None else engine.weights.of(index)
    group = equal_size(log_likelihoods(table.scores, shown, ctf))
    chosen = table.chosen(group)
    group = group.to(first)

    def aligned(device: torch.device, rows: slice) -> Planar:
        images = take_images(source, index[rows], device)
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
        engine.scored, planar, group, count, index=index, interpolation="bilinear", workers=engine.workers
    )
    averages = engine.deconvolved(averages, index, group)
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
