"""What the File menu does: opening, creating and keeping a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu

import resources
from app import __version__
from app.gui import help_topics
from app.gui.demo_guide import DemoGuide
from app.gui.dialogs import forms, troubles
from app.gui.selftest_window import SelfTestWindow
from app.project.lock import LockedError, LockInfo, break_lock, lock_info
from app.project.project import NotAProject, OldProject, PipelineDamaged, Project
from jobs.core.errors import UserError

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow
    from app.gui.workplace import Opened


class ProjectCommands:
    """Handlers of the actions that concern the project as a whole."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    # -- opening -------------------------------------------------------------------------------------------

    def new_project(self) -> None:
        """Ask for a folder and start a project in it."""
        if folder := self._ask_folder("Folder of the new project"):
            self.create(folder)

    def open_project(self) -> None:
        """Ask for a folder and open the project in it."""
        if folder := self._ask_folder("Open a RELION project"):
            self.open(folder)

    def _ask_folder(self, title: str) -> Path | None:
        start = self.window.project_path or Path.home()
        text = QFileDialog.getExistingDirectory(self.window, title, str(start))
        return Path(text) if text else None

    def create(self, path: Path) -> None:
        """Start a project in a folder."""
        place = self.window.workplace
        self.window.bridge.submit(
            lambda: place.create(path), self._opened, lambda e: self._not_opened(path, e)
        )

    def open(self, path: Path, *, readonly: bool = False, upgrade: bool = False) -> None:
        """Open a project; whatever stands in the way is asked about."""
        place = self.window.workplace
        self.window.tell(f"Opening {path} …")
        self.window.bridge.submit(
            lambda: place.open(path, readonly=readonly, upgrade=upgrade),
            self._opened,
            lambda error: self._not_opened(path, error),
        )

    def _opened(self, opened: Opened) -> None:
        self.window.project_opened(opened)

    def _not_opened(self, path: Path, error: Exception) -> None:
        window = self.window
        window.tell("")
        if isinstance(error, NotAProject) and path.is_dir():
            if troubles.ask_to_create(window, path):
                self.create(path)
        elif isinstance(error, LockedError):
            self._locked(path, lambda: self.open(path), opening=True)
        elif isinstance(error, PipelineDamaged):
            self._damaged(path, error)
        elif isinstance(error, OldProject):
            answer = troubles.ask_about_old(window, path, str(error))
            if answer:
                self.open(path, readonly=answer == "readonly", upgrade=answer == "upgrade")
        else:
            window.complain(f"{path} could not be opened. {plain(error)}")

    def _damaged(self, path: Path, error: PipelineDamaged) -> None:
        backups = list(error.backups)
        if troubles.ask_about_damage(self.window, path, str(error), backups) == "restore":
            place = self.window.workplace
            self.window.bridge.submit(
                lambda: place.restore(path, backups[0]), self._opened, lambda e: self._not_opened(path, e)
            )

    def _locked(self, path: Path, again: Callable[[], None], *, opening: bool) -> None:
        """Look at the lock beside the window's thread, then ask."""

        def decide(lock: LockInfo | None) -> None:
            if lock is None:
                again()  # it was released in the meantime
                return
            answer = troubles.ask_about_lock(self.window, path, lock, opening=opening)
            if answer == "wait":
                again()
            elif answer == "readonly":
                self.open(path, readonly=True)
            elif answer == "remove":
                # the watch lane does it, because the project lane may be waiting for that very lock
                self.window.bridge.submit(
                    lambda: break_lock(path, lock),
                    lambda _none: again(),
                    self.window.complain_of,
                    lane="watch",
                )

        self.window.bridge.submit(lambda: lock_info(path), decide, self.window.complain_of, lane="watch")

    def ask_about_lock(self) -> None:
        """Show who holds the lock for which the project lane is waiting, and offer what can be done."""
        path = self.window.project_path
        if path is not None:
            self._locked(path, lambda: None, opening=False)

    def close_project(self) -> None:
        """Close the project; jobs go on."""
        self.window.bridge.submit(self.window.workplace.close, lambda _none: self.window.project_closed())

    # -- keeping -------------------------------------------------------------------------------------------

    def change(self, action: Callable[[Project], object], then: Callable[[], None] | None = None) -> None:
        """Change the project in its lane; a lock is asked about, other errors are told."""
        window = self.window

        def done(news: list[object]) -> None:
            window.take_all(news)
            if then is not None:
                then()

        window.bridge.submit(
            lambda: window.workplace.change(action),
            done,
            lambda error: self.told_of_lock(error, lambda: self.change(action, then)),
        )

    def told_of_lock(self, error: Exception, again: Callable[[], None]) -> None:
        """Ask about a lock that stopped something and do it again if wanted; tell of any other error."""
        path = self.window.project_path
        if isinstance(error, LockedError) and path is not None:
            self._locked(path, again, opening=False)
        else:
            self.window.complain_of(error)

    def reread(self) -> None:
        """Read the project file again now."""

        def done(news: list[object]) -> None:
            self.window.take_all(news)
            self.window.tell("The project was read again.")

        self.window.bridge.submit(self.window.workplace.relist, done, self.window.complain_of)

    def edit_project_note(self) -> None:
        """Show the project's note and save what was changed."""
        window = self.window

        def edit(note: str) -> None:
            text = forms.ask_text(
                window, "Project note", "Kept in project_note.txt.", note, readonly=window.readonly
            )
            if text is not None and text != note:
                window.bridge.submit(
                    lambda: window.workplace.write_project_note(text), None, window.complain_of
                )

        window.bridge.submit(window.workplace.project_note, edit, window.complain_of)

    def print_all_notes(self) -> None:
        """Gather the notes of all jobs in one file."""
        self.change(
            lambda project: project.print_all_notes(),
            lambda: self.window.tell("The notes of all jobs are in default_all_notes.txt."),
        )

    def remake_nodes(self) -> None:
        """Rebuild the .Nodes folder."""
        self.change(
            lambda project: project.remake_nodes_dir(),
            lambda: self.window.tell("The folder .Nodes was rebuilt."),
        )

    def start_demo(self) -> None:
        """Ask for a folder, make a project of it and simulate data; the form then waits, filled in."""
        if folder := self._ask_folder("Empty folder for the demo"):
            self.window.demo = DemoGuide(self.window)
            self.create(folder)

    # -- the program ---------------------------------------------------------------------------------------

    def show_welcome(self) -> None:
        """Show the start screen, or go back to the project."""
        self.window.toggle_welcome()

    def preferences(self) -> None:
        """Let the preferences be changed and apply them."""
        if forms.edit_preferences(self.window, self.window.settings):
            self.window.apply_settings()

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    def reset_layout(self) -> None:
        """Put the panes back."""
        self.window.panes.place()
        self.window.panes.set_below(self.window.page.details is not None)

    def find_in_log(self) -> None:
        """Go to the search line of the log."""
        self.window.find_in_log()

    def help_start(self) -> None:
        """Show the first help page; that of the explorer to one who is there."""
        if self.window.explorer_commands.is_shown:
            self.window.explorer_commands.help_explorer()
            return
        self.show_help("getting_started", "Getting started")

    def help_job(self) -> None:
        """Show the help page of the shown job type."""
        job_type = self.window.page.job_type
        if job_type is not None:
            self.show_help(job_type.key, job_type.title)

    def add_topics_menu(self, menu: QMenu) -> None:
        """Add the sub-menu of all help pages."""
        help_topics.add_topics_menu(menu, self.show_help)

    def selftest(self) -> None:
        """Try what draws and computes on this machine."""
        dialog = SelfTestWindow(self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        dialog.start()

    def show_page_of(self, name: str, title: str) -> None:
        """Show a help page, or what is new."""
        if name == "whats_new":
            self.whats_new()
        else:
            self.show_help(name, title)

    def show_help(self, name: str, title: str) -> None:
        """Show a help page."""
        try:
            text = resources.help_page(name).read_text(encoding="utf-8")
        except OSError as error:
            self.window.complain(str(error))
        else:
            forms.show_page(self.window, title, text)

    def whats_new(self) -> None:
        """Show the changelog."""
        text = resources.changelog().read_text(encoding="utf-8")
        # from the first version on; how the file is kept is of interest to those who write it
        text = text[text.find("\n## ") :].replace("## [Unreleased]", f"## Version {__version__}")
        forms.show_page(self.window, "What is new", text)

    def about(self) -> None:
        """Show version and licence."""
        forms.show_page(
            self.window,
            "About Heteroscope",
            f"**Heteroscope {__version__}**\n\nMotions and mixtures in cryo-EM data, on RELION projects.\n\n"
            "BSD 3-clause licence. The methods are described in the publications named on the help "
            "pages of the job types.",
        )


def plain(error: Exception) -> str:
    """Return an error in one sentence for people."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, PermissionError):
        return f"{error.filename or 'A file'} cannot be read or written: permission denied."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}."
    return f"Something unexpected happened: {type(error).__name__}: {error}"
