"""Images of two shapes seen through strong astigmatism, with known places, as an input and in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.formats.image_stack_input import ImageInput, read_image_input
from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.transforms2d import Planar

#: Å per pixel, images of each shape, deviation of the noise.
PIXEL_A, EACH, NOISE = 3.0, 40, 0.5


def _density(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Two smooth shapes without symmetry, with detail of a few pixels."""
    places = ((0, 0, 4, 1.0), (7, 2 + 3 * k, 1.6, 1.0), (-4, 8, 1.6, 0.8), (-6, -7 - k, 2.0, 0.9))
    return np.sum([h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * w * w)) for a, b, w, h in places], axis=0)


@dataclass
class PlantedMembers:
    """The input, the shapes `(2, y, x)`, and rows and true transformations of the members of each."""

    source: ImageInput
    truth: np.ndarray
    members: list[np.ndarray]
    planar: list[Planar]


def planted_members(
    folder: Path, box: int, *, flipped: bool = False, noise: float = NOISE, each: int = EACH
) -> PlantedMembers:
    """Images of two shapes, moved, with strong astigmatism and noise."""
    rng = np.random.default_rng(3)
    count = 2 * each
    y, x = np.mgrid[:box, :box] - box // 2
    alpha, shift = rng.uniform(0, 360, count), rng.uniform(-3, 3, (count, 2))
    mirror, class_of = rng.random(count) < 0.5, np.arange(count) % 2
    images = np.empty((count, box, box))
    for i in range(count):
        a = np.deg2rad(alpha[i])
        there = np.cos(a) * x + np.sin(a) * y + shift[i, 0], -np.sin(a) * x + np.cos(a) * y + shift[i, 1]
        images[i] = _density(-there[0] if mirror[i] else there[0], there[1], class_of[i])
    optics: dict[str, Any] = {
        "rlnOpticsGroup": [1],
        "rlnImagePixelSize": [PIXEL_A],
        "rlnImageSize": [box],
        "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.1],
        "rlnCtfDataArePhaseFlipped": [int(flipped)],
    }
    defocus = rng.uniform(12000, 25000, count)
    rows: dict[str, Any] = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(count)],
        "rlnOpticsGroup": [1] * count,
        "rlnDefocusU": defocus,
        "rlnDefocusV": defocus - 3000,
        "rlnDefocusAngle": rng.uniform(0, 180, count),
    }
    write_star_tables(
        folder / "particles.star",
        [StarTable.from_columns("optics", optics), StarTable.from_columns("particles", rows)],
    )
    write_stack(folder / "images.mrcs", images.astype(np.float32), PIXEL_A)
    particles = read_image_input(folder / "particles.star", folder).particles
    ctf = ctf_rfft(from_particles(particles), box, PIXEL_A)
    ctf = ctf.abs() if flipped else ctf
    seen = rfft_to_image(image_to_rfft(torch.from_numpy(images.astype(np.float32))) * ctf, box).numpy()
    seen = seen + rng.normal(0, noise, seen.shape)
    write_stack(folder / "images.mrcs", seen.astype(np.float32), PIXEL_A)
    planar = Planar(torch.from_numpy(alpha), torch.from_numpy(shift), torch.from_numpy(mirror))
    members = [np.flatnonzero(class_of == k) for k in range(2)]
    return PlantedMembers(
        read_image_input(folder / "particles.star", folder),
        np.stack([_density(x, y, k) for k in range(2)]),
        members,
        [planar[torch.from_numpy(rows)] for rows in members],
    )
