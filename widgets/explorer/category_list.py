"""A list of categories with colour, count and a tick for each: the legend that filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style

_Index = QModelIndex | QPersistentModelIndex
_COUNT_ROLE: Final = int(Qt.ItemDataRole.UserRole)
_COLOUR_ROLE: Final = _COUNT_ROLE + 1
_ROW: Final = 24
_FRAME: Final = 4
_FEWEST_ROWS: Final = 5
#: Longer lists get a field to search them.
_SEARCH_FROM: Final = 12


class CategoryModel(QAbstractListModel):
    """One row per category; `ticked` says which are shown."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.names: Sequence[str] = ()
        self.counts: NDArray[np.integer] = np.zeros(0, np.int64)
        self.colours: NDArray[np.uint8] = np.zeros((0, 3), np.uint8)
        self.ticked: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def set_rows(self, names: Sequence[str], counts: NDArray[np.integer], colours: NDArray[np.uint8]) -> None:
        """Show other categories, all ticked."""
        self.beginResetModel()
        self.names, self.counts, self.colours = names, counts, colours
        self.ticked = np.ones(len(names), np.bool_)
        self.endResetModel()

    def set_colours(self, colours: NDArray[np.uint8]) -> None:
        """Show the same categories in other colours."""
        self.colours = colours
        self.tell()

    def tell(self) -> None:
        """Tell the views that something about the rows changed."""
        if len(self.names):
            self.dataChanged.emit(self.index(0), self.index(len(self.names) - 1))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of categories."""
        return 0 if parent.isValid() else len(self.names)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return name, tick, count or colour of a row."""
        row = index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.names[row]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{self.names[row]}\n{self.counts[row]:,} particles"
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if self.ticked[row] else Qt.CheckState.Unchecked
        if role == _COUNT_ROLE:
            return f"{self.counts[row]:,}"
        return QColor(*self.colours[row].tolist()) if role == _COLOUR_ROLE else None


def tick_rect(row: QRect) -> QRect:
    """Return where the tick of a row stands."""
    return QRect(row.left() + 6, row.center().y() - 6, 14, 14)


