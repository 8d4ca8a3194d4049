"""Look into the images of tilt series: empty ones, and numbers that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.stacks import ImageStacks
from jobs.formats.star_scan import IntArray
from jobs.formats.tilt_particles import TiltParticles

_BATCH_BYTES = 1 << 25
_SAMPLE = 4096
_COLUMN = "rlnImageName"


@dataclass(frozen=True, eq=False)
class ImageReport:
    """What was found in the images of a set.

    Attributes
    ----------
    n_checked
        How many images were looked at.
    empty
        `(k,)` images of which all pixels are the same, as programs write them that ran out of memory.
    warnings
        Sentences for the user.
    """

    n_checked: int
    empty: IntArray
    warnings: tuple[str, ...]


def check_images(
    particles: TiltParticles,
    *,
    sample: int | None = _SAMPLE,
    seed: int = 0,
    poll: Callable[[], None] | None = None,
) -> ImageReport:
    """Check images of every stack, a few at a time.

    Parameters
    ----------
    particles
        Set; its stacks have passed the check of their headers.
    sample
        Most images to look at, spread over all stacks, at least one of each; None looks at all. A stack of
        which only empty images were drawn is then looked through.
    seed
        Of the choice.
    poll
        Called between portions, so that a job can be stopped.

    Raises
    ------
    FormatError
        When all images wanted of a stack are empty, or an image holds NaN or infinity; names file and row.
    """
    stacks = ImageStacks(particles)
    with stacks:
        chosen = _chosen(particles, sample, seed)
        empty = _looked_through(particles, stacks, chosen, poll)
        seen = np.zeros(particles.n_images, bool)
        seen[chosen] = True
        full = np.unique(particles.stack[chosen[~empty]])
        suspect = np.setdiff1d(particles.stack[chosen[empty]], full)
        rest = np.flatnonzero(np.isin(particles.stack, suspect) & ~seen)
        also = _looked_through(particles, stacks, rest, poll)
    images = np.concatenate((chosen[empty], rest[also]))
    hollow = np.setdiff1d(suspect, particles.stack[rest[~also]])
    if len(hollow):
        image = int(np.flatnonzero(np.isin(particles.stack, hollow))[0])
        stack = particles.stacks[int(particles.stack[image])]
        others = f" (and so are {len(hollow) - 1} other stacks)" if len(hollow) > 1 else ""
        raise _at(
            particles,
            image,
            f"all images of {stack} are empty: their pixels are all the same{others}",
            "Extract them again; some programs write zeros when the memory of the GPU runs short.",
        )
    images.sort()
    n_checked = len(chosen) + len(rest)
    warnings: tuple[str, ...] = ()
    if len(images):
        row = int(particles.row[images[0]])
        warnings = (
            f"{len(images):,} of {n_checked:,} images that were looked at are empty (all "
            "pixels are the same); "
            f"the first is image {particles.section[images[0]] + 1} of "
            f"{particles.stacks[int(particles.stack[images[0]])]}, row {row + 1} of the table.",
        )
    return ImageReport(n_checked, images, warnings)


def _chosen(particles: TiltParticles, sample: int | None, seed: int) -> IntArray:
    """Return the images to look at, in the order in which they lie on the disk."""
    n = particles.n_images
    order = np.lexsort((particles.section, particles.stack))
    if sample is None or sample >= n:
        return order.astype(np.int64)
    kept = np.zeros(n, bool)
    kept[np.unique(particles.stack, return_index=True)[1]] = True
    more = max(0, sample - int(kept.sum()))
    kept[np.random.default_rng(seed).permutation(np.flatnonzero(~kept))[:more]] = True
    return order[kept[order]].astype(np.int64)


def _looked_through(
    particles: TiltParticles, stacks: ImageStacks, images: IntArray, poll: Callable[[], None] | None
) -> npt.NDArray[np.bool_]:
    """Return which images are empty, `(k,)`; refuse those with numbers that are none."""
    empty = np.zeros(len(images), bool)
    step = max(1, _BATCH_BYTES // (4 * stacks.box**2))
    for a in range(0, len(images), step):
        if poll is not None:
            poll()
        part = images[a : a + step]
        pixels = stacks.read(part).reshape(len(part), -1)
        low, high = pixels.min(1), pixels.max(1)  # NaN goes through both
        bad = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)))
        if len(bad):
            image = int(part[bad[0]])
            stack = particles.stacks[int(particles.stack[image])]
            raise _at(
                particles,
                image,
                f"image {particles.section[image] + 1} of {stack} holds numbers that are not finite",
                "Extract it again, or leave its particle out.",
            )
        empty[a : a + step] = low == high
    return empty


def _at(particles: TiltParticles, image: int, message: str, hint: str) -> FormatError:
    table, row = particles.table, int(particles.row[image])
    line = f" (line {table.line(row)})" if table.path is not None else ""
    return FormatError(
        message + line, path=table.path or particles.path, row=row + 1, column=_COLUMN, hint=hint
    )
