"""Facts side by side: what each is, the value, and a line of explanation; as many in a row as fit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from jobs.core.figures import Fact
from widgets import style


class FactGrid(QWidget):
    """Facts in equal columns; narrow windows show fewer in a row, never a cut value.

    Parameters
    ----------
    column_width
        Least width of a column (device-independent pixels).
    cards
        Whether each fact stands on a card of its own.
    """

    def __init__(
        self, column_width: int = 130, *, cards: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("facts")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._column_width = column_width
        self._cards = cards
        self._facts: tuple[Fact, ...] = ()
        self._tiles: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(style.SMALL if cards else style.LARGE)
        self._grid.setVerticalSpacing(style.SMALL)

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show other facts; the same ones again cost nothing."""
        if tuple(facts) == self._facts:
            return
        self._facts = tuple(facts)
        for tile in self._tiles:
            self._grid.removeWidget(tile)
            tile.hide()
            tile.deleteLater()
        self._tiles = [self._tile(fact) for fact in self._facts]
        self._columns = 0
        self._arrange()
        self.setVisible(bool(self._facts))

    def texts(self) -> dict[str, str]:
        """Return title and value of each fact, as they are read."""
        return {fact.title: fact.value for fact in self._facts}

    def _tile(self, fact: Fact) -> QWidget:
        tile = QFrame(self)
        if self._cards:
            style.set_role(tile, "card")
        column = QVBoxLayout(tile)
        margin = style.SMALL if self._cards else 0
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(1)
        for text, role in ((fact.title, "caption"), (fact.value, "subheading"), (fact.detail, "caption")):
            if not text:
                continue
            label = QLabel(text, tile, wordWrap=True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            style.set_role(label, role)
            column.addWidget(label)
        column.addStretch(1)
        return tile

    def _arrange(self) -> None:
        """Lay the tiles out in as many columns as there is room for."""
        room = max(self.width(), self._column_width) + self._grid.horizontalSpacing()
        columns = max(1, min(room // (self._column_width + self._grid.horizontalSpacing()), len(self._tiles)))
        if columns == self._columns or not self._tiles:
            return
        if self._cards:  # rows as even as possible: two and two, rather than three and one
            rows = -(-len(self._tiles) // columns)
            columns = -(-len(self._tiles) // rows)
        for k in range(max(self._columns, columns)):
            self._grid.setColumnStretch(k, 1 if k < columns else 0)
        for number, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, number // columns, number % columns)
        self._columns = columns

    def minimumSizeHint(self) -> QSize:
        """Return a width of one column: the others move below."""
        return QSize(self._column_width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the new width."""
        super().resizeEvent(event)
        self._arrange()
