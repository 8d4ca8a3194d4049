"""What a job works on: tomograms found, their particles in one table, and tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from jobs.core.errors import Problem, UserError
from jobs.dynamo_processor import sources
from jobs.dynamo_processor.contract import (
    IntArray,
    ParticleTable,
    PointSource,
    SourceSettings,
    SourceType,
    TomogramEntry,
    concatenate,
)

if TYPE_CHECKING:
    from jobs.dynamo_processor.params import DynamoOptions

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Gathered:
    """Tomograms and particles of a source.

    Attributes
    ----------
    entries
        Every tomogram found, usable or not, with its problems.
    particles
        Particles of the usable ones; None when there are none.
    tag
        `(n,)` tag of each, from 1 on; where the source has halves, odd for half 1 and even for half 2, so
        that Dynamo's split by tag keeps them.
    by_half
        Whether tags follow halves of the source.
    """

    entries: tuple[TomogramEntry, ...]
    particles: ParticleTable | None
    tag: IntArray
    by_half: bool

    @property
    def n(self) -> int:
        """Number of particles."""
        return 0 if self.particles is None else len(self.particles)

    @property
    def n_unusable(self) -> int:
        """Number of particles in tomograms that cannot be used, as far as it is known."""
        return sum(entry.n_particles for entry in self.entries if not entry.usable)

    @property
    def has_tomograms(self) -> bool:
        """False when every particle is a volume of its own, which no tomogram shows."""
        return self.particles is not None and bool((self.particles.section < 0).any())

    @property
    def half(self) -> IntArray:
        """Half `(n,)`, 1 or 2, of each particle: odd and even tags."""
        return np.where(self.tag % 2 == 1, 1, 2)


def settings_of(options: DynamoOptions, base: Path) -> SourceSettings:
    """Return where particles come from.

    Parameters
    ----------
    options
        Options of the job.
    base
        Folder to which its paths are relative.
    """

    def path(text: str) -> Path | None:
        return Path(text) if text else None

    return SourceSettings(
        source_type=cast(SourceType, options.source_type),
        real_data_mode=options.real_data_mode,
        base_dir=base,
        imod_dir=path(options.imod_dir),
        dir_contains=options.dir_contains,
        rec_contains=options.rec_contains,
        mod_contains=options.mod_contains,
        tlt_contains=options.tlt_contains,
        point_source=cast(PointSource, options.point_source),
        objects=tuple(int(word) for word in options.objects.replace(",", " ").replace(";", " ").split()),
        symmetry_axis=cast(Any, options.symmetry_axis),
        box_size=options.box_size,
        eman2_dir=path(options.eman2_dir),
        params_json=path(options.params_json),
        root=path(options.root),
        name=options.name,
        rotx=options.rotx,
        particles_star=path(options.fn_particles),
        tomograms_star=path(options.fn_tomograms),
        volumes_dir=path(options.volumes_dir),
        volume_contains=options.volume_contains,
        coordinates_pixel_a=options.coordinates_apix or 0.0,
    )


def gather(
    options: DynamoOptions,
    base: Path,
    *,
    each: Progress | None = None,
) -> Gathered:
    """Find all tomograms and read their particles; a fault of one is listed there, and the rest goes on.

    Parameters
    ----------
    options
        Options of the job.
    base
        Folder to which its paths are relative.
    each
        Called with the number of tomograms read and found.

    Raises
    ------
    UserError
        When the project as a whole cannot be looked at.
    """
    found = sources.find(settings_of(options, base))
    entries: list[TomogramEntry] = []
    tables: list[ParticleTable] = []
    for number, entry in enumerate(found, 1):
        if entry.usable:
            try:
                table = sources.particles(entry)
            except UserError as error:
                fault = Problem(str(error))
                entry = replace(entry, problems=(*entry.problems, fault))
            else:
                entry = replace(entry, n_particles=len(table))
                if len(table):
                    tables.append(table)
        if options.apix:
            entry = replace(entry, voxel_size_a=options.apix)
        entries.append(entry)
        if each is not None:
            each(number, len(found))
    particles = concatenate(tables) if tables else None
    if particles is None:
        return Gathered(tuple(entries), None, np.zeros(0, np.int64), False)
    if options.apix:
        particles = replace(particles, voxel_size_a=np.full(len(particles), options.apix))
    tag, by_half = tags_of(particles.half)
    return Gathered(tuple(entries), particles, tag, by_half)


def tags_of(half: IntArray) -> tuple[IntArray, bool]:
    """Return tags `(n,)`, and whether they follow the halves.

    Where every particle has a half and both occur, particles of half 1 get the tags 1, 3, 5 … and those of
    half 2 the tags 2, 4, 6 … in their order; otherwise tags are 1 to n.
    """
    n = len(half)
    if not (n and np.isin(half, (1, 2)).all() and len(np.unique(half)) == 2):
        return np.arange(1, n + 1, dtype=np.int64), False
    tag = np.zeros(n, np.int64)
    for which in (1, 2):
        members = half == which
        tag[members] = 2 * np.arange(int(members.sum())) + which
    return tag, True
