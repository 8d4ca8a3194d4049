"""How long the map pane takes to draw another state, and for how long the window stands still meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from tests.benchmarks.figures import Figures
from widgets import style
from widgets.explorer import graphics, meshing
from widgets.explorer.map_pane import MapPane
from widgets.explorer.map_state import MapState

FRAMES = 24


def frames(box: int, n_points: int) -> list[MapState]:
    """A molecule of sixty blobs, one half of which swings to and fro."""
    rng = np.random.default_rng(0)
    axis = (np.arange(box) - box // 2) * (192.0 / box)
    rest = rng.normal(size=(60, 3)) * 26
    cloud = (rest[rng.integers(0, 60, n_points)] + rng.normal(size=(n_points, 3)) * 4).astype(np.float32)
    made = []
    for frame in range(FRAMES):
        shift = 12 * np.sin(2 * np.pi * frame / FRAMES)
        volume = np.zeros((box,) * 3, np.float32)
        for x, y, z in rest + np.where(rest[:, :1] > 0, [shift, 0, 0], 0):
            gx, gy, gz = (np.exp(-0.5 * ((axis - c) / 7) ** 2).astype(np.float32) for c in (x, y, z))
            volume += gz[:, None, None] * (gy[:, None] * gx)
        points = cloud + np.where(cloud[:, :1] > 0, np.float32([shift, 0, 0]), 0).astype(np.float32)
        moved = np.linalg.norm(points - cloud, axis=1)
        made.append(MapState(f"{frame}", volume, 192.0 / box, points, cloud, {"displacement (Å)": moved}))
    return made


@dataclass
class Played:
    """Frames per second, and how long (s) the window did not answer: median and longest but one in twenty."""

    rate: float
    stall: float
    longest: float


def play(pane: MapPane, states: list[MapState], count: int) -> Played:
    """Show states one after the other, as fast as they come."""
    gaps: list[float] = []
    last = [time.perf_counter()]
    clock = QTimer(interval=4, timerType=Qt.TimerType.PreciseTimer)

    def tick() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    clock.timeout.connect(tick)
    loop, done = QEventLoop(), [0]

    def following(_state: object) -> None:
        done[0] += 1
        if done[0] >= count:
            loop.quit()
        else:
            pane.show_state(states[done[0] % len(states)])

    pane.shown.connect(following)
    clock.start()
    start = time.perf_counter()
    pane.show_state(states[0])
    loop.exec()
    seconds = time.perf_counter() - start
    clock.stop()
    pane.shown.disconnect(following)
    busy = np.array([gap for gap in gaps if gap > 0.008])
    return Played(count / seconds, float(np.median(busy)), float(np.percentile(busy, 95)))


@pytest.fixture(scope="module")
def pane() -> Iterator[MapPane]:
    """A pane of the size it has in the explorer; slices where there is no OpenGL."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    style.apply_theme(app, "light")
    if not graphics.check():
        assert graphics.wait(120)
    made = MapPane()
    made.resize(560, 620)
    made.show()
    yield made
    made.close_down()
    made.hide()


@pytest.mark.parametrize(("box", "n_points"), [(64, 1000), (128, 10_000)])
def test_that_a_trajectory_plays_smoothly(pane: MapPane, figures: Figures, box: int, n_points: int) -> None:
    states = frames(box, n_points)
    where = "map pane" if pane.available else "map pane (slices)"
    pane.show_consensus(states[0])
    for representation in ("map", "points", "both"):
        pane.controls.choose_representation(representation)
        if representation == "map":
            first = play(pane, states, FRAMES)
            what = f"{box}³, {n_points} Gaussians"
            figures.add(where, f"{what}: first time", first.rate, "frames/s")
        played = max((play(pane, states, FRAMES) for _ in range(3)), key=lambda p: p.rate)
        goal = "≥ 12 frames/s" if representation == "map" and box == 64 else ""
        figures.add(where, f"{what}: {representation}", played.rate, "frames/s", goal)
        figures.add(where, f"{what}: {representation}, window busy (median)", 1e3 * played.stall, "ms")
        figures.add(where, f"{what}: {representation}, window busy (95 %)", 1e3 * played.longest, "ms")
        if representation == "map" and box == 64:
            assert played.rate >= 12
    pane.controls.choose_representation("map")


@pytest.mark.parametrize("box", [64, 128])
def test_that_a_surface_takes_milliseconds(figures: Figures, best: Callable[..., float], box: int) -> None:
    volume = frames(box, 10)[0].volume
    assert volume is not None
    meshing.warm_up()
    seconds = best(lambda: meshing.surface(volume, 0.4, 192.0 / box))
    figures.add("map surface", f"{box}³", 1e3 * seconds, "ms", "< 50 ms")
    assert seconds < 0.05
