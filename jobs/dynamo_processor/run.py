"""The task that sets a Dynamo project up, and its dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.dynamo_processor.checks import CHECKS
from jobs.dynamo_processor.looking import with_config
from jobs.dynamo_processor.setup import set_up
from jobs.dynamo_processor.showing import show

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
    show(context, made)
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
