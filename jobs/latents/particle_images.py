"""Single particles and particles of tilt series under one description, for reconstructions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.particle_set import ParticleSet
from jobs.formats.particles import read_particles
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import is_set, read_tilt_particles

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

KINDS: Final = ("automatic", "single particles", "tilt series")
IMAGE_NAME: Final = "image_name"
_WHOLE: Final = 2**53


@dataclass(frozen=True, eq=False)
class ForeignParticles:
    """`P` particles of a file with all their images.

    Attributes
    ----------
    content
        The file as it was read.
    """

    content: ParticleSet | TiltParticles

    @property
    def n(self) -> int:
        """Number of particles."""
        return self.content.n

    @property
    def tilted(self) -> bool:
        """Whether a particle has several images."""
        return isinstance(self.content, TiltParticles)

    @cached_property
    def first(self) -> Ints:
        """``(P + 1,)`` first image of each particle."""
        if isinstance(self.content, TiltParticles):
            return self.content.first
        return np.arange(self.content.n + 1, dtype=np.int64)

    @cached_property
    def names(self) -> Array:
        """``(P,)`` name of each particle, by which a selection finds its rows."""
        content = self.content
        if isinstance(content, ParticleSet):
            return content.image_name
        if not content.one_row_per_image and "rlnImageName" in content.table:
            return content.table.text("rlnImageName")[content.row[content.first[:-1]]]
        return content.particle_name

    @cached_property
    def box(self) -> int:
        """Image side in pixels.

        Raises
        ------
        UserError
            When images differ.
        """
        if isinstance(self.content, TiltParticles):
            return self.content.box
        boxes = np.unique(self.content.box[np.unique(self.content.optics_group)])
        if len(boxes) != 1:
            raise UserError(
                f"images of one size are needed, not {', '.join(map(str, boxes))}", path=self.content.path
            )
        return int(boxes[0])

    @cached_property
    def pixel_size_a(self) -> float:
        """Pixel size in Å.

        Raises
        ------
        UserError
            When optics groups differ by more than a hundredth of a percent.
        """
        if isinstance(self.content, TiltParticles):
            return self.content.pixel_size_a
        sizes = self.content.pixel_size_a
        if np.ptp(sizes) > 1e-4 * sizes.max():
            raise UserError(
                f"one pixel size is needed, not {sizes.min():g} to {sizes.max():g} Å", path=self.content.path
            )
        return float(sizes[0])

    @cached_property
    def uids(self) -> npt.NDArray[np.uint64] | None:
        """CryoSPARC's identifiers ``(P,)``, where the file has them."""
        table = self.content.table
        if self.tilted or "ucsfUid" not in table:
            return None
        return np.array([int(word) for word in table.text("ucsfUid")], np.uint64)

    def halves(self, seed: int = 0) -> tuple[Ints, str]:
        """Half-set ``(P,)`` of each particle, 1 or 2, and where they come from; drawn where not stated."""
        stated = self.content.half
        if (stated > 0).all() and len(np.unique(stated)) == 2:
            return stated.copy(), "Half-sets are those of rlnRandomSubset."
        half = np.arange(self.n) % 2 + 1
        np.random.default_rng(seed).shuffle(half)
        return half.astype(np.int64), f"Half-sets of particles were drawn at random (seed {seed})."

    def select(self, rows: npt.ArrayLike) -> ForeignParticles:
        """Return the particles of these rows."""
        return ForeignParticles(self.content.select(rows))

    def images_of(self, particles: Ints) -> Ints:
        """Return the images of particles, one particle after another."""
        counts = np.diff(self.first)[particles]
        ends = np.cumsum(counts)
        return np.repeat(self.first[particles] - ends + counts, counts) + np.arange(
            ends[-1] if len(ends) else 0
        )


def read_foreign_particles(
    path: Path, project_dir: Path, kind: str = KINDS[0], *, n_latent: int | None = None, images: bool = True
) -> ForeignParticles:
    """Read a particle file.

    Parameters
    ----------
    path
        STAR file of single particles or tilt series, an optimisation set, or a ``.cs`` file.
    project_dir
        Folder to which image paths are relative.
    kind
        One of :data:`KINDS`. Automatic: a file with a row per image is one of tilt series where its groups
        are as many as the latent places, and its rows are not.
    n_latent
        Number of latent places.
    images
        False looks at no stack.

    Raises
    ------
    UserError
        When it is no particle file, or its images are missing.
    """
    if kind == KINDS[2] or (kind == KINDS[0] and path.suffix.lower() != ".cs" and _is_tilted(path, n_latent)):
        return ForeignParticles(read_tilt_particles(path, project_dir, require_images=images))
    return ForeignParticles(
        read_particles(path, project_dir, require_images=images, require_poses=images, permissive=True)
    )


def _is_tilted(path: Path, n_latent: int | None) -> bool:
    tables = read_star_tables(path)
    if is_set(tables) or any("rlnTomoParticleName" in table for table in tables.values()):
        return True
    table = next((t for t in tables.values() if t.is_loop and "rlnImageName" in t), None)
    if table is None or "rlnGroupName" not in table or n_latent == table.n_rows:
        return False
    groups = len(set(table.text("rlnGroupName").tolist()))
    return groups < table.n_rows and (n_latent is None or groups == n_latent)


class ForeignColumns(Mapping[str, Array]):
    """Columns ``(P,)`` of a particle file, ``image_name`` first: numbers where all are, else text.

    Parameters
    ----------
    particles
        The set; of tilt series the rows are those of the images with the least dose.
    """

    def __init__(self, particles: ForeignParticles) -> None:
        content = particles.content
        self._known: dict[str, Array] = {IMAGE_NAME: particles.names}
        self._table: StarTable = content.table
        self._rows = np.arange(content.n)
        if isinstance(content, TiltParticles):
            dose = np.nan_to_num(content.dose, nan=np.inf)
            order = np.lexsort((np.arange(content.n_images), dose, content.particle))
            self._rows = content.row[order[content.first[:-1]]]
            if any(content.tomogram.tolist()):
                self._known["tomogram"] = content.tomogram
            self._known["n_tilts"] = content.counts
        self._labels = tuple(dict.fromkeys((*self._known, *self._table.columns)))

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
        try:
            values = self._table.floats(name)[self._rows]
        except FormatError:
            return self._table.text(name)[self._rows]
        if np.isfinite(values).all() and (np.abs(values) < _WHOLE).all():
            whole = values.astype(np.int64)
            return whole if bool((whole == values).all()) else values
        return values
