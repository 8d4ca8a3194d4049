"""The open project, as the project lane works with it; no Qt, and never called in the window's thread."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.gui import job_details, last_settings
from app.gui.flowchart_maker import Chart
from app.gui.job_lister import JobLister
from app.gui.news import JobDetails, JobFinished, JobsChanged, Told
from app.project.notes import write_note
from app.project.project import Project
from app.project.tags import Tag
from app.project.trash import TRASH
from app.runner import launch
from app.runner.checks import find_problems, refuse
from app.runner.events import Event, JobEnded, Notice
from app.runner.queue import LocalQueue
from app.runner.schedule_plan import SchedulePlan, running_schedules, start_schedule, stop_schedule
from app.runner.supervise import Supervisor
from jobs.core.declaration import JobOptions, JobType
from jobs.core.errors import UserError


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
        self._lister = JobLister()

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
        why = "" if readonly or not project.readonly else "its folder cannot be written to"
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
        self._lister = JobLister()

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
        entries = self._lister.changed(self.project)
        return [] if entries is None else [JobsChanged(entries, self.project.readonly)]

    def relist(self) -> list[object]:
        """Return the lists even when nothing changed."""
        self._lister.tell_again()
        return self._changes()

    def flowchart(self, *, down: bool) -> Chart:
        """Return the jobs with their places in the flowchart, and what goes between them."""
        return self._lister.flowchart.make(self.project, self._lister.entries, down=down)

    def tags_of(self, name: str) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
        """Return the tags of a job, and all tags of the project."""
        return self._lister.flowchart.tags_of(self.project, name)

    def set_tags(
        self, name: str, words: Sequence[str], colours: Mapping[str, int] | None = None
    ) -> list[object]:
        """Give a job these tags (and tags these colours) and return the changed lists."""
        return self.change(lambda project: self._lister.flowchart.set_tags(project, name, words, colours))

    def details(self, name: str) -> JobDetails:
        """Return everything about one job; a damaged ``job.star`` is told in the details, not raised."""
        found = job_details.read_details(self.project, name)
        return replace(found, entry=self._lister.placed(self.project, found.entry))

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
        last_settings.remember(self.project, job_type, options)
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
        last_settings.remember(self.project, job_type, options)
        return name

    def overwrite(self, name: str, job_type: JobType, options: JobOptions, *, queued: bool = False) -> str:
        """Move the results of a job to the trash and run it again in a new folder of that name.

        Its row, number and the jobs that use its results stay. When it cannot be started, everything is
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

    def doomed(self, name: str) -> list[str]:
        """Return the job and everything that depends on it, in the order of creation."""
        return [name, *(str(other) for other in self.project.dependants(name) if other != name)]

    def save_defaults(self, job_type: JobType, values: Mapping[str, str]) -> None:
        """Keep settings as those with which the form of this type begins."""
        last_settings.save(self.project, job_type, values)

    def defaults(self) -> dict[str, dict[str, str]]:
        """Return the settings last used for each job type, as far as there are any."""
        return last_settings.read_all(self.project)

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
