"""How long a million images of tilt series take: reading them as particles, selecting, and writing again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.formats.mrc import write_stack
from jobs.formats.tilt_export import write_selection, write_warp_series
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles

N_TOMOGRAMS, N_PARTICLES, N_TILTS = 25, 1000, 40
_COLUMNS = (
    *("rlnImageName", "rlnGroupName", "rlnMagnification", "rlnDetectorPixelSize", "rlnVoltage"),
    *("rlnSphericalAberration", "rlnAmplitudeContrast", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"),
    *("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnCtfBfactor", "rlnCtfScalefactor"),
)


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Warp series of 25 tomograms with 1000 particles in 40 images each."""
    folder = tmp_path_factory.mktemp("tilt")
    rng = np.random.default_rng(1)
    ranges = np.array([3e4, 3e4, 180, 360, 180, 360])
    numbers = [" ".join(f"{v:12.6f}" for v in row) for row in rng.random((1999, 6)) * ranges]
    tilts = 3.0 * (np.arange(N_TILTS) // 2)
    weights = [f"{-12.0 * (k + 1)} {c:.7f}" for k, c in enumerate(np.cos(np.deg2rad(tilts)))]
    path = folder / "million.star"
    with path.open("w") as file:
        file.write("\ndata_\n\nloop_\n")
        file.writelines(f"_{label} #{i + 1}\n" for i, label in enumerate(_COLUMNS))
        for t in range(N_TOMOGRAMS):
            images = np.zeros((N_PARTICLES * N_TILTS, 2, 2), np.float32)
            write_stack(folder / f"{t}.mrcs", images, 1.7)
            for i in range(N_PARTICLES * N_TILTS):
                p, k = divmod(i, N_TILTS)
                file.write(
                    f"{i + 1:06d}@{t}.mrcs TS_{t:03d}_{p:06d} 10000.0 1.7 300.0 2.7 0.07 "
                    f"{numbers[(i + 7 * t) % 1999]} {weights[k]}\n"
                )
    return path


@pytest.fixture(scope="module")
def particles(million: Path) -> TiltParticles:
    """The series, read."""
    return read_tilt_particles(million)


def test_that_a_million_images_are_read_as_particles(benchmark: Any, million: Path) -> None:
    read = benchmark.pedantic(read_tilt_particles, args=(million,), rounds=1)
    assert (read.n, read.n_images) == (N_TOMOGRAMS * N_PARTICLES, N_TOMOGRAMS * N_PARTICLES * N_TILTS)


def test_that_half_a_million_images_are_selected(benchmark: Any, particles: TiltParticles) -> None:
    half = benchmark.pedantic(particles.select, args=(np.arange(0, particles.n, 2),), rounds=1)
    assert half.n_images == particles.n_images // 2


def test_that_a_selection_is_written(benchmark: Any, particles: TiltParticles, tmp_path: Path) -> None:
    half = particles.select(np.arange(0, particles.n, 2))
    benchmark.pedantic(write_selection, args=(half, tmp_path / "half.star"), rounds=1)
    assert (tmp_path / "half.star").stat().st_size > 1e7


def test_that_a_warp_series_is_written(benchmark: Any, particles: TiltParticles, tmp_path: Path) -> None:
    some = particles.select(np.arange(0, particles.n, 10))
    benchmark.pedantic(write_warp_series, args=(some, tmp_path / "warp.star"), rounds=1)
    assert (tmp_path / "warp.star").stat().st_size > 1e6


def test_that_the_simulated_series_is_read(benchmark: Any, shared: Path) -> None:
    read = benchmark(read_tilt_particles, shared / "data" / "tomodrgn" / "10076_both_32_sim.star")
    assert read.n_images == 1296
