"""The note of the shown job: shown, written when its editor asks for it, and marked as saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.gui.news import JobDetails

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class ShownNote:
    """Knows whose note stands in the editor, and what was in the file.

    Parameters
    ----------
    window
        The window with the editor.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._job = ""
        self._text = ""

    def show(self, details: JobDetails | None) -> None:
        """Show the note of a job, or none."""
        editor = self._window.note
        job, text = (details.entry.name, details.note) if details is not None else ("", "")
        editor.set_text(text, other_job=job != self._job)
        self._job, self._text = job, text
        editor.set_read_only(details is None or self._window.readonly)

    def save(self, text: str) -> None:
        """Write the note of the shown job."""
        self._window.job_commands.save_note(self._job, self._text, text)

    def saved(self, job: str, text: str) -> None:
        """The note of a job was written."""
        if job == self._job:
            self._text = text
            self._window.note.mark_saved(text)
