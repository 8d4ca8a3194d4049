"""Who runs and who waits for a device, in order; what waits can be moved, started anyway, or taken out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.device_data import QueueLine
from widgets.device_link import TextLink
from widgets.device_order import TIP, RowOrder
from widgets.elided_label import ElidedLabel


def _small_button(parent: QWidget, glyph: str, name: str, tip: str) -> QToolButton:
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setIcon(glyphs.glyph_icon(glyph))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    style.set_role(button, "quiet")
    style.ThemeWatcher(button, lambda: button.setIcon(glyphs.glyph_icon(glyph)))
    return button


class QueueRow(QFrame):
    """One job that runs or waits."""

    def __init__(self, panel: DeviceQueue, *, waits: bool) -> None:
        super().__init__(panel)
        self.line: QueueLine | None = None
        self.place = 0
        self.waits = waits
        style.set_role(self, "card")
        self.number = QLabel(self)
        style.set_role(self.number, "muted")
        self.link = TextLink(parent=self)
        self.link.setObjectName("queue_job")
        self.other = ElidedLabel(parent=self)
        self.device = QLabel(self)
        self.device.setObjectName("queue_device")
        style.set_role(self.device, "caption")
        self.detail = QLabel(self, wordWrap=True)
        self.detail.setObjectName("queue_detail")
        style.set_role(self.detail, "caption")
        self.up = _small_button(self, "up", "queue_up", "Earlier")
        self.down = _small_button(self, "down", "queue_down", "Later")
        self.start = TextLink("Start now anyway", self)
        self.start.setObjectName("queue_start")
        self.start.setToolTip("Start it beside what runs there; they share speed and memory")
        self.out = TextLink("Take out", self)
        self.out.setObjectName("queue_out")
        self.out.setToolTip("Take it out of the queue; it stays in the project as Scheduled")
        head = QHBoxLayout()
        head.setSpacing(style.SMALL)
        head.addWidget(self.number)
        head.addWidget(self.link)
        head.addWidget(self.other, 1)
        for widget in (self.device, self.up, self.down):
            head.addWidget(widget)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(style.LARGE)
        self._buttons.addWidget(self.start)
        self._buttons.addWidget(self.out)
        self._buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(style.MEDIUM, style.SMALL, style.SMALL, style.SMALL)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.detail)
        column.addLayout(self._buttons)
        self.link.clicked.connect(lambda: panel.job_chosen.emit(self._job()))
        self.up.clicked.connect(lambda: panel.move_requested.emit(self._job(), self.place - 1))
        self.down.clicked.connect(lambda: panel.move_requested.emit(self._job(), self.place + 1))
        self.start.clicked.connect(lambda: panel.start_requested.emit(self._job()))
        self.out.clicked.connect(lambda: panel.remove_requested.emit(self._job()))

    def _job(self) -> str:
        return self.line.job if self.line is not None else ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card, with a frame when the keys move it."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(style.colour("accent"), 2.0))
            radius = style.RADIUS
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)

    def show_line(self, line: QueueLine, place: int, last: int, *, readonly: bool) -> None:
        """Show a job; `place` counts from 0 to `last` among those of the project that wait."""
        self.line, self.place = line, place
        self.setObjectName(f"queue_{line.job}")
        self.number.setText(f"{place + 1}" if self.waits and line.own else "")
        self.number.setVisible(self.waits and line.own)
        self.link.setText(line.title)
        self.link.setVisible(line.own)
        self.other.setText("" if line.own else line.title)
        # a job that runs has room beside its name; of one that waits, the reason says more
        self.device.setText("" if self.waits else line.device)
        self.device.setVisible(not self.waits)
        self.detail.setText(f"For {line.device}. {line.detail}" if self.waits else line.detail)
        self.detail.setVisible(bool(line.detail))
        can = self.waits and line.own and not readonly
        for widget in (self.up, self.down):
            widget.setVisible(can and last > 0)
        moves = can and last > 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if moves else Qt.FocusPolicy.NoFocus)
        self.setToolTip(TIP if moves else "")
        self.setAccessibleName(f"{line.title}, {self.detail.text()}")
        self.up.setEnabled(place > 0)
        self.down.setEnabled(place < last)
        for button in (self.start, self.out):
            button.setVisible(can)


class DeviceQueue(QWidget):
    """Running jobs, and below them those that wait.

    Signals
    -------
    job_chosen : str
        A job shall be shown.
    move_requested : str, int
        A waiting job shall have another place, 0 = first.
    start_requested, remove_requested : str
        A waiting job shall start although its device is busy, or wait no longer.
    """

    job_chosen = Signal(str)
    move_requested = Signal(str, int)
    start_requested = Signal(str)
    remove_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("device_queue")
        self.running_title = self._heading("Running")
        self.waiting_title = self._heading("Waiting")
        self.none_runs = self._quiet("queue_none_runs", "No job runs on this machine.")
        self.none_waits = self._quiet(
            "queue_none_waits", "No job waits. Jobs that find their device busy queue up here by themselves."
        )
        self._rows: dict[bool, list[QueueRow]] = {False: [], True: []}
        self._order = RowOrder(self, self._movable, self._move)
        self._lists = {False: QVBoxLayout(), True: QVBoxLayout()}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        column.addWidget(self.running_title)
        column.addWidget(self.none_runs)
        column.addLayout(self._lists[False])
        column.addSpacing(style.SMALL)
        column.addWidget(self.waiting_title)
        column.addWidget(self.none_waits)
        column.addLayout(self._lists[True])
        column.addStretch(1)
        for layout in self._lists.values():
            layout.setSpacing(style.TIGHT)
        self.set_lines([], [])

    def _heading(self, text: str) -> QLabel:
        label = QLabel(text, self)
        style.set_role(label, "subheading")
        return label

    def _quiet(self, name: str, text: str) -> QLabel:
        label = QLabel(text, self, wordWrap=True)
        label.setObjectName(name)
        style.set_role(label, "muted")
        return label

    def set_lines(
        self, running: Sequence[QueueLine], waiting: Sequence[QueueLine], *, readonly: bool = False
    ) -> None:
        """Show these jobs; rows are reused, so nothing flickers."""
        self._fill(False, running, readonly)
        self._fill(True, waiting, readonly)
        self.none_runs.setVisible(not running)
        self.none_waits.setVisible(not waiting)

    def _movable(self) -> list[QueueRow]:
        """Return the rows whose order may be changed."""
        return [row for row in self._rows[True] if row.focusPolicy() is Qt.FocusPolicy.StrongFocus]

    def _move(self, row: QWidget, place: int) -> None:
        if isinstance(row, QueueRow) and row.line is not None:
            self.move_requested.emit(row.line.job, place)

    def rows(self, *, waiting: bool) -> list[QueueRow]:
        """Return the rows shown."""
        return list(self._rows[waiting])

    def _fill(self, waits: bool, lines: Sequence[QueueLine], readonly: bool) -> None:
        rows = self._rows[waits]
        if waits and self._order.dragging:
            return  # the row in the hand stays that of its job; the next look shows what changed
        focused = self.window().focusWidget()
        held = next((row.line.job for row in rows if row is focused and row.line is not None), "")
        while len(rows) > len(lines):
            row = rows.pop()
            self._lists[waits].removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(rows) < len(lines):
            rows.append(QueueRow(self, waits=waits))
            if waits:
                self._order.watch(rows[-1])
            self._lists[waits].addWidget(rows[-1])
        last = sum(line.own for line in lines) - 1
        for place, (row, line) in enumerate(zip(rows, lines, strict=True)):
            row.show_line(line, place, last, readonly=readonly)
            if held and line.job == held and row is not focused:
                row.setFocus(Qt.FocusReason.OtherFocusReason)  # the keys go on with the same job
