"""The lines above and below the averages: which set, in which order, how they look, what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QToolButton, QWidget

from widgets import glyphs, style
from widgets.class_gallery.following import ClassFollower
from widgets.class_gallery.sources import ClassFile
from widgets.fields import ChoiceBox
from widgets.star_table_filter import FilterLine
from widgets.star_table_source import Arrangement

_SIZES: Final = (64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320)
_SHOWN: Final = (
    ("All classes", "all"),
    ("Selected", "selected"),
    ("Not selected", "unselected"),
    ("Rejected", "rejected"),
)


def _line(parent: QWidget) -> QHBoxLayout:
    line = QHBoxLayout(parent)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(style.SMALL)
    return line


class SetBar(QWidget):
    """Which set of classes is shown; the newest as long as none is chosen.

    Signals
    -------
    chosen : object
        Path of a set, or None for the newest.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Classes of", self)
        style.set_role(title, "muted")
        self.box = ChoiceBox(self)
        self.box.setObjectName("class_sets")
        self.box.setAccessibleName("Classes of")
        self.box.setMinimumWidth(220)
        self.box.activated.connect(lambda index: self.chosen.emit(self.box.itemData(index)))
        self.newer = QPushButton("Show newer classes", self)
        self.newer.setObjectName("class_newer")
        self.newer.setToolTip("What is selected here is then given up")
        self.newer.clicked.connect(lambda: self.chosen.emit(None))
        self.newer.hide()
        self.words = QLabel(self)
        style.set_role(self.words, "caption")
        line = _line(self)
        for part in (title, self.box, self.newer, self.words):
            line.addWidget(part)
        line.addStretch(1)
        self.open_button = QPushButton("Classes…", self)
        self.open_button.setObjectName("class_open")
        self.open_button.setToolTip("Choose classes in a window of their own")
        self.open_button.hide()
        line.addWidget(self.open_button)

    def set_files(self, files: Sequence[ClassFile], follower: ClassFollower) -> None:
        """Offer sets, the newest first."""
        shown = follower.shown
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.addItem(f"Newest: {files[-1].title}" if files else "Newest", None)
            for file in reversed(files):
                self.box.addItem(file.title, file.path)
            chosen = 0 if follower.follows else self.box.findData(shown.path if shown else None)
            self.box.setCurrentIndex(max(0, chosen))
        behind = bool(files) and shown is not None and follower.follows and shown.path != files[-1].path
        self.newer.setVisible(behind)
        self.words.setText(f"Selecting in: {shown.title}" if behind and shown is not None else "")


class ArrangeBar(QWidget):
    """Order and filter.

    Signals
    -------
    changed, shown_changed
        Another order or filter; another part of the classes.
    """

    changed = Signal()
    shown_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[str, ...] = ()
        self._conditions: tuple[object, ...] = ()
        title = QLabel("Sort by", self)
        style.set_role(title, "muted")
        self.order = ChoiceBox(self)
        self.order.setObjectName("class_order")
        self.order.setAccessibleName("Sort by")
        self.order.setMaximumWidth(190)
        self.order.currentIndexChanged.connect(self.changed)
        self.descending = QToolButton(self)
        self.descending.setObjectName("class_descending")
        self.descending.setCheckable(True)
        self.descending.setAccessibleName("Largest first")
        style.set_role(self.descending, "quiet")
        self.descending.toggled.connect(self.changed)
        self.descending.toggled.connect(self._draw_icon)
        self.part = ChoiceBox(self)
        self.part.setObjectName("class_part")
        self.part.setAccessibleName("Which classes are shown")
        for text, key in _SHOWN:
            self.part.addItem(text, key)
        self.part.currentIndexChanged.connect(self.shown_changed)
        self.filter = FilterLine(self)
        self.filter.changed.connect(self.changed)
        line = _line(self)
        for part in (title, self.order, self.descending, self.part):
            line.addWidget(part)
        line.addSpacing(style.SMALL)
        line.addWidget(self.filter, 1)
        style.ThemeWatcher(self, self._draw_icon)
        self._draw_icon()

    def set_columns(self, columns: tuple[str, ...], *, keep: bool) -> None:
        """Offer columns; what was chosen stays where there is such a column."""
        if columns == self._columns:
            return
        now = self.order.currentText()
        self._columns = columns
        with QSignalBlocker(self.order):
            self.order.clear()
            self.order.addItems(["Order of the file", *columns])
            self.order.setCurrentIndex(max(0, self.order.findText(now)))
        if not keep:
            self.filter.set_columns(columns)

    def arrangement(self) -> Arrangement:
        """Return order and filter."""
        at = self.order.currentIndex()
        column = self._columns[at - 1] if at > 0 else ""
        return Arrangement(column, self.descending.isChecked(), self.filter.conditions())

    def shown(self) -> str:
        """Return which classes are shown: ``all``, ``selected``, ``unselected`` or ``rejected``."""
        return str(self.part.currentData())

    def forget(self) -> None:
        """Show all classes."""
        self.part.setCurrentIndex(0)
        self.filter.forget()

    def _draw_icon(self) -> None:
        largest = self.descending.isChecked()
        self.descending.setIcon(glyphs.glyph_icon("down" if largest else "up"))
        self.descending.setToolTip("Largest first" if largest else "Smallest first")


