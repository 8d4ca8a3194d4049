"""The line above a flowchart: what is looked for, what is followed, and how the chart lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import glyphs, style
from widgets.elided_label import ElidedLabel
from widgets.fields import ChoiceBox
from widgets.graph_data import Filter, GraphJob

#: What is shown of the selected job: nothing in particular, where it came from, what came of it.
FOLLOWS = (
    ("", "All", "All jobs are equal"),
    ("ancestors", "Ancestors", "Everything that the selected job came from"),
    ("descendants", "Descendants", "Everything that came of the selected job"),
)


class GraphBar(QWidget):
    """Search, filters and buttons.

    Signals
    -------
    changed()
        Something else is looked for or followed.
    fit_requested(), turned(), export_requested()
        A button was pressed.
    """

    changed = Signal()
    fit_requested = Signal()
    turned = Signal()
    export_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("graph_bar")
        self.search = QLineEdit(self)
        self.search.setObjectName("graph_search")
        self.search.setPlaceholderText("Find jobs by name, alias, type, status or tag")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(110)
        self._search_action = self.search.addAction(
            glyphs.glyph_icon("search"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self.changed)
        self.status = self._choice("graph_status", "Any status")
        self.kind = self._choice("graph_kind", "Any type")
        self.tag = self._choice("graph_tag", "Any tag")
        self.hide_button = self._button(
            "graph_hide", "Hide others", "Hide the other jobs, instead of fading them"
        )
        self.hide_button.setCheckable(True)
        self.hide_button.toggled.connect(self.changed)
        self.follow_buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for key, text, tip in FOLLOWS:
            button = self._button(f"graph_{key or 'all'}", text, tip)
            button.setCheckable(True)
            button.setChecked(not key)
            group.addButton(button)
            self.follow_buttons[key] = button
        group.buttonToggled.connect(lambda _button, on: self.changed.emit() if on else None)
        self.told = ElidedLabel()
        self.told.setObjectName("graph_told")
        self.told.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        style.set_role(self.told, "muted")
        self.turn_button = self._button("graph_turn", "Left to right", "Descendants to the right, not below")
        self.turn_button.setCheckable(True)
        self.turn_button.toggled.connect(self.turned)
        self.fit_button = self._button("graph_fit", "Fit", "Show all of it (0)")
        self.fit_button.clicked.connect(self.fit_requested)
        self.export_button = self._button("graph_export", "Export…", "Save the chart as SVG or PDF")
        self.export_button.clicked.connect(self.export_requested)
        self._lay_out()
        style.ThemeWatcher(self, lambda: self._search_action.setIcon(glyphs.glyph_icon("search")))

    def _choice(self, name: str, everything: str) -> ChoiceBox:
        box = ChoiceBox(self)
        box.setObjectName(name)
        box.setAccessibleName(everything)
        box.addItem(everything, "")
        box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToContents)
        box.setMaximumWidth(180)
        box.currentIndexChanged.connect(self.changed)
        return box

    def _button(self, name: str, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setText(text)
        button.setToolTip(tip)
        style.set_role(button, "button")
        return button

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(style.SMALL)
        first.addWidget(self.search, 1)
        for part in (self.status, self.kind, self.tag, self.hide_button):
            first.addWidget(part)
        joined = QHBoxLayout()
        joined.setSpacing(style.TIGHT)
        for button in self.follow_buttons.values():
            joined.addWidget(button)
        second.addLayout(joined)
        second.addWidget(self.told, 1)
        for part in (self.turn_button, self.fit_button, self.export_button):
            second.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        layout.addLayout(first)
        layout.addLayout(second)

    def set_jobs(self, jobs: Sequence[GraphJob]) -> None:
        """Offer the statuses, types and tags that there are."""
        _offer(self.status, {job.status for job in jobs if job.status})
        _offer(self.kind, {job.kind for job in jobs if job.kind})
        words = {word for job in jobs for word, _ in job.tags}
        _offer(self.tag, words)
        self.tag.setVisible(bool(words))

    def filter(self) -> Filter:
        """Return what is looked for."""
        return Filter(
            self.search.text(), self.status.currentData(), self.kind.currentData(), self.tag.currentData()
        )

    def follow(self) -> str:
        """Return the key of what is followed, see `FOLLOWS`."""
        return next(key for key, button in self.follow_buttons.items() if button.isChecked())

    def set_follow(self, key: str) -> None:
        """Follow something else."""
        self.follow_buttons[key].setChecked(True)

    def allow_follow(self, allowed: bool) -> None:
        """Let ancestors and descendants be followed, which needs a selected job."""
        for key, button in self.follow_buttons.items():
            button.setEnabled(allowed or not key)
        if not allowed:
            self.set_follow("")


def _offer(box: ChoiceBox, words: Iterable[str]) -> None:
    wanted = sorted(words, key=str.lower)
    present = [box.itemData(k) for k in range(1, box.count())]
    if wanted == present:
        return
    chosen = box.currentData()
    box.blockSignals(True)
    while box.count() > 1:
        box.removeItem(1)
    for word in wanted:
        box.addItem(word, word)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.blockSignals(False)
    if box.currentData() != chosen:
        box.currentIndexChanged.emit(box.currentIndex())
