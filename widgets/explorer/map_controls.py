"""The controls around the map: what is shown, how it is coloured, and at which level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer import map_glyphs, map_parts
from widgets.explorer.map_colours import ColourKeyBar
from widgets.explorer.map_level_row import LevelRow
from widgets.explorer.map_options import (
    ARROW_SCALES,
    COMPARISONS,
    ONE_COLOUR,
    POSITION,
    REPRESENTATIONS,
    VIEWS,
    MapOptions,
)

_WIDEST_POINTS: Final = 30


class MapControls(QWidget):
    """The bar above the map, and the rows below it (in :attr:`below`).

    Signals
    -------
    changed
        Another choice was made; see :meth:`options`.
    looked : str
        A standard view was asked for.
    fitted
        The whole molecule is to be seen.
    spun, axes_shown, bar_shown : bool
        Switched on or off.
    """

    changed = Signal()
    looked = Signal(str)
    fitted = Signal()
    spun = Signal(bool)
    axes_shown = Signal(bool)
    bar_shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_map_controls")
        self.chose_representation = False
        self._has_points = True
        self._colour_wish = ""
        self.below = QWidget()
        self.below.setObjectName("explorer_map_rows")
        self._buttons: dict[QToolButton, str] = {}
        self._make_bar()
        self._make_rows()
        self.set_names(())
        self.set_comparing(False)
        self.atoms.hide()
        self._draw_icons()
        style.ThemeWatcher(self, self._draw_icons)

    # -- building ------------------------------------------------------------------------------------------

    def _make_bar(self) -> None:
        self.representation = self._combo(
            "explorer_map_representation", "3D representation (1: map, 2: points, 3: both)", REPRESENTATIONS
        )
        self.representation.activated.connect(self._on_representation)
        self.comparison = self._combo("explorer_map_comparison", "How both states are compared", COMPARISONS)
        self.consensus = self._toggle(
            "explorer_map_consensus", "map-consensus", "Consensus map as a veil around this one (C)"
        )
        self.arrows = self._toggle(
            "explorer_map_arrows", "map-arrows", "Arrows from the consensus to this state (A)"
        )
        self.atoms = self._toggle("explorer_map_atoms", "map-atoms", "Atomic model, moved along (M)")
        self.atoms.setChecked(True)
        self.eye = self._button("explorer_map_views", "map-eye", "Views, axes and scale bar", checkable=False)
        self.fit = self._button(
            "explorer_map_fit", "map-fit", "See the whole molecule (0, or double-click)", checkable=False
        )
        self.fit.clicked.connect(self.fitted)
        self.more = self._button("explorer_map_more", "map-sliders", "More settings (Ctrl+.)")
        self.eye.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.eye.setMenu(self._make_menu())
        row = QHBoxLayout(self)
        row.setContentsMargins(style.TIGHT, style.TIGHT, style.TIGHT, 0)
        row.setSpacing(style.TIGHT)
        row.addWidget(self.representation)
        row.addWidget(self.comparison)
        for button in self._buttons:
            if button is self.eye:
                row.addStretch(1)
            row.addWidget(button)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("explorer_map_view_menu")
        group = QActionGroup(self)
        for view, text in VIEWS:
            action = QAction(f"{text} view", group)
            action.triggered.connect(lambda _on=False, view=view: self.looked.emit(view))
            menu.addAction(action)
        menu.addSeparator()
        self.spin = self._switch(menu, "S&pin", "P", self.spun)
        self.axes = self._switch(menu, "&Axes", "", self.axes_shown)
        self.scale_bar = self._switch(menu, "Scale &bar", "", self.bar_shown)
        self.scale_bar.setChecked(True)
        return menu

    def _switch(self, menu: QMenu, text: str, key: str, signal: Any) -> QAction:
        action = QAction(text, self)
        action.setCheckable(True)
        if key:
            action.setText(f"{text}\t{key}")
        action.toggled.connect(signal)
        menu.addAction(action)
        return action

    def _make_rows(self) -> None:
        self.level = LevelRow("Level", "explorer_map_level", "Density on the surface ([ lower, ] higher)")
        self.level.level_chosen.connect(self.changed)
        self.difference = LevelRow(
            "Difference", "explorer_map_difference", "Difference of density on the coloured surfaces"
        )
        self.difference.level_chosen.connect(self.changed)
        self.colour_by = self._combo("explorer_map_colour_by", "What the colours of the Gaussians mean", ())
        self.colour_by.activated.connect(self._on_colour)
        self.colour_by.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.colour_by.setMinimumWidth(120)
        self.colour_map = self._check(
            "Map too", "explorer_map_colour_map", "Give the map the colours of the nearest Gaussians (G)"
        )
        self.key = ColourKeyBar()
        colours = QHBoxLayout()
        colours.setSpacing(style.SMALL)
        colours.addWidget(map_parts.label("Colour"))
        colours.addWidget(self.colour_by, 3)
        colours.addWidget(self.colour_map)
        colours.addWidget(self.key, 2)
        self.settings = QFrame()
        self.settings.setObjectName("explorer_map_settings")
        grid = QGridLayout(self.settings)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.MEDIUM)
        grid.setVerticalSpacing(style.TIGHT)
        self.consensus_points = self._check(
            "Consensus points", "explorer_map_consensus_points", "Gaussians of the consensus, faintly"
        )
        self.arrow_scale = self._combo(
            "explorer_map_arrow_scale",
            "How much longer than the displacement the arrows are",
            tuple((f"{factor:g}", f"{factor:g} ×") for factor in ARROW_SCALES),
        )
        self.point_size = QSlider(Qt.Orientation.Horizontal)
        self.point_size.setObjectName("explorer_map_point_size")
        self.point_size.setRange(3, _WIDEST_POINTS)
        self.point_size.setValue(10)
        self.point_size.setMinimumWidth(60)
        self.point_size.setToolTip("Size of the points")
        self.point_size.setAccessibleName("Size of the points")
        self.point_size.valueChanged.connect(self.changed)
        grid.addWidget(self.consensus_points, 0, 0)
        grid.addWidget(map_parts.label("Arrows"), 0, 1)
        grid.addWidget(self.arrow_scale, 0, 2)
        grid.addWidget(map_parts.label("Points"), 0, 3)
        grid.addWidget(self.point_size, 0, 4)
        grid.setColumnStretch(4, 1)
        self.settings.hide()
        self.more.toggled.connect(self.settings.setVisible)
        column = QVBoxLayout(self.below)
        column.setContentsMargins(style.SMALL, 0, style.TIGHT, style.TIGHT)
        column.setSpacing(style.TIGHT)
        column.addWidget(self.level)
        column.addWidget(self.difference)
        column.addLayout(colours)
        column.addWidget(self.settings)

    def _combo(self, name: str, tip: str, items: Sequence[tuple[str, str]]) -> QComboBox:
        box = map_parts.combo(name, tip, items)
        box.currentIndexChanged.connect(self.changed)
        return box

    def _button(self, name: str, glyph: str, tip: str, *, checkable: bool = True) -> QToolButton:
        made = map_parts.button(name, tip, checkable=checkable)
        self._buttons[made] = glyph
        return made

    def _toggle(self, name: str, glyph: str, tip: str) -> QToolButton:
        made = self._button(name, glyph, tip)
        made.toggled.connect(self.changed)
        return made

    def _check(self, text: str, name: str, tip: str) -> QCheckBox:
        box = map_parts.check(text, name, tip)
        box.toggled.connect(self.changed)
        return box

    def add_shortcuts(self, owner: QWidget) -> None:
        """Let keys work while the keyboard is anywhere in a widget."""
        keys: dict[str, Callable[[], object]] = {
            "[": lambda: self.level.step(-1),
            "]": lambda: self.level.step(1),
            "1": lambda: self.choose_representation("map"),
            "2": lambda: self.choose_representation("points"),
            "3": lambda: self.choose_representation("both"),
            "0": self.fitted.emit,
            "C": self.consensus.toggle,
            "A": self.arrows.toggle,
            "M": self.atoms.toggle,
            "G": self.colour_map.toggle,
            "P": self.spin.toggle,
            "Ctrl+.": self.more.toggle,
        }
        for key, function in keys.items():
            shortcut = QShortcut(QKeySequence(key), owner)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(function)

    # -- state ---------------------------------------------------------------------------------------------

    def options(self) -> MapOptions:
        """Return what is chosen."""
        return MapOptions(
            representation=self.representation.currentData() if self._has_points else "map",
            level=self.level.chosen,
            consensus_map=self.consensus.isChecked(),
            consensus_points=self.consensus_points.isChecked(),
            arrows=self.arrows.isChecked(),
            atoms=self.atoms.isChecked(),
            arrow_scale=float(self.arrow_scale.currentData()),
            colour_by=self.colour_by.currentData() or "",
            colour_map=self.colour_map.isChecked(),
            comparison=self.comparison.currentData(),
            difference_level=self.difference.chosen,
            point_size=self.point_size.value() / 10,
            dark=style.colours().name == "dark",
        )

    def offer_points(self, possible: bool) -> None:
        """Offer points beside maps; of a model without points there is nothing to choose."""
        if possible == self._has_points:
            return
        self._has_points = possible
        self.representation.setEnabled(possible)
        self.representation.setVisible(possible)
        self.changed.emit()

    def choose_representation(self, key: str) -> None:
        """Show maps, points or both."""
        self.chose_representation = True
        self.representation.setCurrentIndex(self.representation.findData(key))

    def prefer_colour(self, name: str) -> None:
        """Colour Gaussians by this once it is offered, unless somebody has chosen otherwise."""
        if self._colour_wish or not name:
            return
        self._colour_wish = name
        if (place := self.colour_by.findData(name)) >= 0:
            self.colour_by.setCurrentIndex(place)

    def set_names(self, names: Sequence[str]) -> None:
        """Offer the values by which Gaussians can be coloured; the choice stays while it is among them."""
        wanted = [ONE_COLOUR, *names, POSITION] if names else [ONE_COLOUR]
        if [self.colour_by.itemData(k) for k in range(self.colour_by.count())] == wanted:
            return
        with QSignalBlocker(self.colour_by):
            self.colour_by.clear()
            for name in wanted:
                self.colour_by.addItem(name[:1].upper() + name[1:], name)
            # how much everything moves is what people come for
            default = 1 if names else 0
            wish = self._colour_wish
            self.colour_by.setCurrentIndex(wanted.index(wish) if wish in wanted else default)

    def set_has_gaussians(self, has: bool) -> None:
        """Offer what needs Gaussians only when there are some."""
        for widget in (self.colour_by, self.colour_map, self.consensus_points, self.arrows, self.point_size):
            widget.setEnabled(has)

    def set_comparing(self, comparing: bool) -> None:
        """Offer the ways to compare two states."""
        self.comparison.setVisible(comparing)
        self.show_difference_level(False)

    def show_difference_level(self, on: bool) -> None:
        """Offer the level of the difference map."""
        self.difference.setVisible(on)

    def _on_colour(self, _index: int) -> None:
        self._colour_wish = self.colour_by.currentData()

    def _on_representation(self, _index: int) -> None:
        self.chose_representation = True

    def _draw_icons(self) -> None:
        for button, glyph in self._buttons.items():
            button.setIcon(map_glyphs.icon(glyph, "text"))
