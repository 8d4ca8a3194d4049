"""The controls of the trajectory panel: how a path is made, of how many frames, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer import path_glyphs
from widgets.explorer.anchor_list import AnchorList
from widgets.explorer.trajectory import FRAMES, Trajectory
from widgets.explorer.trajectory_order import Order
from widgets.explorer.way_buttons import WAYS, Way, WayButtons, quiet_button
from widgets.fields import ChoiceBox

SAVES: Final[tuple[tuple[str, str, str], ...]] = (
    ("movie", "Maps and ChimeraX movie", "All maps (.mrc), states, and a script that plays them"),
    ("model", "Moved atomic model", "The atomic model of each frame, in one file"),
    ("mp4", "Video (mp4)", "What the map pane shows"),
    ("gif", "Video (gif)", "What the map pane shows"),
    ("frames", "Pictures (png)", "What the map pane shows, one picture for each frame"),
    ("path", "States (csv or txt)", "The latent coordinates of each frame"),
)


def label(text: str, parent: QWidget, role: str = "caption") -> QLabel:
    """Return a label in a role of the style sheet."""
    made = QLabel(text, parent)
    style.set_role(made, role)
    return made


class Controls(QWidget):
    """Everything of the panel that can be operated; the panel itself decides what it means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ways = WayButtons(self)
        self.hint = label("", self)
        self.hint.setObjectName("explorer_path_hint")
        self.hint.setWordWrap(True)
        self.anchors = AnchorList(self)
        self.find_button = QPushButton("Find path", self)
        self.find_button.setObjectName("explorer_path_find")
        self.find_button.setToolTip("Look for a path through crowded regions, and through the anchors if any")
        style.set_role(self.find_button, "primary")
        self.axis = self._axis_row()
        self.frames = self._spin("frames", 2, 2000, FRAMES, "Frames of the trajectory")
        self.nearest, self.exact = self._snap_buttons()
        self.info = label("", self, "subheading")
        self.info.setObjectName("explorer_path_info")
        self.info.setWordWrap(True)
        self.message = label("", self, "warning")
        self.message.setObjectName("explorer_path_message")
        self.message.setWordWrap(True)
        self.reverse = quiet_button("reverse", "Go the other way round", self)
        self.clear = quiet_button("clear", "Forget the trajectory and its anchors", self)
        self.load = quiet_button("load", "Read states from a file (csv, or text of other programs)", self)
        self.save = QToolButton(self)
        self.save.setObjectName("explorer_path_save")
        self.save.setText("Save as")
        self.save.setToolTip("Write this trajectory")
        self.save.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        style.set_role(self.save, "button")
        self.save_menu = QMenu(self.save)
        self.save_menu.setToolTipsVisible(True)
        self.save.setMenu(self.save_menu)
        self._lay_out()
        style.ThemeWatcher(self, self._draw_icons)
        self._draw_icons()

    def fill_save_menu(self, wanted: Callable[[str], object]) -> None:
        """Offer everything that can be written."""
        for kind, title, tip in SAVES:
            action = self.save_menu.addAction(title)
            action.setObjectName(f"explorer_path_save_{kind}")
            action.setToolTip(tip)
            action.triggered.connect(lambda _checked=False, kind=kind: wanted(kind))

    def show_way(self, way: Way) -> None:
        """Show what belongs to a way, hide the rest."""
        self.ways.choose(way)
        self.hint.setText(next(hint for name, _, _, hint in WAYS if name == way))
        self.anchors.setVisible(way in ("anchors", "auto"))
        self.find_button.setVisible(way == "auto")
        self.axis.setVisible(way == "axis")
        snaps = way != "auto"
        self.nearest.setEnabled(snaps)
        self.exact.setEnabled(snaps)
        self._keep_height()

    def show_trajectory(self, made: Trajectory | None, message: str) -> None:
        """Say what there is, and what is to be known about it."""
        text = ""
        if made is not None:
            text = f"{made.title[:1].upper()}{made.title[1:]} · {len(made)} frames"
        self.info.setText(text)
        self.info.setVisible(bool(text))
        self.message.setText(message)
        self.message.setVisible(bool(message))
        self._keep_height()

    def settings(self, order: Order) -> Order:
        """Return an order with the numbers and switches of the panel."""
        return replace(
            order,
            frames=self.frames.value(),
            exact=self.exact.isChecked(),
            component=max(0, self.component.currentIndex()),
            low=float(self.low.value()),
            high=float(self.high.value()),
        )

    def set_components(self, names: Sequence[str]) -> None:
        """Offer components; the one that was chosen stays chosen by its place. Emits nothing."""
        with QSignalBlocker(self.component):
            chosen = max(0, self.component.currentIndex())
            self.component.clear()
            self.component.addItems(list(names))
            self.component.setCurrentIndex(chosen if chosen < len(names) else 0)

    def enable(self, there_is_a_plane: bool, there_is_a_trajectory: bool, can_clear: bool) -> None:
        """Allow what has a meaning now."""
        for widget in (self.ways, self.axis, self.find_button, self.load, self.anchors):
            widget.setEnabled(there_is_a_plane)
        for button in (self.reverse, self.save):
            button.setEnabled(there_is_a_trajectory)
        self.clear.setEnabled(can_clear)

    def show_exact(self, is_exact: bool) -> None:
        """Name the alternative to the nearest particle for a plane with an exact way back, or without."""
        self.exact.setText("Exact" if is_exact else "Between")
        tip = "The latent state of each place itself, the axes not shown at their mean"
        if not is_exact:
            tip = "Means over the nearest particles, weighted by distance: this plot has no exact way back"
        self.exact.setToolTip(tip)

    def _axis_row(self) -> QWidget:
        row = QWidget(self)
        self.component = ChoiceBox(row)
        self.component.setObjectName("explorer_path_component")
        self.component.setToolTip("Component that changes")
        self.component.setAccessibleName("Component")
        self.component.setMinimumContentsLength(5)
        self.low = self._spin("low", 0, 49, 2, "Percentile of the particles at which it starts")
        self.high = self._spin("high", 51, 100, 98, "Percentile of the particles at which it ends")
        for spin in (self.low, self.high):
            spin.setSuffix(" %")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.component, 1)
        layout.addWidget(self.low)
        layout.addWidget(label("to", row))
        layout.addWidget(self.high)
        return row

    def _spin(self, name: str, low: int, high: int, value: int, tip: str) -> QSpinBox:
        spin = QSpinBox(self)
        style.pad_number(spin)
        spin.setRange(low, high)
        spin.setValue(value)
        spin.setObjectName(f"explorer_path_{name}")
        spin.setToolTip(tip)
        spin.setAccessibleName(tip)
        # a number that is being typed makes no trajectory
        spin.setKeyboardTracking(False)
        return spin

    def _snap_buttons(self) -> tuple[QToolButton, QToolButton]:
        group = QButtonGroup(self)
        nearest = quiet_button("nearest", "States of the particles nearest to the path", self)
        nearest.setText("Nearest")
        exact = quiet_button("exact", "", self)
        for button in (nearest, exact):
            button.setCheckable(True)
            button.setFont(style.small_font(self))
            button.setMinimumHeight(style.CONTROL_HEIGHT - 6)
            group.addButton(button)
        nearest.setChecked(True)
        return nearest, exact

    def _lay_out(self) -> None:
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SMALL)
        column.addWidget(self.ways)
        column.addWidget(self.hint)
        column.addWidget(self.axis)
        column.addWidget(self.anchors, 1)
        column.addWidget(self.find_button)
        numbers = QHBoxLayout()
        numbers.setSpacing(style.TIGHT)
        numbers.addWidget(label("Frames", self))
        numbers.addWidget(self.frames)
        numbers.addStretch(1)
        numbers.addWidget(self.nearest)
        numbers.addWidget(self.exact)
        column.addLayout(numbers)
        column.addWidget(self.info)
        column.addWidget(self.message)
        actions = QHBoxLayout()
        actions.setSpacing(2)
        for button in (self.reverse, self.clear, self.load):
            button.setFixedSize(style.CONTROL_HEIGHT, style.CONTROL_HEIGHT)
            actions.addWidget(button)
        actions.addStretch(1)
        actions.addWidget(self.save)
        column.addLayout(actions)
        # takes what is left when there is no list to take it
        column.addStretch(0)

    def _keep_height(self) -> None:
        """Ask for the height that sentences of several lines need, which Qt leaves out."""
        self.setMinimumHeight(self._column.minimumHeightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for all lines."""
        super().resizeEvent(event)
        self._keep_height()

    def _draw_icons(self) -> None:
        self.reverse.setIcon(path_glyphs.icon("path-reverse"))
        self.clear.setIcon(path_glyphs.icon("close"))
        self.load.setIcon(path_glyphs.icon("folder"))
