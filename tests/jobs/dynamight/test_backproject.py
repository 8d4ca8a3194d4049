"""Deformed backprojection: identity, a known motion, batches, the files of the job, kill and resume."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from jobs.core.context import WorkerContext
from jobs.core.errors import AbortRequested, UserError
from jobs.core.figures import Figure
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter, read_metrics
from jobs.dynamight import backproject
from jobs.dynamight.backproject_maps import Curves, grey_scale
from jobs.dynamight.backproject_sums import HalfSums, Region, image_filter
from jobs.dynamight.model import GaussianModel
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.params import JOB_TYPE, DynaMightOptions
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import TrainedHalf, load_model, write_checkpoint
from jobs.formats.mrc import read_map, write_map
from jobs.formats.star import read_star_tables
from jobs.maths.fsc import fsc, fsc_auc
from jobs.maths.gaussians import render_volume
from jobs.maths.masks import mask_from_points, soft_sphere
from jobs.simulate.simulation import Simulation
from jobs.simulate.truth import GroundTruth
from tests.jobs.dynamight.conftest import BOX, PIXEL_A

REPOSITORY = Path(__file__).resolve().parents[3]


class _Hinge(nn.Module):
    """The true motion of the simulated hinge: modes ``cos - 1`` and ``sin``, the state is the angle."""

    def __init__(self, truth: GroundTruth, amount: float = 1.0) -> None:
        super().__init__()
        self.centre = torch.tensor(truth.motions[0].centre_a).float()
        self.amount, self.field = amount, self
        self.learnt = 1.0  # value of the mask it was trained with

    def mobility(self, points_a: Tensor) -> Tensor:
        return torch.full((len(points_a),), self.learnt)

    def coefficients(self, degrees: Tensor) -> Tensor:
        angle = torch.deg2rad(degrees)
        return self.amount * torch.cat((torch.cos(angle) - 1, torch.sin(angle)), 1)

    def basis(self, points_a: Tensor) -> Tensor:
        d = points_a - self.centre
        # Chain B lies beyond the hinge in z.
        d = d * (points_a[:, 2:] > self.centre[2])
        none = torch.zeros(len(d))
        turn = (torch.stack((d[:, 0], none, d[:, 2]), 1), torch.stack((d[:, 2], none, -d[:, 0]), 1))
        return torch.stack(turn, -1)


def _truth(tiny: Simulation) -> GroundTruth:
    return GroundTruth.load(tiny.folder / "ground_truth.npz")


def _half(tiny: Simulation, amount: float = 1.0, rows: np.ndarray | None = None) -> TrainedHalf:
    truth = _truth(tiny)
    chosen = np.arange(truth.n_images) if rows is None else rows
    angles = torch.from_numpy(truth.theta[chosen, :1]).float()
    return TrainedHalf(cast("GaussianModel", _Hinge(truth, amount)), chosen, angles, angles, None)


def _sums(
    tiny: Simulation, trained: Prepared, amount: float = 1.0, step: int = 2, size: int = 50, pad: float = 1.0
) -> HalfSums:
    images = trained.images
    region = Region.make(soft_sphere(BOX, 0.4 * BOX, 2) * pad, step)
    sums = HalfSums(_half(tiny, amount), images, None, image_filter(images), region)
    for batch in images.batches(sums.rows, size, images.box):
        sums.add(batch)
    return sums


@pytest.fixture(scope="module")
def full(trained: Prepared) -> Prepared:
    """The training with images prepared at their whole box."""
    images = trained.images
    other = type(images)(images.reader, images.views, images.device)
    return replace(trained, images=other)


# ---------------------------------------------------------------------------------------------------- physics


@pytest.mark.parametrize("step", [1, 2, 4])
def test_that_without_motion_the_map_is_the_ordinary_one_in_shape_and_grey_scale(
    tiny: Simulation, full: Prepared, step: int
) -> None:
    sums = _sums(tiny, full, amount=0.0, step=step)
    deformed, ordinary = sums.deformed_map(), sums.ordinary_map()
    inner = soft_sphere(BOX, 0.3 * BOX, 3)
    assert float(fsc(deformed, ordinary)[1 : BOX // 2 - 1].min()) > 0.99
    assert float(fsc(deformed, ordinary, inner)[1 : BOX // 2 - 1].min()) > 0.99
    slope = float((deformed * ordinary * inner).sum() / (ordinary.square() * inner).sum())
    assert slope == pytest.approx(1.0, abs=0.01)


def test_that_a_known_motion_gives_a_sharper_moving_domain_and_leaves_the_rest(
    tiny: Simulation, full: Prepared
) -> None:
    truth = _truth(tiny)
    beads = torch.from_numpy(truth.beads_a).float()
    true = render_volume(beads, torch.ones(1, len(beads)), torch.tensor([truth.sigma_a]), BOX, PIXEL_A)
    sums = _sums(tiny, full)
    area = {}
    for name, part in (("moving", truth.domain > 0), ("static", truth.domain == 0)):
        mask = mask_from_points(beads[torch.from_numpy(part)], BOX, PIXEL_A, 12, 6)
        for kind, volume in (("deformed", sums.deformed_map()), ("ordinary", sums.ordinary_map())):
            area[kind, name] = float(fsc_auc(fsc(volume, true, mask)))
    assert area["deformed", "moving"] > area["ordinary", "moving"] + 0.02
    assert area["deformed", "static"] > area["ordinary", "static"] - 0.005
    # The wrong sign is worse than nothing.
    wrong = _sums(tiny, full, amount=-1.0).deformed_map()
    mask = mask_from_points(beads[torch.from_numpy(truth.domain > 0)], BOX, PIXEL_A, 12, 6)
    assert float(fsc_auc(fsc(wrong, true, mask))) < area["ordinary", "moving"]


def test_that_a_mask_holds_the_motion_back_and_counts_once_when_it_was_trained_with(
    tiny: Simulation, full: Prepared
) -> None:
    images, inner = full.images, soft_sphere(BOX, 0.4 * BOX, 2)
    # Motion is free in the upper part, half as free in a layer, and none is left below.
    freedom = torch.zeros(BOX, BOX, BOX)
    freedom[BOX // 2 :], freedom[BOX // 2 - 4 : BOX // 2] = 1.0, 0.5
    made = {}
    for name, amount, mask, learnt in (
        ("all", 1.0, None, 1.0),
        ("half", 0.5, None, 1.0),
        ("masked", 1.0, freedom, 1.0),
        ("trained with", 0.5, 0.5 * torch.ones(BOX, BOX, BOX), 0.5),
    ):
        trained = _half(tiny, amount)
        cast("Any", trained.model).learnt = learnt
        region = Region.make(inner, 1, mask)
        sums = HalfSums(trained, images, None, image_filter(images), region)
        sums.add(images.batch(torch.arange(20), BOX))
        made[name] = sums.moved
    layer = slice(BOX // 2 - 4, BOX // 2)
    scale = float(made["all"].abs().max())
    upper, below = slice(BOX // 2, None), slice(0, BOX // 2 - 4)
    assert float((made["masked"][upper] - made["all"][upper]).abs().max()) < 1e-5 * scale
    assert float((made["masked"][layer] - made["half"][layer]).abs().max()) < 1e-5 * scale
    assert not bool(made["masked"][below].any())
    assert float((made["trained with"] - made["half"]).abs().max()) < 1e-5 * scale


def test_that_batches_change_nothing_beyond_the_order_of_sums_and_one_may_be_left_over(
    tiny: Simulation, full: Prepared
) -> None:
    whole = _sums(tiny, full, size=200).deformed_map()
    for size in (199, 7, 1):
        other = _sums(tiny, full, size=size).deformed_map()
        assert float((other - whole).abs().max()) < 2e-5 * float(whole.abs().max())


def test_that_refined_poses_are_used(tiny: Simulation, full: Prepared) -> None:
    images = full.images
    region = Region.make(soft_sphere(BOX, 0.4 * BOX, 2), 2)
    filtered = image_filter(images)
    corrections = torch.zeros(images.n, 5)
    corrections[:, 3] = 2 * PIXEL_A
    plain = HalfSums(_half(tiny), images, None, filtered, region)
    moved = HalfSums(_half(tiny), images, corrections, filtered, region)
    batch = images.batch(torch.arange(50), BOX)
    plain.add(batch)
    # Images shifted by as much as the correction says carry the same information.
    shifted = replace(images.views, shifts_px=images.views.shifts_px - torch.tensor([2.0, 0.0]))
    other = type(images)(images.reader, shifted, images.device, diameter_a=10 * BOX * PIXEL_A)
    wide = type(images)(images.reader, images.views, images.device, diameter_a=10 * BOX * PIXEL_A)
    again = HalfSums(_half(tiny), wide, None, filtered, region)
    again.add(wide.batch(torch.arange(50), BOX))
    moved.add(other.batch(torch.arange(50), BOX))
    first, second = again.deformed_map(), moved.deformed_map()
    inner = soft_sphere(BOX, 0.25 * BOX, 3)
    assert float(fsc(first, second, inner)[1:10].min()) > 0.8
    assert float(fsc(first, second, inner)[1:6].min()) > 0.95


def test_that_the_grey_scale_is_found_in_spite_of_noise() -> None:
    box, generator = 24, torch.Generator().manual_seed(1)
    points = 20 * torch.randn(30, 3, generator=generator)
    clean = render_volume(points, torch.ones(1, 30), torch.tensor([8.0]), box, 6.0)
    halves = tuple(clean + 0.2 * clean.max() * torch.randn(clean.shape, generator=generator) for _ in "ab")
    found = grey_scale((halves[0], halves[1]), 3.0 * clean, soft_sphere(box, 9, 2))
    assert found == pytest.approx(3.0, rel=0.05)
    assert grey_scale((halves[0], -halves[0]), clean, soft_sphere(box, 9, 2)) == 1.0


# ---------------------------------------------------------------------------------------------------- the job


def context_of(project: Path, **changes: Any) -> WorkerContext:
    """A context of the task as the worker makes it."""
    given = {"fn_star": "particles.star", "fn_map": "consensus.mrc", "gpu_id": "cpu", "do_reconstruct": True}
    options = DynaMightOptions(**{**given, **changes})
    folder = JobFolder(project, "DynaMight/job001/")
    task = JOB_TYPE.task("reconstruct")
    metrics = MetricsWriter(folder.path / "metrics.jsonl", 2, task.name)
    return WorkerContext(options, folder, project, task, 2, 1, "cpu", metrics)


@pytest.fixture
def project(own: Path, trained: Prepared) -> Path:
    """A project whose job has been trained."""
    write_checkpoint(checkpoint_path(own / "DynaMight" / "job001", None), trained, "particles.star")
    return own


def _run(project: Path, **changes: Any) -> Path:
    context = context_of(project, **changes)
    try:
        backproject.run(context)
    finally:
        context.metrics.close()
    return project / "DynaMight" / "job001" / "backprojection"


def _bytes(folder: Path) -> dict[str, bytes]:
    """All maps and curves, without the time stamps in the headers of maps."""
    found = {path.name: read_map(path).data.tobytes() for path in folder.glob("*.mrc")}
    return {**found, "fsc.star": (folder / "fsc.star").read_bytes()}


def test_that_the_job_leaves_half_maps_interim_maps_curves_and_a_sentence(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _run(project, mask_reconstruction=True)
    interim = {f"reconstruction_half{h}_{p:03d}.mrc" for h in (1, 2) for p in (20, 40, 60, 80, 100)}
    maps = {f"{kind}_half{h}.mrc" for kind in ("map", "ordinary") for h in (1, 2)}
    others = {"map.mrc", "mask_reconstruction.mrc", "fsc.star", "fsc.svg"}
    assert {path.name for path in folder.iterdir()} == interim | maps | others
    consensus = read_map(project / "consensus.mrc")
    made = read_map(folder / "map_half1.mrc")
    assert made.voxel_size_a == pytest.approx(PIXEL_A)
    assert made.origin_a == pytest.approx(consensus.origin_a)
    slope = float((made.data * consensus.data).sum() / (made.data**2).sum())
    assert 0.5 < slope < 1.5
    table = read_star_tables(folder / "fsc.star")["fsc"]
    assert {"rlnResolution", "rlnAngstromResolution", "hsFscDeformed", "hsFscOrdinaryMasked"} <= set(
        table.columns
    )
    ElementTree.fromstring((folder / "fsc.svg").read_text())
    said = capsys.readouterr().out
    assert "Resolution at FSC 0.143 (0.5)" in said
    assert "Grey scale" in said
    records, _ = read_metrics(folder.parent / "metrics.jsonl")
    last = [record for record in records if record["phase"] == "reconstruct"][-1]
    assert last["step"] == last["of"] == 200
    assert last["particles_per_s"] > 0
    assert last["resolution_fsc05_masked_deformed_A"] > 2 * PIXEL_A
    shown = folder.parent / "snapshots"
    maps = Figure.from_json((shown / "maps.json").read_text())
    assert maps.arrays == ("map_deformed", "map_ordinary")
    for name, kind in zip(maps.arrays, ("map", "ordinary"), strict=True):
        assert np.load(shown / f"{name}.npy").shape == (BOX,) * 3, kind
    figure = Figure.from_json((shown / "fsc.json").read_text())
    assert figure.reciprocal and figure.marks[0].value == 0.143
    assert np.allclose(figure.x, table.floats("rlnResolution"), atol=1e-6)
    names = {series.name.rpartition(" ")[0].rpartition(" ")[0]: series.values for series in figure.series}
    for word, column in (("motion undone", "hsFscDeformedMasked"), ("ordinary", "hsFscOrdinaryMasked")):
        assert np.allclose(names[word], table.floats(column), atol=1e-5), word


def test_that_only_the_ordinary_maps_are_made_when_asked_for(project: Path) -> None:
    both = _bytes(_run(project))
    shutil.rmtree(project / "DynaMight" / "job001" / "backprojection")
    alone = _bytes(_run(project, do_deformations=False))
    for half in (1, 2):
        assert alone[f"map_half{half}.mrc"] == both[f"ordinary_half{half}.mrc"]
        assert both[f"map_half{half}.mrc"] != both[f"ordinary_half{half}.mrc"]


def test_that_preloading_changes_nothing_and_a_mask_of_ones_neither(project: Path) -> None:
    plain = _bytes(_run(project))
    write_map(project / "ones.mrc", np.ones((BOX,) * 3, np.float32), PIXEL_A)
    folder = _run(project, do_preload=True, mask_file="ones.mrc")
    kept = _bytes(folder)
    for half in (1, 2):
        assert kept[f"map_half{half}.mrc"] == plain[f"map_half{half}.mrc"]
    assert "hsFscDeformedGiven" in read_star_tables(folder / "fsc.star")["fsc"].columns


def test_that_a_mask_in_the_job_restricts_where_motion_is_undone(project: Path) -> None:
    both = _bytes(_run(project))
    upper = np.zeros((BOX,) * 3, np.float32)
    upper[BOX // 2 :] = 1
    write_map(project / "upper.mrc", upper, PIXEL_A)
    folder = _run(project, mask_file="upper.mrc")
    made, ordinary = (read_map(folder / f"{name}_half1.mrc").data for name in ("map", "ordinary"))
    assert ordinary.tobytes() == both["ordinary_half1.mrc"]
    change = np.abs(made - ordinary)
    # Division by the weights reaches a few voxels across the border.
    assert change[: BOX // 2 - 4].max() < 0.2 * change[BOX // 2 :].max()
    write_map(project / "nowhere.mrc", 0 * upper, PIXEL_A)
    with pytest.raises(UserError, match="no voxel in common"):
        _run(project, mask_file="nowhere.mrc")


def test_that_the_combined_map_is_the_mean_of_the_halves_without_far_solvent(project: Path) -> None:
    folder = _run(project)
    model = load_model(checkpoint_path(folder.parent, None))
    first, second, both = (read_map(folder / f"map{name}.mrc").data for name in ("_half1", "_half2", ""))
    points = torch.cat([half.model.positions.detach() for half in model.halves])
    far = mask_from_points(points, BOX, PIXEL_A, 60).numpy() == 0
    own = [mask_from_points(half.model.positions.detach(), BOX, PIXEL_A, 6).numpy() for half in model.halves]
    near = (own[0] > 0) & (own[1] > 0)
    assert far.any() and near.any()
    assert np.allclose(both[near], (first + second)[near] / 2, atol=1e-5 * np.abs(first).max())
    assert not both[far].any()


_CHILD = """
import os, signal, sys
from pathlib import Path
import torch
from jobs.core.context import WorkerContext
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.dynamight import backproject
from jobs.dynamight.backproject_sums import HalfSums
from jobs.dynamight.params import JOB_TYPE, DynaMightOptions
project = Path(sys.argv[1])
options = DynaMightOptions(
    fn_star="particles.star", fn_map="consensus.mrc", gpu_id="cpu", do_reconstruct=True
)
folder, task = JobFolder(project, "DynaMight/job001/"), JOB_TYPE.task("reconstruct")
metrics = MetricsWriter(folder.path / "metrics.jsonl", 1, task.name)
torch.set_num_threads(1)
backproject._SAVE_S, backproject._SAVE_SHARE = 0.0, 1e9
add, calls = HalfSums.add, []
def dying(self, batch):
    calls.append(0)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    add(self, batch)
