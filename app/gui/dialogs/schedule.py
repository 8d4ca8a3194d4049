"""Which scheduled jobs run, when, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.gui.dialogs.buttons import ok_and_cancel
from app.gui.dialogs.forms import row_label
from app.runner.schedule_plan import SchedulePlan, check_schedule_name
from widgets import style

_NAME: Final = Qt.ItemDataRole.UserRole


class ScheduleDialog(QDialog):
    """Jobs to tick, name of the schedule, waiting times and repeats.

    Parameters
    ----------
    jobs
        ``(name, text)`` of the scheduled jobs, in the order in which they run.
    running
        Names of schedules that run, which cannot be used again.
    """

    def __init__(
        self, parent: QWidget | None, jobs: Sequence[tuple[str, str]], running: Sequence[str]
    ) -> None:
        super().__init__(parent)
        self.setObjectName("schedule_dialog")
        self.setWindowTitle("Run scheduled jobs")
        self.setMinimumWidth(480)
        self._running = frozenset(running)
        heading = QLabel("Run scheduled jobs")
        style.set_role(heading, "heading")
        body = QLabel(
            "They run one after another, each when its input files are there, and stop at the first that "
            "fails. The schedule goes on when this window is closed.",
            wordWrap=True,
        )
        self.list = QListWidget()
        self.list.setObjectName("schedule_jobs")
        for name, shown in jobs:
            item = QListWidgetItem(shown, self.list)
            item.setData(_NAME, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setSizeHint(QSize(0, 28))
        self.list.itemChanged.connect(self._update)
        self.name = QLineEdit(self._free_name())
        self.name.setObjectName("schedule_name")
        self.name.textChanged.connect(self._update)
        self.before = _minutes("schedule_before", 0)
        self.repeats = QSpinBox()
        style.pad_number(self.repeats)
        self.repeats.setObjectName("schedule_repeats")
        self.repeats.setRange(1, 100_000)
        self.between = _minutes("schedule_between", 15)
        self.after = _minutes("schedule_after", 10, " s")
        self.repeats.valueChanged.connect(self._update)
        self.reason = QLabel(wordWrap=True)
        self.reason.setObjectName("schedule_reason")
        style.set_role(self.reason, "problem")
        rows = QFormLayout()
        rows.setHorizontalSpacing(style.LARGE)
        rows.setVerticalSpacing(style.SMALL)
        for label, widget in (
            ("Name of the schedule", self.name),
            ("Wait before the first job", self.before),
            ("Repeats", self.repeats),
            ("Least time between repeats", self.between),
            ("Wait after each job", self.after),
        ):
            widget.setMinimumHeight(self.name.sizeHint().height())
            rows.addRow(row_label(label, widget), widget)
        self.buttons, self.ok_button = ok_and_cancel(self, "Run")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        layout.addWidget(heading)
        layout.addWidget(body)
        layout.addWidget(self.list, 1)
        layout.addLayout(rows)
        layout.addWidget(self.reason)
        layout.addWidget(self.buttons)
        self._update()

    def _free_name(self) -> str:
        number = 1
        while f"schedule{number}" in self._running:
            number += 1
        return f"schedule{number}"

    def chosen(self) -> list[str]:
        """Return the ticked jobs, in order."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [str(item.data(_NAME)) for item in items if item.checkState() is Qt.CheckState.Checked]

    def plan(self) -> SchedulePlan:
        """Return what was chosen."""
        return SchedulePlan(
            self.name.text().strip(),
            self.before.value(),
            self.repeats.value(),
            self.between.value(),
            self.after.value(),
        )

    def _update(self) -> None:
        name = self.name.text().strip()
        reason = check_schedule_name(name)
        if not reason and name in self._running:
            reason = f"The schedule {name} is being run already."
        if not reason and not self.chosen():
            reason = "Tick at least one job."
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        self.ok_button.setEnabled(not reason)
        self.between.setEnabled(self.repeats.value() > 1)


def _minutes(name: str, value: float, suffix: str = " min") -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    style.pad_number(box)
    box.setObjectName(name)
    box.setRange(0, 100_000)
    box.setDecimals(1 if suffix == " min" else 0)
    box.setSuffix(suffix)
    box.setValue(value)
    return box


def ask_schedule(
    parent: QWidget | None, jobs: Sequence[tuple[str, str]], running: Sequence[str]
) -> tuple[list[str], SchedulePlan] | None:
    """Ask for jobs and plan; None when cancelled."""
    dialog = ScheduleDialog(parent, jobs, running)
    try:
        return (dialog.chosen(), dialog.plan()) if dialog.exec() else None
    finally:
        dialog.deleteLater()
