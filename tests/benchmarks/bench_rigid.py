"""How well the turn of one body against another is found: R1 with a mask for each chain, whole job."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.rigid_field import RigidField
from jobs.dynamight.state import load_model
from jobs.formats.mrc import write_map
from jobs.maths.masks import mask_from_points
from jobs.maths.rotations import axis_angle_to_matrix, rotation_angle
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from jobs.simulate.truth import GroundTruth
from tests.benchmarks.bench_motion import N_THREADS, _command
from tests.benchmarks.figures import Figures


def write_body_masks(truth: GroundTruth, folder: Path) -> None:
    """Masks of both chains; of the moving one at seven angles, as its density is spread in the consensus."""
    beads, moving = torch.from_numpy(truth.beads_a), torch.from_numpy(truth.domain > 0)
    chain = beads[moving]
    turns = torch.linspace(-30.0, 30.0, 7, dtype=torch.float64)
    swept = chain + truth.motions[0].displace(chain, torch.ones(len(chain), dtype=torch.float64), turns)
    folder.mkdir()
    for number, points in enumerate((beads[~moving], swept.reshape(-1, 3)), 1):
        mask = mask_from_points(points, truth.box, truth.pixel_size_a, 9.0, 6.0)
        write_map(folder / f"mask_body{number}.mrc", mask.numpy(), truth.pixel_size_a)


def centred(rotations: Tensor) -> Tensor:
    """Rotations ``(p, 3, 3)`` relative to their mean: the frame of rest is free."""
    u, _, v = torch.linalg.svd(rotations.mean(0))
    u[:, 2] *= torch.linalg.det(u @ v)
    return rotations @ (u @ v).T


def test_that_the_turn_of_a_body_is_found(figures: Figures, tmp_path: Path) -> None:
    simulate(recipe("R1"), tmp_path / "data", image_prefix="data/")
    truth = GroundTruth.load(tmp_path / "data" / "ground_truth.npz")
    write_body_masks(truth, tmp_path / "masks")
    began = time.monotonic()
    _command(
        *("dynamight", "optimize-deformations-rigid", "data/particles.star", "DynaMight/job001"),
        *("--initial-model", "data/consensus.mrc", "--deformation-masks", "masks"),
        *("--n-gaussians", "1000", "--n-threads", str(N_THREADS)),
        folder=tmp_path,
    )
    seconds = time.monotonic() - began
    axis = torch.tensor(truth.motions[0].axis, dtype=torch.float32)
    errors, still = [], []
    for half in load_model(checkpoint_path(tmp_path / "DynaMight" / "job001", None)).halves:
        assert isinstance(half.model.field, RigidField)
        found = half.model.field.motion(half.means).rotations
        angles = torch.from_numpy(np.deg2rad(truth.theta[half.rows, 0])).float()
        true = axis_angle_to_matrix(angles[:, None] * axis)
        relative = found[:, 0].transpose(1, 2) @ found[:, 1]
        errors.append(rotation_angle(centred(relative), centred(true)))
        still.append(rotation_angle(centred(found[:, 0]), torch.eye(3).expand(len(found), 3, 3)))
    rmse, resting = (float(torch.cat(part).square().mean().sqrt()) for part in (errors, still))
    group = "rigid bodies, R1 (box 64, 1000 Gaussians)"
    figures.add(group, "relative rotation of the bodies, rms error", rmse, "degrees", "<= 2.5")
    figures.add(group, "the same, median", float(torch.cat(errors).median()), "degrees")
    figures.add(group, "rotation of the body at rest, rms", resting, "degrees")
    figures.add(group, "whole job, start to finish", seconds, "s")
    assert rmse <= 3.0
