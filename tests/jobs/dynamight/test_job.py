"""The job as people meet it: run, killed and continued from the command line; its files; displacements."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import __main__ as door
from app.project.project import Project
from jobs.core.checkpoint import load_checkpoint
from jobs.core.metrics import read_metrics
from jobs.dynamight.latent_model import source
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.state import load_model
from jobs.dynamight.training import Silent
from jobs.formats.mrc import read_map, write_map
from jobs.formats.star import read_star_tables
from jobs.simulate.simulation import Simulation
from tests.jobs.dynamight.conftest import Prepare
from tests.support.jobs import end_leftovers, exit_markers, wait_for_end, wait_for_worker, wait_until

#: Where voxel 0 of the consensus map lies, Å.
ORIGIN_A = (12.0, -6.0, 3.5)
GIVEN = {
    "fn_star": "particles.star",
    "fn_map": "consensus.mrc",
    "gpu_id": "cpu",
    "nr_gaussians": 60,
    "n-latent-dimensions": 3,
    "n-motion-modes": 8,
    "n-neurons-per-layer": 32,
    "n-warmup-epochs": 1,
    "n-epochs": 16,
    "batch-size": 50,
    "seed": 5,
}
OPTIONS = [word for name, value in GIVEN.items() for word in (f"--{name}", str(value))]
#: The same as settings of the library, where they are not those of all tests here.
SETTINGS = {"n_epochs": 16, "seed": 5}


@dataclass(frozen=True)
class Done:
    """A project with a job that was killed in the middle and continued to its end."""

    project: Path
    job: Path
    ended_after_kill: str
    code: int


def heteroscope(*words: object) -> int:
    return door.main([str(word) for word in words])


@pytest.fixture(scope="module")
def done(tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    path = Path(shutil.copytree(tiny.folder, tmp_path_factory.mktemp("job") / "project"))
    consensus = read_map(path / "consensus.mrc")
    write_map(path / "consensus.mrc", consensus.data, consensus.voxel_size_a, ORIGIN_A)
    Project.create(path)
    job = path / "DynaMight" / "job001"
    try:
        assert heteroscope("run", "dynamight", "--project", path, "--quiet", "--detach", *OPTIONS) == 0
        worker = wait_for_worker(job).worker
        assert worker is not None
        wait_until(checkpoint_path(job, 4).exists, 60)
        os.kill(worker.pid, signal.SIGKILL)
        ended = wait_for_end(job)
        code = heteroscope("continue", "DynaMight/job001", "--project", path, "--quiet")
        yield Done(path, job, ended, code)
    finally:
        end_leftovers(path)


# ------------------------------------------------------------------------------------- end and new start


def test_that_a_killed_and_continued_job_ends_in_the_bits_of_an_uninterrupted_training(
    done: Done, prepare: Prepare
) -> None:
    assert done.ended_after_kill == "FAILURE"
    assert done.code == 0
    whole = prepare(done.project, **SETTINGS)
    whole.training.initialise()
    whole.training.run(Silent())
    state = load_checkpoint(checkpoint_path(done.job, None))
    assert state["training"]["schedule"] == whole.training.schedule.state_dict()
    for half, saved in zip(whole.training.halves, state["training"]["halves"], strict=True):
        assert torch.equal(half.latents.rows.table, saved["latents"]["table"])
        for name, value in half.model.state_dict().items():
            assert torch.equal(value, saved["model"][name]), name
        for key, value in half.field_optimiser.state_dict()["state"].items():
            assert torch.equal(value["exp_avg_sq"], saved["field_optimiser"]["state"][key]["exp_avg_sq"])
    assert torch.equal(whole.training.noise.power, state["training"]["noise_power"])


def test_that_the_continued_job_did_not_start_from_nothing(done: Done) -> None:
    text = (done.job / "run.out").read_text()
    assert "Resuming after epoch" in text
    first, second = (_trained_epochs(done, run) for run in (1, 2))
    assert first[0]["step"] == 1
    # Checkpoints are written every five epochs.
    assert second[0]["step"] == len(first) - len(first) % 5 + 1
    assert sorted(path.name for path in done.job.glob("options.*.json")) == [
        "options.001.json",
        "options.002.json",
    ]


def test_that_only_the_marker_of_the_last_ending_is_left(done: Done) -> None:
    assert exit_markers(done.job) == ["SUCCESS"]


# ------------------------------------------------------------------------------------------ what it leaves


def test_that_the_results_lie_where_users_of_the_original_look(done: Done) -> None:
    forward = done.job / "forward_deformations"
    checkpoints = sorted(path.name for path in (forward / "checkpoints").iterdir())
    assert checkpoints[:2] == ["004.pth", "009.pth"]
    assert checkpoints[-1] == "checkpoint_final.pth"
    last = int(_trained_epochs(done)[-1]["step"]) - 1
    names = {path.name for path in (forward / "volumes").iterdir()}
    assert {f"{kind}_half{h}_{last:03d}.mrc" for kind in ("volume", "mask") for h in (1, 2)} <= names
    assert (forward / "graphs" / f"points{last:03d}.xyz").is_file()
    assert not [path for path in done.job.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp"]


def _trained_epochs(done: Done, run: int | None = None) -> list[dict[str, Any]]:
    """Records of epochs, of one run or of both."""
    records, _ = read_metrics(done.job / "metrics.jsonl")
    epochs = [record for record in records if record["phase"] in ("warm-up", "train", "finalise")]
    return [record for record in epochs if run in (None, record["run"])]


def test_that_volumes_keep_the_origin_of_the_consensus_map(done: Done) -> None:
    volume = next((done.job / "forward_deformations" / "volumes").glob("volume_half1_*.mrc"))
    assert read_map(volume).origin_a == pytest.approx(ORIGIN_A)


def test_that_the_particles_with_latents_are_declared_to_relion(done: Done) -> None:
    project = Project.open(done.project)
    outputs = {node.name: node.label for node in project.job_outputs("DynaMight/job001/")}
    assert (
        outputs["DynaMight/job001/forward_deformations/particles.star"] == "ParticleGroupMetadata.star.relion"
    )
    table = read_star_tables(done.job / "forward_deformations" / "particles.star")["particles"]
    assert "hsLatent3" in table.columns
    assert "rlnAngleRot" in table.columns


def test_that_curves_are_written_for_tensorboard_after_every_epoch(done: Done) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # One file per run: also that of the killed one holds all of its epochs.
    files = sorted(done.job.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime_ns)
    for run, file in enumerate(files, start=1):
        events = EventAccumulator(str(file))
        events.Reload()
        epochs = [int(record["step"]) - 1 for record in _trained_epochs(done, run)]
        for tag in ("Loss/mse_loss_halfs/half1", "Loss/kld_loss/half2", "Loss/reg_param_h1"):
            assert [event.step for event in events.Scalars(tag)][: len(epochs)] == epochs, tag


def test_that_the_monitor_finds_numbers_and_pictures(done: Done) -> None:
    last = _trained_epochs(done)[-1]
    for key in ("loss_data_half1", "loss_kl_half2", "rms_displacement_A_half1", "particles_per_s"):
        assert isinstance(last[key], float), key
    pictures = {path.stem: np.load(path) for path in (done.job / "snapshots").glob("*.npy")}
    assert pictures["latent"].shape == (100, 3)
    assert pictures["latent_colour"].shape == (100,)
    assert pictures["volume"].shape == (32, 32, 32)
    assert float(pictures["displacement_histogram"][1].sum()) == 100


def test_that_options_and_inputs_are_recorded(done: Done) -> None:
    record = json.loads((done.job / "options.001.json").read_text())
    assert record["seed"] == 5
    assert record["values"]["nr_gaussians"] == 60
    assert any("particles.star" in path for path in record["inputs"])


def test_that_the_job_says_what_it_found(done: Done) -> None:
    text = (done.job / "run.out").read_text()
    assert "rlnRandomSubset" in text
    assert "20 particles held out" in text
    assert "Found: rms displacement" in text


# ------------------------------------------------------------------------------------------ displacements


def _chimerax(centred: np.ndarray) -> np.ndarray:
    """Å as ChimeraX shows the map: voxel 0 at the header's origin."""
    return centred + 16 * 6.0 + np.array(ORIGIN_A)


