"""What a gallery of classes asks for, and classes as images and as a table. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError
from widgets.class_gallery.words import cell, column_title, shown_columns
from widgets.star_table_source import FloatArray, Rows


@dataclass(frozen=True)
class ClassFile:
    """A set of classes that can be opened.

    Attributes
    ----------
    title
        In words: ``Main iteration 1, generation 2``.
    path
        The class file.
    stamp
        Changes when the file is written again.
    """

    title: str
    path: Path
    stamp: float = 0.0


class ClassServices(Protocol):
    """What is done for a gallery of classes; called in threads."""

    @property
    def title(self) -> str:
        """Name of what makes the classes."""

    def files(self) -> Sequence[ClassFile]:
        """Return the sets of classes there are, the newest last."""

    def open(self, path: Path) -> ClassSet:
        """Read one of them."""

    def is_running(self) -> bool:
        """Whether further ones may come."""


class ClassImages:
    """Averages of classes, as the loader of galleries reads images."""

    can_flip, trouble, saved_as = False, "", ".mrcs"

    def __init__(self, classes: ClassSet) -> None:
        self.classes = classes
        self.name, self.count = classes.path.name, len(classes)
        self.table = None

    def image(self, row: int, *, flip: bool = False) -> NDArray[np.float32]:
        """Return the average of a class ``[y, x]``."""
        return self.classes.read(row)

    def pixel_size_a(self, row: int) -> float:
        """Return Å per pixel, 0 where it is not known."""
        return self.classes.pixel_size_a

    def label(self, row: int) -> str:
        """Return the name of a class."""
        return f"Class {self.classes.numbers[row]}"

    def facts(self, row: int) -> Sequence[tuple[str, str]]:
        """Return what is known of a class, each with its name."""
        columns = self.classes.columns
        return [(column_title(name), cell(values[row])) for name, values in columns.items()]

    def save(self, rows: Rows, path: Path) -> Path:
        """Averages are written with their particles only, by the owner of the gallery."""
        raise UserError("Averages are written together with their particles", path=path)


class ClassTable:
    """Columns of classes, as lists that can be sorted and filtered."""

    def __init__(self, classes: ClassSet) -> None:
        self.name, self.n_rows = "classes", len(classes)
        self._by_title = {column_title(name): classes.columns[name] for name in shown_columns(classes)}
        self.columns = tuple(self._by_title)

    def row(self, row: int) -> Sequence[str]:
        """Return the cells of one class as text."""
        return [cell(values[row]) for values in self._by_title.values()]

    def numbers(self, column: str) -> FloatArray | None:
        """Return a column as numbers, None when it holds text."""
        values = np.asarray(self._by_title[column])
        return values.astype(np.float64) if values.dtype.kind in "iufb" else None

    def texts(self, column: str) -> NDArray[np.object_]:
        """Return a column as text."""
        return np.asarray(self._by_title[column]).astype(str).astype(object)
