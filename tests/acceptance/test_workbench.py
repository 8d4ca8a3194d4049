"""One project through the whole workbench, in the window; a pipeliner of others reads it after each part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from app.gui import housekeeping_commands, job_commands, start_commands
from app.gui.main_window import MainWindow
from app.project.project import Project
from app.runner.outcome import read_worker
from app.runner.schedule_plan import SchedulePlan
from jobs import registry
from jobs.simulate.params import JOB_TYPE as SIMULATE
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, start, type_into, wait_for_status
from tests.app.gui.conftest import asked, fast_motion, make_window, private_settings, project, window

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.project_graph import ProjectGraph

__all__ = ["asked", "fast_motion", "make_window", "private_settings", "project", "window"]

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
Asked = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def with_simulation(fast_motion: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the simulation too, which the tests of the window leave out to be quicker."""
    monkeypatch.setitem(registry.JOB_TYPES, "simulate", SIMULATE)


def folder(window: MainWindow) -> Path:
    assert window.project_path is not None
    return window.project_path


def read_by_pipeliner(path: Path) -> dict[str, str]:
    """Return jobs and their states as the independent pipeliner reads them; edges and nodes must fit too."""
    graph = ProjectGraph(pipeline_dir=path)
    ours = Project.open(path, readonly=True).pipeline
    assert graph.job_counter == ours.counter > max(process.number for process in ours.processes)
    assert {node.name for node in graph.node_list} == {node.name for node in ours.nodes}
    for process in graph.process_list:
        edges = {name for name, job in ours.input_edges if job == process.name}
        assert {node.name for node in process.input_nodes} == edges
        assert {node.name for node in process.output_nodes} == {
            name for job, name in ours.output_edges if job == process.name
        }
    assert not (path / ".relion_lock").exists()
    return {process.name: process.status for process in graph.process_list}


def choose(qtbot: Any, window: MainWindow, name: str) -> None:
    window.select(name)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == name, timeout=10_000
    )


def begin(qtbot: Any, window: MainWindow, seed: str) -> str:
    """Run the tutorial's job; the seed says how the worker behaves."""
    window.show_new("dynamight")
    fill_in_tutorial(qtbot, window)
    type_into(qtbot, window, "seed", seed)
    return start(qtbot, window)


def lists(window: MainWindow) -> dict[str, list[str]]:
    """Return the job lists as they are read."""
    parts = {
        "finished": window.jobs.finished,
        "running": window.jobs.running,
        "scheduled": window.jobs.scheduled,
    }
    return {key: sorted(row.name for row in part.model.rows()) for key, part in parts.items()}


def command(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "app", *words], cwd=path, env=environment, capture_output=True, text=True
    )


def test_that_a_job_is_made_run_killed_continued_aborted_deleted_and_undeleted(
    qtbot: Any, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(window)
    questions = asked("abort", "delete")

    # it runs, is killed from outside, and is continued to its end
    first = begin(qtbot, window, "23")
    wait_for_status(qtbot, window, first, "Failed")
    assert "SIGKILL" in window.page.reason_text()
    assert read_by_pipeliner(path) == {REFINEMENT: "Succeeded", first: "Failed"}
    assert window.page.run_button.text() == "Continue!"
    assert start(qtbot, window) == first
    wait_for_status(qtbot, window, first, "Succeeded")
    assert [run.number for run in window.page.details.runs] == [1, 2] if window.page.details else False
    assert not any("SIGKILL" in text for text in window.message_bar.messages())
    assert read_by_pipeliner(path)[first] == "Succeeded"

    # another one is aborted; nothing of its process is left
    second = begin(qtbot, window, "19")
    qtbot.waitUntil(lambda: any("Epoch 2 of" in line for line in window.logs.out.lines()), timeout=20_000)
    assert lists(window)["running"] == [second]
    window.actions_by_key["abort"].trigger()
    wait_for_status(qtbot, window, second, "Aborted")
    # the marker is the last thing a worker writes; taking down its libraries takes it a moment longer
    record = read_worker(path / second)
    assert record is not None and record.worker is not None
    qtbot.waitUntil(lambda: not record.worker_alive, timeout=10_000)
    assert read_by_pipeliner(path)[second] == "Aborted"
    assert questions[0]["answers"] >= {"abort"}

    # it gets a name, goes to the trash and comes back with it
    monkeypatch.setattr(job_commands.forms, "ask_line", lambda *_args: "stopped_early")
    window.actions_by_key["set_alias"].trigger()
    qtbot.waitUntil(lambda: window.entries[second].alias == "stopped_early", timeout=10_000)
    before = {file.name for file in (path / second).iterdir()}
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: second not in window.entries, timeout=10_000)
    assert set(read_by_pipeliner(path)) == {REFINEMENT, first}
    assert not (path / second).exists()
    monkeypatch.setattr(
        housekeeping_commands, "ask_undelete", lambda _window, lines: [line.key for line in lines]
    )
    window.actions_by_key["undelete"].trigger()
    qtbot.waitUntil(lambda: second in window.entries, timeout=10_000)
    assert before <= {file.name for file in (path / second).iterdir()}
    assert read_by_pipeliner(path)[second] == "Aborted"
    qtbot.waitUntil(lambda: lists(window)["finished"] == sorted([REFINEMENT, first, second]), timeout=5000)


