"""How the parts of the window hang together: where they stand, what they ask for, what may be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.gui.action_info import Situation
from app.gui.class_jobs import has_classes

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


def connect_parts(window: MainWindow) -> None:
    """Connect the signals of the parts with what is done about them."""
    starts, page = window.start_commands, window.page
    window.types.chosen.connect(window.show_new)
    window.jobs.job_selected.connect(window.select)
    window.jobs.job_activated.connect(window.explorer_commands.activate)
    window.jobs.menu_requested.connect(window.show_job_menu)
    window.overview.asked.connect(window.overview_commands.act)
    window.overview.job_chosen.connect(window.select)
    window.io.job_selected.connect(window.select)
    window.monitor.explore_requested.connect(window.explorer_commands.explore)
    window.monitor.tomograms_requested.connect(window.explorer_commands.tomogram)
    window.monitor.classes.opened.connect(window.class_commands.classes)
    window.io.file_activated.connect(lambda path: window.open_file(Path(path)))
    window.display_commands.fill_from(window.io.display_menu)
    window.note.save_requested.connect(window.shown_note.save)
    window.logs.open_requested.connect(window.open_log)
    page.run_requested.connect(starts.run)
    page.rehearsal_requested.connect(starts.rehearse)
    page.schedule_requested.connect(starts.schedule)
    page.command_requested.connect(starts.show_command)
    page.log_requested.connect(window.show_log)
    page.result.all_requested.connect(lambda: window.panes.reveal("monitor"))
    page.state_changed.connect(window.update_state)
    window.welcome.open_requested.connect(window.project_commands.open_project)
    window.welcome.create_requested.connect(window.project_commands.new_project)
    window.welcome.demo_requested.connect(window.project_commands.start_demo)
    window.welcome.project_chosen.connect(lambda path: window.project_commands.open(Path(path)))
    window.welcome.project_forgotten.connect(window.forget_project)
    window.welcome.page_requested.connect(window.project_commands.show_page_of)
    window.notifier.clicked.connect(window.select)


def pane_contents(window: MainWindow) -> dict[str, QWidget]:
    """Return what stands in each pane."""
    return {
        "job_types": window.types,
        "jobs": window.jobs,
        "overview": window.overview,
        "job": window.page,
        "gpus": window.device_commands.panel,
        "monitor": window.monitor,
        "flowchart": window.flowchart_commands.graph,
        "logs": window.logs,
        "io": window.io,
        "note": window.note,
    }


def situation_of(window: MainWindow) -> Situation:
    """Return what decides which actions may be used now."""
    page, details = window.page, window.page.details
    return Situation(
        project=window.project_path is not None,
        writable=not window.readonly,
        job=details is not None,
        ours=details is not None and details.type_key is not None,
        status=details.entry.status if details is not None else "",
        waits=details is not None and (details.entry.place > 0 or details.entry.queued),
        can_run=page.can_run(),
        why_not_run=page.hindrance(),
        explorable=window.explorer_commands.explores(details),
        in_tomograms=window.explorer_commands.lies_in_tomograms(details),
        has_classes=has_classes(details),
        # the explorer undoes steps of its own
        undoable=bool(window.housekeeping.deletion.names) and window.central.isHidden(),
    )
