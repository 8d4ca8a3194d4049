"""Choose particles and images of a tilt-series set, by identity and with every loss said."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.star_scan import IntArray
from jobs.formats.tilt_particles import TiltParticles

SORTS = ("unsorted", "dose_ascending", "random")


@dataclass(frozen=True, eq=False)
class Choice:
    """What to train on, in the order in which it is applied.

    Attributes
    ----------
    images
        Images to keep: rows of the file (image series), or places among all visible images (sets); None all.
    particles
        Particles to keep, as the whole file counts them, whatever ``images`` left of them; None all.
    sort
        In which order the first images of a particle are taken: as in the file, by dose, or at random.
    first_ntilts
        Images to keep of each particle; -1 all. A particle that has fewer keeps those it has.
    first_nptcls
        Particles to keep; -1 all.
    seed
        Of the random order.
    """

    images: IntArray | None = None
    particles: IntArray | None = None
    sort: str = "unsorted"
    first_ntilts: int = -1
    first_nptcls: int = -1
    seed: int = 0


def choose(particles: TiltParticles, choice: Choice) -> TiltParticles:
    """Return what is chosen of a set that was read whole; images stay in the order of the file.

    What was chosen by numbers is looked up by identity, so that no step shifts the numbers of the next.

    Raises
    ------
    UserError
        When nothing is left, an option is impossible, or the dose is needed and not known.
    """
    if choice.sort not in SORTS:
        raise UserError(
            f"the order '{choice.sort}' is not one of {', '.join(SORTS)}", column="sort_ptcl_imgs"
        )
    for name in ("first_ntilts", "first_nptcls"):
        if getattr(choice, name) == 0 or getattr(choice, name) < -1:
            raise UserError("a number from 1, or -1 for all, is expected", column=f"use_{name}")
    whole = particles.n
    chosen, warnings = particles, list(particles.warnings)
    names = None if choice.particles is None else set(particles.particle_name[choice.particles])
    if choice.images is not None:
        place = particles.row if particles.one_row_per_image else np.arange(particles.n_images)
        chosen = chosen.select_images(np.isin(place, choice.images))
        if chosen.n < whole and chosen.n:
            warnings.append(f"{whole - chosen.n} of {whole} particles have none of the chosen images.")
    if names is not None:
        chosen = chosen.select(np.array([name in names for name in chosen.particle_name], bool))
    if choice.first_ntilts > 0 and chosen.n:
        short = chosen.counts[chosen.counts < choice.first_ntilts]
        if len(short):
            warnings.append(
                f"{len(short):,} of {chosen.n:,} particles have fewer than {choice.first_ntilts} images (the "
                f"fewest {short.min()}): all of theirs are kept."
            )
        chosen = chosen.select_images(_rank(chosen, choice) < choice.first_ntilts)
    if choice.first_nptcls > 0 and chosen.n:
        if chosen.n < choice.first_nptcls:
            warnings.append(
                f"There are only {chosen.n:,} particles, not {choice.first_nptcls:,}: all are kept."
            )
        chosen = chosen.select(np.arange(min(chosen.n, choice.first_nptcls)))
    if not chosen.n:
        raise UserError("no particle is left after the selection", path=particles.path)
    return replace(chosen, warnings=tuple(warnings))


def labelled(labels: npt.NDArray[np.generic], wanted: list[str] | list[float] | list[int]) -> IntArray:
    """Return which entries of ``labels`` are among those wanted.

    Parameters
    ----------
    labels
        `(n,)` numbers or text, as :func:`jobs.formats.index_files.read_labels` gives.
    wanted
        Labels to choose; text that is a number counts as that number.

    Raises
    ------
    UserError
        When a wanted label does not occur; says which do.
    """
    present = list(dict.fromkeys(labels.tolist()))
    chosen = []
    for label in wanted:
        match = next((p for p in present if _same(p, label)), None)
        if match is None:
            shown = ", ".join(str(p) for p in sorted(present, key=str)[:12])
            raise UserError(f"no particle has the label {label} (there are {shown})", column="labels_sel")
        chosen.append(match)
    return np.flatnonzero([value in chosen for value in labels.tolist()]).astype(np.int64)


def _same(present: object, wanted: object) -> bool:
    try:
        return float(str(present)) == float(str(wanted))
    except ValueError:
        return str(present) == str(wanted)


def _rank(particles: TiltParticles, choice: Choice) -> IntArray:
    """Return the place of each image among those of its particle, `(N,)`, in the chosen order."""
    key = np.arange(particles.n_images, dtype=np.float64)
    if choice.sort == "dose_ascending":
        if np.isnan(particles.dose).any():
            raise UserError(
                "images cannot be taken by dose, which the file does not state",
                path=particles.path,
                column="sort_ptcl_imgs",
                hint="State the dose of each image (dose_override), or take them as they stand in the file.",
            )
        key = particles.dose
    elif choice.sort == "random":
        key = np.random.default_rng(choice.seed).random(particles.n_images)
    order = np.lexsort((key, particles.particle))
    rank = np.empty(particles.n_images, np.int64)
    rank[order] = np.arange(particles.n_images) - np.repeat(particles.first[:-1], particles.counts)
    return rank
