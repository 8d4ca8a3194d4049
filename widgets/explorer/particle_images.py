"""Filtered, shrunk and scaled pictures of particles. numpy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.latent import ParticleView
from widgets import volume_slices

Image = NDArray[np.float32]

#: Least part of the room that a picture with whole pixels may use.
_LEAST_PART: Final = 0.8


@dataclass(frozen=True, eq=False)
class Pictures:
    """An image beside its projection, filtered alike, and what both are shown with.

    Attributes
    ----------
    name
        Identity of the particle.
    image, projection
        ``[y, x]`` float32.
    pixel_size_a
        Å per pixel.
    """

    name: str
    image: Image
    projection: Image
    pixel_size_a: float

    @property
    def difference(self) -> Image:
        """Image less projection."""
        return self.image - self.projection

    @property
    def correlation(self) -> float:
        """Correlation coefficient of image and projection; 0 where one of them is flat."""
        a, b = self.image - self.image.mean(), self.projection - self.projection.mean()
        norm = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
        return float((a * b).sum()) / norm if norm > 0 else 0.0


def pictures(view: ParticleView, low_pass_a: float) -> Pictures:
    """Return both pictures of a particle, filtered alike so that they can be compared."""
    image = low_pass(view.image, view.pixel_size_a, low_pass_a)
    projection = low_pass(view.projection, view.pixel_size_a, low_pass_a)
    return Pictures(view.name, image, projection, view.pixel_size_a)


def low_pass(image: NDArray[Any], pixel_size_a: float, resolution_a: float) -> Image:
    """Return an image ``[y, x]`` without what is finer than a resolution.

    Parameters
    ----------
    image
        ``[y, x]``.
    pixel_size_a
        Å per pixel.
    resolution_a
        Å at which a Gaussian in Fourier space has fallen to one half; 0 (or finer than two pixels) leaves
        the image as it is.
    """
    plain = np.ascontiguousarray(image, np.float32)
    if resolution_a <= 2 * pixel_size_a:
        return plain
    y = np.fft.fftfreq(plain.shape[0], pixel_size_a)[:, None]
    x = np.fft.rfftfreq(plain.shape[1], pixel_size_a)
    weight = np.exp(-math.log(2) * (x * x + y * y) * resolution_a**2)
    return np.fft.irfft2(np.fft.rfft2(plain) * weight, plain.shape).astype(np.float32)


def shrunk(image: Image, side: int) -> Image:
    """Return the image with at most ``side`` pixels along each side, by means over squares of pixels.

    Whole squares only: the few rows and columns that are left over at the end are dropped.
    """
    factor = math.ceil(max(image.shape) / side)
    if factor <= 1:
        return image
    height, width = (n // factor for n in image.shape)
    squares = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return squares.mean(axis=(1, 3), dtype=np.float32)


def common_limits(images: list[Image], contrast: float) -> tuple[float, float]:
    """Return the values shown black and white in all of these images, in units of each."""
    return volume_slices.grey_limits(np.concatenate([image.ravel() for image in images]), contrast)


def shown_side(pixels: int, room: float) -> tuple[float, bool]:
    """Return how large a picture is drawn, and whether its pixels are drawn as sharp squares.

    Parameters
    ----------
    pixels
        Along one side of the picture.
    room
        Pixels of the screen (not device-independent ones) that are free.

    Returns
    -------
    side, sharp
        A whole multiple of ``pixels`` where this uses most of the room, else all of it, smoothly scaled.
    """
    whole = math.floor(room / pixels) * pixels
    if whole >= _LEAST_PART * room and whole > 0:
        return float(whole), True
    return room, False


def evenly_drawn(rows: NDArray[np.integer], count: int, seed: int) -> NDArray[np.int64]:
    """Return ``count`` of these rows, one by chance from each of as many equal stretches, in order."""
    n = len(rows)
    if n <= count:
        return np.asarray(rows, np.int64)
    edges = np.arange(count + 1) * n // count
    return np.asarray(rows, np.int64)[np.random.default_rng(seed).integers(edges[:-1], edges[1:])]
