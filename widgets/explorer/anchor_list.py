"""The anchors of a trajectory: added by a click or by name, moved by dragging, taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jobs.core.errors import UserError
from widgets import style
from widgets.explorer import path_glyphs
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory_order import Anchor

_INDEX = Qt.ItemDataRole.UserRole
_PLACE = re.compile(r"^\s*\(?\s*([^\s,;]+)\s*[,;]\s*([^\s,;)]+)\s*\)?\s*$")


def anchor_of(text: str, plane: Plane, names: NDArray[Any] | None) -> Anchor:
    """Return the anchor that somebody typed.

    Parameters
    ----------
    text
        Number of a particle (from 1), its name or the end of it, or a place ``x, y``.
    plane
        Where it lies.
    names
        Identities of the particles ``(P,)``; None when there are none.

    Raises
    ------
    UserError
        If there is no such particle or place, or several.
    """
    text = text.strip().replace("−", "-")
    if re.fullmatch(r"\d+", text):
        return _of_row(int(text) - 1, plane, f"particle {text}")
    place = _PLACE.match(text)
    if place:
        try:
            x, y = float(place[1]), float(place[2])
        except ValueError:
            x = y = np.nan
        if np.isfinite(x) and np.isfinite(y):
            return Anchor(x, y)
    if names is not None:
        rows = np.flatnonzero(names == text)
        if not rows.size:
            rows = np.array([k for k, name in enumerate(names) if str(name).endswith(text)], np.int64)
        if rows.size > 1:
            raise UserError(f"{rows.size} particles have a name that ends with “{text}”")
        if rows.size == 1:
            return _of_row(int(rows[0]), plane, text)
    raise UserError(
        f"“{text}” is neither a particle nor a place",
        hint="Type the number or name of a particle, or x, y.",
    )


def _of_row(row: int, plane: Plane, what: str) -> Anchor:
    if not 0 <= row < len(plane.xy):
        raise UserError(f"there is no {what}: there are {len(plane.xy):,}")
    if not np.isfinite(plane.xy[row]).all():
        raise UserError(f"{what} has no place in this plot")
    return Anchor(float(plane.xy[row, 0]), float(plane.xy[row, 1]), row)


class AnchorList(QWidget):
    """A list that can be put into another order by dragging.

    Signals
    -------
    changed : object
        The anchors in their new order, a tuple, after somebody changed them here.
    typed : str
        Somebody typed a particle or place.
    centres_wanted
        The centres of clusters are to be added.
    """

    changed = Signal(object)
    typed = Signal(str)
    centres_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_anchors")
        self._anchors: tuple[Anchor, ...] = ()
        self.list = QListWidget(self)
        self.list.setObjectName("explorer_anchor_list")
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setToolTip("Drag to another place in the order; Delete takes the selected ones away")
        self.list.setAccessibleName("Anchors")
        self.list.setMinimumHeight(80)
        self.list.setMaximumHeight(260)
        self.list.installEventFilter(self)
        # several rows can be moved at once, and the list must not change while it moves them
        self._moved = QTimer(self, singleShot=True, interval=0)
        self._moved.timeout.connect(self._on_moved)
        self.list.model().rowsMoved.connect(self._moved.start)
        self.list.itemSelectionChanged.connect(self._enable)
        self.entry = QLineEdit(self)
        self.entry.setObjectName("explorer_anchor_entry")
        self.entry.setPlaceholderText("Particle, or x, y")
        self.entry.setToolTip(
            "Number of a particle (from 1), its name or the end of it, or a place x, y; Enter"
        )
        self.entry.setAccessibleName("Add an anchor")
        self.entry.returnPressed.connect(lambda: self.typed.emit(self.entry.text()))
        self._buttons = {
            "add": self._button("add", "path-add", "Add what is typed (Enter)"),
            "remove": self._button("remove", "path-remove", "Take the selected anchors away (Delete)"),
            "centres": self._button("centres", "scatter", "Add the centres of the clusters"),
        }
        self._buttons["add"].clicked.connect(lambda: self.typed.emit(self.entry.text()))
        self._buttons["remove"].clicked.connect(self.remove_selected)
        self._buttons["centres"].clicked.connect(self.centres_wanted)
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.entry, 1)
        for button in self._buttons.values():
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        self.show_centres(False)
        style.ThemeWatcher(self, self._draw_icons)
        self._draw_icons()
        self._enable()

    def _button(self, name: str, glyph: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"explorer_anchor_{name}")
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setProperty("glyph", glyph)
        style.set_role(button, "quiet")
        button.setFixedSize(style.CONTROL_HEIGHT - 4, style.CONTROL_HEIGHT - 4)
        return button

    def _draw_icons(self) -> None:
        for button in self._buttons.values():
            button.setIcon(path_glyphs.icon(str(button.property("glyph"))))

    def show_centres(self, shown: bool) -> None:
        """Offer the centres of clusters, or do not."""
        self._buttons["centres"].setVisible(shown)

    def set_anchors(self, anchors: Sequence[Anchor], names: NDArray[Any] | None) -> None:
        """Show anchors; emits nothing."""
        self._anchors = tuple(anchors)
        self.list.clear()
        for k, anchor in enumerate(self._anchors):
            text = f"{anchor.x:.3g}, {anchor.y:.3g}".replace("-", "−")
            if anchor.row is not None:
                text = str(names[anchor.row]) if names is not None else f"particle {anchor.row + 1}"
            item = QListWidgetItem(f"{k + 1}   {text}")
            item.setData(_INDEX, k)
            item.setToolTip(f"{text} at ({anchor.x:.4g}, {anchor.y:.4g})")
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)
            self.list.addItem(item)
        self._enable()

    def remove_selected(self) -> None:
        """Take the selected anchors away."""
        gone = {item.data(_INDEX) for item in self.list.selectedItems()}
        if gone:
            self.changed.emit(tuple(a for k, a in enumerate(self._anchors) if k not in gone))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the selected anchors away with Delete."""
        if (
            watched is self.list
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        ):
            self.remove_selected()
            return True
        return super().eventFilter(watched, event)

    def _on_moved(self) -> None:
        order = [self.list.item(k).data(_INDEX) for k in range(self.list.count())]
        self.changed.emit(tuple(self._anchors[k] for k in order))

    def _enable(self) -> None:
        self._buttons["remove"].setEnabled(bool(self.list.selectedItems()))
