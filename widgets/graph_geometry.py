"""Where cards stand and how the lines between them run, on the screen and on paper alike. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from widgets.graph_data import GraphJob, GraphLink

CARD_WIDTH: Final = 216.0
CARD_HEIGHT: Final = 76.0
#: Between cards side by side, and between one layer and the next, for charts that grow downwards …
_GAPS_DOWN: Final = (48.0, 66.0)
#: … and for those that grow to the right, where labels stand between the layers.
_GAPS_RIGHT: Final = (30.0, 112.0)
#: Between two lines that leave or enter the same card.
_PORT: Final = 30.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Grid:
    """Turns layers and columns into places; `down` tells whether descendants stand below or to the right."""

    down: bool = True

    @cached_property
    def gaps(self) -> tuple[float, float]:
        """Gap between columns, gap between layers."""
        return _GAPS_DOWN if self.down else _GAPS_RIGHT

    @cached_property
    def pitch(self) -> tuple[float, float]:
        """Distance from column to column, and from layer to layer."""
        across, along = self._card
        return across + self.gaps[0], along + self.gaps[1]

    @cached_property
    def _card(self) -> tuple[float, float]:
        return (CARD_WIDTH, CARD_HEIGHT) if self.down else (CARD_HEIGHT, CARD_WIDTH)

    def corner(self, layer: int, column: int) -> Point:
        """Return the upper left corner of a card."""
        across, along = column * self.pitch[0], layer * self.pitch[1]
        return (across, along) if self.down else (along, across)

    def at(self, place: Point) -> tuple[int, int] | None:
        """Return layer and column of the card at a place, None between the cards."""
        across, along = place if self.down else (place[1], place[0])
        column, layer = int(across // self.pitch[0]), int(along // self.pitch[1])
        inside = across - column * self.pitch[0] <= self._card[0]
        return (layer, column) if inside and along - layer * self.pitch[1] <= self._card[1] else None

    def size(self, jobs: Sequence[GraphJob]) -> Point:
        """Return width and height of the whole chart."""
        across = (1 + max((job.column for job in jobs), default=-1)) * self.pitch[0] - self.gaps[0]
        along = (1 + max((job.layer for job in jobs), default=-1)) * self.pitch[1] - self.gaps[1]
        width, height = (across, along) if self.down else (along, across)
        return max(width, 0.0), max(height, 0.0)

    def lines(self, jobs: Sequence[GraphJob], links: Sequence[GraphLink]) -> list[Line]:
        """Return the way of each link."""
        leaving = _ports(links, lambda link: link.source, lambda link: _where(jobs, link, link.target))
        entering = _ports(links, lambda link: link.target, lambda link: _where(jobs, link, link.source))
        return [
            self._line(jobs[link.source], jobs[link.target], link, leaving[at], entering[at])
            for at, link in enumerate(links)
        ]

    def _line(
        self, source: GraphJob, target: GraphJob, link: GraphLink, leaving: float, entering: float
    ) -> Line:
        (card, depth), (pitch, step) = self._card, self.pitch
        room = card - 40.0
        u0 = source.column * pitch + card / 2 + min(max(leaving * _PORT, -room / 2), room / 2)
        u1 = target.column * pitch + card / 2 + min(max(entering * _PORT, -room / 2), room / 2)
        v0, v1 = source.layer * step + depth, target.layer * step
        gap = self.gaps[1]
        if link.lane is None and target.layer > source.layer:
            bend = min(max((v1 - v0) / 2, gap / 2), gap)
            end = (u1, v1)
            # straight lines as such: files stay small
            pieces: list[tuple[Point, ...]]
            pieces = [((u0, v0 + bend), (u1, v1 - bend), end)] if u0 != u1 else [(end,)]
            middle = ((u0 + u1) / 2, (v0 + v1) / 2)
        else:
            lane = link.lane if link.lane is not None else max(source.column, target.column)
            # lines in one lane stand beside each other as far as there is room
            shift = ((link.source * 3 + link.target) % 5 - 2) * self.gaps[0] / 8
            u = lane * pitch + card + self.gaps[0] / 2 + shift
            enter, leave = v0 + gap, v1 - gap
            if leave < enter and target.layer > source.layer:
                enter = leave = (enter + leave) / 2
            pieces = [
                ((u0, v0 + gap / 2), (u, v0 + gap / 2), (u, enter)),
                ((u, leave),),
                ((u, v1 - gap / 2), (u1, v1 - gap / 2), (u1, v1)),
            ]
            middle = ((u + u1) / 2, v1 - gap / 2)
        return Line(
            self._turn((u0, v0)),
            tuple(tuple(self._turn(point) for point in piece) for piece in pieces),
            self._turn(middle),
        )

    def _turn(self, point: Point) -> Point:
        return point if self.down else (point[1], point[0])


@dataclass(frozen=True)
class Line:
    """The way of a link: one point in a piece goes straight on, three are a cubic piece."""

    start: Point
    pieces: tuple[tuple[Point, ...], ...]
    middle: Point

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of what it can touch."""
        points = [self.start, *(point for piece in self.pieces for point in piece)]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)


def _where(jobs: Sequence[GraphJob], link: GraphLink, other: int) -> float:
    return link.lane + 0.5 if link.lane is not None else float(jobs[other].column)


def _ports(
    links: Sequence[GraphLink],
    card_of: Callable[[GraphLink], int],
    where: Callable[[GraphLink], float],
) -> list[float]:
    """Return for each link its place on the side of a card, from the middle, so that lines do not cross."""
    at_card: dict[int, list[int]] = {}
    for at, link in enumerate(links):
        at_card.setdefault(card_of(link), []).append(at)
    ports = [0.0] * len(links)
    for same in at_card.values():
        for k, at in enumerate(sorted(same, key=lambda at: (where(links[at]), at))):
            ports[at] = k - (len(same) - 1) / 2
    return ports
