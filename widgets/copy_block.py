"""A text to take away: what it is, the text itself, and a button that copies it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QResizeEvent, QTextOption, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style

#: Keeps a line from being broken within the name of an option (a word joiner; nothing of it is seen).
_JOINER: Final = "\u2060"


class _Text(QPlainTextEdit):
    """As high as its text, which is broken anywhere: a long path is seen as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("copy_text")
        style.set_role(self, "log")
        self.setReadOnly(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def createMimeDataFromSelection(self) -> QMimeData:
        """Copy what was written, without what only holds options together."""
        data = super().createMimeDataFromSelection()
        taken = QMimeData()
        taken.setText(data.text().replace(_JOINER, ""))
        return taken

    def fit(self) -> None:
        """Take the height of the text."""
        lines = max(1, round(self.document().size().height()))
        margins = 2 * (round(self.document().documentMargin()) + style.TIGHT + 1)
        height = lines * self.fontMetrics().lineSpacing() + margins
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines for the new width."""
        super().resizeEvent(event)
        self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave scrolling to the page around it."""
        event.ignore()


class CopyBlock(QWidget):
    """A title with a button, and the text below."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("copy_block")
        self.title = QLabel(title)
        style.set_role(self.title, "subheading")
        self.button = QPushButton("Copy")
        self.button.setObjectName("copy_button")
        style.set_role(self.button, "link")
        self.button.clicked.connect(self._copy)
        self.text = _Text()
        self._timer = QTimer(self, singleShot=True, interval=1500)
        self._timer.timeout.connect(lambda: self.button.setText("Copy"))
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addLayout(top)
        layout.addWidget(self.text)
        style.ThemeWatcher(self, self.text.fit)

    def set_text(self, text: str, title: str = "") -> None:
        """Show another text; without any, nothing is shown."""
        if title:
            self.title.setText(title)
        if text != self.value():
            self.text.setPlainText(text.replace("--", f"-{_JOINER}-{_JOINER}"))
            self.text.fit()
        self.setVisible(bool(text))

    def value(self) -> str:
        """Return the text as it is copied."""
        return self.text.toPlainText().replace(_JOINER, "")

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.value())
        self.button.setText("Copied")
        self._timer.start()
