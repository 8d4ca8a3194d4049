"""A slab with its particles painted without OpenGL: what is seen where three dimensions cannot be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import style
from widgets.explorer.meshing import Mesh
from widgets.tomogram.instances import Solids
from widgets.tomogram.slab import AXES, SlabPicture

_DOT_PX = 4.0


class FlatView(QWidget):
    """Paints a slab and the particles over it.

    Signals
    -------
    turned
        Everything is elsewhere on the screen.
    """

    turned = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_flat")
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._picture: SlabPicture | None = None
        self._image = QImage()
        self._axis = 0
        self._extent = np.ones(3)
        self._places: NDArray[Any] = np.zeros((0, 3))
        self._colours: NDArray[np.float32] = np.zeros((0, 4), np.float32)
        self._size_a, self._opacity = 0.0, 1.0
        self._rings: NDArray[Any] = np.zeros((0, 3))

    def set_extent(self, extent_a: NDArray[np.float64]) -> None:
        """Take the size z, y, x in Å."""
        self._extent = np.maximum(extent_a, 1.0)
        self.update()
        self.turned.emit()

    def set_slab(self, picture: SlabPicture | None, limits: tuple[float, float] | None = None) -> None:
        """Show a slab, or none."""
        self._picture = picture
        if picture is not None:
            low, high = limits or picture.limits
            grey = np.clip((picture.image - low) / max(high - low, 1e-30), 0, 1)
            # y grows upward, as in the other view
            pixels = np.ascontiguousarray((grey * 255).astype(np.uint8)[::-1])
            height, width = pixels.shape
            self._image = QImage(
                pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8
            ).copy()
        self.update()

    def look(self, axis: str) -> None:
        """Look straight at slabs across an axis."""
        self._axis = AXES.index(axis)
        self.update()
        self.turned.emit()

    def set_points(
        self, places: NDArray[Any], colours: NDArray[np.float32], size_a: float, opacity: float
    ) -> None:
        """Show particles."""
        self._places, self._colours = np.asarray(places, float), colours
        self._size_a, self._opacity = size_a, opacity
        self.update()

    def set_rings(self, places: NDArray[Any], size_a: float) -> None:
        """Mark selected particles."""
        self._rings = np.asarray(places, float)
        self.update()

    def set_surface(self, mesh: Mesh | None) -> None:
        """Surfaces need three dimensions."""

    def set_solids(self, solids: Solids | None, colours: NDArray[np.float32], opacity: float = 1.0) -> None:
        """Maps and arrows need three dimensions."""

    def set_theme(self) -> None:
        """Take the colours of the theme."""
        self.update()

    def fit(self) -> None:
        """The whole slab is always seen."""
        self.update()

    def project(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """Return where places (z, y, x) are seen: pixels, and depth with the nearest first."""
        area, scale = self._area()
        v, u = (k for k in range(3) if k != self._axis)
        found = np.zeros((len(places), 3))
        places = np.asarray(places, float).reshape(-1, 3)
        found[:, 0] = area.left() + places[:, u] * scale
        found[:, 1] = area.bottom() - places[:, v] * scale
        found[:, 2] = -places[:, self._axis]
        return found

    def _area(self) -> tuple[QRectF, float]:
        v, u = (k for k in range(3) if k != self._axis)
        pad = float(style.SMALL)
        wide, tall = self.width() - 2 * pad, self.height() - 2 * pad
        scale = max(1e-9, min(wide / self._extent[u], tall / self._extent[v]))
        width, height = self._extent[u] * scale, self._extent[v] * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), scale

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), style.colour("surface"))
        area, scale = self._area()
        if self._picture is not None and AXES.index(self._picture.slab.axis) == self._axis:
            painter.drawImage(area, self._image)
        else:
            painter.setPen(QPen(style.colour("outline")))
            painter.drawRect(area)
        radius = max(_DOT_PX / 2, self._size_a * scale / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        seen = self.project(self._places)
        for k in np.argsort(-seen[:, 2], kind="stable"):
            red, green, blue, alpha = (float(c) for c in self._colours[k])
            painter.setBrush(QColor.fromRgbF(red, green, blue, alpha * self._opacity))
            painter.drawEllipse(QPointF(seen[k, 0], seen[k, 1]), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(style.colour("accent"), 2.0))
        for x, y, _ in self.project(self._rings):
            painter.drawEllipse(QPointF(x, y), radius + 2, radius + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Everything moves."""
        super().resizeEvent(event)
        self.turned.emit()
