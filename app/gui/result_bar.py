"""What a job has found, in numbers, and what can be done with it: above its form, once it succeeded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.gui.news import JobDetails
from jobs import registry
from jobs.core.figures import Fact
from widgets import style


class _Line(QWidget):
    """One line, its first words strong; what does not fit is cut off, so that it never asks for more room."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.lead, self.text = "", ""

    def set_words(self, lead: str, text: str) -> None:
        """Show a strong beginning and what follows it; nothing when both are empty."""
        self.lead, self.text = lead, text
        self.setVisible(bool(lead or text))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line."""
        return QSize(200, QFontMetrics(style.scaled_font(1.0, self, bold=True)).height() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw as much as fits."""
        painter = QPainter(self)
        painter.setPen(style.colour("text"))
        x = 0
        for words, strong in ((self.lead, True), (self.text, False)):
            painter.setFont(style.scaled_font(1.0, self, bold=strong))
            metrics = painter.fontMetrics()
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, self.width() - x)
            painter.drawText(self.rect().adjusted(x, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, shown)
            x += metrics.horizontalAdvance(f"{shown} ")


class ResultBar(QFrame):
    """The numbers of the newest task and the next step, a line each; the rest is a tip and in the monitor.

    Signals
    -------
    all_requested
        The monitor, which shows the results of all tasks, is to be brought to the front.
    """

    all_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_result")
        style.set_role(self, "bar-success")
        self.found = _Line("job_result_found")
        self.next = _Line("job_result_next")
        self.all_button = QToolButton()
        self.all_button.setObjectName("job_result_all")
        self.all_button.setText("All results")
        self.all_button.setToolTip("Show the curves, figures and maps of all tasks in the monitor")
        style.set_role(self.all_button, "button")
        self.all_button.clicked.connect(self.all_requested)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.found)
        words.addWidget(self.next)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.SMALL, 2, style.TIGHT, 2)
        row.setSpacing(style.SMALL)
        row.addLayout(words, 1)
        row.addWidget(self.all_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.lines: list[str] = []
        self._elsewhere = False
        self.hide()

    def set_told_elsewhere(self, on: bool) -> None:
        """Show nothing while another pane of the window tells the same."""
        self._elsewhere = on
        self.setVisible(bool(self.lines) and not on)

    def show_details(self, details: JobDetails | None) -> None:
        """Show what the job found; nothing while it runs, or after it ended badly."""
        self.lines = []
        found, step = ("", ""), ""
        if details is not None and details.entry.status == "Succeeded":
            for title, facts in details.findings:
                words = "; ".join(f"{f.title} {f.value} ({f.detail})" for f in facts)
                self.lines.append(f"{title}: {words}")
            found, step = _newest(details), details.next_step
            if step:
                self.lines.append(f"Next: {step}")
        self.found.set_words(*found)
        self.next.set_words("Next:" if step else "", step)
        # paragraphs, because Qt breaks the lines of a tip only in rich text
        self.setToolTip("".join(f"<p>{escape(line)}</p>" for line in self.lines))
        self.setAccessibleName("; ".join(self.lines))
        self.set_told_elsewhere(self._elsewhere)


def _newest(details: JobDetails) -> tuple[str, str]:
    """Return the task that measured something last, and its numbers without their explanations."""
    findings = dict(details.findings)
    if details.type_key is None or not findings:
        return "", ""
    titles = {task.name: task.label for task in registry.job_type(details.type_key).tasks}
    ran = [titles.get(run.task, "") for run in details.runs]
    title = next((title for title in reversed(ran) if title in findings), list(findings)[-1])
    return f"{title}:", _in_short(findings[title])


def _in_short(facts: Sequence[Fact]) -> str:
    return "; ".join(f"{fact.title} {fact.value}" for fact in facts)
