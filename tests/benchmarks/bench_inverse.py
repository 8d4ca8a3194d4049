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
    continued = ["continue", "DynaMight/job001", "--project", str(project), "--quiet", "--do_inverse", "Yes"]
    assert door.main(continued) == 0
    with (job / "inverse_deformations" / "round_trip.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        goal = 0.3 if row["place"] == "gaussians" else 0.6
        words_of = "at the Gaussians" if row["place"] == "gaussians" else "at voxels inside the molecule"
        name = f"half-set {row['half']}, {words_of}"
        figures.add(GROUP, f"median round trip, {name}", float(row["median_A"]), "Å", f"< {goal} Å")
        figures.add(GROUP, f"95 % round trip, {name}", float(row["p95_A"]), "Å")
        assert float(row["median_A"]) < goal
    records, _ = read_metrics(job / "metrics.jsonl")
    last = [record for record in records if record["phase"] == "inverse"][-1]
    figures.add(GROUP, "in the job, measuring included", last["particles_per_s"], "particles/s", "≥ 600")
    model = load_model(checkpoint_path(job, None))
    probes = [prepare_probe(half, 1) for half in model.halves]

    def both() -> None:
        for probe in probes:
            measure(probe, HalfErrors.of(len(probe.half.rows)), probe.field.states_at_once)

    speed = sum(len(half.rows) for half in model.halves) / best_of(both, 5)
    figures.add(GROUP, "in the library, best of 5", speed, "particles/s", "≥ 600")
    figures.add(GROUP, "over the original's 120 particles/s and epoch", speed / ORIGINAL, "", "≥ 5")
    assert speed > 600
