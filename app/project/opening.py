"""Opening and making a project: what a directory must hold, and what is said when it does not."""

from __future__ import annotations

import os
from pathlib import Path

from app.project.lock import ProjectLock
from app.project.pipeline_file import PIPELINE_FILE, PipelineFile
from app.project.pipeline_star import Pipeline, format_pipeline
from app.project.recovery import damaged, job_directories
from app.project.upgrade import keep_copy
from jobs.core.errors import FormatError, UserError
from jobs.core.relion_star import replace_text, write_error

MARKER = ".gui_projectdir"


class NotAProject(UserError):
    """The directory is no project (yet)."""


def check_folder(folder: Path, *, readonly: bool) -> None:
    """Make sure that a directory can be opened as a project.

    Raises
    ------
    NotAProject
        When it lacks RELION's marker file (read-only: the project file will do).
    UserError
        When it does not exist or cannot be read.
    """
    try:
        names = set(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except FileNotFoundError:
        raise UserError(
            "The folder does not exist", path=folder, hint="Check the name, or create the project there"
        ) from None
    except NotADirectoryError:
        raise UserError("This is a file, a project is a folder", path=folder) from None
    except OSError as error:
        raise UserError(
            f"The folder cannot be read ({error.strerror})", path=folder, hint="Check its permissions"
        ) from error
    if MARKER not in names and not (readonly and PIPELINE_FILE in names):
        raise NotAProject(
            "This folder is not a RELION project",
            path=folder,
            hint="Create a project there; files that are in it already stay untouched",
        )


def make_project(folder: Path) -> None:
    """Make a directory a project; a project that is there already is left as it is.

    Raises
    ------
    UserError
        When nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ProjectLock(folder, "new project"):
            pipeline = folder / PIPELINE_FILE
            if not pipeline.exists() and next(job_directories(folder), None) is None:
                replace_text(pipeline, format_pipeline(Pipeline()))
        # RELION's sign of a project comes last: half a project is none
        (folder / MARKER).touch()
    except FileExistsError:
        raise UserError("This is a file, a project is a folder", path=folder) from None
    except OSError as error:
        raise write_error(error, folder) from error


def start_file(file: PipelineFile, folder: Path, *, readonly: bool) -> None:
    """Read the project file; a project without jobs may lack it.

    Raises
    ------
    PipelineDamaged
        When it is damaged, or missing although there are jobs.
    """
    if file.path.exists():
        file.load()
        return
    if next(job_directories(folder), None) is not None:
        raise damaged(folder, FormatError("it is missing, although there are job directories"))
    if not readonly:
        with ProjectLock(folder, "new project file"):
            if not file.path.exists():
                file.save()
        file.load()


def upgrade_file(file: PipelineFile, folder: Path) -> Path:
    """Write an old project's file in RELION 5's form; returns the copy that was kept.

    Raises
    ------
    UserError
        When nothing can be written.
    """
    with ProjectLock(folder, f"upgrading from RELION {file.old_version}") as lock:
        file.read_locked()
        copy = keep_copy(file.path, f"relion{file.old_version}")
        lock.require()
        file.old_version = ""
        file.save()
    return copy
