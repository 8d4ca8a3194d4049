"""Jobs that wait for each other's device, and schedules that can be stopped."""

from __future__ import annotations

from typing import Any

import pytest

from app.gui.convert import job_row, ordinal
from app.gui.dialogs import forms
from app.gui.main_window import MainWindow
from app.gui.news import JobEntry
from app.runner.schedule import marker
from app.settings import Settings
from jobs.core.errors import UserError
from jobs.core.metrics import read_metrics
from tests.app.gui.acting import fill_in_tutorial, start, type_into, wait_for_status


def begin(qtbot: Any, window: MainWindow, seed: str) -> str:
    """Start the fake with a seed that tells how it is to behave."""
    window.show_new("dynamight")
    fill_in_tutorial(qtbot, window)
    type_into(qtbot, window, "seed", seed)
    return start(qtbot, window)


def test_that_a_second_job_waits_with_its_place_and_starts_when_the_first_has_left(
    qtbot: Any, private_settings: Settings, window: MainWindow
) -> None:
    private_settings.queue_per_gpu = True
    first = begin(qtbot, window, "19")
    wait_for_status(qtbot, window, first, "Running")
    second = begin(qtbot, window, "1")
    third = begin(qtbot, window, "2")
    qtbot.waitUntil(lambda: window.entries.get(third) is not None and window.entries[third].place == 2)
    assert window.entries[second].place == 1
    assert window.entries[second].status == "Scheduled"
    assert "waits for the CPU, 2nd in the queue" in window.page.header.subtitle.text()
    assert "waits in the queue" in window.page.hindrance()
    rows = {row.name: row.reason for row in window.jobs.scheduled.model.rows()}
    assert rows == {
        second: "Waits for the CPU, next in the queue",
        third: "Waits for the CPU, 2nd in the queue",
    }

    # the shown one, the third, leaves the queue without a question
    window.actions_by_key["abort"].trigger()
    qtbot.waitUntil(lambda: window.entries[third].place == 0, timeout=4000)
    assert window.entries[third].status == "Scheduled"
    qtbot.waitUntil(window.page.can_run, timeout=4000)

    window.bridge.submit(lambda: window.workplace.abort(first, 10.0))
    window.select(second)
    wait_for_status(qtbot, window, second, "Succeeded")
    assert window.entries[first].status == "Aborted"
    assert window.project_path is not None
    ended = (window.project_path / first / "RELION_JOB_EXIT_ABORTED").stat().st_mtime
    records, _ = read_metrics(window.project_path / second / "metrics.jsonl")
    assert records[0]["t"] > ended, "the second began while the first was still at work"


def test_that_the_list_says_why_a_job_waits_in_the_queue_of_a_cluster() -> None:
    where = "Queued in SLURM (id 12, reason Resources)"
    entry = JobEntry("A/job001/", "", "a", "A", True, "Running", queued=True, where=where)
    assert (job_row(entry).status, job_row(entry).reason) == ("Queued", where)
    assert job_row(JobEntry("A/job002/", "", "a", "A", True, "Succeeded")).reason == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_that_places_are_written_as_people_write_them(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_that_a_running_schedule_can_be_stopped_after_its_present_job(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert window.project_path is not None
    mark = marker(window.project_path, "schedule1")
    mark.touch()
    with pytest.raises(UserError, match="is being run already"):
        window.bridge.wait_for(lambda: window.workplace.run_scheduled(["DynaMight/job002/"]), 5.0)
    monkeypatch.setattr(forms, "ask_pick", lambda *args, **_more: [key for key, _ in args[3]])
    window.actions_by_key["stop_scheduled"].trigger()
    qtbot.waitUntil(lambda: not mark.exists(), timeout=4000)
    window.actions_by_key["stop_scheduled"].trigger()
    qtbot.waitUntil(
        lambda: window.statusBar().currentMessage() == "No scheduled jobs are being run.", timeout=4000
    )


def test_that_the_pane_of_devices_shows_who_waits_and_lets_them_be_moved_and_started(
    qtbot: Any, private_settings: Settings, window: MainWindow
) -> None:
    private_settings.queue_per_gpu = True
    panel = window.device_commands.panel
    first = begin(qtbot, window, "19")
    wait_for_status(qtbot, window, first, "Running")
    second = begin(qtbot, window, "1")
    third = begin(qtbot, window, "2")
    window.panes.reveal("gpus")

    def waiting() -> list[str]:
        return [row.line.job for row in panel.queue.rows(waiting=True) if row.line is not None]

    qtbot.waitUntil(lambda: waiting() == [second, third], timeout=8000)
    rows = panel.queue.rows(waiting=True)
    assert f"{first.rstrip('/')} computes on it" in rows[0].detail.text()
    assert [card.title.text() for card in panel.cards][-1] == "Processor"
    qtbot.waitUntil(lambda: first in panel.cards[-1].texts(), timeout=8000)
    rows[1].up.click()
    qtbot.waitUntil(lambda: waiting() == [third, second], timeout=8000)
    assert window.entries[third].place == 1
    panel.queue.rows(waiting=True)[1].out.click()
    qtbot.waitUntil(lambda: waiting() == [third], timeout=8000)
    assert window.entries[second].status == "Scheduled"
    panel.queue.rows(waiting=True)[0].start.click()
    wait_for_list = 15000
    qtbot.waitUntil(lambda: window.entries[third].status != "Scheduled", timeout=wait_for_list)
    assert window.entries[first].status == "Running", "both compute now"
    window.bridge.submit(lambda: window.workplace.abort(first, 10.0))
    qtbot.waitUntil(lambda: window.entries[first].status == "Aborted", timeout=wait_for_list)
