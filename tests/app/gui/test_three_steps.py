"""The three steps of the tutorial with the real work, on a small simulated project, through Continue!."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs import registry
from jobs.core.folder import JobFolder
from jobs.dynamight.next_steps import NEXT_STEPS
from jobs.dynamight.params import JOB_TYPE as DYNAMIGHT
from jobs.simulate.recipes import recipe
from jobs.simulate.simulation import simulate
from tests.app.gui.acting import start, type_into

SWITCHES = ("do_visualize", "do_inverse", "do_reconstruct")
LONG_MS = 60_000


@pytest.fixture
def real(
    qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MainWindow:
    """A window on a project with 200 images of a hinge, and the real job type."""
    monkeypatch.setitem(registry.JOB_TYPES, "dynamight", DYNAMIGHT)
    path = tmp_path / "hinge"
    path.mkdir()
    Project.create(path)
    simulate(recipe("R1").with_changes(n_images=120), path / "data")
    window = make_window()
    window.project_commands.open(path)
    qtbot.waitUntil(lambda: window.project_path == path, timeout=10_000)
    return window


def train(qtbot: Any, window: MainWindow) -> str:
    type_into(qtbot, window, "fn_star", "data/particles.star")
    type_into(qtbot, window, "fn_map", "data/consensus.mrc")
    type_into(qtbot, window, "nr_gaussians", "100")
    type_into(qtbot, window, "gpu_id", " ")
    type_into(qtbot, window, "max_minutes", "0.02")
    name = start(qtbot, window)
    finish(qtbot, window, name)
    return name


def press_continue(qtbot: Any, window: MainWindow, switch: str) -> None:
    """Choose one task and press Continue!, as a person does."""
    form, page = window.page.current_form, window.page
    assert form is not None
    for option in SWITCHES:
        form.rows[option].editor.set_text("Yes" if option == switch else "No")
    qtbot.waitUntil(lambda: not form.checking and page.can_run(), timeout=5000)
    assert page.run_button.text() == "Continue!"
    assert not form.has_errors(), [problem.sentence for problem in form.problems()]
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)


def status(window: MainWindow, name: str) -> str:
    details = window.page.details
    shown = details.entry.status if details is not None else ""
    return shown if name in window.entries and window.entries[name].status == shown else ""


def finish(qtbot: Any, window: MainWindow, name: str, wanted: str = "Succeeded") -> None:
    """Wait until the job has run and ended."""
    runs = len(list((JobFolder(window.project_path or "", name).path).glob("options.*.json")))
    qtbot.waitUntil(
        lambda: (
            status(window, name) == wanted
            and window.page.details is not None
            and len(window.page.details.runs) == runs
            and window.page.details.runs[-1].number == runs
        ),
        timeout=LONG_MS,
    )


def run_task(qtbot: Any, window: MainWindow, name: str, switch: str) -> None:
    before = len(window.page.details.runs) if window.page.details is not None else 0
    press_continue(qtbot, window, switch)
    path = JobFolder(window.project_path or "", name).path / f"options.{before + 1:03d}.json"
    qtbot.waitUntil(path.is_file, timeout=10_000)
    finish(qtbot, window, name)


@pytest.mark.slow
def test_that_all_steps_of_the_tutorial_are_done_and_seen_in_the_window(qtbot: Any, real: MainWindow) -> None:
    window, monitor, page = real, real.monitor, real.page
    name = train(qtbot, window)
    assert page.result.lines == [f"Next: {NEXT_STEPS['train']}"]

    run_task(qtbot, window, name, "do_inverse")
    qtbot.waitUntil(lambda: len(monitor.figures.plots) == 2, timeout=5000)
    assert monitor.task_box.currentText() == "Estimate inverse deformations"
    text = " ".join(monitor.figures.texts())
    for words in ("at the Gaussians", "inside the molecule", "half 1, median", "half 2, median"):
        assert words in text
    assert monitor.figures.isVisible() and not monitor.latent.isVisible()
    assert "Round trip at the Gaussians" in monitor.tiles.texts()
    assert page.result.lines[0].startswith("Estimate inverse deformations: Round trip at the Gaussians 0.0")

    run_task(qtbot, window, name, "do_reconstruct")
    qtbot.waitUntil(lambda: monitor.task_box.currentText() == "Deformed backprojection", timeout=5000)
    qtbot.waitUntil(lambda: "FSC of the half-maps, masked" in monitor.figures.texts(), timeout=5000)
    plot = monitor.figures.plots[0]
    assert plot.figure is not None and plot.figure.reciprocal
    assert [series.name.split()[0] for series in plot.figure.series] == ["motion", "ordinary"]
    assert 0.143 in [mark.value for mark in plot.figure.marks]
    assert [monitor.maps.choice.itemText(k) for k in range(2)] == ["motion undone", "ordinary"]
    assert "Å" in monitor.tiles.texts()["Resolution"]
    assert window.project_path is not None
    outputs = [node.name for node in Project.open(window.project_path, readonly=True).job_outputs(name)]
    assert {f"{name}backprojection/map_half{half}.mrc" for half in (1, 2)} <= set(outputs)
    assert "PostProcess" in page.result.lines[-1]

    monitor.task_box.setCurrentIndex(0)
    assert monitor.latent.isVisible() and "Motion (rms)" in monitor.tiles.texts()

    press_continue(qtbot, window, "do_visualize")
    qtbot.waitUntil(lambda: window.explorer_commands.explorer is not None, timeout=10_000)
    explorer = window.explorer_commands.explorer
    assert explorer is not None
    qtbot.waitUntil(lambda: explorer.shown_state is not None, timeout=30_000)
    assert explorer.top.title.text() == name.rstrip("/")