def test_that_scheduled_simulations_run_one_after_another_while_the_window_is_closed(
    qtbot: Any,
    with_simulation: None,
    window: MainWindow,
    make_window: Callable[..., MainWindow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder(window)
    names = []
    for seed in ("1", "2"):
        window.show_new("simulate")
        for option, value in (("nr_images", "40"), ("box_size", "32"), ("seed", seed)):
            type_into(qtbot, window, option, value)
        form = window.page.current_form
        assert form is not None
        qtbot.waitUntil(lambda form=form: not form.checking, timeout=5000)
        assert not form.has_errors(), [problem.sentence for problem in form.problems()]
        qtbot.mouseClick(window.page.schedule_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
        assert window.page.details is not None
        names.append(window.page.details.entry.name)
        wait_for_status(qtbot, window, names[-1], "Scheduled")
    assert lists(window)["scheduled"] == names
    assert [read_by_pipeliner(path)[name] for name in names] == ["Scheduled", "Scheduled"]
    plan = SchedulePlan("night", 0, 1, 0, 0)
    monkeypatch.setattr(start_commands, "ask_schedule", lambda _w, jobs, _r: ([n for n, _ in jobs], plan))
    window.actions_by_key["run_scheduled"].trigger()
    qtbot.waitUntil((path / "pipeline_night.log").exists, timeout=20_000)
    window.close()

    again = make_window(path)
    qtbot.waitUntil(lambda: {again.entries[n].status for n in names} == {"Succeeded"}, timeout=90_000)
    qtbot.waitUntil(lambda: not list(path.glob("RUNNING_PIPELINER*")), timeout=20_000)
    assert {read_by_pipeliner(path)[name] for name in names} == {"Succeeded"}
    choose(qtbot, again, names[0])
    qtbot.waitUntil(lambda: not again.overview.visibleRegion().isEmpty(), timeout=5000)
    done = [json.loads((path / n / "options.001.json").read_text()) for n in names]
    assert done[0] != done[1]


def test_that_the_history_chart_and_files_of_a_job_are_the_same_in_the_window_and_the_terminal(
    qtbot: Any, window: MainWindow
) -> None:
    path = folder(window)
    name = begin(qtbot, window, "7")
    wait_for_status(qtbot, window, name, "Succeeded")
    window.panes.reveal("flowchart")
    graph = window.flowchart_commands.graph
    assert graph.isVisible()
    chart = command(path, "flowchart", "--out", "chart.svg")
    assert chart.returncode == 0, chart.stderr
    root = ElementTree.parse(path / "chart.svg").getroot()
    words = " ".join(root.itertext())
    assert "DynaMight/job002" in words and "Refine3D/job001" in words
    shown = command(path, "show", name)
    assert shown.returncode == 0, shown.stderr
    assert "nr_gaussians" in shown.stdout or "Gaussians" in shown.stdout
    used = command(path, "disk")
    assert used.returncode == 0, used.stderr
    assert "DynaMight/job002" in used.stdout
    # a job from the terminal appears by itself
    made = command(
        path,
        "new",
        "dynamight",
        "--fn_star",
        f"{REFINEMENT}run_data.star",
        "--fn_map",
        f"{REFINEMENT}run_class001.mrc",
    )
    assert made.returncode == 0, made.stderr
    other = made.stdout.split()[-1].rstrip("/") + "/"
    qtbot.waitUntil(lambda: other in window.entries, timeout=2000)
    assert read_by_pipeliner(path)[other] == "Scheduled"
