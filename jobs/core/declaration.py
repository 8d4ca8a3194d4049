"""How a job type is declared: its options, tasks, nodes and checks, each said once.

The parts live in :mod:`jobs.core.options` (one option), :mod:`jobs.core.values` (RELION's words),
:mod:`jobs.core.cli_options` (command lines) and :mod:`jobs.core.running` (the Running tab);
this module adds the job type itself and is the one to import from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.cli_options import add_arguments, from_arguments, to_arguments
from jobs.core.common_checks import (
    additional_problems,
    any_exists,
    device_problems,
    field_problems,
    missing_results,
    told_once,
)
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
from jobs.core.tasks import CheckContext, NodeSpec, Task
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
    captions
        Gives short texts to stand beside fields, by the names of the options: what a number means in other
        units, say. Called with options and context while the user types, beside the window.
    citation, methods
        What to cite, and a sentence for a methods section.
    result_files
        Files that hold the results, as ``(path inside the job, description)``.
    clean_gently, clean_harshly
        Patterns of paths inside the job (``*`` also stands for slashes) that cleaning moves to the trash once
        the job has succeeded: what nothing reads any more, and what can be made again at a cost.
    modes
        In which of RELION's modes the type is offered: single particles (``spa``), tomography (``tomo``).
    uses_torch
        False: the worker neither loads torch nor chooses a GPU.
    view
        Function that says what a viewer task is to show, as ``module:function``; called with options, job
        folder and project folder, gives a :class:`jobs.core.exploring.ViewRequest`.
    view_commands
        Commands of the original program that open its viewer, and the functions that turn their arguments
        into a :class:`jobs.core.exploring.ViewRequest`.
    settings_suffixes, settings_reader
        Endings of the settings files of the original program (``.yaml``), and the function that reads one, as
        ``module:function``: called with file and project folder, gives values by the names of the options as
        texts, and sentences about what was not taken up.
    shares_label
        True: RELION makes jobs of this label as well, with other options; ours are told by the record of
        their options. RELION's DynaMight jobs have the same options as ours, and are continued like them.
    constants
        Options of RELION's job type that have one value here and no field; written into ``job.star``.
    explorer
        Function that gives a :class:`jobs.core.latent.LatentSource` of a job, as ``module:function``; empty
        when its results have no latent space.
    tomograms
        Function that says where the particles of a job are in their tomograms, as ``module:function``; called
        with job folder, project folder and another file with places (or None), gives
        :class:`jobs.core.placing.Places` under the names of the explorer. Empty for single particles.
    classes
        Function that says where the 2D classes of a job are, as ``module:function``; called with job folder
        and project folder, gives pairs of a title and a class file (opened by
        ``jobs.formats.class_files:read_class_set``), the newest last. Empty when it makes no classes.
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
    captions: Callable[[Any, CheckContext], Mapping[str, str]] | None = None
    citation: str = ""
    methods: str = ""
    result_files: tuple[tuple[str, str], ...] = ()
    clean_gently: tuple[str, ...] = ()
    clean_harshly: tuple[str, ...] = ()
    modes: tuple[str, ...] = ("spa", "tomo")
    uses_torch: bool = True
    explorer: str = ""
    tomograms: str = ""
    classes: str = ""
    view: str = ""
    view_commands: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    settings_suffixes: tuple[str, ...] = ()
    settings_reader: str = ""
    shares_label: bool = False

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

    @property
    def rehearsals(self) -> tuple[Task, ...]:
        """The tasks that a new job can do in place of the main one."""
        return tuple(task for task in self.tasks if task.at_start)

    def task(self, name: str) -> Task:
        """Return the task of this name; KeyError when there is none."""
        for found in self.tasks:
            if found.name == name:
                return found
        raise KeyError(name)

    def task_for(self, options: JobOptions, is_continue: bool, job_dir: Path | None = None) -> Task:
        """Return the task that these options ask for.

        A new job does the main task, or a dry run whose switch is Yes. A continuation does the task
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
            rehearsed = (task for task in self.rehearsals if task.switch and getattr(options, task.switch))
            return next(rehearsed, self.main_task)
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
            if task.resumes and job_dir is not None and not any_exists(job_dir, task.unless):
                return task
        if not choices:
            raise UserError(
                f"This {self.title} job is complete and has nothing further to do", hint="Start a new job"
            )
        raise UserError("A task must be chosen to continue this job", hint=f"Set one of {choices} to Yes")

    def taken_up(self, task: Task, job_dir: Path) -> Task:
        """Return the task that goes on with an interrupted one: of the main one its resumption."""
        if task is not self.main_task:
            return task
        resuming = (other for other in self.tasks if other.resumes and not any_exists(job_dir, other.unless))
        return next(resuming, task)

    def is_enabled(self, declared: OptionSpec, options: JobOptions, is_continue: bool) -> bool:
        """Tell whether a field is active, given the other values."""
        if declared.enabled not in ("always", "continue" if is_continue else "new"):
            return False
        if not self.is_shown(declared, options):
            return False
        return not declared.when or bool(getattr(options, declared.when))

    @staticmethod
    def is_shown(declared: OptionSpec, options: JobOptions) -> bool:
        """Tell whether a field means anything, given the other values."""
        return declared.shown is None or declared.shown(options)

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
                found += field_problems(declared, options, context)
        try:
            task = self.task_for(options, context.is_continue, context.job_dir)
        except UserError as error:
            found.append(Problem(error.message, hint=error.hint))
        else:
            found += missing_results(task, context)
            found += device_problems(task, specs(self.options), options)
            found += additional_problems(task, options)
        further = [problem for check in self.checks for problem in check(options, context)]
        found += told_once(found, further, specs(self.options))
        found += environment_problems()
        return found
