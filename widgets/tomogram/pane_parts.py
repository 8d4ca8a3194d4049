"""The parts of the tomogram view and where they stand."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.explorer.colour_panel import ColourPanel
from widgets.explorer.tool_icons import tool_icon
from widgets.message_bar import MessageBar
from widgets.tomogram.controls import TomogramControls
from widgets.tomogram.neighbour_panel import NeighbourPanel
from widgets.tomogram.room import TomogramRoom

HINT: Final = "Left drag: turn · Shift + drag: move · wheel: zoom · click: select a particle"
_FLAT: Final = "Click: select a particle · lasso and box select what is seen"
_MODES: Final = "Shift adds to the selection, Alt (or Ctrl) takes away, both together keep the overlap."
_TOOLS: Final = (
    ("look", "pan", "Look", "Turn, move and zoom; click a particle to select it."),
    ("rectangle", "rectangle", "Box", f"Draw a box around particles. {_MODES}"),
    ("lasso", "lasso", "Lasso", f"Draw a line around particles. {_MODES}"),
)


class ToolRow(QWidget):
    """Buttons for what the left mouse button does.

    Signals
    -------
    chosen : str
    fitted
        See the whole tomogram.
    """

    chosen = Signal(str)
    fitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_tools")
        self._buttons: list[tuple[QToolButton, str]] = []
        group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.TIGHT, style.TIGHT, style.TIGHT, 0)
        row.setSpacing(style.TIGHT)
        for key, icon, title, tip in _TOOLS:
            button = self._button(f"tomogram_tool_{key}", icon, f"<b>{title}</b><br>{tip}")
            button.setCheckable(True)
            button.setChecked(key == "look")
            button.setAccessibleName(title)
            button.clicked.connect(lambda _on=False, key=key: self.chosen.emit(key))
            group.addButton(button)
            row.addWidget(button)
        row.addStretch(1)
        self.fit = self._button("tomogram_fit", "fit", "See the whole tomogram, straight (0)")
        self.fit.setShortcut("0")
        self.fit.clicked.connect(self.fitted)
        row.addWidget(self.fit)
        style.ThemeWatcher(self, self._draw)
        self._draw()

    def _button(self, name: str, icon: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tip)
        style.set_role(button, "quiet")
        self._buttons.append((button, icon))
        return button

    def _draw(self) -> None:
        for button, icon in self._buttons:
            button.setIcon(tool_icon(icon))


class PaneParts(QWidget):
    """Builds and places the parts; what they do together is decided in `TomogramPane`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_pane")
        self.controls = TomogramControls()
        self.tools = ToolRow()
        self.room = TomogramRoom()
        self.bar = MessageBar()
        self.hover = ElidedLabel(HINT if not self.room.why_not else _FLAT)
        self.hover.setObjectName("tomogram_hover")
        style.set_role(self.hover, "caption")
        self.colours = ColourPanel()
        self.neighbours = NeighbourPanel()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("tomogram_tabs")
        self.tabs.setDocumentMode(True)
        style.set_role(self.tabs, "narrow")
        self.tabs.addTab(_scrolled(self.colours), "Colour")
        self.tabs.addTab(_scrolled(self.neighbours), "Neighbours")
        self.tabs.setMinimumWidth(280)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addWidget(self.tools)
        column.addWidget(self.bar)
        column.addWidget(self.room, 1)
        column.addWidget(self.hover)
        left = _scrolled(self.controls)
        left.setMinimumWidth(250)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("tomogram_splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(style.MEDIUM)
        for part, stretch in ((left, 0), (centre, 1), (self.tabs, 0)):
            self.splitter.addWidget(part)
            self.splitter.setStretchFactor(self.splitter.count() - 1, stretch)
        self.splitter.setSizes([270, 700, 300])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.addWidget(self.splitter)


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what it holds has it
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area
