"""Poses that follow a body show it where the consensus has it, and both tasks leave what RELION reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.core.context import WorkerContext
from jobs.core.declaration import CheckContext
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.dynamight import bodies_masks, bodies_transforms
from jobs.dynamight.bodies_options import check_bodies
from jobs.dynamight.bodies_transforms import BodyMotions, bodies_of_masks, fit_motions, follow, refined_poses
from jobs.dynamight.displacements import particles_of
from jobs.dynamight.images import ParticleImages
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.params import JOB_TYPE, DynaMightOptions
from jobs.dynamight.setup import Prepared, views_of
from jobs.dynamight.state import load_model, write_checkpoint
from jobs.formats.mrc import read_map, write_map
from jobs.formats.particles import read_particles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from jobs.maths.backproject import Backprojector
from jobs.maths.coordinates import project_points
from jobs.maths.fsc import fsc, fsc_auc
from jobs.maths.gaussians import render_volume
from jobs.maths.masks import mask_from_points
from jobs.maths.rigid import RigidFit, fit_rigid
from jobs.maths.rotations import axis_angle_to_matrix, random_rotations
from jobs.simulate.truth import GroundTruth, displacements
from tests.jobs.dynamight.conftest import BOX, PIXEL_A


def _random_motions(count: int) -> BodyMotions:
    generator = torch.Generator().manual_seed(1)
    shifts = 9 * torch.randn(count, 1, 3, generator=generator, dtype=torch.float64)
    rotations = random_rotations(count, generator, torch.float64)[:, None]
    zero = torch.zeros(count, 1, dtype=torch.float64)
    return BodyMotions(
        ("mask_body1.mrc",), RigidFit(rotations, shifts, zero), torch.zeros(1, 3).double(), zero + 1
    )


@pytest.mark.parametrize("magnified", [False, True])
def test_that_moved_points_are_seen_where_the_new_pose_puts_them(own: Path, magnified: bool) -> None:
    particles = read_particles(own / "particles.star")
    if magnified:
        matrix = np.array([[1.02, 0.01], [-0.005, 0.97]])
        particles = replace(particles, mag_matrix=np.repeat(matrix[None], particles.n, 0))
    motions = _random_motions(particles.n)
    views = views_of(particles, BOX, PIXEL_A)
    points = 25 * torch.randn(7, 3, generator=torch.Generator().manual_seed(2))
    moved = torch.einsum("bij,nj->bni", motions.fit.rotations[:, 0].float(), points)
    moved = moved + motions.fit.shifts[:, :1].float()
    seen = project_points(moved, views.rotations, views.shifts_px, BOX, PIXEL_A)
    rotations, origins = _poses(particles)
    new = follow(particles, motions, 0, np.ones(particles.n, np.int64), rotations, origins)
    new.write(own / f"body_{magnified}.star")
    again = read_particles(own / f"body_{magnified}.star")
    if magnified:
        again = replace(again, mag_matrix=particles.mag_matrix)
    after = views_of(again, BOX, PIXEL_A)
    found = project_points(points, after.rotations, after.shifts_px, BOX, PIXEL_A)
    torch.testing.assert_close(found, seen, atol=2e-4, rtol=0)


def _poses(particles: Any) -> tuple[torch.Tensor, torch.Tensor]:
    from jobs.maths.rotations import euler_to_matrix

    return euler_to_matrix(torch.from_numpy(particles.euler_deg)), torch.from_numpy(particles.origin_a)


def test_that_all_columns_and_blocks_of_the_particles_are_kept(own: Path) -> None:
    particles = read_particles(own / "particles.star")
    half = np.where(np.arange(particles.n) % 3 == 0, 1, 2)
    new = follow(particles, _random_motions(particles.n), 0, half, *_poses(particles))
    before, after = particles.table, new.table
    changed = {"rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"}
    assert list(after.columns) == list(before.columns)
    for column in before.columns:
        if column not in changed | {"rlnRandomSubset"}:
            assert list(after.text(column)) == list(before.text(column)), column
    assert after.ints("rlnRandomSubset").tolist() == half.tolist()
    assert new.tables.keys() == particles.tables.keys()


def test_that_a_body_is_sharper_with_the_poses_that_follow_it(own: Path) -> None:
    truth = GroundTruth.load(own / "ground_truth.npz")
    beads = torch.from_numpy(truth.beads_a).float()
    domain = torch.from_numpy(truth.domain > 0)
    particles = read_particles(own / "particles.star")
    rows = truth.rows_of(particles.image_name)
    moved = (
        torch.from_numpy(np.asarray(displacements(truth, rows)))[:, domain].double() + beads[domain].double()
    )
    fit = fit_rigid(beads[domain].double(), moved)
    assert fit.residual.max() < 1e-3  # the domain is rigid
    motions = BodyMotions(
        ("",),
        RigidFit(fit.rotations[:, None], fit.shifts[:, None], fit.residual[:, None]),
        beads[domain].double().mean(0)[None],
        torch.ones(particles.n, 1),
    )
    new = follow(particles, motions, 0, np.ones(particles.n, np.int64), *_poses(particles))
    path = own / "follows.star"
    new.write(path)
    true = render_volume(beads, torch.ones(1, len(beads)), torch.tensor([truth.sigma_a]), BOX, PIXEL_A)
    mask = mask_from_points(beads[domain], BOX, PIXEL_A, 9, 6)
    plain, better = (
        float(fsc_auc(fsc(_reconstruct(star), true, mask))) for star in (own / "particles.star", path)
    )
    assert better > plain + 0.03


def _reconstruct(star: Path) -> torch.Tensor:
    particles = read_particles(star)
    images = ParticleImages(
        ImageStacks(particles, preload=False), views_of(particles, BOX, PIXEL_A), torch.device("cpu")
    )
    images.prepare(BOX)
    sums = Backprojector(BOX)
    for batch in images.batches(torch.arange(particles.n), 50, BOX):
        sums.add(batch.transforms, batch.ctf, images.rotations[batch.rows][:, :2])
    return sums.reconstruct()


# --------------------------------------------------------------------------------------------------- the jobs


def context_of(project: Path, task: str, **changes: Any) -> WorkerContext:
    """A context of a task as the worker makes it."""
    switch = JOB_TYPE.task(task).switch
    options = DynaMightOptions(**{"fn_star": "particles.star", "gpu_id": "cpu", str(switch): True, **changes})
    folder = JobFolder(project, "DynaMight/job001/")
    metrics = MetricsWriter(folder.path / "metrics.jsonl", 2, task)
    return WorkerContext(options, folder, project, JOB_TYPE.task(task), 2, 1, "cpu", metrics)


@pytest.fixture
def project(own: Path, trained: Prepared) -> Path:
    """A project whose job has been trained."""
    write_checkpoint(checkpoint_path(own / "DynaMight" / "job001", None), trained, "particles.star")
    return own


def _masks(project: Path, **changes: Any) -> WorkerContext:
    context = context_of(project, "masks", **{"number_of_masks": 2, **changes})
    try:
        bodies_masks.run(context)
    finally:
        context.metrics.close()
    return context


def _transforms(project: Path, **changes: Any) -> WorkerContext:
    context = context_of(project, "transforms", **changes)
    try:
        bodies_transforms.run(context)
    finally:
        context.metrics.close()
    return context


def test_that_masks_are_disjoint_cover_the_gaussians_and_are_named_for_relion(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = _masks(project)
    folder = context.folder.path / "masks"
    hard = [read_map(folder / f"mask_body{b}.mrc") for b in (1, 2)]
    assert sorted(np.unique(np.stack([m.data for m in hard]))) == [0, 1]
    assert (hard[0].data + hard[1].data).max() == 1
    assert hard[0].voxel_size_a == pytest.approx(PIXEL_A)
    model = load_model(checkpoint_path(context.folder.path, None))
    for half in model.halves:
        index = (half.model.positions / PIXEL_A + BOX // 2).round().long().numpy()
        covered = (hard[0].data + hard[1].data)[index[:, 2], index[:, 1], index[:, 0]]
        assert covered.min() == 1
    (table,) = read_star_tables(folder / "bodies.star").values()
    for name in table.text("rlnBodyMaskName"):
        smooth = read_map(project / str(name)).data
        assert smooth.min() == 0 and 0.9 < smooth.max() <= 1
    assert {path for path, _ in context.outputs} == {
        f"masks/{kind}mask_body{b}.mrc" for kind in ("", "smooth_") for b in (1, 2)
    }
    assert "Motion not explained by so many bodies" in capsys.readouterr().out


def test_that_a_search_for_fewer_bodies_leaves_no_mask_of_an_earlier_one(project: Path) -> None:
    _masks(project, number_of_masks=3)
    folder = _masks(project).folder.path / "masks"
    assert sorted(path.name for path in folder.glob("*mask*.mrc")) == sorted(
        f"{kind}mask_body{b}.mrc" for kind in ("", "smooth_") for b in (1, 2)
    )


def test_that_transforms_are_those_of_the_displaced_gaussians(project: Path) -> None:
    _masks(project)
    context = _transforms(project)
    folder = context.folder.path
    model = load_model(checkpoint_path(folder, None))
    names, weights = bodies_of_masks(model, folder / "masks")
    motions = fit_motions(model, names, weights, 17)
    half = model.halves[0]
    with torch.no_grad():
        moved = half.model.positions + half.model.displacement(half.means, half.model.positions)
    for body in range(2):
        slow = fit_rigid(half.model.positions.double(), moved.double(), weights[0][body].double())
        torch.testing.assert_close(motions.fit.rotations[half.rows, body], slow.rotations, atol=1e-5, rtol=0)
    assert {path for path, _ in context.outputs} == {
        "body_starfiles/body_1.star",
        "body_starfiles/body_2.star",
    }
    tables = read_star_tables(folder / "body_starfiles" / "motions.star")
    assert list(tables) == ["motion_body_1", "motion_body_2"]
    second = tables["motion_body_2"]
    angle, signed = second.floats("hsRelativeAngle"), second.floats("hsRelativeSignedAngle")
    assert (np.abs(signed) <= angle + 1e-9).all()
    assert second.n_rows == 200


def test_that_running_again_gives_the_same_bytes(project: Path) -> None:
    def results() -> dict[str, bytes]:
        _masks(project)
        folder = _transforms(project).folder.path
        maps = {p.name: read_map(p).data.tobytes() for p in (folder / "masks").glob("*.mrc")}
        stars = [*(folder / "masks").glob("*.star"), *(folder / "body_starfiles").glob("*.star")]
        return {**maps, **{p.name: p.read_bytes() for p in stars}}

    assert results() == results()


def test_that_refined_poses_are_the_ones_that_are_followed(project: Path) -> None:
    model = load_model(checkpoint_path(project / "DynaMight" / "job001", None))
    particles = particles_of(model, project)
    table = torch.zeros(len(model.halves[0].rows), 5)
    table[:, 2], table[:, 3] = 0.02, 1.5
    model.state["training"]["halves"][0]["poses"] = {"table": table}
    rotations, origins = refined_poses(model, particles)
    plain, before = _poses(particles)
    rows = model.halves[0].rows
    turn = axis_angle_to_matrix(torch.tensor([0, 0, 0.02]).double())
    torch.testing.assert_close(rotations[rows], turn @ plain[rows], atol=1e-6, rtol=0)
    torch.testing.assert_close(origins[rows, 0], before[rows, 0] - 1.5)
    others = model.halves[1].rows
    torch.testing.assert_close(rotations[others], plain[others])


def test_that_unsuitable_masks_are_refused_with_reasons(project: Path) -> None:
    folder = project / "elsewhere"
    folder.mkdir()
    write_map(folder / "mask_body1.mrc", np.ones((8, 8, 8), np.float32), PIXEL_A)
    with pytest.raises(UserError, match="has 8 x 8 x 8 voxels, the model has a box of 32"):
        _transforms(project, body_masks="elsewhere")
    write_map(folder / "mask_body1.mrc", np.zeros((BOX,) * 3, np.float32), PIXEL_A)
    with pytest.raises(UserError, match="holds 0 Gaussians"):
        _transforms(project, body_masks="elsewhere")
    with pytest.raises(UserError, match="trained without rigid bodies"):
        _transforms(project, rigid_bodies=True)
    with pytest.raises(UserError, match="cannot be divided into 40 bodies"):
        _masks(project, number_of_masks=40)


def test_that_the_form_asks_for_masks_before_transforms(project: Path) -> None:
    context = CheckContext(project, is_continue=True, job_dir=project / "DynaMight" / "job001")
    (problem,) = check_bodies(DynaMightOptions(do_rigid_transforms=True), context)
    assert problem.field == "do_rigid_transforms"
    assert "no masks" in problem.message
    _masks(project)
    assert check_bodies(DynaMightOptions(do_rigid_transforms=True), context) == []
