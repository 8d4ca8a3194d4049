"""The inverse task as people meet it: continued, killed and aborted; its files and words."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import __main__ as door
from app.project.project import Project
from jobs.core.context import WorkerContext
from jobs.core.errors import AbortRequested, UserError
from jobs.core.figures import Figure
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter, read_metrics
from jobs.dynamight import inverse
from jobs.dynamight.inverse_state import inverse_path, read_inverse, unfinished_path
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.params import JOB_TYPE, DynaMightOptions
from jobs.dynamight.state import load_model
from jobs.formats.star import read_star_tables
from jobs.simulate.simulation import Simulation
from tests.support.jobs import end_leftovers, exit_markers

NAME = "DynaMight/job001"
GIVEN = {
    "fn_star": "particles.star",
    "fn_map": "consensus.mrc",
    "gpu_id": "cpu",
    "nr_gaussians": 60,
    "n-latent-dimensions": 3,
    "n-motion-modes": 8,
    "n-neurons-per-layer": 32,
    "n-warmup-epochs": 1,
    "n-epochs": 3,
    "batch-size": 50,
    "seed": 5,
}
OPTIONS = [word for name, value in GIVEN.items() for word in (f"--{name}", str(value))]
FILES = ("inv_chkpt.pth", "round_trip.csv", "round_trip.npz")

#: Runs the task and dies by SIGKILL right after its third partial result.
KILLED = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from jobs.core.context import WorkerContext
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.dynamight import inverse
from jobs.dynamight.params import JOB_TYPE, DynaMightOptions
write, calls = inverse.write_unfinished, []
def write_and_die(*arguments):
    write(*arguments)
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
inverse._SAVE_S, inverse.write_unfinished = 0.0, write_and_die
project = Path(sys.argv[1])
folder = JobFolder(project, "DynaMight/job001/")
metrics = MetricsWriter(folder.path / "metrics.jsonl", 2, "inverse")
options = DynaMightOptions(fn_star="particles.star", do_inverse=True)
inverse.run(WorkerContext(options, folder, project, JOB_TYPE.tasks[3], 2, 5, "cpu", metrics))
"""


def heteroscope(*words: object) -> int:
    return door.main([str(word) for word in words])


@contextmanager
def context_in(project: Path, **changes: object) -> Iterator[WorkerContext]:
    folder = JobFolder(project, f"{NAME}/")
    metrics = MetricsWriter(folder.path / "metrics.jsonl", 2, "inverse")
    yield WorkerContext(
        options=DynaMightOptions(**{"fn_star": "particles.star", "do_inverse": True, **changes}),
        folder=folder,
        project_dir=project,
        task=next(task for task in JOB_TYPE.tasks if task.name == "inverse"),
        run=2,
        seed=5,
        device="cpu",
        metrics=metrics,
    )
    metrics.close()


def _refused(project: Path, words: str, **changes: object) -> None:
    with context_in(project, **changes) as context, pytest.raises(UserError, match=words):
        inverse.run(context)


@pytest.fixture(scope="module")
def trained_project(tiny: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a short training, to be copied."""
    path = Path(shutil.copytree(tiny.folder, tmp_path_factory.mktemp("inverse") / "project"))
    Project.create(path)
    try:
        assert heteroscope("run", "dynamight", "--project", path, "--quiet", *OPTIONS) == 0
        yield path
    finally:
        end_leftovers(path)


@pytest.fixture
def project(trained_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_project, tmp_path / "project"))


@pytest.fixture(scope="module")
def done(trained_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same after the inverse task was run from the command line."""
    path = Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("done") / "project"))
    try:
        words = ("--do_inverse", "Yes", "--nr_epochs", 50, "--do_store_deform", "Yes")
        assert heteroscope("continue", NAME, "--project", path, "--quiet", *words) == 0
        yield path
    finally:
        end_leftovers(path)


def _bytes(project: Path) -> dict[str, bytes]:
    folder = inverse_path(project / NAME).parent
    return {name: (folder / name).read_bytes() for name in FILES}


def test_that_the_job_leaves_its_files_and_says_how_good_the_way_back_is(done: Path) -> None:
    job = done / NAME
    assert exit_markers(job) == ["SUCCESS"]
    assert sorted(path.name for path in inverse_path(job).parent.iterdir()) == sorted(FILES)
    model = load_model(checkpoint_path(job, None))
    saved = read_inverse(inverse_path(job), model)
    assert saved.errors[0]["gaussians"]["n"] == 100 * 60
    assert saved.errors[0]["gaussians"]["median_A"] < 0.1
    said = (job / "run.out").read_text()
    assert "Round trip: half-set 1: median 0.0" in said
    assert "inside the molecule" in said
    assert "the number of epochs (50) has no effect, and displacements are needed only once" in said


