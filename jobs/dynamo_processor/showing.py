"""What the window shows of a job: the table of tomograms, the initial average and its correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.dynamo_processor.looking import Made
from jobs.dynamo_processor.scan import ScanRow, scan_rows

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamo_processor.initial_average import Average

#: Columns of the table after a set-up.
_BESIDE: Final = tuple(ScanRow.HEADINGS.index(name) for name in ("tomogram", "tilts", "particles", "outside"))


def show(context: WorkerContext, made: Made) -> None:
    """Write the figures of a dry run or of a set-up."""
    # unfinished work that was taken up belongs to the main task
    task = "scan" if context.task.name == "scan" else "setup"
    context.save_figure("dry_run" if task == "scan" else "tomograms", tomogram_table(task, made))
    if made.average is not None:
        _show_average(context, task, made.average, made.voxel_size_a)


def tomogram_table(task: str, made: Made) -> Figure:
    """Return the table of the tomograms with what is wrong with each, and what they hold in numbers."""
    entries = made.gathered.entries
    unusable = sum(not entry.usable for entry in entries)
    doubtful = sum(bool(entry.problems) for entry in entries) - unusable
    counted = ((unusable, "cannot be used"), (doubtful, "with remarks"))
    words = ", ".join(f"{count} {what}" for count, what in counted if count)
    outside = int(made.outside.sum())
    boxes = f"the boxes of {outside} leave their tomogram" if outside else "all boxes lie in the tomograms"
    if task == "setup" and made.written != made.gathered.n:
        boxes = f"{made.written:,} in input.tbl; {boxes}"
    if made.gathered.n_unusable:
        boxes = f"{made.gathered.n_unusable:,} more cannot be used; {boxes}"
    facts = [
        Fact("Tomograms", str(len(entries)), words or "nothing is wrong with them"),
        Fact("Particles", f"{made.gathered.n:,}", boxes),
    ]
    sizes = sorted({round(entry.voxel_size_a, 4) for entry in entries if entry.voxel_size_a})
    several = len(sizes) > 1
    if several or (sizes and task == "scan"):
        value = f"{sizes[0]:g} to {sizes[-1]:g} Å" if several else f"{sizes[0]:g} Å"
        facts.append(Fact("Voxel size", value, "particles do not fit together" if several else ""))
    # beside the average there is less room than in the dry run, which shows the files as well
    columns = _BESIDE if task == "setup" else tuple(range(len(ScanRow.HEADINGS) - 1))
    rows = [row.cells() for row in scan_rows(made.gathered, made.outside)]
    return Figure(
        "table",
        task,
        "Tomograms",
        facts=tuple(facts),
        columns=tuple(ScanRow.HEADINGS[k] for k in columns),
        rows=tuple(tuple(cells[k] for k in columns) for cells in rows),
        notes=tuple((k, p.sentence) for k, entry in enumerate(entries) for p in entry.problems),
    )


def _show_average(context: WorkerContext, task: str, found: Average, voxel_size_a: float) -> None:
    box, voxel = found.volume.shape[0], voxel_size_a or 1.0
    context.save_snapshot("volume", found.volume)
    context.save_figure(
        "maps",
        Figure(
            "maps",
            task,
            "Initial average",
            series=(Series("all particles", ()),),
            arrays=("volume",),
            voxel_size_a=voxel_size_a,
        ),
    )
    if not len(found.fsc):
        return
    series = [Series(f"halves of all particles: {found.agreement}", tuple(map(float, found.fsc)))]
    if len(found.right) == len(found.fsc):
        series.append(Series("some particles, as they are", tuple(map(float, found.right)), 1))
        series.append(Series("the same, turned the other way", tuple(map(float, found.other_way)), 2, 1))
    figure = Figure(
        "curves",
        task,
        "Initial average: Fourier shell correlation",
        "spatial frequency (1/Å)",
        "correlation",
        tuple(float(value) for value in np.arange(len(found.fsc)) / (box * voxel)),
        tuple(series),
        (Mark(0.143, "0.143"),),
        reciprocal=True,
        facts=(Fact("Halves agree to", found.agreement, found.warning),),
    )
    context.save_figure("fsc", figure)
