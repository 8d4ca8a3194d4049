"""Which particles and images of a file take part in a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.formats.index_files import read_indices
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_selection import Choice, choose

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions


def select_input(
    particles: TiltParticles, options: TomoDrgnOptions, project_dir: Path, seed: int
) -> TiltParticles:
    """Apply all filters of a job to a whole file: images, particles, first images, first particles.

    Raises
    ------
    UserError
        When a file of indices does not suit, or nothing is left.
    """

    def indices(name: str, n: int, what: str) -> np.ndarray | None:
        return read_indices(project_dir / name, n, what) if name else None

    n_rows = particles.table.n_rows if particles.one_row_per_image else particles.n_images
    return choose(
        particles,
        Choice(
            images=indices(options.fn_ind_imgs, n_rows, "images"),
            particles=indices(options.fn_ind, particles.n, "particles"),
            sort=options.sort_ptcl_imgs,
            first_ntilts=options.use_first_ntilts,
            first_nptcls=options.use_first_nptcls,
            seed=seed,
        ),
    )
