"""The open project, as the project lane works with it; no Qt, and never called in the window's thread."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.gui import job_details
from app.gui.flowchart_maker import Chart, FlowchartMaker
from app.gui.news import JobDetails, JobEntry, JobFinished, JobsChanged, Told
from app.project.graph import Process
from app.project.notes import write_note
from app.project.project import Project
from app.project.tags import Tag
from app.project.trash import TRASH, TrashEntry
from app.runner import launch
from app.runner.checks import find_problems, refuse
from app.runner.devices import slot_words
from app.runner.events import Event, JobEnded, Notice
from app.runner.queue import LocalQueue
from app.runner.schedule_plan import SchedulePlan, running_schedules, start_schedule, stop_schedule
from app.runner.supervise import Supervisor
from jobs import registry
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import UserError
from jobs.core.external import from_external
from jobs.core.job_star import JobStar, job_star_for


@dataclass(frozen=True)
class Opened:
    """What the window must know about a project it has just opened."""

    path: Path
    readonly: bool
    why_readonly: str = ""


class Workplace:
    """Holds the project and the supervisor of its jobs."""

    def __init__(self) -> None:
        self._project: Project | None = None
        self._supervisor: Supervisor | None = None
        self._entries: tuple[JobEntry, ...] | None = None  # None: the window has to be told all
        self._known: dict[str, tuple[Process, JobEntry]] = {}
        self._queue: LocalQueue | None = None
        self._flowchart = FlowchartMaker()

    # -- opening -------------------------------------------------------------------------------------------

    def open(self, path: Path, *, readonly: bool = False, upgrade: bool = False) -> Opened:
        """Open a project and re-attach to its running jobs.

        Raises
        ------
        UserError
            Not a project, damaged, old, locked or unreadable; see `app.project`.
        """
        project = Project.open(path, readonly=readonly, upgrade=upgrade)
        self._take(project)
        why = "" if readonly or not project.readonly else "its folder can not be written to"
        return Opened(Path(project.path), project.readonly, why)

    def create(self, path: Path) -> Opened:
        """Make a project in a folder and open it."""
        path.mkdir(parents=True, exist_ok=True)
        self._take(Project.create(path))
        return Opened(Path(self.project.path), False)

    def restore(self, path: Path, backup: Path) -> Opened:
        """Put a backup in the place of a damaged project file, which is kept aside, and open the project."""
        Project.restore_backup(path, backup)
        return self.open(path)

    def close(self) -> None:
        """Let go of the project; its jobs go on."""
        self._project = None
        self._supervisor = None
        self._queue = None
        self._entries = None
        self._known.clear()

    @property
    def project(self) -> Project:
        """The open project.

        Raises
        ------
        UserError
            When none is open.
        """
        if self._project is None:
            raise UserError("No project is open", hint="Open or create one")
        return self._project

    def _take(self, project: Project) -> None:
        self.close()
        self._project = project
        self._queue = LocalQueue(project)
        # A project that is only read is watched through its files alone: nobody is marked as failed here.
        self._supervisor = None if project.readonly else Supervisor(project)

    # -- looking -------------------------------------------------------------------------------------------

    def tick(self) -> list[object]:
        """Look at running jobs and at the project file; returns news for the window."""
        if self._project is None:
            return []
        news: list[object] = []
        if self._supervisor is not None:
            news += [found for event in self._supervisor.poll() if (found := _news_of(event)) is not None]
        self._project.refresh()
        return news + self._changes()

    def _changes(self) -> list[object]:
        places = self._places()
        entries = tuple(
            replace(entry, place=places[entry.name][0], device=places[entry.name][1])
            if entry.name in places and entry.status == launch.SCHEDULED
            else entry
            for entry in map(self._entry, self.project.pipeline.processes)
        )
        entries = self._flowchart.tagged(self.project, entries)
        if entries == self._entries:
            return []
        self._entries = entries
        return [JobsChanged(entries, self.project.readonly)]

    def _places(self) -> dict[str, tuple[int, str]]:
        """Return place and device of the jobs in the queue; each device has a row of its own."""
        found: dict[str, tuple[int, str]] = {}
        lengths: dict[str, int] = {}
        for entry in self._queue.entries() if self._queue is not None else ():
            lengths[entry.slot] = lengths.get(entry.slot, 0) + 1
            found[entry.job] = (lengths[entry.slot], slot_words(entry.slot))
        return found

    def _entry(self, process: Process) -> JobEntry:
        """Return the entry of a job; only those that changed or run are looked at again."""
        known = self._known.get(process.name)
        if known is not None and known[0] == process and not (known[1].ours and process.status == "Running"):
            return known[1]
        entry = job_details.entry_of(Path(self.project.path), process)
        self._known[process.name] = (process, entry)
        return entry

    def relist(self) -> list[object]:
        """Return the lists even when nothing changed."""
        self._entries = None
        return self._changes()

    def flowchart(self) -> Chart:
        """Return the jobs with their places in the flowchart, and what goes between them."""
        return self._flowchart.make(self.project, self._entries or ())

    def tags_of(self, name: str) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
        """Return the tags of a job, and all tags of the project."""
        return self._flowchart.tags_of(self.project, name)

    def set_tags(
        self, name: str, words: Sequence[str], colours: Mapping[str, int] | None = None
    ) -> list[object]:
        """Give a job these tags (and tags these colours) and return the changed lists."""
        return self.change(lambda project: self._flowchart.set_tags(project, name, words, colours))

    def details(self, name: str) -> JobDetails:
        """Return everything about one job; a damaged ``job.star`` is told in the details, not raised."""
        found = job_details.read_details(self.project, name)
        place, device = self._places().get(name, (0, ""))
        if not place or found.entry.status != launch.SCHEDULED:
            return found
        return replace(found, entry=replace(found.entry, place=place, device=device))

    def nodes(self, prefixes: Sequence[str]) -> tuple[Path, list[tuple[str, str, str]]]:
        """Return the project's folder, and ``(path, label, job)`` of the nodes with these labels."""
        pipeline = self.project.pipeline
        maker = {node: process for process, node in pipeline.output_edges}
        shown = {p.name: p.alias or p.name for p in pipeline.processes}
        return Path(self.project.path), [
            (node.name, node.label, shown.get(maker.get(node.name, ""), maker.get(node.name, "")))
            for node in self.project.nodes_for(list(prefixes))
        ]

    # -- starting ------------------------------------------------------------------------------------------

    def start(
        self,
        job_type: JobType,
        options: JobOptions,
        *,
        schedule: bool = False,
        queued: bool = False,
        alias: str = "",
    ) -> str:
        """Start (or enter as scheduled) a new job and return its name.

        With `queued`, it waits in the project as Scheduled until its GPU (or the CPU) is free.
        """
        if queued and not schedule:
            name = LocalQueue(self.project).submit(job_type, options, alias=alias)
        else:
            name = launch.start_job(self.project, job_type, options, schedule=schedule, alias=alias)
        self._remember(job_type, options)
        return name

    def carry_on(
        self,
        name: str,
        job_type: JobType,
        options: JobOptions,
        *,
        schedule: bool = False,
        queued: bool = False,
    ) -> str:
        """Start a further task of a job, or a scheduled one; with `queued`, when its device is free."""
        if queued and not schedule:
            name = LocalQueue(self.project).submit(job_type, options, name=name)
        else:
            name = launch.continue_job(self.project, name, job_type, options, schedule=schedule)
        self._remember(job_type, options)
        return name

    def overwrite(self, name: str, job_type: JobType, options: JobOptions, *, queued: bool = False) -> str:
        """Move the results of a job to the trash and run it again in a new folder of that name.

        Its row, number and the jobs that use its results stay. When it can not be started, everything is
        put back.
        """
        project = self.project
        launch.refuse_running(project, name)
        refuse(find_problems(project.path, job_type, options))
        status = project.process(name).status
        folder, aside = project.path / name, project.path / TRASH / name
        with contextlib.ExitStack() as undo:
            aside.parent.mkdir(parents=True, exist_ok=True)
            if aside.exists():
                shutil.rmtree(aside)  # RELION, too, keeps the latest deleted state only
            folder.rename(aside)
            undo.callback(_put_back, aside, folder)
            folder.mkdir()
            project.set_status(name, launch.SCHEDULED)
            undo.callback(project.set_status, name, status)
            # without any trace of a run, the job is started as a new one
            self.carry_on(name, job_type, options, queued=queued)
            undo.pop_all()
        return name

    def command(self, job_type: JobType, options: JobOptions, name: str | None) -> list[str]:
        """Return the command that would be run."""
        return launch.command_line(self.project, job_type, options, name)

    def abort(self, name: str, grace_s: float) -> None:
        """Ask a job to stop; it is ended by force after the grace period."""
        if self._supervisor is not None:
            self._supervisor.abort(name, grace_s=grace_s)

    def change_queue(self, action: Callable[[LocalQueue], object]) -> list[object]:
        """Do something to the local queue, start what can start, and return the changed lists."""
        queue = LocalQueue(self.project)
        action(queue)
        queue.advance()
        queue.ensure_keeper()
        self.project.refresh()
        return self.relist()

    def run_scheduled(self, names: list[str], plan: SchedulePlan | None = None) -> None:
        """Start scheduled jobs one after another."""
        start_schedule(self.project, names, plan or SchedulePlan())

    def running_schedules(self) -> list[str]:
        """Return the names of the schedules that run, also those of other programs."""
        return running_schedules(Path(self.project.path))

    def stop_schedules(self, names: list[str]) -> None:
        """Ask schedules to stop after the jobs they are at."""
        for name in names:
            stop_schedule(Path(self.project.path), name)

    # -- notes, trash, settings ----------------------------------------------------------------------------

    def project_note(self) -> str:
        """Return the note of the project."""
        return self.project.project_note

    def write_project_note(self, text: str) -> None:
        """Write the note of the project."""
        self.project.project_note = text

    def write_note(self, name: str, loaded: str, text: str) -> str:
        """Write the note of a job and return it as it stands in the file.

        What another program appended since the note was loaded (each start of the job does) is kept.
        """
        path = Path(self.project.path) / name / "note.txt"
        present = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if present != loaded and present.startswith(loaded):
            text += present[len(loaded) :]
        write_note(path, text)
        return text

    def trash(self) -> list[TrashEntry]:
        """Return the deleted jobs that can be brought back."""
        return self.project.trash_entries()

    def doomed(self, name: str) -> list[str]:
        """Return the job and everything that depends on it, in the order of creation."""
        return [name, *(str(other) for other in self.project.dependants(name) if other != name)]

    def save_defaults(self, job_type: JobType, values: Mapping[str, str]) -> None:
        """Keep settings as those with which the form of this type begins."""
        self.project.save_settings(job_type.key, JobStar(job_type.label, values=dict(values)))

    def defaults(self) -> dict[str, dict[str, str]]:
        """Return the settings last used for each job type, as far as there are any."""
        found = {}
        for key in registry.JOB_TYPES:
            settings = self.project.last_settings(key)
            if settings is not None and registry.by_label(settings.label) is registry.JOB_TYPES[key]:
                found[key] = self.read_settings(settings)[1]
        return found

    def _remember(self, job_type: JobType, options: JobOptions) -> None:
        """Keep the options for the next start, as RELION does; a failure of that matters little."""
        with contextlib.suppress(UserError, OSError):
            self.project.save_settings(job_type.key, job_star_for(job_type, options))

    def read_settings(self, found: JobStar) -> tuple[str, dict[str, str]]:
        """Return type and values of a settings file, if it is of one of our types.

        Raises
        ------
        UserError
            When it belongs to another program.
        """
        declared = registry.by_label(found.label)
        if declared is None:
            raise UserError(f"These are settings of another program ({found.label})", hint="Load them there")
        external = found.label.startswith("relion.external")
        return declared.key, from_external(declared, found.values) if external else dict(found.values)

    # -- changing ------------------------------------------------------------------------------------------

    def change(self, action: Callable[[Project], object]) -> list[object]:
        """Do something to the project and return the changed lists."""
        action(self.project)
        self.project.refresh()
        return self._changes()


def _put_back(aside: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _news_of(event: Event) -> object | None:
    if isinstance(event, JobEnded):
        return JobFinished(event.job, str(event.outcome.kind), event.outcome.sentence)
    if isinstance(event, Notice):
        return Told(event.text, "warning", event.job)
    return None


def job_types() -> list[JobType]:
    """Return the job types offered, in the order of the registry."""
    return list(registry.JOB_TYPES.values())
