"""The frame of the window: its parts, the start screen, the status bar, and the preferences they follow."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QMenu,
    QMenuBar,
    QStackedWidget,
)

from app.gui import menus
from app.gui.bridge import Bridge
from app.gui.dialogs.question import Answer, ask
from app.gui.follower import Follower
from app.gui.job_page import JobPage
from app.gui.job_types import JobTypeList
from app.gui.message_place import MessagePlace
from app.gui.monitor import Monitor
from app.gui.node_source import ProjectNodes
from app.gui.overview import Overview
from app.gui.panes import Panes
from app.gui.project_commands import plain
from app.gui.welcome import WelcomePage
from app.gui.workplace import Workplace
from app.project.recent import RecentProject, look_at
from app.settings import Settings
from jobs import registry
from widgets import style
from widgets.fields import GpuChoice
from widgets.inputs_outputs import InputsOutputs
from widgets.job_lists import JobLists
from widgets.log_view import LogPanel
from widgets.message_bar import MessageBar
from widgets.note_editor import NoteEditor


class WindowFrame(QMainWindow):
    """Holds the parts of the window and the lanes beside it; knows no job.

    Parameters
    ----------
    settings
        Preferences.

    Signals
    -------
    recent_chosen : str
        The folder of one of the recent projects.
    """

    recent_chosen = Signal(str)
    #: Made when everything is there that stands in them.
    panes: Panes

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.settings = settings
        self.project_path: Path | None = None
        self.readonly = False
        self.gpus: tuple[GpuChoice, ...] = ()
        self.workplace = Workplace()
        self.follower = Follower(history_mb=settings.log_history_mb)
        self.bridge = Bridge(self)
        self.bridge.lanes["project"].add_tick(self.workplace.tick)
        self.bridge.lanes["watch"].add_tick(self.follower.tick)
        self._make_parts()

    def _make_parts(self) -> None:
        types = list(registry.JOB_TYPES.values())
        self.message_bar = MessageBar()
        self.welcome = WelcomePage()
        self.page = JobPage(
            types, node_source=ProjectNodes(self.bridge, self.workplace), gpus=lambda: self.gpus
        )
        # What takes the place of all panes: the start screen, and the explorer once it was opened.
        self.central = QStackedWidget()
        self.central.addWidget(self.welcome)
        self.setCentralWidget(self.central)
        self.menu_bar = QMenuBar()
        self.message_place = MessagePlace(self, self.menu_bar, self.message_bar)
        self.types = JobTypeList(types)
        self.jobs = JobLists(orientation=Qt.Orientation.Vertical)
        self.monitor = Monitor()
        self.overview = Overview()
        self.logs = LogPanel()
        self.io = InputsOutputs()
        self.note = NoteEditor()
        self.where = QLabel()
        self.where.setObjectName("status_project")
        self.counts = QLabel()
        self.counts.setObjectName("status_counts")
        style.set_role(self.counts, "muted")
        self.statusBar().addPermanentWidget(self.counts)
        self.statusBar().addPermanentWidget(self.where)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the list of types gives way to the jobs."""
        super().resizeEvent(event)
        self.types.set_window_height(self.height())

    # -- menus ---------------------------------------------------------------------------------------------

    def add_recent_menu(self, menu: QMenu) -> None:
        """Add the sub-menu of the projects that were open lately."""
        self._recent_menu = menu.addMenu("Open &recent")
        self._recent_menu.aboutToShow.connect(self._fill_recent_menu)

    def _fill_recent_menu(self) -> None:
        self._recent_menu.clear()
        for path in self.settings.recent_projects[:10]:
            action = self._recent_menu.addAction(path)
            action.triggered.connect(lambda _checked=False, p=path: self.recent_chosen.emit(p))
        self._recent_menu.setEnabled(bool(self.settings.recent_projects))

    def add_pane_actions(self, menu: QMenu) -> None:
        """Add what shows and hides each pane."""
        for dock in self.panes.docks.values():
            menu.addAction(dock.toggleViewAction())

    def add_theme_menu(self, menu: QMenu) -> None:
        """Add the sub-menu of themes."""

        def choose(name: str) -> None:
            self.settings.theme = name  # type: ignore[assignment]
            self.apply_settings()

        self._themes = menus.add_theme_menu(menu, self.settings.theme, choose)

    # -- the start screen ----------------------------------------------------------------------------------

    def show_welcome(self) -> None:
        """Show the start screen."""
        self.central.setCurrentWidget(self.welcome)
        self.panes.set_central(True)
        paths = [Path(text) for text in self.settings.recent_projects]
        self.welcome.set_recent([RecentProject(path) for path in paths])
        # Folders on a network that is away can take seconds to answer.
        self.bridge.submit(lambda: look_at(paths), self.welcome.set_recent, lane="watch")

    def forget_project(self, path: str) -> None:
        """Take a project out of the recent ones."""
        self.settings.recent_projects = [known for known in self.settings.recent_projects if known != path]
        self.bridge.submit(self.settings.save, lane="watch")
        self.show_welcome()

    def toggle_welcome(self) -> None:
        """Show the start screen, or go back to the open project."""
        if self.welcome.isVisible() and self.project_path is not None:
            self.panes.set_central(False)
        else:
            self.show_welcome()

    # -- the status bar ------------------------------------------------------------------------------------

    def show_counts(self, jobs: int, running: int, queued: int = 0) -> None:
        """Write the number of jobs, and where they are, into the status bar."""
        count = f"{jobs:,} {'job' if jobs == 1 else 'jobs'}"
        count += f", {running} running" if running else ""
        self.counts.setText(count + (f", {queued} queued" if queued else ""))
        self.show_where()

    def show_where(self) -> None:
        """Write the project and the modes that are on into the status bar."""
        modes = ("read-only" if self.readonly else "", "tomography" if self.types.mode == "tomo" else "")
        known = self.project_path is not None
        self.where.setText("  ·  ".join(filter(None, (str(self.project_path), *modes))) if known else "")

    def tell(self, text: str) -> None:
        """Say something in passing, in the status bar."""
        self.statusBar().showMessage(text, 8000)

    # -- what went wrong -----------------------------------------------------------------------------------

    def show_log(self) -> None:
        """Bring the log to the front."""
        self.panes.reveal("logs")

    def find_in_log(self) -> None:
        """Go to the search line of run.out."""
        self.show_log()
        self.logs.out.search_line.setFocus()

    def complain(self, text: str) -> None:
        """Say what went wrong; with the log at hand when a job is shown."""
        details = self.page.details
        if details is not None:
            self.message_bar.show_error(text, "Show log", self.show_log, about=details.entry.name)
        else:
            self.message_bar.show_error(text)

    def complain_of(self, error: Exception) -> None:
        """Say what an exception means."""
        self.complain(plain(error))

    def show_exception(self, sentence: str, details: str) -> None:
        """Tell of an exception nobody expected; the window goes on."""
        self.message_bar.show_error(
            sentence,
            "Details…",
            lambda: ask(self, "Details", sentence, [Answer("", "Close", default=True)], copyable=details),
        )

    # -- preferences ---------------------------------------------------------------------------------------

    def themes(self) -> list[QAction]:
        """Return the actions that choose a theme."""
        return self._themes.actions()

    def apply_settings(self) -> None:
        """Apply and save the preferences."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            style.set_text_scale(app, self.settings.font_scale)
            style.apply_theme(app, self.settings.theme)
        self.apply_quietly()
        for action in self.themes():
            action.setChecked(action.data() == self.settings.theme)
        self.bridge.submit(self.settings.save, lane="watch")

    def apply_quietly(self) -> None:
        """Hand on the preferences that need no drawing."""
        self.page.set_advanced(self.settings.show_advanced)
        for lane in self.bridge.lanes.values():
            lane.set_period(self.settings.refresh_s)
