"""A button that shows the colour of a tag and lets another one be chosen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.project.tags import COLOUR_NAMES
from widgets import style
from widgets.tag_chips import tag_colour

_SIZE = 16


class ColourButton(QToolButton):
    """A dot of the present colour; its menu holds all, each with its name.

    Signals
    -------
    chosen : int
        The number of another colour.
    """

    chosen = Signal(int)

    def __init__(self, word: str, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"tag_colour_{word}")
        self._word, self._number = word, number
        style.set_role(self, "quiet")
        self.setIconSize(QSize(_SIZE, _SIZE))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._actions = [menu.addAction(name.capitalize()) for name in COLOUR_NAMES]
        for at, action in enumerate(self._actions):
            action.setCheckable(True)
            action.triggered.connect(lambda _checked=False, at=at: self._choose(at))
        self.setMenu(menu)
        style.ThemeWatcher(self, self._draw)
        self._draw()

    def _choose(self, number: int) -> None:
        self._number = number
        self._draw()
        self.chosen.emit(number)

    def _draw(self) -> None:
        for at, action in enumerate(self._actions):
            action.setIcon(self._dot(at))
            action.setChecked(at == self._number)
            font = action.font()
            font.setBold(at == self._number)  # the dot stands where a tick would
            action.setFont(font)
        self.setIcon(self._dot(self._number))
        name = COLOUR_NAMES[self._number % len(COLOUR_NAMES)]
        self.setToolTip(f"Colour of “{self._word}”: {name}. It is the same on all jobs")
        self.setAccessibleName(f"Colour of {self._word}: {name}")

    def _dot(self, number: int) -> QIcon:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(_SIZE * ratio), round(_SIZE * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tag_colour(number))
        painter.drawEllipse(QRectF(2, 2, _SIZE - 4, _SIZE - 4))
        painter.end()
        return QIcon(pixmap)
