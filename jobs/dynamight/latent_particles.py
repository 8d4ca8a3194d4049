"""The particle file of a trained job: read once, columns turned into numbers when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.dynamight.state import TrainedModel, fingerprint_of_names
from jobs.formats.particles import (
    ParticleSet,
    particle_table,
    particles_from_tables,
    read_particle_blocks,
)
from jobs.formats.star_table import StarTable

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

IMAGE_NAME = "image_name"


class ParticleFile:
    """Tables of a particle STAR file.

    Parameters
    ----------
    path
        The file.
    project_dir
        Folder to which images are relative.

    Raises
    ------
    UserError
        When it is missing, damaged, or no particle file.
    """

    def __init__(self, path: Path, project_dir: Path) -> None:
        self.path, self._project_dir = path, project_dir
        self._tables = read_particle_blocks(path, project_dir)
        self._table = particle_table(self._tables, path)
        self.image_name: Array = self._table.text("rlnImageName")
        self.fingerprint = fingerprint_of_names(self.image_name)

    def check(self, model: TrainedModel) -> None:
        """Refuse a file that is not the one a model was trained on.

        Raises
        ------
        UserError
            If particles differ, in identity or order.
        """
        if self.fingerprint != model.fingerprint:
            raise UserError(
                "the particles have changed since the model was trained",
                path=self.path,
                hint=f"Restore the particle file that {model.path.name} was trained on.",
            )

    def columns(self, rows: Rows) -> Columns:
        """Values of some particles."""
        return Columns(self.image_name[rows], self._table.select(rows))

    def particles(self, rows: Rows) -> ParticleSet:
        """Poses and CTF of some particles, without a look at their images.

        Raises
        ------
        UserError
            If a value makes no sense.
        """
        return self._select(rows, images=False)

    def particle(self, row: int) -> ParticleSet:
        """One particle, checked against its stack.

        Raises
        ------
        UserError
            If the image is missing or incomplete.
        """
        try:
            return self._select(np.array([row]), images=True)
        except FormatError as error:
            # It counts rows of the selection, people count those of the file.
            place = None if error.row is None else row + 1
            raise UserError(
                error.message, path=error.path, row=place, column=error.column, hint=error.hint
            ) from error

    def _select(self, rows: Rows, *, images: bool) -> ParticleSet:
        tables = {**self._tables, self._table.name: self._table.select(rows)}
        return particles_from_tables(tables, self.path, self._project_dir, require_images=images)


class Columns(Mapping[str, Array]):
    """Columns of a particle table ``(P,)``: numbers where a column holds only numbers, else text.

    Parameters
    ----------
    image_name
        ``(P,)`` identities, the first column.
    table
        The rows.
    """

    def __init__(self, image_name: Array, table: StarTable) -> None:
        self._table = table
        self._known: dict[str, Array] = {IMAGE_NAME: image_name}
        self._names = (IMAGE_NAME, *(name for name in table.columns if name != IMAGE_NAME))

    def __getitem__(self, name: str) -> Array:
        if name not in self._known:
            if name not in self._names:
                raise KeyError(name)
            self._known[name] = _values(self._table, name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


def _values(table: StarTable, name: str) -> Array:
    """Whole numbers, numbers or text of a column."""
    if not table.n_rows:
        return table.text(name)
    try:
        values = table.floats(name)
    except FormatError:
        return table.text(name)
    written = table.row(0)[name]
    if written.lstrip("+-").isdigit() and bool((np.abs(values) < 2**53).all()):
        whole = values.astype(np.int64)
        if bool((whole == values).all()):
            return whole
    return values
