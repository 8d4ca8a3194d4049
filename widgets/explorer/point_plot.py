"""Particles drawn in a plane, with axes: the part of the latent plot that shows."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import plotting, style
from widgets.explorer import axes, cloud, compiled, overlay, raster, view
from widgets.explorer.view import Frame, View

REACH_PX: Final = 12.0
_SORTED_FROM: Final = 20_000


class PointPlot(QWidget):
    """Shows a cloud of points; every picture is made anew for exactly what is in view.

    See :mod:`widgets.explorer.raster` for how. All places are in data coordinates.

    Signals
    -------
    rendered
        A new picture of the points is on the screen.
    """

    rendered = Signal()
    _loaded = Signal()
    _sorted = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(200, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._cloud = cloud.Cloud()
        self._names = ("", "")
        self._view = self._home = view.EVERYTHING
        self._display: raster.Display = "points"
        self._own_colours = True
        self._bare = False
        self._raster = raster.Raster()
        self._picture: raster.Picture | None = None
        self._n_selected: int | None = None
        self._image = QImage()
        self._drawn: object = None
        self._version = 0
        self._loaded.connect(self._on_loaded)
        self._sorted.connect(self._take_order)
        style.ThemeWatcher(self, self.restyle)
        self.restyle()
        compiled.LOADER.start(self._announce_loaded)

    # -- data ----------------------------------------------------------------------------------------------

    def set_coordinates(self, xy: NDArray[Any], names: tuple[str, str], *, keep_view: bool = False) -> None:
        """Show particles at other places; as many as before keep their colours, filter and selection.

        Parameters
        ----------
        xy : (P, 2) array
            Places; particles with NaN or infinity are not shown.
        names : (str, str)
            Of the axes.
        keep_view : bool
            Whether to look at the same part of the plane as before, where that was not all of it.
        """
        self._cloud = self._cloud.moved(xy)
        self._names = (str(names[0]), str(names[1]))
        everything_shown = self._view == self._home
        self._home = view.fitting(self._cloud.xy)
        if self._own_colours:
            self._colour_plainly()
        if len(self._cloud) >= _SORTED_FROM:
            work = threading.Thread(target=self._sort, args=(self._cloud,), name="plot-order", daemon=True)
            work.start()
        if everything_shown or not keep_view:
            # who looks at all particles goes on to do so when they spread, as while a training runs
            self.fit()
        self._changed()

    def set_colours(self, index: NDArray[Any] | None, table: NDArray[Any], *, categorical: bool) -> None:
        """Colour by rows of a table ``(C, 3)``; its last row is for particles without a value.

        Continuous values that share a pixel show their mean, categories their majority. Without an index all
        particles take the first row.
        """
        self._cloud.set_colours(index, table, categorical=categorical)
        self._display, self._own_colours = "points", False
        self._changed()

    def set_rgb(self, rgb: NDArray[Any]) -> None:
        """Give each particle its own colour, ``(P, 3)`` uint8."""
        self._cloud.set_rgb(rgb)
        self._display, self._own_colours = "points", False
        self._changed()

    def show_density(self, log: bool) -> None:
        """Show how densely particles lie, or the logarithm of that, until other colours are set."""
        self._display = "log-density" if log else "density"
        self._changed()

    def set_look(self, size: float, opacity: float) -> None:
        """Draw points larger or smaller by a factor, and let them shine through (0 to 1)."""
        self._raster.size, self._raster.opacity = size, opacity
        self._changed()

    def set_shown(self, mask: NDArray[Any] | None) -> None:
        """Draw particles outside of a mask ``(P,)`` as faint shadows below the others; None shows all."""
        self._cloud.set_shown(mask)
        self._changed()

    def set_selection(self, mask: NDArray[Any] | None) -> None:
        """Keep the colours of the particles in a mask ``(P,)`` and dim all others; None dims none."""
        self._cloud.set_selection(mask)
        self._n_selected = None if mask is None else int(np.count_nonzero(mask))
        self._changed()

    def _changed(self) -> None:
        self._version += 1
        self.update()

    def _colour_plainly(self) -> None:
        self._cloud.set_colours(None, _rgb(style.colour("accent"))[None], categorical=False)

    def _announce_loaded(self) -> None:
        try:
            self._loaded.emit()
        except RuntimeError:
            return  # the window was closed meanwhile

    def _sort(self, points: cloud.Cloud) -> None:
        compiled.LOADER.wait()
        kernels = compiled.kernels()
        if kernels is None:
            return
        order = cloud.sort(points.xy, view.fitting(points.xy).box(), kernels.points)
        try:
            self._sorted.emit(points, order)
        except RuntimeError:
            return  # the window was closed meanwhile

    def _take_order(self, points: cloud.Cloud, order: cloud.Order) -> None:
        if points is self._cloud:
            points.set_order(order)
            if self._picture is not None and self._picture.thinned < 1:
                self._changed()

    def _on_loaded(self) -> None:
        # points that are being sorted are drawn when that is done: it takes half the time then
        if len(self._cloud) < _SORTED_FROM or compiled.kernels() is None:
            self._changed()

    # -- view ----------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The part of the plane that is looked at."""
        return self._view

    @property
    def frame(self) -> Frame:
        """The view and the rectangle in which it is shown."""
        return Frame(self._view, axes.plot_rect(self, self._view))

    @property
    def count_in_view(self) -> int:
        """Particles in the last picture."""
        return self._picture.count if self._picture is not None else 0

    def fit(self) -> None:
        """Show all particles."""
        self._view = self._home
        self.update()

    def show_view(self, wanted: View) -> None:
        """Look at a part of the plane, unless it is unreasonably small or far away."""
        if wanted.sensible(self._home):
            self._view = wanted
            self.update()

    def nearest(self, x: float, y: float) -> int | None:
        """Return the shown particle nearest to a place, None when none is within a finger's breadth."""
        per_pixel = self.frame.per_pixel
        kernels = compiled.kernels()
        if kernels is None:
            return self._nearest_plain(x, y, per_pixel)
        order = self._cloud.order
        place, scale = np.array([x, y], np.float64), np.array(per_pixel, np.float64)
        found = kernels.points.nearest(*order.arguments, place, scale, REACH_PX, self._cloud.sorted_layer)
        return order.row(found) if found >= 0 else None

    def _nearest_plain(self, x: float, y: float, per_pixel: tuple[float, float]) -> int | None:
        xy = self._cloud.xy
        with np.errstate(over="ignore"):
            distance = np.hypot((xy[:, 0] - x) / per_pixel[0], (xy[:, 1] - y) / per_pixel[1])
        distance[~(distance <= REACH_PX) | (self._cloud.layer == cloud.HIDDEN)] = np.inf
        row = int(np.argmin(distance)) if len(distance) else -1
        return row if row >= 0 and np.isfinite(distance[row]) else None

    def picture(self) -> QImage:
        """Return what the plot shows, with axes, path and mark but without the mouse's traces."""
        ratio = self.devicePixelRatioF()
        image = QImage((QSize(self.size()) * ratio), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        self._bare = True
        self.render(image)
        self._bare = False
        return image

    # -- painting ------------------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take the colours of the theme."""
        self._ground = raster.Ground(
            _rgb(style.colour("surface")), _rgb(style.colour("disabled")), plotting.colour_table("density")
        )
        if self._own_colours:
            self._colour_plainly()
        self._changed()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw everything; points only when something about them changed."""
        frame = self.frame
        painter = QPainter(self)
        painter.fillRect(self.rect(), style.colour("surface"))
        axes.paint_grid(painter, frame)
        self._draw_points(frame)
        if self._picture is not None:
            smooth = QPainter.RenderHint.SmoothPixmapTransform
            painter.setRenderHint(smooth, self._picture.smooth)
            painter.drawImage(frame.rect, self._image, self._image.rect().toRectF())
            painter.setRenderHint(smooth, False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(frame.rect)
        self.paint_over(painter, frame)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        axes.paint_axes(painter, frame, self._names, self)
        if self.hasFocus() and not self._bare:
            axes.paint_focus(painter, self)
        painter.end()

    def paint_over(self, painter: QPainter, frame: Frame) -> None:
        """Draw what lies over the points."""
        if not len(self._cloud):
            painter.setPen(style.colour("muted"))
            painter.drawText(frame.rect, Qt.AlignmentFlag.AlignCenter, "No particles to show")
            return
        overlay.paint_note(painter, frame.rect, self._count_text(), Qt.AlignmentFlag.AlignRight, self)

    def _count_text(self) -> str:
        total = len(self._cloud)
        if self._picture is None:
            return f"{total:,} particles"
        if self._picture.thinned < 1:
            return f"{round(total * self._picture.thinned):,} of {total:,} particles, more in a moment"
        if self._n_selected is not None:
            return f"{self._n_selected:,} of {total:,} particles selected"
        shown = self._picture.count
        return f"{total:,} particles" if shown == total else f"{shown:,} of {total:,} particles in view"

    def _draw_points(self, frame: Frame) -> None:
        ratio = self.devicePixelRatioF()
        size = (round(frame.rect.width() * ratio), round(frame.rect.height() * ratio))
        wanted = (self._version, self._view, size, ratio)
        if wanted == self._drawn:
            return
        if not len(self._cloud):
            self._picture = None
        else:
            self._picture = self._raster.draw(
                self._cloud, self._view, size, ratio, self._ground, self._display
            )
            pixels = self._picture.pixels
            # the image looks at the array, which the picture keeps alive
            self._image = QImage(
                pixels.data,
                pixels.shape[1],
                pixels.shape[0],
                4 * pixels.shape[1],
                QImage.Format.Format_ARGB32_Premultiplied,
            )
        self._drawn = wanted
        # not from within painting: who listens may change what is painted
        QTimer.singleShot(0, self, self.rendered.emit)


def _rgb(colour: QColor) -> NDArray[np.uint8]:
    return np.array([colour.red(), colour.green(), colour.blue()], np.uint8)
