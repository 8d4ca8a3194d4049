"""How far the running job is: a bar, and the words for it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from app.provenance.progress_now import ProgressNow
from widgets import style
from widgets.durations import duration

_THOUSANDTHS = 1000


class ProgressLine(QWidget):
    """Percent and phase on the left, the time left on the right, a bar below; hidden when nothing runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview_progress")
        self.percent = QLabel()
        self.percent.setObjectName("overview_percent")
        style.set_role(self.percent, "subheading")
        self.phase = QLabel()
        self.phase.setObjectName("overview_phase")
        style.set_role(self.phase, "muted")
        self.left = QLabel()
        self.left.setObjectName("overview_time_left")
        self.bar = QProgressBar()
        self.bar.setRange(0, _THOUSANDTHS)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        words = QHBoxLayout()
        words.setSpacing(style.SMALL)
        words.addWidget(self.percent)
        words.addWidget(self.phase, 1)
        words.addWidget(self.left)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addLayout(words)
        column.addWidget(self.bar)
        self.hide()

    def set_progress(self, now: ProgressNow | None) -> None:
        """Show how far the job is, nothing when it does not run or has not said so yet."""
        self.setVisible(now is not None)
        if now is None:
            return
        self.percent.setText(f"{100 * now.share:.0f} %")
        phase = f"{now.phase[:1].upper()}{now.phase[1:]}, " if now.phase else ""
        self.phase.setText(f"{phase}step {now.step:,} of {now.of:,}")
        left = duration(now.left_s)
        words = f"about {left} left in this phase" if left else "time left not known yet"
        self.left.setText(words if now.step < now.of else "the next phase begins")
        self.bar.setValue(round(_THOUSANDTHS * now.share))
        self.setAccessibleName(f"{self.percent.text()}, {self.left.text()}")
