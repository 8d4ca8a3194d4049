"""The panes around the form: what they are called, where they stand at first, and how they are remembered."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from app.settings import Settings

#: Rises when panes are added or renamed, so that an older layout is not forced upon them.
LAYOUT_VERSION = 1

_LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


@dataclass(frozen=True)
class PaneInfo:
    """One pane: name, title, side."""

    name: str
    title: str
    area: Qt.DockWidgetArea


PANES = (
    PaneInfo("job_types", "Job types", _LEFT),
    PaneInfo("jobs", "Jobs", _LEFT),
    PaneInfo("gpus", "GPUs", _LEFT),
    PaneInfo("monitor", "Monitor", _RIGHT),
    PaneInfo("logs", "Logs", _BOTTOM),
    PaneInfo("io", "Inputs and outputs", _BOTTOM),
    PaneInfo("note", "Note", _BOTTOM),
)


class Panes:
    """The dock widgets of a window."""

    def __init__(self, window: QMainWindow, contents: dict[str, QWidget]) -> None:
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        window.setDockNestingEnabled(True)
        # The logs go under the form, the lists and the monitor keep the full height.
        window.setCorner(Qt.Corner.BottomLeftCorner, _LEFT)
        window.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)
        for info in PANES:
            dock = QDockWidget(info.title, window)
            dock.setObjectName(f"pane_{info.name}")
            dock.setWidget(contents[info.name])
            self.docks[info.name] = dock
        self._hidden_for_welcome: list[QDockWidget] = []
        self.place()

    def place(self) -> None:
        """Put all panes to their first places and sizes."""
        window = self._window
        for info in PANES:
            dock = self.docks[info.name]
            dock.setFloating(False)
            window.addDockWidget(info.area, dock)
            dock.show()
        docks = self.docks
        window.splitDockWidget(docks["job_types"], docks["jobs"], Qt.Orientation.Vertical)
        window.splitDockWidget(docks["jobs"], docks["gpus"], Qt.Orientation.Vertical)
        window.tabifyDockWidget(docks["logs"], docks["io"])
        window.tabifyDockWidget(docks["io"], docks["note"])
        docks["logs"].raise_()
        left = [docks["job_types"], docks["jobs"], docks["gpus"]]
        window.resizeDocks(left, [120, 430, 90], Qt.Orientation.Vertical)
        width = max(window.width(), 1000)
        window.resizeDocks(
            [docks["jobs"], docks["monitor"]],
            [round(width * 0.19), round(width * 0.34)],
            Qt.Orientation.Horizontal,
        )
        window.resizeDocks(
            [docks["logs"]], [round(max(window.height(), 600) * 0.27)], Qt.Orientation.Vertical
        )

    def reveal(self, name: str) -> QWidget:
        """Bring a pane to the front, also when it was closed, and return what it holds."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        return dock.widget()

    def set_welcome(self, welcome: bool) -> None:
        """Hide the panes while there is no project, and bring back those that were seen before."""
        if welcome and not self._hidden_for_welcome:
            self._hidden_for_welcome = [dock for dock in self.docks.values() if not dock.isHidden()]
            for dock in self._hidden_for_welcome:
                dock.hide()
        elif not welcome and self._hidden_for_welcome:
            seen, self._hidden_for_welcome = self._hidden_for_welcome, []
            for dock in seen:
                dock.show()
            self.docks["logs"].raise_()

    def save(self, settings: Settings) -> None:
        """Put place, size and arrangement into the settings."""
        settings.geometry = bytes(self._window.saveGeometry().data())
        if not self._hidden_for_welcome:
            settings.layout = bytes(self._window.saveState(LAYOUT_VERSION).data())

    def restore(self, settings: Settings) -> bool:
        """Bring back the arrangement of the last time; returns False when there is none that fits."""
        if settings.geometry:
            self._window.restoreGeometry(QByteArray(settings.geometry))
        return bool(settings.layout) and self._window.restoreState(
            QByteArray(settings.layout), LAYOUT_VERSION
        )
