"""Plots that come and go while they are painted: nothing of them stays behind for the painter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QGraphicsScene
from pytestqt.qtbot import QtBot

from widgets import style
from widgets.curves import LiveCurves
from widgets.latent_plot import LatentPlot

ROOT = Path(__file__).resolve().parents[2]
#: Curves of other tasks, other sizes and other themes by turns, painted in between. Memory that is given back
#: is overwritten (see the environment below), so that whoever still looks at it ends the program at once.
HARD_LIFE = """
import gc
from PySide6.QtWidgets import QApplication
from widgets import style
from widgets.curves import LiveCurves

def records(*names):
    return [{"t": float(k), "run": 1, "phase": "train", "step": k, "of": 9, **dict.fromkeys(names, 1.0 + k)}
            for k in range(9)]

tasks = [records("loss_half1", "loss_half2", "rms_A", "gain"), records("pace"), records("a", "b")]
app = QApplication([])
curves = LiveCurves(one_by_one=True)
curves.resize(600, 400)
curves.show()
for k in range(24):
    curves.set_records(tasks[k % 3])
    for _ in range(6):
        app.processEvents()
    curves.resize(400 + (k * 97) % 300, 250 + (k * 131) % 300)
    app.processEvents()
    curves.grab()
    style.apply_theme(app, ("dark", "light")[k % 2])
    app.processEvents()
    curves.grab()
    gc.collect()
print("survived")
"""


def training() -> list[dict[str, Any]]:
    return [
        {
            "t": float(k),
            "run": 1,
            "phase": "train",
            "step": k,
            "of": 5,
            "loss_half1": 6.0 - k,
            "loss_half2": 7.0,
        }
        for k in range(5)
    ]


def test_that_curves_of_changing_tasks_sizes_and_themes_are_painted_without_harm() -> None:
    quiet = {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    strict = {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165"}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", HARD_LIFE],
        env={**os.environ, **quiet, **strict},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "survived"


def test_that_no_plot_looks_its_items_up_by_where_they_lie(qtbot: QtBot) -> None:
    for widget in (LiveCurves(), LatentPlot()):
        qtbot.addWidget(widget)
        assert widget.graphics.scene().itemIndexMethod() is QGraphicsScene.ItemIndexMethod.NoIndex


def test_that_another_theme_recolours_the_curves_as_they_stand(qtbot: QtBot, qapp: QApplication) -> None:
    style.apply_theme(qapp, "light")
    curves = LiveCurves()
    qtbot.addWidget(curves)
    curves.resize(500, 300)
    curves.show()
    curves.add_records(training())
    (panel,) = curves._panels.values()
    plotted = dict(panel.curves)
    panel.plot.vb.setXRange(1.0, 3.0, padding=0)
    before = {key: curve.opts["pen"].color().name() for key, curve in plotted.items()}
    style.apply_theme(qapp, "dark")
    qtbot.waitUntil(lambda: panel.plot.getAxis("left").pen().color() == style.colour("outline"), timeout=3000)
    assert list(curves._panels.values()) == [panel] and panel.curves == plotted
    after = {name.key: (panel.pen(name).color().name(), plotted[name.key]) for name in panel.names}
    for key, (colour, curve) in after.items():
        assert curve.opts["pen"].color().name() == colour != before[key]
    assert [round(edge, 3) for edge in panel.plot.vb.viewRange()[0]] == [1.0, 3.0]
    style.apply_theme(qapp, "light")
