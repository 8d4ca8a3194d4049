from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.pointing import LEFT, MIDDLE, NONE, RIGHT, drag, mouse, pixel
from widgets.explorer import polygon
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.tools import Tool


def ring(centre: tuple[float, float], radius: float, count: int = 40) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.c_[centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)]


def test_that_a_click_picks_the_place_under_the_mouse(canvas: LatentCanvas, qtbot: QtBot) -> None:
    place = pixel(canvas, 1.5, 0.25)
    with qtbot.waitSignal(canvas.picked) as caught:
        qtbot.mouseClick(canvas, LEFT, pos=place)
    x, y = caught.args
    across, up = canvas.frame.per_pixel
    assert abs(x - 1.5) <= across and abs(y - 0.25) <= up


def test_that_dragging_reports_every_place_and_then_its_end(canvas: LatentCanvas) -> None:
    seen: list[tuple[float, float]] = []
    ended: list[bool] = []
    canvas.dragged.connect(lambda x, y: seen.append((x, y)))
    canvas.drag_ended.connect(lambda: ended.append(True))
    wanted = [(-1.0, 0.0), (-0.5, 0.5), (0.5, 0.5)]
    drag(canvas, [pixel(canvas, *p) for p in [(-2.0, 0.0), *wanted]])
    np.testing.assert_allclose(seen, wanted, atol=max(canvas.frame.per_pixel))
    assert ended == [True]


def test_that_a_lasso_selects_exactly_the_particles_within(
    canvas: LatentCanvas, cloud: NDArray[np.float32], qtbot: QtBot
) -> None:
    canvas.set_tool(Tool.LASSO)
    outline = ring((-2, 0), 1.1)
    with qtbot.waitSignal(canvas.region_drawn) as caught:
        drag(canvas, [pixel(canvas, *p) for p in outline])
    corners, mode = caught.args
    assert mode == "new"
    across, up = canvas.frame.per_pixel
    distance = np.hypot(*(cloud - np.array([-2, 0])).T)
    inside = polygon.inside(cloud, corners)
    # mouse places are whole pixels, and the outline's chords lie within the circle
    slack = 2 * max(across, up) + 1.1 * (1 - np.cos(np.pi / 40))
    assert inside[distance < 1.1 - slack].all()
    assert not inside[distance > 1.1 + slack].any()
    assert 700 < inside.sum() < 1000


@pytest.mark.parametrize(
    ("modifiers", "mode"),
    [
        (NONE, "new"),
        (Qt.KeyboardModifier.ShiftModifier, "add"),
        (Qt.KeyboardModifier.AltModifier, "subtract"),
        (Qt.KeyboardModifier.ControlModifier, "subtract"),
        (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier, "intersect"),
    ],
)
def test_that_modifiers_say_how_a_rectangle_is_combined(
    canvas: LatentCanvas, qtbot: QtBot, modifiers: Qt.KeyboardModifier, mode: str
) -> None:
    canvas.set_tool(Tool.RECTANGLE)
    with qtbot.waitSignal(canvas.region_drawn) as caught:
        drag(canvas, [pixel(canvas, -1, -1), pixel(canvas, 0, 0), pixel(canvas, 1, 0.5)], modifiers=modifiers)
    corners, found = caught.args
    assert found == mode
    np.testing.assert_allclose(corners.min(0), (-1, -1), atol=max(canvas.frame.per_pixel))
    np.testing.assert_allclose(corners.max(0), (1, 0.5), atol=max(canvas.frame.per_pixel))
    assert len(corners) == 4


@pytest.mark.parametrize("end", ["first corner", "double-click", "Enter"])
def test_that_a_polygon_closes_in_three_ways(canvas: LatentCanvas, qtbot: QtBot, end: str) -> None:
    canvas.set_tool(Tool.POLYGON)
    wanted = [(-3.0, -1.0), (-1.0, -1.0), (-1.0, 1.0), (-3.0, 1.0)]
    places = [pixel(canvas, *p) for p in wanted]
    with qtbot.waitSignal(canvas.region_drawn) as caught:
        for place in places:
            qtbot.mouseClick(canvas, LEFT, pos=place)
        if end == "first corner":
            qtbot.mouseClick(canvas, LEFT, pos=places[0] + QPoint(3, -2))
        elif end == "Enter":
            QTest.keyClick(canvas, Qt.Key.Key_Return)
        else:
            mouse(canvas, QEvent.Type.MouseButtonDblClick, places[-1])
    np.testing.assert_allclose(caught.args[0], wanted, atol=max(canvas.frame.per_pixel))


