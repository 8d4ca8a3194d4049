"""The window: panes around the form of a job, filled by news from beside the window's thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QMenu,
    QMenuBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui import convert, menus
from app.gui.action_info import Situation
from app.gui.bridge import Bridge
from app.gui.demo_guide import DemoGuide
from app.gui.device_commands import DeviceCommands
from app.gui.dialogs.question import Answer, ask
from app.gui.display_commands import DisplayCommands
from app.gui.explorer_commands import ExplorerCommands
from app.gui.file_drops import FileDrops
from app.gui.flowchart_commands import FlowchartCommands
from app.gui.follower import Follower
from app.gui.housekeeping_commands import HousekeepingCommands
from app.gui.job_commands import JobCommands
from app.gui.job_page import JobPage
from app.gui.job_types import JobTypeList
from app.gui.menu_plan import JOB_MENU
from app.gui.monitor import Monitor
from app.gui.news import JobDetails, JobEntry
from app.gui.news_desk import NewsDesk
from app.gui.node_source import ProjectNodes
from app.gui.notifier import Notifier
from app.gui.overview import Overview
from app.gui.overview_commands import OverviewCommands
from app.gui.panes import Panes
from app.gui.project_commands import ProjectCommands, plain
from app.gui.start_commands import StartCommands
from app.gui.welcome import WelcomePage
from app.gui.workplace import Opened, Workplace, job_types
from app.project.recent import RecentProject, look_at
from app.settings import Settings
from widgets import style
from widgets.fields import GpuChoice
from widgets.inputs_outputs import InputsOutputs
from widgets.job_lists import JobLists
from widgets.log_view import LogPanel
from widgets.message_bar import MessageBar
from widgets.note_editor import NoteEditor

_TITLE = "Heteroscope"


class MainWindow(QMainWindow):
    """Shows one project (or the start screen) and one of its jobs.

    Nothing here reads files, starts processes or waits: that is done by the lanes of the bridge.

    Parameters
    ----------
    settings
        Preferences; saved when the window closes.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.settings = settings
        self.project_path: Path | None = None
        self.readonly = False
        self.entries: dict[str, JobEntry] = {}
        self.gpus: tuple[GpuChoice, ...] = ()
        self.demo: DemoGuide | None = None
        self.wanted = ""
        self._note_job = ""
        self._note_text = ""
        self.workplace = Workplace()
        self.follower = Follower(history_mb=settings.log_history_mb)
        self.bridge = Bridge(self)
        self.notifier = Notifier(self)
        self.bridge.lanes["project"].add_tick(self.workplace.tick)
        self.bridge.lanes["watch"].add_tick(self.follower.tick)
        self.bridge.news.connect(self.take)
        self.project_commands = ProjectCommands(self)
        self.job_commands = JobCommands(self, self.project_commands)
        self.start_commands = StartCommands(self, self.project_commands)
        self.explorer_commands = ExplorerCommands(self)
        self.overview_commands = OverviewCommands(self)
        self.flowchart_commands = FlowchartCommands(self)
        self.device_commands = DeviceCommands(self)
        self.display_commands = DisplayCommands(self)
        self.news_desk = NewsDesk(self)
        self._make_parts()
        self.housekeeping = HousekeepingCommands(self, self.project_commands)
        self.actions_by_key: Mapping[str, QAction] = menus.make_actions(
            self,
            [
                self.project_commands,
                self.start_commands,
                self.job_commands,
                self.explorer_commands,
                self.housekeeping,
                self.display_commands,
                self.overview_commands,
                self.flowchart_commands,
            ],
        )
        for action in self.actions_by_key.values():
            self.addAction(action)
        self._connect()
        self.drops = FileDrops(self)
        self._apply_quietly()
        self.resize(1280, 800)
        self.panes = Panes(self, self._pane_contents())
        self.overview_commands.follow_pane(self.panes.docks["overview"])
        menus.fill_menu_bar(
            self.menu_bar,
            self.actions_by_key,
            {
                "recent": self._add_recent_menu,
                "panes": self._add_pane_actions,
                "theme": self._add_theme_menu,
                "display": self.display_commands.add_menu,
                "topics": self.project_commands.add_topics_menu,
            },
        )
        self._draw_icons()
        style.ThemeWatcher(self, self._draw_icons)
        self.panes.restore(settings)
        self.setMinimumSize(820, 560)
        self.project_closed()
        self.bridge.start()

    # -- building ------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        types = job_types()
        self.message_bar = MessageBar()
        self.welcome = WelcomePage()
        self.page = JobPage(
            types, node_source=ProjectNodes(self.bridge, self.workplace), gpus=lambda: self.gpus
        )
        # What takes the place of all panes: the start screen, and the explorer once it was opened.
        self.central = QStackedWidget()
        self.central.addWidget(self.welcome)
        self.setCentralWidget(self.central)
        # Messages stand between the menus and the panes, as high as they need, and gone without one.
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.menu_bar = QMenuBar()
        column.addWidget(self.menu_bar)
        holder = QWidget()
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(style.SMALL, 0, style.SMALL, 0)
        inside.addWidget(self.message_bar)
        column.addWidget(holder)
        self.setMenuWidget(top)
        self.types = JobTypeList(types)
        self.jobs = JobLists(orientation=Qt.Orientation.Vertical)
        self.monitor = Monitor()
        self.overview = Overview()
        self.logs = LogPanel()
        self.io = InputsOutputs()
        self.note = NoteEditor()
        self._where = QLabel()
        self._where.setObjectName("status_project")
        self._counts = QLabel()
        self._counts.setObjectName("status_counts")
        style.set_role(self._counts, "muted")
        self.statusBar().addPermanentWidget(self._counts)
        self.statusBar().addPermanentWidget(self._where)

    def _pane_contents(self) -> dict[str, QWidget]:
        return {
            "job_types": self.types,
            "jobs": self.jobs,
            "overview": self.overview,
            "job": self.page,
            "gpus": self.device_commands.panel,
            "monitor": self.monitor,
            "flowchart": self.flowchart_commands.graph,
            "logs": self.logs,
            "io": self.io,
            "note": self.note,
        }

    def _connect(self) -> None:
        starts, page = self.start_commands, self.page
        self.types.chosen.connect(self.show_new)
        self.jobs.job_selected.connect(self.select)
        self.jobs.job_activated.connect(self.explorer_commands.activate)
        self.jobs.menu_requested.connect(self.show_job_menu)
        self.overview.asked.connect(self.overview_commands.act)
        self.overview.job_chosen.connect(self.select)
        self.io.job_selected.connect(self.select)
        self.monitor.explore_requested.connect(self.explorer_commands.explore)
        self.io.file_activated.connect(lambda path: self.open_file(Path(path)))
        self.display_commands.fill_from(self.io.display_menu)
        self.note.save_requested.connect(self._save_note)
        self.logs.open_requested.connect(self._open_log)
        page.run_requested.connect(starts.run)
        page.schedule_requested.connect(starts.schedule)
        page.command_requested.connect(starts.show_command)
        page.log_requested.connect(self.show_log)
        page.result.all_requested.connect(lambda: self.panes.reveal("monitor"))
        page.state_changed.connect(self.update_state)
        self.welcome.open_requested.connect(self.project_commands.open_project)
        self.welcome.create_requested.connect(self.project_commands.new_project)
        self.welcome.demo_requested.connect(self.project_commands.start_demo)
        self.welcome.project_chosen.connect(lambda path: self.project_commands.open(Path(path)))
        self.welcome.project_forgotten.connect(self._forget_project)
        self.welcome.page_requested.connect(self.project_commands.show_page_of)
        self.notifier.clicked.connect(self.select)

    def _add_recent_menu(self, menu: QMenu) -> None:
        self._recent_menu = menu.addMenu("Open &recent")
        self._recent_menu.aboutToShow.connect(self._fill_recent_menu)

    def _fill_recent_menu(self) -> None:
        self._recent_menu.clear()
        for path in self.settings.recent_projects[:10]:
            action = self._recent_menu.addAction(path)
            action.triggered.connect(lambda _checked=False, p=path: self.project_commands.open(Path(p)))
        self._recent_menu.setEnabled(bool(self.settings.recent_projects))

    def _add_pane_actions(self, menu: QMenu) -> None:
        for dock in self.panes.docks.values():
            menu.addAction(dock.toggleViewAction())

    def _add_theme_menu(self, menu: QMenu) -> None:
        def choose(name: str) -> None:
            self.settings.theme = name  # type: ignore[assignment]
            self.apply_settings()

        self._themes = menus.add_theme_menu(menu, self.settings.theme, choose)

    def _draw_icons(self) -> None:
        menus.update_icons(self.actions_by_key)

    # -- the project ---------------------------------------------------------------------------------------

    def project_opened(self, opened: Opened) -> None:
        """Show a project that was opened; the lists come with the first news of it."""
        self.project_path, self.readonly = opened.path, opened.readonly
        self.entries = {}
        self.jobs.set_rows([])
        self.settings.add_recent(opened.path)
        self.housekeeping.follow(opened.path)
        self.bridge.submit(self.settings.save, lane="watch")
        self.page.set_project(opened.path, readonly=opened.readonly)
        self.bridge.submit(lambda: self.follower.follow(opened.path), lane="watch")
        self.panes.set_central(False)
        kind = " (read-only)" if opened.readonly else ""
        self.setWindowTitle(f"{opened.path.name}{kind} – {_TITLE}")
        self.message_bar.clear()
        if opened.why_readonly:
            self.message_bar.show_warning(f"The project is open for reading only: {opened.why_readonly}.")
        self.show_new(next(iter(t.key for t in job_types())))
        self.bridge.submit(self.workplace.defaults, self.page.set_defaults)
        self.bridge.submit(self.workplace.relist, self.take_all)
        self.tell(f"{opened.path} is open.")
        if self.demo is not None:
            self.demo.project_opened(opened.path)

    def project_closed(self) -> None:
        """Show the start screen."""
        self.explorer_commands.close()
        self.display_commands.close_all()
        self.project_path, self.readonly, self.entries = None, False, {}
        self.housekeeping.follow(None)
        self.page.set_project(None)
        self.bridge.submit(lambda: self.follower.follow(None), lane="watch")
        self.jobs.set_rows([])
        self._show_parts(None)
        self.setWindowTitle(_TITLE)
        self._where.clear()
        self._counts.clear()
        self._show_welcome()
        self.update_state()

    def _show_welcome(self) -> None:
        self.central.setCurrentWidget(self.welcome)
        self.panes.set_central(True)
        paths = [Path(text) for text in self.settings.recent_projects]
        self.welcome.set_recent([RecentProject(path) for path in paths])
        # Folders on a network that is away can take seconds to answer.
        self.bridge.submit(lambda: look_at(paths), self.welcome.set_recent, lane="watch")

    def _forget_project(self, path: str) -> None:
        self.settings.recent_projects = [known for known in self.settings.recent_projects if known != path]
        self.bridge.submit(self.settings.save, lane="watch")
        self._show_welcome()

    def toggle_welcome(self) -> None:
        """Show the start screen, or go back to the open project."""
        if self.welcome.isVisible() and self.project_path is not None:
            self.panes.set_central(False)
        else:
            self._show_welcome()

    # -- the shown job -------------------------------------------------------------------------------------

    def show_new(self, key: str, values: Mapping[str, str] | None = None) -> None:
        """Show a new job of a type."""
        if self.project_path is None:
            return
        self.wanted = ""
        self.page.show_new(key, values)
        self.panes.reveal("job")
        self.types.show_current(key)
        self.jobs.select(None)
        self._follow("")
        self._show_parts(None)

    def select(self, name: str, *, started: bool = False) -> None:
        """Show a job of the lists, loaded for continuation."""
        self.wanted = name
        self._follow(name)
        self.load(name, started=started)

    def load(self, name: str, *, started: bool = False, keep_fields: bool = False) -> None:
        """Gather what is known about a job and show it, unless another one was chosen meanwhile."""

        def show(details: JobDetails) -> None:
            if name != self.wanted:
                return  # another job was chosen meanwhile
            fresh = self.page.details is None or self.page.details.entry.name != name
            self.page.show_job(details, just_started=started, keep_fields=keep_fields)
            self.types.show_current(details.type_key)
            self.jobs.select(name)
            self._show_parts(details)
            if fresh and not started:
                self.overview_commands.come_forward(details)

        self.bridge.submit(lambda: self.workplace.details(name), show, self.complain_of)

    def _follow(self, name: str) -> None:
        path = self.project_path
        self.logs.clear()
        self.monitor.forget()
        self.bridge.submit(lambda: self.follower.follow(path, name), lane="watch")

    def _show_parts(self, details: JobDetails | None) -> None:
        self.monitor.show_job(details, explorable=self.explorer_commands.explores(details))
        self.overview_commands.show(details)
        self.explorer_commands.expect(details)
        self.io.set_io(*convert.io_entries(details, self.entries))
        name = details.entry.name if details is not None else ""
        self.note.set_text(details.note if details is not None else "", other_job=name != self._note_job)
        self._note_job, self._note_text = name, details.note if details is not None else ""
        self.note.set_read_only(details is None or self.readonly)
        self.update_state()

    def job_started(self, name: str) -> None:
        """A job was started from the form: show it as loaded for continuation."""
        self.page.started()
        self.message_bar.forget(name)
        self.tell(f"{name} was entered in the project.")
        self.select(name, started=True)
        self.panes.reveal("monitor")

    def job_gone(self, names: list[str]) -> None:
        """Jobs were deleted: if the shown one is among them, show a new one of its type."""
        self.tell(f"{len(names)} {'job was' if len(names) == 1 else 'jobs were'} moved to the trash.")
        details = self.page.details
        if details is not None and details.entry.name in names:
            self.show_new(details.type_key or next(t.key for t in job_types()))

    def show_results(self) -> None:
        """Show what the job has learnt, in the explorer."""
        self.explorer_commands.explore()

    def show_log(self) -> None:
        """Bring the log to the front."""
        self.panes.reveal("logs")

    def find_in_log(self) -> None:
        """Go to the search line of run.out."""
        self.show_log()
        self.logs.out.search_line.setFocus()

    def _open_log(self, stream: str) -> None:
        if self.page.details is not None:
            self.open_file(Path(self.page.details.entry.name) / f"run.{stream}")

    def open_file(self, path: Path) -> None:
        """Show a file of the project: in the explorer, in a viewer, or with a program of the desktop."""
        if self.project_path is not None and not self.explorer_commands.opens_file(path):
            self.display_commands.show_file(path)

    def _save_note(self, text: str) -> None:
        self.job_commands.save_note(self._note_job, self._note_text, text)

    def note_saved(self, name: str, text: str) -> None:
        """The note of a job was written."""
        if name == self._note_job:
            self._note_text = text
            self.note.mark_saved(text)

    def show_job_menu(self, name: str, place: QPoint) -> None:
        """Select a job and open its menu."""
        self.select(name)
        menu = QMenu(self)
        menus.fill_menu(menu, JOB_MENU, self.actions_by_key, {"display": self.display_commands.add_menu})
        menu.popup(place)

    # -- news ----------------------------------------------------------------------------------------------

    def take(self, item: object) -> None:
        """Show a piece of news."""
        self.news_desk.take(item)

    def take_all(self, news: list[object]) -> None:
        """Show several pieces of news."""
        for item in news:
            self.news_desk.take(item)

    def show_counts(self, jobs: int, running: int, queued: int = 0) -> None:
        """Write the number of jobs, and where they are, into the status bar."""
        count = f"{jobs:,} {'job' if jobs == 1 else 'jobs'}"
        count += f", {running} running" if running else ""
        self._counts.setText(count + (f", {queued} queued" if queued else ""))
        self._where.setText(f"{self.project_path}" + ("  ·  read-only" if self.readonly else ""))

    # -- telling -------------------------------------------------------------------------------------------

    def tell(self, text: str) -> None:
        """Say something in passing, in the status bar."""
        self.statusBar().showMessage(text, 8000)

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

    def themes(self) -> list[QAction]:
        """Return the actions that choose a theme."""
        return self._themes.actions()

    def show_exception(self, sentence: str, details: str) -> None:
        """Tell of an exception nobody expected; the window goes on."""
        self.message_bar.show_error(
            sentence,
            "Details…",
            lambda: ask(self, "Details", sentence, [Answer("", "Close", default=True)], copyable=details),
        )

    def update_state(self) -> None:
        """Enable what can be done now."""
        page, details = self.page, self.page.details
        situation = Situation(
            project=self.project_path is not None,
            writable=not self.readonly,
            job=details is not None,
            ours=details is not None and details.type_key is not None,
            status=details.entry.status if details is not None else "",
            waits=details is not None and (details.entry.place > 0 or details.entry.queued),
            can_run=page.can_run(),
            why_not_run=page.hindrance(),
            explorable=self.explorer_commands.explores(details),
        )
        menus.update_actions(self.actions_by_key, situation)
        self.flowchart_commands.follow()
        self.actions_by_key["toggle_overwrite"].setChecked(page.overwrites)
        self.actions_by_key["tomo_mode"].setChecked(self.types.mode == "tomo")

    def apply_settings(self) -> None:
        """Apply and save the preferences."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            style.set_text_scale(app, self.settings.font_scale)
            style.apply_theme(app, self.settings.theme)
        self._apply_quietly()
        for action in self.themes():
            action.setChecked(action.data() == self.settings.theme)
        self.bridge.submit(self.settings.save, lane="watch")

    def _apply_quietly(self) -> None:
        """Hand on the preferences that need no drawing."""
        self.page.set_advanced(self.settings.show_advanced)
        for lane in self.bridge.lanes.values():
            lane.set_period(self.settings.refresh_s)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders may be dropped anywhere."""
        self.drops.enter(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Import files, or open a folder."""
        self.drops.drop(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the layout and end the lanes; jobs go on."""
        self.note.flush()
        self.explorer_commands.close()
        self.display_commands.close_all()
        self.panes.save(self.settings)
        self.flowchart_commands.remember()
        self.settings.save()
        self.bridge.stop()
        QTimer.singleShot(0, self.deleteLater)
        event.accept()
