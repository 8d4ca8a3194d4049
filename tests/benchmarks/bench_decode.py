"""How long the explorer waits for a map, a job and its measures.

Maps are those of a ball of Gaussians as a training leaves them; the map by way of Fourier, which trainings
write, is computed in the same run for comparison.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.checkpoint import save_checkpoint
from jobs.core.compute import free_device
from jobs.dynamight.field import FieldShape
from jobs.dynamight.latent_model import DynaMightModel, source
from jobs.dynamight.latent_particles import ParticleFile
from jobs.dynamight.model import Frame, GaussianModel, initial_widths
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.schedule import Schedule
from jobs.dynamight.state import FORMAT, VERSION, TrainedModel, load_model
from jobs.maths.gaussians import radius_graph
from tests.benchmarks.figures import Figures, best_of

#: A molecule fills about this part of its box.
FILLED = 0.02
N_LATENT = 6
N_THREADS = min(2, len(os.sched_getaffinity(0)))


def _model(box: int, n_gaussians: int) -> GaussianModel:
    """A ball of Gaussians as wide as trainings begin with, and a field of the usual size."""
    rng = np.random.default_rng(1)
    radius = box * 3.0 * (FILLED * 3 / (4 * math.pi)) ** (1 / 3)
    points = rng.normal(size=(n_gaussians, 3))
    points *= radius * rng.random((n_gaussians, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1)[:, None]
    positions = torch.from_numpy(points).float()
    _, distance = radius_graph(positions)
    shape = FieldShape(N_LATENT, 24, 64, 2, 4, 6.0, 6 * radius)
    widths = initial_widths(distance, 1)
    return GaussianModel(positions, widths, shape, Frame(box, 3.0), torch.Generator().manual_seed(2))


def _write_job(folder: Path, box: int, n_gaussians: int, n_particles: int) -> Path:
    """A finished job of that size: particle file and final checkpoint."""
    rng = np.random.default_rng(3)
    rows = [
        f"{k % 200 + 1:06d}@Extract/job012/Movies/mic_{k // 200:05d}.mrcs Movies/mic_{k // 200:05d}.mrc 1 "
        f"{numbers} {k % 2 + 1}"
        for k, numbers in enumerate(
            " ".join(f"{v:12.6f}" for v in line) for line in 100 * rng.normal(size=(n_particles, 20))
        )
    ]
    names = [
        "rlnImageName",
        "rlnMicrographName",
        "rlnOpticsGroup",
        "rlnDefocusU",
        "rlnDefocusV",
        "rlnDefocusAngle",
    ]
    names += ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"]
    names += [f"rlnOther{k}" for k in range(12)] + ["rlnRandomSubset"]
    labels = "\n".join(f"_{name} #{k + 1}" for k, name in enumerate(names))
    (folder / "particles.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnVoltage #2\n_rlnSphericalAberration #3\n"
        "_rlnAmplitudeContrast #4\n_rlnImagePixelSize #5\n_rlnImageSize #6\n"
        f"1 300.0 2.7 0.1 3.0 {box}\n\ndata_particles\n\nloop_\n{labels}\n" + "\n".join(rows) + "\n"
    )
    model = _model(box, n_gaussians)
    half = np.arange(n_particles) % 2 + 1
    schedule = Schedule.plan(n_particles, 1, 10)
    schedule.stage, schedule.epoch = "done", 10
    count = n_particles // 2
    table = torch.from_numpy(0.5 * rng.normal(size=(count, 2 * N_LATENT))).float()
    saved: dict[str, Any] = {
        "model": model.state_dict(),
        "latents": {"table": table, "first": table, "second": table, "visits": table[:, :1]},
        "poses": None,
    }
    state = {
        "format": FORMAT,
        "version": VERSION,
        "star": "particles.star",
        "fingerprint": ParticleFile(folder / "particles.star", folder).fingerprint,
        "frame": {"box": box, "voxel_size_a": 3.0, "origin_a": [0.0, 0.0, 0.0]},
        "field_shape": dataclasses.asdict(model.field.shape),
        "n_points": n_gaussians,
        "n_widths": 1,
        "has_mask": False,
        "half": half,
        "validation": rng.random(n_particles) < 0.1,
        "training": {"schedule": schedule.state_dict(), "halves": [saved, saved]},
        "encoders": None,
    }
    job = folder / "DynaMight" / "job001"
    save_checkpoint(checkpoint_path(job, None), state)
    return job


def _opened(job: Path, folder: Path) -> tuple[DynaMightModel, TrainedModel]:
    return source(job, folder).open(1), load_model(checkpoint_path(job, None))


@pytest.mark.parametrize(
    ("box", "n_gaussians", "goal"), [(64, 1000, 0.015), (256, 10_000, 1.0)], ids=["64", "256"]
)
def test_click_to_map(box: int, n_gaussians: int, goal: float, figures: Figures, tmp_path: Path) -> None:
    torch.set_num_threads(N_THREADS)
    model, trained = _opened(_write_job(tmp_path, box, n_gaussians, 200), tmp_path)
    states = itertools.cycle(model.embedding)
    gaussians = trained.halves[0].model

    def by_fourier() -> np.ndarray:
        return gaussians.volume(torch.from_numpy(next(states))).numpy()

    # The transform folds frequencies of narrow Gaussians back, less so in a finer map.
    finer = 2 if box < 100 else 1
    expected = gaussians.volume(trained.halves[0].means[0], finer * box).numpy()
    expected = expected[::finer, ::finer, ::finer] * finer**3
    found = model.decode(model.embedding[0])
    seconds = best_of(lambda: model.decode(next(states)), 20 if box < 100 else 5)
    before = best_of(by_fourier, 10 if box < 100 else 2)
    group = f"state to map, box {box}, {n_gaussians} Gaussians"
    on = "" if free_device() == "cpu" else " (GPU)"
    figures.add(group, f"drawn{on}", seconds * 1e3, "ms", f"< {goal * 1e3:g} ms")
    figures.add(group, "by way of Fourier on the CPU, same run", before * 1e3, "ms")
    figures.add(group, "Fourier over drawn", before / seconds, "")
    off = float(np.abs(found - expected).max() / expected.max())
    figures.add(group, f"largest difference, from Fourier at box {finer * box}", 100 * off, "%")
    if box > 128:
        shown = best_of(lambda: model.decode(next(states), 128), 5)
        figures.add(group, "shown at box 128 (while dragging)", shown * 1e3, "ms")
    points = model.cloud().points_a
    moved = best_of(lambda: model.displace(next(states), points), 10)
    figures.add(group, "where its Gaussians go", moved * 1e3, "ms")
    assert seconds < goal
    assert off < 0.02


def test_open_and_measure(figures: Figures, tmp_path: Path) -> None:
    torch.set_num_threads(N_THREADS)
    job = _write_job(tmp_path, 64, 1000, 100_000)
    group = "job of 100,000 particles"
    figures.add(
        group, "opened (imports done)", best_of(lambda: source(job, tmp_path).open(1)), "s", "< 0.5 s"
    )
    explored = source(job, tmp_path)
    explored.open(1)
    figures.add(group, "the other half-set after that", best_of(lambda: explored.open(2)), "s")
    for name in ("amount", "direction", "uncertainty", "difference", "shift"):
        figures.add(group, name, best_of(lambda: explored.open(1).measures[name]), "s")  # noqa: B023
    figures.add(group, "features of deformation", best_of(lambda: explored.open(1).features()), "s")
    for name in ("rlnDefocusU", "rlnMicrographName"):
        figures.add(group, f"column {name}", best_of(lambda: explored.open(1).metadata[name]), "s")  # noqa: B023
