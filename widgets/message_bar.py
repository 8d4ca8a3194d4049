"""A message above a page that blocks nothing: what happened, in words, and one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from widgets import glyphs, style

Severity = Literal["error", "warning", "info", "success"]
_GLYPHS: Final[dict[str, tuple[str, str]]] = {
    "error": ("failure", "danger"),
    "warning": ("warning", "warning"),
    "info": ("info", "info"),
    "success": ("success", "success"),
}
_QUIET_MS: Final = 8000


@dataclass(frozen=True)
class _Message:
    severity: Severity
    text: str
    action_text: str
    on_action: Callable[[], object] | None
    about: str = ""


class MessageBar(QFrame):
    """Shows the newest message; errors stay until closed, good news leaves by itself.

    Earlier messages are kept underneath and appear when the newest is closed.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_bar")
        self._messages: list[_Message] = []
        self._icon = QLabel(self)
        self.text = QLabel(self, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.text.setObjectName("message_text")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.more = QLabel(self)
        self.more.setObjectName("message_more")
        style.set_role(self.more, "caption")
        self.action = QPushButton(self)
        self.action.setObjectName("message_action")
        self.action.setAutoDefault(False)
        self.action.clicked.connect(self._on_action)
        self.close_button = QToolButton(self)
        self.close_button.setObjectName("message_close")
        self.close_button.setToolTip("Close this message (Esc)")
        self.close_button.setAccessibleName("Close this message")
        style.set_role(self.close_button, "quiet")
        self.close_button.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(style.MEDIUM, style.TIGHT // 2, style.TIGHT, style.TIGHT // 2)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.more)
        layout.addWidget(self.action)
        layout.addWidget(self.close_button)
        self._timer = QTimer(self, singleShot=True, interval=_QUIET_MS)
        self._timer.timeout.connect(self.dismiss)
        style.ThemeWatcher(self, self._draw)
        self.hide()

    def show_error(
        self,
        text: str,
        action_text: str = "",
        on_action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Show an error, usually with ``Show log``."""
        self.show_message("error", text, action_text, on_action, about=about)

    def show_warning(
        self,
        text: str,
        action_text: str = "",
        on_action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Show a warning."""
        self.show_message("warning", text, action_text, on_action, about=about)

    def show_info(
        self,
        text: str,
        action_text: str = "",
        on_action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Show something worth knowing."""
        self.show_message("info", text, action_text, on_action, about=about)

    def show_success(
        self,
        text: str,
        action_text: str = "",
        on_action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Show good news."""
        self.show_message("success", text, action_text, on_action, about=about)

    def show_message(
        self,
        severity: Severity,
        text: str,
        action_text: str = "",
        on_action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Show a message; one that is shown already is not stacked upon itself.

        With `about`, what it is about, it can be taken back by `forget` when that has changed.
        """
        message = _Message(severity, text, action_text, on_action, about)
        self._messages = [m for m in self._messages if m.text != text]
        self._messages.append(message)
        self._show()

    def dismiss(self) -> None:
        """Close the message shown."""
        if self._messages:
            self._messages.pop()
        self._show()
        self.closed.emit()

    def forget(self, about: str) -> None:
        """Close the messages about something: they are no longer true."""
        left = [message for message in self._messages if message.about != about]
        if len(left) != len(self._messages):
            self._messages = left
            self._show()

    def clear(self) -> None:
        """Close all messages."""
        self._messages = []
        self._show()

    def messages(self) -> list[str]:
        """Return the texts kept, the one shown last."""
        return [message.text for message in self._messages]

    def _show(self) -> None:
        self._timer.stop()
        if not self._messages:
            self.hide()
            return
        message = self._messages[-1]
        self._draw()
        self.text.setText(message.text)
        self.setAccessibleName(f"{message.severity}: {message.text}")
        self.action.setText(message.action_text)
        self.action.setVisible(bool(message.action_text))
        hidden = len(self._messages) - 1
        self.more.setText(f"+{hidden} more" if hidden else "")
        self.show()
        if message.severity in ("info", "success") and not message.action_text:
            self._timer.start()

    def _draw(self) -> None:
        """Give the bar the colours of its message in the present theme."""
        if not self._messages:
            return
        message = self._messages[-1]
        glyph, colour = _GLYPHS[message.severity]
        style.set_role(self, f"bar-{message.severity}")
        self._icon.setPixmap(glyphs.glyph_pixmap(glyph, style.colour(colour), 20, self.devicePixelRatioF()))
        self.close_button.setIcon(glyphs.glyph_icon("close"))

    def _on_action(self) -> None:
        if self._messages and self._messages[-1].on_action is not None:
            self._messages[-1].on_action()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)
