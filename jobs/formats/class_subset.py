"""Particles and averages of chosen 2D classes, in the form of RELION's Select: an input of the next job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError
from jobs.formats.class_files import NUMBER_LABEL, REFERENCE, column_label, read_class_set
from jobs.formats.mrc import write_stack
from jobs.formats.particles import particle_table
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

PARTICLES: Final = "particles.star"
AVERAGES: Final = "class_averages.star"
STACK: Final = "class_averages.mrcs"
_WITH_OPTICS_VERSION: Final = 30001


@dataclass(frozen=True)
class ClassSubset:
    """What was written.

    Attributes
    ----------
    particles
        STAR file with the particles of the chosen classes, all their columns and blocks.
    averages, stack
        STAR file with the averages, and the averages themselves.
    each
        STAR files of single classes, when they were asked for.
    n_particles, n_classes
        How many.
    """

    particles: Path
    averages: Path
    stack: Path
    each: tuple[Path, ...]
    n_particles: int
    n_classes: int

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return self.particles, self.averages, self.stack, *self.each


def write_subset(
    class_file: Path,
    classes: Iterable[int],
    folder: Path,
    project_dir: Path | None = None,
    *,
    each: bool = False,
) -> ClassSubset:
    """Write the particles of chosen classes, and their averages.

    In ``particles.star`` classes keep the numbers they had, as with RELION's Select; ``class_averages.star``
    names the averages in a stack of its own, which is there when the job that made them is gone, and tells
    the old number of each (``hsClassNumber``).

    Parameters
    ----------
    class_file
        ``…_optimiser.star`` or ``…_model.star`` of 2D classes of any program.
    classes
        Classes, counted from 0 in the order of the file.
    folder
        Where to write; made if need be.
    project_dir
        Folder to which paths are relative.
    each
        Write a STAR file for each class as well (``class003_particles.star``).

    Raises
    ------
    UserError
        When no class is chosen, one does not exist, they hold no particles, or files cannot be written.
    FormatError
        When the class files are missing or damaged.
    """
    found = read_class_set(class_file, project_dir)
    chosen = _checked(sorted(set(classes)), found)
    if found.particles is None:
        raise UserError("the particles of these classes are not known", path=class_file)
    rows = np.sort(np.concatenate([found.members(k) for k in chosen]))
    if not len(rows):
        raise UserError("the chosen classes hold no particles", path=class_file)
    tables = read_star_tables(found.particles)
    name = particle_table(tables, found.particles).name
    folder.mkdir(parents=True, exist_ok=True)
    particles, averages, stack = folder / PARTICLES, folder / AVERAGES, folder / STACK
    numbers = found.numbers[chosen]
    write_stack(stack, np.stack([found.read(k) for k in chosen]), found.pixel_size_a)
    write_star_tables(averages, [_average_table(found, chosen, numbers, stack, project_dir)])
    singles = []
    if each:
        for k, number in zip(chosen, numbers.tolist(), strict=True):
            members = found.members(k)
            if len(members):
                path = folder / f"class{number:03d}_particles.star"
                _write_particles(path, tables, name, members)
                singles.append(path)
    _write_particles(particles, tables, name, rows)
    return ClassSubset(particles, averages, stack, tuple(singles), len(rows), len(chosen))


def _checked(chosen: list[int], found: ClassSet) -> list[int]:
    if not chosen:
        raise UserError("no classes are chosen", path=found.path, hint="Choose some, then write again.")
    wrong = [k for k in chosen if not 0 <= k < len(found)]
    if wrong:
        raise UserError(f"there is no class {wrong[0] + 1}: there are {len(found)}", path=found.path)
    return chosen


def _write_particles(path: Path, tables: dict[str, StarTable], name: str, rows: NDArray[np.int64]) -> None:
    """Write all blocks; optics groups stay as they are, since RELION wants them numbered without gaps."""
    chosen = {key: table.select(rows) if key == name else table for key, table in tables.items()}
    if "optics" in chosen:
        chosen = {
            key: table if table.version is not None else table.renamed(key, _WITH_OPTICS_VERSION)
            for key, table in chosen.items()
        }
    write_star_tables(path, chosen)


def _average_table(
    found: ClassSet, chosen: list[int], numbers: NDArray[np.int64], stack: Path, project_dir: Path | None
) -> StarTable:
    place = stack.absolute()
    if project_dir is not None and place.is_relative_to(project_dir.absolute()):
        place = place.relative_to(project_dir.absolute())
    columns: dict[str, Any] = {
        REFERENCE: np.array([f"{i + 1:06d}@{place.as_posix()}" for i in range(len(chosen))], object)
    }
    columns |= {column_label(name): values[chosen] for name, values in found.columns.items()}
    columns[NUMBER_LABEL] = numbers
    return StarTable.from_columns("", columns)
