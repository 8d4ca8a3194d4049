"""The graphics self-test in a window: results as they come, advice, and text to copy."""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import QProcess, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.selftest import LOOKS, Finding, report
from widgets import glyphs, style

_GLYPHS = {"good": ("success", "success"), "doubtful": ("warning", "warning"), "bad": ("failure", "danger")}
_MARK = 20
_UNDER_WAY = "Trying windows, drawing and computing, each in a process of its own …"


class SelfTestWindow(QDialog):
    """Runs the self-test in a process of its own and shows what it finds.

    Parameters
    ----------
    parent
        The window above which it stands.
    command
        Program and arguments that write one finding per line as JSON.
    """

    def __init__(self, parent: QWidget | None = None, command: list[str] | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("selftest")
        self.setWindowTitle("Graphics self-test")
        self.resize(680, 480)
        self.findings: list[Finding] = []
        self._command = command or [sys.executable, "-P", "-m", "app", "selftest", "--json"]
        self._rest = b""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        heading = QLabel("Graphics self-test")
        style.set_role(heading, "heading")
        layout.addWidget(heading)
        self.summary = QLabel(_UNDER_WAY)
        self.summary.setObjectName("selftest_summary")
        self.summary.setWordWrap(True)
        style.set_role(self.summary, "muted")
        layout.addWidget(self.summary)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(4)
        self._progress.setRange(0, len(LOOKS))
        layout.addWidget(self._progress)
        card = QFrame()
        style.set_role(card, "card")
        self._grid = QGridLayout(card)
        self._grid.setContentsMargins(style.LARGE, style.MEDIUM, style.LARGE, style.MEDIUM)
        self._grid.setHorizontalSpacing(style.MEDIUM)
        self._grid.setVerticalSpacing(style.MEDIUM)
        self._grid.setColumnStretch(1, 1)
        # advice may be long, and fonts large
        self.results = QScrollArea()
        self.results.setWidgetResizable(True)
        self.results.setFrameShape(QFrame.Shape.NoFrame)
        self.results.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        column.addStretch(1)
        self.results.setWidget(inside)
        self._card = card
        layout.addWidget(self.results, 1)
        layout.addLayout(self._make_buttons())
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._not_started)

    def _make_buttons(self) -> QHBoxLayout:
        self.copy_button = QPushButton("Copy for a bug report")
        self.copy_button.setObjectName("selftest_copy")
        self.copy_button.setEnabled(False)
        self.copy_button.clicked.connect(self.copy)
        self.again_button = QPushButton("Test again")
        self.again_button.setObjectName("selftest_again")
        self.again_button.clicked.connect(self.start)
        close = QPushButton("Close")
        close.setObjectName("selftest_close")
        style.set_role(close, "primary")
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.setSpacing(style.SMALL)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        row.addWidget(self.again_button)
        row.addWidget(close)
        return row

    def start(self) -> None:
        """Begin the test, or begin it again."""
        if self._process.state() is not QProcess.ProcessState.NotRunning:
            return
        self.findings, self._rest = [], b""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.summary.setText(_UNDER_WAY)
        self._card.hide()  # until there is something in it
        self._progress.setValue(0)
        self._progress.setVisible(True)
        self.copy_button.setEnabled(False)
        self.again_button.setEnabled(False)
        self._process.start(self._command[0], self._command[1:])

    def _read(self) -> None:
        self._rest += bytes(self._process.readAllStandardOutput().data())
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            try:
                self._add(Finding(**json.loads(line)))
            except (ValueError, TypeError):
                continue  # a library said something of its own

    def _add(self, finding: Finding) -> None:
        row = self._grid.rowCount()
        glyph, colour = _GLYPHS[finding.state]
        mark = QLabel()
        mark.setFixedSize(_MARK, _MARK)
        mark.setAccessibleName(finding.state)

        def draw() -> None:
            mark.setPixmap(
                glyphs.glyph_pixmap(glyph, style.colour(colour), _MARK - 2, self.devicePixelRatioF())
            )

        draw()
        style.ThemeWatcher(mark, draw)
        words = QVBoxLayout()
        words.setSpacing(1)
        holder = QWidget()
        holder.setLayout(words)
        words.setContentsMargins(0, 0, 0, 0)
        for text, role in ((finding.title, "subheading"), (finding.found, "muted"), (finding.hint, "")):
            if text:
                label = QLabel(text, wordWrap=True)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                if role:
                    style.set_role(label, role)
                words.addWidget(label)
        self._grid.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(holder, row, 1)
        self._card.show()
        self.findings.append(finding)
        self._progress.setValue(len(self.findings))

    def _ended(self, code: int) -> None:
        self._read()
        self._progress.hide()
        self.again_button.setEnabled(True)
        self.copy_button.setEnabled(bool(self.findings))
        states = [finding.state for finding in self.findings]
        if len(states) < len(LOOKS):
            text = f"The test itself ended early (code {code}). Copy what it found into a bug report."
        elif "bad" in states:
            text = "Something does not work here; below it stands what to do."
        elif "doubtful" in states:
            text = "Everything works; see the notes on what could be faster."
        else:
            text = "Everything works."
        self.summary.setText(text)

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._ended(-1)

    def text(self) -> str:
        """Return the results as text."""
        return report(self.findings)

    def copy(self) -> None:
        """Put the results on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())
        self.summary.setText("Copied.")

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the test."""
        if self._process.state() is not QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(2000)
        super().closeEvent(event)
