"""Draws a flowchart: places, zoom, and as much detail as can be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import QLineF, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from widgets import style
from widgets.graph_data import GraphJob, GraphLink
from widgets.graph_paint import LABELS_FROM, SHAPE_FROM, CardPainter, line_colour, paint_dots
from widgets.graph_scene import GraphScene

_LARGEST: Final = 2.0
_PULSE_MS: Final = 90
_PULSES: Final = 22


class GraphView(QGraphicsView):
    """Draws a chart by hand instead of through an item per card: ten thousand of them cost nothing.

    Signals
    -------
    view_moved()
        Another part of the chart is seen.
    """

    view_moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        for policy in (self.setHorizontalScrollBarPolicy, self.setVerticalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chart = GraphScene()
        self.selected: int | None = None
        self.second: int | None = None
        self.lit: frozenset[int] | None = None
        self.strong = False
        self.hides = False
        self._hovered: int | None = None
        self._groups: list[tuple[str, bool, list[QRectF]]] = []
        self._grouped_for: list[GraphJob] | None = None
        self._grouped_lit: frozenset[int] | None = None
        self._running = False
        self._painter = CardPainter(self.font())
        self._beat = 0
        self._pulse = QTimer(self, interval=_PULSE_MS)
        self._pulse.timeout.connect(self._on_pulse)
        style.ThemeWatcher(self, self._restyle)

    # -- content -------------------------------------------------------------------------------------------

    def set_chart(
        self,
        jobs: Sequence[GraphJob],
        links: Sequence[GraphLink],
        *,
        down: bool,
        scene: GraphScene | None = None,
    ) -> None:
        """Show a chart; the place that is looked at stays where it is.

        A large chart's `scene` is made of it beforehand, in another thread; the one shown already says that
        only contents changed.
        """
        known = scene is not None and scene.grid.down == down
        same = scene is self.chart if known else self.chart.same_places(jobs, links)
        if self.chart.grid.down == down and same:
            self.chart.set_jobs(jobs)
        else:
            names = [self.name_of(at) for at in (self.selected, self.second)]
            self.chart = scene if known and scene else GraphScene(jobs, links, down=down)
            self.selected, self.second = (self.chart.index.get(name) for name in names)
            self._hovered = None
            self._fit_scene_rect()
        self.refresh()

    def set_lit(self, lit: frozenset[int] | None, *, strong: bool) -> None:
        """Let these jobs stand out (None: all are equal); `strong` draws the lines between them in colour."""
        self.lit, self.strong = lit, strong
        self.refresh()

    def set_hides(self, hides: bool) -> None:
        """Hide the jobs that do not stand out, instead of fading them."""
        self.hides = hides
        self.refresh()

    def refresh(self) -> None:
        """Draw again with other contents."""
        self._groups = self._grouped()
        self._start_pulse()
        self.viewport().update()

    def _grouped(self) -> list[tuple[str, bool, list[QRectF]]]:
        """Return the cards by status, and whether they are faded; with nothing lit, as the last time."""
        jobs, lit = self.chart.jobs, self.lit
        if self._grouped_for is jobs and self._grouped_lit == lit:
            return self._groups
        self._grouped_for, self._grouped_lit = jobs, lit
        groups: dict[tuple[str, bool], list[QRectF]] = {}
        for at, (job, card) in enumerate(zip(jobs, self.chart.cards, strict=True)):
            groups.setdefault((job.status, lit is not None and at not in lit), []).append(card)
        self._running = any(status == "Running" for status, _ in groups)
        return [(status, faded, cards) for (status, faded), cards in groups.items()]

    def name_of(self, job: int | None) -> str:
        """Return the name of a job, empty for none."""
        return self.chart.jobs[job].name if job is not None and job < len(self.chart.jobs) else ""

    def _faded(self, job: int) -> bool:
        return self.lit is not None and job not in self.lit

    def _restyle(self) -> None:
        self._painter = CardPainter(self.font())
        self.viewport().update()

    # -- looking -------------------------------------------------------------------------------------------

    @property
    def scale_now(self) -> float:
        """Pixels for one unit of the chart."""
        return float(self.transform().m11())

    def _fit_scene_rect(self) -> None:
        # half a view around the chart, so that each card can be brought to the middle
        scale = self.scale_now
        across, along = self.viewport().width() / scale / 2, self.viewport().height() / scale / 2
        self.setSceneRect(self.chart.rect.adjusted(-across, -along, across, along))

    def smallest(self) -> float:
        """Return the scale at which all of the chart is seen."""
        rect, view = self.chart.rect, self.viewport().rect()
        return min(1.0, view.width() / max(rect.width(), 1), view.height() / max(rect.height(), 1))

    def set_scale(self, scale: float, centre: QPointF | None = None) -> None:
        """Zoom to a scale, around the mouse or about a place."""
        scale = min(max(scale, self.smallest() * 0.9, 1e-4), _LARGEST)
        middle = centre or self.mapToScene(self.viewport().rect().center())
        self.resetTransform()
        self.scale(scale, scale)
        self._fit_scene_rect()
        self.centerOn(middle)
        self.view_moved.emit()

    def zoom(self, factor: float, around: QPoint | None = None) -> None:
        """Zoom; the place under `around` stays there."""
        around = around or self.viewport().rect().center()
        before = self.mapToScene(around)
        centre = self.mapToScene(self.viewport().rect().center())
        old = self.scale_now
        new = min(max(old * factor, self.smallest() * 0.9, 1e-4), _LARGEST)
        self.set_scale(new, before + (centre - before) * (old / new))

    def fit(self) -> None:
        """Show all that stands out, or everything."""
        rect = self.chart.rect
        if self.lit and self.lit is not None:
            rect = QRectF()
            for job in self.lit:
                rect = rect.united(self.chart.cards[job])
            rect = rect.adjusted(-40, -40, 40, 40)
        view = self.viewport().rect()
        scale = min(view.width() / max(rect.width(), 1), view.height() / max(rect.height(), 1), 1.0)
        self.set_scale(scale, rect.center())

    def show_job(self, job: int, *, centre: bool = False) -> None:
        """Bring a card into view."""
        card = self.chart.cards[job]
        if centre or not self.seen().contains(card):
            self.centerOn(card.center())
            self.view_moved.emit()

    def seen(self) -> QRectF:
        """Return the part of the chart that is seen."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    # -- drawing -------------------------------------------------------------------------------------------

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Draw what is seen of the chart."""
        rect = QRectF(rect)
        painter.fillRect(rect, style.colour("window"))
        if not self.chart.jobs:
            return
        if self.scale_now < SHAPE_FROM:
            self._draw_far(painter, rect)
        else:
            self._draw_links(painter, rect)
            self._draw_cards(painter, rect)

    def _draw_far(self, painter: QPainter, rect: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        links = self.chart.links_in(rect)
        # of more lines than can be told apart, every so many-th
        links = links[:: max(1, math.ceil(links.size / 12_000))]
        for lit in (False, True) if self.lit is not None else (True,):
            lines: list[QLineF] = [
                self.chart.straight[at] for at in links.tolist() if self._link_lit(at) == lit
            ]
            if lit or not self.hides:
                colour = line_colour(faded=not lit, strong=self.strong and lit and self.lit is not None)
                painter.setPen(QPen(colour, 0))
                painter.drawLines(lines)
        everything = rect.contains(self.chart.rect.adjusted(60, 60, -60, -60))
        for status, faded, cards in sorted(self._groups, key=lambda group: not group[1]):
            if faded and self.hides:
                continue
            seen = cards if everything else [card for card in cards if card.intersects(rect)]
            paint_dots(painter, [(status, seen)], opacity=0.16 if faded else 1.0)
        for job in (self.selected, self.second):
            if job is not None:
                painter.setPen(QPen(style.colour("text"), 2.5 / self.scale_now))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                margin = 3 / self.scale_now
                painter.drawRect(self.chart.cards[job].adjusted(-margin, -margin, margin, margin))

    def _link_lit(self, at: int) -> bool:
        link = self.chart.links[at]
        return self.lit is None or (link.source in self.lit and link.target in self.lit)

    def _draw_links(self, painter: QPainter, rect: QRectF) -> None:
        links = self.chart.links_in(rect).tolist()
        around = self.selected if self.lit is None else None
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for at in links:
            link, lit = self.chart.links[at], self._link_lit(at)
            if not lit and self.hides:
                continue
            strong = (self.strong and lit and self.lit is not None) or (
                around is not None and around in (link.source, link.target)
            )
            painter.setPen(QPen(line_colour(faded=not lit, strong=strong), 2.0 if strong else 1.3))
            painter.drawPath(self.chart.path(at))
        if self.scale_now < LABELS_FROM:
            return
        room = self.chart.grid.gaps[1] - 12 if not self.chart.grid.down else 110.0
        for at in links:
            x, y = self.chart.lines[at].middle
            self._painter.label(
                painter, self.chart.links[at].label, QPointF(x, y), room, faded=not self._link_lit(at)
            )

    def _draw_cards(self, painter: QPainter, rect: QRectF) -> None:
        scale = self.scale_now
        glow = 0.5 - 0.5 * math.cos(2 * math.pi * self._beat / _PULSES)
        jobs: np.ndarray = self.chart.jobs_in(rect)
        for at in jobs.tolist():
            faded = self._faded(at)
            if faded and self.hides:
                continue
            job = self.chart.jobs[at]
            self._painter.card(
                painter,
                job,
                self.chart.cards[at].topLeft(),
                scale,
                chosen=at == self.selected,
                second=at == self.second,
                hovered=at == self._hovered,
                faded=faded,
                pulse=glow if job.status == "Running" else 0.0,
            )

    # -- the glow of running jobs --------------------------------------------------------------------------

    @property
    def glows(self) -> bool:
        """Whether running jobs glow."""
        return self._pulse.isActive()

    def _start_pulse(self) -> None:
        runs = self.isVisible() and self._running
        if runs != self._pulse.isActive():
            self._pulse.start() if runs else self._pulse.stop()

    def _on_pulse(self) -> None:
        self._beat = (self._beat + 1) % _PULSES
        if self.scale_now < SHAPE_FROM:
            return
        for at in self.chart.jobs_in(self.seen()).tolist():
            if self.chart.jobs[at].status == "Running":
                card = self.chart.cards[at].adjusted(-6, -6, 6, 6)
                self.viewport().update(self.mapFromScene(card).boundingRect())

    def showEvent(self, event: QShowEvent) -> None:
        """Let running jobs glow while they can be seen."""
        super().showEvent(event)
        self._start_pulse()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self._pulse.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the middle where it is."""
        super().resizeEvent(event)
        self._fit_scene_rect()
        self.view_moved.emit()
