"""A drop-down list for several hundred columns: in groups, found by typing a part of any of their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.explorer.columns import Source
from widgets.fields import ChoiceBox

_Index = QModelIndex | QPersistentModelIndex
SOURCE_ROLE: Final = int(Qt.ItemDataRole.UserRole)
_ROW: Final = 26
_WIDTH: Final = 340
_HEIGHT: Final = 420


class SourceModel(QAbstractListModel):
    """Sources under the headings of their groups, those only in which every searched word occurs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sources: Sequence[Source] = ()
        self.rows: list[Source | str] = []

    def set_sources(self, sources: Sequence[Source], words: str = "") -> None:
        """Show other sources, or only some of them."""
        wanted = words.lower().split()
        self.beginResetModel()
        self.rows = []
        group = ""
        for source in sources:
            text = f"{source.label} {source.raw} {source.name.group}".lower()
            if not all(word in text for word in wanted):
                continue
            if source.name.group != group:
                group = source.name.group
                self.rows.append(group)
            self.rows.append(source)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of sources and headings."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return title, explanation or source of a row."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row if isinstance(row, str) else row.label
        if role == Qt.ItemDataRole.ToolTipRole:
            return None if isinstance(row, str) else row.tooltip
        return row if role == SOURCE_ROLE and not isinstance(row, str) else None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Headings cannot be chosen."""
        if isinstance(self.rows[index.row()], str):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def place_of(self, key: str) -> int:
        """Return the row of a source, else that of the first source, -1 when there is none."""
        found = [k for k, row in enumerate(self.rows) if not isinstance(row, str)]
        same = [k for k in found if getattr(self.rows[k], "key", "") == key]
        return (same or found or [-1])[0]


class _Painter(QStyledItemDelegate):
    """Title at the left, original name at the right; headings small."""

    def sizeHint(self, _option: QStyleOptionViewItem, index: _Index) -> QSize:
        heading = index.data(SOURCE_ROLE) is None
        height = QFontMetrics(style.small_font()).height() + 11 if heading else _ROW
        return QSize(120, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        source = index.data(SOURCE_ROLE)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        centre = Qt.AlignmentFlag.AlignVCenter
        if source is None:
            painter.setFont(style.small_font(bold=True))
            painter.setPen(style.colour("muted"))
            painter.drawText(rect.adjusted(8, 4, -8, 0), int(centre), str(index.data()))
            painter.restore()
            return
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, style.colour("selection"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, style.colour("hover"))
        inner = rect.adjusted(16, 0, -8, 0)
        raw = source.raw if source.raw.lower() != source.name.title.lower() and source.component < 0 else ""
        small = style.small_font()
        room = QFontMetrics(small).horizontalAdvance(raw)
        metrics = painter.fontMetrics()
        label = metrics.elidedText(source.label, Qt.TextElideMode.ElideRight, inner.width())
        painter.setPen(style.colour("text"))
        painter.drawText(inner, int(centre), label)
        left = inner.width() - metrics.horizontalAdvance(label) - 16
        if raw and left > 40:
            painter.setFont(small)
            painter.setPen(style.colour("muted"))
            text = QFontMetrics(small).elidedText(raw, Qt.TextElideMode.ElideLeft, min(left, room + 2))
            painter.drawText(inner, int(centre | Qt.AlignmentFlag.AlignRight), text)
        painter.restore()


class SourcePopup(QFrame):
    """The list that opens under the chooser."""

    chosen = Signal(object)

    def __init__(self, sources: Sequence[Source], current: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("explorer_column_popup")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        style.set_role(self, "popover")
        self._sources = sources
        self.search = QLineEdit(self)
        self.search.setObjectName("explorer_column_search")
        self.search.setPlaceholderText(f"Find in {len(sources)} columns")
        self.search.setToolTip("Words in any order, in the title or the original name")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.model = SourceModel(self)
        self.model.set_sources(sources)
        self.list = QListView(self)
        self.list.setObjectName("explorer_column_list")
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Painter(self.list))
        self.list.setMouseTracking(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.clicked.connect(self._take)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        self._select(current)
        self.search.setFocus()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Move in the list and choose from it while typing goes on."""
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
        if event.key() in steps:
            self._step(steps[Qt.Key(event.key())])
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.list.currentIndex())
            return True
        return False

    def _step(self, step: int) -> None:
        rows = self.model.rows
        place = self.list.currentIndex().row()
        way = 1 if step > 0 else -1
        for _ in range(abs(step)):
            ahead = place + way
            while 0 <= ahead < len(rows) and isinstance(rows[ahead], str):
                ahead += way
            if not 0 <= ahead < len(rows):
                break
            place = ahead
        self.list.setCurrentIndex(self.model.index(place))

    def _filter(self, words: str) -> None:
        self.model.set_sources(self._sources, words)
        self._select("")

    def _select(self, key: str) -> None:
        place = self.model.place_of(key)
        if place >= 0:
            index = self.model.index(place)
            self.list.setCurrentIndex(index)
            self.list.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _take(self, index: _Index) -> None:
        source = index.data(SOURCE_ROLE) if index.isValid() else None
        if source is not None:
            self.chosen.emit(source)
            self.close()


class ColumnChooser(ChoiceBox):
    """Shows the chosen column; a click, Space or Alt+Down opens the list.

    Signals
    -------
    chosen
        Somebody chose a `Source`.
    """

    chosen = Signal(object)

    def __init__(self, name: str, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(5)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._tip = placeholder
        self.sources: Sequence[Source] = ()
        self.source: Source | None = None

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Offer other sources; the chosen one stays if it is still there."""
        self.sources = sources
        key = self.source.key if self.source is not None else ""
        self.set_source(next((s for s in sources if s.key == key), None))
        self.setEnabled(bool(sources))

    def set_source(self, source: Source | None) -> None:
        """Show a source as chosen, without a signal."""
        self.source = source
        self.blockSignals(True)
        self.clear()
        if source is not None:
            self.addItem(source.label)
        self.setCurrentIndex(0 if source is not None else -1)
        self.blockSignals(False)
        self.setToolTip(source.tooltip if source is not None else self._tip)

    def choose(self, key: str) -> None:
        """Choose a source by its key, as by hand.

        Raises
        ------
        KeyError
            When there is none of that key.
        """
        for source in self.sources:
            if source.key == key:
                self._take(source)
                return
        raise KeyError(key)

    def showPopup(self) -> None:
        """Open the list under the field, or above where there is no room."""
        if not self.sources:
            return
        popup = SourcePopup(self.sources, self.source.key if self.source else "", self)
        popup.chosen.connect(self._take)
        popup.resize(max(self.width(), _WIDTH), _HEIGHT)
        screen = self.screen().availableGeometry()
        corner = self.mapToGlobal(QPoint(0, self.height() + 2))
        if corner.y() + _HEIGHT > screen.bottom():
            corner.setY(max(screen.top(), self.mapToGlobal(QPoint(0, 0)).y() - _HEIGHT - 2))
        corner.setX(max(screen.left(), min(corner.x(), screen.right() - popup.width())))
        popup.move(corner)
        popup.show()

    def _take(self, source: Source) -> None:
        self.set_source(source)
        self.chosen.emit(source)
