"""Which particles and images of a file take part: indices, first images, first particles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.errors import UserError
from jobs.formats.index_files import read_indices
from jobs.formats.tilt_particles import TiltParticles

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions


def select_input(
    particles: TiltParticles, options: TomoDrgnOptions, project_dir: Path, seed: int
) -> TiltParticles:
    """Apply all filters of a job in their order: images, particles, first images, first particles.

    Raises
    ------
    UserError
        When nothing is left.
    """
    if options.fn_ind_imgs:
        particles = keep_images(particles, project_dir / options.fn_ind_imgs)
    if options.fn_ind:
        # Numbers of particles are those of the whole file, whatever images have been left out before.
        n = int(particles.original.max(initial=-1)) + 1
        wanted = read_indices(project_dir / options.fn_ind, max(n, particles.n), "particles")
        particles = particles.select(np.isin(particles.original, wanted))
    if options.use_first_ntilts > 0:
        particles = first_images(particles, options.use_first_ntilts, options.sort_ptcl_imgs, seed)
    if options.use_first_nptcls > 0:
        particles = particles.select(np.arange(min(options.use_first_nptcls, particles.n)))
    if not particles.n:
        raise UserError("no particle is left after all filters", path=particles.path, hint="Filter less")
    return particles


def keep_images(particles: TiltParticles, path: Path) -> TiltParticles:
    """Keep the images of these numbers, counted in the order of the file's rows."""
    order = np.lexsort((particles.section, particles.row))
    chosen = read_indices(path, particles.n_images, "images")
    keep = np.zeros(particles.n_images, bool)
    keep[order[chosen]] = True
    return particles.select_images(keep)


def first_images(particles: TiltParticles, n: int, order: str, seed: int) -> TiltParticles:
    """Keep ``n`` images of each particle, first in an order; particles with fewer are left out."""
    if order == "random":
        key = np.random.default_rng(seed).random(particles.n_images)
    elif order == "dose_ascending":
        key = np.nan_to_num(particles.dose, nan=0.0)
    else:
        key = particles.row.astype(np.float64)
    owner = particles.particle
    ranked = np.lexsort((np.arange(particles.n_images), key, owner))
    rank = np.empty(particles.n_images, np.int64)
    rank[ranked] = np.arange(particles.n_images) - particles.first[:-1][owner[ranked]]
    enough = (particles.counts >= n)[owner]
    return particles.select_images((rank < n) & enough)
