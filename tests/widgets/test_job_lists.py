"""The job lists: order, filter, selection, ten thousand rows."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QLineEdit, QListView, QToolButton, QTreeWidget
from pytestqt.qtbot import QtBot

from widgets.durations import duration, moment
from widgets.inputs_outputs import InputsOutputs, IoEntry
from widgets.job_lists import JobLists, JobListView
from widgets.job_model import JobListModel, JobRow
from widgets.status_badge import StatusBadge, look_of

ROWS = [
    JobRow("Import/job001/", "", "Import", "Succeeded"),
    JobRow("Refine3D/job002/", "zebra", "Refine3D", "Succeeded"),
    JobRow("DynaMight/job003/", "Refine3D/apple", "DynaMight", "Failed"),
    JobRow("Class3D/job010/", "", "Class3D", "Aborted"),
    JobRow("DynaMight/job011/", "", "DynaMight", "Running"),
    JobRow("DynaMight/job012/", "", "DynaMight", "Running"),
    JobRow("Simulate/job013/", "", "Simulate", "Scheduled"),
]
PARTICLES = "ParticleGroupMetadata.star.relion"
CLASS, APPLE, ZEBRA, IMPORT = "Class3D/job010/", "DynaMight/apple/", "Refine3D/zebra/", "Import/job001/"


@pytest.fixture
def lists(qtbot: QtBot) -> JobLists:
    widget = JobLists()
    qtbot.addWidget(widget)
    widget.resize(900, 420)
    widget.show()
    widget.set_rows(ROWS)
    return widget


def titles(view: JobListView) -> list[str]:
    return [row.title for row in view.model.rows()]


def click(qtbot: QtBot, view: JobListView, row: int) -> None:
    found = view.findChild(QListView, "jobs_view")
    assert found is not None
    place = found.visualRect(view.model.index(row)).center()
    qtbot.mouseClick(found.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_that_jobs_stand_in_the_list_of_their_status_in_relions_order(lists: JobLists) -> None:
    assert titles(lists.finished) == [
        "Class3D/job010/",
        "DynaMight/apple/",
        "Refine3D/zebra/",
        "Import/job001/",
    ]
    assert titles(lists.running) == ["DynaMight/job011/", "DynaMight/job012/"]
    assert titles(lists.scheduled) == ["Simulate/job013/"]
    heading = lists.finished.findChild(QLabel, "jobs_heading")
    assert heading is not None
    assert heading.text() == "Finished jobs (4)"


def test_that_finished_jobs_can_be_ordered_alphabetically(qtbot: QtBot, lists: JobLists) -> None:
    button = lists.findChild(QToolButton, "jobs_order")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert titles(lists.finished) == [
        "Class3D/job010/",
        "DynaMight/apple/",
        "Import/job001/",
        "Refine3D/zebra/",
    ]
    assert titles(lists.running) == ["DynaMight/job011/", "DynaMight/job012/"]


def test_that_a_job_is_found_by_alias_number_type_and_status(qtbot: QtBot, lists: JobLists) -> None:
    field = lists.findChild(QLineEdit, "jobs_filter")
    assert field is not None
    for words, expected in [
        ("apple", ["DynaMight/apple/"]),
        ("003", ["DynaMight/apple/"]),
        ("failed dyna", ["DynaMight/apple/"]),
        ("REFINE3D zebra", ["Refine3D/zebra/"]),
        ("nothing", []),
    ]:
        field.clear()
        qtbot.keyClicks(field, words)
        assert titles(lists.finished) == expected
    assert "No match" in lists.finished._body.empty.message()
    field.clear()
    assert len(titles(lists.finished)) == 4


def test_that_a_click_tells_the_job_and_only_one_is_selected(qtbot: QtBot, lists: JobLists) -> None:
    with qtbot.waitSignal(lists.job_selected) as signal:
        click(qtbot, lists.finished, 1)
    assert signal.args == ["DynaMight/job003/"]
    with qtbot.waitSignal(lists.job_selected) as signal:
        click(qtbot, lists.running, 0)
    assert signal.args == ["DynaMight/job011/"]
    assert lists.finished.selected() is None
    assert lists.selected() == "DynaMight/job011/"


def test_that_keys_move_through_a_list(qtbot: QtBot, lists: JobLists) -> None:
    click(qtbot, lists.finished, 0)
    with qtbot.waitSignal(lists.job_selected) as signal:
        qtbot.keyClick(lists.finished.view, Qt.Key.Key_Down)
    assert signal.args == ["DynaMight/job003/"]
    with qtbot.waitSignal(lists.job_activated) as signal:
        qtbot.keyClick(lists.finished.view, Qt.Key.Key_Return)
    assert signal.args == ["DynaMight/job003/"]


def test_that_the_selected_job_stays_selected_when_it_finishes(qtbot: QtBot, lists: JobLists) -> None:
    click(qtbot, lists.running, 1)
    heard: list[str] = []
    lists.job_selected.connect(heard.append)
    finished = [
        JobRow(row.name, row.alias, row.type, "Succeeded") if row.number == 12 else row for row in ROWS
    ]
    lists.set_rows(finished)
    assert lists.selected() == "DynaMight/job012/"
    assert lists.finished.selected() == "DynaMight/job012/"
    assert heard == []


def test_that_a_new_job_above_does_not_move_the_selection(qtbot: QtBot, lists: JobLists) -> None:
    click(qtbot, lists.finished, 2)
    chosen = lists.selected()
    lists.set_rows([*ROWS, JobRow("Import/job020/", "", "Import", "Succeeded")])
    assert lists.selected() == chosen


def test_that_the_right_button_asks_for_a_menu(qtbot: QtBot, lists: JobLists) -> None:
    view = lists.finished.view
    with qtbot.waitSignal(lists.menu_requested) as signal:
        view.customContextMenuRequested.emit(view.visualRect(lists.finished.model.index(0)).center())
    assert signal.args[0] == "Class3D/job010/"


def test_that_an_empty_project_says_what_will_be_here(qtbot: QtBot) -> None:
    widget = JobLists()
    qtbot.addWidget(widget)
    assert "Finished jobs appear here" in widget.finished._body.empty.message()
    assert "Nothing is running" in widget.running._body.empty.message()


def test_that_the_model_keeps_the_rules_of_qt() -> None:
    model = JobListModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_rows(ROWS)
    model.set_filter("dyna")
    model.set_order("alphabetical")
    model.set_rows(ROWS[:3])
    model.set_filter("")
    assert model.rowCount() == 3


def test_that_a_change_of_status_alone_does_not_reset_the_list() -> None:
    model = JobListModel()
    model.set_rows(ROWS)
    resets: list[int] = []
    changes: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.dataChanged.connect(lambda first, _last: changes.append(first.row()))
    model.set_rows([*ROWS[:-1], JobRow("Simulate/job013/", "", "Simulate", "Running")])
    assert resets == []
    assert changes == [0]
    model.set_rows(list(model.rows()))
    assert changes == [0]


def test_that_ten_thousand_jobs_are_shown_filtered_and_updated_fast(qtbot: QtBot) -> None:
    now = datetime(2024, 1, 1)
    rows = [
        JobRow(
            f"Refine3D/job{k:05d}/",
            f"alias{k}" if k % 3 else "",
            "Refine3D",
            "Succeeded",
            now + timedelta(hours=k),
        )
        for k in range(10_000)
    ]
    widget = JobLists()
    qtbot.addWidget(widget)
    widget.resize(800, 500)
    widget.show()
    spent = {}
    for what, action in [
        ("fill", lambda: widget.set_rows(rows)),
        ("paint", widget.grab),
        ("refresh", lambda: widget.set_rows(rows)),
        ("filter", lambda: widget.filter_line.setText("alias777")),
        ("order", lambda: widget.set_order("alphabetical")),
    ]:
        started = time.perf_counter()
        action()
        spent[what] = time.perf_counter() - started
    assert widget.finished.model.rows()[0].title == "Refine3D/alias7771/"
    assert all(seconds < 0.5 for seconds in spent.values()), spent


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Succeeded", "Succeeded"),
        ("running", "Running"),
        ("Failed", "Failed"),
        ("Odd", "Odd"),
        ("", "Unknown"),
    ],
)
def test_that_every_status_is_said_in_a_word(qtbot: QtBot, status: str, word: str) -> None:
    badge = StatusBadge(status)
    qtbot.addWidget(badge)
    assert look_of(status).word == word
    assert badge.accessibleName() == word


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3540, "59 min"),
        (3599, "1 h 00 min"),
        (90000, "1 d 1 h"),
        (None, ""),
    ],
)
def test_that_times_are_said_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_that_days_are_said_as_people_say_them() -> None:
    now = datetime(2024, 3, 2, 12)
    assert moment(datetime(2024, 3, 2, 9, 5), now) == "09:05"
    assert moment(datetime(2024, 3, 1, 23, 59), now) == "yesterday 23:59"
    assert moment(datetime(2024, 1, 7), now).startswith("7 ")
    assert moment(datetime(2023, 1, 7), now) == "2023-01-07"
    assert moment(None) == ""


def test_that_inputs_and_outputs_stand_under_their_jobs(qtbot: QtBot) -> None:
    view = InputsOutputs()
    qtbot.addWidget(view)
    view.resize(420, 400)
    view.show()
    assert view.outputs._body.empty.message() == "No outputs yet"
    view.set_io(
        [
            IoEntry(
                "Refine3D/job002/run_data.star",
                "ParticleGroupMetadata.star.relion",
                "Refine3D/job002/",
                "Refine3D/zebra/",
            ),
            IoEntry("mask.mrc", "Mask3D.mrc", exists=False),
        ],
        [],
    )
    tree = view.findChild(QTreeWidget, "inputs_tree")
    assert tree is not None
    job, outside = tree.topLevelItem(0), tree.topLevelItem(1)
    assert job is not None
    assert outside is not None
    assert (job.text(0), job.child(0).text(0), job.child(0).text(1)) == (
        "Refine3D/zebra/",
        "run_data.star",
        "Particles",
    )
    assert (outside.text(0), outside.child(0).text(1)) == ("from outside the project", "missing")
    with qtbot.waitSignal(view.job_selected) as signal:
        qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualItemRect(job).center())
    assert signal.args == ["Refine3D/job002/"]
    with qtbot.waitSignal(view.file_activated) as signal:
        tree.setCurrentItem(job.child(0))
        qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert signal.args == ["Refine3D/job002/run_data.star"]


def test_that_times_stand_in_all_rows_of_a_list_or_in_none(qtbot: QtBot) -> None:
    names = [("DynaMight/job001/", ""), ("DynaMight/job002/", "DynaMight/a_name_that_is_long_for_a_job")]
    when = datetime(2024, 1, 7)

    def pictures(width: int, time_of_all: datetime | None) -> list[QImage]:
        jobs = JobListView("Finished jobs")
        qtbot.addWidget(jobs)
        jobs.set_rows([JobRow(name, alias, "", "Succeeded", time_of_all) for name, alias in names])
        jobs.resize(width, 500)
        jobs.show()
        view = jobs.view
        rects = [view.visualRect(view.model().index(row, 0)) for row in range(len(names))]
        return [view.viewport().grab(rect).toImage() for rect in rects]

    for width, shown in ((290, False), (520, True)):
        pairs = zip(pictures(width, when), pictures(width, None), strict=True)
        assert [with_time != without for with_time, without in pairs] == [shown, shown]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("A/job034/", 34),
        ("A/job034", 34),
        ("A/job1234/", 1234),
        ("Jobs/jobs/", -1),
        ("A/job034b/", 34),
        ("", -1),
    ],
)
def test_that_the_number_of_a_job_is_read_from_its_name(name: str, number: int) -> None:
    assert JobRow(name).number == number


def test_that_inputs_and_outputs_stand_beside_each_other_where_there_is_room(qtbot: QtBot) -> None:
    view = InputsOutputs()
    qtbot.addWidget(view)
    view.resize(900, 180)
    view.show()
    view.set_io(
        [IoEntry("Refine3D/job002/run_data.star", "ParticleGroupMetadata.star.relion", "Refine3D/job002/")],
        [],
    )
    assert view.inputs.geometry().right() < view.outputs.geometry().left()
    view.resize(420, 400)
    assert view.inputs.geometry().bottom() < view.outputs.geometry().top()
    shown, chosen = [], []
    view.file_activated.connect(shown.append)
    view.job_selected.connect(chosen.append)
    job = view.inputs.tree.topLevelItem(0)
    assert job is not None
    for item in (job, job.child(0)):
        assert item is not None
        view.inputs.menu_of(item).actions()[0].trigger()
    assert (chosen, shown) == (["Refine3D/job002/"], ["Refine3D/job002/run_data.star"])
