"""Jobs of other programs appear in the window by themselves, and so do their ends: nobody clicks here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.gui.main_window import MainWindow
from app.settings import Settings
from jobs import registry
from jobs.simulate.params import JOB_TYPE as SIMULATE
from tests.support.foreign import append_job, set_status

#: What a user is promised (s).
PROMISED_S = 2.0
PIPELINE = "default_pipeline.star"


@pytest.fixture
def private_settings(private_settings: Settings) -> Settings:
    """The pace at which the program looks when nobody changed it."""
    private_settings.refresh_s = Settings().refresh_s
    return private_settings


@pytest.fixture
def window(
    make_window: Callable[..., MainWindow], project: Path, monkeypatch: pytest.MonkeyPatch
) -> MainWindow:
    """A window on the project."""
    monkeypatch.setitem(registry.JOB_TYPES, "simulate", SIMULATE)
    return make_window(project)


def coarse_clock(project: Path) -> None:
    """Let the project file look as on a file system which counts whole seconds only."""
    path = project / PIPELINE
    second = int(path.stat().st_mtime) * 10**9
    os.utime(path, ns=(second, second))


def texts(window: MainWindow, kind: str) -> list[str]:
    """Return the lines of a list as a screen reader has them."""
    view = getattr(window.jobs, kind)
    return [str(view.model.index(row).data()) for row in range(view.model.rowCount())]


def seen_within(qtbot: Any, seen: Callable[[], bool], since: float | None = None) -> float:
    """Wait until something is seen and return how long that took."""
    since = time.monotonic() if since is None else since
    qtbot.waitUntil(seen, timeout=20_000)
    took = time.monotonic() - since
    assert took < PROMISED_S, f"seen after {took:.1f} s"
    return took


@pytest.mark.parametrize("clock", [lambda _project: None, coarse_clock], ids=["usual", "coarse"])
def test_that_a_job_of_relion_appears_and_its_end_is_seen_without_a_click(
    window: MainWindow, project: Path, qtbot: Any, clock: Callable[[Path], None]
) -> None:
    name = append_job(project)
    clock(project)
    seen_within(qtbot, lambda: texts(window, "running") == [f"002: {name} Running"])
    assert window.jobs.running.heading.text() == "Running jobs (1)"
    set_status(project, name, "Failed", marker="FAILURE")
    clock(project)
    seen_within(qtbot, lambda: f"002: {name} Failed" in texts(window, "finished"))
    assert texts(window, "running") == []


def test_that_a_mark_alone_ends_a_job_of_relion(window: MainWindow, project: Path, qtbot: Any) -> None:
    name = append_job(project)
    seen_within(qtbot, lambda: texts(window, "running") == [f"002: {name} Running"])
    (project / name / "RELION_JOB_EXIT_SUCCESS").touch()
    seen_within(qtbot, lambda: f"002: {name} Succeeded" in texts(window, "finished"))


def test_that_a_job_relion_deletes_goes_and_the_shown_one_stays(
    window: MainWindow, project: Path, qtbot: Any
) -> None:
    before = (project / PIPELINE).read_text()
    shown = next(iter(window.entries))
    window.jobs.finished.view.setCurrentIndex(window.jobs.finished.model.index(0))
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=10_000)
    name = append_job(project)
    seen_within(qtbot, lambda: texts(window, "running") == [f"002: {name} Running"])
    (project / PIPELINE).write_text(before)
    seen_within(qtbot, lambda: texts(window, "running") == [])
    assert window.jobs.selected() == shown
    assert window.page.details is not None
    assert window.page.details.entry.name == shown


def notifiers() -> int:
    """Return how many places of this process are watched by the system."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += "inotify" in os.readlink(link)  # noqa: PTH115 - not a path
        except OSError:
            continue
    return found


def test_that_following_needs_no_notifications_of_the_file_system(
    make_window: Callable[..., MainWindow], project: Path, qtbot: Any
) -> None:
    # a file system on the network has none; so the window must not have asked for any
    before = notifiers()
    window = make_window(project)
    name = append_job(project)
    seen_within(qtbot, lambda: texts(window, "running") == [f"002: {name} Running"])
    assert notifiers() == before


@pytest.fixture
def simulation(project: Path) -> Iterator[subprocess.Popen[str]]:
    """A job that somebody starts in a terminal."""
    # the workers that tests put in the place of ours are none of a terminal's business
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = ["run", "simulate", "--project", str(project), "--nr_images", "200", "--box_size", "32"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app", *words],
        env=plain,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def test_that_a_job_of_the_command_line_appears_and_its_end_is_seen_without_a_click(
    window: MainWindow, project: Path, qtbot: Any, simulation: subprocess.Popen[str]
) -> None:
    name = "Simulate/job002/"

    def entered() -> bool:
        return name in (project / PIPELINE).read_text()

    qtbot.waitUntil(entered, timeout=60_000)
    seen_within(qtbot, lambda: name in window.entries)
    marker = project / name / "RELION_JOB_EXIT_SUCCESS"
    qtbot.waitUntil(marker.exists, timeout=120_000)
    seen_within(qtbot, lambda: f"002: {name} Succeeded" in texts(window, "finished"), time.monotonic())
    assert simulation.wait(60) == 0
