"""A large tomogram with many particles in its window: how long it stalls, and what memory it takes.

Run under a display, or the three-dimensional view stays out of it.  The tomogram is a sparse file: its size
is real, most of its numbers are zero.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.tomogram_services import JobTomograms
from jobs import registry
from tests.benchmarks.figures import Figures
from tests.support.explored import BlobModel
from tests.support.large_tomogram import SHAPE, write_large_tomogram
from tests.support.stalls import StallMeter
from widgets import style
from widgets.explorer import compiled, graphics
from widgets.tomogram.pane import TomogramPane
from widgets.tomogram.scene import TomogramScene

COUNT = 20_000
GROUP = "tomogram 1024 × 1024 × 512"
GOAL_MS = "< 100 ms"


def _memory() -> float:
    """Memory of this process that is not the file's, in MB."""
    info = psutil.Process().memory_info()
    return (info.rss - getattr(info, "shared", 0)) / 1e6


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a tomogram and a STAR file with its particles."""
    write_large_tomogram(tmp_path, COUNT)
    return tmp_path


def test_that_a_large_tomogram_stays_fluid(
    qapp: QApplication, qtbot: QtBot, project: Path, figures: Figures
) -> None:
    style.apply_theme(qapp, "light")
    sys.setswitchinterval(0.001)  # as the program does
    assert compiled.LOADER.wait(120)
    if not graphics.check():
        graphics.preload()
        assert graphics.wait(60)
    model = BlobModel(COUNT)
    (project / "DynamoProcessor" / "job001").mkdir(parents=True)
    services = JobTomograms(project, "DynamoProcessor/job001", registry.JOB_TYPES["dynamo"])
    names = np.array([f"TS_1/{k + 1}" for k in range(COUNT)], object)
    before = _memory()

    def stage(words: str, do: Callable[[], Any], goal: str = GOAL_MS) -> None:
        with StallMeter() as meter:
            do()
            qtbot.waitUntil(
                lambda: not (pane.work.busy or pane.looks.busy or pane.slabs.busy), timeout=120_000
            )
            qtbot.wait(300)
        figures.add(GROUP, f"{words}: longest stall", meter.longest_ms, "ms", goal)
        figures.add(GROUP, f"{words}: of it the window's own work", meter.longest_cpu_ms, "ms")
        figures.add(GROUP, f"{words}: until all is there", meter.wall_s - 0.3, "s")

    start = time.perf_counter()
    pane = TomogramPane(services)
    qtbot.addWidget(pane)
    pane.resize(1280, 800)
    pane.show()
    services.use_coordinates(project / "particles.star", names)
    if not graphics.check():
        qtbot.waitUntil(lambda: pane.room.scene is not None, timeout=60_000)

    def opening() -> None:
        pane.set_particles(names, model.embedding, model)
        qtbot.waitUntil(lambda: pane.slabs.picture is not None, timeout=120_000)

    stage("open", opening)
    figures.add(GROUP, "window, particles and slab on the screen", time.perf_counter() - start, "s")
    slider = pane.controls.slab.position

    def move() -> None:
        for place in np.linspace(100, 900, 40):
            slider.setValue(int(place))
            QTest.qWait(15)

    stage("move the slab across z", move)

    def turn() -> None:
        pane.controls.slab._axes.button(2).click()

    stage("slab across x", turn)
    stage("move the slab across x", move)
    stage("slab across z again", lambda: pane.controls.slab._axes.button(0).click())
    mask = np.random.default_rng(0).random(COUNT) < 0.3
    stage("select 6,000 particles", lambda: pane.set_selection(mask))
    stage("select none", lambda: pane.set_selection(None))
    stage("colour by latent", lambda: pane.colours.choose("extra:latent#0"))
    surface = pane.room.surface

    def hover() -> None:
        for k in range(40):
            QTest.mouseMove(surface, QPoint(100 + 8 * k, 150 + 4 * k))
            QTest.qWait(15)

    stage("hover", hover)

    def lasso() -> None:
        pane.tools.chosen.emit("rectangle")
        QTest.mousePress(surface, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
        QTest.mouseMove(surface, QPoint(350, 350))
        QTest.mouseRelease(surface, Qt.MouseButton.LeftButton, pos=QPoint(350, 350))

    stage("box around particles", lasso)
    pane.set_selection(None)
    stage("opacity of balls", lambda: pane.controls.particles.opacity.setValue(500))
    for look in ("arrows", "mean", "own"):
        stage(f"show as {look}", partial(pane.controls.particles.choose_look, look))
        if pane.room.scene is not None:
            stage(f"turn with {look}", partial(_turn, pane.room.scene))
    stage("surface of the tomogram", lambda: pane.controls.slab.surface_on.setChecked(True))
    figures.add(GROUP, "memory of the window beyond the program's", _memory() - before, "MB", "< 1500 MB")
    figures.add(GROUP, "voxels", float(np.prod(SHAPE)) / 1e6, "million")
    pane.close_down()
    pane.hide()


def _turn(scene: TomogramScene) -> None:
    for k in range(20):
        scene.camera.angles = (0.0, 3.0 * k, 0.0)
        QTest.qWait(15)
