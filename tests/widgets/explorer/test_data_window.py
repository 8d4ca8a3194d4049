"""The window of table, columns and angles, by mouse and keys, linked with the explorer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.exploring import BlobServices
from widgets.explorer.angle_plot import AnglePlot, hexagons, wrapped
from widgets.explorer.columns import Columns
from widgets.explorer.data_window import DataWindow
from widgets.explorer.explorer import Explorer
from widgets.explorer.particle_table import ParticleTable

Open = Callable[..., Explorer]


def opened(qtbot: QtBot, explorer: Explorer) -> DataWindow:
    explorer.actions_by_key["data"].trigger()
    window = explorer.data.window
    assert window is not None and window.isVisible()
    qtbot.waitUntil(lambda: len(window.plot.xy) > 0 and window.table.model.columnCount() > 4, timeout=10_000)
    return window


def test_that_a_region_in_any_two_columns_selects_in_the_explorer_and_fills_the_table(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    assert explorer.opened is not None
    window = opened(qtbot, explorer)
    window.plot.choose("star:rlnDefocusU", "extra:latent#1")
    defocus = np.asarray(explorer.opened.model.metadata["rlnDefocusU"], np.float32)
    qtbot.waitUntil(lambda: np.array_equal(window.plot.xy[:, 0], defocus), timeout=5000)
    z = explorer.opened.latent[:, 1]
    limit = float(np.median(defocus))
    low, high = defocus.min() - 1, limit
    box = np.array([(low, 0.0), (high, 0.0), (high, 99.0), (low, 99.0)])
    window.plot.canvas.region_drawn.emit(box, "new")
    expected = (defocus < limit) & (z > 0)
    assert explorer.choice.mask is not None and np.array_equal(explorer.choice.mask, expected)
    model = window.table.model
    assert model.rows.tolist() == np.flatnonzero(expected).tolist()
    assert window.table.text.text().startswith(f"{expected.sum():,} selected particles")
    # sorted by a click on a title, falling the second time
    section = next(
        k
        for k in range(model.columnCount())
        if "Defocus U" in str(model.headerData(k, Qt.Orientation.Horizontal))
    )
    window.table.view.sortByColumn(section, Qt.SortOrder.DescendingOrder)
    assert np.all(np.diff(defocus[model.rows]) <= 0)
    assert model.text(0, 1) == str(explorer.opened.names[model.rows[0]])
    # and copied
    window.tabs.setCurrentWidget(window.table)
    window.table.view.selectRow(0)
    qtbot.keyClick(window.table.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    if len(lines) != 2:
        window.table.copy()
        lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Index\tParticle") and lines[1].split("\t")[1] == model.text(0, 1)
    # a double click shows the particle's state
    row = int(model.rows[0])
    window.table.chosen.emit(row)
    qtbot.waitUntil(lambda: explorer.states.row == row, timeout=10_000)
    explorer.selecting.clear()
    assert len(model.rows) == 400 and "none are selected" in window.table.text.text()
    explorer.close_down()
    assert not window.isVisible()


def test_that_the_table_of_the_selection_opens_from_its_button(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    explorer.selecting.combine(np.arange(400) < 7)
    explorer.show_tab(explorer.selecting)
    qtbot.mouseClick(explorer.selecting.uses.table, Qt.MouseButton.LeftButton)
    window = explorer.data.window
    assert window is not None and window.tabs.currentWidget() is window.table
    assert window.table.model.rowCount() == 7


def test_that_hexagons_count_every_point_once_and_in_the_nearest(rng: np.random.Generator) -> None:
    x, y = rng.uniform(-180, 180, 5000), rng.uniform(0, 180, 5000)
    centres, counts = hexagons(x, y, 10.0)
    assert counts.sum() == 5000
    apart = np.hypot(x[:, None] - centres[None, :, 0], y[:, None] - centres[None, :, 1])
    assert np.array_equal(np.bincount(apart.argmin(1), minlength=len(counts)), counts)


def test_that_angles_are_those_of_the_selected_particles(
    light: QApplication, qtbot: QtBot, rng: np.random.Generator
) -> None:
    rot, tilt, psi = rng.uniform(0, 360, 300), rng.uniform(0, 180, 300), np.full(300, 95.0)
    columns = Columns({"rlnAngleRot": rot, "rlnAngleTilt": tilt, "rlnAnglePsi": psi}, {}, {})
    columns.list_sources()
    plot = AnglePlot()
    qtbot.addWidget(plot)
    plot.show()
    plot.set_columns(columns)
    qtbot.waitUntil(lambda: int(plot.counts.sum()) == 300, timeout=5000)
    assert plot.bars[np.flatnonzero(plot.bars)].tolist() == [300]
    mask = rot < 90
    plot.set_selection(mask)
    assert int(plot.counts.sum()) == mask.sum() == plot.bars.sum()
    assert plot.sentence.startswith(f"{mask.sum()} selected particles")
    assert wrapped(np.array([190.0, -180.0, 179.0])).tolist() == [-170.0, -180.0, 179.0]
    plot.set_columns(Columns({}, {}, {"latent": np.zeros((5, 2))}))
    qtbot.waitUntil(lambda: "no angles" in plot.sentence, timeout=5000)


def test_that_a_table_of_a_hundred_thousand_particles_is_fast(
    light: QApplication, qtbot: QtBot, rng: np.random.Generator
) -> None:
    count = 100_000
    metadata: dict[str, Any] = {f"column{k}": rng.normal(size=count) for k in range(30)}
    columns = Columns(metadata, {}, {})
    columns.list_sources()
    names = np.array([f"TS/{k}" for k in range(count)], object)
    table = ParticleTable()
    qtbot.addWidget(table)
    table.resize(900, 600)
    table.show()
    table.set_columns(columns, names)
    table.set_rows(np.arange(count), selected=False)
    qtbot.waitUntil(lambda: table.model.columnCount() > 30, timeout=20_000)
    worst = 0.0
    for k in range(5):
        start = time.perf_counter()
        table.view.sortByColumn(3 + k, Qt.SortOrder.DescendingOrder)
        table.view.viewport().repaint()
        worst = max(worst, time.perf_counter() - start)
    print(f"sorting a table of 100,000 particles: {1e3 * worst:.0f} ms at worst")
    assert worst < 1.0
    numbers = metadata["column5"][table.model.rows] if "column5" in metadata else None
    assert numbers is not None and table.model.text(0, 1).startswith("TS/")


def test_that_size_and_opacity_of_points_are_set_by_two_sliders(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)

    def painted() -> tuple[int, int]:
        """Pixels with some colour, and the deepest of them."""
        QApplication.processEvents()
        explorer.canvas.repaint()
        picture = explorer.canvas._picture
        assert picture is not None
        alpha = picture.pixels >> 24
        return int((alpha > 0).sum()), int(alpha.max())

    area, deepest = painted()
    assert deepest == 255
    explorer.look.size_slider.setValue(50)
    assert painted()[0] < 0.5 * area
    explorer.look.size_slider.setValue(100)
    explorer.look.opacity_slider.setValue(10)
    faint = painted()
    assert faint[0] > 0.9 * area and faint[1] < 200
