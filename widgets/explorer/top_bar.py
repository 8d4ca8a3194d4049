"""The upper line of the explorer: what is explored, which half-set, which moment of the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jobs.core.latent import Snapshot
from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.explorer.progress_strip import ProgressStrip
from widgets.fields import ChoiceBox

_HALVES: Final = {
    1: ("Half-set 1", "Particles and model of half-set 1"),
    2: ("Half-set 2", "Particles and model of half-set 2"),
    0: ("Held out", "Half-set 0: particles held out for validation, with error estimates from both models"),
}


class TopBar(QWidget):
    """Chooses half-set and snapshot, shows progress, and holds the menu of what can be saved.

    Signals
    -------
    back_requested
        Go back to the jobs.
    half_chosen : int
        1, 2 or 0.
    snapshot_chosen : object
        A `Snapshot`.
    follow_toggled : bool
        Whether the newest snapshot is to be shown as it comes.
    help_requested
        Show the page about the explorer.
    """

    back_requested = Signal()
    half_chosen = Signal(int)
    snapshot_chosen = Signal(object)
    follow_toggled = Signal(bool)
    help_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_top_bar")
        self._snapshots: list[Snapshot] = []
        self.back = QPushButton("‹ Jobs")
        self.back.setObjectName("explorer_back")
        self.back.setToolTip("Go back to the jobs; the explorer stays as it is (Ctrl+E)")
        self.back.clicked.connect(self.back_requested)
        self.title = QLabel()
        self.title.setObjectName("explorer_title")
        style.set_role(self.title, "heading")
        self.subtitle = ElidedLabel()
        self.subtitle.setObjectName("explorer_subtitle")
        style.set_role(self.subtitle, "caption")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        self.half = ChoiceBox()
        self.half.setObjectName("explorer_half")
        self.half.setAccessibleName("Half-set")
        self.half.setToolTip("Whose particles and model are shown")
        self.half.activated.connect(lambda _index: self.half_chosen.emit(int(self.half.currentData())))
        self.progress = ProgressStrip()
        self.help = QToolButton()
        self.help.setObjectName("explorer_help")
        self.help.setText("?")
        self.help.setAccessibleName("Help")
        self.help.setToolTip("How to use the explorer (F1)")
        style.set_role(self.help, "button")
        self.help.clicked.connect(self.help_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.TIGHT)
        row.setSpacing(style.MEDIUM)
        row.addWidget(self.back)
        row.addLayout(words, 1)
        row.addWidget(self.half)
        row.addWidget(self._make_moments())
        row.addWidget(self.progress)
        tip = "Atomic model, comparison, clusters, and where clicks go"
        self.view = self._menu_button("view", "View", tip)
        self.save = self._menu_button(
            "save", "Save", "Write maps, movies, pictures and particles into the job"
        )
        row.addWidget(self.view)
        row.addWidget(self.save)
        row.addWidget(self.help)
        self.set_halves((), 1)
        self.set_snapshots([], None)

    def add_button(self, button: QPushButton) -> None:
        """Add something that can be done beside the explorer."""
        row = self.layout()
        if isinstance(row, QHBoxLayout):
            row.insertWidget(row.indexOf(self.view), button)

    def _make_moments(self) -> QWidget:
        self.moments = QWidget()
        self.moments.setObjectName("explorer_moments")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("explorer_epoch")
        self.slider.setAccessibleName("Moment of the training")
        self.slider.setFixedWidth(130)
        self.slider.setToolTip("Go back to what the training knew at an earlier epoch")
        self.slider.valueChanged.connect(self._on_slider)
        self.epoch = QLabel()
        self.epoch.setObjectName("explorer_epoch_label")
        self.epoch.setMinimumWidth(style.text_width(self.epoch.font(), "epoch 0000"))
        style.set_role(self.epoch, "caption")
        self.follow = QToolButton()
        self.follow.setObjectName("explorer_follow")
        self.follow.setText("Follow")
        self.follow.setCheckable(True)
        self.follow.setToolTip("Show each new snapshot of the running job as it comes")
        style.set_role(self.follow, "button")
        self.follow.toggled.connect(self.follow_toggled)
        row = QHBoxLayout(self.moments)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SMALL)
        for widget in (self.slider, self.epoch, self.follow):
            row.addWidget(widget)
        return self.moments

    def _menu_button(self, name: str, text: str, tip: str) -> QToolButton:
        """Return a button that opens a menu."""
        button = QToolButton()
        button.setObjectName(f"explorer_{name}")
        button.setText(f"{text}  ")
        button.setToolTip(tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        style.set_role(button, "button")
        menu = QMenu(button)
        menu.setObjectName(f"explorer_{name}_menu")
        menu.setToolTipsVisible(True)
        button.setMenu(menu)
        return button

    def add_menu_actions(self, save: Sequence[QAction | None], view: Sequence[QAction | None]) -> None:
        """Fill the two menus; None is a separator."""
        for menu, actions in ((self.save.menu(), save), (self.view.menu(), view)):
            for action in actions:
                if action is None:
                    menu.addSeparator()
                else:
                    menu.addAction(action)

    def set_title(self, title: str, text: str) -> None:
        """Say what is explored, and what is known about it."""
        self.title.setText(title)
        self.subtitle.setText(text)

    def set_halves(self, halves: Sequence[int], current: int) -> None:
        """Offer half-sets; nothing is shown when there is only one."""
        self.half.clear()
        for number in halves:
            text, tip = _HALVES[number]
            self.half.addItem(text, number)
            self.half.setItemData(self.half.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.half.setCurrentIndex(max(0, self.half.findData(current)))
        self.half.setVisible(len(halves) > 1)

    def set_snapshots(
        self, snapshots: Sequence[Snapshot], current: Snapshot | None, *, running: bool = False
    ) -> None:
        """Offer the moments of a training; nothing is shown when there is only one."""
        self._snapshots = list(snapshots)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(snapshots) - 1))
        paths = [snapshot.path for snapshot in snapshots]
        place = paths.index(current.path) if current is not None and current.path in paths else len(paths) - 1
        self.slider.setValue(max(0, place))
        self.slider.blockSignals(False)
        self.epoch.setText(snapshots[place].label if snapshots else "")
        self.moments.setVisible(len(snapshots) > 1 or running)
        self.follow.setVisible(running)

    def _on_slider(self, place: int) -> None:
        if 0 <= place < len(self._snapshots):
            self.epoch.setText(self._snapshots[place].label)
            if place < len(self._snapshots) - 1:
                self.follow.setChecked(False)
            self.snapshot_chosen.emit(self._snapshots[place])
