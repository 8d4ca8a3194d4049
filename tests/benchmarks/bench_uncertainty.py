"""Calibration of predicted errors on simulated hinges, against the true error of every bead, and their speed.

The constants of the prediction were chosen on other data: ``three_domains`` and other draws of ``R1``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from jobs.dynamight.displacements import evaluate
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.state import TrainedModel, load_model
from jobs.dynamight.uncertainty import INTERVAL_68, Errors, particle_errors, point_errors
from jobs.simulate.recipes import recipe
from jobs.simulate.score import rank_correlation
from jobs.simulate.truth import GroundTruth, displacements
from tests.benchmarks.bench_motion import _train
from tests.benchmarks.figures import Figures


@dataclass(frozen=True)
class Calibration:
    """Predicted against true errors of beads; the mean over particles is taken off prediction and truth.

    Attributes
    ----------
    beads, pairs
        Rank correlation of predicted with true error: over beads, rms over particles; and over all beads in
        all particles.
    covered, covered_moving, covered_static
        Part of all errors (of moving beads, of static ones) that are within the 68 % interval.
    covered_beads
        Part of beads whose rms error over the particles is within 1.0844 times the predicted one.
    true_a, predicted_a
        Rms over everything.
    """

    beads: float
    pairs: float
    covered: float
    covered_moving: float
    covered_static: float
    covered_beads: float
    true_a: float
    predicted_a: float


def calibration(model: TrainedModel, truth: GroundTruth, half: int) -> Calibration:
    """Compare the errors predicted for a half-set with the true ones."""
    rows = np.nonzero(model.half == half)[0]
    points = torch.from_numpy(truth.beads_a).float()
    found, true = evaluate(model, points, rows), displacements(truth, rows)
    error = np.linalg.norm((found - found.mean(0)) - (true - true.mean(0)), axis=2)
    predicted = point_errors(model, half, rows, points)
    inside = error <= INTERVAL_68 * predicted
    moving = truth.domain > 0
    bead_error, bead_predicted = (np.sqrt(np.square(v).mean(0)) for v in (error, predicted))
    return Calibration(
        rank_correlation(bead_predicted, bead_error),
        rank_correlation(predicted.ravel(), error.ravel()),
        float(inside.mean()),
        float(inside[:, moving].mean()) if moving.any() else float("nan"),
        float(inside[:, ~moving].mean()) if not moving.all() else float("nan"),
        float((bead_error <= INTERVAL_68 * bead_predicted).mean()),
        float(np.sqrt(np.square(error).mean())),
        float(np.sqrt(np.square(predicted).mean())),
    )


def test_that_errors_are_calibrated(figures: Figures, tmp_path: Path) -> None:
    _, _, job = _train(recipe("R1"), tmp_path, 1000)
    model = load_model(checkpoint_path(job, None))
    truth = GroundTruth.load(tmp_path / "data" / "ground_truth.npz")
    found = [calibration(model, truth, half) for half in (1, 2)]

    def mean(name: str) -> float:
        return float(np.mean([getattr(c, name) for c in found]))

    group = "R3 errors on the R1 hinge"
    figures.add(group, "rank correlation with the true error, beads", mean("beads"), "-", ">= 0.6")
    figures.add(group, "rank correlation, beads in single particles", mean("pairs"), "-", ">= 0.6")
    figures.add(group, "beads in particles within the 68 % interval", mean("covered"), "-", "0.55 to 0.8")
    figures.add(group, "the same, beads that move", mean("covered_moving"), "-", "0.55 to 0.8")
    figures.add(group, "the same, beads that do not", mean("covered_static"), "-", "0.55 to 0.8")
    figures.add(group, "true error, rms", mean("true_a"), "Å")
    figures.add(group, "predicted error, rms", mean("predicted_a"), "Å")
    assert mean("beads") >= 0.6
    assert mean("pairs") >= 0.6
    assert 0.55 <= mean("covered") <= 0.8
    rows = Errors(model, 1).rows
    points = model.halves[0].model.positions
    began = time.perf_counter()
    point_errors(model, 1, rows, points)
    seconds = time.perf_counter() - began
    figures.add(group, "points in particles per second", len(rows) * len(points) / seconds / 1e6, "million/s")
    began = time.perf_counter()
    particle_errors(model, 1, rows)
    figures.add(group, "particles per second", len(rows) / (time.perf_counter() - began), "particles/s")
