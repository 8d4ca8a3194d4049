"""What is wrong with a form as a whole: a line underneath it, and marks on its tabs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QTabWidget, QWidget

from jobs.core.errors import Problem
from widgets import glyphs, style


class FormSummary(QWidget):
    """Problems of the whole job in words, how many fields need attention, and which are still empty."""

    show_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(self)
        self.text = QLabel(self, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.text.setObjectName("form_summary")
        self.button = QPushButton("Show", self)
        self.button.setObjectName("form_show_problem")
        self.button.setToolTip("Go to the first field that needs attention")
        self.button.setAutoDefault(False)
        style.set_role(self.button, "link")
        self.button.clicked.connect(self.show_requested)
        line = QHBoxLayout(self)
        line.setContentsMargins(style.SMALL, 0, style.SMALL, 0)
        line.setSpacing(style.SMALL)
        line.addWidget(self._icon)
        line.addWidget(self.text, 1)
        line.addWidget(self.button)

    def show_state(
        self, general: Sequence[Problem], at_fields: Sequence[Problem], needed: Sequence[str]
    ) -> None:
        """Say how things stand.

        Parameters
        ----------
        general : sequence of Problem
            Problems that belong to no field.
        at_fields : sequence of Problem
            Problems marked at their fields.
        needed : sequence of str
            Labels of fields that must be filled in and nobody has touched yet.
        """
        parts = [problem.sentence for problem in general]
        if at_fields:
            count = len(at_fields)
            parts.append(f"{count} {'field needs' if count == 1 else 'fields need'} attention.")
        if needed:
            parts.append(f"Still needed: {', '.join(needed)}.")
        found = [*general, *at_fields]
        if any(problem.severity == "error" for problem in found):
            role, glyph, colour = "problem", "failure", "danger"
        elif found:
            role, glyph, colour = "warning", "warning", "warning"
        else:
            role, glyph, colour = "muted", "info", "muted"
        self.text.setText(" ".join(parts))
        style.set_role(self.text, role)
        self._icon.setPixmap(glyphs.glyph_pixmap(glyph, style.colour(colour), 16, self.devicePixelRatioF()))
        self.button.setVisible(bool(at_fields or needed))
        self.setVisible(bool(parts))


def mark_tab(tabs: QTabWidget, index: int, problems: Sequence[Problem]) -> None:
    """Mark a tab that holds problems with a shape, a tool tip and an accessible name; or unmark it."""
    bar = tabs.tabBar()
    name = tabs.tabText(index)
    if not problems:
        tabs.setTabIcon(index, glyphs.no_icon())
        bar.setTabToolTip(index, "")
        bar.setAccessibleTabName(index, name)
        return
    error = any(problem.severity == "error" for problem in problems)
    icon = glyphs.glyph_icon("failure", "danger") if error else glyphs.glyph_icon("warning", "warning")
    count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
    tabs.setTabIcon(index, icon)
    bar.setTabToolTip(index, f"{count} on this tab")
    bar.setAccessibleTabName(index, f"{name}, {count}")
