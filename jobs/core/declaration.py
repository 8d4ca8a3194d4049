"""How a job type is declared: its options, tasks, nodes and checks, each said once.

The parts live in :mod:`jobs.core.options` (one option), :mod:`jobs.core.values` (RELION's words),
:mod:`jobs.core.cli_options` (command lines) and :mod:`jobs.core.running` (the Running tab);
this module adds the job type itself and is the one to import from.
"""

from __future__ import annotations

import fnmatch
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.cli_options import add_arguments, from_arguments, to_arguments
from jobs.core.errors import Problem, UserError
from jobs.core.options import (
    RUNNING_TAB,
    JobOptions,
    Kind,
    OptionSpec,
    OptionValue,
    option,
    spec,
    specs,
    tabs,
)
from jobs.core.running import RunningOptions, environment_problems
from jobs.core.values import from_text, from_values, to_text, to_values

__all__ = [
    "RUNNING_TAB",
    "Check",
    "CheckContext",
    "JobOptions",
    "JobType",
    "Kind",
    "NodeSpec",
    "OptionSpec",
    "OptionValue",
    "RunningOptions",
    "Task",
    "add_arguments",
    "from_arguments",
    "from_text",
    "from_values",
    "option",
    "spec",
    "specs",
    "tabs",
    "to_arguments",
    "to_text",
    "to_values",
]


@dataclass(frozen=True)
class NodeSpec:
    """A result that a task registers in the project: path inside the job, and node label."""

    path: str
    label: str


@dataclass(frozen=True)
class Task:
    """One thing a job of this type can do.

    Attributes
    ----------
    name, label
        Short word, and text for buttons and menus.
    switch
        Yes/no option that chooses the task on Continue!; None for the task of Run! and for
        the one that takes up unfinished work.
    worker
        Function to call, as ``module:function``; imported by the worker process only.
    outputs
        Nodes registered when the task starts.
    requires
        Files (relative to the job, ``*`` allowed) that must exist, each of them.
    resumes
        True: chosen on Continue! when no switch is on and none of ``unless`` exists.
    unless
        Files (relative to the job) that show the main task has been completed.
    viewer
        True: opens a view instead of starting a worker.
    """

    name: str
    label: str
    switch: str | None
    worker: str
    outputs: tuple[NodeSpec, ...] = ()
    requires: tuple[str, ...] = ()
    resumes: bool = False
    unless: tuple[str, ...] = ()
    viewer: bool = False


@dataclass(frozen=True)
class CheckContext:
    """Where and when options are checked.

    Attributes
    ----------
    project_dir
        Folder to which paths in the options are relative.
    is_continue
        True when a job is continued.
    job_dir
        Folder of the job that is continued, None for a new one.
    """

    project_dir: Path
    is_continue: bool = False
    job_dir: Path | None = None

    def resolve(self, path: str) -> Path:
        """Return the absolute place of a path from the options."""
        return self.project_dir / path


#: A check across fields: options and context to problems.
Check = Callable[[Any, CheckContext], list[Problem]]


