"""The task "Has it converged?" of either kind of model, with its pictures and key figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.core.options import split_paths
from jobs.tomodrgn.convergence_settings import Convergence, ConvergenceSettings
from jobs.tomodrgn.convergence_words import limit
from jobs.tomodrgn.eval_vol import VolumeOrder
from jobs.tomodrgn.old_folders import open_folder
from jobs.tomodrgn.volume_space import MaskOrder

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.convergence_nn import Agreement
    from jobs.tomodrgn.params import TomoDrgnOptions

TASK: Final = "convergence"


def run(context: WorkerContext) -> None:
    """Compare the epochs of the job as the Tasks tab says."""
    from jobs.tomodrgn.analyze import JobReporter

    options = cast("TomoDrgnOptions", context.options)
    folder = open_folder(context.folder.path)
    epoch = None if options.epoch < 0 else options.epoch
    maps = tuple(context.project_dir / path for path in split_paths(options.convergence_reference))
    mask = MaskOrder(options.convergence_mask)
    if not folder.config.zdim:
        from jobs.tomodrgn.convergence_nn import convergence_nn

        if len(maps) != 1:
            raise UserError(
                "a train_nn model is compared with one map",
                hint="Give it under Map to compare with on the tab Tasks",
            )
        reporter = JobReporter(context)
        found = convergence_nn(context.folder.path, maps[0], reporter, max_epoch=epoch, mask=mask)
        show_agreement(context, found)
        return
    from jobs.tomodrgn.convergence_vae import convergence_vae

    settings = ConvergenceSettings(
        epoch=epoch,
        interval=options.convergence_interval,
        volumes=VolumeOrder(box=options.convergence_downsample),
        mask=mask,
        ground_truth=maps,
        device=context.device,
    )
    show_convergence(context, convergence_vae(folder, settings, JobReporter(context)))


def show_convergence(context: WorkerContext, found: Convergence) -> None:
    """Write the figures of a ``train_vae`` model."""
    series = found.series
    facts = found.verdict.facts
    if len(series.epochs) > 1:
        later = series.epochs[1:]
        classes = dict(zip(series.names, series.successive, strict=True))
        level = Mark(limit("same_map"), "the same map")
        title = "Maps of each class, with the epoch before"
        context.save_figure(
            "convergence_a_maps", _curves(title, "correlation", later, classes, facts, (level,))
        )
        fine = dict(zip(series.names, series.nyquist, strict=True))
        context.save_figure(
            "convergence_b_detail", _curves("Finest detail, with the epoch before", "FSC", later, fine)
        )
        facts = ()
    if len(series.steps):
        x = list(range(1, len(series.steps) + 1))
        moved = {"median step": series.steps / max(series.spread, 1e-12)}
        figure = _curves("Steps of particles per epoch", "part of the spread", x, moved, facts)
        context.save_figure("convergence_c_steps", figure)
        facts = ()
    if facts:
        context.save_figure("convergence_d_facts", _curves("Loss", "loss", *_loss(series.loss), facts))


def _loss(loss: NDArray[Any]) -> tuple[list[int], dict[str, NDArray[Any]]]:
    return list(range(len(loss))), {"total": loss}


def show_agreement(context: WorkerContext, found: Agreement) -> None:
    """Write the figures of a ``train_nn`` model."""
    area = {"area up to 0.143": found.integral}
    title = "Agreement with the reference"
    context.save_figure(
        "convergence_a_agreement", _curves(title, "area of the FSC", found.epochs, area, found.facts)
    )
    last = {f"epoch {found.epochs[-1]}": found.curves[-1]}
    figure = _curves("FSC with the reference", "FSC", found.frequencies.tolist(), last, x_title="1/px")
    context.save_figure("convergence_b_fsc", figure)


def _curves(
    title: str,
    y_title: str,
    x: Any,
    curves: dict[str, NDArray[Any]],
    facts: tuple[Fact, ...] = (),
    marks: tuple[Mark, ...] = (),
    x_title: str = "epoch",
) -> Figure:
    return Figure(
        kind="curves",
        task=TASK,
        title=title,
        x_title=x_title,
        y_title=y_title,
        x=tuple(float(value) for value in x),
        series=tuple(
            Series(name, tuple(np.asarray(values, float).tolist()), colour=k, line=k // 10)
            for k, (name, values) in enumerate(curves.items())
        ),
        marks=marks,
        facts=facts,
    )
