"""Everything known about how a job came to be, gathered from its folder, beside the window."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.node_details import node_details
from app.provenance import inputs, log_marks, options, words
from app.provenance.inputs import InputFile
from app.provenance.options import OptionLine
from app.provenance.progress_now import ProgressNow, progress_now
from app.runner.outcome import WorkerRecord, read_worker
from jobs import registry
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.figures import Fact
from jobs.core.folder import JobFolder, OptionsRecord
from jobs.core.record import installed_versions
from jobs.core.run_outcome import read_outcome

_MARKERS = ("RELION_JOB_EXIT_SUCCESS", "RELION_JOB_EXIT_FAILURE", "RELION_JOB_EXIT_ABORTED")
_NOTE_LIMIT = 400_000


@dataclass(frozen=True)
class Run:
    """One run or continuation.

    Attributes
    ----------
    number, task, title
        Which it was, the name of its task and that in words.
    started, ended
        Local times, None where they are not known.
    outcome
        A status in RELION's words. Of earlier runs of older versions, which kept none, ``Unfinished`` for one
        that did not come to its end, empty when nothing is known.
    host, device, seed
        Where and how it ran; empty or None where not known.
    command, again
        Command of the worker (or of the other program), and the one of this program that would do it again.
    versions
        Distribution to version.
    inputs, options
        Files and settings.
    """

    number: int
    task: str
    title: str
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    host: str = ""
    device: str = ""
    seed: int | None = None
    command: str = ""
    again: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[InputFile, ...] = ()
    options: tuple[OptionLine, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far."""
        if self.started is None:
            return None
        end = self.ended or (datetime.now().astimezone() if self.outcome == "Running" else None)
        return max(0.0, (end - self.started).total_seconds()) if end is not None else None


@dataclass(frozen=True)
class Story:
    """What is known about a job: its runs, the size of its data, and texts to copy.

    Attributes
    ----------
    name, status
        The job.
    runs
        Oldest first; of other programs' jobs, as far as the note tells.
    options
        Of the latest run, or as ``job.star`` has them.
    data
        Particles, box, pixel size, where an input tells.
    methods
        Sentences for a methods section, empty for other programs' jobs.
    now
        Versions installed now.
    tail, errors, progress
        Last lines of ``run.out``, of ``run.err`` in the latest run, and how far a running job is.
    trouble
        Why the settings could not be read, else empty.
    """

    name: str
    status: str
    runs: tuple[Run, ...] = ()
    options: tuple[OptionLine, ...] = ()
    data: tuple[Fact, ...] = ()
    methods: str = ""
    now: Mapping[str, str] = field(default_factory=dict)
    tail: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    progress: ProgressNow | None = None
    trouble: str = ""

    @property
    def latest(self) -> Run | None:
        """The latest run."""
        return self.runs[-1] if self.runs else None

    @property
    def seconds(self) -> float | None:
        """Time of all runs together, None when no run tells."""
        known = [run.seconds for run in self.runs if run.seconds is not None]
        return sum(known) if known else None


def gather(
    project_dir: Path, name: str, status: str, producers: Mapping[str, str], nodes: tuple[str, ...] = ()
) -> Story:
    """Return the story of a job.

    Parameters
    ----------
    project_dir, name, status
        The job, and its status in the pipeline.
    producers
        Input file to the job that made it, as the pipeline has them.
    nodes
        Input files as the pipeline has them.
    """
    folder = JobFolder(project_dir, name)
    worker = read_worker(folder.path)
    runs = _own_runs(folder, status, producers, worker) or _noted_runs(folder, status, producers, nodes)
    trouble = ""
    found: tuple[OptionLine, ...] = runs[-1].options if runs else ()
    if not found:
        try:
            found = options.of_settings(project_dir, name)
        except (UserError, OSError) as error:
            trouble = str(error)
    job_type = _type_of(folder)
    methods = ""
    if job_type is not None and runs:
        methods = words.methods_text(job_type, [r.title for r in runs], found, dict(runs[-1].versions))
    files = tuple(dict.fromkeys([*nodes, *(f.path for run in runs for f in run.inputs)]))
    return Story(
        name=name,
        status=status,
        runs=runs,
        options=found,
        data=_data(project_dir, (*files, *_particles_made(job_type, name)), found),
        methods=methods,
        now=installed_versions(),
        tail=log_marks.log_tail(folder.path),
        errors=log_marks.log_tail(folder.path, stream="err", start=worker.log_start[1] if worker else 0),
        progress=progress_now(folder.path, runs[-1].number) if status == "Running" and runs else None,
        trouble=trouble,
    )


def _type_of(folder: JobFolder) -> JobType | None:
    with contextlib.suppress(UserError, OSError):
        return registry.JOB_TYPES.get(folder.read_options().type_key)
    return None


