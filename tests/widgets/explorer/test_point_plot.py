from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.pointing import LEFT, colour_at, pixel
from widgets import style
from widgets.explorer import compiled
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.tools import Tool


def test_that_everything_fits_into_the_first_view(
    canvas: LatentCanvas, cloud: NDArray[np.float32], qtbot: QtBot
) -> None:
    view = canvas.view
    assert view.x_low < cloud[:, 0].min() and cloud[:, 0].max() < view.x_high
    assert view.y_low < cloud[:, 1].min() and cloud[:, 1].max() < view.y_high
    qtbot.waitUntil(lambda: canvas.count_in_view == 2000, timeout=5000)


def test_that_an_outlier_does_not_flatten_the_rest(canvas: LatentCanvas, rng: np.random.Generator) -> None:
    xy = rng.normal(size=(5000, 2))
    xy[0] = (1e6, -1e6)
    canvas.set_coordinates(xy, ("a", "b"))
    assert canvas.view.width < 12 and canvas.view.height < 12


def test_that_zooming_ends_where_numbers_would(canvas: LatentCanvas) -> None:
    for factor in (0.5, 2.0):
        for _ in range(100):
            canvas.zoom(factor, QPointF(250, 200))
        assert 1e-6 < canvas.view.width < 1e4
        canvas.fit()


@pytest.mark.parametrize("count", [2_000, 60_000])
def test_that_the_nearest_particle_is_the_nearest_on_the_screen(
    canvas: LatentCanvas, qtbot: QtBot, rng: np.random.Generator, count: int
) -> None:
    xy = rng.normal(size=(count, 2)).astype(np.float32) * np.float32([1, 100])
    xy[::50] = np.nan
    canvas.set_coordinates(xy, ("a", "b"))
    for sorted_points in (False, True):
        if sorted_points and count > 20_000:
            qtbot.waitUntil(lambda: canvas._cloud.order.rows is not None)
        across, up = canvas.frame.per_pixel
        for x, y in rng.normal(size=(50, 2)) * (2, 200):
            distance = np.hypot((xy[:, 0].astype(float) - x) / across, (xy[:, 1].astype(float) - y) / up)
            best = int(np.nanargmin(distance))
            found = canvas.nearest(float(x), float(y))
            assert found == (best if distance[best] <= 12 else None)


def test_that_hidden_particles_are_not_found(canvas: LatentCanvas, cloud: NDArray[np.float32]) -> None:
    x, y = (float(v) for v in cloud[5])
    assert canvas.nearest(x, y) == 5
    shown = np.ones(2000, bool)
    shown[5] = False
    canvas.set_shown(shown)
    assert canvas.nearest(x, y) != 5
    canvas.set_shown(np.zeros(2000, bool))
    assert canvas.nearest(x, y) is None


def test_that_what_is_seen_lies_where_the_axes_say(canvas: LatentCanvas) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]), ("a", "b"))
    canvas.set_colours(
        np.array([0, 1, 2]), np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [9, 9, 9]]), categorical=True
    )
    assert colour_at(canvas, 0, 0) == QColor(200, 0, 0)
    assert colour_at(canvas, 1, 0) == QColor(0, 200, 0)
    assert colour_at(canvas, 1, 2) == QColor(0, 0, 200)
    assert colour_at(canvas, 0.47, 1.13) == style.colour("surface")


def test_that_new_places_keep_colours_and_selection_and_on_request_the_view(canvas: LatentCanvas) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 1.0]]), ("a", "b"))
    canvas.set_colours(np.array([0, 1]), np.array([[200, 0, 0], [0, 200, 0], [9, 9, 9]]), categorical=True)
    canvas.set_selection(np.array([True, False]))
    view = canvas.view
    canvas.set_coordinates(np.array([[1.0, 0.0], [0.0, 1.0]]), ("a", "b"), keep_view=True)
    assert canvas.view == view
    assert colour_at(canvas, 1, 0) == QColor(200, 0, 0)
    dimmed = colour_at(canvas, 0, 1)
    assert dimmed.red() > 100 and dimmed.green() > 200 and dimmed.blue() > 100, "pale green"
    canvas.set_coordinates(np.array([[10.0, 0.0], [0.0, 1.0]]), ("a", "b"))
    assert canvas.view != view


def test_that_the_mark_contrasts_with_any_colour_below(canvas: LatentCanvas, light: QApplication) -> None:
    for theme in ("light", "dark"):
        style.apply_theme(light, theme)  # type: ignore[arg-type]
        for rgb in ((0, 0, 0), (255, 255, 255), (120, 120, 120), (200, 0, 0)):
            canvas.set_coordinates(np.random.default_rng(0).uniform(-1, 1, (60_000, 2)), ("a", "b"))
            canvas.set_colours(None, np.array([rgb]), categorical=False)
            canvas.set_mark((0.0, 0.0))
            image = canvas.picture()
            ratio = image.devicePixelRatio()
            centre = canvas.frame.to_screen(0, 0) * ratio
            line = [
                image.pixelColor(int(centre.x() + d), int(centre.y())).lightness()
                for d in range(round(14 * ratio))
            ]
            assert max(line) - min(line) > 150
    style.apply_theme(light, "light")


def test_that_resizing_keeps_the_view_and_draws_it_anew(canvas: LatentCanvas, qtbot: QtBot) -> None:
    view = canvas.view
    with qtbot.waitSignal(canvas.rendered):
        canvas.resize(800, 300)
    assert canvas.view == view and canvas.count_in_view == 2000
    rect = canvas.frame.rect
    assert rect.width() > 650 and rect.bottom() < 300
    canvas.resize(10, 10)
    QApplication.processEvents()
    assert not canvas.picture().isNull()


