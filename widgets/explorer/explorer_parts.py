"""The parts of the explorer and where they stand: map, plots, and what can be done with them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from widgets import style
from widgets.elided_label import ElidedLabel
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.colour_panel import ColourPanel
from widgets.explorer.embedding_bar import EmbeddingBar
from widgets.explorer.map_pane import MapPane
from widgets.explorer.montage import Montage
from widgets.explorer.pair_pane import PairPane
from widgets.explorer.particle_pane import ParticlePane
from widgets.explorer.player import Player
from widgets.explorer.point_look import PointLook
from widgets.explorer.second_plot import SecondPlot
from widgets.explorer.selection_panel import SelectionPanel
from widgets.explorer.tools import ToolBar
from widgets.explorer.top_bar import TopBar
from widgets.explorer.trajectory_panel import TrajectoryPanel
from widgets.message_bar import MessageBar

HINT: Final = "Click: map of that state · middle button: draw a trajectory · wheel: zoom · right button: move"


class ExplorerParts(QWidget):
    """Builds and places the parts; what they do together is decided in `Explorer`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer")
        self._make_parts()
        self._lay_out()

    def _make_parts(self) -> None:
        self.top = TopBar()
        self.message = MessageBar()
        self.map = MapPane()
        self.player = Player()
        self.embedding_bar = EmbeddingBar()
        self.canvas = LatentCanvas()
        self.tools = ToolBar(self.canvas)
        self.second = SecondPlot()
        self.hover_label = ElidedLabel(HINT)
        self.hover_label.setObjectName("explorer_hover")
        style.set_role(self.hover_label, "caption")
        self.colours = ColourPanel()
        self.look = PointLook(self.colours)
        below = self.colours.layout()
        assert below is not None
        below.addWidget(self.look)
        self.look.changed.connect(self.canvas.set_look)
        self.look.changed.connect(self.second.canvas.set_look)
        self.selecting = SelectionPanel()
        self.paths = TrajectoryPanel()
        self.particle = ParticlePane()
        self.montage = Montage()
        self.pairs = PairPane()

    def _lay_out(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setObjectName("explorer_tabs")
        self.tabs.setDocumentMode(True)
        style.set_role(self.tabs, "narrow")
        pages: tuple[tuple[QWidget, str, str], ...] = (
            (self.colours, "Colour", "Colours and filters"),
            (self.selecting, "Select", "The selection, and what to do with it"),
            (self.paths, "Path", "Trajectories"),
            (self._make_images(), "Images", "Image and projection of the particle; images of the selection"),
            (self.pairs, "Pairs", "All pairs of axes"),
        )
        for widget, title, tip in pages:
            holder = QScrollArea()
            holder.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what it holds has it
            holder.setWidgetResizable(True)
            holder.setFrameShape(QScrollArea.Shape.NoFrame)
            # the path's controls stand at the top; everything else uses the height there is
            holder.setWidget(_column(widget, None) if widget is self.paths else widget)
            if widget in (self.paths, self.images):  # the others have margins of their own
                holder.setViewportMargins(style.SMALL, style.SMALL, style.SMALL, 0)
            self.tabs.setTabToolTip(self.tabs.addTab(holder, title), tip)
        self.tabs.setMinimumWidth(300)
        left = _column(self.map, self.player)
        self.plots = QSplitter(Qt.Orientation.Vertical)
        self.plots.setObjectName("explorer_plots")
        self.plots.setChildrenCollapsible(False)
        self.plots.setHandleWidth(style.MEDIUM)
        self.plots.addWidget(_column(self.embedding_bar, self.tools, self.canvas))
        self.plots.addWidget(self.second)
        centre = _column(self.plots, self.hover_label)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("explorer_splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(style.MEDIUM)
        for widget, share in ((left, 5), (centre, 5), (self.tabs, 0)):
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(self.splitter.count() - 1, share)
        self.splitter.setSizes([500, 470, 310])
        self._empty = EmptyState("scatter", "Opening…", "The model is being read.")
        self._body = WithEmptyState(self.splitter, self._empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, style.SMALL)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.top)
        layout.addWidget(_inset(self.message))
        layout.addWidget(_inset(self._body), 1)

    def _make_images(self) -> QWidget:
        """The particle that is pointed at above a sample of those that are selected."""
        self.images = QSplitter(Qt.Orientation.Vertical)
        self.images.setObjectName("explorer_images")
        self.images.setChildrenCollapsible(False)
        self.images.setHandleWidth(style.MEDIUM)
        self.images.addWidget(self.particle)
        self.images.addWidget(self.montage)
        self.images.setSizes([300, 400])
        return self.images

    def empty_text(self) -> str:
        """What is said in place of everything while nothing can be shown; empty otherwise."""
        return self._empty.message() if self._body.is_empty else ""

    def show_tab(self, widget: QWidget) -> None:
        """Bring one of the panels to the front."""
        for index in range(self.tabs.count()):
            page = self.tabs.widget(index)
            if isinstance(page, QScrollArea) and page.isAncestorOf(widget):
                self.tabs.setCurrentIndex(index)


def _column(*widgets: QWidget | None) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(style.TIGHT)
    for widget in widgets:
        if widget is None:
            layout.addStretch(1)
            continue
        layout.addWidget(widget, 1 if isinstance(widget, MapPane | LatentCanvas | QSplitter) else 0)
    return holder


def _inset(widget: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(style.SMALL, 0, style.SMALL, 0)
    layout.addWidget(widget)
    return holder
