"""Full-size averages show what is in the images, without the CTF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.formats.image_stack_input import ImageInput, read_image_input
from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.full_size import FullSize, filtered_average, full_size_averages
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft, radius_rfft, rfft_to_image
from jobs.maths.transforms2d import Planar

_PIXEL, _EACH, _NOISE = 3.0, 40, 0.5


def _density(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Two smooth shapes without symmetry, with detail of a few pixels."""
    places = ((0, 0, 4, 1.0), (7, 2 + 3 * k, 1.6, 1.0), (-4, 8, 1.6, 0.8), (-6, -7 - k, 2.0, 0.9))
    return np.sum([h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * w * w)) for a, b, w, h in places], axis=0)


@dataclass
class _Planted:
    source: ImageInput
    truth: np.ndarray
    members: list[np.ndarray]
    planar: list[Planar]


def _planted(folder: Path, box: int, *, flipped: bool = False) -> _Planted:
    """Images of two shapes, moved, with strong astigmatism and noise."""
    rng = np.random.default_rng(3)
    count = 2 * _EACH
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
        "rlnImagePixelSize": [_PIXEL],
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
    write_stack(folder / "images.mrcs", images.astype(np.float32), _PIXEL)
    particles = read_image_input(folder / "particles.star", folder).particles
    ctf = ctf_rfft(from_particles(particles), box, _PIXEL)
    ctf = ctf.abs() if flipped else ctf
    seen = rfft_to_image(image_to_rfft(torch.from_numpy(images.astype(np.float32))) * ctf, box).numpy()
    seen = seen + rng.normal(0, _NOISE, seen.shape)
    write_stack(folder / "images.mrcs", seen.astype(np.float32), _PIXEL)
    planar = Planar(torch.from_numpy(alpha), torch.from_numpy(shift), torch.from_numpy(mirror))
    members = [np.flatnonzero(class_of == k) for k in range(2)]
    return _Planted(
        read_image_input(folder / "particles.star", folder),
        np.stack([_density(x, y, k) for k in range(2)]),
        members,
        [planar[torch.from_numpy(rows)] for rows in members],
    )


def _average(planted: _Planted) -> FullSize:
    return full_size_averages(planted.source, planted.members, planted.planar, radius_px=15, device="cpu")


def _likeness(planted: _Planted, found: FullSize) -> list[float]:
    box = planted.source.box
    y, x = np.mgrid[:box, :box] - box // 2
    inside = x**2 + y**2 < 15**2
    pairs = zip(planted.truth, found.averages, strict=True)
    return [float(np.corrcoef(a[inside], b[inside])[0, 1]) for a, b in pairs]


@pytest.mark.parametrize("flipped", [False, True])
def test_that_averages_are_the_objects_without_the_ctf(tmp_path: Path, flipped: bool) -> None:
    planted = _planted(tmp_path, 48, flipped=flipped)
    found = _average(planted)
    assert min(_likeness(planted, found)) > 0.97
    assert (found.resolution_a < 20).all() and (found.resolution_a >= 2 * _PIXEL).all()
    other = _likeness(
        planted, FullSize(found.averages[::-1], *(found.curves,) * 1, *(found.resolution_a,) * 2)
    )
    assert max(other) < min(_likeness(planted, found)) - 0.02


def test_that_every_transformation_counts(tmp_path: Path) -> None:
    planted = _planted(tmp_path, 48)
    good = min(_likeness(planted, _average(planted)))
    right = planted.planar
    for spoiled in (
        [Planar(p.alpha_deg, p.shift, ~p.mirror) for p in right],
        [Planar(-p.alpha_deg, p.shift, p.mirror) for p in right],
        [Planar(p.alpha_deg, -p.shift, p.mirror) for p in right],
    ):
        planted.planar = spoiled
        assert min(_likeness(planted, _average(planted))) < good - 0.03


def test_that_sharpening_undoes_the_fall_of_amplitudes() -> None:
    box, pixel, factor = 96, 1.5, 180.0
    radius = radius_rfft(box)
    noise = image_to_rfft(torch.randn(box, box, generator=torch.Generator().manual_seed(4)))
    fallen = noise * torch.exp(-factor / 4 * (radius / (box * pixel)) ** 2)
    weight, curve = torch.ones_like(radius), torch.ones(box // 2 + 1)
    sharp, found = filtered_average(fallen, weight, curve, pixel, sharpen=True)
    assert found == pytest.approx(factor, rel=0.1)
    inner = (radius > 2) & (radius < box // 2)
    assert torch.allclose(sharp[inner].abs(), noise[inner].abs(), rtol=0.3)
    plain, none = filtered_average(fallen, weight, curve, pixel, sharpen=False)
    assert none == 0 and torch.allclose(plain[inner], fallen[inner], rtol=0.01)
