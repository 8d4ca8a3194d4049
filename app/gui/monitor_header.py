"""The line above the monitor: which job and task is looked at, and ways to walk through its results."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.gui.news import JobDetails
from jobs import registry
from widgets import style
from widgets.fields import ChoiceBox


class MonitorHeader(QWidget):
    """Heading, choice of the task, load of the worker, and buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QLabel()
        self.heading.setObjectName("monitor_heading")
        style.set_role(self.heading, "subheading")
        self.worker = QLabel()
        self.worker.setObjectName("monitor_worker")
        style.set_role(self.worker, "caption")
        self.task_box = ChoiceBox()
        self.task_box.setObjectName("monitor_task")
        self.task_box.setToolTip("Which task of the job is looked at")
        self.task_box.setAccessibleName("Task")
        # its tasks come after it was shown first
        self.task_box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToContents)
        self.choose_button = QToolButton()
        self.choose_button.setObjectName("monitor_choose_curves")
        self.choose_button.setText("Choose curves")
        self.choose_button.setToolTip("Show which values there are, to choose those that are drawn")
        self.choose_button.setCheckable(True)
        style.set_role(self.choose_button, "button")
        self.tomograms_button = QPushButton("Tomograms…")
        self.tomograms_button.setObjectName("monitor_tomograms")
        self.tomograms_button.setToolTip("See the particles and their axes where they are (Ctrl+Shift+T)")
        self.tomograms_button.hide()
        self.explore_button = QPushButton("Explore")
        self.explore_button.setObjectName("monitor_explore")
        self.explore_button.setToolTip("Walk through the latent space beside the moving map (Ctrl+E)")
        self.explore_button.hide()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(style.MEDIUM)
        line.addWidget(self.heading)
        line.addWidget(self.task_box)
        line.addStretch(1)
        for part in (self.worker, self.choose_button, self.tomograms_button, self.explore_button):
            line.addWidget(part)

    def show_job(self, details: JobDetails | None, *, explorable: bool) -> None:
        """Name the job; particles that have places but no latent space are shown in their tomograms."""
        status = details.entry.status if details is not None else ""
        name = details.entry.name.rstrip("/") if details is not None else ""
        words = {"Succeeded": "Result of", "Failed": "Reached in", "Aborted": "Reached in"}
        self.heading.setText(f"{words.get(status, '')} {name}".strip())
        declared = registry.JOB_TYPES.get(details.type_key or "") if details is not None else None
        placed = declared is not None and bool(declared.tomograms)
        self.tomograms_button.setVisible(placed and not explorable and status == "Succeeded")
