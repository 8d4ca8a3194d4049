"""The flowchart in the window: kept up to date, followed both ways, exported; and the tags of jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog

from app.flowchart_page import FORMATS, write_flowchart
from app.gui.dialogs.tags import ask_tags
from app.gui.flowchart_maker import Chart
from widgets.graph_scene import GraphScene
from widgets.job_graph import JobGraph

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

#: Charts larger than this are brought up to date less often.
_LARGE: Final = 2_000
_LARGE_MS: Final = 2_000


class FlowchartCommands:
    """Handlers of the actions about flowchart and tags, and the one who feeds the pane.

    Parameters
    ----------
    window
        The window; its remaining parts are used only once it shows something.
    """

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.graph = JobGraph()
        self._stale = True
        self._asked = False
        self._again = QTimer(self.graph, singleShot=True)
        self._again.timeout.connect(self._request)
        self.graph.set_down(window.settings.flowchart_down)
        self.graph.set_zoom_state(window.settings.flowchart_zoom)
        self.graph.first_shown.connect(self._request)
        self.graph.turned.connect(self._on_turned)
        self.graph.job_selected.connect(window.select)
        self.graph.job_activated.connect(self._open)
        self.graph.menu_requested.connect(window.show_job_menu)
        self.graph.export_requested.connect(self.export_flowchart)

    # -- keeping up ----------------------------------------------------------------------------------------

    def jobs_changed(self) -> None:
        """The lists changed: draw anew, at once if the chart is seen, else when it is."""
        self._stale = True
        if not self._again.isActive():
            self._again.start(_LARGE_MS if len(self.window.entries) > _LARGE and self._has_chart() else 0)

    def follow(self) -> None:
        """Show the job that the window shows, or nothing without a project."""
        if self.window.project_path is None:
            self._stale = True
            if self._has_chart():
                self.graph.clear()
        else:
            self.graph.select(self.window.wanted or None)

    def in_front(self) -> bool:
        """Tell whether the chart can be seen; behind another tab it cannot."""
        return not self.graph.visibleRegion().isEmpty()

    def remember(self) -> None:
        """Put zoom and direction into the settings."""
        self.window.settings.flowchart_down = self.graph.down
        self.window.settings.flowchart_zoom = min(max(self.graph.zoom_state(), 0.0), 10.0)

    def _has_chart(self) -> bool:
        return bool(self.graph.canvas.chart.jobs)

    def _request(self) -> None:
        window = self.window
        if not self._stale or self._asked or window.project_path is None or not self.graph.isVisible():
            return
        self._stale, self._asked = False, True
        path = window.project_path

        shown, down = self.graph.canvas.chart, self.graph.down

        def make() -> tuple[Chart, GraphScene]:
            chart = window.workplace.flowchart(down=down)
            return chart, shown.prepared(*chart, down=down)

        def show(made: tuple[Chart, GraphScene]) -> None:
            self._asked = False
            if path == window.project_path:
                self.graph.set_chart(*made[0], made[1])
                self.follow()
            else:
                self._stale = True
            if self._stale:
                self.jobs_changed()

        def failed(error: Exception) -> None:
            self._asked = False
            window.complain_of(error)

        window.bridge.submit(make, show, failed)

    def _on_turned(self) -> None:
        # parts without a link between them are packed otherwise
        self._stale = True
        self._request()

    def _open(self, name: str) -> None:
        self.window.select(name)
        self.window.panes.reveal("job")

    # -- actions -------------------------------------------------------------------------------------------

    def show_flowchart(self) -> None:
        """Bring the flowchart to the front."""
        self.window.panes.reveal("flowchart")
        self.graph.canvas.setFocus()

    def export_flowchart(self) -> None:
        """Save the chart as a vector graphic, as it lies in the window."""
        window = self.window
        if window.project_path is None:
            return
        project, down = window.project_path, self.graph.down
        text, chosen = QFileDialog.getSaveFileName(
            window, "Export the flowchart", str(project / "flowchart.pdf"), "PDF (*.pdf);;SVG (*.svg)"
        )
        if not text:
            return
        path = Path(text)
        if path.suffix.lower() not in FORMATS:
            path = path.with_name(path.name + (".svg" if "svg" in chosen else ".pdf"))

        def write() -> Path:
            jobs, links = window.workplace.flowchart(down=down)
            return write_flowchart(path, jobs, links, project.name, down=down)

        window.bridge.submit(
            write, lambda done: window.tell(f"The flowchart was saved to {done}."), window.complain_of
        )

    def edit_tags(self) -> None:
        """Ask for the tags of the shown job."""
        window, name = self.window, self.window.wanted
        if not name:
            return

        def ask(found: object) -> None:
            assert isinstance(found, tuple)
            chosen = ask_tags(window, name.rstrip("/"), *found)
            if chosen is not None:
                window.bridge.submit(
                    lambda: window.workplace.set_tags(name, *chosen), window.take_all, window.complain_of
                )

        window.bridge.submit(lambda: window.workplace.tags_of(name), ask, window.complain_of)