class LookBar(QWidget):
    """Size and contrast of averages, and what a drag of the mouse does.

    Signals
    -------
    changed
        Averages are to look different.
    lasso_changed : bool
        A drag is a lasso, or a rectangle.
    """

    changed = Signal()
    lasso_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.size_slider = self._slider("class_size", 0, len(_SIZES) - 1, _SIZES.index(128))
        self.contrast = self._slider("class_contrast", -20, 40, 0)
        self.lasso = QToolButton(self)
        self.lasso.setObjectName("class_lasso")
        self.lasso.setText("Lasso")
        self.lasso.setCheckable(True)
        self.lasso.setToolTip(
            "Drag a free line around classes, in place of a rectangle (Alt: the other one; Ctrl: takes away)"
        )
        style.set_role(self.lasso, "button")
        self.lasso.toggled.connect(self.lasso_changed)
        hint = QLabel("Click or Space: select · A: all · I: invert · N: none · Enter: particles", self)
        style.set_role(hint, "caption")
        line = _line(self)
        for name, slider in (("Size", self.size_slider), ("Contrast", self.contrast)):
            label = QLabel(name, self)
            style.set_role(label, "caption")
            slider.setAccessibleName(name)
            line.addWidget(label)
            line.addWidget(slider)
        line.addWidget(self.lasso)
        line.addStretch(1)
        line.addWidget(hint)

    def _slider(self, name: str, low: int, high: int, value: int) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(name)
        slider.setRange(low, high)
        slider.setValue(value)
        slider.setFixedWidth(120)
        slider.valueChanged.connect(self.changed)
        return slider

    def side(self) -> int:
        """Return the side of a tile."""
        return _SIZES[self.size_slider.value()]

    def contrast_factor(self) -> float:
        """Return the contrast, 1 at first."""
        return float(10 ** (self.contrast.value() / 40))


class ChoiceBar(QWidget):
    """How much is chosen, and what can be done with it.

    Signals
    -------
    all_wanted, none_wanted, invert_wanted, particles_wanted, write_wanted
        The buttons.
    """

    all_wanted = Signal()
    none_wanted = Signal()
    invert_wanted = Signal()
    particles_wanted = Signal()
    write_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count = QLabel(self)
        self.count.setObjectName("class_count")
        style.set_role(self.count, "muted")
        self._can_write, self._chosen = True, 0
        line = _line(self)
        line.addWidget(self.count, 1)
        for text, signal, tip in (
            ("Select all", self.all_wanted, "All classes that are shown (A)"),
            ("None", self.none_wanted, "None of the classes that are shown (N)"),
            ("Invert", self.invert_wanted, "Those that are not selected, in place of those that are (I)"),
        ):
            line.addWidget(self._button(text, signal, tip))
        self.particles = self._button("Particles…", self.particles_wanted, "Of the current class (Enter)")
        self.write = self._button(
            "Write selection…",
            self.write_wanted,
            "Particles and averages of the selected classes as a job that the next one can use",
        )
        self.write.setObjectName("class_write")
        style.set_role(self.write, "primary")
        line.addWidget(self.particles)
        line.addWidget(self.write)

    def _button(self, text: str, signal: object, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.clicked.connect(lambda _checked=False: signal.emit())  # type: ignore[attr-defined]
        return button

    def show_state(
        self, sizes: NDArray[np.int64], selected: NDArray[np.bool_], rejected: NDArray[np.bool_]
    ) -> None:
        """Say how many classes and particles are chosen."""
        total, chosen = int(sizes.sum()), int(selected.sum())
        words = f"{len(sizes):,} classes, {total:,} particles"
        if chosen:
            inside = int(sizes[selected].sum())
            share = f" ({100 * inside / total:.0f} %)" if total else ""
            words = f"{chosen:,} of {len(sizes):,} classes selected: {inside:,} of {total:,} particles{share}"
        if rejected.any():
            words += f"; {int(rejected.sum()):,} rejected"
        self.count.setText(words)
        self._chosen = chosen
        self.write.setEnabled(chosen > 0 and self._can_write)

    def set_can_write(self, on: bool) -> None:
        """Allow the selection to be written, or not now."""
        self._can_write = on
        self.write.setEnabled(on and self._chosen > 0)
