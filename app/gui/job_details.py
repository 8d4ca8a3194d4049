"""What the window shows about one job, gathered from the project and the job's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from app.gui.follower import read_figure
from app.gui.foreign_abort import is_asked
from app.gui.news import JobDetails, JobEntry, NodeLine, RunLine
from app.gui.queue_lines import with_queue
from app.gui.relion_titles import title_of
from app.project.graph import Node, Process
from app.project.project import Project
from app.runner.outcome import outcome_of
from jobs import registry
from jobs.core.declaration import JobType, specs, to_text
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.figures import Fact
from jobs.core.folder import JobFolder
from jobs.core.job_star import read_job_star
from jobs.core.metrics import read_metrics

_MARKERS = ("RELION_JOB_EXIT_SUCCESS", "RELION_JOB_EXIT_FAILURE", "RELION_JOB_EXIT_ABORTED")
_NOTE_LIMIT = 400_000
_TAIL = 4096


def entry_of(project_dir: Path, process: Process) -> JobEntry:
    """Return the list entry of a process; its folder is asked when it was changed and how far it is.

    Parameters
    ----------
    project_dir
        The project.
    process
        Row of the pipeline.
    """
    declared = registry.of_job(process.type_label, project_dir / process.name)
    running = declared is not None and process.status == "Running"
    changed = _changed(project_dir / process.name)
    entry = JobEntry(
        name=process.name,
        alias=process.short_alias,
        type_label=process.type_label,
        title=declared.title if declared else title_of(process.type_label),
        ours=declared is not None,
        status=process.status,
        changed=changed,
        note=progress_note(project_dir / process.name, changed or 0.0) if running else "",
    )
    return with_queue(project_dir / process.name, entry) if running else entry


def progress_note(folder: Path, since: float) -> str:
    """Return how far a running job is, from the end of its metrics: ``42 %``, empty before the first.

    Values written before `since` (s since 1970) belong to an earlier run.
    """
    path = folder / "metrics.jsonl"
    try:
        records, _ = read_metrics(path, max(0, path.stat().st_size - _TAIL))
    except OSError:
        return ""
    for record in reversed(records):
        if (total := record.get("of")) and float(record.get("t") or 0.0) >= since:
            return f"{100 * float(record.get('step') or 0) / float(total):.0f} %"
    return ""


def _changed(folder: Path) -> float | None:
    for name in (*_MARKERS, "job.star"):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return None


def read_details(project: Project, name: str) -> JobDetails:
    """Gather everything about a job.

    Raises
    ------
    UserError
        When the project has no such job.
    """
    process = next((p for p in project.pipeline.processes if p.name == name), None)
    if process is None:
        raise UserError(f"The project has no job {name}", hint="It may have been deleted by another program")
    root = Path(project.path)
    folder = root / name
    entry = entry_of(root, process)
    declared = registry.of_job(process.type_label, folder)
    values, trouble = _values(root, name, declared)
    runs = _runs(root, name)
    inputs, outputs = _nodes(project, name, root)
    return JobDetails(
        entry=entry,
        folder=folder,
        type_key=declared.key if declared else None,
        values=values,
        inputs=inputs,
        outputs=outputs,
        producers=_unique(inputs),
        consumers=_unique(outputs),
        note=_note(folder),
        runs=runs,
        reason=outcome_of(folder).sentence if entry.status in ("Failed", "Aborted") and declared else "",
        trouble=trouble,
        results=_results(declared, folder),
        findings=_findings(declared, folder),
        next_step=_next_step(declared, runs) if entry.status == "Succeeded" else "",
        stop_asked=entry.status == "Running" and is_asked(folder),
    )


def _nodes(project: Project, name: str, root: Path) -> tuple[tuple[NodeLine, ...], tuple[NodeLine, ...]]:
    makers: dict[str, list[str]] = {}
    users: dict[str, list[str]] = {}
    for process, node in project.pipeline.output_edges:
        makers.setdefault(node, []).append(process)
    for node, process in project.pipeline.input_edges:
        users.setdefault(node, []).append(process)

    def lines(nodes: Iterable[Node], ends: dict[str, list[str]]) -> tuple[NodeLine, ...]:
        return tuple(
            NodeLine(n.name, n.label, tuple(ends.get(n.name, ())), (root / n.name).exists()) for n in nodes
        )

    return lines(project.job_inputs(name), makers), lines(project.job_outputs(name), users)


def _unique(lines: tuple[NodeLine, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(job for line in lines for job in line.jobs))


def _values(root: Path, name: str, declared: JobType | None) -> tuple[dict[str, str], str]:
    """Return the settings in RELION's words; what only we know comes from the latest exact record."""
    try:
        found = read_job_star(root / name)
    except (UserError, OSError) as error:
        return {}, str(error)
    if declared is None:
        return dict(found.values), ""
    exact: dict[str, str] = {}
    # Jobs that RELION made have no record; one that cannot be read is no loss for the form.
    with contextlib.suppress(UserError, OSError):
        record = JobFolder(root, name).read_options()
        exact = {
            d.name: to_text(d, record.values[d.name])
            for d in specs(declared.options)
            if d.name in record.values
        }
    external = found.label.startswith("relion.external")
    return {**exact, **(from_external(declared, found.values) if external else found.values)}, ""


def _note(folder: Path) -> str:
    try:
        return (folder / "note.txt").read_text(errors="replace")[-_NOTE_LIMIT:]
    except OSError:
        return ""


def _runs(root: Path, name: str) -> tuple[RunLine, ...]:
    folder = JobFolder(root, name)
    found = []
    for run in folder.runs():
        with contextlib.suppress(OSError, UserError):
            record = folder.read_options(run)
            found.append(RunLine(record.run, record.task, record.started))
    return tuple(found)


def _results(declared: JobType | None, folder: Path) -> tuple[tuple[str, str], ...]:
    if declared is None:
        return ()
    return tuple((path, text) for path, text in declared.result_files if (folder / path).exists())


def _findings(declared: JobType | None, folder: Path) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """Return the numbers worth knowing of every task that described figures, in the order of the tasks."""
    if declared is None:
        return ()
    facts: dict[str, list[Fact]] = {}
    for path in sorted((folder / "snapshots").glob("*.json")):
        figure = read_figure(path)
        if figure is not None:
            facts.setdefault(figure.task, []).extend(figure.facts)
    return tuple((task.label, tuple(facts[task.name])) for task in declared.tasks if facts.get(task.name))


def _next_step(declared: JobType | None, runs: tuple[RunLine, ...]) -> str:
    """Return what can be done with the results of the latest run."""
    tasks = {task.name: task for task in declared.tasks} if declared is not None else {}
    return tasks[runs[-1].task].next_step if runs and runs[-1].task in tasks else ""
