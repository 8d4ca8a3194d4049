"""A deletion that was not meant: one key, or one button of the message, brings the jobs back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.gui.project_commands import ProjectCommands
from app.project.project import Project

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

_ABOUT = "deletion"


class DeletionUndo:
    """Remembers which jobs were deleted last in this window.

    Parameters
    ----------
    window
        The window.
    project
        What changes its project.
    """

    def __init__(self, window: MainWindow, project: ProjectCommands) -> None:
        self._window, self._project = window, project
        self.names: tuple[str, ...] = ()

    def remember(self, names: Sequence[str]) -> None:
        """Say that jobs were deleted, with a button that undoes it."""
        self.forget()
        self.names = tuple(names)
        if not names:
            return
        first = names[0].rstrip("/")
        what = f"{first} was" if len(names) == 1 else f"{first} and {len(names) - 1} more were"
        self._window.message_bar.show_success(
            f"{what} moved to the trash.", "Undo", self._window.housekeeping.undo_delete, about=_ABOUT
        )
        self._window.update_state()

    def forget(self) -> None:
        """Undo nothing any more."""
        self.names = ()
        self._window.message_bar.forget(_ABOUT)

    def undo(self) -> None:
        """Bring the jobs back and show the first of them."""
        window, names = self._window, self.names
        if not names:
            return
        self.forget()
        window.update_state()

        def back(project: Project) -> object:
            return project.undelete(project.path / "Trash" / names[0])

        def done() -> None:
            window.tell(f"{len(names)} {'job is' if len(names) == 1 else 'jobs are'} back.")
            window.select(names[0])

        self._project.change(back, done)
