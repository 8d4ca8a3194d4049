"""Pictures of a cloud of points, made anew for each view: discs for thousands, pixels for a million.

Up to `DISC_LIMIT` points in view are drawn as antialiased discs, the last row on top. Beyond, every point is
counted in its pixel: continuous values show their mean, categories the majority (found by a vote in one
pass, so with more than two categories it can be a large minority), free colours their mean; opacity grows
with the logarithm of the count. Density shows a smoothed histogram of the same counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from widgets.explorer import compiled, raster_plain
from widgets.explorer.cloud import BRIGHT, CONTINUOUS, DIMMED, HIDDEN, Cloud
from widgets.explorer.compiled import Kernels
from widgets.explorer.view import View

DISC_LIMIT: Final = 50_000
CHANNELS: Final = 6

Display = Literal["points", "density", "log-density"]

_KEPT_COLOUR: Final = 0.35
_KEPT_OPACITY: Final = 0.6
_HIDDEN_OPACITY: Final = 0.16
_WEAKEST: Final = 0.5
_AROUND: Final = 0.5
_STRENGTHS: Final = 4096
_MOST_PIXELS: Final = 2_500_000
_SMOOTHING_BINS: Final = 2.0


@dataclass(frozen=True)
class Ground:
    """The colours behind and between the points, ``(3,)`` uint8 each."""

    surface: NDArray[np.uint8]
    hidden: NDArray[np.uint8]
    density: NDArray[np.uint8]
    """``(C, 3)``, from few to many."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What was drawn.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint32 0xAARRGGBB, premultiplied, row 0 on top.
    count
        Particles in view.
    smooth
        Whether to interpolate between pixels where they are larger than those of the screen.
    thinned
        Share of the points drawn; below 1 only until the compiled functions are there.
    """

    pixels: NDArray[np.uint32]
    count: int
    smooth: bool = False
    thinned: float = 1.0


def radius_px(count: int, width: float, height: float) -> float:
    """Return the radius of discs for so many points on so many pixels: fewer are drawn larger."""
    return float(np.clip(0.24 * np.sqrt(width * height / max(count, 1)), 1.4, 4.5))


class Raster:
    """Draws a cloud; keeps its buffers between pictures of the same size.

    Attributes
    ----------
    size, opacity
        Of points: a factor of the radius that fits their number, and of their usual opacity.
    """

    def __init__(self) -> None:
        self.size = self.opacity = 1.0
        self._sums: NDArray[np.uint32] = np.zeros((0, 0, CHANNELS), np.uint32)
        self._rows: NDArray[np.int32] = np.zeros(DISC_LIMIT, np.int32)

    def draw(
        self,
        cloud: Cloud,
        view: View,
        size: tuple[int, int],
        ratio: float,
        ground: Ground,
        display: Display = "points",
    ) -> Picture:
        """Return a picture of the points in view.

        Parameters
        ----------
        cloud : Cloud
            What to draw.
        view : View
            What is looked at.
        size : (width, height)
            In device pixels.
        ratio : float
            Device pixels per device-independent one: discs are that much larger.
        ground : Ground
            Colours of the theme.
        display : Display
            Points, or their density.
        """
        width, height = max(1, size[0]), max(1, size[1])
        kernels = compiled.kernels()
        if kernels is None:
            return self._plain(cloud, view, (width, height), ratio, ground, display)
        if display != "points":
            return self._density(kernels, cloud, view, (width, height), ratio, ground, display)
        margin = 6 * ratio  # discs whose middle is outside reach into the picture
        wide = View(
            view.x_low - margin * view.width / width,
            view.x_high + margin * view.width / width,
            view.y_low - margin * view.height / height,
            view.y_high + margin * view.height / height,
        )
        count = kernels.points.collect(*cloud.order.arguments, wide.box(), self._rows)
        if count <= DISC_LIMIT:
            return self._discs(kernels, cloud, view, (width, height), ratio, ground, self._rows[:count])
        return self._counted(kernels, cloud, view, (width, height), ratio, ground)

    def sums(
        self, kernels: Kernels, cloud: Cloud, box: NDArray[np.float64], size: tuple[int, int]
    ) -> tuple[NDArray[np.uint32], int]:
        """Return sums per pixel ``(H, W, CHANNELS)``, overwritten by the next call, and how many points."""
        width, height = size
        if self._sums.shape[:2] != (height, width):
            self._sums = np.zeros((height, width, CHANNELS), np.uint32)
        else:
            self._sums.fill(0)
        known = cloud.known if cloud.kind == CONTINUOUS else len(cloud.table)
        count = kernels.points.accumulate(
            *cloud.order.arguments, box, cloud.sorted_value, cloud.sorted_layer, cloud.kind, known, self._sums
        )
        return self._sums, int(count)

    def _counted(
        self, kernels: Kernels, cloud: Cloud, view: View, size: tuple[int, int], ratio: float, ground: Ground
    ) -> Picture:
        # on dense screens one particle takes a whole device-independent pixel, else it could not be seen
        # (and on very large ones a little more, or frames would take too long)
        grain = max(1, round(ratio), int(np.ceil(np.sqrt(size[0] * size[1] / _MOST_PIXELS))))
        width, height = -(-size[0] // grain), -(-size[1] // grain)
        box = view.box()
        box[1] = box[0] + view.width * width * grain / size[0]
        box[2] = box[3] - view.height * height * grain / size[1]
        sums, count = self.sums(kernels, cloud, box, (width, height))
        full = max(1.8 * kernels.points.crowding(sums), 1.6)
        strength = np.log1p(np.arange(_STRENGTHS, dtype=np.float32)) / np.float32(full)
        strength = (_WEAKEST + (1 - _WEAKEST) * np.minimum(strength, 1)).astype(np.float32)
        strength *= np.float32(self.opacity)
        look = np.array([_HIDDEN_OPACITY, _KEPT_COLOUR, _KEPT_OPACITY, _AROUND])
        pixels = np.empty((height, width), np.uint32)
        grounds = np.stack([ground.surface, ground.hidden, cloud.table[-1]])
        kernels.paint.compose(sums, cloud.kind, cloud.table, strength, look, grounds, pixels)
        return Picture(pixels, count)

    def _discs(
        self,
        kernels: Kernels,
        cloud: Cloud,
        view: View,
        size: tuple[int, int],
        ratio: float,
        ground: Ground,
        places: NDArray[np.int32],
    ) -> Picture:
        width, height = size
        found = places if cloud.order.rows is None else cloud.order.rows[places]
        # by layer, then by row: the order of a table, not of the grid, decides what lies on top
        rows = np.sort(cloud.layer[found].astype(np.int64) * len(cloud) + found) % max(len(cloud), 1)
        place = np.empty((len(rows), 2), np.float32)
        place[:, 0] = (cloud.xy[rows, 0].astype(np.float64) - view.x_low) * (width / view.width)
        place[:, 1] = (view.y_high - cloud.xy[rows, 1].astype(np.float64)) * (height / view.height)
        inside = (place >= 0).all(axis=1) & (place[:, 0] < width) & (place[:, 1] < height)
        count = int(np.count_nonzero(inside))
        radius = radius_px(count, width / ratio, height / ratio) * self.size
        pixels = np.zeros((height, width), np.uint32)
        layer = cloud.layer[rows]
        rgb, alpha = faded(cloud.colours_of(rows), layer, ground)
        alpha *= np.float32(self.opacity)
        for which in (HIDDEN, DIMMED, BRIGHT):
            part = slice(*np.searchsorted(layer, (which, which + 1)))
            # a rim tells large discs apart; between small ones it would only eat colour
            rim = 0.8 * ratio if which == BRIGHT and radius > 2 else 0.0
            size_px = radius * ratio * (0.8 if which == HIDDEN else 1.0)
            kernels.paint.discs(place[part], rgb[part], alpha[part], size_px, rim, pixels)
        return Picture(pixels, count)

    def _density(
        self,
        kernels: Kernels,
        cloud: Cloud,
        view: View,
        size: tuple[int, int],
        ratio: float,
        ground: Ground,
        display: Display,
    ) -> Picture:
        # finer for many points: a kernel of 4 to 16 pixels
        sigma_px = float(np.clip(160.0 * max(len(cloud), 1) ** -0.25, 5.0, 16.0)) * ratio
        grain = max(1.0, sigma_px / _SMOOTHING_BINS)
        width, height = int(np.ceil(size[0] / grain)), int(np.ceil(size[1] / grain))
        # what lies just outside weighs on the picture's edge too
        around = int(3 * _SMOOTHING_BINS) + 1
        across, down = view.width / width, view.height / height
        reach_x, reach_y = around * across, around * down
        box = np.array(
            [view.x_low - reach_x, view.x_high + reach_x, view.y_low - reach_y, view.y_high + reach_y]
        )
        sums, _ = self.sums(kernels, cloud, box, (width + 2 * around, height + 2 * around))
        inner = (slice(around, around + height), slice(around, around + width))
        count = int(sums[inner][..., : BRIGHT + 1].sum(dtype=np.int64))
        bright = raster_plain.smooth(sums[..., BRIGHT].astype(np.float32), _SMOOTHING_BINS)[inner]
        dimmed = np.zeros_like(bright)
        if cloud.has_selection:
            dimmed = raster_plain.smooth(sums[..., DIMMED].astype(np.float32), _SMOOTHING_BINS)[inner]
        pixels = raster_plain.density_picture(bright, dimmed, ground.density, display == "log-density")
        return Picture(pixels, count, smooth=True)

    def _plain(
        self,
        cloud: Cloud,
        view: View,
        size: tuple[int, int],
        ratio: float,
        ground: Ground,
        display: Display,
    ) -> Picture:
        step = max(1, -(-len(cloud) // raster_plain.MOST_POINTS))
        rows = np.arange(0, len(cloud), step)
        column, row, inside = raster_plain.pixels_of(cloud.xy[rows], view, size)
        rows, column, row = rows[inside], column[inside], row[inside]
        order = np.argsort(cloud.layer[rows], kind="stable")
        rows, column, row = rows[order], column[order], row[order]
        rgb, alpha = faded(cloud.colours_of(rows), cloud.layer[rows], ground)
        radius = min(radius_px(len(rows), size[0] / ratio, size[1] / ratio), 3.0) * ratio
        pixels = raster_plain.discs(column, row, rgb, alpha, radius, size)
        return Picture(pixels, len(rows) * step, thinned=1.0 / step)


def faded(
    rgb: NDArray[np.uint8], layer: NDArray[np.uint8], ground: Ground
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return colours ``(n, 3)`` and opacities ``(n,)`` of points in their layers."""
    result = rgb.copy()
    dimmed = layer == DIMMED
    mixed = ground.surface * (1 - _KEPT_COLOUR) + rgb[dimmed] * _KEPT_COLOUR
    result[dimmed] = mixed.astype(np.uint8)
    result[layer == HIDDEN] = ground.hidden
    opacity = np.array([2 * _HIDDEN_OPACITY, min(1.0, 1.6 * _KEPT_OPACITY), 1.0], np.float32)
    return result, opacity[layer]
