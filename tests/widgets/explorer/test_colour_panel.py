"""The colour panel, used by hand: colours, filters, and a window that never waits for a column."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListView, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from widgets import style
from widgets.explorer import colour_tables
from widgets.explorer.colour_panel import ColourPanel
from widgets.explorer.colouring import Colouring
from widgets.explorer.column_chooser import SourcePopup
from widgets.explorer.columns import Columns

N = 400


class Slow(Mapping[str, NDArray[Any]]):
    """Columns that take their time, and note in which thread they were fetched."""

    def __init__(self, columns: Mapping[str, NDArray[Any]], delay_s: float = 0.3) -> None:
        self.columns, self.delay_s = columns, delay_s
        self.in_main: list[bool] = []

    def _wait(self) -> None:
        self.in_main.append(threading.current_thread() is threading.main_thread())
        time.sleep(self.delay_s)

    def __getitem__(self, name: str) -> NDArray[Any]:
        self._wait()
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        self._wait()
        return iter(self.columns)

    def __len__(self) -> int:
        self._wait()
        return len(self.columns)


class Pulse(QObject):
    """Measures the longest time in which the event loop did nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=2)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(N)


def settle(qtbot: QtBot, panel: ColourPanel) -> None:
    workers = (panel._lister, panel._colourer, panel._filterer)
    qtbot.waitUntil(lambda: not any(worker.pending for worker in workers), timeout=10_000)


@pytest.fixture
def panel(qtbot: QtBot, light: QApplication, model: BlobModel) -> ColourPanel:
    panel = ColourPanel()
    qtbot.addWidget(panel)
    panel.resize(300, 460)
    panel.show()
    panel.set_model(model.metadata, model.measures, {"latent": model.embedding})
    settle(qtbot, panel)
    return panel


def choose(qtbot: QtBot, panel: ColourPanel, key: str) -> Colouring:
    with qtbot.waitSignal(panel.coloured) as told:
        panel.choose(key)
    settle(qtbot, panel)
    return told.args[0]


def count_text(panel: ColourPanel) -> str:
    label = panel.findChild(QLabel, "explorer_shown_count")
    assert label is not None
    return label.text()


def type_into(qtbot: QtBot, panel: ColourPanel, name: str, text: str) -> None:
    field = panel.findChild(QLineEdit, name)
    assert field is not None
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settle(qtbot, panel)


