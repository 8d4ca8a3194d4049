"""The command in any folder: a small run from images to classes in every form, gone on with and restarted."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.context import WorkerContext
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.formats.class_files import read_class_set
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables
from jobs.isac2 import commands
from jobs.isac2.class_list import class_files
from jobs.isac2.params import JOB_TYPE

_COUNT, _BOX = 64, 32
_OPTIONS = (
    *("--radius=12", "--target_radius=8", "--target_nx=24", "--img_per_grp=16", "--minimum_grp_size=4"),
    *("--maxit=6", "--stab_ali=2", "--init_iter=2", "--main_iter_limit=1", "--thld_err=2", "--rand_seed=5"),
    *("--FL=0.3", "--FH=0.35"),
)


def _in_this_process(job_type: JobType, words: Sequence[str]) -> int:
    """Do what the worker does, without its signals and its standard streams."""
    project, name, run = (words[words.index(f"--{word}") + 1] for word in ("project", "job", "run"))
    folder = JobFolder(Path(project), name)
    record = folder.read_options(int(run))
    metrics = MetricsWriter(folder.metrics, record.run, record.task)
    task = job_type.task(record.task)
    context = WorkerContext(
        options=job_type.options.model_validate(record.values),
        folder=folder,
        project_dir=folder.project_dir,
        task=task,
        run=record.run,
        seed=0,
        device="cpu",
        metrics=metrics,
    )
    module, _, function = task.worker.partition(":")
    try:
        getattr(importlib.import_module(module), function)(context)
    finally:
        metrics.close()
    return 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with images of two shapes, and a finished run of them in ``out``."""
    folder = tmp_path_factory.mktemp("isac")
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:_BOX, :_BOX] - _BOX // 2
    images = np.empty((_COUNT, _BOX, _BOX), np.float32)
    for i, angle in enumerate(rng.uniform(0, 2 * np.pi, _COUNT)):
        u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
        arms = ((6, 0), (-3, 6), (1, -2)) if i % 2 else ((0, 8), (0, -8), (4, 4))
        images[i] = np.sum([np.exp(-((u - a) ** 2 + (v - b) ** 2) / 6) for a, b in arms], axis=0)
    images += rng.normal(0, 0.2, images.shape).astype(np.float32)
    write_stack(folder / "images.mrcs", images, 3.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(commands, "run_worker", _in_this_process)
        assert commands.main(["images.mrcs", "out", *_OPTIONS]) == 0
        yield folder


def test_that_a_command_of_the_original_leaves_both_trees(folder: Path) -> None:
    out = folder / "out"
    there = ("class_averages.hdf", "all_parameters.txt", "README_shrink_ratio.txt", "finished")
    for name in (*there, "2dalignment/initial2Dparams.txt", "main001/finished"):
        assert (out / name).exists(), name
    classes = read_class_set(out / "run_optimiser.star", folder)
    assert len(classes) >= 2
    full = read_class_set(out / "full_size" / "run_optimiser.star", folder)
    assert full.read(0).shape == (_BOX, _BOX) and len(full) == len(classes)
    assert np.isfinite(classes.columns["resolution_a"]).any()
    left = out / "run_unaccounted_data.star"
    unaccounted = read_star_tables(left)["particles"].n_rows if left.exists() else 0
    assert classes.columns["size"].sum() + unaccounted == _COUNT


def test_that_a_complete_run_is_left_alone_and_another_stack_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["images.mrcs", "out", *_OPTIONS]) == 0
    assert "is complete" in capsys.readouterr().out
    assert commands.main(["other.mrcs", "out", *_OPTIONS]) == 2
    assert "was started with images.mrcs" in capsys.readouterr().err


def test_that_other_settings_are_refused_before_anything_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in (folder / "out").iterdir())
    assert commands.main(["images.mrcs", "out", "--img_per_grp=12", "--rand_seed=6"]) == 2
    told = capsys.readouterr().err
    assert "--img_per_grp 16, not 12; --rand_seed 5, not 6" in told
    assert sorted(path.name for path in (folder / "out").iterdir()) == before
    # The attempt has left no trace: the run is still the one that is complete.
    assert commands.main(["images.mrcs", "out"]) == 0


def test_that_a_job_that_ended_by_its_limit_can_be_continued_and_one_with_nothing_left_can_not(
    folder: Path, tmp_path: Path
) -> None:
    options = JobFolder(folder, "out/").read_options().values
    given = JOB_TYPE.options.model_validate(options)
    (tmp_path / "results_complete").touch()
    assert JOB_TYPE.task_for(given, True, tmp_path).name == "resume"
    # What the run left in its folder says which of both it is.
    _, table = read_star_tables(folder / "out" / "run_data.star").values()
    nothing_left = table.n_rows > _COUNT - 2 * 16
    assert (folder / "out" / "nothing_left").exists() == nothing_left
    (tmp_path / "nothing_left").touch()
    with pytest.raises(UserError, match="must be chosen"):
        JOB_TYPE.task_for(given, True, tmp_path)


def test_that_full_size_averages_of_all_classes_are_looked_at_first_and_of_some_are_not(
    folder: Path, tmp_path: Path
) -> None:
    titles = [title for title, _ in class_files(folder / "out", folder)]
    assert titles[-2:] == ["Stable classes", "Full-size averages"]
    shutil.copytree(folder / "out", tmp_path / "out")
    stack = tmp_path / "out" / "run_classes.mrcs"
    with mrcfile.open(stack) as file:
        classes = file.data.copy()
    write_stack(stack, np.concatenate((classes, classes[:1])), 3.0)
    more = [title for title, _ in class_files(tmp_path / "out", tmp_path)]
    count = len(classes)
    assert more[-2:] == [f"Full-size averages of {count} of {count + 1} classes", "Stable classes"]


def test_that_a_restart_leaves_what_was_finished(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = folder / "out" / "all_parameters.txt"
    before = parameters.read_bytes()
    parameters.unlink()
    assert commands.main(["images.mrcs", "out", *_OPTIONS, "--restart=1"]) == 0
    assert parameters.read_bytes() == before
    assert commands.main(["images.mrcs", "out", *_OPTIONS, "--restart=7"]) == 2
    assert "main iteration 7 is not finished" in capsys.readouterr().err
