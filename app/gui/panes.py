"""The panes of the window: what they are called, where they stand at first, and how they are remembered."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from app.settings import Settings
from widgets import style

#: Rises when panes are added or renamed, so that an older layout is not forced upon them.
LAYOUT_VERSION = 5

_LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_HORIZONTAL, _VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


@dataclass(frozen=True)
class PaneInfo:
    """One pane: name, title."""

    name: str
    title: str
    margin: int = style.SMALL


PANES = (
    PaneInfo("job_types", "Job types"),
    PaneInfo("jobs", "Jobs"),
    PaneInfo("overview", "Overview", 0),
    PaneInfo("job", "Job", 0),
    PaneInfo("monitor", "Monitor", 0),
    PaneInfo("flowchart", "Flowchart", 0),
    PaneInfo("logs", "Logs"),
    PaneInfo("io", "Inputs and outputs"),
    PaneInfo("note", "Note"),
    PaneInfo("gpus", "Devices", 0),
)

#: Panes which cannot be closed: without them nothing can be done.
_ALWAYS = ("job",)


class Pane(QDockWidget):
    """A dock whose title is not said twice: in a row of tabs, the tab is enough."""

    def __init__(self, title: str, window: QMainWindow) -> None:
        super().__init__(title, window)
        self._no_title = QWidget(self)
        self._no_title.hide()
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._update_title)
        for signal in (self.topLevelChanged, self.dockLocationChanged, self.visibilityChanged):
            signal.connect(lambda *_: self._timer.start())

    def _update_title(self) -> None:
        window = self.parent()
        assert isinstance(window, QMainWindow)
        tabbed = not self.isFloating() and bool(window.tabifiedDockWidgets(self))
        wanted = self._no_title if tabbed else None
        if self.titleBarWidget() is not wanted:
            # None brings back Qt's own
            self.setTitleBarWidget(wanted)  # type: ignore[arg-type]


#: Least width and height of panes: smaller than what they ask for, so that they never lie over each other.
_LEAST_LEFT, _LEAST_ABOVE, _LEAST_BELOW = (220, 60), (540, 230), (400, 110)


def _with_margins(content: QWidget, info: PaneInfo) -> QWidget:
    holder = QWidget()
    margin = info.margin
    left, below = info.name in ("job_types", "jobs"), info.name in ("logs", "io", "note")
    width, height = _LEAST_LEFT if left else _LEAST_BELOW if below else _LEAST_ABOVE
    holder.setMinimumWidth(width)
    if info.name != "job_types":  # which asks for the height of what it offers
        holder.setMinimumHeight(height)
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.addWidget(content)
    return holder


class Panes:
    """The dock widgets of a window; they share all of it, the central one is seen without a project only."""

    def __init__(self, window: QMainWindow, contents: dict[str, QWidget]) -> None:
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for info in PANES:
            dock = Pane(info.title, window)
            dock.setObjectName(f"pane_{info.name}")
            dock.setWidget(_with_margins(contents[info.name], info))
            if info.name in _ALWAYS:
                dock.setFeatures(
                    QDockWidget.DockWidgetFeature.DockWidgetMovable
                    | QDockWidget.DockWidgetFeature.DockWidgetFloatable
                )
            self.docks[info.name] = dock
        self._contents = contents
        self._sized = False
        self._seen: list[QDockWidget] | None = None
        self._before = (0, 0, 0)
        window.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.GroupedDragging
        )
        self.place()

    def place(self) -> None:
        """Put all panes to their first places and sizes."""
        window, docks = self._window, self.docks
        for dock in docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        window.addDockWidget(_LEFT, docks["job_types"])
        window.addDockWidget(_RIGHT, docks["overview"])
        window.splitDockWidget(docks["job_types"], docks["jobs"], _VERTICAL)
        window.splitDockWidget(docks["overview"], docks["logs"], _VERTICAL)
        window.tabifyDockWidget(docks["overview"], docks["job"])
        window.tabifyDockWidget(docks["job"], docks["monitor"])
        window.tabifyDockWidget(docks["monitor"], docks["flowchart"])
        window.tabifyDockWidget(docks["flowchart"], docks["gpus"])
        for first, second in (("logs", "io"), ("io", "note")):
            window.tabifyDockWidget(docks[first], docks[second])
        for dock in docks.values():
            dock.show()
        docks["job"].raise_()
        docks["logs"].raise_()
        self.resize()

    def resize(self) -> None:
        """Give all panes their first sizes, which depend on that of the window."""
        window = self._window
        width, height = max(window.width(), 1000), max(window.height(), 600)
        types = self._contents["job_types"].sizeHint().height() + 2 * style.SMALL + 30
        below = max(round(height * 0.28), 210)
        # a line of the job lists is to be read in full, whatever the size of text
        line = style.text_width(window.font(), "000  DynaMight/job000/  Succeeded") + 92
        left = min(max(round(width * 0.2), 312, line), round(width * 0.28))
        self._share_out(left, types, below)

    def _resize_as_before(self) -> None:
        """Give the panes the sizes they had before the central widget was shown alone."""
        left, types, below = self._before
        if left > 0:
            self._share_out(left, types, below)

    def _share_out(self, left: int, types: int, below: int) -> None:
        """Give the lists a width, the list of types and the logs a height, and the rest to the others."""
        window, docks = self._window, self.docks
        width, height = max(window.width(), 1000), max(window.height(), 600)
        # Qt shares out in proportion to what is asked for: menus and status bar take part of the height
        bars = sum(bar.height() for bar in (window.menuWidget(), window.statusBar()) if bar is not None)
        window.resizeDocks([docks["job_types"], docks["jobs"]], [types, height - bars - types], _VERTICAL)
        window.resizeDocks([docks["job"], docks["logs"]], [height - below, below], _VERTICAL)
        window.resizeDocks([docks["jobs"], docks["job"]], [left, width - left], _HORIZONTAL)

    def reveal(self, name: str) -> QWidget:
        """Bring a pane to the front, also when it was closed, and return what it holds."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        return self._contents[name]

    def set_central(self, alone: bool) -> None:
        """Show the central widget alone, or bring back the panes that were seen before."""
        central = self._window.centralWidget()
        if alone and self._seen is None:
            docks = self.docks
            shown = docks["jobs"].isVisible() and docks["job_types"].isVisible()
            sizes = (docks["jobs"].width(), docks["job_types"].height(), docks["logs"].height())
            self._before = sizes if shown else (0, 0, 0)
            self._seen = [dock for dock in self.docks.values() if not dock.isHidden()]
            for dock in self._seen:
                dock.hide()
        elif not alone and self._seen is not None:
            seen, self._seen = self._seen, None
            for dock in seen:
                dock.show()
            self.docks["job"].raise_()
            self.docks["logs"].raise_()
            # shown again, docks share the room anew
            QTimer.singleShot(0, self._window, self._resize_as_before)
        if central is not None:
            central.setVisible(alone)
        if not alone and not self._sized:
            # sizes given before the window was shown are forgotten by Qt
            self._sized = True
            QTimer.singleShot(0, self._window, self.resize)

    def save(self, settings: Settings) -> None:
        """Put place, size and arrangement into the settings."""
        settings.geometry = bytes(self._window.saveGeometry().data())
        if self._seen is None:
            settings.layout = bytes(self._window.saveState(LAYOUT_VERSION).data())

    def restore(self, settings: Settings) -> bool:
        """Bring back the arrangement of the last time; returns False when there is none that fits."""
        if settings.geometry:
            self._window.restoreGeometry(QByteArray(settings.geometry))
        if not settings.layout:
            return False
        done = self._window.restoreState(QByteArray(settings.layout), LAYOUT_VERSION)
        self._sized = done
        for name in _ALWAYS:
            self.docks[name].show()
        return done
