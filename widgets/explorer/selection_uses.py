"""What can be done with selected particles: write them, train on them, look at their images."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from widgets import style

#: Entries before which a line is drawn.
_PARTED: Final = ("warp", "models")
_SAVE: Final[dict[str, tuple[str, str]]] = {
    "star": ("RELION STAR file", "All tables and columns of the input, only these particles"),
    "cs": ("cryoSPARC .cs file", "For data that came from cryoSPARC"),
    "indices": ("List of indices", "Rows of these particles in the input STAR file, for other programs"),
    "warp": ("Warp/M image series", "Tilt series as one STAR file with a row per image, as Warp and M write"),
    "relion5": ("RELION 5 optimisation set", "Tilt series as a set of particles, tomograms and tilt series"),
    "same": ("Set like the input", "Tilt series in the form in which they came"),
    "index_files": (
        "Index files and latents",
        "ind_keep, ind_bad and z_keep for tomoDRGN, in the numbering before any filter",
    ),
    "models": ("Atomic models…", "An atomic model in the state of each of these particles"),
}


def wide_button(parent: QWidget, text: str, name: str, tip: str) -> QToolButton:
    """Return a tool button that takes its share of a row."""
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setText(text)
    button.setToolTip(tip)
    button.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
    style.set_role(button, "button")
    return button


class SelectionUses(QWidget):
    """A row of buttons; they do nothing but ask.

    Signals
    -------
    save_wanted
        ``star``, ``cs``, ``indices``, ``models``, or one of the forms ``warp``, ``relion5``, ``same`` and
        ``index_files``, for which `by_tomogram` counts.
    train_wanted, show_images_wanted, show_table_wanted
        Start a job on the selected particles; show their images, or a table of them.
    """

    save_wanted = Signal(str)
    train_wanted = Signal()
    show_images_wanted = Signal()
    show_table_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_selection_uses")
        self.save = wide_button(self, "Save", "explorer_save", "Write the selected particles to a file")
        self.save.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.save)
        menu.setToolTipsVisible(True)
        for kind, (text, tip) in _SAVE.items():
            if kind == "models":
                self._apart = menu.addAction("One for each tomogram")
                self._apart.setObjectName("explorer_save_apart")
                self._apart.setCheckable(True)
                self._apart.setToolTip("The four above write a file or set for each tomogram")
            if kind in _PARTED:
                menu.addSeparator()
            entry = menu.addAction(text)
            entry.setObjectName(f"explorer_save_{kind}")
            entry.setToolTip(tip)
            entry.triggered.connect(lambda _on=False, k=kind: self.save_wanted.emit(k))
        self.save.setMenu(menu)
        self.train = wide_button(
            self,
            "Train…",
            "explorer_train",
            "Write a STAR file and open a new job with it as input",
        )
        self.train.clicked.connect(lambda _on: self.train_wanted.emit())
        self.images = wide_button(self, "Images", "explorer_images", "Show the images of selected particles")
        self.images.clicked.connect(lambda _on: self.show_images_wanted.emit())
        self.table = wide_button(self, "Table", "explorer_table", "Show a table of the selected particles")
        self.table.clicked.connect(lambda _on: self.show_table_wanted.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.TIGHT)
        for button in (self.save, self.train, self.images, self.table):
            row.addWidget(button, 1)

    @property
    def by_tomogram(self) -> bool:
        """Whether series, sets and index files are written for each tomogram."""
        return self._apart.isChecked()
