"""A latent space of another program in the real window: opened by a job, explored, selected from."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.formats.particles import read_particles
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from tests.app.gui.acting import start, type_into, wait_for_status


def test_that_places_of_cryodrgn_are_opened_and_each_click_makes_a_volume(
    qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    Project.create(project)
    spec = recipe("R1").with_changes(n_images=150, box=32, pixel_size_a=6.0, snr=1.0)
    made = simulate(spec, project / "data", image_prefix="data/")
    theta = made.truth.theta[:, 0]
    z = np.stack((theta, np.random.default_rng(0).normal(size=150)), axis=1).astype(np.float32)
    with (project / "z.9.pkl").open("wb") as file:
        pickle.dump(z, file)
        pickle.dump(np.zeros_like(z), file)
    window = make_window()
    window.project_commands.open(project)
    qtbot.waitUntil(lambda: window.project_path == project, timeout=10_000)
    window.show_new("latents")
    for option, text in {
        "fn_particles": "data/particles.star",
        "fn_latent": "z.9.pkl",
        "nr_volumes": "1",
    }.items():
        type_into(qtbot, window, option, text)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    assert (project / name / "volumes/vol_001.mrc").is_file()

    qtbot.waitUntil(lambda: window.explorer_commands.explores(window.page.details), timeout=10_000)
    window.explorer_commands.explore()
    explorer = window.explorer_commands.explorer
    assert explorer is not None
    qtbot.waitUntil(lambda: explorer.shown_state is not None, timeout=60_000)
    assert explorer.opened is not None and explorer.opened.half == 0
    before = explorer.shown_state
    assert explorer.plane is not None
    explorer.canvas.picked.emit(*map(float, explorer.plane.xy[3]))
    qtbot.waitUntil(lambda: explorer.shown_state is not before, timeout=20_000)

    # a selection is written by the names of its particles
    chosen = np.zeros(150, bool)
    chosen[[3, 70, 149]] = True
    explorer.selecting.combine(chosen)
    explorer.actions_by_key["save_star"].trigger()
    subset = project / name / "subsets" / "subset_1_half0.star"
    qtbot.waitUntil(subset.is_file, timeout=20_000)
    names = read_particles(subset, project).image_name.tolist()
    assert names == made.truth.image_name[[3, 70, 149]].tolist()
    qtbot.waitUntil(lambda: not explorer.writing.work.busy, timeout=5000)
