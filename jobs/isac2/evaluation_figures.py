"""Pictures of an evaluation in numbers, and the task that makes them in a job's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.core.class_set import PIXEL_ERROR, SIZE
from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.isac2.evaluation import Evaluation, evaluate, write_evaluation
from jobs.isac2.evaluation_frc import THRESHOLD, ClassFrc
from jobs.isac2.evaluation_repeat import Repeat
from jobs.isac2.evaluation_report import write_report

if TYPE_CHECKING:
    import torch

    from jobs.core.context import WorkerContext

_BINS = 20
TASK = "evaluate"
FOLDER = "evaluation"
REPORT = "report.html"


def figures(evaluation: Evaluation, task: str = TASK) -> Mapping[str, Figure]:
    """Return the pictures by name, in the order in which they are looked at.

    Parameters
    ----------
    evaluation
        What was found.
    task
        Name of the task that they belong to.
    """
    made: dict[str, Figure] = {}
    if evaluation.repeat is not None and len(evaluation.repeat.matching.jaccard):
        made["evaluation_repeat"] = _repeat(evaluation.repeat, task)
    if evaluation.frc is not None and np.isfinite(evaluation.frc.resolution_a).any():
        made["evaluation_frc"] = _frc(evaluation.frc, task)
    sizes = evaluation.classes.columns[SIZE].astype(np.float64)
    made["evaluation_sizes"] = _histogram(
        sizes, "Sizes of classes", "particles", "share of classes (%)", "classes", task
    )
    errors = evaluation.classes.pixel_errors
    if errors is None and PIXEL_ERROR in evaluation.classes.columns:
        errors = evaluation.classes.columns[PIXEL_ERROR]
    if errors is not None and np.isfinite(errors).any():
        made["evaluation_errors"] = _histogram(
            errors, "Pixel errors", "pixel error (px of shrunken images)", "share (%)", "pixel error", task
        )
    if evaluation.likeness is not None and len(evaluation.likeness.nearest) > 1:
        made["evaluation_likeness"] = _histogram(
            evaluation.likeness.nearest,
            "Likeness to the nearest average",
            "correlation at best alignment",
            "share of classes (%)",
            "averages",
            task,
            Fact("different averages", f"{evaluation.likeness.distinct} of {len(evaluation.classes)}"),
        )
    if evaluation.coverage is not None and np.isfinite(evaluation.coverage.spread_deg).any():
        made["evaluation_spread"] = _histogram(
            evaluation.coverage.spread_deg,
            "Spread of directions within classes",
            "median angle from the axis of the class (degrees)",
            "share of classes (%)",
            "classes",
            task,
            Fact(
                "directions in no class", str(evaluation.coverage.lost), "of a hundred cells of a half sphere"
            ),
        )
    return made


def run_evaluation(
    context: WorkerContext,
    class_file: Path,
    *,
    other: Path | None = None,
    poses: Path | None = None,
    all_particles: Path | None = None,
    radius_a: float = 0.0,
    device: torch.device | str = "cpu",
    task: str = TASK,
) -> Evaluation:
    """Judge classes within a job: words into the log, pictures into the monitor, files into ``evaluation/``.

    Writes ``evaluation/report.html``, ``evaluation.json`` and ``evaluation_classes.star`` there.
    Parameters are those of :func:`jobs.isac2.evaluation.evaluate`.
    """

    def progress(phase: str, step: int, of: int) -> None:
        context.check_abort()
        context.progress(phase, step, of)

    found = evaluate(
        class_file,
        context.project_dir,
        other=other,
        poses=poses,
        all_particles=all_particles,
        radius_a=radius_a,
        device=device,
        progress=progress,
    )
    pictures = figures(found, task)
    for name, figure in pictures.items():
        context.save_figure(name, figure)
    target = Path(context.folder.path) / FOLDER
    write_evaluation(found, target)
    write_report(found, list(pictures.values()), target / REPORT)
    for sentence in found.sentences:
        context.say(sentence)
    return found


def _frc(found: ClassFrc, task: str) -> Figure:
    curves = found.curves[np.isfinite(found.resolution_a)][:, 1:]
    low, middle, high = np.percentile(curves, (10, 50, 90), axis=0)
    known = found.resolution_a[np.isfinite(found.resolution_a)]
    series = (
        Series(f"median class, {np.median(known):.1f} Å", tuple(middle.tolist()), colour=0),
        Series("best tenth", tuple(high.tolist()), colour=1, line=1),
        Series("worst tenth", tuple(low.tolist()), colour=1, line=2),
    )
    return Figure(
        "curves",
        task,
        "Ring correlation of halves",
        "spatial frequency (1/Å)",
        "ring correlation",
        x=tuple(found.frequency_1a[1:].tolist()),
        series=series,
        marks=(Mark(THRESHOLD, f"{THRESHOLD}"),),
        reciprocal=True,
        facts=(Fact("resolution", f"{np.median(known):.1f} Å", f"{known.min():.1f} to {known.max():.1f} Å"),),
    )


def _repeat(found: Repeat, task: str) -> Figure:
    edges = np.linspace(0, 1, _BINS + 1)
    share = 100 * np.histogram(found.matching.jaccard, edges)[0] / len(found.matching.jaccard)
    return Figure(
        "histogram",
        task,
        "Agreement of classes with another run",
        "shared members of matched classes (Jaccard index)",
        "share of classes (%)",
        x=tuple(edges.tolist()),
        series=(Series(f"matched classes, median {found.jaccard:.2f}", tuple(share.tolist())),),
        marks=(Mark(found.jaccard_shuffled, f"by chance {found.jaccard_shuffled:.2f}", line=1),),
        facts=(
            Fact("adjusted Rand index", f"{found.ari:.3f}", f"by chance {found.ari_shuffled:.3f}"),
            Fact("in classes of both", f"{found.n_both}", f"of {found.n_first} and {found.n_second}"),
        ),
    )


def _histogram(
    values: npt.NDArray[np.float64],
    title: str,
    x_title: str,
    y_title: str,
    name: str,
    task: str,
    *facts: Fact,
) -> Figure:
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(known, _BINS, (low, high))
    middle = float(np.median(known))
    return Figure(
        "histogram",
        task,
        title,
        x_title,
        y_title,
        x=tuple(edges.tolist()),
        series=(Series(f"{name}, median {middle:.3g}", tuple((100 * counts / len(known)).tolist())),),
        marks=(Mark(middle, "median", line=1),),
        facts=facts,
    )
