"""The task that brings aligned particles back to RELION 5 or Warp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.core.options import split_paths
from jobs.dynamo_processor.way_back import write_back
from jobs.dynamo_processor.words import SIDECAR

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamo_processor.params import DynamoOptions


def run(context: WorkerContext) -> None:
    """Write ``particles.star`` from the tables that the options name.

    Raises
    ------
    UserError
        When tables and project do not belong together.
    """
    options = cast("DynamoOptions", context.options)
    folder = Path(context.folder.path)
    tables = [context.project_dir / name for name in split_paths(options.fn_refined)]
    count = write_back(
        tables,
        folder / SIDECAR,
        folder / "particles.star",
        to=options.back_to,
        only_averaged=options.only_averaged,
    )
    context.add_output("particles.star", "ParticleGroupMetadata.star.relion.tomo")
    context.say(f"{count} particles are in particles.star, for {options.back_to}.")
