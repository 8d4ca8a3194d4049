"""How particles are turned: viewing directions as a map of hexagons, and rotations in the plane as bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import plotting, style
from widgets.explorer.columns import Columns
from widgets.explorer.steady import Steady

ANGLES: Final = ("star:rlnAngleRot", "star:rlnAngleTilt", "star:rlnAnglePsi")
ACROSS: Final = 36
BINS: Final = 36
_CENTRE: Final = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True, eq=False)
class Angles:
    """Euler angles ``(P, 3)`` in degrees of all particles; None where the file has none."""

    columns: Columns
    degrees: NDArray[np.float64] | None


def read_angles(columns: Columns) -> Angles:
    """Read rot, tilt and psi; blocks."""
    sources = {source.key: source for source in columns.sources}
    if not all(key in sources for key in ANGLES):
        return Angles(columns, None)
    found = [columns.read(sources[key]) for key in ANGLES]
    numbers = [values.as_kind("continuous").numbers for values in found if values is not None]
    return Angles(columns, np.stack(numbers, axis=1).astype(np.float64) if len(numbers) == 3 else None)


def wrapped(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return angles in [-180, 180)."""
    return np.mod(degrees + 180.0, 360.0) - 180.0


def hexagons(
    x: NDArray[np.float64], y: NDArray[np.float64], size: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Count points in hexagons whose centres are `size` apart along x.

    Returns
    -------
    tuple
        Centres ``(H, 2)`` of hexagons that hold points, and how many each holds ``(H,)``.
    """
    if not len(x):
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    high = size * math.sqrt(3.0)
    # two lattices of rectangles, the second half a cell away; the nearer centre is that of the hexagon
    first = np.stack([np.rint(x / size), np.rint(y / high)], axis=1)
    second = np.stack([np.floor(x / size) + 0.5, np.floor(y / high) + 0.5], axis=1)
    point, scale = np.stack([x, y], axis=1), np.array([size, high])
    nearer = (((first * scale - point) ** 2).sum(1) <= ((second * scale - point) ** 2).sum(1))[:, None]
    cells = np.where(nearer, first, second)
    centres, counts = np.unique(np.rint(2 * cells).astype(np.int64), axis=0, return_counts=True)
    return centres / 2.0 * scale, counts


class AnglePlot(QWidget):
    """Draws the angles of all or of the selected particles."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_angle_plot")
        self.setMinimumSize(320, 240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._columns: Columns | None = None
        self._degrees: NDArray[np.float64] | None = None
        self._mask: NDArray[np.bool_] | None = None
        self._centres: NDArray[np.float64] = np.zeros((0, 2))
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.bars: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.sentence = "The angles are being read"
        self._reader = Steady(read_angles, self)
        self._reader.answered.connect(self._on_read)
        self._reader.failed.connect(lambda error: self._say(str(error)))
        style.ThemeWatcher(self, self.update)

    def set_columns(self, columns: Columns) -> None:
        """Read the angles of a model."""
        self._columns = columns
        self._reader.request(columns)

    def set_selection(self, mask: NDArray[np.bool_] | None) -> None:
        """Count the particles of a mask ``(P,)`` only; all for None."""
        self._mask = mask
        self._count()

    def _on_read(self, found: Angles) -> None:
        if found.columns is self._columns:
            self._degrees = found.degrees
            self._count()

    def _count(self) -> None:
        degrees, mask = self._degrees, self._mask
        if degrees is None:
            self._say("The particle file holds no angles (rlnAngleRot, rlnAngleTilt, rlnAnglePsi)")
            return
        if mask is not None and len(mask) == len(degrees):
            degrees = degrees[mask]
        degrees = degrees[np.isfinite(degrees).all(axis=1)]
        self._centres, self.counts = hexagons(wrapped(degrees[:, 0]), degrees[:, 1], 360.0 / ACROSS)
        self.bars = np.histogram(wrapped(degrees[:, 2]), BINS, (-180.0, 180.0))[0]
        whose = "selected particles" if mask is not None else "particles"
        self._say(f"{len(degrees):,} {whose}, at most {int(self.counts.max(initial=0)):,} in a direction")

    def _say(self, text: str) -> None:
        self.sentence = text
        self.setAccessibleName(text)
        self.update()

    # -- drawing -------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the map above the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), style.colour("surface"))
        painter.setFont(style.small_font(self))
        line = painter.fontMetrics().height()
        left, right = painter.fontMetrics().horizontalAdvance("-180") + 2.0 * line, 1.5 * line
        painter.setPen(style.colour("muted"))
        painter.drawText(QRectF(0, 0.3 * line, self.width(), 1.4 * line), _CENTRE, self.sentence)
        if self._degrees is None:
            return
        room = self.height() - 7.5 * line
        width = self.width() - left - right
        upper = QRectF(left, 2.0 * line, width, 0.64 * room)
        lower = QRectF(left, upper.bottom() + 3.2 * line, width, 0.36 * room)
        self._draw_map(painter, upper)
        self._draw_bars(painter, lower)
        top = f"{int(self.bars.max(initial=0)):,}"
        self._draw_frame(painter, upper, "rot φ (°)", "tilt θ (°)", ("0", "90", "180"), line)
        self._draw_frame(painter, lower, "psi ψ (°)", "", (top, "", "0"), line)

    def _draw_map(self, painter: QPainter, area: QRectF) -> None:
        painter.save()
        painter.setClipRect(area)
        painter.setPen(Qt.PenStyle.NoPen)
        table, most = plotting.colour_table("density"), max(1, int(self.counts.max(initial=1)))
        size = 360.0 / ACROSS
        turn = np.radians(60.0 * np.arange(6) + 30.0)
        corners = np.stack([np.cos(turn), np.sin(turn)], axis=1) * size / math.sqrt(3.0)
        for (x, y), count in zip(self._centres.tolist(), self.counts.tolist(), strict=True):
            painter.setBrush(QColor(*(int(v) for v in table[round(255 * count / most)])))
            places = np.array([x, y]) + corners
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(
                            area.left() + area.width() * (a + 180.0) / 360.0,
                            area.top() + area.height() * b / 180.0,
                        )
                        for a, b in places.tolist()
                    ]
                )
            )
        painter.restore()

    def _draw_bars(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour("accent"))
        most, width = max(1, int(self.bars.max(initial=1))), area.width() / BINS
        for k, count in enumerate(self.bars.tolist()):
            high = area.height() * count / most
            painter.drawRect(QRectF(area.left() + k * width + 0.5, area.bottom() - high, width - 1, high))

    def _draw_frame(
        self, painter: QPainter, area: QRectF, below: str, beside: str, ends: tuple[str, str, str], line: int
    ) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(style.colour("outline"), 1))
        painter.drawRect(area)
        painter.setPen(style.colour("muted"))
        for side, text in (("AlignLeft", "-180"), ("AlignHCenter", "0"), ("AlignRight", "180")):
            under = QRectF(area.left(), area.bottom() + 2, area.width(), line)
            painter.drawText(under, Qt.AlignmentFlag[side], text)
        painter.drawText(QRectF(area.left(), area.bottom() + line + 2, area.width(), line), _CENTRE, below)
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for share, text in zip((0.0, 0.5, 1.0), ends, strict=True):
            y = area.top() + share * area.height()
            painter.drawText(QRectF(0, y - line / 2, area.left() - 5, line), flags, text)
        painter.save()
        painter.translate(0.8 * line, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, -line / 2, area.height(), line), _CENTRE, beside)
        painter.restore()
