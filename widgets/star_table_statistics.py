"""What the values of a column are: a histogram (or the commonest texts), and numbers worth knowing."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.star_table_source import Statistics, number_text

_ROW: Final = 22.0


class Bars(QWidget):
    """Bars of a histogram, or one bar for each of the commonest texts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("column_histogram")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shown: Statistics | None = None

    def show_statistics(self, shown: Statistics | None) -> None:
        """Draw a column; None draws nothing."""
        self._shown = shown
        height = 0
        if shown is not None:
            height = 150 if len(shown.counts) else round(_ROW * len(shown.common)) + 2
            self.setAccessibleName(f"Histogram of {shown.column}")
        self.setFixedHeight(height)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw."""
        shown = self._shown
        if shown is None:
            return
        painter = QPainter(self)
        painter.setFont(style.small_font(self))
        if len(shown.counts):
            self._paint_bars(painter, shown)
        else:
            self._paint_texts(painter, shown)

    def _paint_bars(self, painter: QPainter, shown: Statistics) -> None:
        line = QFontMetricsF(painter.font()).height()
        room = QRectF(self.rect()).adjusted(0, 2, 0, -line - 4)
        width, highest = room.width() / len(shown.counts), float(shown.counts.max())
        for k, count in enumerate(shown.counts.tolist()):
            height = room.height() * count / highest
            if count:
                height = max(height, 1.0)  # rare values are seen too
            bar = QRectF(room.left() + k * width, room.bottom() - height, max(1.0, width - 1), height)
            painter.fillRect(bar, style.colour("accent"))
        painter.setPen(style.colour("line"))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        painter.setPen(style.colour("muted"))
        below = QRectF(room.left(), room.bottom() + 3, room.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, number_text(float(shown.edges[0])))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, number_text(float(shown.edges[-1])))

    def _paint_texts(self, painter: QPainter, shown: Statistics) -> None:
        if not shown.common:
            return
        highest = max(count for _, count in shown.common)
        metrics = painter.fontMetrics()
        for k, (text, count) in enumerate(shown.common):
            place = QRectF(0, k * _ROW, self.width(), _ROW - 2)
            bar = QRectF(place.left(), place.top(), place.width() * count / highest, place.height())
            painter.fillRect(bar, style.colour("selection"))
            number = f"{count:,}"
            free = place.width() - metrics.horizontalAdvance(number) - 18
            words = metrics.elidedText(text or "(empty)", Qt.TextElideMode.ElideMiddle, int(free))
            painter.setPen(style.colour("text"))
            inside = place.adjusted(6, 0, -6, 0)
            painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
            painter.setPen(style.colour("muted"))
            painter.drawText(inside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)


class ColumnStatistics(QWidget):
    """Name of a column, its bars and its numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("column_statistics")
        self.title = ElidedLabel("", self)
        self.title.setObjectName("column_title")
        style.set_role(self.title, "subheading")
        self.bars = Bars(self)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(style.MEDIUM)
        self._grid.setVerticalSpacing(style.TIGHT)
        self._grid.setColumnStretch(1, 1)
        self.hint = QLabel("Click a column to see what its values are.", self, wordWrap=True)
        style.set_role(self.hint, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        column.addWidget(self.title)
        column.addWidget(self.hint)
        column.addWidget(self.bars)
        column.addLayout(self._grid)
        column.addStretch(1)
        self.title.hide()
        self.bars.show_statistics(None)
        style.ThemeWatcher(self, self.bars.update)
        self.facts: tuple[tuple[str, str], ...] = ()

    def show_statistics(self, shown: Statistics) -> None:
        """Show a column."""
        self.facts = shown.facts
        self.hint.hide()
        self.title.setText(shown.column.removeprefix("rln"))
        self.title.show()
        self.bars.show_statistics(shown)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # deleted later, but out of sight now
                widget.deleteLater()
        for row, (name, value) in enumerate(shown.facts):
            label, number = QLabel(name, self), QLabel(value, self)
            style.set_role(label, "muted")
            number.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            number.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(label, row, 0)
            self._grid.addWidget(number, row, 1)
