"""What keeps a project tidy: cleaning, disk use, the trash, and the mode of the list of job types."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from app.gui.deletion_undo import DeletionUndo
from app.gui.dialogs import forms
from app.gui.dialogs.disk_use import DiskUseDialog
from app.gui.dialogs.question import CANCEL, Answer, ask
from app.gui.dialogs.trash import TrashLine, ask_undelete
from app.gui.disk_watch import DiskSeen, DiskWatch
from app.gui.housekeeping_words import (
    Sentences,
    cleaned_lines,
    protected,
    schedule_logs,
    trash_found,
    trash_lines,
)
from app.gui.project_commands import ProjectCommands
from app.project.cleaning import CleanPlan
from app.project.disk_use import JobUse, ProjectUse, in_words
from app.project.project import Project
from jobs.core.errors import UserError
from widgets import style

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class HousekeepingCommands:
    """Handlers of the actions that tidy up; keeps what is known of the room that jobs take."""

    def __init__(self, window: MainWindow, project: ProjectCommands) -> None:
        self.window = window
        self._project = project
        self.deletion = DeletionUndo(window, project)
        self._watch = DiskWatch()
        self.use = ProjectUse({}, complete=False)
        self._dialog: DiskUseDialog | None = None
        self.room = QPushButton()
        self.room.setObjectName("status_room")
        self.room.setToolTip("What the jobs of this project take on the disk")
        style.set_role(self.room, "link")
        self.room.clicked.connect(self.disk_use)
        window.statusBar().addPermanentWidget(self.room)
        window.page.room_of = self.room_of
        window.overview.use_of = self.use_of
        window.bridge.lanes["disk"].add_tick(self._watch.tick)
        window.bridge.news.connect(self.take)
        if window.settings.tomo:
            window.types.set_mode("tomo")

    # -- disk use ------------------------------------------------------------------------------------------

    def follow(self, path: Path | None) -> None:
        """Count the room in another project, or in none."""
        self.use = ProjectUse({}, complete=False)
        self.room.hide()
        self.deletion.forget()
        self.window.jobs.set_details({})
        if self._dialog is not None:
            self._dialog.reject()
        self.window.bridge.submit(lambda: self._watch.follow(path), lane="disk")

    def take(self, item: object) -> None:
        """Show what the disk lane has found."""
        if not isinstance(item, DiskSeen) or item.path != self.window.project_path:
            return
        self.use = item.use
        more = "" if item.use.complete else " …"
        trash = f", {in_words(item.use.trash)} in the trash" if item.use.trash else ""
        self.room.setText(f"{in_words(item.use.size)}{trash}{more}")
        self.room.show()
        self.window.jobs.set_details(Sentences(item.use.jobs))
        self.window.page.show_room()
        self.window.overview.show_room()
        if self._dialog is not None:
            self._dialog.set_use(self.use, self.window.entries)

    def room_of(self, name: str) -> str:
        """Return the room a job takes in words, empty while it is not known."""
        use = self.use.jobs.get(name)
        return in_words(use.size) if use is not None else ""

    def use_of(self, name: str) -> JobUse | None:
        """Return the room a job takes, None while it is not known."""
        return self.use.jobs.get(name)

    def disk_use(self) -> None:
        """Show the jobs sorted by the room they take."""
        dialog = DiskUseDialog(self.window, self._act, readonly=self.window.readonly)
        self._dialog = dialog
        dialog.set_use(self.use, self.window.entries)
        try:
            dialog.exec()
        finally:
            self._dialog = None
            dialog.deleteLater()

    def _act(self, what: str, name: str) -> None:
        if what == "trash":
            self.empty_trash()
        else:
            self._clean(name, harsh=what == "harsh")

    def _look_again(self, names: list[str] | None) -> None:
        self.window.bridge.submit(lambda: self._watch.forget(names), lane="disk")

    # -- cleaning ------------------------------------------------------------------------------------------

    def _name(self) -> str:
        details = self.window.page.details
        if details is None:
            raise UserError("No job is shown", hint="Choose one in the lists")
        return details.entry.name

    def clean_job(self) -> None:
        """Clean the shown job gently, after a look at the list."""
        self._clean(self._name(), harsh=False)

    def clean_job_harshly(self) -> None:
        """Clean the shown job harshly, after a look at the list."""
        self._clean(self._name(), harsh=True)

    def clean_gently(self) -> None:
        """Clean all jobs gently, after a look at the list."""
        self._clean("", harsh=False)

    def clean_harshly(self) -> None:
        """Clean all jobs harshly, after a look at the list, which names protected jobs."""
        self._clean("", harsh=True)

    def _clean(self, name: str, *, harsh: bool) -> None:
        window = self.window

        def confirm(plans: list[CleanPlan]) -> None:
            how = "harshly" if harsh else "gently"
            what = name.rstrip("/") if name else "all jobs"
            count, size = sum(len(one.files) for one in plans), sum(one.size for one in plans)
            if not count:
                text = (
                    "It has no files of the kind that this cleaning takes."
                    if name
                    else "No job that has succeeded has files of the kind that this cleaning takes."
                )
                lines = [line for one in plans if one.protected for line in [protected(one)]]
                ask(window, "Nothing to clean", text, [Answer("", "Close", default=True)], items=lines)
                return
            text = (
                f"This moves {count:,} {'file' if count == 1 else 'files'}, {in_words(size)}, to the trash, "
                "from where they can be brought back until it is emptied."
            )
            if harsh:
                text += " Among them is what can only be made again by running jobs again."
            answer = ask(
                window,
                f"Clean {what} {how}?",
                text,
                [Answer("clean", f"Clean {how}", danger=harsh, default=not harsh), CANCEL],
                items=cleaned_lines(plans, alone=bool(name)),
            )
            if answer:
                self._carry_out(plans)

        window.bridge.submit(
            lambda: window.workplace.project.clean_plans(name, harsh=harsh), confirm, window.complain_of
        )

    def _carry_out(self, plans: list[CleanPlan]) -> None:
        window = self.window

        def done(cleaned: list[CleanPlan]) -> None:
            count, size = sum(len(one.files) for one in cleaned), sum(one.size for one in cleaned)
            names = [one.name for one in cleaned if one.files]
            self._look_again(names)
            window.message_bar.show_success(
                f"{count:,} {'file' if count == 1 else 'files'}, {in_words(size)}, moved to the trash.",
                "Undo",
                lambda: self._bring_back(names),
            )
            if window.wanted in names:
                window.load(window.wanted, keep_fields=True)

        window.bridge.submit(lambda: window.workplace.project.clean(plans), done, window.complain_of)

    def bring_back(self) -> None:
        """Move what cleaning took from the shown job out of the trash again."""
        self._bring_back([self._name()])

    def _bring_back(self, names: list[str]) -> None:
        window = self.window

        def work() -> int:
            return sum(window.workplace.project.bring_back(name) for name in names)

        def done(count: int) -> None:
            self._look_again(names)
            window.tell(f"{count:,} {'file is' if count == 1 else 'files are'} back in place.")
            if window.wanted in names:
                window.load(window.wanted, keep_fields=True)

        window.bridge.submit(work, done, window.complain_of)

    def undo_delete(self) -> None:
        """Bring back the jobs that were deleted last."""
        self.deletion.undo()

    # -- the trash -----------------------------------------------------------------------------------------

    def undelete(self) -> None:
        """Ask what shall come back from the trash: deleted jobs, and cleaned files."""
        window = self.window

        def choose(lines: list[TrashLine]) -> None:
            if not lines:
                window.tell("There are no deleted jobs in the trash.")
                return
            for key in ask_undelete(window, lines):
                kind, _, value = key.partition(":")
                if kind == "job":
                    self._project.change(partial(_undelete, value))
                else:
                    self._bring_back([value])
            self._look_again([])

        window.bridge.submit(lambda: trash_lines(window.workplace.project), choose, window.complain_of)

    def empty_trash(self) -> None:
        """Remove everything in the trash for good, after a question."""
        window = self.window

        def confirm(found: tuple[list[TrashLine], int]) -> None:
            lines, size = found
            if not size and not lines:
                window.tell("The trash is empty.")
                return
            answer = ask(
                window,
                "Empty the trash?",
                f"{in_words(size)} will be removed for good. This cannot be undone.",
                [Answer("empty", "Remove for good", danger=True), CANCEL],
                items=[f"{line.name.rstrip('/')}   {line.what.lower()}" for line in lines],
            )
            if answer:
                self._project.change(lambda project: project.empty_trash(), emptied)

        def emptied() -> None:
            self.deletion.forget()
            window.update_state()
            self._look_again([])
            window.tell("The trash was emptied.")

        window.bridge.submit(lambda: trash_found(window.workplace.project), confirm, window.complain_of)

    # -- modes and logs ------------------------------------------------------------------------------------

    def tomo_mode(self) -> None:
        """Offer the job types for tomograms, or those for single particles."""
        self.set_tomo(self.window.types.mode != "tomo")
        self.window.bridge.submit(self.window.settings.save, lane="watch")

    def set_tomo(self, on: bool) -> None:
        """Switch tomography mode on or off."""
        self.window.settings.tomo = on
        self.window.types.set_mode("tomo" if on else "spa")
        self.window.show_where()
        self.window.update_state()

    def schedule_log(self) -> None:
        """Show the logs of schedules, the latest first."""
        window = self.window

        def show(text: str) -> None:
            if not text:
                window.tell("No scheduled jobs have been run yet.")
                return
            forms.ask_text(
                window, "Schedules", "What happened, the latest schedule first.", text, readonly=True
            )

        path = window.project_path
        if path is not None:
            window.bridge.submit(lambda: schedule_logs(path), show, window.complain_of)


def _undelete(entry: str, project: Project) -> object:
    return project.undelete(entry)
