"""The latent space: where points are drawn, in which colour, how fast, and which one was clicked."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from widgets.latent_plot import ColourKey, LatentPlot
from widgets.latent_raster import DISC_LIMIT, View, colour_indices, colour_limits, draw_points

TABLE = np.stack([np.arange(256)] * 3, axis=1).astype(np.uint8)
VIEW = View(0, 10, 0, 5, 100, 50)


def cloud(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.asarray(rng.normal(size=(n, 2)), np.float32)


def test_that_a_point_is_drawn_where_it_is() -> None:
    picture = draw_points(np.array([[2.05, 1.05]]), None, TABLE, VIEW, radius_px=2)
    rows, columns = np.nonzero(picture[:, :, 3])
    assert (rows.mean(), columns.mean()) == (10, 20)
    assert picture[10, 20].tolist() == [255, 255, 255, 255]
    assert 5 < len(rows) < 25


def test_that_points_outside_and_points_that_are_no_numbers_leave_no_trace() -> None:
    points = np.array([[-1, 1], [11, 1], [1, 6], [np.nan, 1], [np.inf, -np.inf], [1e30, 1]])
    assert not draw_points(points, None, TABLE, VIEW).any()


def test_that_discs_at_the_rim_stay_in_the_picture() -> None:
    corners = np.array([[0, 0], [9.99, 0], [0, 4.99], [9.99, 4.99]])
    picture = draw_points(corners, None, TABLE, VIEW, radius_px=3)
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 255).all()


def test_that_colours_follow_values(rng: np.random.Generator) -> None:
    points = np.array([[2.5, 2.5], [7.5, 2.5]])
    indices = colour_indices(np.array([0.0, 1.0]), (0, 1), 256)
    picture = draw_points(points, indices, TABLE, VIEW)
    assert picture[25, 25, 0] == 0
    assert picture[25, 75, 0] == 255


def test_that_density_of_many_points_is_that_of_a_histogram(rng: np.random.Generator) -> None:
    points = np.asarray(rng.uniform([0, 0], [10, 5], (DISC_LIMIT * 4, 2)), np.float32)
    points = points[(points[:, 0] < 5) | (rng.random(len(points)) < 0.25)]
    view = View(0, 10, 0, 5, 20, 10)
    assert len(points) > DISC_LIMIT
    picture = draw_points(points, None, TABLE, view).astype(int)
    histogram = np.histogram2d(points[:, 1], points[:, 0], bins=(10, 20), range=((0, 5), (0, 10)))[0]
    assert (picture[:, :, 3] == 255).all()
    # darker in the table means denser: the order of the pixels is that of the counts
    order = np.argsort(histogram.ravel())
    shades = picture[:, :, 0].ravel()[order]
    assert np.corrcoef(shades, np.log(histogram.ravel()[order]))[0, 1] > 0.95
    assert picture[:, :10, 0].mean() > picture[:, 10:, 0].mean() + 10


def test_that_a_dense_pixel_shows_the_mean_of_its_values() -> None:
    n = DISC_LIMIT + 2
    points = np.full((n, 2), 1.0, np.float32)
    indices = np.where(np.arange(n) % 2, 100, 200).astype(np.uint8)
    picture = draw_points(points, indices, TABLE, VIEW)
    assert picture[10, 10, 0] == 150
    assert np.count_nonzero(picture[:, :, 3]) == 1


def test_that_zooming_in_turns_density_into_discs(rng: np.random.Generator) -> None:
    points = cloud(200_000, rng)
    near = draw_points(points, None, TABLE, View(3.0, 3.1, 0, 0.1, 50, 50))
    inside = ((points >= [3.0, 0]) & (points < [3.1, 0.1])).all(axis=1).sum()
    assert inside > 0
    assert np.count_nonzero(near[:, :, 3]) > 5 * inside


def test_that_one_outlier_does_not_flatten_the_colours(rng: np.random.Generator) -> None:
    values = np.append(rng.uniform(0, 1, 10_000), 1e9)
    low, high = colour_limits(values)
    assert (low, high) == (pytest.approx(0.01, abs=0.01), pytest.approx(0.99, abs=0.01))
    assert colour_limits(np.array([np.nan])) == (0, 1)
    low, high = colour_limits(np.full(5, 3.0))
    assert low < 3 < high


@pytest.fixture
def plot(qtbot: QtBot) -> LatentPlot:
    widget = LatentPlot()
    qtbot.addWidget(widget)
    widget.resize(500, 420)
    widget.show()
    return widget


def drawn(qtbot: QtBot, plot: LatentPlot) -> NDArray[np.uint8]:
    qtbot.wait(30)
    plot.render_now()
    return np.asarray(plot.image.image)


@pytest.mark.parametrize("n", [10, 10_000, 200_000])
def test_that_one_call_shows_any_number_of_points(
    qtbot: QtBot, plot: LatentPlot, rng: np.random.Generator, n: int
) -> None:
    plot.set_points(cloud(n, rng), rng.normal(size=n), colour_label="rms displacement (Å)")
    picture = drawn(qtbot, plot)
    assert np.count_nonzero(picture[:, :, 3]) >= min(n, 10)
    label = plot.findChild(QLabel, "latent_count")
    assert label is not None
    assert label.text() == f"{n:,} particles"
    key = plot.findChild(ColourKey, "colour_key")
    assert key is not None
    assert key.texts[0] == "rms displacement (Å)"


def test_that_a_million_points_are_drawn_in_a_blink(
    qtbot: QtBot, plot: LatentPlot, rng: np.random.Generator
) -> None:
    plot.set_points(cloud(1_000_000, rng), rng.normal(size=1_000_000))
    drawn(qtbot, plot)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        plot.render_now()
        times.append(time.perf_counter() - started)
    assert min(times) < 0.4


def test_that_whole_numbers_of_few_kinds_are_categories(
    qtbot: QtBot, plot: LatentPlot, rng: np.random.Generator
) -> None:
    plot.set_points(cloud(100, rng), rng.integers(1, 3, 100), colour_label="half")
    key = plot.findChild(ColourKey, "colour_key")
    assert key is not None
    assert key.texts == ["half 1", "half 2"]
    picture = drawn(qtbot, plot)
    colours = {tuple(c) for c in picture[picture[:, :, 3] == 255][:, :3].tolist()}
    assert len(colours) == 2


def test_that_axes_can_be_chosen_when_there_are_more_than_two(
    qtbot: QtBot, plot: LatentPlot, rng: np.random.Generator
) -> None:
    points = rng.normal(size=(50, 2))
    plot.set_points(points)
    assert not plot.choice.isVisible()
    plot.set_points(np.column_stack([points, np.arange(50.0)]))
    assert plot.choice.isVisible()
    third = plot.choice.findChild(QAction, "latent_x_z3")
    assert third is not None
    third.trigger()
    assert plot.plot.getAxis("bottom").labelText == "z3"
    np.testing.assert_array_equal(plot._xy[:, 0], np.arange(50))


def test_that_live_updates_keep_the_place_somebody_zoomed_to(
    qtbot: QtBot, plot: LatentPlot, rng: np.random.Generator
) -> None:
    plot.set_points(cloud(1000, rng))
    drawn(qtbot, plot)
    plot.plot.vb.setRange(xRange=(0, 0.5), yRange=(0, 0.5), padding=0)
    plot._on_moved()
    plot.set_points(5 * cloud(1000, rng))
    assert plot.plot.vb.viewRange()[0] == pytest.approx([0, 0.5])
    button = plot.findChild(QPushButton, "latent_fit")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    low, high = plot.plot.vb.viewRange()[0]
    assert low < -8
    assert high > 8


def test_that_the_nearest_point_is_found_and_an_empty_place_has_none(qtbot: QtBot, plot: LatentPlot) -> None:
    points = np.array([[0, 0], [1, 1], [1, 0], [np.nan, 0]], np.float32)
    plot.set_points(points)
    drawn(qtbot, plot)
    assert plot.nearest(0.99, 1.01) == 1
    assert plot.nearest(0.5, 0.5) is None


def test_that_a_click_on_a_point_tells_which_particle_it_is(qtbot: QtBot, plot: LatentPlot) -> None:
    plot.set_points(np.array([[0, 0], [1, 1], [2, 0]], np.float32))
    drawn(qtbot, plot)
    scene = plot.plot.vb.mapViewToScene(plot.plot.vb.viewRect().center().__class__(1.0, 1.0))
    place = plot.graphics.mapFromScene(scene)
    with qtbot.waitSignal(plot.point_clicked) as signal:
        qtbot.mouseClick(plot.graphics.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert signal.args == [1]


def test_that_shapes_that_do_not_fit_are_refused_with_both_shapes(plot: LatentPlot) -> None:
    with pytest.raises(ValueError, match=r"'value' has shape \(3,\), expected \(5,\)"):
        plot.set_points(np.zeros((5, 2)), np.zeros(3))
    with pytest.raises(ValueError, match=r"\(5,\)"):
        plot.set_points(np.zeros(5))


def test_that_points_without_any_number_are_borne(qtbot: QtBot, plot: LatentPlot) -> None:
    plot.set_points(np.full((20, 3), np.nan), np.full(20, np.nan))
    assert not drawn(qtbot, plot)[:, :, 3].any()
    assert plot.nearest(0, 0) is None


def test_that_no_points_show_the_empty_state(plot: LatentPlot) -> None:
    assert plot._body.is_empty
    plot.set_points(np.zeros((0, 2)))
    assert plot._body.is_empty
    plot.set_points(np.zeros((3, 1)))
    assert not plot._body.is_empty
