"""What a job has told, task by task: each task of a job has curves, figures and numbers of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs import registry
from jobs.core.figures import Figure


@dataclass
class TaskView:
    """What is known about one task.

    Attributes
    ----------
    name, title
        Short word, and text for people.
    records
        Its metrics, oldest first.
    figures
        Its pictures in numbers, by name.
    """

    name: str
    title: str
    records: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    @property
    def plots(self) -> list[Figure]:
        """Its curves and histograms, in the order of their names."""
        return [f for _, f in sorted(self.figures.items()) if f.kind != "maps"]

    @property
    def maps(self) -> Figure | None:
        """The figure that names its maps, None when it has none."""
        return next((f for f in self.figures.values() if f.kind == "maps"), None)


class TaskViews:
    """The tasks of the shown job, and which of them is looked at: the newest, unless another was chosen."""

    def __init__(self) -> None:
        self._views: dict[str, TaskView] = {}
        self._figures: dict[str, Figure] = {}
        self._chosen = ""
        self._newest = ""
        self._titles: dict[str, str] = {}
        self._same: dict[str, str] = {}

    def set_type(self, key: str | None) -> None:
        """Name tasks as the job type does; unfinished work that is taken up belongs to the main task."""
        self._titles, self._same = {}, {}
        if key is not None:
            job_type = registry.job_type(key)
            self._titles = {task.name: task.label for task in job_type.tasks}
            self._same = {task.name: job_type.main_task.name for task in job_type.tasks if task.resumes}
        for view in self._views.values():
            view.title = self._titles.get(view.name, view.title)

    def clear(self) -> None:
        """Forget everything."""
        self._views, self._figures = {}, {}
        self._chosen = self._newest = ""

    def add(self, records: Iterable[dict[str, Any]], figures: Mapping[str, Figure]) -> None:
        """Take up what is new; a task that begins is looked at."""
        for record in records:
            name = str(record.get("task") or "")
            name = self._same.get(name, name)
            if name not in self._views:
                title = self._titles.get(name) or name[:1].upper() + name[1:]
                self._views[name] = TaskView(name, title)
            self._views[name].records.append(record)
            if name != self._newest:
                self._newest, self._chosen = name, ""
        self._figures.update(figures)
        for key, figure in self._figures.items():
            if (view := self._views.get(figure.task)) is not None:
                view.figures[key] = figure

    def choose(self, name: str) -> None:
        """Look at a task."""
        self._chosen = name if name in self._views else ""

    @property
    def all(self) -> list[TaskView]:
        """All tasks that told something, in the order in which they began."""
        return list(self._views.values())

    @property
    def current(self) -> TaskView:
        """The task that is looked at; an empty one before anything was told."""
        return self._views.get(self._chosen or self._newest) or TaskView("", "")
