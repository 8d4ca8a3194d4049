"""Which colour table: a list with pictures, a button that turns it round, and one for categories or scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from widgets import style
from widgets.explorer import colour_tables
from widgets.explorer.colour_work import Shown
from widgets.explorer.colouring import Taste
from widgets.fields import ChoiceBox

_ICON: Final = QSize(56, 10)


class TableChoice(QWidget):
    """The row under the chooser.

    Signals
    -------
    table_chosen
        Another table, or the other way round; see `changed_taste`.
    kind_chosen
        ``categorical`` or ``continuous``, for values that can be shown as both.
    """

    table_chosen = Signal()
    kind_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_table_choice")
        self.box = ChoiceBox(self)
        self.box.setObjectName("explorer_colour_table")
        self.box.setToolTip("Colour table")
        self.box.setAccessibleName("Colour table")
        self.box.setIconSize(_ICON)
        self.box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(3)
        self.box.activated.connect(lambda _index: self.table_chosen.emit())
        self.backwards = QToolButton(self)
        self.backwards.setObjectName("explorer_colour_backwards")
        self.backwards.setText("⇄")
        self.backwards.setCheckable(True)
        self.backwards.setToolTip("Turn the colour table round")
        self.backwards.setAccessibleName("Turn the colour table round")
        style.set_role(self.backwards, "button")
        self.backwards.clicked.connect(lambda _on: self.table_chosen.emit())
        self.as_categories = QToolButton(self)
        self.as_categories.setObjectName("explorer_colour_as_categories")
        self.as_categories.setText("Categories")
        self.as_categories.setCheckable(True)
        style.set_role(self.as_categories, "button")
        self.as_categories.clicked.connect(
            lambda on: self.kind_chosen.emit("categorical" if on else "continuous")
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.TIGHT)
        row.addWidget(self.box, 100)
        row.addWidget(self.backwards)
        row.addWidget(self.as_categories)
        row.addStretch(0)
        self.restyle()

    def changed_taste(self, taste: Taste) -> Taste:
        """Return a taste with the table that is chosen here."""
        return replace(taste, table=str(self.box.currentData()), backwards=self.backwards.isChecked())

    def show_for(self, shown: Shown, taste: Taste) -> None:
        """Offer what there is to choose for a column."""
        values = shown.values
        can_be_both = values is not None and values.codes is not None
        has_table = bool(shown.colouring.table_name)
        self.setVisible(can_be_both or has_table)
        self.box.setVisible(has_table)
        self.backwards.setVisible(has_table)
        self.backwards.setChecked(taste.backwards)
        self.box.setCurrentIndex(self.box.findData(taste.table))
        # only the fitting table says which one that is
        self.box.setItemText(0, f"Fitting: {shown.colouring.table_name}" if has_table else "Fitting")
        self.as_categories.setVisible(can_be_both)
        if values is not None and can_be_both:
            self.as_categories.setChecked(values.kind == "categorical")
            self.as_categories.setToolTip(
                "One colour for each of the largest; click for a scale in their order"
                if values.kind == "categorical"
                else "A scale in the order of their names; click for one colour for each of the largest"
            )

    def restyle(self) -> None:
        """Draw the pictures of the tables for the theme."""
        chosen = self.box.currentData()
        dark = style.colours().name == "dark"
        self.box.clear()
        self.box.addItem("Fitting", "auto")
        self.box.setItemData(0, "The table that suits the values", Qt.ItemDataRole.ToolTipRole)
        for name, what in colour_tables.TABLES.items():
            strip = np.ascontiguousarray(colour_tables.scale(name, dark=dark)[:-1])
            image = QImage(strip.data, len(strip), 1, 3 * len(strip), QImage.Format.Format_RGB888)
            self.box.addItem(QIcon(QPixmap.fromImage(image.scaled(_ICON))), name, name)
            tip = f"{name}: {what}"
            self.box.setItemData(self.box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.box.setCurrentIndex(max(0, self.box.findData(chosen)))
