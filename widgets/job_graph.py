"""The jobs of a project as a flowchart that can be walked through, searched and followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from widgets.empty_state import EmptyState, WithEmptyState
from widgets.graph_bar import GraphBar
from widgets.graph_canvas import GraphCanvas
from widgets.graph_data import GraphJob, GraphLink
from widgets.graph_minimap import GraphMinimap
from widgets.graph_scene import GraphScene

_HINT = "Ctrl-click a second job to see the way between the two"

#: Scale at which the words of the cards can be read at ease.
_READABLE: Final = 0.75
#: Somebody who has moved the chart by no more than this is still where it began (pixels).
_AWAY: Final = 4.0


class JobGraph(QWidget):
    """Bar and canvas.

    Signals
    -------
    job_selected(name), job_activated(name), menu_requested(name, global position)
        As in the job lists.
    export_requested()
        The chart is to be saved.
    first_shown()
        It came to be seen; whoever has the data may bring them now.
    turned()
        The chart grows in the other direction; whoever has the data may arrange them for it.
    """

    job_selected = Signal(str)
    job_activated = Signal(str)
    menu_requested = Signal(str, QPoint)
    export_requested = Signal()
    first_shown = Signal()
    turned = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_graph")
        self.bar = GraphBar(self)
        self.canvas = GraphCanvas(self)
        self.minimap = GraphMinimap(self.canvas)
        self.empty = EmptyState("nodes", "No jobs yet", "Jobs and what goes between them appear here.")
        self._body = WithEmptyState(self.canvas, self.empty, self)
        self._jobs: list[GraphJob] = []
        self._links: list[GraphLink] = []
        self._wanted_scale: float | None = None
        self._placed = False
        self._turned = False
        self._start = (0.0, QPointF())
        self.canvas.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self._body, 1)
        self._settle = QTimer(self, singleShot=True, interval=0)
        self._settle.timeout.connect(self._place)
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(self._begin_again)
        self.bar.changed.connect(self._update_lit)
        self.bar.fit_requested.connect(self.canvas.fit)
        self.bar.turned.connect(self._turn)
        self.bar.export_requested.connect(self.export_requested)
        self.canvas.job_selected.connect(self._on_selected)
        self.canvas.job_activated.connect(self.job_activated)
        self.canvas.menu_requested.connect(self.menu_requested)
        self.canvas.second_chosen.connect(self._on_second)
        self.bar.setVisible(False)
        self.bar.allow_follow(False)

    # -- content -------------------------------------------------------------------------------------------

    @property
    def down(self) -> bool:
        """Whether descendants stand below, not to the right."""
        return not self.bar.turn_button.isChecked()

    def set_down(self, down: bool) -> None:
        """Let descendants stand below, or to the right."""
        self.bar.turn_button.setChecked(not down)

    def set_chart(
        self, jobs: Sequence[GraphJob], links: Sequence[GraphLink], scene: GraphScene | None = None
    ) -> None:
        """Show jobs at their places; selection, zoom and place stay when they can.

        Parameters
        ----------
        jobs, links
            The chart.
        scene
            What :meth:`GraphScene.prepared` made of it; without it, that is done here.
        """
        had, at_start = bool(self._jobs), self._at_start()
        self._jobs, self._links = list(jobs), list(links)
        self._body.show_empty(not jobs)
        self.bar.setVisible(bool(jobs))
        self.bar.set_jobs(jobs)
        self.canvas.set_chart(jobs, links, down=self.down, scene=scene)
        self._update_lit()
        self.minimap.redraw()
        if not had or not jobs:
            self._placed = False
            self._settle.start()
        elif self._turned and at_start:
            self._again.start()
        self._turned = False

    def clear(self) -> None:
        """Show no jobs and look for nothing, as for another project."""
        self.bar.search.clear()
        self.select(None)
        self.set_chart([], [])

    def select(self, name: str | None) -> None:
        """Select a job without announcing it; None selects nothing."""
        job = self.canvas.chart.index.get(name) if name else None
        if job == self.canvas.selected:
            return
        self.canvas.selected = job
        if job is not None and self.isVisible() and self._placed:
            at_start = self._at_start()
            self.canvas.show_job(job)
            if at_start:  # nobody has moved the chart
                self._start = (self.canvas.scale_now, self._middle())
        self._update_lit()

    def selected(self) -> str:
        """Return the name of the selected job, empty when there is none."""
        return self.canvas.name_of(self.canvas.selected)

    def _on_selected(self, name: str) -> None:
        self._update_lit()
        self.job_selected.emit(name)

    def _on_second(self, name: str) -> None:
        self.canvas.second = self.canvas.chart.index.get(name)
        if name:
            self.bar.set_follow("")
        self._update_lit()

    def _turn(self) -> None:
        self.canvas.set_chart(self._jobs, self._links, down=self.down)
        self.minimap.redraw()
        if self._jobs:
            self._show_start()
        self._turned = True
        self.turned.emit()

    # -- what stands out -----------------------------------------------------------------------------------

    def _update_lit(self) -> None:
        canvas = self.canvas
        self.bar.allow_follow(canvas.selected is not None)
        lit, strong, told = self._followed()
        wanted = self.bar.filter()
        if wanted.active:
            found = frozenset(at for at, job in enumerate(canvas.chart.jobs) if wanted.matches(job))
            lit = found if lit is None else lit & found
            told = f"{len(lit):,} of {len(self._jobs):,} jobs match" if lit else "No job matches"
        self.bar.told.setText(told)
        self.bar.told.setToolTip(told)
        canvas.hides = self.bar.hide_button.isChecked()
        canvas.set_lit(lit, strong=strong)

    def _followed(self) -> tuple[frozenset[int] | None, bool, str]:
        """Return the jobs to be lit, whether the lines are lit as well, and what is told."""
        canvas, ways = self.canvas, self.canvas.chart.ways
        first, second = canvas.selected, canvas.second
        count = f"{len(self._jobs):,} {'job' if len(self._jobs) == 1 else 'jobs'}"
        if first is None:
            return None, False, count
        title = canvas.chart.jobs[first].shown
        if second is not None:
            return self._way(first, second)
        follow = self.bar.follow()
        if not follow:
            return None, False, f"{count}. {_HINT}."
        found = ways.ancestors(first) if follow == "ancestors" else ways.descendants(first)
        n_others = len(found) - 1
        jobs = f"{n_others:,} {'job' if n_others == 1 else 'jobs'}"
        told = f"{title} came from {jobs}" if follow == "ancestors" else f"{jobs} came of {title}"
        return frozenset(found), True, told

    def _way(self, first: int, second: int) -> tuple[frozenset[int], bool, str]:
        canvas = self.canvas
        names = [canvas.chart.jobs[at].shown for at in (first, second)]
        way = canvas.chart.ways.between(first, second)
        if way:
            n_between = len(way) - 2
            between = f"{n_between:,} {'job' if n_between == 1 else 'jobs'} between them"
            if not n_between:
                between = "one feeds the other directly"
            return frozenset(way), True, f"{names[0]} and {names[1]}: {between}"
        common = canvas.chart.ways.common(first, second)
        if common:
            return frozenset(common), True, f"{names[0]} and {names[1]} have common ancestors"
        return frozenset({first, second}), True, f"{names[0]} and {names[1]} have nothing in common"

    # -- place ---------------------------------------------------------------------------------------------

    def zoom_state(self) -> float:
        """Return the zoom that somebody has chosen, to be remembered; 0 when nobody has."""
        chosen = self._placed and self.canvas.scale_now != self._start[0]
        return self.canvas.scale_now if chosen else (self._wanted_scale or 0.0)

    def set_zoom_state(self, scale: float) -> None:
        """Zoom as the last time, as soon as there is something to be seen; 0 shows everything."""
        self._wanted_scale = scale or None
        self._placed = False
        self._settle.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for data, and place the chart once it has a size."""
        super().showEvent(event)
        self.first_shown.emit()
        self._settle.start()

    def _place(self) -> None:
        if self._placed or not self._jobs or not self.isVisible() or self.canvas.width() < 50:
            return
        self._placed = True
        self._show_start()

    def _show_start(self) -> None:
        """Show everything if it can be read, else the selected or the newest job."""
        canvas = self.canvas
        scale = self._wanted_scale or max(canvas.smallest(), _READABLE)
        job = canvas.selected if canvas.selected is not None else len(self._jobs) - 1
        if scale <= canvas.smallest() * 1.001:
            canvas.set_scale(scale, canvas.chart.rect.center())
        else:
            canvas.set_scale(scale, canvas.chart.cards[job].center())
        self._start = (canvas.scale_now, self._middle())
        self.minimap.place()

    def _begin_again(self) -> None:
        # somebody may have zoomed in the meantime
        if self.canvas.scale_now == self._start[0]:
            self._show_start()

    def _at_start(self) -> bool:
        """Whether nobody has gone elsewhere in the chart since it was placed."""
        (scale, middle), now = self._start, self._middle()
        away = abs(now.x() - middle.x()) + abs(now.y() - middle.y())
        return self._placed and scale == self.canvas.scale_now and away * scale < _AWAY

    def _middle(self) -> QPointF:
        return self.canvas.mapToScene(self.canvas.viewport().rect().center())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin anew in another room, as long as nobody has gone elsewhere in the chart."""
        if watched is self.canvas and event.type() == QEvent.Type.Resize and self._at_start():
            self._again.start()
        return super().eventFilter(watched, event)
