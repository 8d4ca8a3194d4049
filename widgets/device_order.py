"""The order of waiting jobs changed by hand: rows are dragged, or moved with the keys Up and Down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QWidget

from widgets import style

_MARK = 3
TIP = "Drag it, or press Up and Down, to change the order"


class RowOrder(QObject):
    """Watches the rows of a list that may be moved.

    Parameters
    ----------
    holder
        Widget that holds the rows, and shows the mark where a dragged one would go.
    rows
        Returns the rows that may be moved, from the top.
    moved
        Called with a row and its wanted place, 0 = first.
    """

    def __init__(
        self, holder: QWidget, rows: Callable[[], Sequence[QWidget]], moved: Callable[[QWidget, int], None]
    ) -> None:
        super().__init__(holder)
        self._holder, self._rows, self._moved = holder, rows, moved
        self._pressed: QPoint | None = None
        self._dragged: QWidget | None = None
        self.mark = QFrame(holder)
        self.mark.setObjectName("queue_mark")
        self.mark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.mark.setAutoFillBackground(True)
        self.mark.hide()
        style.ThemeWatcher(self.mark, self._draw_mark)
        self._draw_mark()

    @property
    def dragging(self) -> bool:
        """Whether a row is being dragged: rows must not be given to other jobs meanwhile."""
        return self._dragged is not None

    def watch(self, row: QWidget) -> None:
        """Let a row be moved."""
        row.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move a row with mouse or keys."""
        if not isinstance(watched, QWidget) or watched not in self._rows():
            return False
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return self._key(watched, event)
        if isinstance(event, QMouseEvent):
            return self._mouse(watched, event)
        return False

    def _key(self, row: QWidget, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self.dragging:
            self._end()
            return True
        place, last = list(self._rows()).index(row), len(self._rows()) - 1
        wanted = {
            Qt.Key.Key_Up: place - 1,
            Qt.Key.Key_Down: place + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))
        if wanted is None:
            return False
        if 0 <= wanted <= last and wanted != place:
            self._moved(row, wanted)
        return True  # at an end, too: the page must not scroll instead

    def _mouse(self, row: QWidget, event: QMouseEvent) -> bool:
        kind, here = event.type(), event.position().toPoint()
        if kind is QEvent.Type.MouseButtonPress and event.button() is Qt.MouseButton.LeftButton:
            self._pressed = here
            row.setFocus(Qt.FocusReason.MouseFocusReason)
            return True
        if kind is QEvent.Type.MouseMove and self._pressed is not None:
            far = (here - self._pressed).manhattanLength() >= QApplication.startDragDistance()
            if (far or self.dragging) and len(self._rows()) > 1:
                self._dragged = row
                row.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._show_mark(self._gap(row.mapTo(self._holder, here).y()))
            return True
        if kind is QEvent.Type.MouseButtonRelease and self._pressed is not None:
            if self.dragging:
                gap, place = self._gap(row.mapTo(self._holder, here).y()), list(self._rows()).index(row)
                # taken out, it leaves the gaps below it one place further up
                wanted = gap - 1 if gap > place else gap
                self._end()
                if wanted != place:
                    self._moved(row, wanted)
            self._end()
            return True
        return False

    def _gap(self, y: int) -> int:
        """Return between which rows a height lies: 0 above the first."""
        return sum(row.mapTo(self._holder, row.rect().center()).y() < y for row in self._rows())

    def _show_mark(self, gap: int) -> None:
        rows = self._rows()
        row = rows[min(gap, len(rows) - 1)]
        corner = row.mapTo(self._holder, QPoint(0, 0 if gap < len(rows) else row.height()))
        shift = style.TIGHT // 2 + _MARK // 2 + 1
        y = corner.y() - shift if gap < len(rows) else corner.y() + style.TIGHT // 2 - 1
        self.mark.setGeometry(corner.x(), y, row.width(), _MARK)
        self.mark.raise_()
        self.mark.show()

    def _end(self) -> None:
        if self._dragged is not None:
            self._dragged.unsetCursor()
        self._pressed = self._dragged = None
        self.mark.hide()

    def _draw_mark(self) -> None:
        palette = self.mark.palette()
        palette.setColor(self.mark.backgroundRole(), style.colour("accent"))
        self.mark.setPalette(palette)
