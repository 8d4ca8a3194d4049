"""Which project and which job a command means, and paths as the project knows them."""

from __future__ import annotations

import os
from pathlib import Path

from app.cli_parser import did_you_mean
from app.project.project import OldProject, Project
from jobs.core.declaration import JobOptions, specs
from jobs.core.errors import UserError

#: RELION's mark of a project. The project file is none: every job directory holds a copy of it.
_MARK = ".gui_projectdir"


def is_project(folder: Path) -> bool:
    """Tell whether a folder is a RELION project."""
    return (folder / _MARK).exists()


def find_project(given: str | None, job: str = "") -> Path:
    """Return the project a command means.

    It is the one given; else the one that holds the job, if the job is given as a path; else the current
    folder or the nearest folder above it that is a project.
    """
    if given is not None:
        return Path(given)
    start = Path(job) if job and Path(job).is_dir() else Path.cwd()
    for folder in (start.resolve(), *start.resolve().parents):
        if is_project(folder):
            return folder
    return Path.cwd()


def open_project(given: str | None, job: str = "", *, look: bool = False) -> Project:
    """Open the project a command means.

    Parameters
    ----------
    given, job
        See :func:`find_project`.
    look
        True: nothing is to be changed, so a project of an older RELION will do.

    Raises
    ------
    UserError
        When it is none, and for everything :meth:`Project.open` refuses.
    """
    folder = find_project(given, job)
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist", hint=f"Make a project with: heteroscope init {folder}")
    if not is_project(folder):
        raise UserError(
            f"{folder} is not a RELION project",
            hint=f"Choose one with --project, or make one there with: heteroscope init {folder}",
        )
    try:
        return Project.open(folder)
    except OldProject:
        if look:
            return Project.open(folder, readonly=True)
        raise


def find_job(project: Project, text: str) -> str:
    """Return the name of a job that is given as name, alias, number, or path.

    Raises
    ------
    UserError
        When there is no such job, or a number or alias means several.
    """
    wanted = text.rstrip("/")
    root = Path(project.path).resolve()
    place = Path(os.path.abspath(wanted))  # noqa: PTH100 - resolve() would follow the link of an alias
    candidates = {wanted}
    for base in {root, Path(os.path.abspath(project.path))}:  # noqa: PTH100
        if place.is_relative_to(base):
            candidates.add(str(place.relative_to(base)))
    found = []
    for process in project.pipeline.processes:
        name, alias = process.name.rstrip("/"), process.alias.rstrip("/")
        last = name.rpartition("/")[2]
        words = {name, last, last.removeprefix("job"), last.removeprefix("job").lstrip("0")}
        if alias:
            words |= {alias, alias.rpartition("/")[2]}
        if candidates & (words - {""}):
            found.append(process.name)
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"'{text}' may be any of {', '.join(found)}", hint="Give the full name")
    names = [process.name for process in project.pipeline.processes]
    hint = did_you_mean(f"{wanted}/", names) or "heteroscope jobs lists them"
    raise UserError(f"The project {project.path} has no job {text}", hint=hint)


def in_project(options: JobOptions, project_dir: Path) -> JobOptions:
    """Return options whose paths are written as seen from the project.

    A path counts from the project, as in RELION. One that exists only as seen from the current folder, and an
    absolute one inside the project, are rewritten.
    """
    changed: dict[str, str] = {}
    root = project_dir.resolve()
    for declared in specs(type(options)):
        text = str(getattr(options, declared.name) or "")
        if not declared.is_path or not text or declared.name in options.scheme_variables:
            continue
        path = Path(text)
        if not path.is_absolute() and ((root / path).exists() or not path.exists()):
            continue
        full = Path(os.path.abspath(path))  # noqa: PTH100 - links inside the project stay as they are
        for base in (root, Path(os.path.abspath(project_dir))):  # noqa: PTH100
            if full.is_relative_to(base):
                full = full.relative_to(base)
                break
        if str(full) != text:
            changed[declared.name] = str(full)
    if not changed:
        return options
    return type(options)(**{**options.model_dump(), **changed})
