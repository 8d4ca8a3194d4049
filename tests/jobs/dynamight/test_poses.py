"""Refinement of poses: small, held back by a prior, and towards the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from jobs.dynamight.half_training import Pass
from jobs.dynamight.poses import PoseCorrections, apply_corrections
from jobs.dynamight.setup import Prepared
from jobs.maths.rotations import axis_angle_to_matrix, euler_to_matrix, random_rotations, rotation_angle
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from tests.jobs.dynamight.conftest import prepare_in

CPU = torch.device("cpu")


def test_that_no_correction_is_the_identity() -> None:
    rotations = random_rotations(4, torch.Generator().manual_seed(0))
    corrected, shifts = apply_corrections(torch.zeros(4, 5), rotations)
    assert torch.allclose(corrected, rotations, atol=1e-7)
    assert torch.equal(shifts, torch.zeros(4, 2))


def test_that_corrections_turn_the_image_and_shift_it() -> None:
    rotations = random_rotations(1, torch.Generator().manual_seed(0))
    # A turn about the beam turns x to y in the image.
    corrected, shifts = apply_corrections(torch.tensor([[0.0, 0.0, 0.1, 2.0, -3.0]]), rotations)
    point = torch.tensor([5.0, -7.0, 11.0])
    before, after = rotations[0] @ point, corrected[0] @ point
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.1]))
    assert torch.allclose(after, turn @ before, atol=1e-5)
    assert float(after[2]) == pytest.approx(float(before[2]), abs=1e-5)
    assert shifts.tolist() == [[2.0, -3.0]]


def test_that_the_prior_brings_corrections_back_to_nothing() -> None:
    poses = PoseCorrections(6, CPU)
    poses.rows.table.copy_(0.01 * torch.randn(6, 5, generator=torch.Generator().manual_seed(1)))
    rows = torch.arange(6)
    for step in range(300):
        leaf = poses.leaf(rows)
        poses.penalty(leaf).mean().backward()
        poses.step(rows, leaf, 6, 1.0 / (1 + step / 20))
    angles = poses.rows.table[:, :3].norm(dim=1).rad2deg()
    assert float(angles.max()) < 0.02
    assert float(poses.rows.table[:, 3:].abs().max()) < 0.02


def test_that_a_correction_of_one_prior_width_costs_half_a_nat() -> None:
    poses = PoseCorrections(1, CPU)
    one_width = torch.diag(poses._prior_sd)
    assert poses.penalty(one_width).tolist() == pytest.approx([0.5] * 5)


# ------------------------------------------------------------------------------- with a rigid molecule


@dataclass(frozen=True)
class Errors:
    """Root mean square errors of poses: degrees and Å."""

    angle_deg: float
    shift_a: float


def _refined(folder: Path, pose_error_deg: float, pose_error_px: float) -> tuple[Errors, Errors]:
    """Errors of the poses of a rigid molecule before and after refinement."""
    spec = recipe("R2").with_changes(
        n_images=60,
        box=32,
        pixel_size_a=6.0,
        snr=1.0,
        pose_error_deg=pose_error_deg,
        pose_error_px=pose_error_px,
    )
    exact = simulate(spec.with_changes(pose_error_deg=0.0, pose_error_px=0.0, n_images=200), folder / "exact")
    made = simulate(spec, folder / "made")
    exact.consensus.replace(made.consensus)
    prepared = prepare_in(made.folder, pose_refinement=True, validation_fraction=0.0, n_gaussians=200)
    training = prepared.training
    training.initialise()
    before = _errors(prepared, made.truth.euler_deg, made.truth.origin_a)

    def passes(n: int, plan: Pass) -> None:
        for _ in range(n):
            for half in training.halves:
                half.run_pass(plan, training.noise, lambda: None)

    passes(12, Pass(training.boxes[1], move=False))
    training.estimate_noise(memory=0.0, move=False)
    passes(20, Pass(training.boxes[1], move=False, structure=False, poses=True))
    passes(10, Pass(training.boxes[1], rate=0.2, move=False, structure=False, poses=True))
    return before, _errors(prepared, made.truth.euler_deg, made.truth.origin_a)


def _errors(prepared: Prepared, euler_deg: object, origin_a: object) -> Errors:
    true = euler_to_matrix(torch.as_tensor(euler_deg)).float()
    place = -torch.as_tensor(origin_a).float()
    written = prepared.images.views
    angles, shifts = [], []
    for half in prepared.training.halves:
        assert half.poses is not None
        table = half.poses.rows.table
        found, moved = apply_corrections(table, written.rotations[half.rows])
        angles.append(rotation_angle(true[half.rows], found))
        shifts.append(written.shifts_px[half.rows] * 6.0 + moved - place[half.rows])

    def rms(parts: list[Tensor]) -> float:
        return float(torch.cat(parts).square().mean().sqrt())

    return Errors(rms(angles), rms(shifts))


def test_that_poses_with_errors_come_closer_to_the_truth(tmp_path: Path) -> None:
    before, after = _refined(tmp_path, pose_error_deg=3.0, pose_error_px=0.3)
    assert before.angle_deg > 2.0
    # A ball of 60 Å in pixels of 6 Å shows no finer angle: 2.1 of 3.1 degrees and 0.5 of 1.8 Å are left.
    assert after.angle_deg < 0.8 * before.angle_deg
    assert after.shift_a < 0.4 * before.shift_a


def test_that_exact_poses_hardly_move(tmp_path: Path) -> None:
    before, after = _refined(tmp_path, pose_error_deg=0.0, pose_error_px=0.0)
    assert before.angle_deg < 0.01
    # Noise and a coarse cloud against the prior (1.5 degrees about each axis, 1.5 Å): 1.5 degrees
    # and 0.3 Å.
    assert after.angle_deg < 1.9
    assert after.shift_a < 0.5
