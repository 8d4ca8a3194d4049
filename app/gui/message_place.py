"""Where messages of the window stand: beside the menus, so that nothing moves when one comes or goes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenuBar, QSizePolicy, QWidget

from widgets import style
from widgets.message_bar import MessageBar

#: Height kept for menus and a message of one or two lines.
_ROW_HEIGHT = style.CONTROL_HEIGHT + 2 * style.TIGHT
_LEAST_WIDTH = 320


class MessagePlace(QObject):
    """Keeps the message bar at the right of the menus; a longer message reaches over what is below.

    Parameters
    ----------
    window
        The window, whose menu row is made here.
    menus
        Its menus.
    bar
        Its messages.
    """

    def __init__(self, window: QMainWindow, menus: QMenuBar, bar: MessageBar) -> None:
        super().__init__(window)
        self._window, self._menus, self._bar = window, menus, bar
        row = QWidget()
        row.setMinimumHeight(_ROW_HEIGHT)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        menus.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        line.addWidget(menus)
        window.setMenuWidget(row)
        bar.setParent(window)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.place)
        for part in (window, menus, bar):
            part.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window and the text of the message."""
        kind = event.type()
        if kind == QEvent.Type.Show or (kind == QEvent.Type.Resize and watched is not self._bar):
            self.place()
        if kind in (QEvent.Type.Show, QEvent.Type.LayoutRequest, QEvent.Type.FontChange):
            self._later.start()
        return False

    def place(self) -> None:
        """Put the bar to its place."""
        bar, width = self._bar, self._window.width()
        layout = bar.layout()
        if not bar.isVisibleTo(self._window) or layout is None:
            return
        actions = self._menus.actions()
        menus = self._menus.actionGeometry(actions[-1]).right() if actions else 0
        room = max(width - menus - style.LARGE - style.SMALL, min(_LEAST_WIDTH, width))
        height = max(layout.totalHeightForWidth(room), _ROW_HEIGHT - 2)
        bar.setGeometry(width - room - style.SMALL, 1, room, height)
        bar.raise_()
