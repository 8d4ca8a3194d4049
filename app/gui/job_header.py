"""What stands above the form: which job it is, how it stands, and why it ended badly."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.gui.convert import queue_note, queue_sentence, shown_status
from app.gui.news import JobDetails
from jobs.core.declaration import JobType
from widgets import glyphs, style
from widgets.status_badge import StatusBadge


class JobHeader(QWidget):
    """Name, type, alias and status of the shown job, or the type of a new one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_header")
        self.title = QLabel()
        self.title.setObjectName("job_title")
        style.set_role(self.title, "heading")
        self.subtitle = QLabel()
        self.subtitle.setObjectName("job_subtitle")
        style.set_role(self.subtitle, "muted")
        self.badge = StatusBadge()
        self.alias = QLineEdit()
        self.alias.setObjectName("alias")
        self.alias.setPlaceholderText("Alias (optional)")
        self.alias.setToolTip("A name for the job, shown in the lists in place of its number")
        self.alias.setMaximumWidth(170)
        self.alias.setAcceptDrops(False)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.MEDIUM)
        row.addLayout(words, 1)
        row.addWidget(self.alias, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_state(self, details: JobDetails | None, job_type: JobType | None, room: str) -> None:
        """Show a job of the lists and the room it takes, or a new one of a type."""
        if details is not None:
            self.title.setText(details.entry.name.rstrip("/"))
            runs = f" · run {details.runs[-1].number}" if len(details.runs) > 1 else ""
            parts = (f"{details.entry.title}{runs}", queue_sentence(details.entry), room)
            self.subtitle.setText(" · ".join(part for part in parts if part))
            self.badge.set_status(shown_status(details.entry), queue_note(details.entry))
        elif job_type is not None:
            self.title.setText(job_type.title)
            self.subtitle.setText("New job")
        self.badge.setVisible(details is not None)
        self.alias.setVisible(details is None or bool(details.entry.alias))
        self.alias.setReadOnly(details is not None)
        if job_type is not None:
            self.subtitle.setToolTip(job_type.summary)


class ReasonBar(QFrame):
    """Says why the shown job ended badly; hidden when it did not."""

    log_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_reason")
        style.set_role(self, "bar-error")
        self._icon = QLabel()
        self._text = QLabel(wordWrap=True)
        self._text.setObjectName("job_reason_text")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        show = QPushButton("Show log")
        show.setObjectName("job_show_log")
        show.clicked.connect(self.log_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.SMALL, style.TIGHT, style.SMALL, style.TIGHT)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(show)

    def text(self) -> str:
        """Return what is read."""
        return self._text.text()

    def show_text(self, text: str, *, gentle: bool = False) -> None:
        """Show a reason, or nothing; gently where somebody wanted the end."""
        self._text.setText(text)
        glyph, colour = ("stopped", "warning") if gentle else ("failure", "danger")
        style.set_role(self, "bar-warning" if gentle else "bar-error")
        self._icon.setPixmap(glyphs.glyph_pixmap(glyph, style.colour(colour), 18, self.devicePixelRatioF()))
        self.setVisible(bool(text))
