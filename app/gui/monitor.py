"""The running job as it learns: tiles, curves, latent space and volume; afterwards its result."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.news import Followed, JobDetails
from widgets import style
from widgets.curve_data import parse_name
from widgets.curves import LiveCurves
from widgets.durations import duration
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.latent_plot import LatentPlot
from widgets.metric_tiles import MetricTiles, TileText, summary_tiles
from widgets.volume_preview import VolumePreview

#: At most so often the pictures are drawn anew; metrics may come far more often (ms).
_DRAW_MS = 400
_COLOUR_SUFFIX = "_colour"
#: What the values beside the latent space are, where their name in the job's folder does not say it.
_VALUE_NAMES = {"latent_colour": "rms displacement (Å)"}
#: Height below which fewer curves are shown at first (px).
_LOW = 420
_PARTS = ("records", "tiles", "latent", "volume")


class Monitor(QWidget):
    """Everything that is known about the progress of the shown job.

    Which values there are is decided by the job: their names carry their units. Of its arrays, ``latent``
    (P, L) with ``latent_colour`` (P,) and ``volume`` [z, y, x] are shown.

    Signals
    -------
    explore_requested
        The result, finished or not, is to be opened in the explorer.
    """

    explore_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitor")
        self._records: list[dict[str, Any]] = []
        self._drawn = 0
        self._arrays: dict[str, np.ndarray] = {}
        self._status = ""
        self._changed: set[str] = set()
        self.heading = QLabel()
        self.heading.setObjectName("monitor_heading")
        style.set_role(self.heading, "subheading")
        self.worker = QLabel()
        self.worker.setObjectName("monitor_worker")
        style.set_role(self.worker, "caption")
        self.choose_button = QToolButton()
        self.choose_button.setObjectName("monitor_choose_curves")
        self.choose_button.setText("Choose curves")
        self.choose_button.setToolTip("Show which values there are, to choose those that are drawn")
        self.choose_button.setCheckable(True)
        style.set_role(self.choose_button, "button")
        self.explore_button = QPushButton("Explore")
        self.explore_button.setObjectName("monitor_explore")
        self.explore_button.setToolTip("Walk through the latent space beside the moving map (Ctrl+E)")
        self.explore_button.clicked.connect(self.explore_requested)
        self.explore_button.hide()
        self._explorable = False
        line = QHBoxLayout()
        line.setSpacing(style.MEDIUM)
        line.addWidget(self.heading, 1)
        line.addWidget(self.worker)
        line.addWidget(self.choose_button)
        line.addWidget(self.explore_button)
        self.tiles = MetricTiles()
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(style.SMALL, style.TIGHT, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(line)
        layout.addWidget(self.tiles)
        layout.addWidget(self._make_pictures(), 1)
        self._empty = EmptyState("curve", "Nothing to watch yet", "")
        self._whole = WithEmptyState(content, self._empty, self)
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
        self.volume = VolumePreview()
        self.pictures = QSplitter(Qt.Orientation.Horizontal)
        self.pictures.setObjectName("monitor_pictures")
        self.pictures.setChildrenCollapsible(False)
        self.pictures.setHandleWidth(style.MEDIUM)
        parts = ((self.curves, 4, 300), (self.latent, 4, 320), (self.volume, 3, 200))
        for number, (widget, share, narrowest) in enumerate(parts):
            widget.setMinimumWidth(narrowest)
            self.pictures.addWidget(widget)
            self.pictures.setStretchFactor(number, share)
        self.pictures.setSizes([370, 362, 213])
        # the curves need the room more than their names, which come when they are wanted
        names = self.curves.choice.parentWidget()
        assert names is not None
        names.hide()
        self.choose_button.toggled.connect(names.setVisible)
        return self.pictures

    # -- news ----------------------------------------------------------------------------------------------

    def show_job(self, details: JobDetails | None, *, explorable: bool = False) -> None:
        """Show the state of another job (its values come with the next news), or of none."""
        self._explorable = explorable
        self._status = details.entry.status if details is not None else ""
        if details is None:
            self.forget()
            self._empty.set_message("Nothing to watch yet", "Press Run!, or choose a job in the lists.")
        elif details.type_key is None:
            self._empty.set_message("No curves of this job", "Jobs of other programs write logs only.")
        elif self._status == "Running":
            self._empty.set_message("The job has started", "The first values appear in a moment.")
        elif self._status == "Scheduled":
            self._empty.set_message("The job is waiting", "It is scheduled, and has not begun.")
        else:
            self._empty.set_message("This job left no values", "Its log tells what happened.")
        name = details.entry.name.rstrip("/") if details is not None else ""
        words = {"Succeeded": "Result of", "Failed": "Reached in", "Aborted": "Reached in"}
        self.heading.setText(f"{words.get(self._status, '')} {name}".strip())
        self._changed |= {"records", "tiles"}
        self._timer.start()

    def forget(self) -> None:
        """Show nothing."""
        self._reset()
        self.worker.clear()
        self.draw()

    def _reset(self) -> None:
        self._records, self._arrays, self._drawn = [], {}, 0
        self._changed = set(_PARTS)
        self.curves.set_records([])

    def add(self, news: Followed) -> None:
        """Take up what is new; it is drawn a moment later."""
        if news.fresh:
            self._reset()
        if news.records:
            self._records += news.records
            self._changed |= {"records", "tiles"}
        for name, array in news.arrays.items():
            self._arrays[name] = array
            self._changed.add(name.removesuffix(_COLOUR_SUFFIX))
        if self._changed and not self._timer.isActive():
            self._timer.start()

    def set_worker(self, text: str) -> None:
        """Show the load of the worker process."""
        self.worker.setText(text)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The metrics of the shown job, oldest first."""
        return self._records

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
        QTimer.singleShot(0, self, self._draw_next)

    def draw(self) -> None:
        """Draw everything that has changed, now."""
        self._draw(set(self._changed))

    def _draw(self, changed: set[str]) -> None:
        self._changed -= changed
        self._whole.show_empty(not self._records and not self._arrays)
        if "records" in changed and (new := self._records[self._drawn :]):
            # in a low pane, two curves that can be read rather than three that can not
            self.curves.first_shown = 2 if self.curves.height() < _LOW else 3
            self.curves.add_records(new)
            self._drawn = len(self._records)
        if "tiles" in changed:
            self.tiles.set_tiles(self._tile_texts())
        if "latent" in changed:
            self._draw_latent()
        if "volume" in changed:
            volume = self._arrays.get("volume")
            self.volume.set_volume(volume if volume is not None and volume.ndim == 3 else None)

    def _tile_texts(self) -> list[TileText]:
        texts = summary_tiles(self._records)
        if self._status == "Running" or not texts:
            return texts
        # of a job that is over, the time it took is worth knowing, not the time left
        run = self._records[-1].get("run")
        times = [float(r["t"]) for r in self._records if r.get("run") == run]
        took = TileText("Took", duration(times[-1] - times[0]) or "—", f"run {run}")
        texts = [took if text.title == "Time left" else text for text in texts]
        if self._status == "Succeeded" and (last := self.curves.data.last_step):
            count = f"{self.curves.data.step_name}s"
            texts[0] = TileText(count, f"{last:,.0f}", "all is done", 1.0)
        return texts

    def _draw_latent(self) -> None:
        points = self._arrays.get("latent")
        self.explore_button.setVisible(self._explorable and points is not None)
        if points is None or points.ndim != 2 or not points.size:
            self.latent.set_latent(np.zeros((0, 2), np.float32), {})
            return
        values = {
            _VALUE_NAMES.get(name) or parse_name(name.removeprefix("latent_")).title: array
            for name, array in self._arrays.items()
            if name.startswith("latent_") and array.shape == (len(points),)
        }
        self.latent.set_latent(points, values)
