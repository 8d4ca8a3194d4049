"""Which tomogram is looked at, and where its file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.tomogram import rows


class TomogramList(QWidget):
    """The tomograms with the number of their particles.

    Signals
    -------
    tomogram_chosen : str
    file_wanted, coordinates_wanted
        A tomogram's file, or a file with places, is to be asked for.
    file_chosen : Path
        Another of the files that were found is to be shown.
    """

    tomogram_chosen = Signal(str)
    file_wanted = Signal()
    coordinates_wanted = Signal()
    file_chosen = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        self._filling = False
        layout.addWidget(rows.heading("Tomograms"))
        self.list = QTreeWidget()
        self.list.setObjectName("tomogram_list")
        self.list.setAccessibleName("Tomograms")
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setMinimumHeight(72)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(self._on_item)
        layout.addWidget(self.list, 1)
        row = QHBoxLayout()
        self.open_file = QPushButton("Open tomogram…")
        self.open_file.setObjectName("tomogram_open")
        self.open_file.setToolTip("Choose the reconstruction (MRC) of this tomogram; it is remembered")
        self.open_file.clicked.connect(self.file_wanted)
        row.addWidget(self.open_file, 1)
        self.others = QToolButton()
        self.others.setObjectName("tomogram_others")
        self.others.setText("Others")
        self.others.setToolTip(
            "Other files of this tomogram that were found: denoised, halves, other binnings"
        )
        self.others.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        style.set_role(self.others, "button")
        self.others.setMenu(QMenu(self.others))
        self.others.hide()
        row.addWidget(self.others)
        self.coordinates = QToolButton()
        self.coordinates.setObjectName("tomogram_coordinates")
        self.coordinates.setText("Places…")
        self.coordinates.setToolTip("Take the places of the particles from another file (a volume series)")
        style.set_role(self.coordinates, "button")
        self.coordinates.clicked.connect(self.coordinates_wanted)
        row.addWidget(self.coordinates)
        layout.addLayout(row)
        self.file = ElidedLabel("")
        self.file.setObjectName("tomogram_file")
        style.set_role(self.file, "caption")
        layout.addWidget(self.file)

    def set_tomograms(self, names: Sequence[str], counts: Sequence[int], current: str) -> None:
        """Offer tomograms with the number of their particles."""
        self._filling = True
        self.list.clear()
        for name, count in zip(names, counts, strict=True):
            item = QTreeWidgetItem([name or "(no name)", f"{count:,}"])
            item.setData(0, Qt.ItemDataRole.UserRole, name)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(0, f"{name}: {count:,} particles")
            self.list.addTopLevelItem(item)
            if name == current:
                self.list.setCurrentItem(item)
        self._filling = False

    def set_files(self, files: Sequence[Path], shown: Path | None) -> None:
        """Offer the files that were found for the tomogram; the shown one has a tick."""
        menu = self.others.menu()
        menu.clear()
        names = [path.name for path in files]
        for path in files:
            twice = names.count(path.name) > 1
            text = f"{path.parent.name}/{path.name}" if twice else path.name
            action = menu.addAction(text.replace("&", "&&"))
            action.setToolTip(str(path))
            action.setCheckable(True)
            action.setChecked(path == shown)
            action.triggered.connect(lambda _on=False, path=path: self.file_chosen.emit(path))
        menu.setToolTipsVisible(True)
        self.others.setVisible(len(files) > 1)

    def set_counts(self, counts: dict[str, tuple[int, int]]) -> None:
        """Say how many of the particles of each tomogram are selected (0: none are anywhere)."""
        for k in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(k)
            if item is not None:
                selected, count = counts.get(item.data(0, Qt.ItemDataRole.UserRole), (0, 0))
                item.setText(1, f"{selected:,} of {count:,}" if selected else f"{count:,}")

    def _on_item(self, item: QTreeWidgetItem | None, _before: object) -> None:
        if item is not None and not self._filling:
            self.tomogram_chosen.emit(item.data(0, Qt.ItemDataRole.UserRole))
