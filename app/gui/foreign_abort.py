"""Asking a job of another program to stop as RELION's programs understand it: by a file in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.dialogs.question import Answer
from app.project.completion import ABORT_FILE, status_on_disk
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

ANSWERS = [Answer("abort", "Ask it to stop", danger=True), Answer("", "Let it run", default=True)]


def question(name: str) -> tuple[str, str]:
    """Return title and text of the question."""
    return (
        f"Ask {name.rstrip('/')} to stop?",
        "Another program runs this job. RELION's programs look for such a request (the file "
        f"{ABORT_FILE} in the job's folder) between their steps, which can take minutes, and then end by "
        "themselves. A program that does not know it goes on; it is never ended by force from here.",
    )


def asked_sentence(name: str) -> str:
    """Return what is said once the file is there."""
    return f"{name.rstrip('/')} was asked to stop; it ends when its program looks for the request."


def ask_to_stop(project_dir: Path, name: str) -> None:
    """Leave the request in the job's folder.

    Raises
    ------
    UserError
        When the job is over already, or its folder cannot be written to.
    """
    if status_on_disk(project_dir, name):
        raise UserError(f"{name.rstrip('/')} has ended already")
    try:
        JobFolder(project_dir, name).request_abort()
    except OSError as error:
        raise UserError(
            f"{name.rstrip('/')} cannot be asked to stop ({error.strerror or error})",
            path=project_dir / name / ABORT_FILE,
            hint="Stop it in the program that runs it",
        ) from error


def is_asked(folder: Path) -> bool:
    """Tell whether the job in this folder was asked to stop."""
    return (folder / ABORT_FILE).exists()


def carry_out(window: MainWindow, name: str) -> None:
    """Ask the job to stop, beside the window, and say so."""
    project_dir = window.project_path
    if project_dir is None:
        return

    def done(_none: object) -> None:
        window.tell(asked_sentence(name))
        if window.wanted == name:
            window.load(name, keep_fields=True)

    window.bridge.submit(lambda: ask_to_stop(project_dir, name), done, window.complain_of)