def _own_runs(
    folder: JobFolder, status: str, producers: Mapping[str, str], worker: WorkerRecord | None
) -> tuple[Run, ...]:
    records = []
    for number in folder.runs():
        with contextlib.suppress(UserError, OSError):
            records.append(folder.read_options(number))
    marks, steps = log_marks.log_marks(folder.path), log_marks.progress(folder.path)
    found = []
    before: OptionsRecord | None = None
    for record in records:
        job_type = registry.JOB_TYPES.get(record.type_key)
        last = record is records[-1]
        mark, step = marks.get(record.run), steps.get(record.run)
        kept = read_outcome(str(folder.path), record.run)
        started = _parsed(str(kept.get("started") or "")) or _parsed(record.started)
        ended = _parsed(str(kept.get("ended") or "")) or (_instant(step.at) if step is not None else None)
        if last:
            outcome = status
            if worker is not None and worker.run in (record.run, None):
                started = _parsed(worker.started) or started
                ended = _parsed(worker.ended) or ended
            ended = None if status in ("Running", "Scheduled") else ended or _marker_time(folder.path)
        elif kept:
            outcome = str(kept["outcome"])
        elif mark is not None and mark.aborted:
            # runs of versions that kept no outcomes: what log and measurements tell
            outcome = "Aborted"
        else:
            outcome = "" if step is None else ("Succeeded" if step.complete else "Unfinished")
        found.append(
            Run(
                number=record.run,
                task=record.task,
                title=_task_title(job_type, record.task),
                started=started,
                ended=ended,
                outcome=outcome,
                host=record.host,
                device=mark.device if mark is not None else "",
                seed=record.seed,
                command=shlex.join(record.command),
                again=(
                    words.heteroscope_command(
                        job_type, record, before, folder.project_dir.resolve(), folder.name
                    )
                    if job_type is not None
                    else ""
                ),
                versions=record.versions,
                inputs=inputs.inputs_of(record, folder.project_dir, producers),
                options=options.of_record(job_type, record) if job_type is not None else (),
            )
        )
        before = record
    return tuple(found)


def _noted_runs(
    folder: JobFolder, status: str, producers: Mapping[str, str], nodes: tuple[str, ...]
) -> tuple[Run, ...]:
    """Return what the note tells of a job that has no exact record."""
    try:
        note = folder.note.read_text(errors="replace")[-_NOTE_LIMIT:]
    except OSError:
        return ()
    noted = log_marks.noted_runs(note)
    files = tuple(
        inputs.check(folder.project_dir, InputFile(n, producer=inputs.producer_of(n, producers)))
        for n in nodes
    )
    return tuple(
        Run(
            number=number,
            task="",
            title="Run" if number == 1 else "Continued",
            started=run.started,
            ended=_marker_time(folder.path) if number == len(noted) and status != "Running" else None,
            outcome=status if number == len(noted) else "",
            command="\n".join(run.commands),
            inputs=files if number == len(noted) else (),
        )
        for number, run in enumerate(noted, 1)
    )


def _task_title(job_type: JobType | None, task: str) -> str:
    if job_type is not None:
        with contextlib.suppress(KeyError):
            return job_type.task(task).label
    return task


def _particles_made(job_type: JobType | None, name: str) -> tuple[str, ...]:
    """Return the particle files that the main task of a job writes, which may not exist yet."""
    nodes = job_type.main_task.outputs if job_type is not None else ()
    return tuple(name + node.path for node in nodes if node.label.startswith("ParticleGroupMetadata"))


def _data(project_dir: Path, files: tuple[str, ...], lines: tuple[OptionLine, ...]) -> tuple[Fact, ...]:
    """Return the size of the data, from the heads of files."""
    given = [line.value for line in lines if line.value.endswith((".star", ".mrc", ".map"))]
    found: dict[str, int | float | str] = {}
    # what particles say of themselves goes before what a map says: it may have another box
    for path in sorted(dict.fromkeys([*files, *given]), key=lambda path: not path.endswith(".star")):
        for key, value in node_details(project_dir / path).items():
            found.setdefault(key, value)
    shown = []
    if isinstance(particles := found.get("particles"), int):
        shown.append(Fact("Particles", f"{particles:,}"))
    if isinstance(images := found.get("images"), int):
        shown.append(Fact("Images", f"{images:,}"))
    if box := found.get("box"):
        shown.append(Fact("Box", f"{box} px"))
    if pixel := found.get("pixel_size_a"):
        shown.append(Fact("Pixel size", f"{pixel:g} Å" if isinstance(pixel, int | float) else str(pixel)))
    return tuple(shown)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None


def _marker_time(folder: Path) -> datetime | None:
    for name in _MARKERS:
        with contextlib.suppress(OSError):
            return _instant((folder / name).stat().st_mtime)
    return None
