"""A text to take away: what it is, the text itself, and a button that copies it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets import style


class CopyBlock(QFrame):
    """Wraps the text, so that a long command is seen as a whole."""

    def __init__(self, title: str, parent: QWidget | None = None, *, fixed_width: bool = True) -> None:
        super().__init__(parent)
        self.setObjectName("copy_block")
        style.set_role(self, "card")
        self._fixed_width = fixed_width
        self.title = QLabel(title)
        style.set_role(self.title, "caption")
        self.button = QPushButton("Copy")
        self.button.setObjectName("copy_button")
        style.set_role(self.button, "link")
        self.button.setMinimumWidth(style.text_width(self.font(), "Copied") + 2 * style.MEDIUM)
        self.button.clicked.connect(self._copy)
        self.text = QLabel(wordWrap=True)
        self.text.setObjectName("copy_text")
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._value = ""
        self._timer = QTimer(self, singleShot=True, interval=1500)
        self._timer.timeout.connect(lambda: self.button.setText("Copy"))
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.TIGHT, style.TIGHT, style.SMALL)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.text)
        self._set_font()
        style.ThemeWatcher(self, self._set_font)

    def set_text(self, text: str, title: str = "") -> None:
        """Show another text; without any, nothing is shown."""
        if title:
            self.title.setText(title)
        if text != self._value:
            self._value = text
            # Qt breaks lines at blanks only: a long path may be broken behind each part as well
            self.text.setText(text.replace("/", "/\u200b") if self._fixed_width else text)
        self.setVisible(bool(text))

    def value(self) -> str:
        """Return the text as it is copied."""
        return self._value

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._value)
        self.button.setText("Copied")
        self._timer.start()

    def _set_font(self) -> None:
        self.text.setFont(style.monospace_font(0.95) if self._fixed_width else QApplication.font())