@dataclass(frozen=True)
class JobType:
    """The declaration of a job type; everything the program knows about it.

    Attributes
    ----------
    key
        Word on the command line.
    label, directory
        RELION type label and directory of its jobs.
    title, summary
        Name in the list of job types, and one sentence.
    options
        The model of its options.
    tasks
        What Run! and Continue! can do; the first without a switch is the main task.
    module
        Package with a ``__main__`` for the worker process.
    checks
        Checks across fields, cheap enough to run while the user types.
    citation, methods
        What to cite, and a sentence for a methods section.
    result_files
        Files that hold the results, as ``(path inside the job, description)``.
    uses_torch
        False: the worker neither loads torch nor chooses a GPU.
    """

    key: str
    label: str
    directory: str
    title: str
    summary: str
    options: type[JobOptions]
    tasks: tuple[Task, ...]
    module: str
    checks: tuple[Check, ...] = ()
    citation: str = ""
    methods: str = ""
    result_files: tuple[tuple[str, str], ...] = ()
    uses_torch: bool = True

    def __post_init__(self) -> None:
        declared = {d.name: d for d in specs(self.options)}
        switches = [task.switch for task in self.tasks if task.switch]
        for name in [*switches, *(d.when for d in declared.values() if d.when)]:
            if name not in declared or declared[name].kind is not Kind.YESNO:
                raise TypeError(f"job type {self.key}: '{name}' is not a yes/no option")
        if not any(task.switch is None and not task.resumes for task in self.tasks):
            raise TypeError(f"job type {self.key} has no main task")

    @property
    def main_task(self) -> Task:
        """The task of Run!."""
        return next(task for task in self.tasks if task.switch is None and not task.resumes)

    def task(self, name: str) -> Task:
        """Return the task of this name; KeyError when there is none."""
        for found in self.tasks:
            if found.name == name:
                return found
        raise KeyError(name)

    def task_for(self, options: JobOptions, is_continue: bool, job_dir: Path | None = None) -> Task:
        """Return the task that these options ask for.

        A new job does the main task, whatever the switches say. A continuation does the task
        whose switch is Yes, or takes up unfinished work when none is.

        Parameters
        ----------
        options
            The options.
        is_continue
            Whether an existing job is continued.
        job_dir
            Folder of that job, to see whether its main task was completed.

        Raises
        ------
        UserError
            When no task, or more than one, is chosen.
        """
        if not is_continue:
            return self.main_task
        chosen = [task for task in self.tasks if task.switch and getattr(options, task.switch)]
        if len(chosen) == 1:
            return chosen[0]
        labels = {d.name: d.label.rstrip(":") for d in specs(self.options)}
        choices = ", ".join(f"'{labels[task.switch]}'" for task in self.tasks if task.switch)
        if chosen:
            names = " and ".join(f"'{labels[task.switch]}'" for task in chosen if task.switch)
            raise UserError(
                f"Only one task can run at a time, but {names} are all Yes",
                hint="Set all but one of them to No",
            )
        for task in self.tasks:
            if task.resumes and job_dir is not None and not _any_exists(job_dir, task.unless):
                return task
        if not choices:
            raise UserError(
                f"This {self.title} job is complete and has nothing further to do", hint="Start a new job"
            )
        raise UserError("A task must be chosen to continue this job", hint=f"Set one of {choices} to Yes")

    def is_enabled(self, declared: OptionSpec, options: JobOptions, is_continue: bool) -> bool:
        """Tell whether a field is active, given the other values."""
        if declared.enabled not in ("always", "continue" if is_continue else "new"):
            return False
        return not declared.when or bool(getattr(options, declared.when))

    def input_nodes(self, options: JobOptions) -> list[tuple[str, str]]:
        """Return ``(path, node label)`` of every input node that is given."""
        found = []
        for declared in specs(self.options):
            value = getattr(options, declared.name)
            if declared.kind is Kind.INPUT_NODE and value and declared.name not in options.scheme_variables:
                found.append((str(value), declared.node_labels[0] if declared.node_labels else ""))
        return found

    def problems(self, options: JobOptions, context: CheckContext) -> list[Problem]:
        """Return everything that is wrong or doubtful with these options.

        Existence of files and the choice of a task are checked here for every job type; then
        come the type's own checks. Only active fields are looked at.
        """
        found: list[Problem] = []
        for declared in specs(self.options):
            if self.is_enabled(declared, options, context.is_continue):
                found += _field_problems(declared, options, context)
        try:
            task = self.task_for(options, context.is_continue, context.job_dir)
        except UserError as error:
            found.append(Problem(error.message, hint=error.hint))
        else:
            found += _missing_results(task, context)
        for check in self.checks:
            found += check(options, context)
        found += environment_problems()
        return found


def _any_exists(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(_exists(folder, pattern) for pattern in patterns)


def _exists(folder: Path, pattern: str) -> bool:
    path = folder / pattern
    if not any(sign in path.name for sign in "*?["):
        return path.exists()
    try:
        return any(fnmatch.fnmatch(entry.name, path.name) for entry in path.parent.iterdir())
    except OSError:
        return False


def _is_installed(worker: str) -> bool:
    module = worker.partition(":")[0]
    try:
        return not module or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The package of the job type itself is elsewhere; the worker will say what is wrong.
        return True


def _missing_results(task: Task, context: CheckContext) -> list[Problem]:
    if not context.is_continue or context.job_dir is None:
        return []
    if task.switch and not _is_installed(task.worker):
        return [Problem(f"{task.label} is not part of this version", task.switch, "Set it to No")]
    missing = [path for path in task.requires if not _exists(context.job_dir, path)]
    return [
        Problem(
            f"{task.label} needs {path} of this job, which does not exist",
            field=task.switch,
            hint="Run the task that makes it first",
        )
        for path in missing
    ]


def _field_problems(declared: OptionSpec, options: JobOptions, context: CheckContext) -> list[Problem]:
    if declared.name in options.scheme_variables:
        return []
    value = getattr(options, declared.name)
    label = declared.label.rstrip(":")
    if declared.required and value in ("", None):
        what = "a file" if declared.is_path else "a value"
        return [Problem(f"{label} is empty, {what} is needed", field=declared.name, hint="Choose one")]
    if not declared.is_path or not value:
        return []
    path = context.resolve(str(value))
    kind, present = ("folder", path.is_dir()) if declared.kind is Kind.FOLDER else ("file", path.is_file())
    if present:
        return []
    if path.exists():
        return [Problem(f"{label}: {value} is not a {kind}", field=declared.name, hint=f"Choose a {kind}")]
    return [
        Problem(
            f"{label}: {value} does not exist",
            field=declared.name,
            hint=f"Choose an existing {kind}; paths are relative to the project {context.project_dir}",
        )
    ]
