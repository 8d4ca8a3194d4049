"""What is drawn of a chart: its geometry in arrays, so that only what is seen is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainterPath

from widgets.graph_data import GraphJob, GraphLink, Ways, places
from widgets.graph_geometry import CARD_HEIGHT, CARD_WIDTH, Grid, Line
from widgets.graph_paint import line_path

_EDGE: Final = 60.0


class GraphScene:
    """A chart in one orientation.

    Parameters
    ----------
    jobs, links
        The chart.
    down
        Descendants below, or to the right.
    """

    def __init__(
        self, jobs: Sequence[GraphJob] = (), links: Sequence[GraphLink] = (), *, down: bool = True
    ) -> None:
        self.jobs = list(jobs)
        self.links = list(links)
        self.grid = Grid(down)
        self.ways = Ways(len(self.jobs), self.links)
        self.index = {job.name: at for at, job in enumerate(self.jobs)}
        self._at = places(self.jobs)
        corners = [self.grid.corner(job.layer, job.column) for job in self.jobs]
        self.corners = np.array(corners, float).reshape(-1, 2)
        self.lines: list[Line] = self.grid.lines(self.jobs, self.links)
        self._boxes = np.array([line.box() for line in self.lines], float).reshape(-1, 4)
        self._paths: dict[int, QPainterPath] = {}
        width, height = self.grid.size(self.jobs)
        self.rect = QRectF(-_EDGE, -_EDGE, width + 2 * _EDGE, height + 2 * _EDGE)
        self.cards = [QRectF(x, y, CARD_WIDTH, CARD_HEIGHT) for x, y in corners]
        self.straight = [QLineF(QPointF(*line.start), QPointF(*line.pieces[-1][-1])) for line in self.lines]

    def prepared(self, jobs: Sequence[GraphJob], links: Sequence[GraphLink], *, down: bool) -> GraphScene:
        """Return this scene if it differs in contents only, else another one; in any thread."""
        same = self.grid.down == down and self.same_places(jobs, links)
        return self if same else GraphScene(jobs, links, down=down)

    def set_jobs(self, jobs: Sequence[GraphJob]) -> None:
        """Show other contents of the same jobs at the same places."""
        self.jobs = list(jobs)

    def same_places(self, jobs: Sequence[GraphJob], links: Sequence[GraphLink]) -> bool:
        """Tell whether a chart differs in contents only."""
        return (
            len(jobs) == len(self.jobs)
            and all(
                new.name == old.name and new.layer == old.layer and new.column == old.column
                for new, old in zip(jobs, self.jobs, strict=True)
            )
            and list(links) == self.links
        )

    def job_at(self, place: QPointF) -> int | None:
        """Return the job whose card is at a place."""
        found = self.grid.at((place.x(), place.y()))
        return None if found is None else self._at.get(found)

    def jobs_in(self, rect: QRectF) -> np.ndarray:
        """Return the indices of the cards that touch a rectangle."""
        x, y = self.corners[:, 0], self.corners[:, 1]
        return np.flatnonzero(
            (x < rect.right() + 6)
            & (x > rect.left() - CARD_WIDTH - 6)
            & (y < rect.bottom() + 6)
            & (y > rect.top() - CARD_HEIGHT - 6)
        )

    def links_in(self, rect: QRectF) -> np.ndarray:
        """Return the indices of the links that may touch a rectangle."""
        left, top, right, bottom = self._boxes.T
        return np.flatnonzero(
            (left < rect.right() + _EDGE)
            & (right > rect.left() - _EDGE)
            & (top < rect.bottom() + 10)
            & (bottom > rect.top() - 10)
        )

    def path(self, link: int) -> QPainterPath:
        """Return the line of a link."""
        if link not in self._paths:
            self._paths[link] = line_path(self.lines[link])
        return self._paths[link]

    def neighbour(self, job: int, step: tuple[int, int]) -> int | None:
        """Return the job reached with an arrow key.

        Along the links it is the nearest parent or child, across them the next card of the layer.

        Parameters
        ----------
        job
            Where from.
        step
            ``(across, along)``, one of them 0, the other 1 or -1.
        """
        across, along = step
        here = self.jobs[job]
        if along:
            around = self.ways.children[job] if along > 0 else self.ways.parents[job]
            return min(
                around,
                key=lambda at: (
                    abs(self.jobs[at].layer - here.layer) + abs(self.jobs[at].column - here.column),
                    at,
                ),
                default=None,
            )
        same = [
            at
            for at, other in enumerate(self.jobs)
            if other.layer == here.layer and (other.column - here.column) * across > 0
        ]
        return min(same, key=lambda at: abs(self.jobs[at].column - here.column), default=None)
