"""Latent places of images by a trained encoder: every tilt of every particle, nothing random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from jobs.core.errors import UserError
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.contrast import stated_contrast
from jobs.tomodrgn.encoding_pass import encode_particles
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.job_config import JobConfig
from jobs.tomodrgn.run_settings import own_norm
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.tilt_drawing import first_images
from jobs.tomodrgn.trained_model import Trained

#: Outer radius of the window where the settings do not say it, as in the first generation.
_WINDOW_OUT = 0.99


def sampling_of(config: JobConfig, particles: TiltParticles, norm: float) -> SampleOptions:
    """How images became samples in a training."""
    data = config.dataset
    inverted = bool(data.get("invert_data", True))
    return SampleOptions(
        extent=min(0.5, config.extent),
        window=bool(data.get("window", True)),
        window_in=float(data.get("window_r") or 0.85),
        window_out=float(data.get("window_r_outer") or _WINDOW_OUT),
        sign=stated_contrast(particles, not inverted).sign,
        scale=norm,
        shift=own_norm(*config.norm, particles.box)[0],
    )


def forward_of(config: JobConfig) -> ForwardOptions:
    """Which factors the expected images had in a training."""
    data = config.dataset
    return ForwardOptions(
        dose=bool(data.get("recon_dose_weight")),
        tilt=bool(data.get("recon_tilt_weight")),
        dose_mask=bool(data.get("l_dose_mask")),
    )


def embed(
    trained: Trained,
    config: JobConfig,
    particles: TiltParticles,
    *,
    device: str = "cpu",
    cache: Path | None = None,
    lazy: bool = False,
    batch: int = 64,
    contrast: int | None = None,
    each: Callable[[str, int, int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and logarithm of the variance of the place of each particle, ``(P, zdim)`` float32.

    Parameters
    ----------
    trained, config
        Model, and the settings of its training, by which the images are read.
    particles
        What to embed.
    device, cache, lazy
        Where; folder for a file of samples, and whether to use it though memory would do.
    batch
        Particles encoded together.
    contrast
        Sign of the images, when it is another than in the training.
    each
        Called with what is being done, and how much of how much; may raise to stop.

    Raises
    ------
    UserError
        When the particles do not suit the model.
    """
    if not trained.zdim:
        raise UserError("a train_nn model has no encoder", path=trained.path, hint="Train with train_vae")
    settings = trained.own.settings
    if particles.box != settings.box:
        raise UserError(
            f"the images are {particles.box} pixels wide, but the model is for {settings.box}",
            path=particles.path,
            hint="Extract the particles in the same box and pixel size",
        )
    if abs(particles.pixel_size_a / settings.pixel_size_a - 1) > 0.01:
        raise UserError(
            f"the images have pixels of {particles.pixel_size_a:.4g} Å, but the model is for "
            f"{settings.pixel_size_a:.4g} Å",
            path=particles.path,
            hint="Extract the particles in the same box and pixel size",
        )
    if settings.pooling_function == "concatenate" and config.dataset.get("sample_ntilts"):
        # The training looked at so many, and left the places in z.pkl from the first of them.
        first = torch.from_numpy(particles.first)
        particles = particles.select_images(first_images(first, None, settings.n_tilts).numpy())
    settings.check_tilts(int(particles.counts.max()))
    samples = sampling_of(config, particles, trained.norm)
    if contrast is not None:
        samples = replace(samples, sign=contrast)
    bank = ImageBank(
        particles,
        samples,
        forward_of(config),
        device=device,
        cache=cache,
        lazy=lazy,
        each=lambda done, of: each("images", done, of),
    )
    mean, log_variance = encode_particles(
        trained.own,
        bank,
        trained.noise,
        batch_size=batch,
        each=lambda done, of: each("particles", done, of),
    )
    return mean.float().numpy(), log_variance.float().numpy()
