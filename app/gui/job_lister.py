"""The jobs of the open project as the lists show them, gathered without looking at each again and again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.gui import job_details
from app.gui.flowchart_maker import FlowchartMaker
from app.gui.news import JobEntry
from app.project.graph import Process
from app.project.project import Project
from app.runner import launch
from app.runner.devices import slot_words
from app.runner.queue import read_entries


class JobLister:
    """Knows what the lists showed last, and what has changed since; made anew for each project."""

    def __init__(self) -> None:
        self._entries: tuple[JobEntry, ...] | None = None  # None: the window has to be told all
        self._known: dict[str, tuple[Process, JobEntry]] = {}
        self.flowchart = FlowchartMaker()

    @property
    def entries(self) -> tuple[JobEntry, ...]:
        """The entries told last."""
        return self._entries or ()

    def tell_again(self) -> None:
        """Let the next look tell all, even when nothing has changed."""
        self._entries = None

    def changed(self, project: Project) -> tuple[JobEntry, ...] | None:
        """Return the entries of all jobs, None when they are as they were told last."""
        places = _places(project)
        entries = tuple(
            _with_place(self._entry(project, process), places) for process in project.pipeline.processes
        )
        entries = self.flowchart.tagged(project, entries)
        if entries == self._entries:
            return None
        self._entries = entries
        return entries

    def placed(self, project: Project, entry: JobEntry) -> JobEntry:
        """Return an entry with its place in the queue, if it waits there."""
        return _with_place(entry, _places(project))

    def _entry(self, project: Project, process: Process) -> JobEntry:
        """Return the entry of a job; only those that changed or run are looked at again."""
        known = self._known.get(process.name)
        if known is not None and known[0] == process and not (known[1].ours and process.status == "Running"):
            return known[1]
        entry = job_details.entry_of(Path(project.path), process)
        self._known[process.name] = (process, entry)
        return entry


def _with_place(entry: JobEntry, places: dict[str, tuple[int, str]]) -> JobEntry:
    if entry.name not in places or entry.status != launch.SCHEDULED:
        return entry
    place, device = places[entry.name]
    return replace(entry, place=place, device=device)


def _places(project: Project) -> dict[str, tuple[int, str]]:
    """Return place and device of the jobs in the queue; each device has a row of its own."""
    found: dict[str, tuple[int, str]] = {}
    lengths: dict[str, int] = {}
    for entry in read_entries(Path(project.path)):
        lengths[entry.slot] = lengths.get(entry.slot, 0) + 1
        found[entry.job] = (lengths[entry.slot], slot_words(entry.slot))
    return found
