"""The runs of a job: what each did, when, how long it took, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from widgets import style
from widgets.status_badge import badge_size, paint_badge

_Index = QModelIndex | QPersistentModelIndex
_ROW_HEIGHT = 30
_SHARE = Qt.ItemDataRole.UserRole + 1
_COLUMNS = ("Run", "Task", "Started", "Duration", "Outcome", "Where")
_DURATION, _OUTCOME = 3, 4
_BAR = 90


@dataclass(frozen=True)
class RunRow:
    """One line.

    Attributes
    ----------
    number, task, started, duration, outcome, where
        As shown; the outcome is a status word.
    share
        Start and length of the run on a line of time on which all runs follow one another, 0 to 1.
    """

    number: int
    task: str
    started: str = ""
    duration: str = ""
    outcome: str = ""
    where: str = ""
    share: tuple[float, float] = (0.0, 0.0)


class _Delegate(QStyledItemDelegate):
    """Draws the line of time and the badge."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        size = super().sizeHint(option, index)
        width = size.width()
        if index.column() == _OUTCOME:
            font = style.small_font()
            width = badge_size(str(index.data() or ""), font).width() + 12
        elif index.column() == _DURATION:
            width += _BAR + 12
        return QSize(width, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        if index.column() == _OUTCOME:
            status = str(index.data() or "")
            if status:
                font = style.small_font()
                size = badge_size(status, font)
                rect = QRectF(option.rect)
                top = rect.center().y() - size.height() / 2
                paint_badge(painter, status, QRectF(rect.left() + 4, top, size.width(), size.height()), font)
            return
        if index.column() != _DURATION:
            super().paint(painter, option, index)
            return
        rect = QRectF(option.rect)
        start, length = index.data(_SHARE) or (0.0, 0.0)
        line = QRectF(rect.left() + 6, rect.center().y() - 3, _BAR, 6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour("neutral_soft"))
        painter.drawRoundedRect(line, 3, 3)
        if length > 0:
            width = max(4.0, length * _BAR)
            left = min(line.left() + start * _BAR, line.right() - width)
            painter.setBrush(style.colour("accent"))
            painter.drawRoundedRect(QRectF(left, line.top(), width, 6), 3, 3)
        painter.setPen(style.colour("text"))
        words = rect.adjusted(_BAR + 16, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, index.data())
        painter.restore()


class RunTable(QTreeWidget):
    """As high as its rows; the page around it scrolls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_table")
        self.setHeaderLabels(list(_COLUMNS))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Delegate(self))
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionsClickable(False)
        style.ThemeWatcher(self, self.viewport().update)

    def set_rows(self, rows: Sequence[RunRow]) -> None:
        """Show other runs."""
        self.clear()
        for row in rows:
            cells = [str(row.number), row.task, row.started, row.duration, row.outcome, row.where]
            item = QTreeWidgetItem(cells)
            item.setData(_DURATION, _SHARE, row.share)
            item.setToolTip(5, row.where)
            self.addTopLevelItem(item)
        self.setColumnHidden(len(_COLUMNS) - 1, not any(row.where for row in rows))
        height = self.header().sizeHint().height() + _ROW_HEIGHT * len(rows) + 2 * self.frameWidth() + 2
        self.setFixedHeight(height)

    def texts(self) -> list[list[str]]:
        """Return the rows as they are read."""
        items = [self.topLevelItem(k) for k in range(self.topLevelItemCount())]
        return [[item.text(c) for c in range(len(_COLUMNS))] for item in items if item is not None]
