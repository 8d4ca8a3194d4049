"""The editor of a whole number that stands for one of a few things: a list that says in words which."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from jobs.core.declaration import OptionSpec
from widgets.fields import ChoiceBox, Editor


class WordedNumberEditor(Editor):
    """A list of words; the value is their number, from the option's minimum on."""

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.box = ChoiceBox(self)
        self.box.setObjectName(spec.name)
        for number, words in enumerate(spec.words, int(spec.minimum or 0)):
            self.box.addItem(f"{number}: {words}", str(number))
        self.box.currentIndexChanged.connect(self.changed)
        self._layout.addWidget(self.box)
        self._layout.addStretch(1)
        self.setFocusProxy(self.box)

    def text(self) -> str:
        """Return the number."""
        return str(self.box.currentData())

    def set_text(self, text: str) -> None:
        """Choose a number; one that has no words is shown, not lost."""
        place = self.box.findData(text.strip(), Qt.ItemDataRole.UserRole)
        if place < 0:
            place = self.box.count()
            self.box.addItem(text, text.strip())
        self.box.setCurrentIndex(place)
