"""What belongs to a checkpoint of the original: its particles, poses, half-sets and their latent states."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamight.latent_particles import ParticleFile
from jobs.dynamight.original_halves import OriginalModel, load_original
from jobs.dynamight.original_images import masking_of, translations_px
from jobs.dynamight.original_latents import Latents, latents_of
from jobs.dynamight.original_pickle import is_legacy
from jobs.formats.particle_set import ParticleSet
from jobs.formats.particles import read_particles


def is_original(path: Path) -> bool:
    """Whether a file is a checkpoint of the original with motions, by a look at its names only."""
    try:
        if is_legacy(path):
            with path.open("rb") as file:
                return b"decoder_half1" in file.read(1 << 22)
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith("/data.pkl") and n.count("/") == 1]
            return len(names) == 1 and b"decoder_half1" in archive.read(names[0])
    except (OSError, zipfile.BadZipFile, RuntimeError):
        return False


def star_of(model: OriginalModel, project_dir: Path) -> Path:
    """Particle file of a checkpoint; where it names a folder, ``run_data.star`` in it."""
    path = project_dir / model.checkpoint.star
    return path if path.suffix == ".star" else path / "run_data.star"


def with_refined_poses(model: OriginalModel, particles: ParticleSet) -> ParticleSet:
    """Particles with the angles and shifts that the training ended with."""
    euler = model.checkpoint.orientations
    changed = particles
    if euler is not None:
        changed = replace(changed, euler_deg=np.rad2deg(euler.detach().double().numpy()))
    shifts = translations_px(model, particles).double().numpy()
    return replace(changed, origin_a=-shifts * particles.pixel_size_a[:, None])


class Loaded:
    """A checkpoint with the particles it was trained on and their states.

    Parameters
    ----------
    job, project_dir, path
        Job folder, project and checkpoint.
    device
        Where to compute.
    progress
        Told how many images of how many have been looked at, when states are not yet known.

    Raises
    ------
    UserError
        If files are missing, damaged, or do not belong together.
    """

    def __init__(
        self,
        job: Path,
        project_dir: Path,
        path: Path,
        device: str = "cpu",
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.model = load_original(path, device)
        star = star_of(self.model, project_dir)
        if not star.is_file():
            raise UserError(
                "the particle file that the model was trained on is missing",
                path=star,
                hint="Put it back, or open the project in which the job was run.",
            )
        self.file = ParticleFile(star, project_dir)
        everyone = np.arange(len(self.file.image_name))
        self.half, self.held = self.model.halves_of(len(everyone))
        self.particles = with_refined_poses(self.model, self.file.particles(everyone))
        self.latents: Latents = latents_of(
            job,
            self.model,
            self.particles,
            masking_of(job),
            lambda: read_particles(star, project_dir),
            device,
            progress,
        )
        self.device = device
