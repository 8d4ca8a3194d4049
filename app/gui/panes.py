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

#: Panes about a job there is already: they have nothing to say of a new one.
_BELOW = ("logs", "io", "note")

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
    if info.name == "job_types":
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinAndMaxSize)
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
        self._away: list[QDockWidget] = []
        self._below = 0
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
        self._away = []
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
        self._below = below
        if docks["logs"] not in self._away:
            window.resizeDocks([docks["job"], docks["logs"]], [height - below, below], _VERTICAL)
        window.resizeDocks([docks["jobs"], docks["job"]], [left, width - left], _HORIZONTAL)

    def reveal(self, name: str) -> QWidget:
        """Bring a pane to the front, also when it was closed, and return what it holds."""
        dock = self.docks[name]
        self._away = [other for other in self._away if other is not dock]
        dock.show()
        dock.raise_()
        return self._contents[name]

    def set_below(self, shown: bool) -> None:
        """Give the room of logs, files and note to the form as long as there are none, and take it back.

        Only what stands below the form goes away, and only that comes back: a pane that somebody put
        elsewhere, or closed, is left alone.
        """
        docks = self.docks
        if shown and self._away and self._seen is not None:
            self._seen, self._away = [*self._seen, *self._away], []
        elif shown and self._away:
            self._bring_below()
            QTimer.singleShot(0, self._window, self._resize_below)
        elif not shown and not self._away and self._seen is None:
            self._away = [docks[name] for name in _BELOW if self._is_below(docks[name])]
            heights = [dock.height() for dock in self._away if not dock.visibleRegion().isEmpty()]
            self._below = heights[0] if heights else self._below
            for dock in self._away:
                dock.hide()

    def _bring_below(self) -> None:
        for dock in self._away:
            dock.show()
        self._away = []
        self.docks["logs"].raise_()

    def _is_below(self, dock: QDockWidget) -> bool:
        """Return whether a pane is docked below the form, in the front or behind its neighbours."""
        if dock.isHidden() or dock.isFloating():
            return False
        group = [dock, *self._window.tabifiedDockWidgets(dock)]
        return self.docks["job"] not in group and self._window.dockWidgetArea(dock) == _RIGHT

    def _resize_below(self) -> None:
        height = self._window.height()
        if self._below > 0:
            self._window.resizeDocks(
                [self.docks["job"], self.docks["logs"]], [height - self._below, self._below], _VERTICAL
            )

    def set_central(self, alone: bool) -> None:
        """Show the central widget alone, or bring back the panes that were seen before."""
        central = self._window.centralWidget()
        if alone and self._seen is None:
            docks = self.docks
            shown = docks["jobs"].isVisible() and docks["job_types"].isVisible()
            below = self._below if docks["logs"].isHidden() else docks["logs"].height()
            sizes = (docks["jobs"].width(), docks["job_types"].height(), below)
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
            if self._away:
                self._bring_below()
                self._resize_below()
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
