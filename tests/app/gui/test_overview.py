"""The overview of a job: what one sees first when one is chosen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from app.gui.main_window import MainWindow
from app.gui.overview_summary import room_words
from app.project.disk_use import JobUse, in_words
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, type_into, wait_for_status


def seen(window: MainWindow, pane: str) -> bool:
    """Tell whether a pane is in front of those that share its place."""
    return not window.panes.docks[pane].visibleRegion().isEmpty()


def wait_for_story(qtbot: Any, window: MainWindow, name: str, runs: int) -> None:
    """Wait until the overview has read the folder of the job."""

    def there() -> bool:
        story = window.overview.story
        return story is not None and story.name == name and len(story.runs) == runs

    qtbot.waitUntil(there, timeout=10_000)


def choose(qtbot: Any, window: MainWindow, name: str, runs: int) -> None:
    """Choose a finished job in the lists, after another page was shown."""
    window.show_new("dynamight")
    window.jobs.finished.select(name)
    wait_for_story(qtbot, window, name, runs)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project stands once its job was run; it is run for the first test only."""
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def project(project: Path, kept: Path) -> Path:
    """The tutorial's project, with its job once that was run."""
    if kept.exists():
        shutil.rmtree(project)
        shutil.copytree(kept, project, symlinks=True)
    return project


@pytest.fixture
def trained(qtbot: Any, window: MainWindow, project: Path, kept: Path) -> str:
    """The name of a finished job, chosen in the lists."""
    name = "DynaMight/job002/"
    if not kept.exists():
        fill_in_tutorial(qtbot, window)
        assert start(qtbot, window) == name
        wait_for_status(qtbot, window, name, "Succeeded")
        shutil.copytree(project, kept, symlinks=True)
    choose(qtbot, window, name, 1)
    return name


