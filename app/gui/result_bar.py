"""What a job has found, in numbers, and what can be done with it: above its form, once it succeeded."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from app.gui.news import JobDetails
from widgets import style


class ResultBar(QFrame):
    """One line per task that measured something, and a line with the next step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_result")
        style.set_role(self, "bar-success")
        self._text = QLabel(wordWrap=True)
        self._text.setObjectName("job_result_text")
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.TIGHT, style.SMALL, style.TIGHT)
        layout.addWidget(self._text)
        self.lines: list[str] = []
        self.hide()

    def show_details(self, details: JobDetails | None) -> None:
        """Show what the job found; nothing while it runs, or after it ended badly."""
        self.lines = []
        shown = []
        if details is not None and details.entry.status == "Succeeded":
            for title, facts in details.findings:
                words = "; ".join(f"{f.title} {f.value} ({f.detail})" for f in facts)
                self.lines.append(f"{title}: {words}")
                strong = "; ".join(
                    f"{escape(f.title)} <b>{escape(f.value)}</b> ({escape(f.detail)})" for f in facts
                )
                shown.append(f"{escape(title)}: {strong}")
            if details.next_step:
                self.lines.append(f"Next: {details.next_step}")
                shown.append(f"<b>Next:</b> {escape(details.next_step)}")
        self._text.setText("<br>".join(shown))
        self.setVisible(bool(shown))
