"""Trainings as a library: what is learnt, what repeats, what resumes, what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.dynamight import images as images_module
from jobs.dynamight.half_training import HalfTraining, Pass
from jobs.dynamight.images import Batch
from jobs.dynamight.setup import Prepared, views_of
from jobs.dynamight.state import all_latents
from jobs.dynamight.training import EpochReport, Silent, Training
from jobs.formats.particles import read_particles
from jobs.maths.coordinates import project_points
from jobs.simulate.score import rank_correlation, score
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare


def _latents(prepared: Prepared) -> np.ndarray:
    return all_latents(prepared.training.halves, prepared.particles.n)


def _train(prepared: Prepared, epochs: int | None = None) -> Prepared:
    """Train to the end, or for some epochs."""
    prepared.training.initialise()
    return _go_on(prepared, epochs)


def _go_on(prepared: Prepared, epochs: int | None = None) -> Prepared:
    done = 0
    while prepared.training.schedule.stage != "done" and done != epochs:
        prepared.training.epoch(Silent())
        done += 1
    return prepared


def _everything(prepared: Prepared) -> dict[str, Tensor]:
    """Each tensor of the state by name."""
    found: dict[str, Tensor] = {}

    def visit(value: Any, name: str) -> None:
        if isinstance(value, Tensor):
            found[name] = value.detach().clone()
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(item, f"{name}.{key}")
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                visit(item, f"{name}[{number}]")

    visit(prepared.training.state_dict(), "")
    return found


def _assert_same_bits(first: Prepared, second: Prepared) -> None:
    one, two = _everything(first), _everything(second)
    assert one.keys() == two.keys()
    different = [name for name in one if not torch.equal(one[name], two[name])]
    assert different == []


# ------------------------------------------------------------------------------------- what is learnt


def test_that_the_hinge_is_found(trained: Prepared, tiny: Simulation) -> None:
    """Two hundred images of 32 pixels: the motion is seen, its full size is not yet reached."""
    truth = tiny.truth
    beads = torch.from_numpy(truth.beads_a).float()
    found = np.zeros((truth.n_images, len(beads), 3), np.float32)
    with torch.no_grad():
        for half in trained.training.halves:
            found[half.rows.numpy()] = half.model.displacement(half.latents.means, beads).numpy()
    figures = score(found, truth)
    assert figures.motions[0].spearman > 0.8
    assert figures.gain > 0.3
    assert figures.rmsd_moving_a < figures.none_moving_a


def test_that_particles_deviate_from_the_mean_structure_at_every_point(trained: Prepared) -> None:
    anywhere = 30 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    for half in trained.training.halves:
        moved = half.model.displacement(half.latents.means[half.training], anywhere).detach()
        assert float(moved.mean(0).abs().max()) < 1e-3


def test_that_held_out_particles_teach_nothing(prepare: Prepare) -> None:
    first, second = prepare(), prepare()
    store = second.images._store
    assert store is not None
    for half in second.training.halves:
        store[0][half.rows[half.held_out]] *= -50
    plan = Pass(box=second.training.boxes[0])
    for prepared in (first, second):
        for half in prepared.training.halves:
            half.run_pass(plan, prepared.training.noise, lambda: None)
    for one, two in zip(first.training.halves, second.training.halves, strict=True):
        assert len(one.held_out) == 10
        for name, value in one.model.state_dict().items():
            assert torch.equal(value, two.model.state_dict()[name]), name
        assert torch.equal(one.latents.means[one.training], two.latents.means[two.training])
        assert not torch.equal(one.latents.means[one.held_out], two.latents.means[two.held_out])


def test_that_half_sets_learn_from_their_own_particles_only(prepare: Prepare) -> None:
    first, second = prepare(), prepare()
    store = second.images._store
    assert store is not None
    store[0][second.training.halves[1].rows] *= 3
    plan = Pass(box=second.training.boxes[0])
    for prepared in (first, second):
        for half in prepared.training.halves:
            half.run_pass(plan, prepared.training.noise, lambda: None)
    assert torch.equal(first.training.halves[0].latents.means, second.training.halves[0].latents.means)
    assert not torch.equal(first.training.halves[1].latents.means, second.training.halves[1].latents.means)


def test_that_nothing_moves_during_warm_up(prepare: Prepare) -> None:
    prepared = prepare(n_warmup_epochs=2)
    before = [half.model.field.state_dict() for half in prepared.training.halves]
    before = [{name: value.clone() for name, value in state.items()} for state in before]
    latents = _latents(prepared)
    cloud = prepared.training.halves[0].model.log_widths.detach().clone()
    _train(prepared, 2)
    assert np.array_equal(_latents(prepared), latents)
    for half, state in zip(prepared.training.halves, before, strict=True):
        for name, value in half.model.field.state_dict().items():
            assert torch.equal(value, state[name]), name
    assert not torch.equal(prepared.training.halves[0].model.log_widths.detach(), cloud)


def test_that_the_cloud_comes_to_the_grey_scale_of_the_images(prepare: Prepare) -> None:
    prepared = prepare()
    training = prepared.training
    for half in training.halves:
        half.model.scale.mul_(1e-3)
    training.initialise()
    half = training.halves[0]
    scale = float(half.model.scale)
    half.fit_scale(training.noise.precision(training.boxes[1]), half.training)
    assert float(half.model.scale) == pytest.approx(scale, rel=0.05)


def test_that_a_report_tells_what_an_epoch_brought(prepare: Prepare) -> None:
    reports: list[EpochReport] = []
    prepared = prepare()
    prepared.training.initialise()
    prepared.training.run(Silent(reports.append))
    assert [r.epoch for r in reports] == list(range(len(reports)))
    assert reports[0].stage == "warm-up"
    assert reports[0].rms_displacement_a == (0.0, 0.0)
    assert reports[-1].stage == "finalise"
    assert min(reports[-1].rms_displacement_a) > 0
    assert all(r.particles_per_s > 0 for r in reports)
    assert np.isfinite(reports[-1].held_out_gain)
    assert prepared.training.seconds == pytest.approx(sum(r.seconds for r in reports))


# ----------------------------------------------------------------------------------- repeat and resume


def test_that_the_same_seed_gives_the_same_bits_and_another_seed_does_not(prepare: Prepare) -> None:
    first, again, other = (_train(prepare(seed=seed), 2) for seed in (3, 3, 4))
    _assert_same_bits(first, again)
    assert not np.array_equal(_latents(first), _latents(other))


def test_that_a_training_taken_up_from_a_checkpoint_ends_in_the_same_bits(
    prepare: Prepare, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"pose_refinement": True, "n_widths": 2, "n_epochs": 2}
    whole = prepare(**options)
    whole.training.initialise()
    # While the coarse stage lasts, and in the last stretch.
    for stop in (2, 6):
        _go_on(whole, stop - whole.training.schedule.epoch)
        save_checkpoint(tmp_path / f"{stop}.pth", whole.training.state_dict())
    assert whole.training.schedule.stage == "finalise"
    _go_on(whole)
    for stop in (2, 6):
        resumed = prepare(**options)
        resumed.training.load_state_dict(load_checkpoint(tmp_path / f"{stop}.pth"))
        assert resumed.training.schedule.epoch == stop
        _go_on(resumed)
        _assert_same_bits(whole, resumed)


def test_that_images_kept_in_memory_and_images_read_again_give_the_same_bits(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = prepare(preload=True)
    monkeypatch.setattr(images_module, "SMALL_SET_BYTES", 0)
    streamed = prepare(preload=False, n_workers=2)
    assert kept.images.kept
    assert not streamed.images.kept
    for prepared in (kept, streamed):
        _train(prepared, 3)
    _assert_same_bits(kept, streamed)


@pytest.mark.parametrize("batch_size", [89, 90], ids=["one left over", "nobody left over"])
def test_that_a_batch_of_one_particle_is_a_batch_like_any_other(batch_size: int, prepare: Prepare) -> None:
    prepared = prepare(batch_size=batch_size, n_epochs=1)
    assert [len(half.training) for half in prepared.training.halves] == [90, 90]
    prepared.training.initialise()
    reports: list[EpochReport] = []
    prepared.training.run(Silent(reports.append))
    assert all(np.isfinite(list(sums.values())).all() for r in reports for sums in r.halves)
    assert prepared.training.schedule.stage == "done"


def test_that_an_observer_can_stop_a_training_after_any_batch(prepare: Prepare) -> None:
    class Stop(Silent):
        n = 0

        def each_batch(self) -> None:
            self.n += 1
            if self.n == 3:
                raise KeyboardInterrupt

    prepared = prepare()
    prepared.training.initialise()
    observer = Stop()
    with pytest.raises(KeyboardInterrupt):
        prepared.training.run(observer)
    assert observer.n == 3


# ----------------------------------------------------------------------------------------------- memory


class _SmallGpu:
    """Takes steps of a half-set as a GPU on which only some images fit at once."""

    def __init__(self, half: HalfTraining, fitting: int) -> None:
        self.fitting, self.sizes, self.seen = fitting, [], []
        half._step = self  # type: ignore[method-assign, assignment]

    def __call__(self, local: Tensor, batch: Batch, *_: object) -> None:
        assert len(batch.rows) == len(batch.transforms) == len(batch.ctf) == len(local)
        if len(local) > self.fitting:
            raise torch.cuda.OutOfMemoryError("tried to allocate")
        self.sizes.append(len(local))
        self.seen += local.tolist()


def test_that_too_little_memory_on_the_gpu_lowers_the_batch_and_leaves_nobody_out(prepare: Prepare) -> None:
    prepared = prepare()
    half = prepared.training.halves[0]
    gpu = _SmallGpu(half, fitting=20)
    half.run_pass(Pass(box=prepared.training.boxes[0]), prepared.training.noise, lambda: None)
    # From 50 over 25 to 12, which stays.
    assert half.batch_size == 12
    assert max(gpu.sizes) == 12
    assert sorted(gpu.seen) == list(range(100))


def test_that_a_gpu_too_small_for_one_image_is_told_in_words(prepare: Prepare) -> None:
    prepared = prepare()
    half = prepared.training.halves[0]
    _SmallGpu(half, fitting=0)
    with pytest.raises(UserError, match="too little memory even for one image"):
        half.run_pass(Pass(box=prepared.training.boxes[0]), prepared.training.noise, lambda: None)


def test_that_other_errors_do_not_lower_the_batch(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare()
    half = prepared.training.halves[0]

    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(half, "_step", fail)
    with pytest.raises(RuntimeError, match="something else"):
        half.run_pass(Pass(box=prepared.training.boxes[0]), prepared.training.noise, lambda: None)
    assert half.batch_size == 50


# ------------------------------------------------------------------------------------------------ modes


def _moves(training: Training) -> None:
    assert all(np.isfinite(v) for half in training.history for v in half.values())
    assert all(half.rms_displacement_a() > 0 for half in training.halves)


def test_that_several_widths_can_be_learnt(prepare: Prepare) -> None:
    prepared = _train(prepare(n_widths=3), 3)
    _moves(prepared.training)
    assert len(prepared.training.halves[0].model.widths().unique()) == 3


def test_that_a_training_without_a_map_reconstructs_one(prepare: Prepare, tiny: Simulation) -> None:
    prepared = prepare(files={"map": None})
    assert prepared.consensus is None
    points = prepared.training.halves[0].model.positions.detach()
    beads = torch.from_numpy(tiny.truth.beads_a).float()
    # The Gaussians lie on the molecule: each has a bead of the mean structure within two voxels or so.
    assert float(torch.cdist(points, beads).amin(1).median()) < 2 * prepared.frame.voxel_size_a
    _moves(_train(prepared, 3).training)


def test_that_gaussians_can_be_put_on_an_atomic_model(prepare: Prepare, own: Path, tiny: Simulation) -> None:
    centre = 16 * 6.0
    lines = [
        f"ATOM  {n + 1:5d}  CA  ALA A{n % 9999 + 1:4d}    "
        + "".join(f"{v + centre:8.3f}" for v in bead)
        + "  1.00  0.00           C"
        for n, bead in enumerate(tiny.truth.beads_a)
    ]
    (own / "model.pdb").write_text("\n".join([*lines, "END", ""]))
    prepared = prepare(own, files={"atomic_model": "model.pdb"}, n_gaussians=65)
    points = prepared.training.halves[0].model.positions.detach()
    beads = torch.from_numpy(tiny.truth.beads_a).float()
    # 650 beads in runs of ten: every Gaussian is the mean of its run.
    runs = beads.reshape(65, 10, 3).mean(1)
    assert float((points - runs).norm(dim=1).max()) < 0.1
    _moves(_train(prepared, 3).training)


def test_that_a_mask_keeps_everything_outside_where_it_is(prepare: Prepare, own: Path) -> None:
    from jobs.formats.mrc import write_map

    z = np.arange(32)[:, None, None] - 16
    write_map(own / "flexible.mrc", np.broadcast_to(z > 1, (32, 32, 32)).astype(np.float32), 6.0)
    prepared = _train(prepare(own, files={"mask": "flexible.mrc"}), 4)
    for half in prepared.training.halves:
        model = half.model
        points = torch.tensor([[5.0, 5.0, -30.0], [0.0, -10.0, -2.0], [5.0, 5.0, 30.0]])
        moved = model.displacement(half.latents.means, points).detach().norm(dim=-1).amax(0)
        assert moved[:2].tolist() == [0.0, 0.0]
        assert float(moved[2]) > 0.01


def test_that_anisotropic_magnification_moves_points_as_the_microscope_did(tiny: Simulation) -> None:
    particles = read_particles(tiny.particles, tiny.folder)
    stretch = np.tile(np.array([[1.05, 0.01], [0.01, 0.97]]), (particles.n, 1, 1))
    plain = views_of(particles, 32, 6.0).rotations
    seen = views_of(replace(particles, mag_matrix=stretch), 32, 6.0).rotations
    points = torch.from_numpy(tiny.truth.beads_a[:20]).float()
    centre = torch.zeros(particles.n, 2)
    first = project_points(points, plain, centre, 32, 6.0) - 16
    second = project_points(points, seen, centre, 32, 6.0) - 16
    # RELION: what is seen at q without distortion is seen at M^T q with it.
    assert torch.allclose(second, first @ torch.from_numpy(stretch[0]).float(), atol=1e-4)


def test_that_rank_correlation_of_both_half_sets_has_the_same_sign(
    trained: Prepared, tiny: Simulation
) -> None:
    theta = tiny.truth.theta[:, 0]
    signs = []
    for half in trained.training.halves:
        leading = half.latents.means[:, 0].numpy()
        signs.append(rank_correlation(leading, theta[half.rows.numpy()]))
    assert signs[0] * signs[1] > 0
    assert min(abs(sign) for sign in signs) > 0.6
