"""The flowchart and the tags in the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolButton

from app.gui import flowchart_commands
from app.gui.dialogs.tags import TagsDialog
from app.gui.flowchart_maker import OWN
from app.gui.main_window import MainWindow
from app.project.project import Project
from app.project.tags import Tag, TagFile
from tests.support.foreign import append_job
from tests.support.workflow import make_workflow
from widgets.graph_paint import icon_of
from widgets.job_graph import JobGraph

CONSENSUS = "Refine3D/job016/"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A project of 25 jobs, none of which runs."""
    project = make_workflow(tmp_path / "apo")
    project.set_status("DynaMight/job023/", "Succeeded")
    return Path(project.path)


@pytest.fixture
def window(make_window: Callable[..., MainWindow], workflow: Path) -> MainWindow:
    """A window on it."""
    window = make_window(workflow)
    window.resize(1280, 800)
    return window


def open_chart(qtbot: Any, window: MainWindow) -> JobGraph:
    """Bring the flowchart to the front and wait for its jobs."""
    window.actions_by_key["show_flowchart"].trigger()
    graph = window.flowchart_commands.graph
    qtbot.waitUntil(lambda: len(graph.canvas.chart.jobs) == len(window.entries), timeout=5000)
    qtbot.waitUntil(window.flowchart_commands.in_front, timeout=2000)
    return graph


def place_of(graph: JobGraph, name: str) -> QPoint:
    at = graph.canvas.chart.index[name]
    graph.canvas.show_job(at, centre=True)
    return graph.canvas.mapFromScene(graph.canvas.chart.cards[at].center())


def click(qtbot: Any, graph: JobGraph, name: str) -> None:
    qtbot.mouseClick(graph.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place_of(graph, name))


def shown(window: MainWindow) -> str:
    return window.page.details.entry.name if window.page.details is not None else ""


def test_that_a_job_clicked_in_the_chart_is_shown_in_the_window(qtbot: Any, window: MainWindow) -> None:
    graph = open_chart(qtbot, window)
    click(qtbot, graph, CONSENSUS)
    qtbot.waitUntil(lambda: shown(window) == CONSENSUS, timeout=5000)
    assert window.jobs.selected() == CONSENSUS
    assert window.flowchart_commands.in_front(), "the chart stays in front while somebody goes through it"
    qtbot.mouseDClick(
        graph.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place_of(graph, "Polish/job020/")
    )
    qtbot.waitUntil(lambda: shown(window) == "Polish/job020/", timeout=5000)
    qtbot.waitUntil(lambda: not window.flowchart_commands.in_front(), timeout=2000)


def test_that_a_job_clicked_in_the_lists_is_selected_in_the_chart(qtbot: Any, window: MainWindow) -> None:
    graph = open_chart(qtbot, window)
    window.select(CONSENSUS)
    qtbot.waitUntil(lambda: graph.selected() == CONSENSUS, timeout=5000)
    window.show_new("dynamight")
    assert graph.selected() == ""


def test_that_the_chart_has_the_menu_of_the_lists(qtbot: Any, window: MainWindow) -> None:
    graph = open_chart(qtbot, window)
    graph.menu_requested.emit(CONSENSUS, QPoint(5, 5))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    names = {action.objectName() for action in menu.actions()}
    menu.close()
    assert {"action_edit_tags", "action_set_alias", "action_delete"} <= names
    assert graph.canvas.name_of(graph.canvas.selected) in ("", CONSENSUS)
    assert window.wanted == CONSENSUS


def test_that_what_happens_to_jobs_is_seen_in_the_chart(
    qtbot: Any, window: MainWindow, workflow: Path
) -> None:
    graph = open_chart(qtbot, window)
    other = Project.open(workflow)
    other.set_alias(CONSENSUS, "best_map")
    added = other.new_job(
        "Class3D",
        "relion.class3d",
        inputs=[(f"{CONSENSUS}particles.star", "ParticleGroupMetadata.star.relion")],
        status="Scheduled",
    )
    before = graph.canvas.chart.cards[0]
    qtbot.waitUntil(lambda: added.name in graph.canvas.chart.index, timeout=5000)
    chart = graph.canvas.chart
    assert chart.jobs[chart.index[CONSENSUS]].title == "best_map"
    assert chart.index[CONSENSUS] in chart.ways.parents[chart.index[added.name]]
    assert chart.cards[0] == before