class _Painter(QStyledItemDelegate):
    """Tick, colour spot, name, count."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(80, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        painter.save()
        font = painter.font()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, style.colour("hover"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(rect, style.colour("selection"))
        box = QRectF(tick_rect(rect))
        painter.setPen(QPen(style.colour("accent" if ticked else "outline"), 1))
        painter.setBrush(style.colour("accent" if ticked else "surface"))
        painter.drawRoundedRect(box, 3, 3)
        if ticked:
            pen = QPen(style.colour("on_accent"), 1.6)
            painter.setPen(pen)
            x, y = box.left(), box.top()
            painter.drawPolyline(
                [QPointF(x + 3.2, y + 7.2), QPointF(x + 6, y + 10), QPointF(x + 10.8, y + 4.2)]
            )
        spot = QRectF(box.right() + 8, box.center().y() - 5, 10, 10)
        colour: QColor = index.data(_COLOUR_ROLE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour if ticked else Qt.BrushStyle.NoBrush)
        if not ticked:
            painter.setPen(QPen(colour, 1.4))
        painter.drawEllipse(spot)
        small = style.small_font()
        count = str(index.data(_COUNT_ROLE))
        width = QFontMetrics(small).horizontalAdvance(count)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(small)
        painter.setPen(style.colour("muted"))
        painter.drawText(rect.adjusted(0, 0, -8, 0), int(centre | Qt.AlignmentFlag.AlignRight), count)
        painter.setFont(font)
        painter.setPen(style.colour("text" if ticked else "muted"))
        place = QRect(round(spot.right()) + 8, rect.top(), 0, rect.height())
        place.setRight(rect.right() - width - 16)
        # the ends of file names tell them apart
        name = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideLeft, max(10, place.width())
        )
        painter.drawText(place, int(centre), name)
        painter.restore()


class _Rows(QListView):
    """A click anywhere in a row, or Space, ticks it; a double-click or Return leaves only this one."""

    toggled = Signal(QModelIndex)
    only = Signal(QModelIndex)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pressed = QModelIndex()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember the row."""
        super().mousePressEvent(event)
        self._pressed = self.indexAt(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick the row, if the button went down there."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index == self._pressed and event.button() is Qt.MouseButton.LeftButton:
            self.toggled.emit(index)
        self._pressed = QModelIndex()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Leave only this row."""
        index = self.indexAt(event.position().toPoint())
        self._pressed = QModelIndex()  # the button going up ticks nothing
        if index.isValid():
            self.only.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick with Space, leave only this one with Return."""
        index = self.currentIndex()
        if index.isValid() and event.key() == Qt.Key.Key_Space:
            self.toggled.emit(index)
        elif index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.only.emit(index)
        else:
            super().keyPressEvent(event)


class CategoryList(QWidget):
    """The legend of categories.

    Signals
    -------
    ticks_changed
        Other categories are ticked; see `ticked`.
    """

    ticks_changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.model = CategoryModel(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self.model)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit(self)
        self.search.setObjectName(f"{name}_search")
        self.search.setPlaceholderText("Find")
        self.search.setToolTip("Show only categories with this in their name; All and None act on these")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._proxy.setFilterFixedString)
        self.list = _Rows(self)
        self.list.setObjectName(f"{name}_rows")
        self.list.setModel(self._proxy)
        self.list.setItemDelegate(_Painter(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setToolTip("Click: show or hide. Double-click: only this one.")
        self.list.toggled.connect(self._toggle)
        self.list.only.connect(self._only)
        self.all_button = _small_button("All", f"{name}_all", "Show all categories", self)
        self.none_button = _small_button("None", f"{name}_none", "Hide all categories", self)
        self.all_button.clicked.connect(lambda: self._tick_listed(True))
        self.none_button.clicked.connect(lambda: self._tick_listed(False))
        row = QHBoxLayout()
        row.setSpacing(style.TIGHT)
        row.addWidget(self.search, 1)
        row.addStretch(0)
        row.addWidget(self.all_button)
        row.addWidget(self.none_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)

    @property
    def ticked(self) -> NDArray[np.bool_]:
        """Which categories are shown, ``(K,)``."""
        return self.model.ticked

    def set_rows(self, names: Sequence[str], counts: NDArray[np.integer], colours: NDArray[np.uint8]) -> None:
        """Show other categories, all ticked; `colours` is ``(K, 3)``."""
        self.search.clear()
        self.search.setVisible(len(names) >= _SEARCH_FROM)
        self.model.set_rows(names, counts, colours)
        # a short list takes no more room than it needs
        self.list.setMinimumHeight(_ROW * min(max(len(names), 1), _FEWEST_ROWS) + _FRAME)
        self.list.setMaximumHeight(_ROW * max(len(names), 1) + _FRAME)

    @property
    def full_height(self) -> int:
        """Height in which all rows are seen."""
        foot = max(self.search.sizeHint().height(), self.all_button.sizeHint().height())
        return self.list.maximumHeight() + style.TIGHT + foot

    def set_ticked(self, ticked: NDArray[np.bool_]) -> None:
        """Tick these categories without a signal."""
        self.model.ticked = ticked.copy()
        self.model.tell()

    def tick(self, ticked: NDArray[np.bool_]) -> None:
        """Tick these categories, as by hand."""
        self.set_ticked(ticked)
        self.ticks_changed.emit()

    def _row(self, index: _Index) -> int:
        return self._proxy.mapToSource(index).row()

    def _toggle(self, index: _Index) -> None:
        ticked = self.ticked.copy()
        ticked[self._row(index)] ^= True
        self.tick(ticked)

    def _only(self, index: _Index) -> None:
        ticked = np.zeros(len(self.ticked), np.bool_)
        ticked[self._row(index)] = True
        self.tick(ticked)

    def _tick_listed(self, on: bool) -> None:
        ticked = self.ticked.copy()
        for row in range(self._proxy.rowCount()):
            ticked[self._row(self._proxy.index(row, 0))] = on
        self.tick(ticked)


def _small_button(text: str, name: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setObjectName(name)
    button.setToolTip(tip)
    style.set_role(button, "link")
    return button
