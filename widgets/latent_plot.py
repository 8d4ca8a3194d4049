"""The latent space as a picture: discs for some thousand particles, density for a million."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from widgets import latent_raster, plotting, style
from widgets.empty_state import EmptyState, WithEmptyState
from widgets.latent_choice import LatentChoice

_MOST_CATEGORIES: Final = 8
_CLICK_REACH_PX: Final = 12


class ColourKey(QWidget):
    """Says which colour means what: a scale with its ends, or a list of categories."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("colour_key")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(26)
        self.texts: list[str] = []
        self._table: NDArray[np.uint8] = np.zeros((2, 3), np.uint8)
        self._categories = False

    def set_scale(self, label: str, low: float, high: float, table: NDArray[np.uint8]) -> None:
        """Show a continuous scale."""
        self.texts = [label, f"{low:.3g}", f"{high:.3g}"]
        self._table, self._categories = table, False
        self.update()

    def set_categories(self, names: list[str], table: NDArray[np.uint8]) -> None:
        """Show one spot per category."""
        self.texts = names
        self._table, self._categories = table, True
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.texts = []
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the key."""
        if not self.texts:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        metrics = painter.fontMetrics()
        x = 2.0
        if self._categories:
            for name, rgb in zip(self.texts, self._table, strict=False):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(*(int(v) for v in rgb)))
                painter.drawEllipse(QRectF(x, self.height() / 2 - 5, 10, 10))
                painter.setPen(style.colour("text"))
                width = metrics.horizontalAdvance(name)
                painter.drawText(
                    QRectF(x + 15, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, name
                )
                x += width + 31
            return
        label, low, high = self.texts
        for text, role in ((label, "muted"), (low, "text")):
            painter.setPen(style.colour(role))
            width = metrics.horizontalAdvance(text)
            painter.drawText(QRectF(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            x += width + 10
        length = min(120.0, self.width() - x - 14 - metrics.horizontalAdvance(high))
        bar = QRectF(x, self.height() / 2 - 5, max(24.0, length), 10)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for k in range(0, 256, 15):
            gradient.setColorAt(k / 255, QColor(*(int(v) for v in self._table[k])))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)
        painter.setPen(style.colour("text"))
        painter.drawText(QRectF(bar.right() + 10, 0, 200, self.height()), Qt.AlignmentFlag.AlignVCenter, high)


class LatentPlot(QWidget):
    """Scatter plot of particles in latent space, for one to some millions of points.

    The picture is made for exactly the pixels on the screen: up to 50,000 points in view are drawn as discs,
    more as their density (coloured with the mean of their values). Zooming in turns the one into the other.
    While the view moves the last picture moves along; a new one follows when the hand rests.
    """

    point_clicked = Signal(int)
    rendered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latent_plot")
        self._points: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._xy: NDArray[np.float32] = self._points
        self._values: dict[str, NDArray[Any]] = {}
        self._indices: NDArray[np.uint8] | None = None
        self._table: NDArray[np.uint8] = plotting.colour_table("density")
        self._fitted = True
        self._build()
        self._timer = QTimer(self, singleShot=True, interval=15)
        self._timer.timeout.connect(self.render_now)
        style.ThemeWatcher(self, self._restyle)
        self._restyle()

    def _build(self) -> None:
        self.graphics = plotting.graphics("latent_graphics")
        self.graphics.setMinimumSize(160, 140)
        self.plot: pg.PlotItem = self.graphics.addPlot()
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image, ignoreBounds=True)
        self.plot.setAspectLocked(False)
        self.plot.vb.sigRangeChangedManually.connect(self._on_moved)
        self.plot.vb.sigRangeChanged.connect(lambda *_: self._timer.start())
        self.plot.vb.sigResized.connect(lambda *_: self._timer.start())
        self.graphics.scene().sigMouseClicked.connect(self._on_clicked)
        self.choice = LatentChoice(self)
        self.choice.colour_changed.connect(self._prepare)
        self.choice.axes_changed.connect(self._on_axes)
        self.fit_button = QPushButton("Show all", self)
        self.fit_button.setObjectName("latent_fit")
        self.fit_button.setToolTip("Show all particles (double-click does the same)")
        self.fit_button.clicked.connect(self.fit)
        self.count = QLabel(self)
        self.count.setObjectName("latent_count")
        style.set_role(self.count, "caption")
        self.key = ColourKey(self)
        self._show_fit()
        top = QHBoxLayout()
        top.setSpacing(style.SMALL)
        top.addWidget(self.choice)
        top.addWidget(self.fit_button)
        top.addStretch(1)
        top.addWidget(self.count)
        view = QWidget(self)
        column = QVBoxLayout(view)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.TIGHT)
        column.addLayout(top)
        column.addWidget(self.graphics, 1)
        column.addWidget(self.key)
        empty = EmptyState(
            "scatter",
            "No latent space yet",
            "It appears after the first round over the particles.",
            parent=self,
        )
        self._body = WithEmptyState(view, empty, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._body)

    # -- data ----------------------------------------------------------------------------------------------

    def set_points(
        self, xy: NDArray[Any], colour: NDArray[Any] | None = None, *, colour_label: str = "value"
    ) -> None:
        """Show points.

        Parameters
        ----------
        xy : (P, L) array
            Latent coordinates, L of two or more; with more than two, axes can be chosen.
        colour : (P,) array, optional
            Value per particle. Whole numbers with at most eight different values are shown as categories.
        colour_label : str
            What the value is.
        """
        self.set_latent(xy, {colour_label: colour} if colour is not None else {})

    def set_latent(self, points: NDArray[Any], values: Mapping[str, NDArray[Any]]) -> None:
        """Show points with several values to choose the colour from; the choices made are kept.

        Raises
        ------
        ValueError
            When the shapes do not fit.
        """
        points = np.asarray(points)
        if points.ndim != 2 or points.shape[1] < 1:
            raise ValueError(f"points have shape {points.shape}, expected (particles, dimensions)")
        for label, value in values.items():
            if np.shape(value) != (len(points),):
                raise ValueError(f"'{label}' has shape {np.shape(value)}, expected ({len(points)},)")
        if points.shape[1] == 1:
            points = np.concatenate([points, np.zeros_like(points)], axis=1)
        self._points = points.astype(np.float32, copy=False)
        self._values = {label: np.asarray(value) for label, value in values.items()}
        self.choice.offer(points.shape[1], list(self._values))
        self._body.show_empty(not len(points))
        self._prepare()
        if self._fitted:
            self.fit()

    def _on_axes(self) -> None:
        self._prepare()
        self.fit()

    def _prepare(self) -> None:
        if not len(self._points):
            return
        across, up = self.choice.axes
        self._xy = np.ascontiguousarray(self._points[:, [across, up]])
        self.plot.setLabels(bottom=f"z{across + 1}", left=f"z{up + 1}")
        label = self.choice.colour
        values = self._values.get(label)
        if values is None:
            self._indices, self._table = None, plotting.colour_table("density")
            self.key.clear()
        elif (categories := _categories(values)) is not None:
            self._table = plotting.category_table(len(categories))
            self._indices = np.searchsorted(categories, values).astype(np.uint8)
            self.key.set_categories([f"{label} {c}" for c in categories], self._table)
        else:
            limits = latent_raster.colour_limits(values)
            self._table = plotting.colour_table("viridis")
            self._indices = latent_raster.colour_indices(values, limits, len(self._table))
            self.key.set_scale(label, *limits, self._table)
        self._timer.start()

    # -- view ----------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all points, outliers beyond one in a thousand left aside."""
        self._fitted = True
        self._show_fit()
        finite = self._xy[np.isfinite(self._xy).all(axis=1)]
        if not len(finite):
            return
        sample = finite[:: max(1, len(finite) // 100_000)]
        low, high = np.percentile(sample, (0.05, 99.95), axis=0)
        margin = np.maximum(0.06 * (high - low), 1e-6)
        self.plot.vb.setRange(
            xRange=(float(low[0] - margin[0]), float(high[0] + margin[0])),
            yRange=(float(low[1] - margin[1]), float(high[1] + margin[1])),
            padding=0,
        )
        self._timer.start()

    def _on_moved(self, *_: object) -> None:
        self._fitted = False
        self._show_fit()

    def _show_fit(self) -> None:
        """Offer to show all points to one who sees a part of them."""
        self.fit_button.setVisible(not self._fitted)

    def render_now(self) -> None:
        """Make the picture for the present view at once."""
        self._timer.stop()
        if not len(self._xy) or self._body.is_empty:
            return
        (x_low, x_high), (y_low, y_high) = self.plot.vb.viewRange()
        ratio = self.devicePixelRatioF()
        size = self.plot.vb.size()
        width, height = max(8, round(size.width() * ratio)), max(8, round(size.height() * ratio))
        view = latent_raster.View(x_low, x_high, y_low, y_high, width, height)
        radius = (2.6 if len(self._xy) < 5_000 else 1.4) * ratio
        picture = latent_raster.draw_points(self._xy, self._indices, self._table, view, radius_px=radius)
        self.image.setImage(picture, autoLevels=False, levels=None)
        self.image.setRect(QRectF(x_low, y_low, x_high - x_low, y_high - y_low))
        self.count.setText(f"{len(self._xy):,} particles")
        self.rendered.emit()

    def _on_clicked(self, event: Any) -> None:
        if event.double():
            self.fit()
            return
        if event.button() != Qt.MouseButton.LeftButton or not len(self._xy):
            return
        place = self.plot.vb.mapSceneToView(event.scenePos())
        index = self.nearest(place.x(), place.y())
        if index is not None:
            self.point_clicked.emit(index)

    def nearest(self, x: float, y: float) -> int | None:
        """Return the point nearest to a place, None when none is within a finger's breadth."""
        per_pixel = self.plot.vb.viewPixelSize()
        distance = np.hypot((self._xy[:, 0] - x) / per_pixel[0], (self._xy[:, 1] - y) / per_pixel[1])
        if not np.isfinite(distance).any():
            return None
        index = int(np.nanargmin(distance))
        return index if distance[index] <= _CLICK_REACH_PX else None

    def _restyle(self) -> None:
        self.graphics.setBackground(style.colour("surface"))
        plotting.themed_plot(self.plot)
        self._prepare()


def _categories(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return the sorted different values when they are few whole numbers, else None."""
    if not (np.issubdtype(values.dtype, np.integer) or values.dtype == np.bool_):
        return None
    found = np.unique(values)
    return found if len(found) <= _MOST_CATEGORIES else None
