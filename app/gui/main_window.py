"""The window: panes around the form of a job, filled by news from beside the window's thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMenu

from app.gui import convert, menus
from app.gui.class_view import ClassCommands
from app.gui.demo_guide import DemoGuide
from app.gui.device_commands import DeviceCommands
from app.gui.display_commands import DisplayCommands
from app.gui.explorer_commands import ExplorerCommands
from app.gui.file_drops import FileDrops
from app.gui.flowchart_commands import FlowchartCommands
from app.gui.housekeeping_commands import HousekeepingCommands
from app.gui.job_commands import JobCommands
from app.gui.menu_plan import JOB_MENU
from app.gui.news import JobDetails, JobEntry
from app.gui.news_desk import NewsDesk
from app.gui.notifier import Notifier
from app.gui.overview_commands import OverviewCommands
from app.gui.panes import Panes
from app.gui.project_commands import ProjectCommands
from app.gui.shown_note import ShownNote
from app.gui.start_commands import StartCommands
from app.gui.window_frame import WindowFrame
from app.gui.window_wiring import connect_parts, pane_contents, situation_of
from app.gui.workplace import Opened
from app.settings import Settings
from jobs import registry
from widgets import style
from widgets.focus_order import move_focus

_TITLE = "Heteroscope"


class MainWindow(WindowFrame):
    """Shows one project (or the start screen) and one of its jobs.

    Nothing here reads files, starts processes or waits: that is done by the lanes of the bridge.

    Parameters
    ----------
    settings
        Preferences; saved when the window closes.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.entries: dict[str, JobEntry] = {}
        self.demo: DemoGuide | None = None
        self.wanted = ""
        self.shown_note = ShownNote(self)
        self.notifier = Notifier(self)
        self.bridge.news.connect(self.take)
        self.project_commands = ProjectCommands(self)
        self.job_commands = JobCommands(self, self.project_commands)
        self.start_commands = StartCommands(self, self.project_commands)
        self.explorer_commands = ExplorerCommands(self)
        self.class_commands = ClassCommands(self)
        self.overview_commands = OverviewCommands(self)
        self.flowchart_commands = FlowchartCommands(self)
        self.device_commands = DeviceCommands(self)
        self.display_commands = DisplayCommands(self)
        self.news_desk = NewsDesk(self)
        self.housekeeping = HousekeepingCommands(self, self.project_commands)
        self.actions_by_key: Mapping[str, QAction] = menus.make_actions(
            self,
            [
                self.project_commands,
                self.start_commands,
                self.job_commands,
                self.explorer_commands,
                self.class_commands,
                self.housekeeping,
                self.display_commands,
                self.overview_commands,
                self.flowchart_commands,
            ],
        )
        for action in self.actions_by_key.values():
            self.addAction(action)
        connect_parts(self)
        self.recent_chosen.connect(lambda path: self.project_commands.open(Path(path)))
        self.drops = FileDrops(self)
        self.apply_quietly()
        self.resize(1280, 800)
        self.panes = Panes(self, pane_contents(self))
        self.overview_commands.follow_pane(self.panes.docks["overview"])
        menus.fill_menu_bar(
            self.menu_bar,
            self.actions_by_key,
            {
                "recent": self.add_recent_menu,
                "panes": self.add_pane_actions,
                "theme": self.add_theme_menu,
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
        self.show_new(next(iter(registry.JOB_TYPES)))
        self.bridge.submit(self.workplace.defaults, self.page.set_defaults)
        self.tell(f"{opened.path} is open.")
        if self.demo is not None:
            self.demo.project_opened(opened.path)

    def project_closed(self) -> None:
        """Show the start screen."""
        self.explorer_commands.close()
        self.class_commands.close()
        self.display_commands.close_all()
        self.project_path, self.readonly, self.entries = None, False, {}
        self.housekeeping.follow(None)
        self.page.set_project(None)
        self.bridge.submit(lambda: self.follower.follow(None), lane="watch")
        self.jobs.set_rows([])
        self._show_parts(None)
        self.setWindowTitle(_TITLE)
        self.where.clear()
        self.counts.clear()
        self.show_welcome()
        self.update_state()

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
        self.class_commands.show(details)
        self.overview_commands.show(details)
        self.explorer_commands.expect(details)
        self.io.set_io(*convert.io_entries(details, self.entries))
        self.panes.set_below(details is not None or self.project_path is None)
        self.shown_note.show(details)
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
            self.show_new(details.type_key or next(iter(registry.JOB_TYPES)))

    def show_results(self) -> None:
        """Show what the job has learnt, in the explorer."""
        self.explorer_commands.explore()

    def open_log(self, stream: str) -> None:
        """Open a log of the shown job in a program of its own."""
        if self.page.details is not None:
            self.open_file(Path(self.page.details.entry.name) / f"run.{stream}")

    def open_file(self, path: Path) -> None:
        """Show a file of the project: in the explorer, in a viewer, or with a program of the desktop."""
        if self.project_path is None or self.explorer_commands.opens_file(path):
            return
        if not self.class_commands.opens_file(path):
            self.display_commands.show_file(path)

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

    # -- telling -------------------------------------------------------------------------------------------

    def update_state(self) -> None:
        """Enable what can be done now."""
        menus.update_actions(self.actions_by_key, situation_of(self))
        self.flowchart_commands.follow()
        self.actions_by_key["toggle_overwrite"].setChecked(self.page.overwrites)
        self.actions_by_key["tomo_mode"].setChecked(self.types.mode == "tomo")

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Let Tab walk as one reads."""
        return move_focus(self, forward)

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
        self.class_commands.close()
        self.display_commands.close_all()
        self.panes.save(self.settings)
        self.flowchart_commands.remember()
        self.settings.save()
        self.bridge.stop()
        QTimer.singleShot(0, self.deleteLater)
        event.accept()
