"""The methods section of a job and of those it came from, with all that is to be cited."""

from __future__ import annotations

from app import __version__
from app.report.contents import JobContents

#: Programs that are recognised by their type labels, and what they ask to be cited.
RELION = (
    "Scheres (2012) RELION: implementation of a Bayesian approach to cryo-EM structure determination. "
    "Journal of Structural Biology 180, 519–530, doi:10.1016/j.jsb.2012.09.006."
)
#: Beginnings of the names of settings that say how a job of another program was run.
_RUNNING = (
    "do_queue", "queuename", "qsub", "nr_mpi", "nr_threads", "nr_pool", "gpu_ids", "use_gpu", "scratch_dir",
    "min_dedicated", "other_args", "do_parallel", "do_preread", "do_combine",
)  # fmt: skip
HETEROSCOPE = (
    f"Heteroscope {__version__}, motions and mixtures in cryo-EM data. The Heteroscope developers (2026). "
    "BSD 3-Clause licence."
)


def methods_of(job: JobContents) -> str:
    """Return the sentences about one job, without its references."""
    if job.story.methods:
        lines = [line for line in job.story.methods.splitlines() if not line.startswith("Reference:")]
        return "\n".join(lines)
    if job.ours:
        return f"{job.title} was run in Heteroscope."
    # of another program's settings those are told that are known by words
    told = [
        f"{line.label[:1].lower() + line.label[1:]} {line.shown}"
        for line in job.story.options
        if line.label != line.name and _tells(line.name, line.value)
    ]
    settings = f" Settings: {'; '.join(told)}." if told else ""
    return f"{job.process.directory} ({job.process.type_label}) was run as job {job.name}.{settings}"


def _tells(name: str, value: str) -> bool:
    """Tell whether a setting of another program says what was computed, as far as one can know."""
    return bool(value) and value not in ("No", "None") and not name.startswith(_RUNNING)


def references(jobs: list[JobContents]) -> list[str]:
    """Return all that is to be cited for some jobs, each once."""
    found = [job.citation for job in jobs if job.citation]
    if any(job.process.type_label.startswith("relion.") and not job.ours for job in jobs):
        found.append(RELION)
    return [*dict.fromkeys(found), HETEROSCOPE]
