"""A second view of the same particles, laid out in another way and linked to the first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from jobs.core.exploring import Cancelled, Embedding, EmbeddingRequest, Progress
from jobs.core.latent import FEATURES
from widgets import style
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.colouring import Colouring
from widgets.explorer.embedding_bar import EmbeddingBar
from widgets.explorer.loading import Opened
from widgets.explorer.plane import Plane
from widgets.explorer.polygon import inside
from widgets.explorer.services import Services
from widgets.explorer.tools import Tool, ToolBar
from widgets.explorer.work import Work

Mask = NDArray[np.bool_]


class SecondPlot(QWidget):
    """Shows the particles of the first plot in another layout; clicks and regions count in both.

    Signals
    -------
    picked : int
        A particle was clicked.
    hovered : int
        The particle under the mouse, -1 for none.
    region : object, str
        Particles ``(P,)`` in a region that was drawn, and how they are to be combined.
    progressed, finished
        Of the layout being computed.
    failed : object
        An exception.
    """

    picked = Signal(int)
    hovered = Signal(int)
    region = Signal(object, str)
    progressed = Signal(int, int, str)
    finished = Signal()
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_second_plot")
        self.bar = EmbeddingBar()
        self.canvas = LatentCanvas()
        self.tools = ToolBar(self.canvas, (Tool.PICK, Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE, Tool.PAN))
        self.plane: Plane | None = None
        self._opened: Opened | None = None
        self._services: Services | None = None
        self._row: int | None = None
        self._made: Colouring | None = None
        self._shown: Mask | None = None
        self._selected: Mask | None = None
        self._request = EmbeddingRequest("umap")
        self.work = Work(self)
        self.work.progressed.connect(self.progressed)
        self.work.finished.connect(self.finished)
        self.bar.requested.connect(self.lay_out)
        self.bar.axes_chosen.connect(self._on_axes)
        for signal in (self.canvas.picked, self.canvas.dragged):
            signal.connect(self._pick)
        self.canvas.hovered.connect(self.hovered)
        self.canvas.region_drawn.connect(self._take_region)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.TIGHT)
        layout.addWidget(self.bar)
        layout.addWidget(self.tools)
        layout.addWidget(self.canvas, 1)
        self.hide()

    # -- what is shown -------------------------------------------------------------------------------------

    def show_model(self, services: Services, opened: Opened) -> None:
        """Show another model; its layout is computed once the plot is seen."""
        self._services, self._opened = services, opened
        self.plane, self._row = None, None
        if self.isVisible():
            self.lay_out(self._request)

    def turn_on(self, on: bool) -> None:
        """Show or hide the plot."""
        self.setVisible(on)
        if on and self.plane is None:
            self.lay_out(self._request)

    def lay_out(self, request: EmbeddingRequest) -> None:
        """Lay the particles out, in the background."""
        services, opened = self._services, self._opened
        if services is None or opened is None:
            return
        self._request = request
        self.bar.show_request(request, deforms=FEATURES in opened.model.abilities)

        def work(progress: Progress, cancelled: Cancelled) -> Embedding:
            return services.embed(opened.model, request, progress, cancelled)

        def done(embedding: Embedding) -> None:
            self._show(Plane(embedding, opened.latent, (0, 1)))

        self.work.start(work, done, self.failed.emit, "Laying out the second plot")

    def _show(self, plane: Plane) -> None:
        self.plane = plane
        self.bar.set_axes(plane.embedding.names, plane.axes)
        self.canvas.set_coordinates(plane.xy, plane.names)
        self._decorate()
        self.set_row(self._row)

    def _on_axes(self, across: int, up: int) -> None:
        if self.plane is not None and self._opened is not None:
            self._show(Plane(self.plane.embedding, self._opened.latent, (across, up)))

    # -- linked with the first plot ------------------------------------------------------------------------

    def set_row(self, row: int | None) -> None:
        """Mark the particle whose state is shown."""
        self._row = row
        if self.plane is not None:
            place: Any = None if row is None else self.plane.xy[row]
            self.canvas.set_mark(None if place is None else (float(place[0]), float(place[1])))

    def set_colouring(self, made: Colouring) -> None:
        """Take the colours of the first plot."""
        self._made = made
        self._decorate()

    def set_shown(self, mask: Mask | None) -> None:
        """Show only some particles."""
        self._shown = mask
        self._decorate()

    def set_selection(self, mask: Mask | None) -> None:
        """Show the selection."""
        self._selected = mask
        self._decorate()

    def _decorate(self) -> None:
        """Draw colours, filter and selection, once there are particles to which they belong."""
        if self.plane is None:
            return
        count = len(self.plane.xy)
        made = self._made
        values = None if made is None else made.rgb if made.rgb is not None else made.index
        if made is not None and (values is None or len(values) == count):
            paint(self.canvas, made)
        for mask, show in ((self._shown, self.canvas.set_shown), (self._selected, self.canvas.set_selection)):
            show(mask if mask is not None and len(mask) == count else None)

    def _pick(self, x: float, y: float) -> None:
        if self.plane is not None:
            self.picked.emit(self.plane.nearest(x, y))

    def _take_region(self, polygon: NDArray[np.floating], mode: str) -> None:
        if self.plane is not None:
            mask = inside(self.plane.xy, np.asarray(polygon, np.float32))
            self.region.emit(mask if self._shown is None else mask & self._shown, mode)


def paint(canvas: LatentCanvas, made: Colouring) -> None:
    """Give a plot its colours."""
    if made.kind in ("density", "log-density"):
        canvas.show_density(made.kind == "log-density")
    elif made.rgb is not None:
        canvas.set_rgb(made.rgb)
    else:
        canvas.set_colours(made.index, made.table, categorical=made.kind == "categorical")
