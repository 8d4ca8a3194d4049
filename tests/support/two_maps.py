"""Tilt series of particles of several maps that differ in nothing but the map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from jobs.formats.mrc import write_stack
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.ctf import constant_ctf, ctf_rfft
from jobs.maths.fourier import rfft_to_image
from jobs.maths.project import Projector
from jobs.maths.rotations import random_rotations
from jobs.simulate.tilt_output import write_series
from jobs.simulate.tilt_series import TiltTruth, attenuation
from jobs.simulate.tilt_specification import R4

#: Stage tilts of class E of the simulated set in the order of exposure, and the dose of each in e/Å².
_TILTS, _DOSE = (0.0, 3.0, -3.0, -6.0, 6.0, 9.0, -9.0, -12.0, 12.0, 15.0), 3.0
#: Phase plate, as in the simulated set.
_PHASE_DEG = 90.0


def imaged_alike(
    maps: npt.NDArray[np.float32],
    pixel_size_a: float,
    folder: Path,
    *,
    each: int = 72,
    snr: float = 0.056,
    seed: int = 1,
) -> tuple[TiltParticles, npt.NDArray[np.int64]]:
    """Images of particles of every map: same tilts, dose, noise and distributions of poses and defocus.

    Parameters
    ----------
    maps
        ``(k, D, D, D)``; all are given the same mean and the same standard deviation.
    pixel_size_a, folder
        Å, and where to write the files.
    each
        Particles of each map.
    snr
        Variance of untilted, undamaged images with CTF over that of the (white) noise.
    seed
        Of poses, defocus and noise.

    Returns
    -------
    particles, labels
        Protein is white; ``(P,)`` map of each particle, in random order.
    """
    box, p, t = maps.shape[-1], each * len(maps), len(_TILTS)
    rng, draw = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    labels = rng.permutation(np.arange(p) % len(maps))
    spec = R4.with_changes(n_particles=p, box=box, pixel_size_a=pixel_size_a, dose_per_tilt=_DOSE)
    truth = TiltTruth(
        particle_name=np.array([f"one_{i:06d}" for i in range(p)]),
        tomogram=np.array(["one"] * p),
        species=labels,
        half=rng.permutation(np.arange(p) % 2) + 1,
        rotations=random_rotations(p, draw, torch.float64),
        defocus_a=rng.normal(15_000, 4_000, p).clip(5_000),
        particle=np.repeat(np.arange(p), t),
        tilt_deg=np.tile(_TILTS, p),
        dose=np.tile(_DOSE * (1 + np.arange(t)), p),
        shifts_px=np.zeros((p * t, 2)),
        noise_sd=1 / np.sqrt(snr),
    )
    even = (maps - maps.mean((1, 2, 3), keepdims=True)) / maps.std((1, 2, 3), keepdims=True)
    projectors = [Projector(volume, padding=3) for volume in torch.from_numpy(even)]
    ctf = ctf_rfft(
        constant_ctf(
            torch.as_tensor(truth.defocus_a)[truth.particle],
            voltage_kv=spec.voltage_kv,
            spherical_aberration_mm=spec.spherical_aberration_mm,
            amplitude_contrast=spec.amplitude_contrast,
            phase_shift_deg=_PHASE_DEG,
        ),
        box,
        pixel_size_a,
    )
    rotations, owner = truth.image_rotations.float(), labels[truth.particle]
    slices = torch.zeros(p * t, box, box // 2 + 1, dtype=torch.complex64)
    for number, projector in enumerate(projectors):
        rows = torch.from_numpy(np.flatnonzero(owner == number))
        slices[rows] = projector.slices(rotations[rows])
    slices = slices * ctf
    untilted = rfft_to_image(slices[torch.from_numpy(truth.tilt_deg == 0)], box)
    weakened = rfft_to_image(slices * attenuation(spec, truth.dose, truth.tilt_deg), box) / untilted.std()
    noise = torch.randn(weakened.shape, generator=draw) * truth.noise_sd
    write_stack(folder / "particles.mrcs", (weakened + noise).numpy(), pixel_size_a)
    write_series(spec, truth, "", folder / "particles.star")
    particles = read_tilt_particles(folder / "particles.star", datadir=folder)
    return replace(particles, phase_shift_deg=np.full(particles.n_images, _PHASE_DEG)), labels
