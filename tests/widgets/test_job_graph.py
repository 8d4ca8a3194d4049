"""The flowchart as somebody uses it: mouse, keys, search, ways, and ten thousand jobs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from widgets import style
from widgets.graph_canvas import hint
from widgets.graph_data import GraphJob, GraphLink
from widgets.job_graph import JobGraph

#        0 Import
#        1 Refine (consensus)
#   2 Mask      3 Dyna (running)   4 Class3D (failed)      5 stands alone
JOBS = [
    GraphJob("Import/job001/", 1, "Import", "Import", "Succeeded"),
    GraphJob(
        "Refine3D/job002/", 2, "consensus", "3D auto-refine", "Succeeded", tags=(("final", 0),), layer=1
    ),
    GraphJob("MaskCreate/job003/", 3, "Mask creation", "Mask creation", "Succeeded", layer=2),
    GraphJob("DynaMight/job004/", 4, "hinge", "DynaMight", "Running", "42 %", layer=3),
    GraphJob("Class3D/job005/", 5, "Class3D", "Class3D", "Failed", layer=2, column=1),
    GraphJob("Import/job006/", 6, "model", "Import", "Succeeded", column=2),
]
LINKS = [
    GraphLink(0, 1, "particles"),
    GraphLink(1, 2, "map"),
    GraphLink(2, 3, "mask"),
    GraphLink(1, 3, "2 half-maps", lane=0),
    GraphLink(1, 4, "particles"),
]


@pytest.fixture
def graph(qtbot: Any, light: QApplication) -> JobGraph:
    """A flowchart of six jobs, all of which are seen."""
    widget = JobGraph()
    qtbot.addWidget(widget)
    widget.resize(1000, 760)
    widget.set_chart(JOBS, LINKS)
    widget.show()
    qtbot.waitExposed(widget)
    light.processEvents()
    widget.canvas.fit()
    return widget


def place_of(graph: JobGraph, job: int) -> QPoint:
    return graph.canvas.mapFromScene(graph.canvas.chart.cards[job].center())


def click(qtbot: Any, graph: JobGraph, job: int, *, ctrl: bool = False) -> None:
    modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(graph.canvas.viewport(), Qt.MouseButton.LeftButton, modifier, place_of(graph, job))


def lit(graph: JobGraph) -> set[int] | None:
    return None if graph.canvas.lit is None else set(graph.canvas.lit)


def test_that_no_jobs_are_told_in_words(qtbot: Any, light: QApplication) -> None:
    widget = JobGraph()
    qtbot.addWidget(widget)
    widget.set_chart([], [])
    widget.show()
    assert widget.empty.isVisible()
    assert "No jobs yet" in widget.empty.message()
    assert not widget.bar.isVisible()


def test_that_a_click_selects_and_a_double_click_opens(qtbot: Any, graph: JobGraph) -> None:
    with qtbot.waitSignal(graph.job_selected) as selected:
        click(qtbot, graph, 3)
    assert selected.args == ["DynaMight/job004/"]
    assert graph.selected() == "DynaMight/job004/"
    with qtbot.waitSignal(graph.job_activated) as opened:
        qtbot.mouseDClick(graph.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place_of(graph, 4))
    assert opened.args == ["Class3D/job005/"]


def test_that_a_selection_from_outside_is_not_announced(qtbot: Any, graph: JobGraph) -> None:
    with qtbot.assertNotEmitted(graph.job_selected):
        graph.select("Refine3D/job002/")
    assert graph.selected() == "Refine3D/job002/"
    graph.select("Nothing/job099/")
    assert graph.selected() == ""


def test_that_arrows_walk_along_the_lines_and_return_opens(qtbot: Any, graph: JobGraph) -> None:
    graph.select("Import/job001/")
    way: list[str] = []
    graph.job_selected.connect(way.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(graph.canvas, key)
    assert [name[-4:-1] for name in way] == ["002", "003", "005", "002", "001"]
    with qtbot.waitSignal(graph.job_activated) as opened:
        qtbot.keyClick(graph.canvas, Qt.Key.Key_Return)
    assert opened.args == ["Import/job001/"]


def test_that_arrows_keep_their_sense_when_the_chart_is_turned(qtbot: Any, graph: JobGraph) -> None:
    qtbot.mouseClick(graph.bar.turn_button, Qt.MouseButton.LeftButton)
    graph.select("Import/job001/")
    qtbot.keyClick(graph.canvas, Qt.Key.Key_Right)
    assert graph.selected() == "Refine3D/job002/"
    cards = graph.canvas.chart.cards
    assert cards[1].left() > cards[0].right()
    assert cards[1].top() == cards[0].top()


def test_that_a_right_click_asks_for_the_menu_of_the_job(qtbot: Any, graph: JobGraph) -> None:
    place = place_of(graph, 4)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, graph.canvas.mapToGlobal(place))
    with qtbot.waitSignal(graph.menu_requested) as asked:
        QApplication.sendEvent(graph.canvas.viewport(), event)
    assert asked.args is not None
    assert asked.args[0] == "Class3D/job005/"


def test_that_the_mouse_drags_the_chart_without_selecting(qtbot: Any, graph: JobGraph) -> None:
    graph.canvas.set_scale(1.5)
    before = graph.canvas.seen().center()
    start = QPoint(300, 300)
    view = graph.canvas.viewport()
    with qtbot.assertNotEmitted(graph.job_selected):
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
        for step in range(1, 7):
            qtbot.mouseMove(view, start + QPoint(-20 * step, -10 * step))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=start + QPoint(-120, -60))
    moved = graph.canvas.seen().center() - before
    assert moved.x() == pytest.approx(80, abs=3)
    assert moved.y() == pytest.approx(40, abs=3)


def test_that_the_wheel_zooms_around_the_mouse(graph: JobGraph) -> None:
    canvas = graph.canvas
    place = place_of(graph, 4)
    before, scale = canvas.mapToScene(place), canvas.scale_now
    event = QWheelEvent(
        QPointF(place),
        QPointF(canvas.viewport().mapToGlobal(place)),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas.viewport(), event)
    assert canvas.scale_now > 1.3 * scale
    after = canvas.mapToScene(place)
    assert abs(after.x() - before.x()) < 3
    assert abs(after.y() - before.y()) < 3


def test_that_ancestors_and_descendants_of_the_selected_job_stand_out(qtbot: Any, graph: JobGraph) -> None:
    assert not graph.bar.follow_buttons["ancestors"].isEnabled()
    click(qtbot, graph, 2)
    qtbot.mouseClick(graph.bar.follow_buttons["ancestors"], Qt.MouseButton.LeftButton)
    assert lit(graph) == {0, 1, 2}
    assert graph.bar.told.text() == "MaskCreate/job003 came from 2 jobs"
    qtbot.mouseClick(graph.bar.follow_buttons["descendants"], Qt.MouseButton.LeftButton)
    assert lit(graph) == {2, 3}
    qtbot.mouseClick(graph.bar.follow_buttons[""], Qt.MouseButton.LeftButton)
    assert lit(graph) is None


def test_that_a_second_job_shows_all_ways_between_the_two(qtbot: Any, graph: JobGraph) -> None:
    click(qtbot, graph, 3)
    click(qtbot, graph, 0, ctrl=True)
    assert lit(graph) == {0, 1, 2, 3}
    assert "2 jobs between them" in graph.bar.told.text()
    click(qtbot, graph, 4, ctrl=True)
    assert lit(graph) == {1, 2, 3, 4}
    assert "common ancestors" in graph.bar.told.text()
    click(qtbot, graph, 5, ctrl=True)
    assert "nothing in common" in graph.bar.told.text()
    qtbot.keyClick(graph.canvas, Qt.Key.Key_Escape)
    assert lit(graph) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("hinge", {3}), ("final", {1}), ("005", {4}), ("import succ", {0, 5}), ("nowhere", set())],
)
def test_that_what_is_searched_stands_out(qtbot: Any, graph: JobGraph, text: str, found: set[int]) -> None:
    qtbot.keyClicks(graph.bar.search, text)
    assert lit(graph) == found
    told = f"{len(found)} of 6 jobs match" if found else "No job matches"
    assert graph.bar.told.text() == told


def test_that_filters_offer_what_there_is_and_hidden_jobs_cannot_be_clicked(
    qtbot: Any, graph: JobGraph
) -> None:
    bar = graph.bar
    assert [bar.status.itemText(k) for k in range(bar.status.count())] == [
        "Any status",
        "Failed",
        "Running",
        "Succeeded",
    ]
    bar.tag.setCurrentIndex(bar.tag.findText("final"))
    assert lit(graph) == {1}
    qtbot.mouseClick(bar.hide_button, Qt.MouseButton.LeftButton)
    with qtbot.assertNotEmitted(graph.job_selected):
        click(qtbot, graph, 4)
    click(qtbot, graph, 1)
    assert graph.selected() == "Refine3D/job002/"


def test_that_pointing_at_a_job_tells_about_it(graph: JobGraph) -> None:
    assert hint(graph.canvas.chart, 3).split("\n") == [
        "DynaMight/job004",
        "DynaMight · 42 %",
        "From: MaskCreate/job003, consensus",
    ]
    assert "Tags: final" in hint(graph.canvas.chart, 1)
    assert "Used by: MaskCreate/job003, hinge, Class3D/job005" in hint(graph.canvas.chart, 1)


def test_that_new_states_leave_zoom_place_and_selection_alone(qtbot: Any, graph: JobGraph) -> None:
    click(qtbot, graph, 1)
    graph.canvas.set_scale(1.4)
    before = graph.canvas.scale_now, graph.canvas.seen()
    graph.set_chart([*JOBS[:3], replace(JOBS[3], status="Succeeded", note=""), *JOBS[4:]], LINKS)
    more = GraphJob("Select/job007/", 7, "Select", "Select", "Scheduled", layer=3, column=1)
    graph.set_chart([*JOBS, more], [*LINKS, GraphLink(4, 6, "particles")])
    assert (graph.canvas.scale_now, graph.canvas.seen()) == before
    assert graph.selected() == "Refine3D/job002/"


def test_that_running_jobs_glow_only_while_they_are_seen(qtbot: Any, graph: JobGraph) -> None:
    assert graph.canvas.glows
    graph.hide()
    assert not graph.canvas.glows
    graph.show()
    graph.set_chart([replace(job, status="Succeeded") for job in JOBS], LINKS)
    assert not graph.canvas.glows


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_a_card_shows_the_colour_of_its_status(
    qtbot: Any, graph: JobGraph, qapp: QApplication, theme: Any
) -> None:
    style.apply_theme(qapp, theme)
    graph.canvas.set_scale(1.0, graph.canvas.chart.cards[4].center())
    qapp.processEvents()
    image = graph.canvas.viewport().grab().toImage()
    ratio = image.devicePixelRatio()
    card = graph.canvas.chart.cards[4]
    place = graph.canvas.mapFromScene(card.left() + 2, card.center().y()) * ratio
    assert image.pixelColor(place) == style.colour("danger")
    style.apply_theme(qapp, "light")


def test_that_ten_thousand_jobs_open_quickly_and_pan_fluidly(qtbot: Any, light: QApplication) -> None:
    n_jobs = 10_000
    jobs = [
        GraphJob(f"A/job{k:05d}/", k, "A", "A", "Succeeded", layer=k // 40, column=k % 40)
        for k in range(n_jobs)
    ]
    links = [GraphLink(k, k + 40, "map") for k in range(n_jobs - 40)]
    widget = JobGraph()
    qtbot.addWidget(widget)
    widget.resize(1280, 800)
    widget.show()
    start = time.process_time()
    widget.set_chart(jobs, links)
    light.processEvents()
    assert time.process_time() - start < 2.0
    canvas = widget.canvas
    for scale in (canvas.smallest(), 0.1, 0.2, 0.5, 1.0):
        canvas.set_scale(scale, canvas.chart.rect.center())
        times = []
        for _ in range(7):
            canvas.verticalScrollBar().setValue(canvas.verticalScrollBar().value() + 5)
            start = time.process_time()
            canvas.viewport().repaint()
            times.append(time.process_time() - start)
        assert min(times) < 0.15, f"at a scale of {scale}"


def test_that_a_chart_begins_anew_in_another_room_until_somebody_goes_elsewhere(
    qtbot: Any, light: QApplication
) -> None:
    widget = JobGraph()
    qtbot.addWidget(widget)
    widget.resize(500, 260)
    widget.set_chart(JOBS, LINKS)
    widget.show()
    qtbot.waitExposed(widget)
    light.processEvents()
    widget.resize(1000, 760)
    canvas = widget.canvas

    def whole() -> bool:
        return canvas.scale_now == pytest.approx(canvas.smallest()) and canvas.seen().contains(
            canvas.chart.rect.adjusted(1, 1, -1, -1)
        )

    qtbot.waitUntil(lambda: canvas.width() > 900 and whole(), timeout=5000)
    canvas.zoom(1.3)
    zoomed = canvas.scale_now
    widget.resize(1100, 700)
    qtbot.waitUntil(lambda: canvas.width() > 1000, timeout=5000)
    light.processEvents()
    assert canvas.scale_now == zoomed
