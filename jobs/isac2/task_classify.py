"""The task that classifies: input, settings, the run itself, and its results in every form."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from jobs.formats.image_stack_input import read_image_input
from jobs.isac2.mains import may_go_on
from jobs.isac2.outputs import STEM, UNACCOUNTED
from jobs.isac2.params import (
    AVERAGES_LABEL,
    CLASSES,
    CLASSES_LABEL,
    COMPLETE,
    EXHAUSTED,
    PARTICLES_LABEL,
)
from jobs.isac2.run import restart_run, run_isac
from jobs.isac2.run_settings import drawn_seed, make_settings, read_settings, write_settings
from jobs.isac2.task_full_size import FULL_SIZE, make_full_size

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.isac2.params import Isac2Options

_LEFT_LABEL: Final = "ParticleGroupMetadata.star.relion"


def run(context: WorkerContext) -> None:
    """Classify from the start, or go on where the run was stopped.

    Raises
    ------
    UserError
        When the input cannot be classified with these options.
    """
    _classify(context)


def restart(context: WorkerContext) -> None:
    """Go on after a main iteration; what came later is removed.

    Raises
    ------
    UserError
        When this main iteration was not finished.
    """
    folder = Path(context.folder.path)
    main = restart_run(folder, cast("Isac2Options", context.options).restart)
    for mark in (COMPLETE, EXHAUSTED):
        (folder / mark).unlink(missing_ok=True)
    # Of classes that are no more; they are made anew at the end if that is wanted.
    shutil.rmtree(folder / FULL_SIZE, ignore_errors=True)
    context.say(f"The run goes on after main iteration {main}.")
    _classify(context)


def _classify(context: WorkerContext) -> None:
    options = cast("Isac2Options", context.options)
    folder, project = Path(context.folder.path), context.project_dir
    source = read_image_input(project / options.fn_stack, project, options.angpix)
    kept = read_settings(folder)
    settings = make_settings(
        options, source.pixel_size_a, drawn_seed() if kept is None else kept[0].rand_seed
    )
    # Written before anything is computed: a run that is taken up goes on with the seed that was drawn.
    write_settings(folder, settings, source.pixel_size_a)
    try:
        state = run_isac(context, settings, source)
    finally:
        source.close()
    if state.classes and options.full_size:
        make_full_size(context)
    declare_results(context)
    (folder / COMPLETE).touch()
    if not may_go_on(state, settings):
        (folder / EXHAUSTED).touch()


def declare_results(context: WorkerContext) -> None:
    """Enter the files of a run as results of the job, those of them that are there."""
    folder = Path(context.folder.path)
    for path, label in (
        (CLASSES, CLASSES_LABEL),
        (f"{STEM}_data.star", PARTICLES_LABEL),
        (f"{STEM}_classes.mrcs", AVERAGES_LABEL),
        (UNACCOUNTED, _LEFT_LABEL),
        (f"{FULL_SIZE}/{CLASSES}", CLASSES_LABEL),
    ):
        if (folder / path).is_file():
            context.add_output(path, label)
