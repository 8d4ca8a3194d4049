"""The tutorial, followed in the window: fill in the form, Run!, watch, and find the results."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.core.folder import JobFolder
from jobs.core.job_star import read_job_star
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, type_into, wait_for_status


def test_that_the_first_section_of_the_tutorial_can_be_followed(qtbot: Any, window: MainWindow) -> None:
    page = window.page
    assert page.job_type is not None
    assert page.job_type.title == "DynaMight flexibility"
    assert page.run_button.text() == "Run!"
    fill_in_tutorial(qtbot, window)

    name = start(qtbot, window)
    assert name == "DynaMight/job002/"
    assert page.run_button.text() == "Continue!"
    assert not page.run_button.isEnabled()
    wait_for_status(qtbot, window, name, "Running")
    assert window.jobs.running.selected() == name

    qtbot.waitUntil(lambda: any("Epoch 3 of" in line for line in window.logs.out.lines()), timeout=8000)
    qtbot.waitUntil(lambda: "Motion (rms)" in window.monitor.tiles.texts(), timeout=4000)
    assert "The fake begins with 8000 Gaussians." in window.logs.out.lines()
    assert window.monitor.curves.data.names()

    wait_for_status(qtbot, window, name, "Succeeded")
    assert window.jobs.finished.selected() == name
    qtbot.waitUntil(lambda: "Epoch 12 of 12 was learnt." in window.logs.out.lines(), timeout=4000)
    assert "finished successfully" in window.message_bar.messages()[-1]

    project_dir = window.project_path
    assert project_dir is not None
    values = read_job_star(project_dir / name / "job.star").values
    assert values["fn_star"] == f"{REFINEMENT}run_data.star"
    assert values["nr_gaussians"] == "8000"
    assert values["initial_threshold"] == "0.015"
    assert values["do_preload"] == "Yes"
    assert JobFolder(project_dir, name).read_options(1).values["nr_threads"] == 4
    project = Project.open(project_dir)
    assert project.process(name).status == "Succeeded"
    assert [node.name for node in project.job_inputs(name)] == [
        f"{REFINEMENT}run_data.star",
        f"{REFINEMENT}run_class001.mrc",
    ]


def test_that_the_sections_after_training_continue_the_same_job(qtbot: Any, window: MainWindow) -> None:
    fill_in_tutorial(qtbot, window)
    name = start(qtbot, window)
    wait_for_status(qtbot, window, name, "Succeeded")
    form, page = window.page.current_form, window.page
    assert form is not None
    assert not form.rows["fn_star"].editor.isEnabled()
    assert form.rows["do_inverse"].editor.isEnabled()

    type_into(qtbot, window, "fn_checkpoint", f"{name}forward_deformations/checkpoints/checkpoint_final.pth")
    form.rows["do_visualize"].editor.set_text("Yes")
    qtbot.waitUntil(lambda: not form.checking and page.run_button.isEnabled(), timeout=5000)
    assert not form.has_errors(), [problem.sentence for problem in form.problems()]
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    explorer = window.explorer_commands.explorer
    assert explorer is not None and window.explorer_commands.is_shown
    qtbot.waitUntil(lambda: explorer.shown_state is not None, timeout=30_000)
    window.explorer_commands.back()
    assert window.entries[name].status == "Succeeded"

    form.rows["do_visualize"].editor.set_text("No")
    form.rows["do_inverse"].editor.set_text("Yes")
    qtbot.waitUntil(lambda: not form.checking and page.run_button.isEnabled(), timeout=5000)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)

    def tasks() -> list[str]:
        return [run.task for run in page.details.runs] if page.details is not None else []

    # the second run may be over before anybody has seen it running
    qtbot.waitUntil(lambda: tasks() == ["train", "inverse"], timeout=15_000)
    wait_for_status(qtbot, window, name, "Succeeded")
    assert window.project_path is not None
    folder = JobFolder(window.project_path, name)
    assert folder.read_options(1).is_continue is False
    assert folder.read_options(2).is_continue is True
