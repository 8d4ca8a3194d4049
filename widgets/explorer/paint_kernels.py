"""Compiled loops over the pixels of the latent plot; imported only by :mod:`widgets.explorer.compiled`."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, sqrt
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from widgets.explorer.kernels import BRIGHT, CATEGORY, DIMMED, HIDDEN, RGB, Doubles, Floats


@njit(nogil=True, cache=True)
def _premultiplied(r: float, g: float, b: float, alpha: float) -> np.uint32:
    return (
        (np.uint32(255.0 * alpha + 0.5) << np.uint32(24))
        | (np.uint32(r * alpha + 0.5) << np.uint32(16))
        | (np.uint32(g * alpha + 0.5) << np.uint32(8))
        | np.uint32(b * alpha + 0.5)
    )


@njit(nogil=True, cache=True)
def compose(
    pixels: NDArray[np.uint32],
    kind: int,
    table: NDArray[np.uint8],
    strength: Floats,
    look: Doubles,
    grounds: NDArray[np.uint8],
    picture: NDArray[np.uint32],
) -> None:
    """Turn sums into a premultiplied picture ``(H, W)`` 0xAARRGGBB.

    `strength` is the opacity of a pixel with 0, 1, 2 … points; more take the last. `look` holds: opacity of
    hidden points, share of their own colour and of their opacity that dimmed points keep, and opacity around
    lonely points (0 = none). `grounds` are the colours of the surface, of hidden points, and of points
    without a value.
    """
    height, width = pixels.shape[0], pixels.shape[1]
    hidden, kept, dimmed, around = look[0], look[1], look[2], look[3]
    r0, g0, b0 = float(grounds[2, 0]), float(grounds[2, 1]), float(grounds[2, 2])
    n_colours = len(table)
    last = len(strength) - 1
    shadow = _premultiplied(float(grounds[1, 0]), float(grounds[1, 1]), float(grounds[1, 2]), hidden)
    for row in range(height):
        for column in range(width):
            bright = pixels[row, column, BRIGHT]
            n = bright if bright > 0 else pixels[row, column, DIMMED]
            if n == 0:
                picture[row, column] = shadow if pixels[row, column, HIDDEN] > 0 else np.uint32(0)
                continue
            alpha = float(strength[min(n, last)])
            r, g, b = r0, g0, b0
            first, second = pixels[row, column, 3], pixels[row, column, 4]
            if kind == RGB:
                share = 1.0 / float(n)
                r, g, b = first * share, second * share, pixels[row, column, 5] * share
            else:
                k = n_colours
                if kind == CATEGORY:
                    k = int(first)
                elif second > 0:
                    k = int(float(first) / float(second) + 0.5)
                if k < n_colours:
                    r, g, b = float(table[k, 0]), float(table[k, 1]), float(table[k, 2])
            if bright == 0:
                r = grounds[0, 0] * (1.0 - kept) + r * kept
                g = grounds[0, 1] * (1.0 - kept) + g * kept
                b = grounds[0, 2] * (1.0 - kept) + b * kept
                alpha *= dimmed
            picture[row, column] = _premultiplied(r, g, b, alpha)
    if around > 0.0:
        _surround(pixels, around, picture)


@njit(nogil=True, cache=True)
def _surround(pixels: NDArray[np.uint32], around: float, picture: NDArray[np.uint32]) -> None:
    """Give each empty pixel some of the strongest of its four neighbours: a lonely particle can be seen."""
    height, width = picture.shape
    share = np.uint32(256.0 * around)
    mask = np.uint32(0x00FF00FF)
    eight = np.uint32(8)
    # what was given in the row above must not be handed on
    above = np.zeros(width, np.uint32)
    for row in range(height):
        before = np.uint32(0)
        for column in range(width):
            here = picture[row, column]
            best = np.uint32(0)
            if here == 0:
                best = max(before, above[column])
                if column + 1 < width:
                    best = max(best, picture[row, column + 1])
                if row + 1 < height:
                    best = max(best, picture[row + 1, column])
            before = here
            above[column] = here
            if best != 0:
                odd = ((best & mask) * share >> eight) & mask
                even = (((best >> eight) & mask) * share) & ~mask
                picture[row, column] = odd | even


@njit(nogil=True, cache=True)
def discs(
    place: Floats,
    rgb: NDArray[np.uint8],
    alpha: Floats,
    radius: float,
    rim: float,
    picture: NDArray[np.uint32],
) -> None:
    """Draw antialiased discs over a premultiplied picture ``(H, W)`` 0xAARRGGBB, in the order given.

    `place` are columns and rows ``(n, 2)``; around each disc a rim of `rim` pixels is cleared, so that discs
    that overlap can be told apart.
    """
    height, width = picture.shape[0], picture.shape[1]
    reach = radius + rim + 0.5
    byte = np.uint32(255)
    for i in range(len(place)):
        x, y = float(place[i, 0]), float(place[i, 1])
        for row in range(max(0, floor(y - reach)), min(height, floor(y + reach) + 1)):
            for column in range(max(0, floor(x - reach)), min(width, floor(x + reach) + 1)):
                dx, dy = column + 0.5 - x, row + 0.5 - y
                distance = sqrt(dx * dx + dy * dy)
                outer = reach - distance
                if outer <= 0.0:
                    continue
                inner = min(1.0, max(0.0, radius + 0.5 - distance)) * alpha[i]
                cleared = min(1.0, outer) * alpha[i] if rim > 0.0 else inner
                keep = (1.0 - cleared) * (1.0 - inner)
                old = picture[row, column]
                new_a = np.uint32(float(old >> np.uint32(24)) * keep + 255.0 * inner + 0.5)
                new_r = np.uint32(float((old >> np.uint32(16)) & byte) * keep + rgb[i, 0] * inner + 0.5)
                new_g = np.uint32(float((old >> np.uint32(8)) & byte) * keep + rgb[i, 1] * inner + 0.5)
                new_b = np.uint32(float(old & byte) * keep + rgb[i, 2] * inner + 0.5)
                picture[row, column] = (
                    (new_a << np.uint32(24)) | (new_r << np.uint32(16)) | (new_g << np.uint32(8)) | new_b
                )


#: Each function with the one signature it is compiled for.
SIGNATURES: Final[tuple[tuple[Callable[..., Any], str], ...]] = (
    (
        compose,
        "(uint32[:, :, ::1], int64, uint8[:, ::1], float32[::1], float64[::1], uint8[:, ::1],"
        " uint32[:, ::1])",
    ),
    (discs, "(float32[:, ::1], uint8[:, ::1], float32[::1], float64, float64, uint32[:, ::1])"),
)
