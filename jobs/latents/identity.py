"""Which latent place belongs to which particle: by identifier, by name, or by an order that is checked."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.cryosparc import read_cs
from jobs.formats.cryosparc_fields import join_passthrough
from jobs.formats.image_names import identity
from jobs.latents.latent_config import config_of, stated_indices
from jobs.latents.latent_files import LatentTable
from jobs.latents.particle_images import ForeignParticles

Ints = npt.NDArray[np.int64]

_IMPORTED: Final = re.compile(r"^\d{12,}_(?=.)")


@dataclass(frozen=True, eq=False)
class Match:
    """Which rows belong together.

    Attributes
    ----------
    latent
        ``(M,)`` rows of the latent table, ascending in the particle.
    particle
        ``(M,)`` rows of the particle file.
    sentence
        How they were found.
    """

    latent: Ints
    particle: Ints
    sentence: str


def match(
    table: LatentTable, particles: ForeignParticles, config: Path | None = None, project_dir: Path = Path()
) -> Match:
    """Find the particle of every latent place.

    Parameters
    ----------
    table
        Latent places.
    particles
        The particle file.
    config
        ``config.yaml`` or ``config.pkl``; the one beside the latent file when None.
    project_dir
        For relative paths in the config.

    Raises
    ------
    UserError
        When identities are missing or ambiguous, or numbers do not fit.
    """
    found = _by_uid(table, particles) or _by_name(table, particles)
    if found is None:
        found = _by_order(table, particles, config or config_of(table.path), project_dir)
    computed: npt.NDArray[np.bool_] = np.asarray(np.isfinite(table.values[found.latent]).all(axis=1))
    lost = int((~computed).sum())
    if lost == len(computed):
        raise UserError("no particle of the file has a latent place", path=table.path)
    order = np.argsort(found.particle[computed], kind="stable")
    left = f" {lost} without a place are left out." if lost else ""
    return Match(found.latent[computed][order], found.particle[computed][order], found.sentence + left)


def _by_uid(table: LatentTable, particles: ForeignParticles) -> Match | None:
    if table.uids is None or particles.uids is None:
        return None
    return _pairs(table.uids.tolist(), particles.uids.tolist(), table, "cryoSPARC's identifiers (uid)")


def _by_name(table: LatentTable, particles: ForeignParticles) -> Match | None:
    names = table.names
    if names is None and table.path.suffix.lower() == ".cs":
        fields = join_passthrough(read_cs(table.path), table.path)
        if "blob/path" in fields and "blob/idx" in fields:
            sections = fields["blob/idx"].astype(np.int64)
            texts = fields.texts("blob/path")
            names = np.array([f"{s + 1}@{p}" for s, p in zip(sections, texts, strict=True)], object)
        elif particles.n != table.n:
            raise UserError(
                "the particles cannot be told: the file has neither uid nor images in common",
                path=table.path,
                hint="Choose the particles .cs file of the same cryoSPARC job as particle file.",
            )
    if names is None:
        return None
    theirs, ours = [str(name) for name in names], [str(name) for name in particles.names]
    for way in (lambda name: name, identity, _stem):
        if len(set(map(way, ours))) == len(ours) and set(map(way, theirs)) & set(map(way, ours)):
            return _pairs([way(n) for n in theirs], [way(n) for n in ours], table, "names of images")
    raise UserError(
        f"the latent places are those of other particles: {theirs[0]} is not in {particles.content.path}",
        path=table.path,
        hint="Choose the particle file of the job that made them.",
    )


def _stem(name: str) -> tuple[str, int]:
    """Name of the stack without folder, ending and cryoSPARC's mark of imported files, and the section."""
    stack, section = identity(name)
    return _IMPORTED.sub("", Path(stack.removeprefix(">")).stem), section


def _pairs(theirs: list[Any], ours: list[Any], table: LatentTable, by: str) -> Match:
    place = {key: row for row, key in enumerate(ours)}
    if len(place) < len(ours):
        raise UserError(f"{len(ours) - len(place)} particles of the particle file stand in it twice")
    if len(set(theirs)) < len(theirs):
        raise UserError(f"{len(theirs) - len(set(theirs))} particles have two latent places", path=table.path)
    rows = np.array([place.get(key, -1) for key in theirs], np.int64)
    absent = int((rows < 0).sum())
    if absent:
        raise UserError(
            f"{absent:,} of {len(theirs):,} latent places belong to particles that are not "
            "in the particle file",
            path=table.path,
            hint="Choose the particle file of the job that made them.",
        )
    of = "all" if len(theirs) == len(ours) else f"{len(theirs):,} of {len(ours):,}"
    return Match(np.arange(len(theirs)), rows, f"Latent places of {of} particles were found by {by}.")


def _by_order(
    table: LatentTable, particles: ForeignParticles, config: Path | None, project_dir: Path
) -> Match:
    rows, n = np.arange(table.n), particles.n
    indices = None
    if config is not None:
        # Where the numbers fit the file may be the one that was written of the chosen particles.
        with contextlib.suppress(*([UserError] if table.n == n else [])):
            indices = stated_indices(config, n, project_dir)
    if indices is not None and len(indices) == table.n:
        return Match(
            rows,
            np.asarray(indices, np.int64),
            f"Latent places belong to the {table.n:,} of {n:,} particles that {config} "
            "states (--ind), in order.",
        )
    if table.n == n:
        return Match(rows, rows, f"The {n:,} latent places belong to the {n:,} particles in the same order.")
    taken = f", of which the training took {len(indices)} (--ind)" if indices is not None else ""
    hint = "Choose the particle file of the training"
    if indices is None:
        hint += ", and its config where it took part of it (--ind)"
    if particles.tilted is False and particles.n > table.n:
        hint += "; of tilt series say so at Kind of particles"
    raise UserError(
        f"there are latent places of {table.n:,} particles, and {n:,} particles in {particles.content.path}"
        f"{taken}",
        path=table.path,
        hint=hint,
    )
