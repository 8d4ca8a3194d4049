"""A story with a real SLURM: a person submits a job in the window, sees it wait, run, and takes one back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit

from app.gui.main_window import MainWindow
from app.gui.screenshots import grab
from app.runner.queue_record import read_queue_record
from app.runner.queue_watch import WATCH
from tests.app.gui.acting import fill_in_tutorial, start, type_into, wait_for_status
from tests.support.slurm import PARTITION, Slurm, running_slurm
from widgets import style

pytestmark = pytest.mark.timeout(120)
PICTURES = os.environ.get("HETEROSCOPE_PICTURES", "")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with running_slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    monkeypatch.setenv("SLURM_CONF", str(cluster.config))
    WATCH.forget()
    yield cluster
    WATCH.forget()
    cluster.cancel_all()


def submit(qtbot: Any, window: MainWindow, seed: str) -> tuple[str, str]:
    """Fill in the form with the Running tab and press Run!; returns the job and its id in the queue."""
    window.show_new("dynamight")
    fill_in_tutorial(qtbot, window)
    type_into(qtbot, window, "seed", seed)
    type_into(qtbot, window, "nr_threads", "1")
    form = window.page.current_form
    assert form is not None
    assert not form.rows["queuename"].editor.isEnabled()
    form.rows["do_queue"].editor.set_text("Yes")
    assert form.rows["queuename"].editor.isEnabled()
    type_into(qtbot, window, "queuename", PARTITION)
    picture(window, "running_tab")
    name = start(qtbot, window)
    assert window.project_path is not None
    record = read_queue_record(window.project_path / name)
    assert record is not None
    return name, record.identifier


def picture(window: MainWindow, name: str) -> None:
    """Save what is shown, in both themes, when pictures are asked for."""
    application = QApplication.instance()
    for theme in ("dark", "light") if PICTURES and isinstance(application, QApplication) else ():
        assert isinstance(application, QApplication)
        style.apply_theme(application, theme)
        grab(window, Path(PICTURES) / f"{name}_{theme}.png", size=(1280, 800))


def test_that_a_job_is_submitted_waits_runs_and_ends_in_the_window(
    qtbot: Any, window: MainWindow, slurm: Slurm
) -> None:
    with slurm.full():
        name, identifier = submit(qtbot, window, "19")
        where = f"Queued in SLURM (id {identifier}, reason Resources)"
        qtbot.waitUntil(lambda: where in window.page.header.subtitle.text(), timeout=15000)
        assert window.entries[name].queued and window.entries[name].status == "Running"
        assert window.page.header.badge.accessibleName() == "Queued"
        assert [row.name for row in window.jobs.scheduled.model.rows()] == [name]
        assert window.jobs.running.model.rows() == []
        assert "1 queued" in window.counts.text() and "running" not in window.counts.text()
        assert "waits in the cluster's queue" in window.page.hindrance()
        assert window.actions_by_key["abort"].isEnabled() and window.actions_by_key["delete"].isEnabled()
        form = window.page.current_form
        assert form is not None
        form.focus_field("queuename")
        line = form.rows["qsubscript"].editor.findChild(QLineEdit)
        assert line is not None and line.text() == "" and "SLURM" in line.placeholderText()
        window.panes.docks["job"].raise_()
        picture(window, "queued")
    running = f"Running on node {slurm.host} (SLURM id {identifier})"
    qtbot.waitUntil(lambda: running in window.page.header.subtitle.text(), timeout=20000)
    assert window.page.header.badge.accessibleName() != "Queued"
    assert [row.name for row in window.jobs.running.model.rows()] == [name]
    window.panes.docks["job"].raise_()
    picture(window, "on_node")

    slurm.run("scancel", identifier)
    wait_for_status(qtbot, window, name, "Failed")
    qtbot.waitUntil(lambda: "cancelled in the queue from outside" in window.page.reason_text(), timeout=5000)
    window.panes.docks["job"].raise_()
    picture(window, "cancelled")


@pytest.mark.parametrize("action", ["abort", "delete"])
def test_that_a_waiting_job_is_taken_out_of_the_queue(
    qtbot: Any, window: MainWindow, slurm: Slurm, asked: Callable[..., list[dict[str, Any]]], action: str
) -> None:
    with slurm.full():
        name, identifier = submit(qtbot, window, "19")
        qtbot.waitUntil(lambda: "Resources" in window.page.header.subtitle.text(), timeout=15000)
        questions = asked(action)
        window.actions_by_key[action].trigger()
        if action == "abort":
            wait_for_status(qtbot, window, name, "Aborted")
        else:
            qtbot.waitUntil(lambda: name not in window.entries, timeout=10000)
        assert slurm.state(identifier) == "CANCELLED"
    assert "queue" in questions[0]["title" if action == "abort" else "text"]
