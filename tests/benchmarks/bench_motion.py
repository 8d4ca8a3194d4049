"""Quality of DynaMight's motions on simulated ground truth, the time it takes, and how the cost grows.

Every quality figure comes from a whole job, started as a user would start it, with a fixed seed and the
defaults but for the number of Gaussians.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dynamight.half_training import Pass
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import prepare_training
from jobs.dynamight.training import Silent
from jobs.simulate.recipes import recipe
from jobs.simulate.score import Score, score
from jobs.simulate.simulation import simulate
from jobs.simulate.specification import MotionSpec, RegionSpec, SimulationSpec, StructureSpec
from jobs.simulate.truth import GroundTruth
from tests.benchmarks.figures import Figures
from tests.support.shared import shared_dir

#: What the original program was measured at on a comparable hinge, on two idle cores.
ORIGINAL_PARTICLES_PER_S = 150.0
ORIGINAL_MINUTES = 16.0
N_THREADS = min(2, len(os.sched_getaffinity(0)))


def _ribosome() -> SimulationSpec:
    return SimulationSpec(
        StructureSpec(path=str(shared_dir() / "data" / "maps" / "ribosome_70S_65px.mrc"), voxel_size_a=5.0),
        (MotionSpec("hinge", -12.0, 12.0, RegionSpec("plane", normal=(0.0, 0.0, 1.0), fraction=1 / 3)),),
        pixel_size_a=5.0,
        name="ribosome",
    )


def _command(*arguments: str, folder: Path) -> str:
    """Run our command line in a folder; its standard output."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _train(spec: SimulationSpec, folder: Path, n_gaussians: int) -> tuple[list[Score], float, Path]:
    """Simulate, run a job, and score both half-sets; also the seconds of the job and its folder."""
    simulate(spec, folder / "data", image_prefix="data/")
    _command("init", ".", folder=folder)
    began = time.monotonic()
    job = _command(
        *("run", "dynamight", "--project", ".", "--fn_star", "data/particles.star"),
        *("--fn_map", "data/consensus.mrc", "--nr_gaussians", str(n_gaussians)),
        *("--nr_threads", str(N_THREADS)),
        folder=folder,
    ).split()[-1]
    seconds = time.monotonic() - began
    _command(
        "dynamight", "displacements", job, "--points", "data/beads.csv", "--out", "found.npz", folder=folder
    )
    found = np.load(folder / "found.npz")
    truth = GroundTruth.load(folder / "data" / "ground_truth.npz")
    scores = []
    for half in (1, 2):
        rows = found["half"] == half
        scores.append(score(found["displacement"][rows], truth, found["image_name"][rows]))
    return scores, seconds, folder / job


def _mean(scores: list[Score], name: str) -> float:
    return float(np.mean([getattr(s, name) for s in scores]))


def _speed(job: Path) -> tuple[float, float]:
    """Median particles per second at full resolution, and the peak memory of the worker in MB."""
    lines = [json.loads(line) for line in (job / "metrics.jsonl").read_text().splitlines()]
    full = max(line.get("working_box_px", 0) for line in lines)
    speeds = [line["particles_per_s"] for line in lines if line.get("working_box_px") == full]
    peak = json.loads((job / "worker.json").read_text())["peak_memory_mb"]
    return float(np.median(speeds)), float(peak)


def test_hinge(figures: Figures, tmp_path: Path) -> None:
    scores, seconds, job = _train(recipe("R1"), tmp_path, 1000)
    group = "R1 hinge"
    figures.add(
        group, "Spearman of the leading motion, absolute", abs(_mean(scores, "spearman")), "-", ">= 0.985"
    )
    figures.add(group, "RMSD of the moving domain", _mean(scores, "rmsd_moving_a"), "Å", "<= 2.0")
    figures.add(group, "the same when no motion is predicted", _mean(scores, "none_moving_a"), "Å")
    figures.add(group, "RMSD of the static domain", _mean(scores, "rmsd_static_a"), "Å", "<= 0.5")
    figures.add(group, "RMSD of all beads", _mean(scores, "rmsd_all_a"), "Å")
    figures.add(group, "gain", _mean(scores, "gain"), "-", "0.9 to 1.1")
    figures.add(group, "whole job, start to finish", seconds, "s", "<= 180")
    speed, peak = _speed(job)
    figures.add(group, "training speed at full resolution", speed, "particles/s", ">= 750")
    figures.add(group, "speed over the original's on two cores", speed / ORIGINAL_PARTICLES_PER_S, "", ">= 5")
    figures.add(group, "original's time to lesser quality over ours", ORIGINAL_MINUTES * 60 / seconds, "")
    figures.add(group, "peak memory of the worker", peak, "MB")
    assert abs(_mean(scores, "spearman")) >= 0.985
    assert _mean(scores, "rmsd_moving_a") <= 2.0
    assert _mean(scores, "rmsd_static_a") <= 0.5
    assert 0.9 <= _mean(scores, "gain") <= 1.1


@pytest.mark.parametrize("name", ["R2", "noise"])
def test_no_motion(name: str, figures: Figures, tmp_path: Path) -> None:
    scores, seconds, job = _train(recipe(name), tmp_path, 1000)
    group = {"R2": "R2 rigid control", "noise": "images of noise alone"}[name]
    rms = _mean(scores, "rms_predicted_a")
    figures.add(group, "rms displacement about the mean", rms, "Å", "< 0.7")
    figures.add(group, "whole job, start to finish", seconds, "s")
    assert rms < 0.7
    assert "no evidence of motion" in (job / "run.out").read_text()