def test_that_backspace_takes_back_a_corner_and_escape_all_of_them(
    canvas: LatentCanvas, qtbot: QtBot
) -> None:
    regions: list[NDArray[np.float64]] = []
    canvas.region_drawn.connect(lambda corners, _mode: regions.append(corners))
    canvas.set_tool(Tool.POLYGON)
    for p in ((-3, -1), (-1, -1), (0, 0), (-1, 1)):
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, *p))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert regions == []
    for p in ((-3, -1), (-1, -1), (-1, 1), (0, 2)):
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, *p))
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert [len(corners) for corners in regions] == [3]


@pytest.mark.parametrize("tool", list(Tool))
def test_that_the_middle_button_draws_a_trajectory_with_every_tool(
    canvas: LatentCanvas, qtbot: QtBot, tool: Tool
) -> None:
    canvas.set_tool(tool)
    wanted = [(-2.0, 0.0), (-1.0, 0.8), (0.5, 1.0), (2.0, 1.0)]
    with qtbot.waitSignal(canvas.path_drawn) as caught:
        drag(canvas, [pixel(canvas, *p) for p in wanted], MIDDLE)
    np.testing.assert_allclose(caught.args[0], wanted, atol=max(canvas.frame.per_pixel))
    assert canvas.tool is tool


def test_that_a_straight_line_has_two_ends_and_shift_levels_it(canvas: LatentCanvas, qtbot: QtBot) -> None:
    canvas.set_tool(Tool.LINE)
    for modifiers, y_end in ((NONE, 0.3), (Qt.KeyboardModifier.ShiftModifier, 0.0)):
        with qtbot.waitSignal(canvas.path_drawn) as caught:
            places = [pixel(canvas, -2, 0), pixel(canvas, 0, 1), pixel(canvas, 2, 0.3)]
            drag(canvas, places, modifiers=modifiers)
        line = caught.args[0]
        assert line.shape == (2, 2)
        assert line[0, 1] == pytest.approx(0, abs=canvas.frame.per_pixel[1])
        assert line[1, 1] == pytest.approx(y_end, abs=canvas.frame.per_pixel[1])


def test_that_a_click_with_a_drawing_tool_draws_nothing(canvas: LatentCanvas, qtbot: QtBot) -> None:
    drawn: list[object] = []
    canvas.path_drawn.connect(drawn.append)
    canvas.region_drawn.connect(lambda corners, _mode: drawn.append(corners))
    for tool in (Tool.DRAW, Tool.LINE, Tool.LASSO, Tool.RECTANGLE):
        canvas.set_tool(tool)
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, 0, 0))
    assert drawn == []


