"""Tab Tasks of the Dynamo job: dry run, what is made, and the way back."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, Kind, option
from jobs.dynamo_processor.words import CROP_WAYS, FILE_KINDS, HALVES, OUTSIDE


def _task(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="Tasks", kind=kind, **{"enabled": "new", **details})


class _MakeOptions(JobOptions):
    """What is made."""

    scan_only: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Dry run only?",
        help="Yes: nothing is written but the table of what would be used (scan.star) and the particles for "
        "the tomogram window. Set it to No and continue the job to make the project.",
        enabled="always",
    )
    project_name: str = _task(
        "demo",
        kind=Kind.TEXT,
        label="Name of the project:",
        help="Name of the alignment project in Dynamo; letters, digits and underscores.",
        required=True,
    )
    box_size: int = _task(
        64,
        kind=Kind.INTEGER,
        label="Box size:",
        help="Side of the boxes that are cut out of the tomograms; an even number.",
        minimum=2,
        low=16,
        high=512,
        step=2,
        unit="px",
    )
    crop_with: str = _task(
        "here",
        kind=Kind.CHOICE,
        label="Particles are cut out:",
        help="here: by this job, in parallel and without reading whole tomograms, and averaged at once, so "
        "that a wrong convention is seen. dynamo: by the script, with dtcrop.",
        choices=CROP_WAYS,
    )
    crop_format: str = _task(
        "em",
        kind=Kind.CHOICE,
        label="Files of particles:",
        help="em: as Dynamo's own. mrc: with the pixel size in the header.",
        choices=FILE_KINDS,
    )
    out_of_bounds: str = _task(
        "drop",
        kind=Kind.CHOICE,
        label="Particles whose box leaves the tomogram:",
        help="drop: they are left out of the table, as dtcrop does. keep: they stay, filled up with the "
        "mean. They are listed by tag in any case.",
        choices=OUTSIDE,
    )
    do_average: bool = _task(
        True,
        kind=Kind.YESNO,
        label="Average the particles as they came?",
        help="Yes: initial_average.mrc, half-maps and their Fourier shell correlation, with the missing "
        "wedge counted. Needs particles that are cut out here.",
    )
    halves: str = _task(
        "both",
        kind=Kind.CHOICE,
        label="Alignment projects:",
        help="both: one for odd and one for even tags (or the halves of the source). odd: only the odd half, "
        "as the original. together: one project of all particles.",
        choices=HALVES,
    )
    randomize_azimuth: bool = _task(
        True,
        kind=Kind.YESNO,
        label="Randomise azimuths in the script?",
        help="Yes: narot is made random before the first average of Dynamo, as the original does, against a "
        "bias by the wedge. No for particles whose in-plane angle is known.",
    )
    run_script: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Script also runs the alignment?",
        help="Yes: the script goes on with the alignment after it has set up the projects.",
    )


class _BackOptions(JobOptions):
    """The way back."""

    do_way_back: bool = option(
        False,
        label="Bring aligned particles back?",
        help="After Dynamo has aligned: its table becomes particles.star for RELION 5 or Warp.",
        tab="Tasks",
        kind=Kind.YESNO,
        enabled="continue",
    )
    fn_refined: str = option(
        "",
        label="Dynamo's tables:",
        help="One table, or those of the two halves separated by a semicolon: "
        "results/ite_0001/averages/refined_table_ref_001_ite_0001.tbl.",
        tab="Tasks",
        kind=Kind.FILE,
        pattern="*.tbl",
        multiple=True,
        when="do_way_back",
        enabled="continue",
    )
    back_to: str = option(
        "relion5",
        label="For:",
        help="relion5: centred coordinates in Å. warp: coordinates in pixels and names of micrographs.",
        tab="Tasks",
        kind=Kind.CHOICE,
        choices=("relion5", "warp"),
        when="do_way_back",
        enabled="continue",
    )
    only_averaged: bool = option(
        False,
        label="Leave out what Dynamo does not average?",
        help="Yes: particles with 0 in column 3 of the table are left out.",
        tab="Tasks",
        kind=Kind.YESNO,
        when="do_way_back",
        enabled="continue",
    )


class TaskOptions(_BackOptions, _MakeOptions):
    """Tab Tasks."""
