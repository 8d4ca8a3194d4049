"""The particle file of the input, as it is written again with classes, or in part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jobs.formats.star_table import StarTable

_WITH_OPTICS_VERSION: Final = 30001


@dataclass(frozen=True, eq=False)
class ParticleFile:
    """The input's particle file, to be written again with every block and column.

    Attributes
    ----------
    tables
        Its blocks by name.
    name
        The block with a row per particle.
    pixel_size_a
        Pixel size of the images in Å.
    """

    tables: Mapping[str, StarTable]
    name: str
    pixel_size_a: float

    @property
    def table(self) -> StarTable:
        """The block with a row per particle."""
        return self.tables[self.name]

    def with_particles(self, particles: StarTable) -> list[StarTable]:
        """Return all blocks, with this one in place of the particles.

        Files with optics get the version line by which RELION knows that they have.
        """
        kept = [particles if name == self.name else table for name, table in self.tables.items()]
        if "optics" not in self.tables:
            return kept
        return [t if t.version is not None else t.renamed(t.name, _WITH_OPTICS_VERSION) for t in kept]
