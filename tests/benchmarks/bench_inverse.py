"""How well and how fast the motion of R1 is inverted: box 64, 1000 Gaussians, both half-sets, whole job."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import torch

from app import __main__ as door
from app.project.project import Project
from jobs.core.metrics import read_metrics
from jobs.dynamight.inverse import measure, prepare_probe
from jobs.dynamight.inverse_errors import HalfErrors
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.state import load_model
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from tests.benchmarks.figures import Figures, best_of

N_THREADS = min(2, len(os.sched_getaffinity(0)))
#: Particles per second of the original on two cores, one epoch of its training; it needs many.
ORIGINAL = 120
GROUP = "inverse deformations, R1 (box 64, 1000 Gaussians)"


def test_round_trip_and_speed(figures: Figures, tmp_path: Path) -> None:
    torch.set_num_threads(N_THREADS)
    simulate(recipe("R1"), tmp_path / "project")
    project = tmp_path / "project"
    Project.create(project)
    words = ["--fn_star", "particles.star", "--fn_map", "consensus.mrc", "--gpu_id", "cpu"]
    words += ["--nr_gaussians", "1000", "--nr_threads", str(N_THREADS)]
    assert door.main(["run", "dynamight", "--project", str(project), "--quiet", *words]) == 0
    job = project / "DynaMight" / "job001"
    for method, more in (
        ("numerical", []),
        ("network", ["--inverse_method", "network", "--nr_epochs", "50"]),
    ):
        continued = ["continue", "DynaMight/job001", "--project", str(project), "--quiet"]
        assert door.main([*continued, "--do_inverse", "Yes", *more]) == 0
        _add_round_trips(figures, job, method)
    model = load_model(checkpoint_path(job, None))
    probes = [prepare_probe(half, 1) for half in model.halves]

    def both() -> None:
        for probe in probes:
            measure(probe, HalfErrors.of(len(probe.half.rows)), probe.field.states_at_once)

    speed = sum(len(half.rows) for half in model.halves) / best_of(both, 5)
    figures.add(GROUP, "in the library, best of 5", speed, "particles/s", "≥ 600")
    figures.add(GROUP, "over the original's 120 particles/s and epoch", speed / ORIGINAL, "", "≥ 5")
    assert speed > 600


def _add_round_trips(figures: Figures, job: Path, method: str) -> None:
    """Add what the newest run of the task measured, and how fast it was."""
    with (job / "inverse_deformations" / "round_trip.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        goal = 0.3 if row["place"] == "gaussians" else 0.6
        place = "at the Gaussians" if row["place"] == "gaussians" else "at voxels inside the molecule"
        name = f"{method}, half-set {row['half']}, {place}"
        figures.add(GROUP, f"{name}, median round trip", float(row["median_A"]), "Å", f"< {goal} Å")
        figures.add(GROUP, f"{name}, 95 % round trip", float(row["p95_A"]), "Å")
        assert float(row["median_A"]) < goal
    records, _ = read_metrics(job / "metrics.jsonl")
    run = [r for r in records if r["run"] == records[-1]["run"] and "particles_per_s" in r]
    for phase in sorted({record["phase"] for record in run}):
        speed = [record for record in run if record["phase"] == phase][-1]["particles_per_s"]
        figures.add(GROUP, f"{method}, phase '{phase}' of the job", speed, "particles/s")
    figures.add(GROUP, f"{method}, whole run", run[-1]["t"] - run[0]["t"], "s")
