"""Another program's job: its options, to read and to copy, never to change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.news import JobDetails
from app.gui.relion_titles import option_title
from widgets import style

#: Column of the names.
_NAME = 2


class ForeignJobView(QWidget):
    """A table of options in words, their values, and their names in ``job.star``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("foreign_job")
        self._explanation = QLabel(wordWrap=True)
        style.set_role(self._explanation, "muted")
        self.table = QTableWidget(0, 3)
        self.table.setObjectName("foreign_options")
        self.table.setHorizontalHeaderLabels(["Option", "Value", "Name in job.star"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._explanation)
        layout.addWidget(self.table, 1)

    def show_job(self, details: JobDetails) -> None:
        """Fill the table."""
        self._explanation.setText(
            f"This is a job of another program ({details.entry.type_label}). Its settings are shown as they "
            "were saved; its results are never touched here."
        )
        # those with words first, in their order; the names of the others follow
        rows = sorted(
            ((option_title(name), value, name) for name, value in details.values.items()),
            key=lambda row: (row[0] == row[2], row[0].lower()),
        )
        self.table.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == _NAME or (column == 0 and text == texts[_NAME]):
                    item.setFont(style.monospace_font(0.95))
                self.table.setItem(row, column, item)
        for column in (0, _NAME):
            self.table.resizeColumnToContents(column)
            self.table.setColumnWidth(column, min(self.table.columnWidth(column) + 12, 300))
