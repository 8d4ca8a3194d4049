"""A project of 10,000 jobs in the real window: what each action costs, and how long the window stalls."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.gui.main_window import MainWindow
from app.settings import Settings
from tests.benchmarks.figures import Figures
from tests.support.foreign import append_job
from tests.support.projects import make_big_project
from tests.support.stalls import StallMeter
from widgets import style

N_JOBS = 10_000
GROUP = f"window on {N_JOBS:,} jobs"
#: A pause shorter than this is not felt (ms).
STALL_MS = 100.0
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def large_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jobs as RELION leaves them: a folder each, with its log, its settings and its mark."""
    folder = tmp_path_factory.mktemp("scale") / "large"
    make_big_project(folder, N_JOBS, directories=True)
    for job in folder.glob("*/job*"):
        (job / "RELION_JOB_EXIT_SUCCESS").touch()
        (job / "run.out").write_text("done\n")
        (job / "note.txt").write_text("A job of a large project.\n")
    return folder


@pytest.fixture
def window(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    """A window without a project, with the preferences of nobody."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.001)  # as the program does
    style.apply_theme(qapp, "light")
    made = MainWindow(Settings(theme="light"))
    made.show()
    qtbot.wait(500)
    yield made
    made.close()
    sys.setswitchinterval(interval)


@contextmanager
def metered(figures: Figures, what: str, repeats: int = 1) -> Iterator[StallMeter]:
    """Measure a block."""
    with StallMeter() as meter:
        yield meter
    figures.add(GROUP, f"{what}, until done", meter.wall_s / repeats * 1e3, "ms")
    figures.add(GROUP, f"{what}, window's processor time", meter.cpu_s / repeats * 1e3, "ms")
    figures.add(GROUP, f"{what}, all processor time", meter.process_s / repeats * 1e3, "ms")
    figures.add(GROUP, f"{what}, longest stall on the clock", meter.longest_ms, "ms")
    figures.add(GROUP, f"{what}, longest stall", meter.longest_cpu_ms, "ms", f"< {STALL_MS:.0f} ms")


def memory_mb() -> float:
    """Return what this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def test_that_a_window_on_ten_thousand_jobs_stays_fluid(
    window: MainWindow, large_project: Path, qtbot: QtBot, figures: Figures
) -> None:
    lists = window.jobs
    with StallMeter() as meter:
        window.page.form("dynamight")
    figures.add(GROUP, "first form of a type, whatever the project", meter.cpu_s * 1e3, "ms")
    before = memory_mb()

    with metered(figures, "open"):
        window.project_commands.open(large_project)
        qtbot.waitUntil(lambda: lists.finished.model.rowCount() == N_JOBS, timeout=WAIT_MS)
    with metered(figures, "first minute, disk use"):
        qtbot.waitUntil(lambda: window.housekeeping.use.complete, timeout=WAIT_MS)
    figures.add(GROUP, "memory for the project", memory_mb() - before, "MB")

    with metered(figures, "one letter into the filter", 8):
        for text in ("e", "ex", "ext", "extract", "extract 42", "extract", "e", ""):
            lists.filter_line.setText(text)
            qtbot.wait(20)
    with metered(figures, "order by name and back"):
        lists.set_order("alphabetical")
        qtbot.wait(50)
        lists.set_order("chronological")
        qtbot.wait(50)

    bar = lists.finished.view.verticalScrollBar()
    steps = 100
    with metered(figures, "one step of scrolling", steps) as scrolled:
        for step in range(steps):
            bar.setValue(bar.maximum() * step // steps)
            lists.finished.view.viewport().repaint()
            QApplication.processEvents()
    per_step = scrolled.cpu_s / steps

    index = lists.finished.model.index
    select(qtbot, window, index(5).data(Qt.ItemDataRole.UserRole + 1).name)
    rows = range(50, 90, 4)
    with metered(figures, "select a job", len(rows)) as selected:
        for row in rows:
            lists.finished.view.setCurrentIndex(index(row))
            name = lists.finished.selected()
            assert name is not None
            qtbot.waitUntil(lambda name=name: shown(window) == name, timeout=WAIT_MS)  # type: ignore[misc]

    with metered(figures, "one job more, entered by others") as refreshed:
        name = append_job(large_project)
        qtbot.waitUntil(lambda: name in window.entries, timeout=WAIT_MS)
        qtbot.wait(300)

    graph = window.flowchart_commands.graph
    with metered(figures, "flowchart, first look"):
        window.actions_by_key["show_flowchart"].trigger()
        qtbot.waitUntil(lambda: len(graph.canvas.chart.jobs) == N_JOBS + 1, timeout=WAIT_MS)
        qtbot.wait(300)
    with metered(figures, "one job more, flowchart in front"):
        name = append_job(large_project)
        qtbot.waitUntil(lambda: len(graph.canvas.chart.jobs) == N_JOBS + 2, timeout=WAIT_MS)
        qtbot.wait(300)
    figures.add(GROUP, "memory with the flowchart", memory_mb() - before, "MB")

    # nobody does anything: what does looking again and again cost?
    with metered(figures, "five seconds of rest") as rest:
        qtbot.wait(5000)
    figures.add(GROUP, "load at rest", 100 * rest.process_s / rest.wall_s, "% of a core")

    stalls = {f.name: f.value for f in figures.measured if f.group == GROUP and f.name.endswith("stall")}
    assert per_step < 0.016
    assert selected.process_s / len(rows) < 0.15
    assert refreshed.process_s < 1.5
    assert not {name for name, value in stalls.items() if value > STALL_MS}, stalls


def shown(window: MainWindow) -> str:
    """Return the job on the page."""
    return window.page.details.entry.name if window.page.details is not None else ""


def select(qtbot: QtBot, window: MainWindow, name: str) -> None:
    """Choose a job and wait for its page."""
    window.jobs.select(name)
    window.select(name)
    qtbot.waitUntil(lambda: shown(window) == name, timeout=WAIT_MS)
