"""The histogram: how many values lie where, and which ones the handles hold."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets.explorer import colour_tables
from widgets.explorer.histogram import HistogramView
from widgets.explorer.histogram_counts import histogram_of
from widgets.explorer.number_text import exact, parsed, short

VIRIDIS = colour_tables.scale("viridis")[:255]


@pytest.fixture
def view(qtbot: QtBot, light: QApplication) -> HistogramView:
    view = HistogramView()
    qtbot.addWidget(view)
    view.resize(316, 112)
    values = np.linspace(0, 100, 1001)
    view.set_histogram(histogram_of(values, (0.0, 100.0), 50), VIRIDIS, (0.0, 100.0))
    view.show()
    return view


def drag(qtbot: QtBot, view: HistogramView, start: float, end: float, y: int = 20) -> None:
    first, last = (QPoint(round(view.x_of(value)), y) for value in (start, end))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=first)
    qtbot.mouseMove(view, (first + last) / 2)
    qtbot.mouseMove(view, last)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=last)


def test_that_counts_are_those_of_numpy_and_outliers_stand_in_the_outer_bins(
    rng: np.random.Generator,
) -> None:
    values = rng.normal(size=20_000)
    found = histogram_of(values, (-2.0, 2.0), 40)
    expected, edges = np.histogram(np.clip(values, -2, 2), 40, (-2, 2))
    np.testing.assert_array_equal(found.counts, expected)
    np.testing.assert_allclose(found.edges, edges)
    assert found.counts.sum() == 20_000


def test_that_far_outliers_do_not_stretch_the_scale_and_missing_values_are_not_counted(
    rng: np.random.Generator,
) -> None:
    values = np.append(rng.uniform(0, 1, 10_000), [1e6, np.nan, np.inf])
    found = histogram_of(values)
    assert found.range[1] < 1.1
    assert found.counts.sum() == 10_001


def test_that_equal_and_no_values_have_a_scale_too() -> None:
    assert histogram_of(np.full(5, 3.0)).counts.sum() == 5
    assert histogram_of(np.array([np.nan])).counts.sum() == 0


def test_that_dragging_a_handle_chooses_a_range(qtbot: QtBot, view: HistogramView) -> None:
    assert view.chosen == (None, None)
    with qtbot.waitSignal(view.range_changed):
        drag(qtbot, view, 0, 30)
    low, high = view.chosen
    assert low == pytest.approx(30, abs=0.5) and high is None
    drag(qtbot, view, 100, 60)
    assert view.chosen == (low, pytest.approx(60, abs=0.5))


def test_that_a_handle_dragged_back_to_the_end_is_no_limit(qtbot: QtBot, view: HistogramView) -> None:
    drag(qtbot, view, 0, 30)
    drag(qtbot, view, 30, 0)
    assert view.chosen == (None, None)


def test_that_a_handle_does_not_pass_the_other(qtbot: QtBot, view: HistogramView) -> None:
    drag(qtbot, view, 100, 50)
    drag(qtbot, view, 0, 90)
    low, high = view.chosen
    assert low == high == pytest.approx(50, abs=0.5)
    drag(qtbot, view, 50, 20)  # both lie there: the one that can move this way follows
    assert view.chosen[0] is None or view.chosen[0] < 50


def test_that_dragging_between_the_handles_moves_both(qtbot: QtBot, view: HistogramView) -> None:
    view.set_range(20, 40)
    drag(qtbot, view, 30, 60)
    assert view.chosen == (pytest.approx(50, abs=0.7), pytest.approx(70, abs=0.7))
    drag(qtbot, view, 60, 100)
    low, high = view.chosen
    assert low == pytest.approx(80, abs=0.7) and high is None


def test_that_a_double_click_shows_everything(qtbot: QtBot, view: HistogramView) -> None:
    view.set_range(20, 40)
    with qtbot.waitSignal(view.range_changed) as told:
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(150, 40))
    assert told.args == [None, None]
    assert view.chosen == (None, None)


def test_that_arrow_keys_move_the_active_handle(qtbot: QtBot, view: HistogramView) -> None:
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.chosen == (pytest.approx(2), None)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.chosen == (pytest.approx(22), None)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.chosen == (pytest.approx(22), pytest.approx(98))


def test_that_the_small_triangles_stretch_the_colours(qtbot: QtBot, view: HistogramView) -> None:
    told: list[tuple[float, float]] = []
    view.colours_changed.connect(lambda low, high: told.append((low, high)))
    drag(qtbot, view, 0, 40, y=view.height() - 20)
    assert told[-1] == (pytest.approx(40, abs=0.5), 100)
    assert view.chosen == (None, None)


def test_that_bars_have_the_colours_of_their_values_and_fade_outside_the_range(
    qtbot: QtBot, view: HistogramView
) -> None:
    view.set_range(50, None)
    picture = view.grab().toImage()
    ratio = view.devicePixelRatioF()

    def colour(value: float) -> tuple[int, ...]:
        found = QColor(picture.pixel(round(view.x_of(value) * ratio), round(60 * ratio)))
        return found.red(), found.green(), found.blue()

    np.testing.assert_allclose(colour(75), VIRIDIS[round(0.75 * 254)], atol=12)
    red, green, blue = colour(25)
    assert max(red, green, blue) - min(red, green, blue) < 20


@pytest.mark.parametrize(
    ("text", "value"),
    [("12,000", 12000), ("1,234,567.5", 1234567.5), ("1,5", 1.5), ("−3.5", -3.5), ("2e3", 2000), (" 7 ", 7)],
)
def test_that_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "nan", "inf"])
def test_that_what_is_no_number_is_none(text: str) -> None:
    assert parsed(text) is None


def test_that_numbers_are_written_briefly() -> None:
    assert [short(v) for v in (0.1234567, 12345.6, -0.5, 0.0, float("nan"))] == [
        "0.123",
        "12,346",
        "−0.5",
        "0",
        "–",
    ]
    assert parsed(exact(24792.34)) == 24792
    assert parsed(exact(0.123456)) == pytest.approx(0.12346)