def _as_csv(path: Path, points: np.ndarray) -> Path:
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "x", "y", "z"])
        writer.writerows([f"p{n}", *point.tolist()] for n, point in enumerate(points))
    return path.with_suffix(".csv")


def _as_star(path: Path, points: np.ndarray) -> Path:
    rows = "\n".join(" ".join(f"{value:.6f}" for value in point) for point in points)
    path.with_suffix(".star").write_text(f"data_points\n\nloop_\n_x #1\n_y #2\n_z #3\n{rows}\n")
    return path.with_suffix(".star")


def _as_pdb(path: Path, points: np.ndarray) -> Path:
    lines = [
        f"ATOM  {n + 1:5d}  CA  ALA A{n + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
        for n, (x, y, z) in enumerate(points)
    ]
    path.with_suffix(".pdb").write_text("\n".join([*lines, "END", ""]))
    return path.with_suffix(".pdb")


Write = Callable[[Path, np.ndarray], Path]


@pytest.mark.parametrize("write", [_as_csv, _as_star, _as_pdb])
def test_that_displacements_of_points_are_those_of_the_model(
    write: Write, done: Done, tmp_path: Path
) -> None:
    centred = np.array([[10.0, -20.0, 35.5], [0.0, 0.0, 0.0], [-12.25, 3.0, -30.0]])
    points = write(tmp_path / "points", _chimerax(centred))
    out = tmp_path / "moved.npz"
    job = done.job.relative_to(done.project)
    words = ("dynamight", "displacements", job, "--project", done.project, "--points", points, "--out", out)
    assert heteroscope(*words) == 0
    with np.load(out) as found:
        moved, half, latent = found["displacement"], found["half"], found["latent"]
        assert np.allclose(found["points"], _chimerax(centred), atol=1e-3)
        names = found["image_name"].tolist()
    assert moved.dtype == np.float32
    assert moved.shape == (200, 3, 3)
    table = read_star_tables(done.project / "particles.star")["particles"]
    assert names == table.text("rlnImageName").tolist()
    model = load_model(checkpoint_path(done.job, None))
    assert half.tolist() == model.half.tolist()
    for trained in model.halves:
        expected = trained.model.displacement(trained.means, torch.from_numpy(centred).float()).detach()
        assert np.allclose(moved[trained.rows], expected.numpy(), atol=2e-3)
        assert np.array_equal(latent[trained.rows], trained.means.numpy())