def click(qtbot: QtBot, panel: ColourPanel, name: str) -> None:
    button = panel.findChild(QPushButton, name) or panel.findChild(QToolButton, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    settle(qtbot, panel)


def click_category(qtbot: QtBot, panel: ColourPanel, row: int, *, twice: bool = False) -> None:
    rows = panel.findChild(QListView, "explorer_categories_rows")
    assert rows is not None
    place = rows.visualRect(rows.model().index(row, 0)).center()
    if twice:
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseRelease(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    else:
        qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(qtbot, panel)


def test_that_the_amount_of_motion_is_shown_first(panel: ColourPanel) -> None:
    assert panel.shown is not None
    assert panel.shown.colouring.label == "Amount of motion (Å)"
    assert count_text(panel) == "All 400 particles shown"


def test_that_a_column_is_coloured_by_its_values(qtbot: QtBot, panel: ColourPanel, model: BlobModel) -> None:
    made = choose(qtbot, panel, "star:rlnDefocusU")
    values = model.metadata["rlnDefocusU"]
    assert made.index is not None and made.limits is not None
    np.testing.assert_allclose(made.limits, np.percentile(values, (1, 99)))
    place = np.clip((values - made.limits[0]) / (made.limits[1] - made.limits[0]), 0, 1)
    np.testing.assert_array_equal(made.index, np.minimum((place * 255).astype(int), 254))
    np.testing.assert_array_equal(made.table, colour_tables.scale("viridis"))


def test_that_typed_limits_filter(qtbot: QtBot, panel: ColourPanel, model: BlobModel) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    values = model.metadata["rlnDefocusU"]
    type_into(qtbot, panel, "explorer_filter_low", "12,000")
    type_into(qtbot, panel, "explorer_filter_high", "20000")
    expected = (values >= 12000) & (values <= 20000)
    np.testing.assert_array_equal(panel.shown_mask, expected)
    assert count_text(panel) == f"{expected.sum()} of 400 shown"
    with qtbot.waitSignal(panel.filtered) as told:
        click(qtbot, panel, "explorer_filter_off")
    assert told.args == [None]
    field = panel.findChild(QLineEdit, "explorer_filter_low")
    assert field is not None and field.text() == ""


def test_that_a_dragged_handle_filters_to_the_values_in_range(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    view = panel.legend.scale.histogram
    start, end = (QPoint(round(view.x_of(v)), 20) for v in (0.0, 15000.0))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    for k in range(1, 6):
        qtbot.mouseMove(view, start + (end - start) * k / 5)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    settle(qtbot, panel)
    low, high = view.chosen
    assert low == pytest.approx(15000, rel=0.01) and high is None
    np.testing.assert_array_equal(panel.shown_mask, model.metadata["rlnDefocusU"] >= low)


def test_that_colour_limits_change_colours_but_hide_nothing(qtbot: QtBot, panel: ColourPanel) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    with qtbot.waitSignal(panel.coloured) as told:
        type_into(qtbot, panel, "explorer_colour_low", "10000")
    assert told.args[0].limits[0] == 10000
    assert panel.shown_mask is None
    with qtbot.waitSignal(panel.coloured) as told:
        click(qtbot, panel, "explorer_colour_reset")
    assert told.args[0].limits[0] < 9000


def test_that_a_click_on_a_category_hides_it_and_a_double_click_leaves_only_it(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    choose(qtbot, panel, "star:rlnClassNumber")
    classes = model.metadata["rlnClassNumber"]
    click_category(qtbot, panel, 1)
    np.testing.assert_array_equal(panel.shown_mask, classes != 2)
    click_category(qtbot, panel, 1)
    assert panel.shown_mask is None
    click_category(qtbot, panel, 2, twice=True)
    np.testing.assert_array_equal(panel.shown_mask, classes == 3)
    click(qtbot, panel, "explorer_categories_none")
    assert panel.shown_mask is not None and not panel.shown_mask.any()
    assert count_text(panel) == "0 of 400 shown"
    click(qtbot, panel, "explorer_categories_all")
    assert panel.shown_mask is None


def test_that_filters_of_several_columns_hold_together_and_each_can_be_removed(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    choose(qtbot, panel, "star:rlnClassNumber")
    click_category(qtbot, panel, 0)
    choose(qtbot, panel, "star:rlnDefocusU")
    type_into(qtbot, panel, "explorer_filter_low", "12000")
    not_first = model.metadata["rlnClassNumber"] != 1
    high = model.metadata["rlnDefocusU"] >= 12000
    np.testing.assert_array_equal(panel.shown_mask, not_first & high)
    click(qtbot, panel, "explorer_filter_remove")
    np.testing.assert_array_equal(panel.shown_mask, high)
    choose(qtbot, panel, "star:rlnClassNumber")
    assert panel.legend.categories.ticked.all()
    choose(qtbot, panel, "star:rlnDefocusU")
    assert panel.legend.scale.histogram.chosen == (12000, None)


def test_that_shown_particles_can_be_handed_to_the_selection(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    choose(qtbot, panel, "star:rlnClassNumber")
    click_category(qtbot, panel, 0)
    with qtbot.waitSignal(panel.selection_wanted) as told:
        click(qtbot, panel, "explorer_select_shown")
    np.testing.assert_array_equal(told.args[0], model.metadata["rlnClassNumber"] != 1)


def test_that_directions_are_shown_with_a_key_and_density_is_left_to_the_plot(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    made = choose(qtbot, panel, "measure:direction")
    assert made.kind == "rgb" and made.rgb is not None
    expected = np.rint((model.measures["direction"] + 1) / 2 * 255)
    np.testing.assert_array_equal(made.rgb, expected)
    assert panel.legend.currentWidget() is panel.legend.key
    made = choose(qtbot, panel, "extra:log-density")
    assert made.kind == "log-density" and made.index is None
    assert panel.legend.currentWidget() is panel.legend.density


def test_that_texts_can_be_categories_or_a_scale(qtbot: QtBot, panel: ColourPanel) -> None:
    made = choose(qtbot, panel, "star:rlnMicrographName")
    assert made.kind == "categorical"
    assert made.names[:5] == tuple(f"mic_{k}.mrc" for k in range(5))
    with qtbot.waitSignal(panel.coloured) as told:
        click(qtbot, panel, "explorer_colour_as_categories")
    made = told.args[0]
    assert made.kind == "continuous" and made.index is not None
    np.testing.assert_array_equal(np.unique(made.index).size, 5)


def test_that_typing_a_few_letters_finds_one_of_several_hundred_columns(
    qtbot: QtBot, light: QApplication
) -> None:
    panel = ColourPanel()
    qtbot.addWidget(panel)
    panel.show()
    columns = {f"rlnUnknown{k}": np.linspace(0, k, 50) for k in range(400)}
    panel.set_model({**columns, "rlnCtfMaxResolution": np.linspace(2, 9, 50)}, {}, {})
    settle(qtbot, panel)
    panel.chooser.showPopup()
    popup = panel.chooser.findChild(SourcePopup)
    assert popup is not None
    qtbot.keyClicks(popup.search, "resol ctf")
    assert [row if isinstance(row, str) else row.raw for row in popup.model.rows] == [
        "Particle STAR",
        "rlnCtfMaxResolution",
    ]
    with qtbot.waitSignal(panel.coloured) as told:
        qtbot.keyClick(popup.search, Qt.Key.Key_Return)
    assert told.args[0].label == "CTF resolution (Å)"


def test_that_headings_are_passed_over_when_moving_in_the_list(qtbot: QtBot, panel: ColourPanel) -> None:
    panel.chooser.showPopup()
    popup = panel.chooser.findChild(SourcePopup)
    assert popup is not None
    seen = set()
    for _ in range(len(popup.model.rows)):
        qtbot.keyClick(popup.search, Qt.Key.Key_Down)
        seen.add(popup.list.currentIndex().row())
    assert not any(isinstance(popup.model.rows[k], str) for k in seen)
    popup.close()


def test_that_added_values_can_be_chosen_and_recolour_when_they_change(
    qtbot: QtBot, panel: ColourPanel
) -> None:
    panel.add_values("Cluster", np.arange(N) % 3, "Model")
    settle(qtbot, panel)
    made = choose(qtbot, panel, "extra:Cluster")
    assert made.names[:3] == ("0", "1", "2")
    with qtbot.waitSignal(panel.coloured) as told:
        panel.add_values("Cluster", np.arange(N) % 4, "Model")
    assert told.args[0].names[:4] == ("0", "1", "2", "3")


def test_that_choice_and_filter_stay_for_the_next_snapshot(qtbot: QtBot, panel: ColourPanel) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    type_into(qtbot, panel, "explorer_filter_low", "12000")
    other = BlobModel(N, half=2)
    panel.set_model(other.metadata, other.measures, {})
    settle(qtbot, panel)
    assert panel.shown is not None and panel.shown.order.source.raw == "rlnDefocusU"
    np.testing.assert_array_equal(panel.shown_mask, other.metadata["rlnDefocusU"] >= 12000)
    assert panel.legend.scale.histogram.chosen == (12000, None)


def test_that_answers_about_other_particles_never_arrive(
    qtbot: QtBot, panel: ColourPanel, model: BlobModel
) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    sizes: list[int] = []
    panel.filtered.connect(lambda mask: sizes.append(len(mask)) if mask is not None else None)
    panel.coloured.connect(lambda made: sizes.append(len(made.index)))
    other = BlobModel(70, half=2)
    panel.legend.scale.histogram._move_to("low", 12000.0)  # on its way when the model changes
    panel.set_model(Slow(other.metadata, 0.05), other.measures, {}, 70)
    settle(qtbot, panel)
    assert set(sizes[-2:]) == {70}
    assert 400 not in sizes
    assert panel.shown_mask is not None and len(panel.shown_mask) == 70


def test_that_particles_without_a_value_are_told_of(qtbot: QtBot, panel: ColourPanel) -> None:
    panel.add_values("Score", np.where(np.arange(N) < 7, np.nan, np.linspace(0, 1, N)), "Model")
    settle(qtbot, panel)
    choose(qtbot, panel, "extra:Score")
    assert panel.message.text() == "7 without a value are grey"


def test_that_a_column_that_can_not_be_read_is_said_in_words(qtbot: QtBot, panel: ColourPanel) -> None:
    class Broken(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise OSError("the file is gone")

    panel.set_model(Broken(rlnDefocusU=0), {}, {}, N)
    settle(qtbot, panel)
    panel.choose("star:rlnDefocusU")
    settle(qtbot, panel)
    assert panel.message.text() == "the file is gone"
    assert panel.message.isVisible()


def test_that_colours_follow_the_theme(qtbot: QtBot, panel: ColourPanel, light: QApplication) -> None:
    choose(qtbot, panel, "star:rlnDefocusU")
    with qtbot.waitSignal(panel.coloured) as told:
        style.apply_theme(light, "dark")
    np.testing.assert_array_equal(told.args[0].table, colour_tables.scale("viridis", dark=True))
    style.apply_theme(light, "light")
    settle(qtbot, panel)


def test_that_a_million_slow_particles_never_hold_up_the_window(
    qtbot: QtBot, light: QApplication, rng: np.random.Generator
) -> None:
    n = 1_000_000
    micrographs = np.array([f"MotionCorr/job002/mic_{k:05d}.mrc" for k in range(5000)], object)
    metadata = Slow(
        {
            "rlnDefocusU": rng.normal(15000, 2000, n),
            "rlnMicrographName": micrographs[rng.integers(0, 5000, n)],
            "rlnClassNumber": rng.integers(1, 9, n),
        }
    )
    measures = Slow({"amount": rng.gamma(2, 1, n).astype(np.float32)})
    panel = ColourPanel()
    qtbot.addWidget(panel)
    panel.show()
    light.processEvents()
    pulse = Pulse()
    with qtbot.waitSignal(panel.coloured, timeout=10_000):
        panel.set_model(metadata, measures, {}, n)
    for raw in ("rlnDefocusU", "rlnMicrographName", "rlnClassNumber"):
        with qtbot.waitSignal(panel.coloured, timeout=10_000) as told:
            panel.choose(f"star:{raw}")
        assert len(told.args[0].index) == n
    panel.choose("star:rlnDefocusU")
    settle(qtbot, panel)
    view = panel.legend.scale.histogram
    for value in np.linspace(10000, 15000, 10):
        view._move_to("low", float(value))
        qtbot.wait(10)
    settle(qtbot, panel)
    assert not any(metadata.in_main + measures.in_main)
    np.testing.assert_array_equal(panel.shown_mask, metadata.columns["rlnDefocusU"] >= 15000)
    assert isinstance(panel.columns, Columns)
    # 300 ms is what one fetch alone takes; the rest is for machines that do something else as well
    assert pulse.longest_s < 0.15, f"the window stood still for {1000 * pulse.longest_s:.0f} ms"
