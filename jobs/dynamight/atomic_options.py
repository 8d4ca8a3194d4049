"""Options of a training that begins with an atomic model, and what is to be known of them in the form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.core.declaration import CheckContext, JobOptions, Kind, option
from jobs.core.errors import Problem

if TYPE_CHECKING:
    from jobs.dynamight.params import DynaMightOptions


def _atomic(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    """Declare an option of the training on the tab Advanced, kept out of ``job.star``."""
    return option(
        default,
        label=label,
        help=help,
        tab="Advanced",
        kind=kind,
        in_job_star=False,
        enabled="new",
        cli_task="train",
        **details,
    )


class AtomicOptions(JobOptions):
    """Tab Advanced: the atomic model."""

    atomic_model: str = _atomic(
        "",
        "Atomic model (optional):",
        "PDB or mmCIF file fitted into the consensus map. The Gaussians start on its residues instead of in "
        "the density: two per amino acid, three per nucleotide, fewer if the number of Gaussians says so.",
        kind=Kind.FILE,
        pattern="*.pdb *.ent *.cif *.mmcif",
        cli=("--atomic-model",),
    )
    regularise_by_model: bool = _atomic(
        False,
        "Restrain motions by the model?",
        "Yes: bonds and chains of the atomic model keep their lengths, in place of neighbours in space. Not "
        "advised: the result is biased towards the model, and both half-sets share it.",
        kind=Kind.YESNO,
    )


def check_atomic_model(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check that there is a model to restrain by, and warn of what that does."""
    if context.is_continue or not options.regularise_by_model:
        return []
    if not options.atomic_model:
        return [
            Problem(
                "Motions are to be restrained by the atomic model, but none is given",
                field="regularise_by_model",
                hint="Choose an atomic model, or set it to No",
            )
        ]
    return [
        Problem(
            "Motions restrained by the atomic model are biased towards it; both half-sets share the model, "
            "so their agreement is no proof",
            field="regularise_by_model",
            hint="Compare with a training without",
            severity="warning",
        )
    ]
