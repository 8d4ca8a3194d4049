"""A molecule with a hinge, its true angle as latent coordinate, and a job that opens it."""

from __future__ import annotations

import contextlib
import pickle
import signal
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from jobs.core import worker
from jobs.core.folder import JobFolder, make_record
from jobs.latents.params import JOB_TYPE, LatentsOptions
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import Simulation, simulate

N = 400


@dataclass(frozen=True)
class Opened:
    project: Path
    made: Simulation
    z: np.ndarray
    job: Path


def run_task(project: Path, name: str, options: LatentsOptions, task: str = "open") -> int:
    """Do a task of a job as its worker does; returns the exit code."""
    folder = JobFolder(project, name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clear_markers()
    run = folder.next_run()
    folder.write_options(run, make_record(JOB_TYPE, options, project_dir=project, run=run, task=task))
    # A worker's process has a folder and a way to be ended of its own.
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.chdir(project), patch.object(worker, "set_threads"):
            words = ["--project", str(project), "--job", name, "--run", str(run)]
            return worker.run_worker(JOB_TYPE, words)
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def hinge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Simulation, np.ndarray]:
    """A project with simulated images and ``z.pkl`` as cryoDRGN writes it: places, then log-variances."""
    project = tmp_path_factory.mktemp("project")
    spec = recipe("R1").with_changes(n_images=N, box=32, pixel_size_a=6.0, snr=1.0)
    made = simulate(spec, project / "Simulate/job001", image_prefix="Simulate/job001/")
    rng = np.random.default_rng(1)
    theta = made.truth.theta[:, 0]
    z = np.stack((theta / theta.std(), 0.01 * rng.normal(size=N)), axis=1).astype(np.float32)
    with (project / "z.pkl").open("wb") as file:
        pickle.dump(z, file)
        pickle.dump(np.full_like(z, -2.0), file)
    return project, made, z


@pytest.fixture(scope="session")
def opened(hinge: tuple[Path, Simulation, np.ndarray]) -> Opened:
    project, made, z = hinge
    options = LatentsOptions(
        fn_particles="Simulate/job001/particles.star",
        fn_latent="z.pkl",
        columns="1",
        nr_volumes=2,
        effective=100,
    )
    assert run_task(project, "Latents/job002/", options) == 0
    return Opened(project, made, z[:, :1], project / "Latents/job002")
