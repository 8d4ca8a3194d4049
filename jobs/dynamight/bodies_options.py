"""Options of the tasks that find rigid bodies and write how each of them moves; checks of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.core.declaration import CheckContext, JobOptions, Kind, option
from jobs.core.errors import Problem

if TYPE_CHECKING:
    from jobs.dynamight.params import DynaMightOptions

#: Folders of the results, as the original calls them.
MASKS, STARFILES = "masks", "body_starfiles"
BODIES_STAR = f"{MASKS}/bodies.star"
MOTIONS_STAR = f"{STARFILES}/motions.star"


def _task(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    """Declare an option on the tab Tasks that RELION's form does not have: kept out of ``job.star``."""
    return option(default, label=label, help=help, tab="Tasks", kind=kind, in_job_star=False, **details)


class BodiesOptions(JobOptions):
    """Tab Tasks: rigid bodies."""

    do_masks: bool = _task(
        False,
        "Do rigid-body search?",
        "Divides the molecule into bodies by how its parts move, and writes a mask of each and a STAR file "
        "for multi-body refinement.",
        kind=Kind.YESNO,
        enabled="continue",
    )
    number_of_masks: int = _task(
        4,
        "Number of bodies:",
        "Into how many bodies the molecule is divided. The log tells how much motion is left unexplained by "
        "one, two, three … bodies: choose the number after which little is gained.",
        kind=Kind.INTEGER,
        low=2,
        high=10,
        step=1,
        minimum=2,
        when="do_masks",
        cli=("--number-of-masks",),
        cli_task="masks",
    )
    refinement_iterations: int = _task(
        2,
        "Refinement iterations:",
        "How often rigid motions are fitted to the bodies again and every Gaussian goes to the body that "
        "explains its motion best.",
        kind=Kind.INTEGER,
        low=0,
        high=20,
        step=1,
        minimum=0,
        when="do_masks",
        cli=("--refinement-iterations",),
        cli_task="masks",
    )
    mask_resolution: float = _task(
        20.0,
        "Resolution of the masks:",
        "The smooth masks are low-pass filtered to this resolution: larger gives wider soft edges and more "
        "overlap of neighbouring bodies.",
        kind=Kind.NUMBER,
        low=5,
        high=60,
        step=5,
        minimum=0,
        unit="Å",
        when="do_masks",
        cli=("--mask-resolution",),
        cli_task="masks",
    )
    bodies_halfset: int = _task(
        0,
        "Half-set to divide:",
        "0: the motions of both half-sets together, which is most certain. 1 or 2: of that one only.",
        kind=Kind.INTEGER,
        low=0,
        high=2,
        step=1,
        minimum=0,
        maximum=2,
        when="do_masks",
        cli=("--half-set",),
        cli_task="masks",
    )
    do_rigid_transforms: bool = _task(
        False,
        "Do rigid-body transforms?",
        "Fits the rotation and shift of every body in every particle, and writes a particle STAR file per "
        "body whose angles and shifts follow it, and a table of the motions.",
        kind=Kind.YESNO,
        enabled="continue",
    )
    body_masks: str = _task(
        "",
        "Folder of body masks (optional):",
        "Folder with a mask per body (.mrc, with mask in the name). Empty: masks of this job, which the "
        "search for rigid bodies makes.",
        kind=Kind.FOLDER,
        when="do_rigid_transforms",
        cli=("--mask",),
        cli_task="transforms",
    )
    rigid_bodies: bool = _task(
        False,
        "Use the bodies of the training?",
        "Yes: the bodies that a training with rigid bodies was made with; no masks are read. Only for jobs "
        "trained that way.",
        kind=Kind.YESNO,
        when="do_rigid_transforms",
        cli=("--rigid",),
        cli_task="transforms",
    )
    body_batchsize: int = _task(
        100,
        "Particles at once:",
        "How many particles are treated at once. It hardly matters, a fit needs no images.",
        kind=Kind.INTEGER,
        low=1,
        high=1000,
        step=10,
        minimum=1,
        when="do_rigid_transforms",
        cli=("--batch-size",),
        cli_task="transforms",
    )


def check_bodies(options: DynaMightOptions, context: CheckContext) -> list[Problem]:
    """Check that there are bodies whose motions can be written."""
    if not context.is_continue or context.job_dir is None or not options.do_rigid_transforms:
        return []
    if options.rigid_bodies:
        return []
    folder = context.resolve(options.body_masks) if options.body_masks else context.job_dir / MASKS
    if not folder.is_dir():
        if options.body_masks:
            return []  # said by the check of the field itself
        return [
            Problem(
                "This job has no masks of rigid bodies yet",
                field="do_rigid_transforms",
                hint="Run the rigid-body search first, or give a folder of masks",
            )
        ]
    # The worker reads the masks; here it is enough that there are any.
    if any(path.suffix.lower() == ".mrc" and "mask" in path.name.lower() for path in folder.iterdir()):
        return []
    field = "body_masks" if options.body_masks else "do_rigid_transforms"
    hint = "One file per body is needed, ending in .mrc and with mask in its name"
    return [Problem(f"{folder.name} holds no masks of rigid bodies", field, hint)]
