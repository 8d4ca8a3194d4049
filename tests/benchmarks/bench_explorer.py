"""The whole explorer as a person meets it: opening jobs, clicking, dragging, playing, and how long it stalls.

Run under a display, or the map pane stays out of it.  Jobs are written as trainings of that size leave them;
the model runs in its own process as it does in the program.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QElapsedTimer, QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.explorer_services import JobServices
from app.project.project import Project
from jobs import registry
from jobs.core.exploring import ViewRequest
from tests.benchmarks.bench_decode import _write_job
from tests.benchmarks.figures import Figures
from widgets import style
from widgets.explorer import compiled, graphics
from widgets.explorer.explorer import Explorer

NAME = "DynaMight/job001/"
LEFT = Qt.MouseButton.LeftButton


class Heartbeat:
    """The longest time for which the event loop did not turn (ms)."""

    def __init__(self) -> None:
        self._clock = QElapsedTimer()
        self._timer = QTimer(interval=1)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self.longest = 0.0

    def _beat(self) -> None:
        self.longest = max(self.longest, self._clock.nsecsElapsed() / 1e6)
        self._clock.restart()

    def __enter__(self) -> Heartbeat:
        self._clock.start()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()


@contextmanager
def opened(qtbot: QtBot, folder: Path, figures: Figures, group: str, goal: str = "") -> Iterator[Explorer]:
    """Open a job and measure how long it takes until its first state is on the screen."""
    declared = registry.JOB_TYPES["dynamight"]
    services = JobServices(folder, NAME, declared)
    # the window does this when a job is chosen in the lists; somebody looks at it before he explores it
    qtbot.wait(4000)
    start = time.perf_counter()
    with Heartbeat() as heart:
        explorer = Explorer(services, ViewRequest(folder / NAME, folder))
        qtbot.addWidget(explorer)
        explorer.resize(1280, 760)
        built = time.perf_counter() - start
        with qtbot.waitSignal(explorer.ready, timeout=120_000):
            explorer.show()
    figures.add(group, "opened, first map on the screen", time.perf_counter() - start, "s", goal)
    figures.add(group, "of which the window is built", built, "s")
    figures.add(group, "longest stall while opening", heart.longest, "ms")
    qtbot.waitUntil(lambda: not explorer.showing.busy and not explorer.consensus_work.busy, timeout=60_000)
    qtbot.wait(1500)
    try:
        yield explorer
    finally:
        explorer.close_down()
        services.close()
        explorer.hide()


@pytest.fixture
def ready(qapp: QApplication) -> None:
    """What the program has loaded by the time somebody explores: the theme, napari, compiled kernels."""
    style.apply_theme(qapp, "light")
    sys.setswitchinterval(0.001)  # as the program does
    assert compiled.LOADER.wait(120)
    if not graphics.check():
        graphics.preload()
        assert graphics.wait(60)


def _place(explorer: Explorer, row: int) -> QPointF:
    assert explorer.plane is not None
    x, y = (float(v) for v in explorer.plane.xy[row])
    return explorer.canvas.frame.to_screen(x, y)


def _mouse(explorer: Explorer, kind: QEvent.Type, place: QPointF, held: bool) -> None:
    canvas = explorer.canvas
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
    buttons = LEFT if held else Qt.MouseButton.NoButton
    event = QMouseEvent(
        kind, place, canvas.mapToGlobal(place), button, buttons, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(canvas, event)


def _click(qtbot: QtBot, explorer: Explorer, row: int) -> float:
    """Click a particle and return the time until its map is on the screen (s)."""
    start = time.perf_counter()
    with qtbot.waitSignal(explorer.map.shown, timeout=60_000):
        _mouse(explorer, QEvent.Type.MouseButtonPress, _place(explorer, row), True)
        _mouse(explorer, QEvent.Type.MouseButtonRelease, _place(explorer, row), False)
    return time.perf_counter() - start


def _wait_still(qtbot: QtBot, explorer: Explorer) -> None:
    qtbot.waitUntil(lambda: not explorer.showing.busy, timeout=60_000)
    qtbot.wait(150)


@pytest.mark.parametrize(
    ("box", "n_gaussians", "goal"), [(64, 1000, ""), (256, 10_000, "< 1 s")], ids=["64", "256"]
)
def test_click_drag_and_play(
    box: int,
    n_gaussians: int,
    goal: str,
    ready: None,
    qtbot: QtBot,
    figures: Figures,
    tmp_path: Path,
) -> None:
    group = f"explorer, box {box}, {n_gaussians} Gaussians, 2000 particles"
    Project.create(tmp_path)
    _write_job(tmp_path, box, n_gaussians, 2000)
    with opened(qtbot, tmp_path, figures, group, "< 3 s") as explorer:
        rows = np.random.default_rng(4).permutation(1000)
        _click(qtbot, explorer, int(rows[0]))
        times = []
        with Heartbeat() as heart:
            for row in rows[1:16]:
                _wait_still(qtbot, explorer)
                times.append(_click(qtbot, explorer, int(row)))
        figures.add(group, "click to map on the screen, median", 1e3 * float(np.median(times)), "ms", goal)
        figures.add(group, "longest stall while clicking", heart.longest, "ms", "< 50 ms")
        _wait_still(qtbot, explorer)
        seen: list[object] = []
        explorer.map.shown.connect(seen.append)
        line = [_place(explorer, int(rows[20])), _place(explorer, int(rows[21]))]
        start = time.perf_counter()
        with Heartbeat() as heart:
            _mouse(explorer, QEvent.Type.MouseButtonPress, line[0], True)
            for step in np.linspace(0, 1, 120):
                _mouse(explorer, QEvent.Type.MouseMove, line[0] + (line[1] - line[0]) * float(step), True)
                qtbot.wait(16)
            _mouse(explorer, QEvent.Type.MouseButtonRelease, line[1], False)
        figures.add(group, "maps per second while dragging", len(seen) / (time.perf_counter() - start), "/s")
        figures.add(group, "longest stall while dragging", heart.longest, "ms", "< 50 ms")
        _wait_still(qtbot, explorer)
        _play(qtbot, explorer, figures, group)


def _play(qtbot: QtBot, explorer: Explorer, figures: Figures, group: str) -> None:
    """Play a trajectory along the first component."""
    explorer.paths.choose("axis")
    qtbot.waitUntil(lambda: explorer.travel.trajectory is not None, timeout=30_000)
    travelling = explorer.travel.travelling
    start = time.perf_counter()
    qtbot.waitUntil(lambda: bool(travelling.done.all()), timeout=300_000)
    figures.add(
        group,
        "frames of a trajectory made ahead",
        len(travelling.frames) / (time.perf_counter() - start),
        "/s",
    )
    explorer.player.speed.setValue(30)
    seen: list[object] = []
    explorer.map.shown.connect(seen.append)
    for turn in ("first", "second"):
        explorer.player.go_to(0)
        qtbot.wait(300)
        seen.clear()
        start = time.perf_counter()
        with Heartbeat() as heart:
            explorer.player.play()
            qtbot.wait(2500)
            explorer.player.pause()
        figures.add(
            group,
            f"frames per second while playing, {turn} time",
            len(seen) / (time.perf_counter() - start),
            "/s",
        )
        figures.add(group, f"longest stall while playing, {turn} time", heart.longest, "ms", "< 50 ms")


def test_open_many(ready: None, qtbot: QtBot, figures: Figures, tmp_path: Path) -> None:
    group = "explorer, 100,000 particles"
    Project.create(tmp_path)
    _write_job(tmp_path, 64, 1000, 100_000)
    with opened(qtbot, tmp_path, figures, group, "< 10 s") as explorer:
        assert explorer.opened is not None
        times = [_click(qtbot, explorer, row) for row in (5, 500, 5000)]
        figures.add(group, "click to map on the screen", 1e3 * float(np.median(times)), "ms")


def test_from_the_command_line(figures: Figures, tmp_path: Path) -> None:
    """A fresh program: everything is loaded for the first time."""
    Project.create(tmp_path)
    _write_job(tmp_path, 64, 1000, 2000)
    program = (
        "import sys, time; start = time.perf_counter()\n"
        "from pathlib import Path\n"
        "from app.explorer_services import JobServices\n"
        "from jobs import registry\n"
        f"folder = Path({str(tmp_path)!r}); name = {NAME!r}\n"
        "services = JobServices(folder, name, registry.JOB_TYPES['dynamight'])\n"
        "from app.gui.application import make_application\n"
        "from app.settings import Settings\n"
        "app = make_application(['x'], Settings(theme='light'))\n"
        "from widgets.explorer import graphics; graphics.preload()\n"
        "from jobs.core.exploring import ViewRequest\n"
        "from widgets.explorer.explorer import Explorer\n"
        "explorer = Explorer(services, ViewRequest(folder / name, folder))\n"
        "explorer.resize(1280, 760); explorer.show()\n"
        "explorer.ready.connect(app.quit)\n"
        "app.exec(); print(time.perf_counter() - start)\n"
        "explorer.close_down(); services.close()\n"
    )
    times = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stderr
        times.append(float(done.stdout.split()[-1]))
    figures.add("explorer, fresh program", "command line to the first map, 2000 particles", min(times), "s")
