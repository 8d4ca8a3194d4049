"""The running job as it learns: tiles, curves, latent space and volume; afterwards its result."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.class_strip import ClassStrip
from app.gui.monitor_header import MonitorHeader
from app.gui.monitor_words import latent_values, maps_of, nothing_yet, tile_texts
from app.gui.news import Followed, JobDetails
from app.gui.task_views import TaskView, TaskViews
from widgets import style
from widgets.curves import LiveCurves
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.figure_board import FigureBoard
from widgets.latent_plot import LatentPlot
from widgets.map_views import MapViews
from widgets.metric_tiles import MetricTiles

#: At most so often the pictures are drawn anew; metrics may come far more often (ms).
_DRAW_MS = 400
#: Between two parts there is time to paint what was drawn, and for whoever types or clicks (ms).
_BETWEEN_MS = 15
_COLOUR_SUFFIX = "_colour"
#: Height below which fewer curves are shown at first (px).
_LOW = 420
#: No lower than this the pictures get; the monitor is scrolled then (px).
_LOWEST = 200
#: Width below which curves over the steps give their room to two figures (px).
_NARROW = 1250
_PARTS = ("records", "tiles", "figures", "latent", "volume")


class Monitor(QWidget):
    """Everything that is known about the progress of the shown job.

    Which values there are is decided by the job: their names carry their units. Each of its tasks is looked
    at by itself, the newest unless another is chosen. A task that describes figures has them shown; of others
    the arrays ``latent`` (P, L) with ``latent_colour`` (P,) and ``volume`` [z, y, x] are.

    Signals
    -------
    explore_requested
        The result, finished or not, is to be opened in the explorer.
    tomograms_requested
        The particles are to be shown in their tomograms.
    """

    explore_requested = Signal()
    tomograms_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitor")
        self.views = TaskViews()
        self._drawn = 0
        self._drawn_task = ""
        self._seen: tuple[bool, int, bool, bool] | None = None
        self._arrays: dict[str, np.ndarray] = {}
        self._status = ""
        self._changed: set[str] = set()
        header = self.header = MonitorHeader()
        self.heading, self.worker, self.task_box = header.heading, header.worker, header.task_box
        self.choose_button, self.explore_button = header.choose_button, header.explore_button
        self.task_box.currentIndexChanged.connect(self._choose_task)
        self.explore_button.clicked.connect(self.explore_requested)
        header.tomograms_button.clicked.connect(self.tomograms_requested)
        self._explorable = False
        self.tiles = MetricTiles()
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(style.SMALL, style.TIGHT, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addWidget(header)
        layout.addWidget(self.tiles)
        layout.addWidget(self._make_pictures(), 1)
        # in a low window the parts keep a height at which they can be read, and are scrolled
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        self._empty = EmptyState("curve", "Nothing to watch yet", "")
        self._whole = WithEmptyState(scroll, self._empty, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._whole)
        self._timer = QTimer(self, singleShot=True, interval=_DRAW_MS)
        self._timer.timeout.connect(self._draw_next)
        self._warm_up()
        self.show_job(None)

    def _make_pictures(self) -> QSplitter:
        self.curves = LiveCurves(one_by_one=True)
        self.latent = LatentPlot()
        self.figures = FigureBoard()
        self.maps = MapViews()
        self.classes = ClassStrip()
        self.classes.changed.connect(self._arrange)
        self.volume = self.maps.preview
        self.middle = QStackedWidget()
        self.middle.addWidget(self.latent)
        self.middle.addWidget(self.figures)
        self.pictures = QSplitter(Qt.Orientation.Horizontal)
        self.pictures.setObjectName("monitor_pictures")
        self.pictures.setChildrenCollapsible(False)
        self.pictures.setMinimumHeight(_LOWEST)
        self.pictures.setHandleWidth(style.MEDIUM)
        parts = ((self.curves, 4, 300), (self.middle, 4, 320), (self.maps, 3, 200), (self.classes, 7, 320))
        for number, (widget, share, narrowest) in enumerate(parts):
            widget.setMinimumWidth(narrowest)
            self.pictures.addWidget(widget)
            self.pictures.setStretchFactor(number, share)
        self.pictures.setSizes([370, 362, 213, 575])
        # the curves need the room more than their names, which come when they are wanted
        names = self.curves.choice.parentWidget()
        assert names is not None
        names.hide()
        self.choose_button.toggled.connect(names.setVisible)
        self.choose_button.toggled.connect(self._arrange)
        return self.pictures

    # -- news ----------------------------------------------------------------------------------------------

    def show_job(self, details: JobDetails | None, *, explorable: bool = False) -> None:
        """Show the state of another job (its values come with the next news), or of none."""
        self._explorable = explorable
        self._status = details.entry.status if details is not None else ""
        self.views.set_type(details.type_key if details is not None else None)
        if details is None:
            self.forget()
        self._empty.set_message(*nothing_yet(details))
        self.header.show_job(details, explorable=explorable)
        self._changed |= {"records", "tiles", "figures"}
        self._timer.start()

    def forget(self) -> None:
        """Show nothing."""
        self._reset()
        self.worker.clear()
        self.draw()

    def _reset(self) -> None:
        self._arrays, self._drawn, self._drawn_task = {}, 0, ""
        self.views.clear()
        self._changed = set(_PARTS)
        self.curves.set_records([])

    def add(self, news: Followed) -> None:
        """Take up what is new; it is drawn a moment later."""
        if news.fresh:
            self._reset()
        self.views.add(news.records, news.figures)
        if news.records:
            self._changed |= {"records", "tiles"}
        if news.figures:
            self._changed |= {"figures", "tiles", "volume"}
        for name, array in news.arrays.items():
            self._arrays[name] = array
            self._changed.add("latent" if name.removesuffix(_COLOUR_SUFFIX) == "latent" else "volume")
        if self._changed and not self._timer.isActive():
            self._timer.start()

    def set_worker(self, text: str) -> None:
        """Show the load of the worker process."""
        self.worker.setText(text)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The metrics of the shown job, oldest first."""
        return self.views.current.records

    def _choose_task(self, index: int) -> None:
        self.views.choose(self.task_box.itemData(index) or "")
        self.draw()

    # -- drawing -------------------------------------------------------------------------------------------

    def _warm_up(self) -> None:
        """Draw a first curve before the window is shown: what that needs is loaded slowly."""
        self.curves.add_records([{"t": 0.0, "run": 1, "step": k, "loss": 1.0} for k in range(2)])
        self.curves.set_records([])

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while the monitor was not seen."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._draw_next)

    def _draw_next(self) -> None:
        """Draw one of the parts that changed; the others wait for their turn, so that nothing stalls."""
        if not self.isVisible():
            return
        part = next((part for part in _PARTS if part in self._changed), None)
        if part is None:
            self._changed.clear()
            return
        self._draw({part})
        QTimer.singleShot(_BETWEEN_MS, self, self._draw_next)

    def draw(self) -> None:
        """Draw everything that has changed, now."""
        self._draw(set(self._changed))

    def _draw(self, changed: set[str]) -> None:
        view = self.views.current
        if view.name != self._drawn_task:
            self._drawn_task, self._drawn = view.name, 0
            self.curves.set_records([])
            self._changed |= set(_PARTS)
            changed |= set(_PARTS)
            self._show_tasks()
        self._changed -= changed
        self._whole.show_empty(not view.records and not self._arrays and not self.classes.wanted)
        if "records" in changed and (new := view.records[self._drawn :]):
            # in a low pane, two curves that can be read rather than three that cannot
            self.curves.first_shown = 2 if self.curves.height() < _LOW else 3
            self.curves.add_records(new)
            self._drawn = len(view.records)
        if "records" in changed:
            self._arrange()
        if "tiles" in changed:
            self.tiles.set_tiles(tile_texts(view, self.curves.data, running=self._status == "Running"))
        if "figures" in changed:
            self.figures.set_figures(view.plots, self._arrays)
            self._arrange()
        if "latent" in changed:
            self._draw_latent()
        if "volume" in changed:
            self._draw_maps(view)

    def _show_tasks(self) -> None:
        """Offer the tasks there are; a job with one task has no choice."""
        with QSignalBlocker(self.task_box):
            self.task_box.clear()
            for view in self.views.all:
                self.task_box.addItem(view.title, view.name)
            self.task_box.setCurrentIndex(self.task_box.findData(self.views.current.name))
        self.task_box.setVisible(self.task_box.count() > 1)

    def _arrange(self) -> None:
        """Give the room to what tells most about the task: its figures and maps, else curves and latents."""
        plots, classes = self.views.current.plots, self.classes.wanted
        self.middle.setCurrentWidget(self.figures if plots else self.latent)
        narrow = len(plots) > 1 and self.width() < _NARROW
        seen = (
            self._has_curves() and (not narrow or self.choose_button.isChecked()),
            len(plots),
            (not plots and not classes) or self.views.current.maps is not None,
            bool(plots) or not classes,
        )
        # figures are what a task is about; the classes come back with the task that made them
        self.classes.setVisible(classes and not plots)
        if seen == self._seen:
            return
        self._seen = seen
        self.curves.setVisible(bool(seen[0]))
        self.maps.setVisible(bool(seen[2]))
        self.middle.setVisible(seen[3])
        # two figures are as wide as curves and latent space together
        self.pictures.setSizes([370, 362 * max(1, len(plots)), 213, 575])

    def _has_curves(self) -> bool:
        """Whether there are curves, or may be some soon; a short task that is over has none."""
        return bool(self.curves.data.names()) or self._status in ("", "Running", "Scheduled")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the parts anew."""
        super().resizeEvent(event)
        self._arrange()

    def _draw_maps(self, view: TaskView) -> None:
        figure = view.maps
        title, voxel_a = (figure.title, figure.voxel_size_a or None) if figure is not None else ("", None)
        self.maps.set_maps(maps_of(view, self._arrays), title, voxel_a)

    def _draw_latent(self) -> None:
        points = self._arrays.get("latent")
        self.explore_button.setVisible(self._explorable and points is not None)
        if points is None or points.ndim != 2 or not points.size:
            self.latent.set_latent(np.zeros((0, 2), np.float32), {})
            return
        self.latent.set_latent(points, latent_values(self._arrays, len(points)))
