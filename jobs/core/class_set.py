"""2D classes of a job as the window shows them, whichever program made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Columns with a meaning that every reader of classes gives the same name; a set may lack any but the size.
SIZE: Final = "size"
PIXEL_ERROR: Final = "pixel_error_px"
RESOLUTION: Final = "resolution_a"
GENERATION: Final = "generation"
MAIN: Final = "main"
ACCEPTED: Final = "accepted"
CLASS_NUMBER: Final = "class_number"


@dataclass(frozen=True, eq=False)
class ClassSet:
    """`K` class averages with what is known of each, and the particles they were made of.

    Attributes
    ----------
    path
        The class file that was opened.
    averages
        `K` pairs of an image stack and the section in it, from 0.
    reader
        Gives one section of one of these stacks, `(y, x)` float32.
    pixel_size_a
        Pixel size of the averages in Å; 0 where it is not known.
    columns
        `(K,)` values of each class by name, units in the name; ``size`` (particles) is always there.
    particles
        STAR file with the particles; None when a class file stands alone.
    class_of
        `(P,)` class of every row of ``particles``, from 0; -1 for particles of no class.
    pixel_errors
        `(P,)` pixel error of every row in pixels of the averages, or None when it is not known.
    """

    path: Path
    averages: tuple[tuple[Path, int], ...]
    reader: Callable[[Path, int], Image] = field(repr=False)
    pixel_size_a: float
    columns: Mapping[str, NDArray[Any]]
    particles: Path | None
    class_of: IntArray = field(repr=False)
    pixel_errors: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if SIZE not in self.columns:
            raise ValueError("a set of classes needs the column 'size'")
        for name, values in self.columns.items():
            if len(values) != len(self.averages):
                raise ValueError(f"{name} has {len(values)} values for {len(self.averages)} classes")
        if self.pixel_errors is not None and len(self.pixel_errors) != len(self.class_of):
            raise ValueError("pixel errors and classes are of different numbers of particles")

    def __len__(self) -> int:
        return len(self.averages)

    def read(self, k: int) -> Image:
        """Return the average of class ``k`` (from 0), `(y, x)` float32; it is read when asked for.

        Raises
        ------
        FormatError
            When the stack is missing or damaged.
        """
        path, section = self.averages[k]
        return self.reader(path, section)

    def members(self, k: int) -> IntArray:
        """Return the rows of ``particles`` (from 0, ascending) that belong to class ``k``."""
        order, first = self._sorted
        return order[first[k] : first[k + 1]]

    @property
    def numbers(self) -> IntArray:
        """`(K,)` numbers by which the files name the classes (``rlnClassNumber``), from 1."""
        if CLASS_NUMBER in self.columns:
            return np.asarray(self.columns[CLASS_NUMBER], np.int64)
        return np.array([section + 1 for _, section in self.averages], np.int64)

    @cached_property
    def _sorted(self) -> tuple[IntArray, IntArray]:
        """Rows sorted by class, and where each class begins: one sort serves every class."""
        order = np.argsort(self.class_of, kind="stable")
        return order, np.searchsorted(self.class_of[order], np.arange(len(self) + 1))
