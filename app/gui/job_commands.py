"""What the Jobs and Job actions menus do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.gui import foreign_abort, last_settings
from app.gui.dialogs import forms
from app.gui.dialogs.question import CANCEL, Answer, ask
from app.gui.project_commands import ProjectCommands
from app.project.project import Project
from app.runner.queue_jobs import withdraw
from jobs.core.errors import UserError
from jobs.core.job_star import JobStar, write_job_star

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

_ALONE = Answer(
    "alone",
    "Delete this job only",
    danger=True,
    tip="The jobs that use its results stay, but their input files are gone until it comes back",
)


class JobCommands:
    """Handlers of the actions that concern jobs."""

    def __init__(self, window: MainWindow, project: ProjectCommands) -> None:
        self.window = window
        self._project = project

    # -- settings files ------------------------------------------------------------------------------------

    def save_job_star(self) -> None:
        """Save the settings shown to a file, and as the defaults of the type."""
        window, form = self.window, self.window.page.current_form
        if form is None:
            return
        text, _ = QFileDialog.getSaveFileName(
            window,
            "Save the settings",
            str((window.project_path or Path.home()) / "job.star"),
            "Settings (*.star)",
        )
        if not text:
            return
        job_type, values = form.job_type, form.values()

        def save() -> None:
            write_job_star(Path(text), JobStar(job_type.label, values=values))
            window.workplace.save_defaults(job_type, values)

        window.bridge.submit(
            save, lambda _none: window.tell(f"The settings were saved to {text}."), window.complain_of
        )

    def load_job_star(self) -> None:
        """Fill the form from a file."""
        window = self.window
        text, _ = QFileDialog.getOpenFileName(
            window,
            "Load settings",
            str(window.project_path or Path.home()),
            f"Settings ({last_settings.file_patterns()});;All files (*)",
        )
        if text:
            self.load_settings(Path(text))

    def load_settings(self, path: Path) -> None:
        """Fill the form of a new job from a settings file of ours or of the original program."""
        window = self.window

        def show(found: tuple[str, dict[str, str], list[str]]) -> None:
            key, values, remarks = found
            window.show_new(key, values)
            window.tell(f"The form holds the settings of {path.name}: look them over.")
            if remarks:
                window.message_bar.show_warning(f"{path.name}: {' '.join(remarks)}")

        window.bridge.submit(lambda: last_settings.load(path, window.project_path), show, window.complain_of)

    def order_alphabetically(self) -> None:
        """Sort the finished jobs by name."""
        self.window.jobs.set_order("alphabetical")

    def order_chronologically(self) -> None:
        """Show the newest finished job first."""
        self.window.jobs.set_order("chronological")

    def toggle_overwrite(self) -> None:
        """Let the start button overwrite the shown job, or not."""
        page = self.window.page
        if page.details is None or page.job_type is None:
            self.window.tell("Choose one of this program's jobs to overwrite it.")
            self.window.update_state()
            return
        page.set_overwrite(not page.overwrites)

    # -- the shown job -------------------------------------------------------------------------------------

    def _name(self) -> str:
        details = self.window.page.details
        if details is None:
            raise UserError("No job is shown", hint="Choose one in the lists")
        return details.entry.name

    def edit_note(self) -> None:
        """Go to the note of the job."""
        self.window.panes.reveal("note")
        self.window.note.text.setFocus()

    def save_note(self, name: str, loaded: str, text: str) -> None:
        """Write a note, unless another program extended it meanwhile."""
        window = self.window

        def failed(error: Exception) -> None:
            window.complain_of(error)

        window.bridge.submit(
            lambda: window.workplace.write_note(name, loaded, text),
            lambda written: window.shown_note.saved(name, written),
            failed,
        )

    def set_alias(self) -> None:
        """Ask for another name of the job."""
        window, name = self.window, self._name()
        details = window.page.details
        alias = forms.ask_line(
            window,
            f"Alias of {name.rstrip('/')}",
            "A name shown in place of the number. Leave it empty to remove it.",
            details.entry.alias if details is not None else "",
            check_alias,
        )
        if alias is not None:
            self._project.change(
                lambda project: project.set_alias(name, alias.strip()), lambda: window.select(name)
            )

    def abort(self) -> None:
        """Ask the job to stop, after a question; one that only waits leaves the queue."""
        window, name = self.window, self._name()
        grace = window.settings.grace_s
        details = window.page.details
        if details is not None and details.entry.place:
            # nothing is lost by it, so nothing is asked
            window.bridge.submit(
                lambda: window.workplace.abort(name, grace),
                lambda _none: window.tell(f"{name} was taken out of the queue; it stays scheduled."),
                window.complain_of,
            )
            return
        if details is not None and details.entry.queued:
            self._take_out(name, details.entry.where)
            return
        if details is not None and details.type_key is None:
            if ask(window, *foreign_abort.question(name), foreign_abort.ANSWERS):
                foreign_abort.carry_out(window, name)
            return
        answer = ask(
            window,
            f"Abort {name.rstrip('/')}?",
            f"The job is asked to stop. If it runs on this computer and has not stopped after {grace:.0f} s, "
            "it is ended by force. What it has saved stays, and it can be continued from there.",
            [Answer("abort", "Abort the job", danger=True), Answer("", "Let it run", default=True)],
        )
        if answer:
            window.bridge.submit(
                lambda: window.workplace.abort(name, grace),
                lambda _none: window.tell(f"{name} was asked to stop."),
                window.complain_of,
            )

    def _take_out(self, name: str, where: str) -> None:
        """Cancel a job that waits in a cluster's queue, after a question."""
        window = self.window
        answer = ask(
            window,
            f"Take {name.rstrip('/')} out of the queue?",
            f"{where}. It loses its place there, and can be started again.",
            [Answer("abort", "Take it out", danger=True), Answer("", "Let it wait", default=True)],
        )
        if answer:
            window.bridge.submit(
                lambda: window.workplace.abort(name, window.settings.grace_s),
                lambda _none: window.tell(f"{name} is being taken out of the queue."),
                window.complain_of,
            )

    def mark_finished(self) -> None:
        """Enter the job as succeeded."""
        self._mark("finished")

    def mark_failed(self) -> None:
        """Enter the job as failed."""
        self._mark("failed")

    def _mark(self, word: str) -> None:
        window, name = self.window, self._name()
        details = window.page.details
        if details is not None and details.entry.status == "Running":
            answer = ask(
                window,
                f"Mark {name.rstrip('/')} as {word}?",
                "The project lists it as running. This only changes the list; a process that is still at "
                "work is not stopped by it.",
                [Answer("mark", f"Mark as {word}", danger=True), CANCEL],
            )
            if not answer:
                return
        self._project.change(
            lambda project: project.mark_finished(name) if word == "finished" else project.mark_failed(name),
            lambda: window.select(name),
        )

    def clone(self) -> None:
        """Take over the settings of the job into a new one."""
        page = self.window.page
        if page.details is not None and page.job_type is not None:
            self.window.show_new(page.job_type.key, dict(page.details.values))

    def delete(self) -> None:
        """Move the job and everything that depends on it to the trash, after a question that lists them."""
        window, name = self.window, self._name()

        def confirm(names: list[str]) -> None:
            known = [window.entries[n] for n in names if n in window.entries]
            running = [entry.name for entry in known if entry.status == "Running" and not entry.queued]
            queued = [entry.name.rstrip("/") for entry in known if entry.queued]
            if running:
                window.complain(f"{', '.join(running)} would be deleted too, but is running. Abort it first.")
                return
            shown = [self._line(n) for n in names]
            more = len(names) - 1
            text = "The job moves to the trash, from where it can be brought back."
            if more:
                text = (
                    f"{name.rstrip('/')} and {more} {'job that uses' if more == 1 else 'jobs that use'} "
                    "its results move to the trash, from where they can be brought back."
                )
            if queued:
                are = "is" if len(queued) == 1 else "are"
                text += f" {', '.join(queued)} {are} taken out of the queue first."
            answer = ask(
                window,
                f"Delete {name.rstrip('/')}?",
                text,
                [
                    Answer("delete", "Delete" if not more else f"Delete {len(names)} jobs", danger=True),
                    *([_ALONE] if more else []),
                    CANCEL,
                ],
                items=shown,
            )
            gone = names[:1] if answer == "alone" else names
            if answer:
                self._project.change(
                    lambda project: _delete(project, gone, dependants=answer == "delete"),
                    lambda: self._gone(gone),
                )

        window.bridge.submit(lambda: window.workplace.doomed(name), confirm, window.complain_of)

    def _line(self, name: str) -> str:
        entry = self.window.entries.get(name)
        return f"{entry.shown}   {entry.title}, {entry.status.lower()}" if entry is not None else name

    def _gone(self, names: list[str]) -> None:
        self.window.job_gone(names)
        self.window.housekeeping.deletion.remember(names)

    def open_folder(self) -> None:
        """Show the job's files in the file manager of the desktop."""
        details = self.window.page.details
        if details is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(details.folder))):
            self.window.tell(f"The files are in {details.folder}.")


def _delete(project: Project, names: list[str], *, dependants: bool) -> object:
    withdraw(project, names)
    return project.delete(names, dependants=dependants)


def check_alias(text: str) -> str:
    """Return what is wrong with an alias, or nothing; RELION's rules."""
    text = text.strip()
    if not text:
        return ""
    if len(text) < 2:
        return "At least two characters are needed."
    if text.startswith("job"):
        return "An alias must not begin with “job”, which names the folders."
    if "None" in text:
        return "RELION stumbles over names that contain “None”."
    wrong = sorted(set(text) & set('*?()/"\\|#<>&%{}$'))
    return f"These characters cannot be used: {' '.join(wrong)}" if wrong else ""
