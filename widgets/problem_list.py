"""All problems of a job in one list; a click goes to the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from jobs.core.errors import Problem
from widgets import glyphs, style
from widgets.empty_state import EmptyState, WithEmptyState

_FIELD_ROLE: Final = Qt.ItemDataRole.UserRole + 1


class ProblemList(QWidget):
    """Errors first, then warnings; each with its shape, its field and what to do."""

    field_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problem_list")
        self._problems: list[Problem] = []
        self._labels: Mapping[str, str] = {}
        self.list = QListWidget(self)
        self.list.setObjectName("problem_items")
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        self.list.setIconSize(QSize(16, 16))
        self.list.itemClicked.connect(self._on_item)
        self.list.itemActivated.connect(self._on_item)
        self._body = WithEmptyState(self.list, EmptyState("success", "No problems", parent=self), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)
        style.ThemeWatcher(self, self._fill)

    def set_problems(self, problems: Sequence[Problem], labels: Mapping[str, str] | None = None) -> None:
        """Show problems.

        Parameters
        ----------
        problems : sequence of Problem
            What is wrong.
        labels : mapping, optional
            Option name to the label people see.
        """
        self._problems = sorted(problems, key=lambda problem: problem.severity != "error")
        self._labels = labels or {}
        self._fill()

    def _fill(self) -> None:
        self.list.clear()
        for problem in self._problems:
            error = problem.severity == "error"
            label = self._labels.get(problem.field or "", "").rstrip(":")
            text = (
                problem.sentence
                if not label or problem.message.startswith(label)
                else f"{label}: {problem.sentence}"
            )
            item = QListWidgetItem(
                glyphs.glyph_icon("failure" if error else "warning", "danger" if error else "warning"), text
            )
            item.setData(_FIELD_ROLE, problem.field)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{'Error' if error else 'Warning'}: {text}")
            self.list.addItem(item)
        self._body.show_empty(not self._problems)

    def texts(self) -> list[str]:
        """Return the lines as they are read."""
        return [self.list.item(k).text() for k in range(self.list.count())]

    def _on_item(self, item: QListWidgetItem) -> None:
        field = item.data(_FIELD_ROLE)
        if field:
            self.field_requested.emit(field)
