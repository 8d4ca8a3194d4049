"""The line above the map: which states are seen, in which colours, and what is being done."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from widgets import style


class Title(QWidget):
    """One line of text, cut short where there is no room, behind a patch of colour."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.text = ""
        self._patch = ""
        self._role = "muted"
        style.ThemeWatcher(self, self.update)

    def set_text(self, text: str, *, patch: str = "", role: str = "muted") -> None:
        """Show a text; `patch` is the colour ``#rrggbb`` before it, `role` a colour of the theme."""
        self.text, self._patch, self._role = text, patch, role
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for one line."""
        return QSize(60, round(QFontMetricsF(style.small_font(self)).height()) + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least room."""
        return QSize(20, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw patch and text."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        room = QRectF(self.rect())
        if self._patch:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._patch))
            painter.drawRoundedRect(QRectF(0, room.center().y() - 4.5, 9, 9), 2, 2)
            room.setLeft(9 + style.TIGHT)
        painter.setPen(style.colour(self._role))
        text = painter.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideMiddle, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class MapTitles(QWidget):
    """One title, or two side by side, and what is being done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map_titles")
        self.first = Title("explorer_map_title")
        self.second = Title("explorer_map_other_title")
        self.second.hide()
        self.busy = QLabel()
        self.busy.setObjectName("explorer_map_busy")
        style.set_role(self.busy, "caption")
        row = QHBoxLayout(self)
        row.setContentsMargins(style.SMALL, 0, style.SMALL, 0)
        row.setSpacing(style.SMALL)
        row.addWidget(self.first, 1)
        row.addWidget(self.second, 1)
        row.addWidget(self.busy)

    def show_one(self, text: str) -> None:
        """Show the title of one state."""
        self.first.set_text(text)
        self.second.hide()

    def show_two(self, first: tuple[str, str], second: tuple[str, str]) -> None:
        """Show two titles with the colours ``#rrggbb`` of their maps."""
        for title, (text, patch) in ((self.first, first), (self.second, second)):
            title.set_text(text, patch=patch)
            title.show()

    def show_hint(self, text: str) -> None:
        """Show what is missing instead of a title."""
        self.first.set_text(text, role="warning")
        self.second.hide()
