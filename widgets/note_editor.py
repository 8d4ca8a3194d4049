"""A job's note: written at leisure, saved by itself, never overwritten while it is typed."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from widgets import style

_INVITATION: Final = "What was tried here, and what came of it"
_SAVE_MS: Final = 800


class NoteEditor(QWidget):
    """A text that asks to be saved a moment after the last key and when it loses the focus.

    The owner saves on `save_requested` and confirms with `mark_saved`. When the file changed on disk while
    there are unsaved words, both versions are offered; nothing is lost.
    """

    save_requested = Signal(str)

    def __init__(self, title: str = "Note", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("note_editor")
        self._saved = ""
        self._other: str | None = None
        self._loading = False
        heading = QLabel(title, self)
        style.set_role(heading, "subheading")
        self.state = QLabel(self)
        self.state.setObjectName("note_state")
        style.set_role(self.state, "caption")
        self.reload_button = QPushButton("Use the version on disk", self)
        self.reload_button.setObjectName("note_reload")
        self.reload_button.setAutoDefault(False)
        self.reload_button.clicked.connect(self._take_other)
        self.keep_button = QPushButton("Keep mine", self)
        self.keep_button.setObjectName("note_keep")
        self.keep_button.setAutoDefault(False)
        self.keep_button.clicked.connect(self._keep_mine)
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("note_text")
        self.text.setPlaceholderText(_INVITATION)
        self.text.setTabChangesFocus(True)
        self.text.textChanged.connect(self._on_typed)
        self.text.installEventFilter(self)
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(heading)
        top.addStretch(1)
        for widget in (self.state, self.reload_button, self.keep_button):
            top.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addLayout(top)
        layout.addWidget(self.text, 1)
        self._timer = QTimer(self, singleShot=True, interval=_SAVE_MS)
        self._timer.timeout.connect(self._save)
        self._show_state()

    @property
    def is_dirty(self) -> bool:
        """Whether there are words that were not saved."""
        return self.text.toPlainText() != self._saved

    def set_text(self, text: str, *, other_job: bool = False) -> None:
        """Show the text on disk.

        Parameters
        ----------
        text : str
            The text.
        other_job : bool
            It belongs to another job: unsaved words were asked to be saved before, and are replaced.
        """
        if other_job:
            self.flush()
        elif self.is_dirty:
            if text == self.text.toPlainText():
                self.mark_saved(text)
            elif text != self._saved:
                self._timer.stop()
                self._other = text
                self._show_state()
            return
        self._load(text)

    def _load(self, text: str) -> None:
        self._saved = text
        self._other = None
        if text != self.text.toPlainText():
            self._loading = True
            self.text.setPlainText(text)
            self._loading = False
        self._show_state()

    def mark_saved(self, text: str) -> None:
        """Confirm that a text was saved."""
        self._saved = text
        self._show_state()

    def set_read_only(self, read_only: bool) -> None:
        """Allow reading only."""
        self.text.setReadOnly(read_only)
        self.text.setPlaceholderText("No note" if read_only else _INVITATION)
        self._show_state()

    def flush(self) -> None:
        """Ask for unsaved words to be saved now (before another job is shown, before closing)."""
        self._timer.stop()
        self._save()

    def _on_typed(self) -> None:
        if not self._loading:
            self._show_state()
            if self._other is None:
                self._timer.start()

    def _save(self) -> None:
        if self.is_dirty and self._other is None and not self.text.isReadOnly():
            self.save_requested.emit(self.text.toPlainText())

    def _take_other(self) -> None:
        self._load(self._other or "")

    def _keep_mine(self) -> None:
        self._other = None
        self._save()
        self._show_state()

    def _show_state(self) -> None:
        conflict = self._other is not None
        if conflict:
            text = "The note was changed elsewhere meanwhile"
        elif self.text.isReadOnly():
            text = "Read only"
        else:
            text = "Not saved yet" if self.is_dirty else "Saved" if self._saved else ""
        self.state.setText(text)
        style.set_role(self.state, "warning" if conflict else "caption")
        self.reload_button.setVisible(conflict)
        self.keep_button.setVisible(conflict)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save when the text loses the focus."""
        if watched is self.text and event.type() == QEvent.Type.FocusOut:
            self.flush()
        return super().eventFilter(watched, event)
