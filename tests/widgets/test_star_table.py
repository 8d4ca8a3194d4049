"""Tables that sort, filter, tell what columns hold, and are exported."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.viewing.tables import PlainSource, read_tables, write_csv
from tests.support.shared import shared_dir
from widgets.star_table import StarTable, StarTables
from widgets.star_table_source import Arrangement, Condition, arranged, statistics


@pytest.fixture
def source() -> PlainSource:
    rows = [(f"mic{k % 3}", str((k * 7) % 10), "nan" if k == 4 else str(k / 2)) for k in range(10)]
    return PlainSource("things", ("name", "number", "half"), rows)


@pytest.fixture
def table(qtbot: QtBot, source: PlainSource) -> StarTable:
    made = StarTable(source, write_csv)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    return made


def shown(table: StarTable, column: int) -> list[str]:
    return [table.model.cell(row, column) for row in range(table.model.rowCount())]


def test_that_a_click_on_a_name_sorts_by_number_then_backwards_then_as_in_the_file(
    table: StarTable, qtbot: QtBot
) -> None:
    head = table.view.horizontalHeader()
    before = shown(table, 1)
    place = Qt.MouseButton.LeftButton
    point = head.rect().center()
    point.setX(head.sectionViewportPosition(1) + 10)
    for wanted in (sorted(before, key=int), sorted(before, key=int, reverse=True), before):
        qtbot.mouseClick(head.viewport(), place, pos=point)
        qtbot.waitUntil(lambda: not table.busy)
        assert shown(table, 1) == wanted


def test_that_what_is_no_number_stands_last_both_ways(source: PlainSource) -> None:
    for descending in (False, True):
        assert arranged(source, Arrangement("half", descending))[-1] == 4


def test_that_a_filter_keeps_rows_and_can_be_narrowed(table: StarTable, qtbot: QtBot) -> None:
    table.filter.choose("name", "contains", "MIC1")
    qtbot.waitUntil(lambda: table.model.rowCount() == 3)
    assert table.count.text() == "3 of 10 rows"
    qtbot.mouseClick(table.filter.keep, Qt.MouseButton.LeftButton)
    table.filter.choose("number", ">", "7")
    qtbot.waitUntil(lambda: not table.busy and table.model.rowCount() < 3)
    assert set(shown(table, 0)) == {"mic1"} and all(int(n) > 7 for n in shown(table, 1))
    table.filter.forget()
    qtbot.waitUntil(lambda: table.model.rowCount() == 10)


def test_that_a_column_tells_its_range_and_its_commonest_words(table: StarTable, qtbot: QtBot) -> None:
    table.show_column("number")
    qtbot.waitUntil(lambda: dict(table.statistics.facts).get("Highest") == "9")
    assert dict(table.statistics.facts)["Mean"] == "4.5"
    rows = np.arange(10)
    assert statistics(table.source, "name", rows).common[0] == ("mic0", 4)
    assert dict(statistics(table.source, "half", rows).facts)["Not a number"] == "1"


def test_that_cells_are_copied_and_rows_exported_as_shown(
    table: StarTable, qtbot: QtBot, tmp_path: Path
) -> None:
    table.sort_by("number", descending=True)
    qtbot.waitUntil(lambda: shown(table, 1)[0] == "9")
    table.view.selectRow(0)
    table.copy()
    assert QGuiApplication.clipboard().text().split("\t")[1] == "9"
    target = tmp_path / "out.csv"
    table.export(target)
    qtbot.waitUntil(target.exists)
    qtbot.waitUntil(lambda: not table.busy)
    with target.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["name", "number", "half"] and [r[1] for r in rows[1:]] == shown(table, 1)


def test_that_every_table_of_a_file_has_a_tab_and_the_longest_is_in_front(qtbot: QtBot) -> None:
    sources = read_tables(shared_dir() / "data/star/relion31.star")
    tables = StarTables(sources, write_csv)
    qtbot.addWidget(tables)
    assert [tables.tabText(k).split()[0] for k in range(tables.count())] == ["optics", "particles"]
    assert tables.current is not None and tables.current.source.name == "particles"
    assert tables.current.model.headerData(0, Qt.Orientation.Horizontal) == "CoordinateX"


def test_that_conditions_read_as_sentences() -> None:
    assert Condition("rlnDefocusU", "≥", "1e4").words == "rlnDefocusU ≥ 1e4"
