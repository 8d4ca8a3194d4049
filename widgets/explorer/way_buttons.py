"""The ways to make a path, as a row of buttons."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from widgets import style
from widgets.explorer import path_glyphs

Way = Literal["draw", "line", "axis", "anchors", "auto"]

#: Tool of the plot that belongs to each.
TOOLS: Final[dict[Way, str]] = {
    "draw": "draw",
    "line": "line",
    "axis": "pick",
    "anchors": "anchors",
    "auto": "anchors",
}
#: Way, its short name, what it is, and what to do.
WAYS: Final[tuple[tuple[Way, str, str, str], ...]] = (
    ("draw", "Draw", "Free hand", "Draw a path in the plot; the middle button draws with every tool."),
    ("line", "Line", "Straight line", "Drag from the start to the end in the plot."),
    (
        "axis",
        "Axis",
        "Along a component",
        "Along one component: through the particles (Nearest), or straight (Exact).",
    ),
    ("anchors", "Anchors", "Through anchors", "Click in the plot, or type particles, to add anchors."),
    (
        "auto",
        "Auto",
        "Through crowded regions",
        "Finds a way where many particles are, from end to end or through anchors.",
    ),
)


def quiet_button(name: str, tip: str, parent: QWidget) -> QToolButton:
    """Return a flat button."""
    button = QToolButton(parent)
    button.setObjectName(f"explorer_path_{name}")
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    style.set_role(button, "quiet")
    return button


class WayButtons(QWidget):
    """One of five ways to make a path."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[Way, QToolButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for number, (way, short, title, hint) in enumerate(WAYS, start=1):
            button = quiet_button(way, f"<b>{title}</b> (Alt+{number})<br>{hint}", self)
            button.setAccessibleName(title)
            button.setText(short)
            button.setFont(style.small_font(self))
            button.setIconSize(QSize(18, 18))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setCheckable(True)
            # the words are never cut off, however little room there is
            button.setMinimumHeight(18 + button.fontMetrics().height() + 10)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _checked=False, way=way: self.chosen.emit(way))
            shortcut = QShortcut(QKeySequence(f"Alt+{number}"), self, button.click)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            self._group.addButton(button)
            self.buttons[way] = button
            row.addWidget(button, 1)
        self.buttons["draw"].setChecked(True)
        style.ThemeWatcher(self, self._draw_icons)
        self._draw_icons()

    @property
    def way(self) -> Way:
        """The way that is chosen."""
        return next(way for way, button in self.buttons.items() if button.isChecked())

    def choose(self, way: Way) -> None:
        """Show another way as chosen; emits nothing."""
        self.buttons[way].setChecked(True)

    def _draw_icons(self) -> None:
        for way, button in self.buttons.items():
            button.setIcon(path_glyphs.icon(f"path-{way}"))