def test_three_domains(figures: Figures, tmp_path: Path) -> None:
    scores, seconds, _ = _train(recipe("three_domains"), tmp_path, 1000)
    goals = (0.95, 0.9)
    for k, goal in enumerate(goals):
        motions = [s.motions[k] for s in scores]
        group = f"three domains, {motions[0].name}"
        spearman = float(np.mean([abs(m.spearman) for m in motions]))
        ratio = float(np.mean([m.rmsd_a / m.none_rmsd_a for m in motions]))
        gain = float(np.mean([m.gain for m in motions]))
        figures.add(group, "Spearman, absolute", spearman, "-", f">= {goal}")
        figures.add(group, "RMSD over that of predicting none", ratio, "", "< 0.4")
        figures.add(group, "gain", gain, "-", "0.85 to 1.15")
        assert spearman >= goal
        assert ratio < 0.4
        assert 0.85 <= gain <= 1.15
    figures.add("three domains", "whole job, start to finish", seconds, "s")


def test_ribosome(figures: Figures, tmp_path: Path) -> None:
    scores, seconds, _ = _train(_ribosome(), tmp_path, 2000)
    group = "70S ribosome, ±12° hinge of a third"
    figures.add(group, "Spearman of the leading motion, absolute", abs(_mean(scores, "spearman")), "-")
    figures.add(group, "RMSD of the moving part", _mean(scores, "rmsd_moving_a"), "Å")
    figures.add(group, "the same when no motion is predicted", _mean(scores, "none_moving_a"), "Å")
    figures.add(group, "RMSD of the static part", _mean(scores, "rmsd_static_a"), "Å")
    figures.add(group, "gain", _mean(scores, "gain"), "-")
    figures.add(group, "whole job, start to finish", seconds, "s")
    assert abs(_mean(scores, "spearman")) > 0.9


def _epoch_seconds(folder: Path, n_gaussians: int, **changes: object) -> float:
    """Seconds of a moving epoch at full resolution."""
    settings = replace(TrainingSettings(n_gaussians=n_gaussians), **changes)  # type: ignore[arg-type]
    source = TrainingInput(folder / "particles.star", folder, folder / "consensus.mrc")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(N_THREADS)
    training = prepare_training(source, settings, device).training
    training.initialise()
    plan = Pass(box=training.boxes[1])
    times = []
    for _ in range(3):
        began = time.perf_counter()
        for half in training.halves:
            half.run_pass(plan, training.noise, Silent().each_batch)
        times.append(time.perf_counter() - began)
    return min(times[1:])


@pytest.fixture(scope="module")
def hinge_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folders = {}
    for n in (1000, 4000):
        folders[n] = tmp_path_factory.mktemp(f"hinge{n}")
        simulate(recipe("R1").with_changes(n_images=n), folders[n])
    return folders


def test_that_the_cost_is_linear(figures: Figures, hinge_sets: dict[int, Path]) -> None:
    base = _epoch_seconds(hinge_sets[1000], 1000)
    figures.add(
        "epoch cost", "4 times the particles", _epoch_seconds(hinge_sets[4000], 1000) / base, "", "about 4"
    )
    figures.add(
        "epoch cost", "8 times the Gaussians", _epoch_seconds(hinge_sets[1000], 8000) / base, "", "<= 8"
    )


_PEAK = """
import resource, sys, torch
from pathlib import Path
import jobs.dynamight.images as images
from jobs.dynamight.settings import TrainingInput, TrainingSettings
from jobs.dynamight.setup import prepare_training
from jobs.dynamight.half_training import Pass
images.SMALL_SET_BYTES = 0
folder = Path(sys.argv[1])
torch.set_num_threads(2)
source = TrainingInput(folder / "particles.star", folder, folder / "consensus.mrc")
training = prepare_training(source, TrainingSettings(n_gaussians=1000), torch.device("cpu")).training
training.initialise()
for half in training.halves:
    half.run_pass(Pass(box=training.boxes[1]), training.noise, lambda: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_that_memory_is_flat_in_the_particles(figures: Figures, hinge_sets: dict[int, Path]) -> None:
    peaks = {}
    for n, folder in hinge_sets.items():
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PEAK, str(folder)], capture_output=True, text=True, check=True
        )
        peaks[n] = float(done.stdout.split()[-1])
        figures.add("memory", f"peak when {n} images are streamed", peaks[n], "MB")
    figures.add("memory", "4 times the particles", peaks[4000] / peaks[1000], "", "about 1")


def _measure_gpu(figures: Figures, hinge_sets: dict[int, Path]) -> None:
    """Fraction of the time that moving the least possible bytes would take."""
    seconds = _epoch_seconds(hinge_sets[4000], 1000)
    buffer = torch.empty(2**28, device="cuda")
    other = torch.empty_like(buffer)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        other.copy_(buffer)
    torch.cuda.synchronize()
    bandwidth = 10 * 2 * buffer.nbytes / (time.perf_counter() - began)
    plane = 64 * 33
    # Images and CTF once; splat, spectrum and gradient image written and read; points both ways.
    least = 4000 * (plane * 12 + 2 * 2 * 64 * 64 * 4 + 2 * plane * 8 + 1000 * 2 * (3 + 2) * 4)
    figures.add("GPU", "epoch of 4000 images, box 64", seconds, "s")
    figures.add("GPU", "particles per second", 4000 / seconds, "particles/s")
    figures.add("GPU", "epoch rate over the original's on two cores", 4000 / seconds / 150, "", ">= 10")
    figures.add("GPU", "fraction of the memory roofline", least / bandwidth / seconds, "")


if torch.cuda.is_available():

    def test_gpu_roofline(figures: Figures, hinge_sets: dict[int, Path]) -> None:
        _measure_gpu(figures, hinge_sets)
