"""The option that makes a training one of rigid bodies, what goes with it, and its check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jobs.core.declaration import CheckContext, JobOptions, Kind, option
from jobs.core.errors import Problem, UserError
from jobs.dynamight.advanced import AdvancedOptions
from jobs.dynamight.rigid_folder import mask_files

#: What ``optimize-deformations-rigid`` sets when it is not told otherwise, as the original does. Its other
#: defaults, two widths, a long warm-up and a narrow edge, made the motions found on R1 worse.
RIGID_DEFAULTS: Final[dict[str, Any]] = {"n_latent_dimensions": 5}


class RigidOptions(JobOptions):
    """Tab Advanced: bodies that move as a whole."""

    deformation_masks: str = option(
        "",
        label="Masks of rigid bodies (optional):",
        help="Folder with a mask per body (.mrc, with mask in the name) in the box of the map. Each body "
        "then turns and shifts as a whole, what is outside all of them stands still, and the regularization "
        "factor has no effect. Empty: the molecule deforms smoothly.",
        tab="Advanced",
        kind=Kind.FOLDER,
        in_job_star=False,
        enabled="new",
        cli=("--deformation-masks", "--deformations-masks"),
        cli_task="train",
    )


def defaults_in_words(defaults: Mapping[str, Any]) -> str:
    """Options of a command line with the values they have when they are not given."""
    return ", ".join(f"--{name} {value}" for name, value in defaults.items())


def check_rigid(options: RigidOptions, context: CheckContext) -> list[Problem]:
    """Check that there are masks in the folder, and that no other mask contradicts them."""
    if not options.deformation_masks or context.is_continue:
        return []
    problems = []
    folder = context.resolve(options.deformation_masks)
    if folder.is_dir():
        try:
            mask_files(folder)
        except UserError as error:
            problems.append(Problem(str(error), field="deformation_masks"))
    if isinstance(options, AdvancedOptions) and options.mask_file and folder.is_dir():
        problems.append(
            Problem(
                "Deformation mask and masks of rigid bodies are both given",
                field="mask_file",
                hint="Leave one of them empty: a mask that holds a body back in part would bend it",
            )
        )
    return problems
