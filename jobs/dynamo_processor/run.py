"""The task that sets a Dynamo project up, and its dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.dynamo_processor.checks import CHECKS
from jobs.dynamo_processor.setup import Made, set_up, with_config

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamo_processor.params import DynamoOptions


def run(context: WorkerContext) -> None:
    """Set up the project that the job's options describe.

    Raises
    ------
    UserError
        When there is nothing to set up.
    """
    options = with_config(cast("DynamoOptions", context.options), context.project_dir, context)
    if cast("DynamoOptions", context.options).fn_config:
        check_options(options, context.project_dir)
    folder = Path(context.folder.path)
    made = set_up(options, context.project_dir, folder, context)
    _show(context, made)
    if made.average is not None and made.folder == folder.absolute():
        context.add_output("initial_average.mrc", "DensityMap.mrc.dynamo")
        for number in range(1, len(made.average.halves) + 1):
            context.add_output(f"initial_average_half{number}.mrc", "DensityMap.mrc.halfmap.dynamo")


def check_options(options: DynamoOptions, base: Path) -> None:
    """Raise what is wrong with options that came from a configuration file.

    Raises
    ------
    UserError
        With the first fault.
    """
    context = CheckContext(base)
    faults = [p for check in CHECKS for p in check(options, context) if p.severity == "error"]
    if faults:
        raise UserError(f"{faults[0].field}: {faults[0].message}", hint=faults[0].hint)


def _show(context: WorkerContext, made: Made) -> None:
    """Facts of the dry run, the map and the correlation for the window."""
    gathered = made.gathered
    faulty = sum(bool(entry.problems) for entry in gathered.entries)
    facts = (
        Fact("Tomograms", str(len(gathered.entries)), f"{faulty} with problems; scan.star lists them"),
        Fact("Particles", str(gathered.n), f"{int(made.outside.sum())} whose box leaves the tomogram"),
    )
    counts = tuple(float(entry.n_particles) for entry in gathered.entries)
    if counts:
        figure = Figure(
            "curves",
            context.task.name,
            "Particles per tomogram",
            "tomogram",
            "particles",
            tuple(float(entry.number) for entry in gathered.entries),
            (Series("particles", counts),),
            facts=facts,
        )
        context.save_figure("scan", figure)
    found = made.average
    if found is None:
        return
    context.save_snapshot("volume", found.volume)
    if not len(found.fsc):
        return
    box, voxel = found.volume.shape[0], made.voxel_size_a or 1.0
    series = [Series(f"halves of all particles, {found.resolution_a:.1f} Å", tuple(map(float, found.fsc)))]
    if len(found.right) == len(found.fsc):
        series.append(Series("some particles, as they are", tuple(map(float, found.right)), 1))
        series.append(Series("the same, turned the other way", tuple(map(float, found.other_way)), 2, 1))
    figure = Figure(
        "curves",
        context.task.name,
        "Initial average: Fourier shell correlation",
        "spatial frequency (1/Å)",
        "correlation",
        tuple(float(value) for value in np.arange(len(found.fsc)) / (box * voxel)),
        tuple(series),
        (Mark(0.143, "0.143"),),
        reciprocal=True,
        facts=(Fact("Halves agree to", f"{found.resolution_a:.1f} Å", found.warning),),
    )
    context.save_figure("fsc", figure)
