"""The menu of the GPUs of a machine: one is picked, or several are ticked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QMouseEvent
from PySide6.QtWidgets import QMenu, QWidget

from jobs.core.options import gpu_words


@dataclass(frozen=True)
class GpuChoice:
    """A GPU that may be chosen: the text written into the option, and how it is described."""

    value: str
    description: str


class GpuMenu(QMenu):
    """GPUs to choose from. Where several may be chosen each has a tick, and the menu stays open for the next.

    Parameters
    ----------
    several : bool
        Whether more than one GPU may be chosen.
    """

    chosen = Signal(str)

    def __init__(self, several: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._several = several
        self._there: list[str] = []
        self._text = ""

    def fill(self, there: Sequence[GpuChoice], text: str) -> None:
        """Offer GPUs anew; those that `text` names are ticked."""
        self.clear()
        self._there = [choice.value for choice in there]
        self._text = text
        many = len(there) > 1
        if many:
            self._add(GpuChoice("auto", "Any free GPU"))
        named = gpu_words(text)
        for choice in there:
            action = self.addAction(choice.description)
            if self._several and many:
                action.setCheckable(True)
                action.setChecked(choice.value in named)
                action.triggered.connect(lambda checked=False, value=choice.value: self._tick(value, checked))
            else:
                action.triggered.connect(lambda _checked=False, value=choice.value: self.chosen.emit(value))
        self._add(GpuChoice("cpu", "No GPU, use the processor"))

    def _add(self, choice: GpuChoice) -> None:
        action = self.addAction(choice.description)
        action.triggered.connect(lambda _checked=False: self.chosen.emit(choice.value))

    def _tick(self, value: str, checked: bool) -> None:
        """Write the numbers that are ticked, in the order of the machine; none left means the processor."""
        named = {*gpu_words(self._text), value} if checked else {*gpu_words(self._text)} - {value}
        self._text = ",".join(known for known in self._there if known in named) or "cpu"
        self.chosen.emit(self._text)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stay open after a tick, so that the next can be made."""
        action: QAction | None = self.actionAt(event.position().toPoint())
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)
