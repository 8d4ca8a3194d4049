"""The import job: which files, as what, and how they get into the project."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import RUNNING_TAB, JobOptions, JobType, Kind, RunningOptions, Task, option
from jobs.import_files.checks import CHECKS
from jobs.import_files.words import COPY, LINK, NODE_TYPES, PATHS, PATTERN


def _io(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="I/O", kind=kind, enabled="new", **details)


def _detail(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="Details", kind=kind, enabled="new", **details)


class _FileOptions(JobOptions):
    """Tab I/O: the files."""

    fn_in_other: str = _io(
        "",
        kind=Kind.FILE,
        label="Files:",
        help="One or several files, separated by semicolons; * stands for any letters. Particles: STAR files "
        "of RELION 3.0, 3.1, 4 or 5, of Warp or M, and .cs files of cryoSPARC (with the passthrough file "
        "beside them). Maps, masks and half-maps: .mrc, .map, .ccp4. Atomic models: .pdb, .cif. They may lie "
        "anywhere.",
        pattern=PATTERN,
        required=True,
        multiple=True,
    )
    node_type: str = _io(
        NODE_TYPES[0],
        kind=Kind.CHOICE,
        label="Node type:",
        help="What the files are. Automatic: told by their content, masks by values between 0 and 1 and "
        "half-maps by their names.",
        choices=NODE_TYPES,
    )
    image_mode: str = _io(
        LINK,
        kind=Kind.CHOICE,
        label="Files and images:",
        help="link: the folder of the job gets links to the files and image stacks, which stay where they "
        "are. copy: everything is copied, so that the project can be moved and the originals deleted. paths: "
        "as link, but images are named by their full path where RELION accepts that. Files that already lie "
        "in this project are used where they are.",
        choices=(LINK, COPY, PATHS),
    )


class _DetailOptions(JobOptions):
    """Tab Details: where names lead, and what is put right."""

    fn_source_project: str = _detail(
        "",
        kind=Kind.FOLDER,
        label="Folder of the other project (optional):",
        help="The folder to which image names are relative: the project of RELION or cryoSPARC from which "
        "the particles come. Empty: the folder of each file and those above it are tried.",
    )
    angpix_override: float | None = _detail(
        None,
        kind=Kind.NUMBER,
        label="Pixel size (optional):",
        help="Replaces the pixel size that the files state. Origins of particles are scaled with it, so that "
        "they stay the same in pixels; defoci are not changed. Maps are copied, and the size is written into "
        "the header of the copy. Empty: as the files say.",
        minimum=0.01,
        unit="Å",
    )
    optics_group_particles: str = _detail(
        "",
        kind=Kind.TEXT,
        label="Rename optics group for particles (optional):",
        help="Name of the optics group in this project, such as one per session; several groups are "
        "numbered. Empty: names stay.",
    )


class ImportOptions(_DetailOptions, _FileOptions, RunningOptions):
    """All options of an import job."""

    do_queue: bool = option(
        False,
        label="Submit to queue?",
        help="Imports run on this computer at once, as RELION's do.",
        tab=RUNNING_TAB,
        kind=Kind.YESNO,
        enabled="never",
    )


JOB_TYPE = JobType(
    key="import",
    label="relion.import.other",
    directory="Import",
    title="Import",
    summary="Brings particles, maps, masks and models of RELION, cryoSPARC, Warp or M into the project.",
    options=ImportOptions,
    module="jobs.import_files",
    tasks=(
        Task(
            "import",
            "Import",
            switch=None,
            worker="jobs.import_files.run:run",
            next_step="The results are offered by the Browse and Choose buttons of other jobs.",
        ),
        Task(
            "again",
            "Import again",
            switch=None,
            worker="jobs.import_files.run:run",
            resumes=True,
            unless=("imported.json",),
        ),
    ),
    checks=CHECKS,
    methods="Files of other projects were imported with Heteroscope.",
    result_files=(("imported.json", "what was found in each file"),),
    uses_torch=False,
    shares_label=True,
    # RELION's Import has a half for raw movies, which this job leaves alone.
    constants=(("do_raw", "No"), ("do_other", "Yes")),
)
