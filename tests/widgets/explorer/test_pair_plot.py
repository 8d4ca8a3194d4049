"""Plots of all pairs: where particles are drawn, in which colour, and which pair was clicked."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets.explorer import colouring
from widgets.explorer.pair_plot import MOST, PairPlot
from widgets.explorer.pair_raster import PairOrder, PairPictures, draw_pairs

GROUND, QUIET, STRONG = (255, 255, 255), (220, 220, 220), (0, 0, 255)


def order(*columns: np.ndarray, side: int = 60, **changes: object) -> PairOrder:
    parts: dict[str, object] = {"colouring": None, "shown": None, "selected": None, **changes}
    return PairOrder(tuple(columns), side, ground=GROUND, quiet=QUIET, strong=STRONG, **parts)  # type: ignore[arg-type]


def corner(pictures: PairPictures, row: int, column: int, up: bool, right: bool) -> float:
    """Return how much is drawn in a quarter of a cell."""
    cell = np.abs(pictures.cells[row, column].astype(int) - np.array(GROUND)).sum(axis=-1)
    half = len(cell) // 2
    rows = slice(0, half) if up else slice(half, None)
    columns = slice(half, None) if right else slice(0, half)
    return float(cell[rows, columns].sum())


def test_that_the_dimension_of_the_column_runs_right_and_that_of_the_row_up(
    rng: np.random.Generator,
) -> None:
    # a cluster with large x and small y
    x = np.append(rng.normal(10, 0.3, 500), 0.0)
    y = np.append(rng.normal(0, 0.3, 500), 10.0)
    pictures = draw_pairs(order(x, y))
    below = {(up, right): corner(pictures, 1, 0, up, right) for up in (0, 1) for right in (0, 1)}
    above = {(up, right): corner(pictures, 0, 1, up, right) for up in (0, 1) for right in (0, 1)}
    assert max(below, key=lambda k: below[k]) == (0, 1)
    assert max(above, key=lambda k: above[k]) == (1, 0)


def test_that_densities_are_those_of_a_histogram(rng: np.random.Generator) -> None:
    x = rng.normal(size=200_000)
    y = x**2 + 0.3 * rng.normal(size=len(x))
    pictures = draw_pairs(order(x, y, side=40))
    # above the diagonal: y to the right, x upwards; row 0 of a picture is its upper edge
    counts = np.histogram2d(x, y, 40, pictures.limits)[0][::-1]
    ink = 765 - pictures.cells[0, 1].astype(int).sum(axis=-1)
    assert np.corrcoef(ink.ravel(), np.log1p(8 * counts / counts.max()).ravel())[0, 1] > 0.98


def test_that_particles_have_the_colours_of_the_large_plot(rng: np.random.Generator) -> None:
    x = np.append(rng.normal(-10, 0.1, 300), rng.normal(10, 0.1, 300))
    made = colouring.make(np.repeat([0, 1], 300), "class", names=("a", "b"))
    cell = draw_pairs(order(x, rng.normal(size=600), colouring=made)).cells[1, 0].astype(int)
    colours = cell[(cell != GROUND).any(axis=-1)]
    for row in made.table[:2].astype(int):
        assert np.abs(colours - row).sum(axis=1).min() <= 6
    left = cell[:, :30][(cell[:, :30] != GROUND).any(axis=-1)]
    assert np.abs(left - made.table[1].astype(int)).sum(axis=1).min() > 60


def test_that_hidden_particles_are_not_drawn_and_others_than_selected_are_quiet() -> None:
    x = np.repeat([-1.0, 1.0], 50)
    y = np.repeat([-1.0, 1.0], 50)
    first = np.arange(100) < 50
    hidden = draw_pairs(order(x, y, shown=first))
    assert corner(hidden, 1, 0, False, False) > 0
    assert corner(hidden, 1, 0, True, True) == 0
    chosen = draw_pairs(order(x, y, selected=first)).cells[1, 0]
    colours = {tuple(c) for c in chosen.reshape(-1, 3).tolist()}
    assert STRONG in colours and QUIET in colours
    upper_right = chosen[:30, 30:].reshape(-1, 3)
    assert not (upper_right == STRONG).all(axis=1).any()


def test_that_correlations_are_those_of_numpy(rng: np.random.Generator) -> None:
    x = rng.normal(size=5000)
    columns = (x, x + rng.normal(size=5000), np.where(x > 2, np.nan, -x))
    found = draw_pairs(order(*columns)).correlation
    keep = x <= 2
    expected = np.corrcoef([column[keep] for column in columns])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_that_histograms_are_higher_where_there_are_more_particles() -> None:
    x = np.append(np.linspace(0, 1, 100), np.linspace(2, 3, 300))
    cell = draw_pairs(order(x, x)).cells[0, 0]
    height = (cell == STRONG).all(axis=-1).sum(axis=0)
    assert height[40:].max() > 2.5 * height[:20].max() > 0
    assert height[28:32].max() == 0


def test_that_values_that_are_no_numbers_and_constants_do_no_harm() -> None:
    pictures = draw_pairs(order(np.full(10, np.nan), np.full(10, 3.0), np.arange(10.0)))
    assert (pictures.cells[1, 0] == GROUND).all()
    assert np.isnan(pictures.correlation).all()


def test_that_a_million_particles_in_four_dimensions_take_less_than_two_seconds(
    rng: np.random.Generator,
) -> None:
    columns = [rng.normal(size=1_000_000).astype(np.float32) for _ in range(4)]
    made = colouring.make(columns[0], "x")
    start = time.perf_counter()
    draw_pairs(order(*columns, side=150, colouring=made))
    assert time.perf_counter() - start < 2


@pytest.fixture
def plot(qtbot: QtBot, light: QApplication, rng: np.random.Generator) -> PairPlot:
    plot = PairPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 400)
    plot.show()
    with qtbot.waitSignal(plot.rendered):
        plot.set_dimensions(["PC1", "PC2", "PC3"], rng.normal(size=(500, 3)))
    return plot


def test_that_a_click_chooses_the_pair(qtbot: QtBot, plot: PairPlot) -> None:
    place = plot.rect_of(2, 0).center().toPoint()
    with qtbot.waitSignal(plot.axes_chosen) as told:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=place)
    assert told.args == [0, 2]
    with qtbot.assertNotEmitted(plot.axes_chosen):
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.rect_of(1, 1).center().toPoint())


def test_that_the_keyboard_chooses_a_pair(qtbot: QtBot, plot: PairPlot) -> None:
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    with qtbot.waitSignal(plot.axes_chosen) as told:
        qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert told.args == [0, 2]


def test_that_pictures_follow_selection_and_size(qtbot: QtBot, plot: PairPlot) -> None:
    assert plot.pictures is not None
    before = plot.pictures.cells[1, 0]
    with qtbot.waitSignal(plot.rendered):
        plot.set_selection(np.arange(500) < 20)
    assert (plot.pictures.cells[1, 0] != before).any()
    with qtbot.waitSignal(plot.rendered):
        plot.resize(520, 520)
    assert plot.pictures.order.side == round(plot.cell * plot.devicePixelRatioF())
    assert len(plot.pictures.cells[1, 0]) > len(before)


def test_that_no_more_than_six_dimensions_are_shown(
    qtbot: QtBot, plot: PairPlot, rng: np.random.Generator
) -> None:
    with qtbot.waitSignal(plot.rendered):
        plot.set_dimensions([f"z{k}" for k in range(9)], rng.normal(size=(50, 9)))
    assert len(plot.names) == MOST
    with pytest.raises(ValueError, match="expected"):
        plot.set_dimensions(["a"], np.zeros((5, 2)))
