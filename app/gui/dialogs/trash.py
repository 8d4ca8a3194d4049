"""The trash as a table: deleted jobs and cleaned files, with their dates, to be brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.dialogs.buttons import ok_and_cancel
from app.project.disk_use import in_words
from widgets import style
from widgets.durations import moment

_KEY: Final = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class TrashLine:
    """One thing in the trash.

    Attributes
    ----------
    key
        What is returned when it is chosen.
    name
        The job.
    what
        ``Deleted job`` or ``12 cleaned files``.
    when
        Seconds since 1970.
    size
        Bytes.
    hindrance
        Why it cannot be brought back, else empty.
    """

    key: str
    name: str
    what: str
    when: float
    size: int
    hindrance: str = ""


class UndeleteDialog(QDialog):
    """Lets things in the trash be ticked."""

    def __init__(self, parent: QWidget | None, lines: Sequence[TrashLine]) -> None:
        super().__init__(parent)
        self.setObjectName("undelete_dialog")
        self.setWindowTitle("Undelete")
        self.resize(640, 420)
        heading = QLabel("Undelete")
        style.set_role(heading, "heading")
        body = QLabel(
            "What is ticked moves back to its place. Jobs that were deleted together come back together.",
            wordWrap=True,
        )
        self.table = QTreeWidget()
        self.table.setObjectName("undelete_table")
        self.table.setHeaderLabels(["Job", "What", "Date", "Size"])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setAlternatingRowColors(True)
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self.table.headerItem().setTextAlignment(3, right)
        self._items = [_item(line) for line in lines]
        self.table.addTopLevelItems(self._items)
        # the width that Qt finds for this column leaves out the box to tick
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.table.resizeColumnToContents(0)
        self.table.setColumnWidth(0, self.table.columnWidth(0) + 2 * style.LARGE)
        self.table.itemChanged.connect(lambda *_: self._update())
        self.buttons, self.ok_button = ok_and_cancel(self, "Bring back")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.LARGE, style.LARGE, style.LARGE, style.LARGE)
        layout.setSpacing(style.MEDIUM)
        layout.addWidget(heading)
        layout.addWidget(body)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)
        self._update()

    def chosen(self) -> list[str]:
        """Return the keys of what is ticked."""
        return [
            str(item.data(0, _KEY)) for item in self._items if item.checkState(0) is Qt.CheckState.Checked
        ]

    def _update(self) -> None:
        self.ok_button.setEnabled(bool(self.chosen()))


def _item(line: TrashLine) -> QTreeWidgetItem:
    when = datetime.fromtimestamp(line.when)
    item = QTreeWidgetItem([line.name.rstrip("/"), line.what, moment(when), in_words(line.size)])
    item.setData(0, _KEY, line.key)
    item.setToolTip(2, f"{when:%Y-%m-%d %H:%M:%S}")
    item.setTextAlignment(3, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setCheckState(0, Qt.CheckState.Unchecked)
    if line.hindrance:
        item.setDisabled(True)
        item.setToolTip(0, line.hindrance)
        item.setText(1, f"{line.what}, {line.hindrance}")
    return item


def ask_undelete(parent: QWidget | None, lines: Sequence[TrashLine]) -> list[str]:
    """Let the user tick things in the trash; empty when cancelled."""
    dialog = UndeleteDialog(parent, lines)
    try:
        return dialog.chosen() if dialog.exec() else []
    finally:
        dialog.deleteLater()
