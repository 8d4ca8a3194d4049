"""The devices of this machine: live curves of GPUs and processor, who uses them, and who waits for them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.device_card import DeviceCard
from widgets.device_data import DeviceInfo, History, QueueLine
from widgets.device_link import TextLink
from widgets.device_queue import DeviceQueue

_CARD_WIDTH = 290
_QUEUE_WIDTH = 300
#: Below this width the queue stands under the cards.
_NARROW = 640


class DevicePanel(QWidget):
    """Cards of all devices, and the queue beside them.

    What is seen is kept at all times, so that the curves have no holes; it is drawn only while the panel can
    be seen.

    Signals
    -------
    policy_requested
        The user wants to change how many jobs run at once.
    """

    policy_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("device_panel")
        self._histories: dict[str, History] = {}
        self._devices: tuple[DeviceInfo, ...] = ()
        self._lines: tuple[Sequence[QueueLine], Sequence[QueueLine], bool] = ((), (), False)
        self._cards: list[DeviceCard] = []
        self._arranged = (0, 0)
        self._stale = True
        self.queue = DeviceQueue()
        self.policy = QLabel(wordWrap=True)
        self.policy.setObjectName("device_policy")
        style.set_role(self.policy, "caption")
        self.change = TextLink("Change…")
        self.change.setObjectName("device_change_policy")
        self.change.clicked.connect(self.policy_requested)
        self._page = QWidget()
        self._grid = QGridLayout()
        self._grid.setSpacing(style.SMALL)
        self._both = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._page)
        self._both.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        self._both.setSpacing(style.LARGE)
        cards = QVBoxLayout()
        cards.addLayout(self._grid)
        cards.addStretch(1)
        self._both.addLayout(cards, 1)
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.addWidget(self.queue, 1)
        side.addWidget(self.policy)
        link = QHBoxLayout()
        link.addWidget(self.change)
        link.addStretch(1)
        side.addLayout(link)
        self._both.addWidget(self._side, 0)
        area = QScrollArea(self)
        area.setObjectName("device_area")
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._page)
        self._area = area
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def set_state(self, devices: Sequence[DeviceInfo], *, now: float | None = None) -> None:
        """Take up the present state of all devices; `now` in seconds, None = this moment."""
        when = time.monotonic() if now is None else now
        self._devices = tuple(devices)
        for device in devices:
            self._histories.setdefault(device.key, History()).add(when, device.load, device.memory)
        self._refresh()

    def set_queue(
        self,
        running: Sequence[QueueLine],
        waiting: Sequence[QueueLine],
        policy: str,
        *,
        readonly: bool = False,
    ) -> None:
        """Show who runs and who waits, and the rule by which they do."""
        self._lines = (running, waiting, readonly)
        self.policy.setText(policy)
        self._refresh()

    @property
    def cards(self) -> list[DeviceCard]:
        """The cards shown."""
        return list(self._cards)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while nobody looked."""
        super().showEvent(event)
        if self._stale:
            self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange anew."""
        super().resizeEvent(event)
        self._arrange()

    def _refresh(self) -> None:
        self._stale = not self.isVisible()
        if self._stale:
            return
        while len(self._cards) > len(self._devices):
            card = self._cards.pop()
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        while len(self._cards) < len(self._devices):
            card = DeviceCard(self._page)
            card.job_chosen.connect(self.queue.job_chosen)
            card.show()
            self._cards.append(card)
        for card, device in zip(self._cards, self._devices, strict=True):
            card.show_device(device, self._histories[device.key])
        running, waiting, readonly = self._lines
        self.queue.set_lines(running, waiting, readonly=readonly)
        self._arrange()

    def _arrange(self) -> None:
        """Put the cards into as many columns as there is room for."""
        narrow = self.width() < _NARROW
        wanted = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._both.direction() != wanted:
            self._both.setDirection(wanted)
        side = 16777215 if narrow else max(_QUEUE_WIDTH, round(self.width() * 0.32))
        self._side.setMaximumWidth(side)
        self._side.setMinimumWidth(0 if narrow else side)
        room = self.width() - (0 if narrow else side + style.LARGE) - 2 * style.SMALL
        columns = max(1, min(len(self._cards), room // _CARD_WIDTH, 2 if len(self._cards) < 9 else 3))
        if (columns, len(self._cards)) == self._arranged:
            return
        self._arranged = (columns, len(self._cards))
        for place, card in enumerate(self._cards):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
