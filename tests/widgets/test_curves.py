"""Curves of metrics: phases, half-sets, units, missing numbers."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QListWidget
from pytestqt.qtbot import QtBot

from widgets.curve_data import CurveData, parse_name, short_number
from widgets.curves import LiveCurves
from widgets.metric_tiles import MetricTiles, TileText, summary_tiles


def record(phase: str, step: int, t: float, run: int = 1, of: int = 10, **values: Any) -> dict[str, Any]:
    return {
        "t": t,
        "run": run,
        "task": "train",
        "phase": phase,
        "step": step,
        "of": of,
        "eta_s": 5.0,
        **values,
    }


def training() -> list[dict[str, Any]]:
    found = []
    for s in range(4):
        found.append(record("warm-up", s, 100 + 60 * s, loss_data_half1=10.0 - s, loss_data_half2=11.0 - s))
    for s in range(5):
        losses = {"loss_data_half1": 6.0 - s, "loss_data_half2": 7.0 - s}
        found.append(record("train", s, 400 + 60 * s, **losses, rms_displacement_A_half1=s / 2))
    return found


@pytest.mark.parametrize(
    ("key", "title", "half"),
    [
        ("loss_data_half2", "loss data", 2),
        ("rms_displacement_A_half1", "rms displacement (Å)", 1),
        ("particles_per_s", "particles (per s)", 0),
        ("gpu_memory_GB", "gpu memory (GB)", 0),
        ("_A", " A", 0),
    ],
)
def test_that_units_and_half_sets_are_read_from_names(key: str, title: str, half: int) -> None:
    name = parse_name(key)
    assert (name.title, name.half) == (title, half)


def test_that_steps_of_phases_are_laid_end_to_end() -> None:
    data = CurveData()
    data.add(training())
    x, y = data.xy("loss_data_half1", "step")
    assert x.tolist() == [0, 1, 2, 3, 3, 4, 5, 6, 7]
    assert y.tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert [(phase.name, phase.step) for phase in data.phases] == [("warm-up", 0), ("train", 3)]
    minutes, _ = data.xy("loss_data_half1", "minutes")
    assert minutes[-1] == pytest.approx(9)


def test_that_records_in_pieces_give_the_same_curves_as_all_at_once() -> None:
    whole, pieces = CurveData(), CurveData()
    whole.add(training())
    for one in training():
        pieces.add([one])
    np.testing.assert_array_equal(whole.xy("loss_data_half2", "step"), pieces.xy("loss_data_half2", "step"))


def test_that_work_done_again_takes_the_place_of_what_was_lost() -> None:
    data = CurveData()
    data.add([record("train", s, s, loss=1.0) for s in (0, 1, 2, 3)])
    data.add([record("train", s, 10 + s, loss=1.0) for s in (2, 3)])
    x, _ = data.xy("loss", "step")
    assert x.tolist() == [0, 1, 2, 3]
    assert len(data.phases) == 1
    data.add([record("train", 0, 20, run=2, loss=1.0)])
    assert len(data.phases) == 2


def test_that_the_axis_of_a_training_is_its_epochs() -> None:
    data = CurveData()
    data.add([record("initialise", 500 * s, s, of=2000) for s in range(5)])
    data.add([record("warm-up", s, 10 + s, loss=1.0) for s in (1, 2, 3)])
    data.add([record("train", s, 20 + s, loss=1.0) for s in (4, 5, 6)])
    data.add([record("write", s, 30 + s, of=4) for s in range(5)])
    x, _ = data.xy("loss", "step")
    assert x.tolist() == [1, 2, 3, 4, 5, 6]
    assert data.step_name == "Epoch"
    shown = data.phases_with_room("step", 0.1)
    assert [(phase.name, phase.step) for phase in shown] == [("warm-up", 0), ("train", 3)]
    # continued in a second run, from the checkpoint after epoch 5
    data.add([record("train", s, 50 + s, run=2, loss=0.5) for s in (6, 7)])
    x, y = data.xy("loss", "step")
    assert x.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert y.tolist() == [1, 1, 1, 1, 1, 0.5, 0.5]
    minutes, _ = data.xy("loss", "minutes")
    assert len(minutes) == 8
    # another task counts for itself
    data.add([{**record("train", s, 70 + s, run=3, loss=0.1), "task": "inverse"} for s in (1, 2)])
    assert data.xy("loss", "step")[0][-2:].tolist() == [8, 9]


def test_that_motion_and_held_out_gain_are_shown_first(qtbot: QtBot) -> None:
    curves = LiveCurves(one_by_one=True)
    qtbot.addWidget(curves)
    curves.first_shown = 2
    values = {"particles_per_s": 9.0, "loss_data_half1": 2.0, "held_out_gain_nats": 1.0}
    curves.set_records([record("train", s, s, **values, rms_displacement_A_half1=s / 2) for s in range(3)])
    qtbot.waitUntil(lambda: len(curves.readout()) == 2, timeout=2000)
    assert curves.shown() == ["held-out gain (nats)", "rms displacement (Å)"]
    assert sorted(line.split(")")[0] for line in curves.readout()) == [
        "Held-out gain (nats",
        "Rms displacement (Å",
    ]


def test_that_values_that_are_no_numbers_leave_a_gap() -> None:
    data = CurveData()
    data.add(
        [record("train", 0, 0, loss=1.0), record("train", 1, 1, loss=None), record("train", 2, 2, loss="x")]
    )
    _, y = data.xy("loss", "step")
    assert len(y) == 2
    assert math.isnan(y[1])
    assert math.isnan(data.last("loss"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3.14159, "3.142"), (12345.6, "12,346"), (2.5e-5, "2.5e-05"), (math.nan, "not a number")],
)
def test_that_numbers_are_written_short(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.fixture
def curves(qtbot: QtBot) -> LiveCurves:
    widget = LiveCurves()
    qtbot.addWidget(widget)
    widget.resize(800, 500)
    widget.show()
    widget.set_records(training())
    return widget


def test_that_newest_values_of_both_halves_stand_above_the_plot(curves: LiveCurves) -> None:
    assert curves.shown() == ["loss data", "rms displacement (Å)"]
    assert curves.readout()[0] == "Loss data ── half 1 2 ╌╌ half 2 3"
    assert "2" in curves.readout()[1]


def test_that_quantities_are_chosen_with_a_click(qtbot: QtBot, curves: LiveCurves) -> None:
    choice = curves.findChild(QListWidget, "curve_choice")
    assert choice is not None
    item = choice.item(0)
    box = choice.visualItemRect(item)
    with qtbot.waitSignal(curves.shown_changed):
        qtbot.mouseClick(choice.viewport(), Qt.MouseButton.LeftButton, pos=box.topLeft() + QPoint(12, 12))
    assert curves.shown() == ["rms displacement (Å)"]
    assert len(curves.readout()) == 1
    # a choice that was made is not undone by new records
    curves.add_records([record("train", 5, 800, loss_data_half1=1.0, lambda_half1=0.1)])
    assert curves.shown() == ["rms displacement (Å)"]


def test_that_pointing_shows_the_values_there(curves: LiveCurves) -> None:
    curves.show_values_at(1.2)
    assert curves.readout()[0] == "Loss data ── half 1 9 ╌╌ half 2 10"
    curves.show_values_at(None)
    assert curves.readout()[0] == "Loss data ── half 1 2 ╌╌ half 2 3"


def test_that_a_logarithm_leaves_out_zero_and_below(qtbot: QtBot, curves: LiveCurves) -> None:
    box = curves.findChild(QCheckBox, "curve_log")
    assert box is not None
    box.setChecked(True)
    panel = curves._panels["rms displacement (Å)"]
    shown = panel.curves["rms_displacement_A_half1"].getData()[1]
    assert np.isnan(shown[0])
    np.testing.assert_allclose(shown[1:], np.log10([0.5, 1, 1.5, 2]))


def test_that_time_may_be_the_axis(curves: LiveCurves) -> None:
    box = curves.findChild(QComboBox, "curve_axis")
    assert box is not None
    box.setCurrentIndex(1)
    x, _ = curves._panels["loss data"].curves["loss_data_half1"].getData()
    assert x[-1] == pytest.approx(9)


def test_that_curves_of_long_jobs_are_updated_quickly(qtbot: QtBot) -> None:
    widget = LiveCurves()
    qtbot.addWidget(widget)
    widget.resize(800, 500)
    widget.show()
    widget.set_records([record("train", s, s, of=10**5, loss_data_half1=1 / (s + 1)) for s in range(50_000)])
    started = time.perf_counter()
    widget.add_records([record("train", 50_000, 50_000, loss_data_half1=0.0)])
    assert time.perf_counter() - started < 0.5


def test_that_no_records_show_the_empty_state(curves: LiveCurves) -> None:
    curves.set_records([])
    assert curves._body.is_empty
    assert "No curves yet" in curves._body.empty.message()


def test_that_tiles_say_progress_time_speed_and_motion(qtbot: QtBot) -> None:
    tiles = MetricTiles()
    qtbot.addWidget(tiles)
    tiles.resize(900, 120)
    tiles.show()
    last = record(
        "train",
        4,
        0,
        of=10,
        particles_per_s=812.4,
        rms_displacement_A_half1=3.0,
        rms_displacement_A_half2=2.0,
        loss_data_half1=0.5,
        loss_data_half2=1.5,
    )
    tiles.set_records([*training(), {**last, "eta_s": 754}])
    assert tiles.texts() == {
        "Train": "40 %",
        "Time left": "13 min",
        "Speed": "812 /s",
        "Motion (rms)": "2.5 Å",
        "Data loss": "1.0000",
    }
    details = [label.text() for label in tiles.findChildren(QLabel)]
    assert "half 1: 3, half 2: 2" in details


def test_that_tiles_wrap_in_a_narrow_place_and_shrink_back(qtbot: QtBot) -> None:
    tiles = MetricTiles()
    qtbot.addWidget(tiles)
    tiles.resize(1000, 120)
    tiles.show()
    tiles.set_records(training())
    tops = {tile.y() for tile in tiles._tiles}
    one_row = tiles.height()
    assert len(tops) == 1
    tiles.resize(380, tiles.height())
    qtbot.waitUntil(lambda: len({tile.y() for tile in tiles._tiles}) == 2)
    assert tiles.height() > 1.5 * one_row
    assert max(tile.geometry().right() for tile in tiles._tiles) <= tiles.width()


def test_that_tiles_that_are_not_needed_any_more_leave_at_once(qtbot: QtBot) -> None:
    tiles = MetricTiles()
    qtbot.addWidget(tiles)
    tiles.resize(1000, 120)
    tiles.show()
    tiles.set_tiles([TileText(str(k), "1") for k in range(9)])
    two_rows = tiles.height()
    tiles.set_tiles([TileText("only", "1")])
    # those that end later are not seen until then, and take no room
    assert [label.text() for label in tiles.findChildren(QLabel) if label.isVisible()] == ["only", "1"]
    assert tiles.height() < two_rows


def test_that_nothing_measured_means_no_tiles_and_an_unknown_end_is_said() -> None:
    assert summary_tiles([]) == []
    unknown = summary_tiles([{**record("train", 3, 0, of=0), "eta_s": None}])
    assert unknown[0].value == "step 3"
    assert unknown[1].detail == "not known yet"


def test_that_a_job_that_measured_nothing_yet_has_no_phases_with_room() -> None:
    assert CurveData().phases_with_room("step", 0.1) == []


def test_that_a_tile_says_how_far_a_long_step_is(qtbot: QtBot) -> None:
    tiles = MetricTiles()
    qtbot.addWidget(tiles)
    told = {"t": 5.0, "run": 1, "task": "train", "phase": "train", "step": 3, "of": 20, "eta_s": 60.0}
    tiles.set_records([{**told, "doing": "epoch 4: 1,200 of 9,000 particles"}])
    details = [label.text() for label in tiles.findChildren(QLabel)]
    assert "epoch 4: 1,200 of 9,000 particles" in details
    tiles.set_records([{**told, "doing": "epoch 4: …"}, {**told, "step": 4, "loss_data": 1.00031}])
    assert tiles.texts()["Data loss"] == "1.0003"
    assert "step 4 of 20" in [label.text() for label in tiles.findChildren(QLabel)]
