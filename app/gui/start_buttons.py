"""The buttons below the form, which start the job or say what would be started."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from jobs.core.declaration import Task
from widgets import style


class StartButtons(QWidget):
    """Schedule, Check command and Run!, and between them the reason why the job cannot be started.

    Signals
    -------
    run_requested, schedule_requested, command_requested
        The buttons.
    rehearsal_requested
        The dry run that some types of job have.
    """

    run_requested = Signal()
    schedule_requested = Signal()
    command_requested = Signal()
    rehearsal_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.schedule = QPushButton("Schedule")
        self.schedule.setObjectName("schedule_button")
        self.schedule.clicked.connect(self.schedule_requested)
        self.command = QPushButton("Check command")
        self.command.setObjectName("command_button")
        self.command.clicked.connect(self.command_requested)
        self.run = QPushButton("Run!")
        self.run.setObjectName("run_button")
        self.run.setMinimumWidth(120)
        style.set_role(self.run, "primary")
        self.run.clicked.connect(self.run_requested)
        self.rehearse = QPushButton()
        self.rehearse.setObjectName("rehearse_button")
        self.rehearse.setToolTip("Look at what would be used, before anything else is written")
        self.rehearse.clicked.connect(self.rehearsal_requested)
        self.rehearse.hide()
        self._why = QLabel(wordWrap=True)
        self._why.setObjectName("why_not_run")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        style.set_role(self._why, "caption")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SMALL)
        row.addWidget(self.schedule)
        row.addWidget(self.command)
        row.addWidget(self._why, 1)
        row.addWidget(self.rehearse)
        row.addWidget(self.run)

    def show_state(
        self,
        text: str,
        hindrance: str,
        *,
        ours: bool,
        can_run: bool,
        overwrites: bool,
        rehearsals: Sequence[Task] = (),
    ) -> None:
        """Name the buttons, and show what can be pressed or why not; `ours` may be started here."""
        self.rehearse.setText(rehearsals[0].label if rehearsals else "")
        self.rehearse.setVisible(ours and bool(rehearsals))
        self.rehearse.setEnabled(can_run)
        self.run.setText(text)
        self.run.setEnabled(can_run)
        self.run.setToolTip(hindrance)
        self.schedule.setEnabled(can_run and not overwrites)
        self.command.setEnabled(ours)
        for button in (self.run, self.schedule, self.command):
            button.setVisible(ours)
        self._why.setText(hindrance)
