"""Finished jobs of 2D classes made from planted classes, for tests of what reads and judges them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.core.class_set import PIXEL_ERROR
from jobs.formats.star import read_star_tables
from jobs.isac2.averages import segment_averages
from jobs.isac2.particle_file import ParticleFile
from jobs.isac2.relion_classes import ClassMembers, write_class_files
from jobs.maths.transforms2d import Planar
from tests.support.class_images import ClassImages


def write_class_job(
    folder: Path,
    project: Path,
    made: ClassImages,
    class_of: NDArray[np.int64],
    particles: str = "particles.star",
) -> Path:
    """Write ``run_*`` files of classes of planted images, aligned as their truth says.

    Parameters
    ----------
    folder, project
        Folder of the job, and that to which the particle file and paths are relative.
    made
        The images; ``particles`` was simulated with the same specification.
    class_of
        ``(N,)`` class of each image from 0, every class with a member; -1: in none.
    particles
        Particle file of the simulation.

    Returns
    -------
    pathlib.Path
        The optimiser file.
    """
    alpha, shift, mirror = made.truth.alignment()
    planar = Planar(torch.as_tensor(alpha), torch.as_tensor(shift), torch.as_tensor(mirror))
    n = int(class_of.max()) + 1
    averages, _ = segment_averages(made.images, planar, torch.as_tensor(class_of), n)
    rows = np.flatnonzero(class_of >= 0)
    return write_class_files(
        folder,
        "run",
        averages.numpy(),
        made.spec.pixel_size_a,
        {PIXEL_ERROR: np.full(n, 0.4)},
        ClassMembers(rows, class_of[rows], planar[torch.as_tensor(rows)], np.full(len(rows), 0.4)),
        ParticleFile(read_star_tables(project / particles), "particles", made.spec.pixel_size_a),
        project_dir=project,
    )