HalfSums.add = dying
backproject.run(WorkerContext(options, folder, project, task, 1, 1, "cpu", metrics))
"""


def test_that_a_killed_run_goes_on_from_its_saved_sums_to_the_same_bytes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _bytes(_run(project))
    shutil.rmtree(project / "DynaMight" / "job001" / "backprojection")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", _CHILD, str(project)]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    capsys.readouterr()
    assert _bytes(_run(project)) == whole
    assert "Resuming after 100 of 200 images" in capsys.readouterr().out
    assert not (project / "DynaMight" / "job001" / backproject.PARTIAL).exists()


def test_that_an_aborted_run_goes_on_and_other_settings_start_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _bytes(_run(project))
    polled = []

    def ask(self: WorkerContext) -> None:
        polled.append(0)
        if len(polled) == 4:
            raise AbortRequested

    with monkeypatch.context() as patch:
        patch.setattr(WorkerContext, "check_abort", ask)
        with pytest.raises(AbortRequested):
            _run(project)
    partial = project / "DynaMight" / "job001" / backproject.PARTIAL
    saved = partial.read_bytes()
    capsys.readouterr()
    assert _bytes(_run(project)) == whole
    assert "Resuming after 60 of 200" in capsys.readouterr().out
    partial.write_bytes(saved)
    _run(project, downsample=3)
    assert "Resuming" not in capsys.readouterr().out


def test_that_changed_particles_are_refused(project: Path) -> None:
    path = project / "particles.star"
    lines = path.read_text().splitlines(keepends=True)
    rows = [k for k, line in enumerate(lines) if "@" in line]
    del lines[rows[-1]]
    path.write_text("".join(lines))
    with pytest.raises(UserError, match="changed since the model was trained"):
        _run(project)


def test_that_curves_know_their_axes(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(16, 16, 16, generator=generator)
    curves = Curves.of({"ordinary": (volume, volume)}, {"": None}, 2.0)
    curves.write(tmp_path / "fsc.star")
    table = read_star_tables(tmp_path / "fsc.star")["fsc"]
    assert table.floats("rlnResolution")[-1] == pytest.approx(1 / 4.0)
    assert math.isclose(float(table.floats("rlnAngstromResolution")[8]), 4.0, rel_tol=1e-5)
    assert curves.resolution("ordinary", "", 0.143) == pytest.approx(4.0)
