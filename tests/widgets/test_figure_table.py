"""Tables among the figures of a job, and the boxes of later rounds."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from jobs.core.declaration import Kind, OptionSpec
from jobs.core.figures import Figure, Series
from widgets.figure_board import FigureBoard
from widgets.figure_plot import FigurePlot
from widgets.figure_table import FigureTable
from widgets.series_field import SeriesEditor

TABLE = Figure(
    "table",
    "scan",
    "Tomograms",
    columns=("tomogram", "particles"),
    rows=(("TS_1", "5"), ("TS_2", "0")),
    notes=((1, "the model was not found"),),
)
CURVES = Figure("curves", "scan", "Curve", x=(0.0, 1.0), series=(Series("a", (1.0, 2.0)),))


def test_that_a_table_survives_its_file_and_wrong_ones_are_refused() -> None:
    assert Figure.from_json(TABLE.to_json()) == TABLE
    with pytest.raises(ValueError, match="needs 2 cells"):
        Figure.from_json(TABLE.to_json().replace('"TS_1", "5"', '"TS_1"'))
    with pytest.raises(ValueError, match="this is no figure"):
        Figure.from_json(TABLE.to_json().replace("[1, ", '["first", '))


def test_that_a_board_draws_tables_beside_curves_and_changes_one_for_the_other(qtbot: Any) -> None:
    board = FigureBoard()
    qtbot.addWidget(board)
    board.set_figures([CURVES, TABLE])
    assert [type(plot) for plot in board.plots] == [FigurePlot, FigureTable]
    assert {"TS_2", "the model was not found"} <= set(board.texts())
    kept = board.plots[1]
    board.set_figures([CURVES, TABLE])
    assert board.plots[1] is kept
    board.set_figures([TABLE])
    assert [type(plot) for plot in board.plots] == [FigureTable]


def test_that_columns_share_the_width_and_figures_without_room_stand_below_each_other(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    board = FigureBoard(window)
    board.set_figures([CURVES, TABLE])
    board.setGeometry(0, 0, 900, 300)
    window.resize(900, 500)
    window.show()
    curves, table = board.plots
    assert isinstance(table, FigureTable)
    qtbot.waitUntil(lambda: table.width() > curves.width() and curves.y() == table.y(), timeout=5_000)
    assert table.tree.header().length() == table.tree.viewport().width()
    # in 300 px nothing can be read beside something else
    board.setGeometry(0, 0, 300, 300)
    qtbot.waitUntil(lambda: table.y() >= curves.y() + curves.height(), timeout=5_000)
    assert board.minimumHeight() > 300


def test_that_lines_are_copied_with_what_is_wrong_with_them(qtbot: Any) -> None:
    table = FigureTable()
    qtbot.addWidget(table)
    table.set_figure(TABLE)
    table.tree.selectAll()
    table.copy()
    assert QApplication.clipboard().text() == "TS_1\t5\nTS_2\t0\nthe model was not found"


def series_editor(qtbot: Any) -> SeriesEditor:
    """An editor for the rounds after the first."""
    spec = OptionSpec(
        "low_later", "Low-pass:", "", "Rounds", Kind.TEXT, "", series="rounds", follows="low_r1"
    )
    editor = SeriesEditor(spec)
    qtbot.addWidget(editor)
    return editor


def test_that_boxes_of_rounds_are_one_text_and_show_what_goes_on(qtbot: Any) -> None:
    editor = series_editor(qtbot)
    editor.set_text("12; ; 20")
    editor.set_series(4, "9")
    assert editor.text() == "12; ; 20"
    assert [box.placeholderText() for box in editor.boxes] == ["9", "12", "12"]
    editor.boxes[1].setText("15")
    assert editor.text() == "12; 15; 20"
    # values of rounds that there are not stay in their boxes, but are not used
    editor.set_series(3, "9")
    assert editor.text() == "12; 15" and editor.boxes[2].isHidden()
    editor.set_series(4, "9")
    assert editor.text() == "12; 15; 20"
    editor.set_text("")
    assert editor.text() == ""
