"""TomoDRGN in the window: from the form by a short training to states, selections and volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.formats.index_files import read_indices
from jobs.formats.pickles import write_pickles
from jobs.formats.tilt_series import read_tilt_particles
from tests.app.gui.acting import start, type_into

STAR = "data/10076_both_32_sim.star"
SMALL = {
    "zdim": "2",
    "n_epochs": "2",
    "use_first_nptcls": "24",
    "enc_dim_a": "16",
    "out_dim_a": "8",
    "enc_dim_b": "16",
    "dec_dim": "24",
    "dec_layers": "2",
    "gpu_id": " ",
}


@pytest.fixture
def tomo(qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path, shared: Path) -> MainWindow:
    """A window in tomography mode on a project that finds other people's tilt series, with a new form."""
    path = tmp_path / "tomo"
    path.mkdir()
    Project.create(path)
    (path / "data").symlink_to(shared / "data" / "tomodrgn")
    window = make_window()
    window.project_commands.open(path)
    qtbot.waitUntil(lambda: window.project_path == path, timeout=10_000)
    window.housekeeping.set_tomo(True)
    window.show_new("tomodrgn")
    type_into(qtbot, window, "fn_star", STAR)
    return window


def ended(qtbot: Any, window: MainWindow, name: str, runs: int) -> None:
    """Wait until a run has succeeded and the page shows it."""
    qtbot.waitUntil(
        lambda: (
            name in window.entries
            and window.entries[name].status == "Succeeded"
            and window.page.details is not None
            and window.page.details.entry.status == "Succeeded"
            and len(window.page.details.runs) == runs
        ),
        timeout=90_000,
    )


def test_that_states_are_learnt_explored_selected_and_written(qtbot: Any, tomo: MainWindow) -> None:
    window = tomo
    for option, text in SMALL.items():
        type_into(qtbot, window, option, text)
    name = start(qtbot, window)
    ended(qtbot, window, name, 1)
    project = window.project_path
    assert project is not None

    # the monitor: losses, latent places with colours, and volumes along the leading axis
    tiles = window.monitor.tiles.texts
    qtbot.waitUntil(lambda: "KL divergence" in tiles() and "." in tiles().get("Data loss", ""), timeout=5000)
    assert window.monitor.curves.shown()[:2] == ["loss data", "divergence (nats)"]
    qtbot.waitUntil(lambda: window.monitor.maps.choice.count() == 3, timeout=5000)
    assert window.page.details is not None
    found = {fact.title: fact.value for _, facts in window.page.details.findings for fact in facts}
    assert (found["Particles"], found["Images"], found["Tilts per particle"]) == ("24", "192", "8")

    # the explorer: a volume on a click, the particle beside its projection
    window.explorer_commands.explore()
    explorer = window.explorer_commands.explorer
    assert explorer is not None
    qtbot.waitUntil(lambda: explorer.shown_state is not None, timeout=30_000)
    assert explorer.opened is not None and explorer.opened.half == 0
    assert not explorer.map.controls.representation.isVisible(), "there are no points to choose"
    before = explorer.shown_state
    assert explorer.plane is not None
    explorer.canvas.picked.emit(*map(float, explorer.plane.xy[3]))
    qtbot.waitUntil(lambda: explorer.shown_state is not before, timeout=20_000)
    view = explorer.opened.model.particle_view(5)
    assert view.name == "000_000005" and view.image.shape == view.projection.shape == (32, 32)
    assert view.image[12:20, 12:20].mean() > view.image[:6].mean(), "protein is white in the middle"
    assert np.corrcoef(view.image.ravel(), view.projection.ravel())[0, 1] > 0.2

    # a selection is written by the names of its particles, with all their images
    chosen = np.zeros(24, bool)
    chosen[[3, 11, 12]] = True
    explorer.selecting.combine(chosen)
    explorer.actions_by_key["save_star"].trigger()
    subset = project / name / "subsets" / "subset_1_half0.star"
    qtbot.waitUntil(subset.is_file, timeout=20_000)
    again = read_tilt_particles(subset, project)
    assert again.particle_name.tolist() == ["000_000003", "000_000011", "000_000012"]
    assert again.counts.tolist() == [8, 8, 8]
    qtbot.waitUntil(lambda: not explorer.writing.work.busy, timeout=5000)
    explorer.actions_by_key["save_indices"].trigger()
    indices = subset.with_name("subset_2_half0.pkl")
    qtbot.waitUntil(indices.is_file, timeout=20_000)
    assert read_indices(indices, 24).tolist() == [3, 11, 12]
    window.explorer_commands.back()

    # a further task shows what it made
    form = window.page.current_form
    assert form is not None
    form.rows["do_eval_vol"].editor.set_text("Yes")
    type_into(qtbot, window, "z_start", "-1 0")
    type_into(qtbot, window, "z_end", "1 0")
    type_into(qtbot, window, "n_volumes", "2")
    qtbot.waitUntil(lambda: not form.checking and window.page.can_run(), timeout=10_000)
    assert not form.has_errors(), [problem.sentence for problem in form.problems()]
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    ended(qtbot, window, name, 2)
    written = sorted(path.name for path in (project / name / "volumes.002").glob("*.mrc"))
    assert written == ["vol_000.mrc", "vol_001.mrc"]
    choice = window.monitor.maps.choice
    qtbot.waitUntil(
        lambda: [choice.itemText(k) for k in range(choice.count())] == ["vol_000", "vol_001"], timeout=5000
    )


def problem_at(qtbot: Any, window: MainWindow, field: str) -> str:
    """Wait for the checks; returns what is said at a field."""
    form = window.page.current_form
    assert form is not None
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not form.checking, timeout=10_000)
    return " ".join(problem.sentence for problem in form.problems() if problem.field == field)


def test_that_wrong_files_and_gpus_are_named_at_their_fields(qtbot: Any, tomo: MainWindow) -> None:
    window, project = tomo, tomo.project_path
    assert project is not None
    type_into(qtbot, window, "zdim", "2")
    lines = (project / STAR).read_text().splitlines()
    row = next(k for k, line in enumerate(lines) if "@" in line)
    lines[row] = lines[row].replace(lines[row].split()[2], "nan", 1)
    (project / "nan.star").write_text("\n".join(lines) + "\n")
    whole = (project / STAR).read_text()
    (project / "lacking.star").write_text(whole.replace("_rlnAngleRot ", "_somebodysAngle "))
    write_pickles(project / "beyond.pkl", np.array([0, 500]))

    def said(option: str, text: str) -> str:
        type_into(qtbot, window, option, text)
        qtbot.waitUntil(lambda: bool(problem_at(qtbot, window, option)), timeout=10_000)
        return problem_at(qtbot, window, option)

    assert "lacks the column rlnAngleRot" in said("fn_star", "lacking.star")
    assert "'nan'" in said("fn_star", "nan.star")
    assert "single image" in said("fn_star", "data/10076_both_32_sim_vols.star")
    type_into(qtbot, window, "fn_star", STAR)
    assert "entry 2 is 500" in said("fn_ind", "beyond.pkl")
    assert "not the number of a GPU" in said("gpu_id", "fast")
