"""What header and values of maps tell, one card for each map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from widgets import glyphs, style
from widgets.elided_label import ElidedLabel
from widgets.explorer.work import Work
from widgets.map_viewer_source import MapSource, ValueStatistics

_VALUES = ("Lowest", "Highest", "Mean", "Deviation")


class MapFacts(QWidget):
    """Cards with the facts of maps; values are worked out beside the window, one map after the other.

    Signals
    -------
    removed : int
        A map is to be shown no longer.
    """

    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("map_facts")
        self._work = Work(self)
        self._maps: list[MapSource] = []
        self._known: dict[int, ValueStatistics] = {}
        self._labels: list[dict[str, QLabel]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.LARGE)
        style.ThemeWatcher(self, self._fill)

    def set_maps(self, maps: Sequence[MapSource]) -> None:
        """Show the facts of these maps."""
        self._maps = list(maps)
        self._known = {key: value for key, value in self._known.items() if key in {id(m) for m in maps}}
        self._fill()
        self._measure()

    def text(self, index: int, name: str) -> str:
        """Return a fact of a map, as it is read."""
        return self._labels[index][name].text()

    @property
    def busy(self) -> bool:
        """Whether values are still being worked out."""
        return self._work.busy

    def _fill(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._labels = []
        for index, source in enumerate(self._maps):
            self._column.addWidget(self._card(index, source))
        self._column.addStretch(1)

    def _card(self, index: int, source: MapSource) -> QWidget:
        card = QWidget(self)
        grid = QGridLayout(card)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.SMALL)
        grid.setVerticalSpacing(style.TIGHT)
        grid.setColumnStretch(1, 1)
        title = ElidedLabel(source.name, card)
        style.set_role(title, "subheading")
        head = QHBoxLayout()
        head.addWidget(title, 1)
        if len(self._maps) > 1:
            close = QToolButton(card)
            close.setIcon(glyphs.glyph_icon("close"))
            close.setToolTip("Show this map no longer")
            close.setAccessibleName(f"Remove {source.name}")
            style.set_role(close, "quiet")
            close.clicked.connect(lambda _checked=False: self.removed.emit(index))
            head.addWidget(close)
        grid.addLayout(head, 0, 0, 1, 2)
        known = self._known.get(id(source))
        facts = [*source.facts(), *_words(known)]
        labels: dict[str, QLabel] = {}
        for row, (name, value) in enumerate(facts, 1):
            label, text = QLabel(name, card), QLabel(value, card)
            style.set_role(label, "muted")
            text.setAlignment(Qt.AlignmentFlag.AlignRight)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(label, row, 0)
            grid.addWidget(text, row, 1)
            labels[name] = text
        self._labels.append(labels)
        return card

    def _measure(self) -> None:
        unknown = next((m for m in self._maps if id(m) not in self._known), None)
        if unknown is None:
            return
        source = unknown

        def show(found: Any) -> None:
            self._known[id(source)] = found
            for k, shown in enumerate(self._maps):
                if shown is source:
                    for name, value in _words(found):
                        self._labels[k][name].setText(value)
            self._measure()

        self._work.start(lambda _p, _c: source.statistics(), show, lambda _error: None)

    def close_down(self) -> None:
        """Give up what is being worked out."""
        self._work.cancel()


def _words(found: ValueStatistics | None) -> list[tuple[str, str]]:
    if found is None:
        return [(name, "…") for name in _VALUES]
    values = (found.low, found.high, found.mean, found.deviation)
    return [(name, f"{value:.4g}") for name, value in zip(_VALUES, values, strict=True)]
