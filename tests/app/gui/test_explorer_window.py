"""The explorer in the window: how it is opened, left, and what it does for the project."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psutil
import pytest
from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.core.job_star import read_job_star, write_job_star
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, wait_for_status
from tests.support.explored import BlobModel
from tests.support.exploring import write_particles
from widgets.explorer.explorer import Explorer


@pytest.fixture
def finished(qtbot: Any, window: MainWindow) -> str:
    """A finished job whose particles are those of the blobs."""
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    assert window.project_path is not None
    write_particles(window.project_path / "blobs.star", BlobModel(400))
    path = window.project_path / name
    found = read_job_star(path)
    write_job_star(path / "job.star", replace(found, values={**found.values, "fn_star": "blobs.star"}))
    return name


def opened(qtbot: Any, window: MainWindow) -> Explorer:
    """Wait until the explorer shows its first state."""
    explorer = window.explorer_commands.explorer
    assert explorer is not None
    qtbot.waitUntil(lambda: explorer.shown_state is not None, timeout=30_000)
    return explorer


def continue_with_visualization(qtbot: Any, window: MainWindow) -> Explorer:
    form = window.page.current_form
    assert form is not None
    form.focus_field("do_visualize")
    form.rows["do_visualize"].editor.set_text("Yes")
    qtbot.waitUntil(lambda: not form.checking and window.page.can_run(), timeout=5000)
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    return opened(qtbot, window)


def test_that_continue_with_visualization_opens_the_explorer_and_writes_no_run(
    qtbot: Any, window: MainWindow, finished: str
) -> None:
    explorer = continue_with_visualization(qtbot, window)
    assert explorer.isVisible() and not window.panes.docks["job"].isVisible()
    assert explorer.top.title.text() == finished.rstrip("/")
    assert window.project_path is not None
    assert not (window.project_path / finished / "options.002.json").exists()
    assert window.entries[finished].status == "Succeeded"


def test_that_one_goes_back_to_the_jobs_and_finds_the_explorer_as_it_was(
    qtbot: Any, window: MainWindow, finished: str
) -> None:
    window.explorer_commands.explore()
    explorer = opened(qtbot, window)
    qtbot.mouseClick(explorer.top.back, Qt.MouseButton.LeftButton)
    assert window.panes.docks["job"].isVisible() and not explorer.isVisible()
    state = explorer.shown_state
    window.actions_by_key["explore"].trigger()
    assert explorer.isVisible()
    assert window.explorer_commands.explorer is explorer
    assert explorer.shown_state is state


def test_that_a_double_click_on_the_job_opens_the_explorer(
    qtbot: Any, window: MainWindow, finished: str
) -> None:
    window.jobs.job_activated.emit(finished)
    qtbot.waitUntil(lambda: window.explorer_commands.explorer is not None, timeout=5000)
    assert opened(qtbot, window).isVisible()


def test_that_a_written_selection_is_known_to_the_project_and_begins_a_new_job(
    qtbot: Any, window: MainWindow, finished: str
) -> None:
    window.explorer_commands.explore()
    explorer = opened(qtbot, window)
    assert explorer.opened is not None and window.project_path is not None
    chosen = explorer.opened.latent[:, 0] > 0.5
    explorer.selecting.combine(chosen)
    explorer.actions_by_key["train_subset"].trigger()
    subset = f"{finished}subsets/subset_1_half1.star"
    qtbot.waitUntil(lambda: window.page.details is None, timeout=20_000)
    options = window.page.options()
    assert options is not None and options.fn_star == subset  # type: ignore[attr-defined]
    assert options.fn_map == f"{REFINEMENT}run_class001.mrc"  # type: ignore[attr-defined]
    assert not window.explorer_commands.is_shown

    def known() -> bool:
        outputs = Project.open(window.project_path, readonly=True).job_outputs(finished)
        return subset in [node.name for node in outputs]

    qtbot.waitUntil(known, timeout=10_000)


def test_that_closing_the_window_ends_the_process_with_the_model(
    qtbot: Any, window: MainWindow, finished: str
) -> None:
    window.explorer_commands.explore()
    opened(qtbot, window)
    children = [p for p in psutil.Process().children() if "jobs.explore.serve" in " ".join(p.cmdline())]
    assert len(children) == 1
    window.close()
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert gone and not alive


def test_that_without_a_result_the_explorer_says_so(qtbot: Any, window: MainWindow) -> None:
    window.explorer_commands.explore()
    assert window.explorer_commands.explorer is None
    assert "Choose a job" in window.message_bar.messages()[-1]
