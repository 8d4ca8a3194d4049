"""The job that sets up a Dynamo averaging project: its options and tasks."""

from __future__ import annotations

from jobs.core.declaration import RUNNING_TAB, JobType, Kind, NodeSpec, RunningOptions, Task, option
from jobs.dynamo_processor.captions import captions
from jobs.dynamo_processor.checks import CHECKS
from jobs.dynamo_processor.params_alignment import AlignmentOptions
from jobs.dynamo_processor.params_files import FileOptions
from jobs.dynamo_processor.params_tasks import TaskOptions
from jobs.dynamo_processor.words import CONFIG, SCAN, SCRIPT, SIDECAR, SUMMARY, TABLE


class _WorkerOptions(RunningOptions):
    """Tab Running: workers and computers of Dynamo."""

    num_workers: int = option(
        12,
        label="Workers for cropping and averaging:",
        help="Workers that Dynamo starts for cropping and for the first averages ('mw' of dtcrop and "
        "daverage).",
        tab=RUNNING_TAB,
        kind=Kind.INTEGER,
        minimum=0,
        low=0,
        high=64,
        step=1,
    )
    mwa: int | None = option(
        12,
        label="Workers of the averaging step (mwa):",
        help="Workers for averaging inside the alignment project. Empty: as Dynamo chooses.",
        tab=RUNNING_TAB,
        kind=Kind.INTEGER,
        minimum=0,
        low=0,
        high=64,
        step=1,
    )
    cores: int = option(
        1,
        label="Processes of the alignment (cores):",
        help="Processes that Dynamo uses for the alignment; 1 with a GPU destination.",
        tab=RUNNING_TAB,
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=64,
        step=1,
    )
    dst: str = option(
        "matlab_gpu",
        label="Where Dynamo computes (dst):",
        help="matlab_gpu, matlab, matlab_parfor, standalone, standalone_gpu or system_gpu. With standalone "
        "the script is handed to the dynamo program, which needs no MATLAB.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
    )
    gpus: str = option(
        "0",
        label="GPUs of the alignment (gpus):",
        help="Numbers of the GPUs from 0, separated by blanks or commas, for Dynamo's own later use. Empty: "
        "none is set.",
        tab=RUNNING_TAB,
        kind=Kind.TEXT,
    )


class DynamoOptions(TaskOptions, AlignmentOptions, FileOptions, _WorkerOptions):
    """All options of the job that sets up a Dynamo project."""


_NEXT = (
    "Look at initial_average.mrc first: a wrong convention blurs it. Then start dynamo_process.m in MATLAB, "
    "or with the dynamo program; afterwards 'heteroscope dynamo to-relion' brings the aligned particles back."
)
JOB_TYPE = JobType(
    key="dynamo",
    label="relion.external.dynamo",
    directory="Dynamo",
    title="Dynamo project",
    summary="Sets up a Dynamo subtomogram-averaging project from IMOD, EMAN2, RELION 5, Warp or PEET.",
    options=DynamoOptions,
    module="jobs.dynamo_processor",
    tasks=(
        Task(
            "scan",
            "Dry run",
            switch="scan_only",
            worker="jobs.dynamo_processor.run:run",
            at_start=True,
            next_step="Nothing has been set up yet. Look at the table of tomograms, and at the particles and "
            "their arrows in the tomograms; then set the project up. To use other files, clone the job.",
        ),
        Task("setup", "Set up", switch=None, worker="jobs.dynamo_processor.run:run", next_step=_NEXT),
        Task(
            "again",
            "Set up",
            switch=None,
            worker="jobs.dynamo_processor.run:run",
            resumes=True,
            unless=(SUMMARY,),
            next_step=_NEXT,
        ),
        Task(
            "way_back",
            "Bring back",
            switch="do_way_back",
            worker="jobs.dynamo_processor.run_back:run",
            outputs=(NodeSpec("particles.star", "ParticleGroupMetadata.star.relion.tomo"),),
            requires=(SIDECAR,),
            next_step="particles.star goes on in RELION 5 or Warp.",
        ),
    ),
    checks=CHECKS,
    captions=captions,
    settings_suffixes=(".yaml", ".yml"),
    settings_reader="jobs.dynamo_processor.config_form:read_settings",
    tomograms="jobs.dynamo_processor.tomogram_source:places",
    methods="Particles were brought into Dynamo (Castaño-Díez et al., 2012) with Heteroscope.",
    citation="Castaño-Díez, Kudryashev, Arheit and Stahlberg (2012) Dynamo: a flexible, user-friendly "
    "development tool for subtomogram averaging of cryo-EM data in high-performance computing environments. "
    "J. Struct. Biol. 178, 139.",
    result_files=(
        (SCAN, "the dry run: every tomogram with its files, sizes, tilts, particles and problems"),
        (TABLE, "the particles as Dynamo's table"),
        (SCRIPT, "the script for MATLAB or the dynamo program"),
        ("initial_average.mrc", "the average of the particles as they came"),
        (SIDECAR, "which particle of the source every tag is"),
        (SUMMARY, "every parameter and file, and what was found"),
        (CONFIG, "the same job as a YAML file"),
    ),
    modes=("tomo",),
    uses_torch=False,
)
