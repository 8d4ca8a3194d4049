"""The list of job types at the left: what can be started here."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from app.gui import icons
from jobs.core.declaration import JobType
from widgets import style

_KEY = Qt.ItemDataRole.UserRole
#: Beyond this height a bar scrolls the list (pixels).
_MOST_HEIGHT = 240
#: In a low window it has no more than this, or what the other parts leave.
_LEAST_HEIGHT, _REST = 102, 540
_UNLIMITED = 16777215


class JobTypeList(QListWidget):
    """Titles of the job types; a click, also on the current one, starts a new job of that type.

    Signals
    -------
    chosen : str
        Key of the job type.
    """

    chosen = Signal(str)

    def __init__(self, types: Sequence[JobType], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_types")
        self.setAccessibleName("Job types")
        self.setIconSize(QSize(16, 16))
        self.setUniformItemSizes(True)
        for job_type in types:
            item = QListWidgetItem(job_type.title)
            item.setData(_KEY, job_type.key)
            item.setToolTip(job_type.summary)
            item.setSizeHint(QSize(0, 32))
            self.addItem(item)
        self.mode = "spa"
        self._most = _MOST_HEIGHT
        self._modes = {job_type.key: job_type.modes for job_type in types}
        self._draw()
        style.ThemeWatcher(self, self._draw)
        self.itemClicked.connect(self._emit)
        self.itemActivated.connect(self._emit)

    def sizeHint(self) -> QSize:
        """As high as the entries that are offered."""
        shown = sum(not self.isRowHidden(row) for row in range(self.count()))
        return QSize(220, shown * 32 + 2 * self.frameWidth() + 2)

    def _draw(self) -> None:
        """Draw the icons in the colours of the theme."""
        for row in range(self.count()):
            self.item(row).setIcon(icons.icon(str(self.item(row).data(_KEY))))

    def _emit(self, item: QListWidgetItem) -> None:
        self.chosen.emit(str(item.data(_KEY)))

    def set_mode(self, mode: str) -> None:
        """Offer the types for single particles (``spa``) or for tomograms (``tomo``)."""
        self.mode = mode
        self._hide(str(self.item(self.currentRow()).data(_KEY)) if self.currentRow() >= 0 else None)

    def _hide(self, current: str | None) -> None:
        """Hide the types of the other mode; that of the shown job stays."""
        for row in range(self.count()):
            key = str(self.item(row).data(_KEY))
            self.setRowHidden(row, self.mode not in self._modes[key] and key != current)
        self._ask_for_height()

    def set_window_height(self, height: int) -> None:
        """In a low window the jobs need the room more."""
        most = min(max(height - _REST, _LEAST_HEIGHT), _MOST_HEIGHT)
        if most != self._most:
            self._most = most
            self._ask_for_height()

    def _ask_for_height(self) -> None:
        # nothing of it is to be hidden, within reason
        height = min(self.sizeHint().height(), self._most)
        self.setMinimumHeight(height)
        self.setMaximumHeight(_UNLIMITED if self._most == _MOST_HEIGHT else height)
        self.updateGeometry()

    def show_current(self, key: str | None) -> None:
        """Mark the type that the form shows; None for another program's job."""
        self._hide(key)
        for row in range(self.count()):
            if self.item(row).data(_KEY) == key:
                self.setCurrentRow(row)
                return
        self.setCurrentRow(-1)
        self.clearSelection()
