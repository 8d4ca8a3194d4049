"""Options of the deformed backprojection that only the original's command line has."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, Kind, option


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
        when="do_reconstruct",
        cli_task="reconstruct",
        **details,
    )


class BackprojectOptions(JobOptions):
    """Tab Advanced: how the deformed backprojection is done."""

    do_deformations: bool = _further(
        True,
        "Undo the motion in the backprojection?",
        "No: only the ordinary weighted reconstruction of the same particles is made, for comparison. "
        "Yes: both are made in one pass over the images.",
        kind=Kind.YESNO,
        cli=("--do-deformations",),
    )
    downsample: int = _further(
        2,
        "Downsampling of the deformation field:",
        "The displacements are computed at every so many voxels along each axis and interpolated between. "
        "Larger is faster and needs less memory; the motions are smooth, so 2 to 4 loses nothing.",
        kind=Kind.INTEGER,
        low=1,
        high=8,
        step=1,
        minimum=1,
        cli=("--downsample",),
    )
    mask_reconstruction: bool = _further(
        False,
        "Mask the reconstructions?",
        "Yes: the maps are multiplied with a soft mask about the Gaussians of the consensus, which is "
        "written as mask_reconstruction.mrc. No: they keep their solvent, as PostProcess wants it.",
        kind=Kind.YESNO,
        cli=("--mask-reconstruction",),
    )
