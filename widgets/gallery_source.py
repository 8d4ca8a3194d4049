"""What a gallery needs of its images, and how one becomes a picture. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from widgets import volume_slices
from widgets.explorer.particle_images import Image, low_pass, shrunk
from widgets.star_table_source import Rows, TableSource


class ImageSource(Protocol):
    """Images that are read when they are seen; called from threads, one at a time."""

    name: str
    count: int
    table: Any
    can_flip: bool
    trouble: str
    saved_as: str

    def image(self, row: int, *, flip: bool = False) -> NDArray[np.float32]:
        """Return one image ``[y, x]``."""

    def pixel_size_a(self, row: int) -> float:
        """Return Å per pixel, 0 where it is not known."""

    def label(self, row: int) -> str:
        """Return the name of an image."""

    def facts(self, row: int) -> Sequence[tuple[str, str]]:
        """Return what is known of an image, each with its name."""

    def save(self, rows: Rows, path: Path) -> Path:
        """Write some of the images (or their list) to a file."""


@dataclass(frozen=True)
class Look:
    """How images are shown.

    Attributes
    ----------
    side
        Pixels of the screen along one side of a tile.
    contrast
        1 shows nearly all values of an image, 2 half of that range.
    low_pass_a
        Filter in Å, 0 for none.
    flip
        Flip phases by the CTF.
    """

    side: int = 128
    contrast: float = 1.0
    low_pass_a: float = 0.0
    flip: bool = False


def prepared(source: ImageSource, row: int, look: Look) -> Image:
    """Return an image filtered and shrunk as it is looked at."""
    image = source.image(row, flip=look.flip)
    if look.low_pass_a:
        # an image of unknown pixel size is filtered as if its pixels had one Å
        image = low_pass(image, source.pixel_size_a(row) or 1.0, look.low_pass_a)
    return shrunk(image, look.side)


def as_grey(image: Image, contrast: float) -> NDArray[np.uint8]:
    """Return grey values of an image; each has the whole range to itself."""
    return volume_slices.to_grey(image, volume_slices.grey_limits(image, contrast))


def all_rows(count: int) -> Rows:
    """Return every row, in order."""
    return np.arange(count, dtype=np.int64)


__all__ = ["ImageSource", "Look", "Rows", "TableSource", "all_rows", "as_grey", "prepared"]
