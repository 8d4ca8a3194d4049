"""Checks that every job type gets for nothing: needed values, files that exist, earlier results."""

from __future__ import annotations

import fnmatch
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from jobs.core.additional import read_additional
from jobs.core.errors import Problem, UserError
from jobs.core.options import JobOptions, Kind, OptionSpec, gpu_words, split_paths
from jobs.core.tasks import CheckContext, Task

#: What a field that must not be empty needs, and what is done about it.
_NEEDED = {
    Kind.INPUT_NODE: ("a file", "Choose"),
    Kind.FILE: ("a file", "Choose"),
    Kind.FOLDER: ("a folder", "Choose"),
    Kind.INTEGER: ("a number", "Give"),
    Kind.NUMBER: ("a number", "Give"),
    Kind.CHOICE: ("a choice", "Make"),
}


def any_exists(folder: Path, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of these files (``*`` allowed in names) is in a folder."""
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


def missing_results(task: Task, context: CheckContext) -> list[Problem]:
    """Return the earlier results of the job that a task needs and that are not there."""
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


def device_problems(task: Task, declared: Iterable[OptionSpec], options: JobOptions) -> list[Problem]:
    """Return warnings where several GPUs are named for a task that uses one."""
    if task.many_devices or task.viewer:
        return []
    found = []
    for gpu in (d for d in declared if d.kind is Kind.GPU and d.name not in options.scheme_variables):
        text = str(getattr(options, gpu.name))
        words = gpu_words(text)
        if len(words) > 1 and all(word.isdecimal() for word in words):
            found.append(
                Problem(
                    f"{task.label} uses one GPU; of '{text.strip()}' it is GPU {words[0]}",
                    field=gpu.name,
                    severity="warning",
                )
            )
    return found


def additional_problems(task: Task, options: JobOptions) -> list[Problem]:
    """Return what is wrong with the additional arguments, which the worker would refuse."""
    try:
        read_additional(type(options), getattr(options, "other_args", ""), task.name)
    except UserError as error:
        return [Problem(error.message, field="other_args", hint=error.hint)]
    return []


def told_once(found: list[Problem], further: list[Problem], declared: Iterable[OptionSpec]) -> list[Problem]:
    """Return further problems without those of paths that lead nowhere, of which enough has been said."""
    paths = {d.name for d in declared if d.is_path}
    wrong = {p.field for p in found if p.severity == "error"} & paths
    return [problem for problem in further if problem.field not in wrong]


def field_problems(declared: OptionSpec, options: JobOptions, context: CheckContext) -> list[Problem]:
    """Return what is wrong with one active field by itself: empty, or a path that leads nowhere."""
    if declared.name in options.scheme_variables:
        return []
    value = getattr(options, declared.name)
    label = declared.label.rstrip(":")
    if declared.required and value in ("", None):
        what, verb = _NEEDED.get(declared.kind, ("a value", "Give"))
        return [Problem(f"{label} is empty, {what} is needed", field=declared.name, hint=f"{verb} one")]
    if not declared.is_path or not value:
        return []
    paths = split_paths(str(value)) if declared.multiple else [str(value)]
    return [problem for path in paths for problem in _path_problems(declared, path, context)]


def _path_problems(declared: OptionSpec, value: str, context: CheckContext) -> list[Problem]:
    """Return what is wrong with one path of a field."""
    label = declared.label.rstrip(":")
    path = context.resolve(value)
    if declared.multiple and any(sign in path.name for sign in "*?[") and _exists(path.parent, path.name):
        return []
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
