"""Which number and directory a new job gets; to be asked under the project's lock only."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from app.project.graph import Graph
from app.project.nodes import refuse_none
from jobs.core.errors import UserError
from jobs.core.relion_star import write_error


def job_name(directory: str, number: int) -> str:
    """Return the name of a job, ``DynaMight/job034/``: at least three digits."""
    return f"{directory}/job{number:03d}/"


def check_directory(directory: str) -> None:
    """Refuse a type directory that cannot hold jobs.

    Raises
    ------
    UserError
        When the name is empty, hidden, taken by the program, or holds what RELION cannot keep.
    """
    refuse_none(directory)
    if (
        not directory
        or directory.startswith(".")
        or directory == "Trash"
        or set(directory) & set("/\\ \t\"'")
    ):
        raise UserError(f"'{directory}' cannot be the directory of a job type")


def take_number(project_dir: Path, graph: Graph) -> int:
    """Return the number of the next job.

    It is the project's counter, moved on while that number is in use: another program may have made a job
    directory and died before entering it, or the project file may be an old copy.
    """
    used = {process.number for process in graph.processes[-200:]}
    number = max(1, graph.counter)
    if number in used:
        number = max(process.number for process in graph.processes) + 1
    folders = _type_directories(project_dir)
    while any(os.path.lexists(folder / f"job{number:03d}") for folder in folders):
        number += 1
    return number


def _type_directories(project_dir: Path) -> list[Path]:
    """Return the directories jobs lie in, also those of the trash."""
    folders: list[Path] = []
    for place in (project_dir, project_dir / "Trash"):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            folders += [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    return folders


class NewDirectory:
    """The directory of a new job, which vanishes again unless it is kept.

    Raises
    ------
    UserError
        When it cannot be made.
    """

    def __init__(self, project_dir: Path, name: str) -> None:
        self.path = project_dir / name
        self._made_parent = not self.path.parent.exists()
        try:
            self.path.parent.mkdir(exist_ok=True)
            self.path.mkdir()
        except OSError as error:
            raise write_error(error, self.path) from error

    def discard(self) -> None:
        """Remove the directory, as if the job had never been."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._made_parent:
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()
