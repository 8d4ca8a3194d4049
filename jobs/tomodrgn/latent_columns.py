"""What is known of each particle of tilt series: who it is, where, and the columns of its first exposure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.tilt_particles import TiltParticles

Array = npt.NDArray[Any]

IMAGE_NAME: Final = "image_name"
#: Larger whole numbers are not told apart as floating-point numbers.
_WHOLE: Final = 2**53


def lowest_dose_rows(particles: TiltParticles) -> npt.NDArray[np.int64]:
    """Return the image ``(P,)`` of each particle with the least dose, the first where doses are not known."""
    dose = np.nan_to_num(particles.dose, nan=np.inf)
    order = np.lexsort((np.arange(particles.n_images), dose, particles.particle))
    return order[particles.first[:-1]]


class ParticleColumns(Mapping[str, Array]):
    """Columns ``(P,)``, ``image_name`` (the particle's own name) first: numbers where all are, else text.

    Columns of a table with one row per image are those of the image with the lowest dose.

    Parameters
    ----------
    particles
        The set.
    """

    def __init__(self, particles: TiltParticles) -> None:
        self._particles = particles
        self._image = lowest_dose_rows(particles)
        known: dict[str, Array] = {IMAGE_NAME: self._names()}
        if any(particles.tomogram.tolist()):
            known["tomogram"] = particles.tomogram
        known["n_tilts"] = particles.counts
        if np.isfinite(particles.dose).any():
            last = np.maximum.reduceat(particles.dose, particles.first[:-1])
            known["highest_dose"] = last
        for axis, name in enumerate(("x_A", "y_A", "z_A")):
            if np.isfinite(particles.coordinate_a[:, axis]).any():
                known[name] = particles.coordinate_a[:, axis]
        self._known = known
        self._labels = tuple(dict.fromkeys((*known, *particles.table.columns)))

    def _names(self) -> Array:
        particles = self._particles
        if not particles.one_row_per_image and "rlnImageName" in particles.table:
            # One file of images per particle: by it a selection finds its rows.
            return particles.table.text("rlnImageName")[particles.row[particles.first[:-1]]]
        return particles.particle_name

    def __getitem__(self, name: str) -> Array:
        if name not in self._known:
            if name not in self._labels:
                raise KeyError(name)
            self._known[name] = self._column(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, name: object) -> bool:
        return name in self._labels

    def _column(self, name: str) -> Array:
        table, rows = self._particles.table, self._particles.row[self._image]
        try:
            values = table.floats(name)[rows]
        except FormatError:
            return table.text(name)[rows]
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.int64)
        return whole if bool((np.abs(values) < _WHOLE).all() and (whole == values).all()) else values