def press(qtbot: Any, window: MainWindow, name: str) -> None:
    button = window.overview.findChild(QPushButton, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_a_chosen_job_is_seen_at_a_glance(qtbot: Any, window: MainWindow, trained: str) -> None:
    overview = window.overview
    assert seen(window, "overview")
    assert not seen(window, "job")
    assert overview.title.text() == trained.rstrip("/")
    assert overview.badge.status == "Succeeded"
    facts = overview.summary.facts.texts()
    assert facts["Particles"] == "6"
    assert facts["Box"] == "64 px"
    assert {"Started", "Ended", "Duration", "Pixel size", "Ran on"} <= set(facts)
    row = overview.summary.runs.texts()[0]
    assert row[0] == "1"
    assert row[4] == "Succeeded"


def test_that_what_is_not_default_stands_first_and_options_are_found(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    table = window.overview.parameters.table
    names = [row[1] for row in table.shown()]
    assert names[:3] == ["fn_star", "fn_map", "nr_gaussians"]
    first = {row[1]: row[2:] for row in table.shown()}
    assert first["nr_gaussians"] == ["8000", "10000"]
    table.only.setChecked(True)
    assert "halfset" not in [row[1] for row in table.shown()]
    table.only.setChecked(False)
    table.search.setText("8000 gauss")
    assert [row[1] for row in table.shown()] == ["nr_gaussians"]
    table.search.setText("no such thing")
    assert "no such thing" in table.empty.message()


def test_that_two_jobs_are_compared(qtbot: Any, window: MainWindow, trained: str) -> None:
    window.show_new("dynamight")
    form = window.page.current_form
    assert form is not None
    form.rows["nr_gaussians"].editor.set_text("4000")
    other = start(qtbot, window)
    wait_for_status(qtbot, window, other, "Succeeded")
    choose(qtbot, window, trained, 1)
    window.actions_by_key["compare_job"].trigger()
    comparison = window.overview.comparison
    assert window.overview.tabs.currentWidget() is comparison
    qtbot.waitUntil(lambda: comparison.other.currentData() == other, timeout=5000)
    qtbot.waitUntil(lambda: not comparison.stack.is_empty and bool(comparison.table.shown()), timeout=5000)
    assert [row[1:] for row in comparison.table.shown()] == [["nr_gaussians", "8000", "4000"]]
    with qtbot.waitSignal(comparison.compared, timeout=5000):
        comparison.choose(REFINEMENT)
    rows = {row[1]: row[2:] for row in comparison.table.shown()}
    assert rows["sym_name"] == ["–", "D2"]


def test_that_commands_and_texts_can_be_taken_away(qtbot: Any, window: MainWindow, trained: str) -> None:
    origin = window.overview.origin
    command = origin.again.value()
    assert command.startswith(f"heteroscope run dynamight --project {window.project_path}")
    assert "--nr_gaussians=8000" in command
    qtbot.mouseClick(origin.again.button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == command
    assert f"--job {trained} --run 1" in origin.command.value()
    press(qtbot, window, "overview_methods")
    assert "number of Gaussians 8000" in QApplication.clipboard().text()
    rows = {row[0]: row[1:3] for row in origin.inputs.texts()}
    assert rows[f"{REFINEMENT}run_data.star"] == [REFINEMENT.rstrip("/"), "Unchanged"]


def test_that_a_changed_input_is_told(qtbot: Any, window: MainWindow, trained: str) -> None:
    assert window.project_path is not None
    path = window.project_path / REFINEMENT / "run_data.star"
    path.write_text(path.read_text() + "\n")
    choose(qtbot, window, trained, 1)
    qtbot.waitUntil(
        lambda: window.overview.origin.inputs.texts()[0][2] == "Has changed",
        timeout=5000,
    )


def test_that_a_double_click_on_an_input_shows_the_job_that_made_it(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    inputs = window.overview.origin.inputs
    inputs.itemActivated.emit(inputs.topLevelItem(0), 0)
    wait_for_story(qtbot, window, REFINEMENT, 0)
    assert window.overview.title.text() == REFINEMENT.rstrip("/")


def test_that_a_next_step_opens_the_form_with_its_task_chosen(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    job_type = window.page.job_type
    assert job_type is not None
    task = next(task for task in job_type.tasks if task.switch and not task.viewer)
    press(qtbot, window, f"step_task:{task.name}")
    form = window.page.current_form
    assert form is not None
    assert form.values()[task.switch or ""] == "Yes"
    qtbot.waitUntil(lambda: seen(window, "job"), timeout=2000)


def test_that_clone_leads_to_a_new_job_with_the_settings(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    press(qtbot, window, "overview_clone")
    form = window.page.current_form
    assert form is not None
    assert window.page.details is None
    assert form.values()["nr_gaussians"] == "8000"
    qtbot.waitUntil(lambda: seen(window, "job"), timeout=2000)
    assert window.overview.stack.is_empty


def test_that_a_job_of_another_program_has_an_overview(qtbot: Any, window: MainWindow) -> None:
    assert window.project_path is not None
    (window.project_path / REFINEMENT / "note.txt").write_text(
        "\n ++++ Executing new job on Tue Nov 17 09:14:02 2026\n ++++ with the following command(s): \n"
        "`which relion_refine` --o Refine3D/job001/run --auto_refine\n ++++ \n"
    )
    choose(qtbot, window, REFINEMENT, 1)
    overview = window.overview
    assert overview.badge.status == "Succeeded"
    assert "Refinement has converged" in overview.summary.log.value()
    shown = {row[1]: (row[0], row[2]) for row in overview.parameters.table.shown()}
    assert shown["sym_name"] == ("Symmetry", "D2")
    assert overview.origin.command.value() == "`which relion_refine` --o Refine3D/job001/run --auto_refine"
    assert not overview.clone.isVisible()
    assert not overview.methods.isVisible()


def test_that_a_running_job_tells_how_far_it_is_and_what_it_complains_of(
    qtbot: Any, window: MainWindow
) -> None:
    fill_in_tutorial(qtbot, window)
    type_into(qtbot, window, "seed", "19")
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Running")
    assert window.project_path is not None
    with (window.project_path / name / "run.err").open("a") as log:
        log.write("WARNING: the scratch disk is slow\n")
    window.panes.reveal("overview")
    summary = window.overview.summary
    qtbot.waitUntil(lambda: summary.progress.percent.text().endswith(" %"), timeout=10_000)
    assert "step " in summary.progress.phase.text() and summary.progress.left.text()
    qtbot.waitUntil(lambda: "scratch disk is slow" in summary.errors.value(), timeout=10_000)
    window.bridge.submit(lambda: window.workplace.abort(name, 10.0))
    wait_for_status(qtbot, window, name, "Aborted")
    qtbot.waitUntil(summary.progress.isHidden, timeout=10_000)
    assert "scratch disk is slow" in summary.errors.value()


def test_that_the_room_of_a_job_and_what_cleaning_frees_are_told(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    room = window.overview.summary.room
    qtbot.waitUntil(lambda: room.isVisible() and bool(room.text()), timeout=10_000)
    use = window.housekeeping.use_of(trained)
    assert use is not None
    assert room.text().startswith(f"Takes {in_words(use.size)} on the disk")
    assert room_words(JobUse(size=9_000_000, gentle=2_000_000, harsh=5_000_000)) == (
        "Takes 9.0 MB on the disk; gentle cleaning would free 2.0 MB, harsh cleaning 5.0 MB."
    )
    assert room_words(JobUse(size=9_000_000)) == "Takes 9.0 MB on the disk."


def test_that_the_form_tells_of_the_results_only_when_the_overview_is_closed(
    qtbot: Any, window: MainWindow, trained: str
) -> None:
    page, dock = window.page, window.panes.docks["overview"]
    window.panes.reveal("job")
    assert page.result.lines and page.result.isHidden()
    dock.close()
    qtbot.waitUntil(page.result.isVisible, timeout=4000)
    window.panes.reveal("overview")
    qtbot.waitUntil(page.result.isHidden, timeout=4000)
