"""How a job is drawn in the lists: number, title, tags, time and badge, and why it waits."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from widgets import style
from widgets.durations import moment
from widgets.job_model import ROW_ROLE, JobRow
from widgets.status_badge import badge_size, compact_size, paint_badge
from widgets.tag_chips import paint_tags

_ROW_HEIGHT: Final = 34
#: Rows are so high where a job of the list waits, for the line that says for what.
_HIGH_ROW: Final = 50
_Index = QModelIndex | QPersistentModelIndex


class JobRowDelegate(QStyledItemDelegate):
    """Draws number, title, time and badge on one line, and below it why the job waits."""

    high = False

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        """Return the size of every row."""
        return QSize(120, _HIGH_ROW if self.high else _ROW_HEIGHT)

    @staticmethod
    def width_with_time(font: QFont, small: QFont) -> float:
        """Return how wide a list must be to show times: in all its rows or in none, whatever their names."""
        words = QFontMetrics(font).horizontalAdvance("0000 DynaMight/job000/")
        when = QFontMetrics(small).horizontalAdvance("yesterday 00:00")
        return 48 + words + when + badge_size("Succeeded", small).width()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw a job."""
        row: JobRow = index.data(ROW_ROLE)
        state = option.state
        rect = QRectF(option.rect)
        font = QFont(option.font)
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, style.colour("selection"))
            painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), style.colour("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, style.colour("hover"))
        small = QFont(font)
        small.setPointSizeF(font.pointSizeF() * 0.9)
        right = rect.right() - 8
        if row.reason:
            below = QRectF(rect.left() + 12, rect.top() + _ROW_HEIGHT - 6, right - rect.left() - 12, 18)
            painter.setFont(small)
            painter.setPen(style.colour("muted"))
            words = QFontMetrics(small).elidedText(
                row.reason, Qt.TextElideMode.ElideRight, int(below.width())
            )
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, words)
            rect.setHeight(_ROW_HEIGHT - 2)
        when = moment(row.time)
        middle = Qt.AlignmentFlag.AlignVCenter
        title_width = QFontMetrics(font).horizontalAdvance(row.title)
        left = rect.left() + 12
        number = f"{row.number:03d}" if row.number >= 0 else "–"
        digits = "00000" if row.number > 999 else "0000"
        number_width = QFontMetrics(font).horizontalAdvance(digits)
        badge = badge_size(row.status, small, row.note)
        if right - badge.width() - left - number_width - 14 < title_width:
            # a name says more than the word beside a sign
            badge = compact_size(small)
        paint_badge(
            painter,
            row.status,
            QRectF(
                right - badge.width(), rect.center().y() - badge.height() / 2, badge.width(), badge.height()
            ),
            small,
            row.note,
        )
        right -= badge.width() + 10
        if when and rect.width() >= self.width_with_time(font, small):
            width = QFontMetrics(small).horizontalAdvance(when)
            painter.setFont(small)
            painter.setPen(style.colour("muted"))
            painter.drawText(QRectF(right - width, rect.top(), width + 1, rect.height()), middle, when)
            right -= width + 12
        # in a narrow list tags give way to the name
        if row.tags:
            free = max(0.0, right - left - number_width - title_width - 20)
            right -= paint_tags(painter, row.tags, right, rect.center().y(), free, badge.height() - 2, small)
        painter.setFont(font)
        painter.setPen(style.colour("muted"))
        painter.drawText(QRectF(left, rect.top(), number_width, rect.height()), middle, number)
        left += number_width + 4
        painter.setPen(style.colour("text"))
        room = right - left
        title = QFontMetrics(font).elidedText(row.title, Qt.TextElideMode.ElideMiddle, int(room))
        painter.drawText(QRectF(left, rect.top(), room, rect.height()), middle, title)
        painter.restore()
