"""The editor of a value that later rounds of a job may have of their own: a small box for each round."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from jobs.core.declaration import OptionSpec
from widgets import style
from widgets.fields import Editor

_CHARACTERS = ("000", "00 00 00")
_MARGINS = 16
#: The first value is that of an option of its own.
_FIRST = 2
#: With more boxes than this the unit is in their tips only.
_ROOMY = 4


class SeriesEditor(Editor):
    """One box per round from the second on; an empty box shows greyed what goes on from the round before."""

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.boxes: list[QLineEdit] = []
        self._count = 0
        self._first = ""
        self._layout.setSpacing(style.TIGHT)
        self._unit = QLabel(spec.unit, self)
        self._unit.setObjectName(f"unit_{spec.name}")
        style.set_role(self._unit, "caption")
        self._layout.addWidget(self._unit)
        self._layout.addStretch(1)
        self._grow(1)
        self.setFocusProxy(self.boxes[0])

    def set_series(self, rounds: int, first: str) -> None:
        """Show boxes for the rounds from 2 to ``rounds``; ``first`` is the value of round 1."""
        self._count, self._first = max(rounds - 1, 0), first
        self._grow(self._count)
        for place, box in enumerate(self.boxes):
            box.setVisible(place < self._count)
        self._unit.setVisible(bool(self.spec.unit) and self._count <= _ROOMY)
        self._say_what_goes_on()

    def text(self) -> str:
        """Return the values separated by semicolons, those of rounds that there are not left out."""
        words = [box.text().strip() for box in self.boxes[: self._count]]
        while words and not words[-1]:
            words.pop()
        return "; ".join(words)

    def set_text(self, text: str) -> None:
        """Show values that are separated by semicolons."""
        words = [word.strip() for word in text.split(";")]
        self._grow(len(words))
        for place, box in enumerate(self.boxes):
            word = words[place] if place < len(words) else ""
            if box.text() != word:
                box.setText(word)

    def _grow(self, count: int) -> None:
        while len(self.boxes) < count:
            number = len(self.boxes) + _FIRST
            box = QLineEdit(self)
            box.setObjectName(self.spec.name if number == _FIRST else f"{self.spec.name}_{number}")
            box.setAccessibleName(f"{self.spec.label.rstrip(':')}, round {number}")
            unit = f", in {self.spec.unit}" if self.spec.unit else ""
            box.setToolTip(f"Round {number}{unit}. Empty: as in the round before.")
            which = QLabel(f"r{number}", box)
            style.set_role(which, "caption")
            inside = QHBoxLayout(box)
            inside.setContentsMargins(style.SMALL, 0, 0, 0)
            inside.addWidget(which)
            inside.addStretch(1)
            room = style.text_width(style.small_font(box), which.text()) + style.TIGHT
            box.setTextMargins(room, 0, 0, 0)
            # eight rounds fit into a small window as well, where each gives up some room
            narrow, wide = (style.text_width(box.font(), t) + room + _MARGINS for t in _CHARACTERS)
            box.setMinimumWidth(narrow)
            box.setMaximumWidth(wide)
            box.textChanged.connect(self._on_text)
            self._layout.insertWidget(len(self.boxes), box)
            box.setVisible(len(self.boxes) < self._count)
            self.boxes.append(box)

    def _on_text(self) -> None:
        self._say_what_goes_on()
        self.changed.emit()

    def _say_what_goes_on(self) -> None:
        before = self._first
        for box in self.boxes:
            box.setPlaceholderText(before)
            before = box.text().strip() or before
