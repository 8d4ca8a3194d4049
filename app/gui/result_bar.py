"""What a job has found, in numbers, and what can be done with it: above its form, once it succeeded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.gui.news import JobDetails
from jobs import registry
from jobs.core.figures import Fact
from widgets import style


class _Line(QWidget):
    """Words on a line or two, the first ones strong; what does not fit is cut off at the end of a word.

    It never asks for more width than it is given.
    """

    def __init__(self, name: str, parent: QWidget | None = None, *, most_lines: int = 1) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.lead, self.text = "", ""
        self._most_lines = most_lines
        self._lines: list[str] = []

    def set_words(self, lead: str, text: str) -> None:
        """Show a strong beginning and what follows it; nothing when both are empty."""
        self.lead, self.text = lead, text
        self.setVisible(bool(lead or text))
        self._break()

    def lines(self) -> list[str]:
        """Return what is read after the strong beginning, line by line."""
        return list(self._lines)

    def sizeHint(self) -> QSize:
        """Return the height of the lines."""
        return QSize(200, max(len(self._lines), 1) * self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        super().resizeEvent(event)
        self._break()

    def _height(self) -> int:
        return QFontMetrics(style.scaled_font(1.0, self, bold=True)).height() + 2

    def _indent(self) -> int:
        metrics = QFontMetrics(style.scaled_font(1.0, self, bold=True))
        return metrics.horizontalAdvance(f"{self.lead} ") if self.lead else 0

    def _break(self) -> None:
        metrics = QFontMetrics(style.scaled_font(1.0, self))
        rest, found = self.text.split(), list[str]()
        while rest and len(found) < self._most_lines:
            room = self.width() - (0 if found else self._indent())
            count = len(rest)
            while count > 1 and metrics.horizontalAdvance(" ".join(rest[:count])) > room:
                count -= 1
            line = " ".join(rest[:count])
            if len(found) == self._most_lines - 1 and count < len(rest):
                # a whole word gives way to the sign that there is more
                while count > 1 and metrics.horizontalAdvance(f"{line} …") > room:
                    count -= 1
                    line = " ".join(rest[:count])
                line += " …"
            found.append(metrics.elidedText(line, Qt.TextElideMode.ElideRight, max(room, 0)))
            rest = rest[count:]
        higher = len(found) != len(self._lines)
        self._lines = found
        if higher:
            self.updateGeometry()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the lines."""
        painter = QPainter(self)
        painter.setPen(style.colour("text"))
        left, height, middle = self._indent(), self._height(), Qt.AlignmentFlag.AlignVCenter
        painter.setFont(style.scaled_font(1.0, self, bold=True))
        painter.drawText(QRect(0, 0, self.width(), height), middle, self.lead)
        painter.setFont(style.scaled_font(1.0, self))
        for number, line in enumerate(self._lines):
            painter.drawText(
                QRect(0 if number else left, number * height, self.width(), height), middle, line
            )


class ResultBar(QFrame):
    """The numbers of the newest task on a line, the next step on two at most; all is a tip.

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
        self.next = _Line("job_result_next", most_lines=2)
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
