"""A lasso around particles of tilt series in the real window, written in every form and read back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QAction

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.formats.pickles import read_pickles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn import train
from jobs.tomodrgn.params import JOB_TYPE
from tests.jobs.tomodrgn.conftest import context_of, small_options
from widgets.explorer.explorer import Explorer

COUNT = 24


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """The project of a training of an epoch on some particles."""
    project = tmp_path_factory.mktemp("learnt")
    options = small_options(shared, n_epochs=1, use_first_nptcls=COUNT, batch_size=8, zdim=4)
    context = context_of(project, "TomoDRGN/job001/", options)
    train.run(context)
    context.metrics.close()
    return project


@pytest.fixture
def explorer(window: MainWindow, training: Path, qtbot: Any) -> Iterator[Explorer]:
    """The explorer of a finished TomoDRGN job of the project of the window."""
    assert window.project_path is not None

    def files(job_dir: Path, _name: str) -> None:
        shutil.copytree(training / "TomoDRGN" / "job001", job_dir, dirs_exist_ok=True)
        (job_dir / "RELION_JOB_EXIT_SUCCESS").touch()

    process = Project.open(window.project_path).new_job(
        JOB_TYPE.directory, JOB_TYPE.label, outputs=[], status="Succeeded", prepare=files
    )
    window.project_commands.reread()
    qtbot.waitUntil(lambda: process.name in window.entries, timeout=10_000)
    window.explorer_commands.activate(str(process.name))
    qtbot.waitUntil(lambda: window.explorer_commands.explorer is not None, timeout=20_000)
    found = window.explorer_commands.explorer
    assert found is not None
    qtbot.waitUntil(lambda: found.opened is not None and found.plane is not None, timeout=60_000)
    yield found
    window.explorer_commands.close()


def lasso(explorer: Explorer) -> list[str]:
    """Draw around the left half of the plot; names of the particles inside."""
    assert explorer.plane is not None and explorer.opened is not None
    xy = explorer.plane.xy
    low, high = np.nanmin(xy, 0) - 1, np.nanmax(xy, 0) + 1
    middle = float(np.median(xy[:, 0]))
    explorer.canvas.region_drawn.emit(
        np.array([low, (middle, low[1]), (middle, high[1]), (low[0], high[1])]), "new"
    )
    names = [str(name) for name in explorer.opened.names[xy[:, 0] < middle]]
    assert 4 < len(names) < COUNT - 4
    return names


def test_that_a_lasso_is_the_same_particles_in_every_form_that_is_read_back(
    qtbot: Any, window: MainWindow, explorer: Explorer
) -> None:
    project = window.project_path
    assert project is not None and explorer.opened is not None
    names = lasso(explorer)
    for kind in ("star", "warp", "relion5", "same", "index_files"):
        entry = explorer.selecting.uses.findChild(QAction, f"explorer_save_{kind}")
        assert entry is not None and entry.isEnabled()
        written: list[Any] = []
        explorer.written.connect(lambda path, kind, found=written: found.append((path, kind)))
        said = len(explorer.message.messages())
        entry.trigger()
        qtbot.waitUntil(lambda n=said: len(explorer.message.messages()) > n, timeout=30_000)
        if kind == "relion5":
            # each image of these data is shifted by itself, which such a set cannot state
            assert not written and "Write an image series instead" in explorer.message.messages()[-1]
            continue
        path, told = written[0]
        assert path.is_relative_to(project), kind
        if kind == "index_files":
            kept = read_pickles(path / f"ind_keep.{len(names)}_particles.pkl")[0]
            order = {name: k for k, name in enumerate(explorer.opened.names.tolist())}
            assert kept.tolist() == sorted(order[name] for name in names)
            latent = read_pickles(path / f"z_keep.{len(names)}.pkl")[0]
            np.testing.assert_array_equal(latent, explorer.opened.latent[kept])
            path = path / f"ind_keep.{len(names)}_particles.pkl"
        else:
            assert told == "star"
            again = read_tilt_particles(path, project)
            assert sorted(again.particle_name.tolist()) == sorted(names), kind
        # and by the list of the explorer
        drawn = explorer.choice.mask
        explorer.selecting.clear()
        explorer.choice.take_names(path)
        qtbot.waitUntil(lambda: explorer.choice.mask is not None, timeout=20_000)
        assert explorer.choice.mask is not None and drawn is not None
        assert np.array_equal(explorer.choice.mask, drawn), kind


def test_that_outliers_groups_and_kept_selections_work_on_tilt_series(qtbot: Any, explorer: Explorer) -> None:
    assert explorer.opened is not None
    ways = explorer.selecting.ways
    norms = np.linalg.norm(explorer.opened.latent, axis=1)
    ways.outliers.count.setValue(0.5)
    ways.outliers.apply()
    outliers = norms > norms.mean() + 0.5 * norms.std()
    assert explorer.choice.mask is not None
    assert np.array_equal(explorer.choice.mask, outliers) and outliers.any()
    ways.named.keep()
    lasso(explorer)
    left = explorer.choice.mask
    ways.named.keep()
    ways.named.choose("selection 1", "selection 2")
    ways.named.apply("difference")
    assert left is not None
    assert np.array_equal(explorer.choice.mask, outliers & ~left)
