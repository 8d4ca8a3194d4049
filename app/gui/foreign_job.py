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
from widgets import style


class ForeignJobView(QWidget):
    """A table of option names and values as in ``job.star``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("foreign_job")
        self._explanation = QLabel(wordWrap=True)
        style.set_role(self._explanation, "muted")
        self.table = QTableWidget(0, 2)
        self.table.setObjectName("foreign_options")
        self.table.setHorizontalHeaderLabels(["Option", "Value"])
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
            "were saved; its files are never touched here."
        )
        rows = sorted(details.values.items())
        self.table.setRowCount(len(rows))
        for row, (name, value) in enumerate(rows):
            for column, text in enumerate((name, value)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == 0:
                    item.setFont(style.monospace_font(0.95))
                self.table.setItem(row, column, item)
        self.table.resizeColumnToContents(0)
        self.table.setColumnWidth(0, min(self.table.columnWidth(0) + 12, 260))