def test_that_anchors_are_added_moved_and_removed(canvas: LatentCanvas, qtbot: QtBot) -> None:
    canvas.set_tool(Tool.ANCHORS)
    with qtbot.waitSignal(canvas.anchor_added) as added:
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, 0.5, 0.5))
    np.testing.assert_allclose(added.args, (0.5, 0.5), atol=max(canvas.frame.per_pixel))
    anchors = np.array([[-2.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    canvas.set_path(anchors, anchors)
    moves: list[tuple[int, float, float]] = []
    canvas.anchor_moved.connect(lambda k, x, y: moves.append((k, x, y)))
    drag(canvas, [pixel(canvas, 0, 1), pixel(canvas, 0.3, 0.5), pixel(canvas, 0.5, 0.2)])
    assert [k for k, _, _ in moves] == [1, 1]
    np.testing.assert_allclose(moves[-1][1:], (0.5, 0.2), atol=max(canvas.frame.per_pixel))
    with qtbot.waitSignal(canvas.anchor_removed) as removed:
        QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert removed.args == [1], "the one moved last"
    mouse(canvas, QEvent.Type.MouseMove, pixel(canvas, 2, 1), Qt.MouseButton.NoButton)
    with qtbot.waitSignal(canvas.anchor_removed) as removed:
        QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert removed.args == [2], "the one under the mouse"


def test_that_a_right_click_on_an_anchor_offers_its_removal(canvas: LatentCanvas, qtbot: QtBot) -> None:
    canvas.set_path(None, np.array([[0.0, 0.0], [1.0, 1.0]]))
    qtbot.mouseClick(canvas, RIGHT, pos=pixel(canvas, 1, 1))
    menu = QApplication.activePopupWidget()
    assert menu is not None and menu.objectName() == "explorer_anchor_menu"
    action = menu.actions()[0]
    assert action.text() == "Remove anchor 2"
    with qtbot.waitSignal(canvas.anchor_removed) as removed:
        action.trigger()
    assert removed.args == [1]
    menu.close()


def test_that_the_wheel_zooms_at_the_cursor(canvas: LatentCanvas) -> None:
    place = pixel(canvas, 1.7, -0.4)
    before, width = canvas.frame.to_data(QPointF(place)), canvas.view.width
    for notches in (3, -5, 1):
        event = QWheelEvent(
            QPointF(place),
            QPointF(canvas.mapToGlobal(place)),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            NONE,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas, event)
        assert (canvas.view.width < width) == (notches > 0)
        width = canvas.view.width
        assert canvas.frame.to_data(QPointF(place)) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize("way", ["right button", "pan tool", "space"])
def test_that_the_view_follows_the_hand(canvas: LatentCanvas, way: str) -> None:
    start, end = QPoint(200, 200), QPoint(260, 170)
    held = canvas.frame.to_data(QPointF(start))
    if way == "pan tool":
        canvas.set_tool(Tool.PAN)
    if way == "space":
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, [start, QPoint(230, 180), end], RIGHT if way == "right button" else LEFT)
    if way == "space":
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.frame.to_data(QPointF(end)) == pytest.approx(held, abs=1e-9)
    assert canvas.tool is (Tool.PAN if way == "pan tool" else Tool.PICK)


def test_that_a_double_click_and_home_show_everything(canvas: LatentCanvas) -> None:
    home = canvas.view
    for back in ("double-click", "Home", "0"):
        canvas.show_view(home.zoomed(0.2, 0, 0))
        assert canvas.view != home
        if back == "double-click":
            mouse(canvas, QEvent.Type.MouseButtonDblClick, pixel(canvas, 0, 0))
        else:
            QTest.keyClick(canvas, Qt.Key.Key_Home if back == "Home" else Qt.Key.Key_0)
        assert canvas.view == home


def test_that_keys_move_and_zoom(canvas: LatentCanvas) -> None:
    home = canvas.view
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.view.x_low == pytest.approx(home.x_low + 0.1 * home.width)
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert canvas.view.y_low == pytest.approx(home.y_low + 0.1 * home.height)
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.view.width == pytest.approx(home.width / 1.25)
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.view.width == pytest.approx(home.width)


def test_that_the_particle_under_the_mouse_is_announced(
    canvas: LatentCanvas, cloud: NDArray[np.float32], qtbot: QtBot
) -> None:
    lonely = np.vstack([cloud, [[0.0, -3.0]]])
    canvas.set_coordinates(lonely, ("a", "b"))
    QApplication.processEvents()
    with qtbot.waitSignal(canvas.hovered) as caught:
        mouse(canvas, QEvent.Type.MouseMove, pixel(canvas, 0, -3) + QPoint(5, 4), Qt.MouseButton.NoButton)
    assert caught.args == [2000]
    with qtbot.waitSignal(canvas.hovered) as caught:
        mouse(canvas, QEvent.Type.MouseMove, pixel(canvas, 0, -3) + QPoint(40, 0), Qt.MouseButton.NoButton)
    assert caught.args == [-1]


def test_that_hovering_is_announced_thirty_times_a_second_at_most(
    canvas: LatentCanvas, qtbot: QtBot, rng: np.random.Generator
) -> None:
    rows: list[int] = []
    canvas.hovered.connect(rows.append)
    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        for x in rng.uniform(-3, 3, 20):
            mouse(canvas, QEvent.Type.MouseMove, pixel(canvas, x, 0.3), Qt.MouseButton.NoButton)
        qtbot.wait(1)
    assert 2 <= len(rows) <= 17
