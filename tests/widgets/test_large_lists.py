"""What makes long lists quick must not be seen: rows that come and go one by one, and lines drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from app.viewing.tables import PlainSource
from widgets import style
from widgets.choices import refill
from widgets.job_model import JobListModel, JobRow
from widgets.star_table import StarTable

ROWS = [JobRow(f"Class2D/job{k:03d}/", "", "Class2D", "Succeeded") for k in range(1, 200)]


def test_that_jobs_come_and_go_without_the_list_being_made_anew(qtbot: QtBot) -> None:
    model = JobListModel()
    model.set_rows(ROWS)
    tester = QAbstractItemModelTester(model)
    resets: list[bool] = []
    model.modelReset.connect(lambda: resets.append(True))
    new = JobRow("Class2D/job200/", "", "Class2D", "Succeeded")
    for wanted in (
        [*ROWS, new],
        [*ROWS[:50], *ROWS[51:], new],
        [*ROWS, new],
        ROWS,
        [replace(ROWS[0], status="Failed"), *ROWS[1:]],
        [*ROWS[:90], *ROWS[95:]],
    ):
        model.set_rows(wanted)
        assert model.rows() == sorted(wanted, key=lambda row: -row.number)
        assert [model.row_of(row.name) for row in model.rows()] == list(range(len(wanted)))
    assert not resets
    model.set_filter("job001")
    assert [row.name for row in model.rows()] == ["Class2D/job001/"]
    assert resets
    del tester


def test_that_chosen_cells_and_the_one_under_the_mouse_stand_out(qtbot: Any, qapp: QApplication) -> None:
    style.apply_theme(qapp, "light")
    source = PlainSource("things", ("name", "number"), [(f"mic{k}", str(k)) for k in range(30)])
    table = StarTable(source)
    qtbot.addWidget(table)
    table.resize(900, 500)
    table.show()
    qtbot.waitExposed(table)
    view = table.view
    chosen, other = view.visualRect(table.model.index(2, 1)), view.visualRect(table.model.index(4, 0))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=chosen.center())
    qtbot.mouseMove(view.viewport(), other.center())
    qtbot.waitUntil(lambda: not table.busy)
    qtbot.wait(50)
    picture = view.viewport().grab().toImage()
    ratio = picture.devicePixelRatio()

    def colour_at(rect: object) -> str:
        corner = rect.topLeft() * ratio  # type: ignore[attr-defined]
        return picture.pixelColor(corner.x() + 2, corner.y() + 2).name()

    assert colour_at(chosen) == style.colour("selection").name()
    assert colour_at(other) == style.colour("hover").name()
    assert colour_at(view.visualRect(table.model.index(6, 0))) == style.colour("surface").name()
    assert colour_at(view.visualRect(table.model.index(7, 0))) == style.colour("raised").name()


def test_that_a_box_of_many_choices_keeps_the_chosen_one(qtbot: QtBot) -> None:
    box = QComboBox()
    qtbot.addWidget(box)
    choices = [(f"job {k}", k) for k in range(10_000)]
    refill(box, choices, 777)
    assert (box.currentText(), box.currentData(), box.count()) == ("job 777", 777, 10_000)
    refill(box, choices[:5], 777)
    assert box.currentData() == 0
    refill(box, [], None)
    assert (box.currentIndex(), box.count()) == (-1, 0)
