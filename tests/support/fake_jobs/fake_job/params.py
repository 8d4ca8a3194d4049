"""Declaration of the fake job type."""

from __future__ import annotations

from jobs.core.declaration import JobType, Kind, NodeSpec, Task, option
from jobs.core.running import RunningOptions


class FakeOptions(RunningOptions):
    """Options of the fake job."""

    fn_in: str = option(
        "",
        label="Input file:",
        help="Something to read.",
        tab="I/O",
        kind=Kind.INPUT_NODE,
        node_labels=("ParticleGroupMetadata.star.relion",),
        enabled="new",
    )
    mode: str = option(
        "succeed",
        label="What to do:",
        help="How the job behaves.",
        tab="I/O",
        kind=Kind.CHOICE,
        choices=("succeed", "crash", "wrong", "segfault", "exit", "sleep", "stubborn", "children", "hungry"),
    )
    seconds: float = option(
        0.0, label="Seconds:", help="How long it takes.", tab="I/O", kind=Kind.NUMBER, minimum=0.0, unit="s"
    )
    gpu_id: str = option("0", label="Which GPU:", help="One GPU.", tab="I/O", kind=Kind.GPU)
    do_more: bool = option(
        False, label="Do more?", help="A further task.", tab="Tasks", kind=Kind.YESNO, enabled="continue"
    )
    do_other: bool = option(
        False,
        label="Do something else?",
        help="Another task.",
        tab="Tasks",
        kind=Kind.YESNO,
        enabled="continue",
    )
    secret: str = option(
        "",
        label="Secret:",
        help="RELION does not know it.",
        tab="Advanced",
        kind=Kind.TEXT,
        in_job_star=False,
    )


JOB_TYPE = JobType(
    key="fake",
    label="relion.external.fake",
    directory="Fake",
    title="Fake job",
    summary="Computes nothing.",
    options=FakeOptions,
    tasks=(
        Task(
            "main",
            "Do nothing",
            None,
            "fake_job.work:run",
            outputs=(NodeSpec("result.star", "ParticleGroupMetadata.star.relion"),),
        ),
        Task("resume", "Go on", None, "fake_job.work:run", resumes=True, unless=("result.star",)),
        Task("more", "Do more", "do_more", "fake_job.work:more", requires=("result.star",)),
        Task("other", "Do something else", "do_other", "fake_job.work:more"),
    ),
    module="fake_job",
    uses_torch=False,
)
