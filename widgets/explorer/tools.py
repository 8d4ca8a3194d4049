"""The tools of the latent plot: what the left button does, their keys, modifiers, and their buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from widgets import style
from widgets.explorer.tool_icons import tool_icon

if TYPE_CHECKING:
    from widgets.explorer.canvas import LatentCanvas

Mode = Literal["new", "add", "subtract", "intersect"]


class Tool(StrEnum):
    """What the left mouse button does."""

    PICK = "pick"
    DRAW = "draw"
    LINE = "line"
    ANCHORS = "anchors"
    LASSO = "lasso"
    POLYGON = "polygon"
    RECTANGLE = "rectangle"
    PAN = "pan"


@dataclass(frozen=True)
class About:
    """How a tool is called, reached and used."""

    title: str
    key: Qt.Key
    letter: str
    usage: str

    @property
    def tooltip(self) -> str:
        """Rich text for its button."""
        return f"<b>{self.title}</b> ({self.letter})<br>{self.usage}"


_MODES: Final = "Shift adds to the selection, Alt (or Ctrl) takes away, both together keep the overlap."
_HANDLES: Final = "Drag an anchor to move it; Delete or a right click removes it."

ABOUT: Final[dict[Tool, About]] = {
    Tool.PICK: About(
        "Show the map",
        Qt.Key.Key_V,
        "V",
        "Click, or hold and drag, to see the map at that place. Double-click shows all particles.",
    ),
    Tool.DRAW: About(
        "Free-hand trajectory",
        Qt.Key.Key_F,
        "F",
        "Hold the left button and draw. The middle button does this with every tool.",
    ),
    Tool.LINE: About(
        "Straight trajectory",
        Qt.Key.Key_L,
        "L",
        "Drag from start to end. Shift keeps the line level, upright or diagonal.",
    ),
    Tool.ANCHORS: About(
        "Trajectory through anchors", Qt.Key.Key_A, "A", f"Click to add an anchor. {_HANDLES}"
    ),
    Tool.LASSO: About("Lasso selection", Qt.Key.Key_S, "S", f"Draw around particles. {_MODES}"),
    Tool.POLYGON: About(
        "Polygon selection",
        Qt.Key.Key_P,
        "P",
        "Click corners; Enter, a double-click or the first corner closes. Backspace removes the last corner, "
        f"Esc gives up. {_MODES}",
    ),
    Tool.RECTANGLE: About("Rectangle selection", Qt.Key.Key_R, "R", f"Drag across particles. {_MODES}"),
    Tool.PAN: About(
        "Move the view",
        Qt.Key.Key_H,
        "H",
        "Drag. With every tool: the right button or Space moves, the wheel zooms; so do arrow keys, + and −.",
    ),
}

REGION_TOOLS: Final = frozenset({Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE})
#: Tools with which the handles of a path can be taken hold of.
HANDLE_TOOLS: Final = frozenset({Tool.PICK, Tool.ANCHORS})
BY_KEY: Final[dict[int, Tool]] = {about.key.value: tool for tool, about in ABOUT.items()}


def mode_of(modifiers: Qt.KeyboardModifier) -> Mode:
    """Return how a region is to be combined with the selection.

    Ctrl means the same as Alt, with which many window managers move the window.
    """
    adds = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    takes = bool(modifiers & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier))
    if adds and takes:
        return "intersect"
    if adds:
        return "add"
    return "subtract" if takes else "new"


#: Looking, trajectories, selections, moving; some space parts the groups.
_GROUPS: Final = (
    (Tool.PICK,),
    (Tool.DRAW, Tool.LINE, Tool.ANCHORS),
    (Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE),
    (Tool.PAN,),
)
_ICON_PX: Final = 18


class ToolBar(QWidget):
    """A button per tool, and one that shows all particles; always says which tool the plot has."""

    def __init__(
        self, canvas: LatentCanvas, only: Sequence[Tool] = tuple(Tool), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_tool_bar")
        self._canvas = canvas
        self._buttons: dict[Tool, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for tools in _GROUPS:
            offered = [tool for tool in tools if tool in only]
            if offered and layout.count():
                layout.addSpacing(style.MEDIUM)
            for tool in offered:
                layout.addWidget(self._tool_button(tool))
        self.fit_button = self._button("explorer_tool_fit", "<b>Show all particles</b> (0 or Home)")
        self.fit_button.setAccessibleName("Show all particles")
        self.fit_button.clicked.connect(canvas.fit)
        layout.addWidget(self.fit_button)
        layout.addStretch(1)
        canvas.tool_changed.connect(self._follow)
        self._follow(canvas.tool.value)
        style.ThemeWatcher(self, self._restyle)
        self._restyle()

    def button(self, tool: Tool) -> QToolButton:
        """Return the button of a tool."""
        return self._buttons[tool]

    def _tool_button(self, tool: Tool) -> QToolButton:
        about = ABOUT[tool]
        button = self._button(f"explorer_tool_{tool.value}", about.tooltip)
        button.setAccessibleName(about.title)
        button.setCheckable(True)
        button.clicked.connect(lambda: self._choose(tool))
        self._group.addButton(button)
        self._buttons[tool] = button
        return button

    def _button(self, name: str, tooltip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tooltip)
        style.set_role(button, "quiet")
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        # a click leaves the keyboard with the plot, where the tool is used
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _choose(self, tool: Tool) -> None:
        self._canvas.set_tool(tool)
        self._canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self, tool: str) -> None:
        self._buttons[Tool(tool)].setChecked(True)
        self._restyle()

    def _restyle(self) -> None:
        for tool, button in self._buttons.items():
            button.setIcon(tool_icon(tool.value, "accent" if button.isChecked() else "text"))
        self.fit_button.setIcon(tool_icon("fit"))
