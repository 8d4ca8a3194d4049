"""The selected particles: how many, how they are combined, undone, and what is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.explorer.columns import Columns, Source
from widgets.explorer.criterion_editor import CriterionEditor
from widgets.explorer.history_button import HistoryButton
from widgets.explorer.selection import MODES, Mask, Mode, Selection
from widgets.explorer.selection_uses import SelectionUses, wide_button
from widgets.explorer.selection_ways import SelectionWays
from widgets.explorer.set_glyphs import set_icon

_WIDE: Final = 290
_NARROWEST: Final = 48
_MODES: Final[dict[Mode, tuple[str, str]]] = {
    "new": ("New", "What is drawn or chosen next replaces the selection"),
    "add": ("Or", "What is drawn or chosen next is added to the selection (Shift)"),
    "intersect": ("And", "Only particles in both stay selected (Shift+Alt)"),
    "subtract": ("Not", "What is drawn or chosen next is taken away from the selection (Alt)"),
}


class SelectionPanel(QWidget):
    """Holds the selection of the explorer.

    Regions drawn elsewhere come in through `combine`. All actions are in `actions()`, so that a surrounding
    window can offer their shortcuts too (``window.addActions(panel.actions())``).

    Signals
    -------
    changed
        Selected particles ``(P,)`` bool, None when there is no selection.
    save_wanted
        Write the selection: ``star``, ``cs`` or ``indices``.
    train_wanted, show_images_wanted, import_wanted
        Start a job on the selected particles; show their images; select the particles of a file.
    mode_changed
        How the next particles are combined: ``new``, ``add``, ``intersect`` or ``subtract``.
    """

    changed = Signal(object)
    save_wanted = Signal(str)
    train_wanted = Signal()
    show_images_wanted = Signal()
    import_wanted = Signal()
    mode_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_selection_panel")
        self.selection = Selection(0)
        self._actions()
        self._build()
        style.ThemeWatcher(self, self._restyle)
        self._restyle()
        self._show()

    # -- from outside --------------------------------------------------------------------------------------

    def set_count(self, n: int) -> None:
        """Begin anew with `n` particles."""
        had = self.selection.mask is not None
        self.selection = Selection(n)
        self.ways.named.set_count(n)
        self._show()
        if had:
            self.changed.emit(None)

    def set_columns(self, columns: Columns, sources: Sequence[Source] | None = None) -> None:
        """Offer the columns of a model, such as a `ColourPanel` tells in ``columns_changed``."""
        for editor in (self.threshold, self.category):
            editor.set_columns(columns, columns.sources if sources is None else sources)

    @property
    def mode(self) -> Mode:
        """How the next particles are combined."""
        return MODES[self._modes.checkedId()]

    def set_mode(self, mode: Mode) -> None:
        """Choose how the next particles are combined."""
        self._modes.button(MODES.index(mode)).click()

    def combine(self, mask: Mask, mode: str = "", words: str = "Region") -> None:
        """Combine the selection with other particles.

        Parameters
        ----------
        mask : (P,) bool array
            The other particles.
        mode : str
            ``add``, ``subtract`` or ``intersect`` when the hand said so (keys held while drawing); ``new``
            and empty leave it to the mode chosen in the panel.
        words : str
            What these particles are, for the history.
        """
        chosen: Mode = next((m for m in MODES if m == mode and m != "new"), self.mode)
        self.selection.combine(mask, chosen, words)
        self._announce()

    def invert(self) -> None:
        """Select the others."""
        if self.selection.n:
            self.selection.invert()
            self._announce()

    def clear(self) -> None:
        """Select nothing."""
        if self.selection.mask is not None:
            self.selection.clear()
            self._announce()

    def undo(self) -> None:
        """Go back a step."""
        if self.selection.undo():
            self._announce()

    def redo(self) -> None:
        """Do the last undone step again."""
        if self.selection.redo():
            self._announce()

    def go_to(self, place: int) -> None:
        """Go to a step of the history."""
        if self.selection.go_to(place):
            self._announce()

    # -- parts ---------------------------------------------------------------------------------------------

    def _actions(self) -> None:
        self.invert_action = self._action("invert", "Invert", "Ctrl+I", "Select the others", self.invert)
        self.clear_action = self._action("clear", "Clear", "Ctrl+Shift+A", "Select nothing", self.clear)
        self.undo_action = self._action("undo", "Undo", "Ctrl+Z", "Undo the last step", self.undo)
        self.redo_action = self._action("redo", "Redo", "Ctrl+Shift+Z", "Do it again", self.redo)

    def _action(self, name: str, text: str, keys: str, tip: str, slot: object) -> QAction:
        action = QAction(text, self)
        action.setObjectName(f"explorer_selection_{name}")
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(f"{tip} ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})")
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _build(self) -> None:
        self.number = QLabel(self)
        self.number.setObjectName("explorer_selected_count")
        style.set_role(self.number, "value")
        self.share = QLabel(self)
        self.share.setObjectName("explorer_selected_share")
        style.set_role(self.share, "muted")
        self.history_button = HistoryButton(self)
        self.history_button.chosen.connect(self.go_to)
        self.history_menu = self.history_button.steps
        head = QHBoxLayout()
        head.setSpacing(style.SMALL)
        head.addWidget(self.number, 0, Qt.AlignmentFlag.AlignBaseline)
        head.addWidget(self.share, 1, Qt.AlignmentFlag.AlignBaseline)
        self._modes = QButtonGroup(self)
        modes = QHBoxLayout()
        modes.setSpacing(style.TIGHT)
        for mode, (text, tip) in _MODES.items():
            button = self._button(text, f"mode_{mode}", tip)
            button.setCheckable(True)
            button.setMinimumWidth(_NARROWEST)  # with its name alone
            self._modes.addButton(button, MODES.index(mode))
            modes.addWidget(button, 1)
        self._modes.button(0).setChecked(True)
        self._modes.idClicked.connect(lambda k: self.mode_changed.emit(MODES[k]))
        steps = QHBoxLayout()
        steps.setSpacing(style.TIGHT // 2)
        for action in (self.undo_action, self.redo_action, self.invert_action, self.clear_action):
            button = self._button("", f"{action.objectName().rsplit('_', 1)[1]}_button", "")
            button.setDefaultAction(action)
            is_icon = action in (self.undo_action, self.redo_action)
            button.setToolButtonStyle(
                Qt.ToolButtonStyle.ToolButtonIconOnly if is_icon else Qt.ToolButtonStyle.ToolButtonTextOnly
            )
            steps.addWidget(button, 0 if is_icon else 1)
        steps.addWidget(self.history_button)
        self.threshold = CriterionEditor("threshold", self)
        self.category = CriterionEditor("category", self)
        self._by_buttons: list[QToolButton] = []
        by = QHBoxLayout()
        by.setSpacing(style.TIGHT)
        for editor, text, tip in (
            (self.threshold, "Threshold…", "Select by the numbers of any column"),
            (self.category, "Category…", "Select by the names of any column: micrograph, class, cluster …"),
        ):
            button = self._button(text, f"by_{editor.kind}", tip)
            button.setCheckable(True)
            button.toggled.connect(partial(self._open, editor))
            editor.applied.connect(lambda mask, words: self.combine(mask, "", words))
            editor.hide()
            by.addWidget(button, 1)
            self._by_buttons.append(button)
        self.list_button = self._button(
            "List…", "by_list", "Select the particles of a STAR file, a list of names, or an index file"
        )
        self.list_button.clicked.connect(lambda _on: self.import_wanted.emit())
        by.addWidget(self.list_button, 1)
        self.ways = SelectionWays(self)
        self.ways.applied.connect(lambda mask, words: self.combine(mask, "", words))
        self.ways.opened.connect(self._close_editors)
        self.uses = SelectionUses(self)
        self.uses.save_wanted.connect(self.save_wanted)
        self.uses.train_wanted.connect(self.train_wanted)
        self.uses.show_images_wanted.connect(self.show_images_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        for part in (head, modes, steps, by, self.threshold, self.category, self.ways, self.uses):
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addStretch(1)

    def _open(self, editor: CriterionEditor, on: bool) -> None:
        editor.setVisible(on)
        if on:  # one at a time
            self.ways.close_all()
            for button in self._by_buttons:
                if button.isChecked() and button.objectName() != f"explorer_by_{editor.kind}":
                    button.setChecked(False)
            editor.chooser.setFocus()

    def _close_editors(self) -> None:
        for button in self._by_buttons:
            button.setChecked(False)

    def _restyle(self) -> None:
        for mode in MODES:
            self._modes.button(MODES.index(mode)).setIcon(set_icon(mode))
        self.undo_action.setIcon(set_icon("undo"))
        self.redo_action.setIcon(set_icon("redo"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the drawings of the modes away where there is no room for them and their names."""
        super().resizeEvent(event)
        room = self.width() >= _WIDE
        kind = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if room else Qt.ToolButtonStyle.ToolButtonTextOnly
        for mode in MODES:
            button = self._modes.button(MODES.index(mode))
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(kind)

    # -- state ---------------------------------------------------------------------------------------------

    def _announce(self) -> None:
        self._show()
        self.changed.emit(self.selection.mask)

    def _show(self) -> None:
        selection = self.selection
        has = selection.mask is not None
        self.ways.named.set_selection(selection.mask)
        self.number.setText(f"{selection.count:,}" if has else "–")
        share = 100 * selection.count / max(1, selection.n)
        self.share.setText(
            f"of {selection.n:,} particles ({share:.1f} %)" if has else f"none of {selection.n:,} selected"
        )
        self.number.setAccessibleName(f"{self.number.text()} {self.share.text()}")
        self.undo_action.setEnabled(selection.can_undo)
        self.redo_action.setEnabled(selection.can_redo)
        self.invert_action.setEnabled(selection.n > 0)
        self.clear_action.setEnabled(has)
        self.history_button.show_selection(selection)
        self.uses.setEnabled(selection.count > 0)

    def _button(self, text: str, name: str, tip: str) -> QToolButton:
        return wide_button(self, text, f"explorer_{name}", tip)
