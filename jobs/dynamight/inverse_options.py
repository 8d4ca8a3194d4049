"""Options of the inverse deformations that RELION's form does not have."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

NUMERICAL: Final = "numerical"
NETWORK: Final = "network"


def _further(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    """Declare an option of the task on the tab Advanced, kept out of ``job.star``."""
    return option(
        default,
        label=label,
        help=help,
        tab="Advanced",
        kind=kind,
        in_job_star=False,
        enabled="continue",
        when="do_inverse",
        cli_task="inverse",
        **details,
    )


class InverseOptions(JobOptions):
    """Tab Advanced: how the inverse deformations are found."""

    inverse_method: str = _further(
        NUMERICAL,
        "Method of the inverse deformations:",
        "numerical: the motion is inverted numerically, which needs no training and is the most accurate. "
        "network: a network is trained for the way back of each half-set, as the original does. The round "
        "trip of both is measured in the same way.",
        kind=Kind.CHOICE,
        choices=(NUMERICAL, NETWORK),
    )
    inverse_noise: bool = _further(
        False,
        "Jitter the Gaussians of the inverse network?",
        "Yes: a third of the places at which the network is trained are Gaussians moved at random by about "
        "5 Å, to other places in every epoch. Places off the Gaussians are trained in any case.",
        kind=Kind.YESNO,
        cli=("--add-noise",),
    )