def test_that_the_whole_plot_is_filled_while_it_moves(canvas: LatentCanvas, rng: np.random.Generator) -> None:
    canvas.set_coordinates(rng.uniform(-10, 10, (400_000, 2)), ("a", "b"))
    canvas.set_colours(None, np.array([[200, 0, 0]]), categorical=False)
    canvas.show_view(canvas.view.zoomed(0.4, 0, 0))
    for _ in range(5):
        canvas.show_view(canvas.view.moved(0.3 * canvas.view.width / 5, 0))
        image = canvas.picture()
        rect = canvas.frame.rect.toRect().adjusted(2, 2, -2, -2)
        for x in (rect.left(), rect.right()):
            across = round(x * image.devicePixelRatio())
            edge = [image.pixelColor(across, y).green() < 230 for y in range(rect.top(), rect.bottom(), 2)]
            assert np.mean(edge) > 0.3, "an edge that came into view is empty"


def test_that_a_dense_screen_gets_a_dense_picture(
    canvas: LatentCanvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 1.0]]), ("a", "b"))
    canvas.set_colours(None, np.array([[200, 0, 0]]), categorical=False)
    plain = canvas.picture()
    monkeypatch.setattr(LatentCanvas, "devicePixelRatioF", lambda _self: 2.0)
    fine = canvas.picture()
    assert fine.size() == 2 * plain.size()

    def red(image: QImage) -> int:
        return sum(
            image.pixelColor(x, y) == QColor(200, 0, 0)
            for x in range(image.width())
            for y in range(image.height())
        )

    assert red(fine) == pytest.approx(4 * red(plain), rel=0.25)


@pytest.mark.parametrize(
    "xy", [np.zeros((0, 2)), np.full((3, 2), np.nan), np.zeros((1, 2)), np.full((7, 2), 1e20)]
)
def test_that_a_cloud_without_extent_can_be_looked_at(canvas: LatentCanvas, xy: NDArray[np.float64]) -> None:
    canvas.set_coordinates(xy, ("a", "b"))
    for act in (canvas.fit, lambda: canvas.zoom(0.5), lambda: canvas.show_density(True)):
        act()
        QApplication.processEvents()
        assert not canvas.picture().isNull()
    canvas.fit()
    middle = canvas.frame.to_data(canvas.frame.rect.center())
    found = canvas.nearest(*middle)
    assert (found is not None) == bool(len(xy) and np.isfinite(xy).all())


def test_that_paths_and_outlines_seen_from_very_near_cost_nothing(canvas: LatentCanvas, qtbot: QtBot) -> None:
    along = np.linspace(-3, 3, 500)
    line = np.c_[along, np.sin(along)]
    canvas.set_path(line, line[::100])
    canvas.set_tool(Tool.POLYGON)
    for p in ((-3, -1), (3, -1), (0, 2)):
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, *p))
    canvas.show_view(canvas.view.zoomed(3e-5, 0.0, 0.0))
    began = time.perf_counter()
    canvas.repaint()
    assert time.perf_counter() - began < 0.15
    QTest.keyClick(canvas, Qt.Key.Key_Escape)


def test_that_places_that_are_not_known_are_not_drawn(canvas: LatentCanvas) -> None:
    canvas.fit()
    plain = canvas.picture()
    canvas.set_mark((np.nan, 0.0))
    canvas.set_path(np.full((4, 2), np.nan), np.full((2, 2), np.nan))
    assert canvas.picture() == plain


def test_that_a_million_particles_never_hold_up_the_window(canvas: LatentCanvas, qtbot: QtBot) -> None:
    xy = np.random.default_rng(0).normal(size=(1_000_000, 2)).astype(np.float32)
    canvas.set_coordinates(xy, ("a", "b"))
    with qtbot.waitSignal(canvas.rendered, timeout=2000):
        pass
    qtbot.waitUntil(lambda: canvas._cloud.order.rows is not None, timeout=2000)
    assert canvas.count_in_view == 1_000_000
    times = []
    for step in range(10):
        began = time.perf_counter()
        canvas.show_view(canvas.view.zoomed(0.93, 0.1 * step, 0))
        canvas.repaint()
        times.append(time.perf_counter() - began)
    # the goal is 33 ms; three times that allows for other work on the machine
    assert np.median(times) < 0.1


def test_that_a_thinned_picture_is_completed_once_the_compiled_functions_are_there(
    canvas: LatentCanvas, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, rng: np.random.Generator
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "kernels", lambda: None)
        canvas.set_coordinates(rng.normal(size=(100_000, 2)), ("a", "b"))
        qtbot.waitUntil(lambda: (canvas.repaint(), canvas._picture is not None)[1])
        assert canvas._picture is not None and canvas._picture.thinned == pytest.approx(1 / 4)
    canvas._sort(canvas._cloud)
    qtbot.waitUntil(lambda: canvas._picture is not None and canvas._picture.thinned == 1)
    assert canvas.count_in_view == 100_000


def test_that_who_looks_at_all_particles_goes_on_to_do_so_when_they_spread(canvas: LatentCanvas) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 1.0]]), ("a", "b"))
    canvas.set_coordinates(np.array([[-9.0, 0.0], [9.0, 1.0]]), ("a", "b"), keep_view=True)
    assert canvas.view.x_low < -9 and canvas.view.x_high > 9
