"""What the buttons of the overview do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QDockWidget

from app.gui.news import JobDetails
from app.gui.report_commands import ReportCommands

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class OverviewCommands(ReportCommands):
    """Handlers of the overview, and what decides when it comes to the front."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def show(self, details: JobDetails | None) -> None:
        """Fill the overview."""
        window = self.window
        window.overview.show_job(
            window.project_path,
            details,
            window.entries,
            explorable=window.explorer_commands.explores(details),
            writable=not window.readonly,
        )

    def follow_pane(self, pane: QDockWidget) -> None:
        """Let the form tell of the results only when the overview, which tells more, was closed."""
        closing = pane.toggleViewAction()
        closing.toggled.connect(self.window.page.result.set_told_elsewhere)
        self.window.page.result.set_told_elsewhere(closing.isChecked())

    def come_forward(self, details: JobDetails) -> None:
        """A job was chosen: show its overview, unless somebody goes through the monitors of jobs."""
        window = self.window
        if window.flowchart_commands.in_front():
            return  # somebody goes from job to job there
        # a pane behind another tab counts as visible for Qt; nothing of it is seen, though
        if details.type_key is None or window.monitor.visibleRegion().isEmpty():
            window.panes.reveal("overview")

    def act(self, key: str) -> None:
        """Do what a button asks for."""
        window = self.window
        deeds: dict[str, Callable[[], object]] = {
            "explore": window.explorer_commands.explore,
            "classes": window.class_commands.classes,
            "tomograms": window.actions_by_key["tomogram"].trigger,
            "monitor": lambda: window.panes.reveal("monitor"),
            "log": window.show_log,
            "form": lambda: window.panes.reveal("job"),
            "queue": lambda: window.panes.reveal("gpus"),
            "abort": window.actions_by_key["abort"].trigger,
            "clone": window.actions_by_key["clone"].trigger,
            "methods": self.copy_methods_text,
            "report": window.actions_by_key["make_report"].trigger,
        }
        if key.startswith("task:"):
            self.choose_task(key.removeprefix("task:"))
        else:
            deeds[key]()

    def choose_task(self, name: str) -> None:
        """Open the form of the job with one task chosen and the others not."""
        window, page = self.window, self.window.page
        form, job_type = page.current_form, page.job_type
        if form is None or job_type is None or page.details is None:
            return
        wanted = job_type.task(name)
        for task in job_type.tasks:
            if task.switch and task.switch in form.rows:
                form.rows[task.switch].editor.set_text("Yes" if task is wanted else "No")
        window.panes.reveal("job")
        if wanted.switch:
            form.focus_field(wanted.switch)
        window.tell(f"{wanted.label} is chosen: look the settings over and press Continue!")

    def copy_methods_text(self) -> None:
        """Copy sentences for a methods section."""
        story = self.window.overview.story
        if story is None or not story.methods:
            self.window.tell("There is no run of this program's to write about yet.")
            return
        QApplication.clipboard().setText(story.methods)
        self.window.tell("The methods text was copied.")

    def compare_job(self) -> None:
        """Show the shown job beside another one."""
        self.window.panes.reveal("overview")
        self.window.overview.compare_with()
