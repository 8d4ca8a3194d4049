"""Choosing files: typed, browsed for, dropped, or picked among the project's results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from jobs.core.declaration import JobType, spec
from widgets.node_picker import NodePicker
from widgets.node_source import NodeCandidate, kind_in_words
from widgets.path_field import PathEditor, relative_to_project

PARTICLES = "ParticleGroupMetadata.star.relion"
CANDIDATES = [
    NodeCandidate(
        "Refine3D/job027/run_data.star",
        f"{PARTICLES}.refine3d",
        "Refine3D/best",
        datetime(2024, 3, 2, 11, 5),
        {"particles": 48230, "box": 256, "pixel_size_a": 1.38},
    ),
    NodeCandidate(
        "Extract/job014/particles.star",
        PARTICLES,
        "Extract/job014",
        datetime(2024, 2, 27),
        {"particles": 142881, "box": 256, "pixel_size_a": 1.38},
    ),
    NodeCandidate("Select/job019/particles.star", PARTICLES, "Select/job019", None, {}),
]


class Source:
    def __init__(self, found: Sequence[NodeCandidate]) -> None:
        self.found = found
        self.asked: list[tuple[str, ...]] = []

    def candidates(self, labels: Sequence[str]) -> Sequence[NodeCandidate]:
        self.asked.append(tuple(labels))
        return self.found


def open_picker(qtbot: QtBot, source: Source, expected: int = 3) -> NodePicker:
    picker = NodePicker(source, (PARTICLES,), "Input images STAR file")
    qtbot.addWidget(picker)
    picker.open()
    qtbot.waitUntil(lambda: not picker.loading)
    assert picker.model.rowCount() == expected
    return picker


def rows(picker: NodePicker) -> list[list[str]]:
    model = picker.table.model()
    return [
        [str(model.index(r, c).data()) for c in range(model.columnCount())] for r in range(model.rowCount())
    ]


def test_that_newest_results_come_first_with_what_one_chooses_by(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source(CANDIDATES))
    assert rows(picker)[0] == [
        "Refine3D/job027/run_data.star",
        "Refine3D/best",
        "Particles · refine3d",
        "2024-03-02 11:05",
        "48,230",
        "256",
        "1.38",
    ]
    assert rows(picker)[-1][3:] == ["", "", "", ""]
    picker.reject()


def test_that_every_typed_word_narrows_the_list(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source(CANDIDATES))
    qtbot.keyClicks(picker.search, "PARTICLES extract")
    assert [row[0] for row in rows(picker)] == ["Extract/job014/particles.star"]
    count = picker.findChild(QLabel, "node_count")
    assert count is not None
    assert count.text() == "1 of 3"
    picker.reject()


def test_that_keys_alone_choose_a_file(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source(CANDIDATES))
    assert picker.search.hasFocus() or picker.focusWidget() is picker.search
    with qtbot.waitSignal(picker.chosen) as signal:
        qtbot.keyClick(picker.search, Qt.Key.Key_Down)
        qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert signal.args == ["Extract/job014/particles.star"]
    assert not picker.isVisible()


def test_that_a_double_click_chooses(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source(CANDIDATES))
    place = picker.table.visualRect(picker.table.model().index(1, 0)).center()
    with qtbot.waitSignal(picker.chosen) as signal:
        qtbot.mouseClick(picker.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(picker.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert signal.args == ["Extract/job014/particles.star"]


def test_that_columns_of_numbers_are_ordered_by_number(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source(CANDIDATES))
    picker.table.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert [row[4] for row in rows(picker)] == ["142,881", "48,230", ""]
    picker.reject()


def test_that_an_empty_project_and_an_empty_search_say_different_things(qtbot: QtBot) -> None:
    picker = open_picker(qtbot, Source([]), 0)
    assert picker._body.is_empty
    assert "No particles in this project yet" in picker._body.empty.message()
    picker.reject()
    picker = open_picker(qtbot, Source(CANDIDATES))
    qtbot.keyClicks(picker.search, "tomato")
    assert "tomato" in picker._body.empty.message()
    assert not picker.choose.isEnabled()
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    assert picker.isVisible()
    picker.reject()


def test_that_a_source_that_fails_is_explained(qtbot: QtBot) -> None:
    class Broken:
        def candidates(self, labels: Sequence[str]) -> Sequence[NodeCandidate]:
            raise OSError("the project is not readable")

    picker = NodePicker(Broken(), (PARTICLES,), "Particles")
    qtbot.addWidget(picker)
    picker.open()
    qtbot.waitUntil(lambda: "not readable" in picker._body.empty.message())
    picker.reject()


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("ParticleGroupMetadata.star.relion", "Particles"),
        ("DensityMap.mrc.relion.halfmap.dynamight", "Map · halfmap, dynamight"),
        ("Mask3D.mrc", "Mask"),
        ("SomethingNew.star.x", "SomethingNew.star.x"),
    ],
)
def test_that_node_labels_are_said_in_words(label: str, words: str) -> None:
    assert kind_in_words(label) == words


@pytest.fixture
def editor(qtbot: QtBot, cake: JobType, project_dir: Path) -> PathEditor:
    made = PathEditor(spec(cake.options, "fn_flour"), project_dir=project_dir, node_source=Source(CANDIDATES))
    qtbot.addWidget(made)
    made.show()
    return made


def test_that_the_picker_asks_for_the_declared_labels_and_fills_the_field(
    qtbot: QtBot, editor: PathEditor
) -> None:
    qtbot.mouseClick(editor.pick_button, Qt.MouseButton.LeftButton)
    picker = editor.findChild(NodePicker, "node_picker")
    assert picker is not None
    qtbot.waitUntil(lambda: picker.model.rowCount() == 3)
    source = editor._node_source
    assert isinstance(source, Source)
    assert source.asked == [(PARTICLES,)]
    choose = picker.findChild(QPushButton, "node_choose")
    assert choose is not None
    qtbot.mouseClick(choose, Qt.MouseButton.LeftButton)
    assert editor.text() == "Refine3D/job027/run_data.star"


def test_that_browsing_writes_a_path_relative_to_the_project(
    qtbot: QtBot, editor: PathEditor, project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def answer(_parent: object, _title: str, folder: str, filters: str) -> tuple[str, str]:
        asked.append((folder, filters))
        return str(project_dir / "Import" / "flour.star"), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", staticmethod(answer))
    qtbot.mouseClick(editor.browse_button, Qt.MouseButton.LeftButton)
    assert editor.text() == "Import/flour.star"
    assert asked == [(str(project_dir), "Suitable files (*.star);;All files (*)")]


def test_that_leaving_the_dialog_keeps_the_field(
    qtbot: QtBot, editor: PathEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", staticmethod(lambda *_: ("", "")))
    editor.set_text("old.star")
    qtbot.mouseClick(editor.browse_button, Qt.MouseButton.LeftButton)
    assert editor.text() == "old.star"


def test_that_browsing_starts_in_the_declared_folder_of_the_continued_job(
    qtbot: QtBot, cake: JobType, project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = project_dir / "Cake" / "job001"
    (job / "patterns").mkdir(parents=True)
    folders: list[str] = []
    monkeypatch.setattr(
        QFileDialog,
        "getOpenFileName",
        staticmethod(lambda _p, _t, folder, _f: (folders.append(folder), ("", ""))[1]),
    )
    editor = PathEditor(spec(cake.options, "fn_pattern"), project_dir=project_dir, start_folder=lambda: job)
    qtbot.addWidget(editor)
    editor.browse()
    assert folders == [str(job / "patterns")]


def test_that_a_dropped_file_is_written_as_a_project_path(editor: PathEditor, project_dir: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(project_dir / "a.star"))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    editor.dropEvent(event)
    assert editor.text() == "a.star"


def test_that_paths_outside_the_project_stay_absolute_and_links_inside_stay_links(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "Refine3D" / "job001").mkdir(parents=True)
    (project / "Refine3D" / "best").symlink_to("job001")
    assert relative_to_project("/elsewhere/a.star", project) == "/elsewhere/a.star"
    assert relative_to_project(str(project / "Refine3D/best/a.star"), project) == "Refine3D/best/a.star"
    linked = tmp_path / "shortcut"
    linked.symlink_to(project)
    assert relative_to_project(str(linked / "a.star"), linked) == "a.star"
    assert relative_to_project(str(project / "a.star"), linked) == "a.star"