def test_that_table_and_particle_errors_agree_with_the_way_back(done: Path) -> None:
    job = done / NAME
    with (inverse_path(job).parent / "round_trip.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["half"], row["place"]) for row in rows] == [
        ("1", "gaussians"),
        ("1", "voxels"),
        ("2", "gaussians"),
        ("2", "voxels"),
    ]
    model = load_model(checkpoint_path(job, None))
    with np.load(inverse_path(job).parent / "round_trip.npz") as found:
        table = read_star_tables(done / "particles.star")["particles"]
        assert found["image_name"].tolist() == table.text("rlnImageName").tolist()
        for row, (number, half) in zip(rows[::2], enumerate(model.halves, 1), strict=True):
            moved = half.model.positions + half.model.displacement(half.means, half.model.positions)
            back = inverse.evaluate_inverse(model, number, half.means, moved)
            error = (back - half.model.positions).norm(dim=2).numpy()
            assert float(row["median_A"]) == pytest.approx(np.median(error), rel=0.03)
            assert float(row["max_A"]) == pytest.approx(error.max(), rel=0.01)
            medians = found["median_gaussians_A"][found["half"] == number]
            assert np.allclose(medians, np.median(error, 1), atol=1e-4)


def test_that_the_monitor_sees_errors_and_speed(done: Path) -> None:
    records, _ = read_metrics(done / NAME / "metrics.jsonl")
    last = [record for record in records if record["phase"] == "inverse"][-1]
    assert last["step"] == last["of"] == 200
    for name in ("round_trip_A_half1", "round_trip_voxels_A_half2", "particles_per_s"):
        assert isinstance(last[name], float), name


def test_that_histograms_of_the_round_trip_tell_what_the_table_tells(done: Path) -> None:
    folder = done / NAME
    with (folder / "inverse_deformations" / "round_trip.csv").open() as file:
        rows = list(csv.DictReader(file))
    for place in ("gaussians", "voxels"):
        figure = Figure.from_json((folder / "snapshots" / f"round_trip_{place}.json").read_text())
        assert figure.kind == "histogram" and figure.task == "inverse"
        medians = [float(row["median_A"]) for row in rows if row["place"] == place]
        assert [mark.value for mark in figure.marks] == pytest.approx(medians, rel=1e-3)
        for series, median in zip(figure.series, medians, strict=True):
            assert sum(series.values) == pytest.approx(100, abs=1)
            below = sum(v for v, end in zip(series.values, figure.x[1:], strict=True) if end <= median)
            assert below <= 50.1


def test_that_after_kill_minus_9_continuing_gives_the_same_bytes(project: Path, done: Path) -> None:
    repository = Path(inverse.__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, str(project)],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert unfinished_path(project / NAME).is_file()
    assert not inverse_path(project / NAME).exists()
    try:
        assert heteroscope("continue", NAME, "--project", project, "--quiet", "--do_inverse", "Yes") == 0
    finally:
        end_leftovers(project)
    assert "Resuming after" in (project / NAME / "run.out").read_text()
    assert not unfinished_path(project / NAME).exists()
    assert _bytes(project) == _bytes(done)


def test_that_an_abort_is_noticed_and_what_was_done_is_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inverse, "_SAVE_S", 0.0)
    write = inverse.write_unfinished
    with context_in(project) as context:

        def write_and_ask(*arguments: Any) -> None:
            write(*arguments)
            (context.folder.path / "RELION_JOB_ABORT_NOW").touch()
            context._polled = 0.0

        monkeypatch.setattr(inverse, "write_unfinished", write_and_ask)
        with pytest.raises(AbortRequested):
            inverse.run(context)
    assert unfinished_path(project / NAME).is_file()


def test_that_missing_and_foreign_models_are_refused_in_words(project: Path) -> None:
    _refused(project, "there is no such checkpoint", fn_checkpoint="none.pth")
    torch.save({"weights": torch.zeros(2)}, project / "foreign.pth")
    _refused(project, "not a checkpoint of this program", fn_checkpoint="foreign.pth")
    lines = (project / "particles.star").read_text().rstrip().splitlines()
    (project / "particles.star").write_text("\n".join(lines[:-1]) + "\n")
    _refused(project, "the particles have changed")
    assert not inverse_path(project / NAME).parent.exists()
