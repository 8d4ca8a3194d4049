"""What the map viewer needs of a map. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from widgets.fsc_viewer_data import Curve


class ValueStatistics(Protocol):
    """What the values of a map are."""

    @property
    def low(self) -> float:
        """The lowest."""

    @property
    def high(self) -> float:
        """The highest."""

    @property
    def mean(self) -> float:
        """Their mean."""

    @property
    def deviation(self) -> float:
        """Their standard deviation."""


class MapSource(Protocol):
    """A volume ``[z, y, x]`` read slice by slice; called from threads."""

    name: str
    shape: tuple[int, int, int]
    voxel_size_a: float

    def slice_of(self, axis: int, place: int) -> NDArray[np.float32]:
        """Return one slice; 0 cuts across z."""

    def sample(self) -> NDArray[np.float32]:
        """Return values enough to choose grey values."""

    def statistics(self) -> ValueStatistics:
        """Return what the values are; reads the whole map."""

    def small(self) -> tuple[NDArray[np.float32], float]:
        """Return the map at a size for surfaces, and its Å per voxel."""

    def facts(self) -> Sequence[tuple[str, str]]:
        """Return what the header says."""


class MapServices(Protocol):
    """What is done for the map viewer elsewhere; called from threads."""

    def open(self, path: Path) -> MapSource:
        """Open another map.

        Raises an exception whose text is a sentence when it cannot be read.
        """

    def correlate(self, first: MapSource, second: MapSource, mask: MapSource | None) -> Curve:
        """Return the Fourier shell correlation of two maps."""

    def masks(self) -> Sequence[Path]:
        """Return masks that lie beside the map."""