@pytest.mark.parametrize("half", [0, 1, 2])
def test_that_displacements_of_one_half_set_are_part_of_all(half: int, done: Done, tmp_path: Path) -> None:
    points = _as_csv(tmp_path / "points", _chimerax(np.array([[10.0, -20.0, 35.5]])))
    job = done.job.relative_to(done.project)
    words = ["dynamight", "displacements", job, "--project", done.project, "--points", points]
    assert heteroscope(*words, "--out", tmp_path / "all.npz") == 0
    assert heteroscope(*words, "--out", tmp_path / "part.npz", "--half", half) == 0
    with np.load(tmp_path / "all.npz") as every, np.load(tmp_path / "part.npz") as part:
        chosen = every["validation"] if half == 0 else every["half"] == half
        assert 0 < chosen.sum() < 200
        for name in ("displacement", "image_name", "half", "latent"):
            assert np.array_equal(part[name], every[name][chosen]), name


def test_that_displacements_of_an_earlier_checkpoint_can_be_asked_for(done: Done, tmp_path: Path) -> None:
    points = _as_csv(tmp_path / "points", _chimerax(np.array([[10.0, -20.0, 35.5]])))
    early = checkpoint_path(done.job, 4)
    words = ["dynamight", "displacements", done.job, "--points", points, "--out", tmp_path / "early.npz"]
    assert heteroscope(*words, "--checkpoint", early) == 0
    trained = load_model(early).halves[0]
    expected = trained.model.displacement(trained.means, torch.tensor([[10.0, -20.0, 35.5]])).detach()
    with np.load(tmp_path / "early.npz") as found:
        assert np.allclose(found["displacement"][trained.rows], expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--points", "no.csv"], "no.csv"),
        (["--points", "points.csv", "--checkpoint", "no.pth"], "there is no such checkpoint"),
        (["--points", "points.csv", "--particles", "fewer.star"], "the particles have changed"),
    ],
    ids=["points", "checkpoint", "particles"],
)
def test_that_what_displacements_lack_is_named_and_nothing_is_written(
    words: list[str], said: str, done: Done, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _as_csv(in_tmp_path / "points", np.zeros((1, 3)))
    lines = (done.project / "particles.star").read_text().rstrip().splitlines()
    (in_tmp_path / "fewer.star").write_text("\n".join(lines[:-1]) + "\n")
    code = heteroscope("dynamight", "displacements", done.job, "--out", "moved.npz", *words)
    printed = capsys.readouterr()
    assert code == 2
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not (in_tmp_path / "moved.npz").exists()


# ------------------------------------------------------------------------------------------- the explorer


def test_that_the_explorer_sees_states_volumes_and_displacements(done: Done) -> None:
    latents = source(done.job, done.project).open(2)
    trained = load_model(checkpoint_path(done.job, None)).halves[1]
    assert np.array_equal(latents.embedding, trained.means.numpy())
    assert next(iter(latents.metadata)) == "image_name"
    assert len(latents.metadata["image_name"]) == len(latents.embedding) == 100
    assert set(latents.half_set.tolist()) == {0, 2}
    assert bool((latents.error > 0).all())
    state = latents.embedding[0]
    assert latents.decode(state).shape == (32, 32, 32)
    point = np.array([[10.0, -20.0, 35.5]])
    expected = trained.model.displacement(trained.means[:1], torch.tensor(point).float())[0]
    assert np.allclose(latents.displace(state, point), point + expected.numpy(), atol=1e-4)
    assert latents.voxel_size_a == pytest.approx(6.0)
