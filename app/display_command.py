"""The command ``display FILE …``: maps, images, tables, curves and texts, each in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import is_project
from jobs.core.errors import UserError


@dataclass(frozen=True)
class DisplayRequest:
    """Files to be shown, and the project whose names of images count."""

    files: tuple[Path, ...]
    project_dir: Path | None


def display_request(words: Sequence[str]) -> DisplayRequest:
    """Return what a command line wants to see.

    Raises
    ------
    UserError
        When a file does not exist, or the usage is wrong.
    """
    parser = Parser(
        prog="heteroscope display",
        description="Show maps, image stacks, STAR files, curves, logs, pictures and pages.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="what is shown")
    parser.add_argument("--project", type=Path, help="project folder [found from the file]")
    given = parser.read(words)
    files = tuple(path.expanduser().absolute() for path in given.files)
    for path in files:
        if not path.is_file():
            raise UserError("there is no such file", path=path)
    project = given.project.absolute() if given.project is not None else _project_of(files[0])
    return DisplayRequest(files, project)


def _project_of(path: Path) -> Path | None:
    return next((folder for folder in path.parents if is_project(folder)), None)