def test_that_tags_given_in_the_window_are_found_in_lists_and_chart(
    qtbot: Any, window: MainWindow, workflow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = open_chart(qtbot, window)
    TagFile(workflow).add("Polish/job020/", "good")
    window.select(CONSENSUS)
    qtbot.waitUntil(lambda: shown(window) == CONSENSUS, timeout=5000)
    asked: list[tuple[Any, ...]] = []

    def answer(_parent: object, *about: Any) -> tuple[list[str], dict[str, int]]:
        asked.append(about)
        return ["final", "good"], {"final": 6}

    monkeypatch.setattr(flowchart_commands, "ask_tags", answer)
    window.actions_by_key["edit_tags"].trigger()
    qtbot.waitUntil(lambda: len(window.entries[CONSENSUS].tags) == 2, timeout=5000)
    assert asked == [("Refine3D/job016", (), (Tag("good", 0),))]
    window.jobs.filter_line.setText("final")
    assert [row.name for row in window.jobs.finished.model.rows()] == [CONSENSUS]
    at = graph.canvas.chart.index[CONSENSUS]
    qtbot.waitUntil(lambda: graph.canvas.chart.jobs[at].tags == (("final", 6), ("good", 0)), timeout=5000)
    assert graph.bar.tag.findText("final") > 0


def test_that_the_form_of_tags_takes_what_was_typed_and_refuses_what_is_unfit(qtbot: Any) -> None:
    dialog = TagsDialog(None, "Refine3D/job016", [Tag("good", 0)], [Tag("good", 0), Tag("bad", 1)])
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.words() == ["good"]
    qtbot.keyClicks(dialog.line, "one,two")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert "commas" in dialog.reason.text()
    dialog.line.selectAll()
    qtbot.keyClicks(dialog.line, "final")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.isVisible()
    qtbot.keyClicks(dialog.line, "EMPIAR 10345")
    qtbot.mouseClick(dialog.ok_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    assert dialog.words() == ["good", "final", "EMPIAR 10345"]
    assert dialog.colours() == {}, "nobody chose one"


def test_that_the_colour_of_a_tag_is_chosen_by_hand(qtbot: Any) -> None:
    dialog = TagsDialog(None, "Refine3D/job016", [Tag("good", 0)], [Tag("good", 0), Tag("bad", 1)])
    qtbot.addWidget(dialog)
    dialog.show()
    button = dialog.findChild(QToolButton, "tag_colour_good")
    assert button.toolTip() == "Colour of “good”: blue. It is the same on all jobs"
    texts = [action.text() for action in button.menu().actions()]
    assert texts[0] == "Blue" and len(texts) == 8
    (green,) = [action for action in button.menu().actions() if action.text() == "Green"]
    green.trigger()
    assert dialog.colours() == {"good": 7}
    assert "green" in button.toolTip() and green.isChecked()


def test_that_the_chart_is_saved_as_a_drawing(
    qtbot: Any, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_chart(qtbot, window)
    place = tmp_path / "drawing"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), "SVG (*.svg)"))
    window.actions_by_key["export_flowchart"].trigger()
    qtbot.waitUntil((tmp_path / "drawing.svg").exists, timeout=5000)
    text = (tmp_path / "drawing.svg").read_text()
    assert "consensus" in text
    assert "3D auto-refine" in text


def test_that_zoom_and_direction_are_remembered(
    qtbot: Any, window: MainWindow, make_window: Callable[..., MainWindow], workflow: Path
) -> None:
    graph = open_chart(qtbot, window)
    graph.set_down(False)
    graph.canvas.set_scale(0.5)
    window.close()
    again = make_window(workflow)
    graph = open_chart(qtbot, again)
    assert not graph.down
    qtbot.waitUntil(lambda: abs(graph.canvas.scale_now - 0.5) < 1e-6, timeout=3000)


def test_that_another_project_has_its_own_chart_and_an_empty_one_says_so(
    qtbot: Any, window: MainWindow, tmp_path: Path
) -> None:
    graph = open_chart(qtbot, window)
    (tmp_path / "empty").mkdir()
    Project.create(tmp_path / "empty")
    window.project_commands.open(tmp_path / "empty")
    qtbot.waitUntil(lambda: window.project_path == tmp_path / "empty", timeout=5000)
    window.actions_by_key["show_flowchart"].trigger()
    qtbot.waitUntil(graph.empty.isVisible, timeout=5000)
    assert "No jobs yet" in graph.empty.message()


@pytest.mark.usefixtures("qapp")
def test_that_our_jobs_have_the_icons_of_the_list_of_types() -> None:
    assert set(OWN) >= {"DynaMight", "TomoDRGN", "ISAC2", "Dynamo", "Simulate", "Import", "Latents"}
    assert all(icon_of(name, "#123456").isValid() for name in OWN.values())


def test_that_many_unlinked_jobs_are_arranged_anew_when_the_chart_is_turned(
    qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path
) -> None:
    project = Project.create(tmp_path / "imports")
    for _ in range(12):
        append_job(tmp_path / "imports", "Import", "relion.import.movies", "Succeeded")
    graph = open_chart(qtbot, make_window(Path(project.path)))
    for down in (False, True):
        graph.set_down(down)
        # in reading order on the screen, in rows of a drawing that is wider than high
        qtbot.waitUntil(lambda: by_place(graph) == list(range(1, 13)), timeout=5000)
        chart = graph.canvas.chart
        assert chart.grid.down == down
        assert 1.2 < chart.rect.width() / chart.rect.height() < 2.4


def by_place(graph: JobGraph) -> list[int]:
    """Return the numbers of jobs from the upper left to the lower right."""
    chart = graph.canvas.chart
    found = sorted((y, x, job.number) for (x, y), job in zip(chart.corners.tolist(), chart.jobs, strict=True))
    return [number for _, _, number in found]
