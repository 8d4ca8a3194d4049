"""The few numbers one looks at first: progress, time left, speed, how far things move."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QLayout, QProgressBar, QVBoxLayout, QWidget

from widgets import style
from widgets.curve_data import parse_name, short_number
from widgets.durations import duration

_TILE_WIDTH = 165
#: What a quantity means, where there are no values of half-sets to tell.
_EXPLAINED = {"held_out_gain": "per unseen particle", "divergence": "per particle"}


@dataclass(frozen=True)
class TileText:
    """What one tile says.

    Attributes
    ----------
    title, value, detail
        What it is, the number with its unit, and a line of explanation.
    progress
        0 … 1 shows a bar underneath, None shows none.
    """

    title: str
    value: str
    detail: str = ""
    progress: float | None = None


class Tile(QFrame):
    """One number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        style.set_role(self, "card")
        self.title = QLabel(self)
        style.set_role(self.title, "caption")
        self.value = QLabel(self)
        style.set_role(self.value, "value")
        self.detail = QLabel(self)
        style.set_role(self.detail, "caption")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(5)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.SMALL)
        layout.setSpacing(2)
        for widget in (self.title, self.value, self.bar, self.detail):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_text(self, text: TileText) -> None:
        """Show a number."""
        self.setObjectName(f"tile_{text.title}")
        self.title.setText(text.title)
        self.value.setText(text.value)
        self.detail.setText(text.detail)
        self.detail.setVisible(bool(text.detail))
        self.bar.setVisible(text.progress is not None)
        if text.progress is not None:
            self.bar.setValue(round(1000 * min(max(text.progress, 0), 1)))
        self.setToolTip(f"{text.title}: {text.value} {text.detail}".strip())


class MetricTiles(QWidget):
    """A row of tiles that wraps when the room is narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("metric_tiles")
        self._tiles: list[Tile] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(style.SMALL)
        # the width decides about the columns, so the columns must not decide about the width
        self._grid.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self.setMinimumWidth(_TILE_WIDTH)

    def set_tiles(self, texts: Sequence[TileText]) -> None:
        """Show these numbers; tiles are reused, so nothing flickers."""
        while len(self._tiles) > len(texts):
            gone = self._tiles.pop()
            # it takes no room while it waits for its end
            self._grid.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
            self._columns = 0
        while len(self._tiles) < len(texts):
            self._tiles.append(Tile(self))
            self._columns = 0
        for tile, text in zip(self._tiles, texts, strict=True):
            tile.show_text(text)
            tile.show()
        self._arrange()

    def set_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Show what the newest metric records say."""
        self.set_tiles(summary_tiles(records))

    def texts(self) -> dict[str, str]:
        """Return value by title, as shown."""
        return {tile.title.text(): tile.value.text() for tile in self._tiles}

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, min(len(self._tiles), self.width() // _TILE_WIDTH))
        rows = math.ceil(len(self._tiles) / columns)
        tallest = max((tile.sizeHint().height() for tile in self._tiles), default=0)
        self.setFixedHeight(rows * tallest + max(0, rows - 1) * style.SMALL)
        if columns == self._columns:
            return
        for column in range(max(columns, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for k, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, k // columns, k % columns)


def summary_tiles(records: Sequence[Mapping[str, Any]]) -> list[TileText]:
    """Return the tiles for a job's metric records: progress, time left, speed, then what moves how far.

    Half-sets of one quantity are shown as their mean, with both values underneath.
    """
    if not records:
        return []
    newest: dict[str, Any] = {}
    for record in records[-200:]:
        newest.update({key: value for key, value in record.items() if value is not None})
    newest.update({key: records[-1].get(key) for key in ("phase", "step", "of", "eta_s", "doing")})
    tiles = [_progress(newest)]
    left = duration(newest["eta_s"]) if isinstance(newest["eta_s"], (int, float)) else ""
    tiles.append(TileText("Time left", left or "—", "of this phase" if left else "not known yet"))
    if isinstance(newest.get("particles_per_s"), (int, float)):
        tiles.append(
            TileText("Speed", f"{_three_digits(newest['particles_per_s'])} /s", "particles per second")
        )
    told = [("rms_displacement", "Motion (rms)"), ("held_out_gain", "Held-out gain")]
    if not any(parse_name(key).quantity == "held_out_gain" for key in newest):
        told[1:] = [("loss_data", "Data loss"), ("divergence", "KL divergence")]
    for quantity, title in told:
        found = [parse_name(key) for key in newest if parse_name(key).quantity == quantity]
        values = {n.half: float(newest[n.key]) for n in found if isinstance(newest[n.key], (int, float))}
        if values:
            unit = f" {found[0].unit}" if found[0].unit else ""
            mean = sum(values.values()) / len(values)
            halves = ", ".join(
                f"half {half}: {_three_digits(values[half])}" for half in sorted(values) if half
            )
            tiles.append(
                TileText(title, f"{_digits(quantity, mean)}{unit}", halves or _EXPLAINED.get(quantity, ""))
            )
    return tiles


def _progress(newest: Mapping[str, Any]) -> TileText:
    step, of = newest.get("step"), newest.get("of")
    phase = str(newest.get("phase") or "Progress")
    title = phase[:1].upper() + phase[1:]
    if isinstance(step, (int, float)) and isinstance(of, (int, float)) and of > 0:
        detail = str(newest.get("doing") or f"step {step:,} of {of:,}")
        return TileText(title, f"{math.floor(100 * step / of)} %", detail, step / of)
    return TileText(title, f"step {step:,}" if isinstance(step, (int, float)) else "—")


def _digits(quantity: str, value: float) -> str:
    """Return a number; losses near 1 differ in the fourth digit between a good and a bad model."""
    near_one = quantity.startswith("loss") and 0.1 <= abs(value) < 10
    return f"{value:.4f}" if near_one else _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else short_number(value)
