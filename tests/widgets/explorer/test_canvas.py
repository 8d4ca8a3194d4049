from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets import style
from widgets.explorer import compiled, polygon
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.tools import Tool

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def cloud(rng: np.random.Generator) -> NDArray[np.float32]:
    """Two thousand particles in two groups."""
    return np.vstack([rng.normal((-2, 0), 0.5, (1000, 2)), rng.normal((2, 1), 0.5, (1000, 2))]).astype(
        np.float32
    )


@pytest.fixture
def canvas(light: QApplication, qtbot: QtBot, cloud: NDArray[np.float32]) -> Iterator[LatentCanvas]:
    """A canvas on the screen, with its compiled functions."""
    assert compiled.LOADER.wait(120)
    widget = LatentCanvas()
    qtbot.addWidget(widget)
    widget.resize(520, 460)
    widget.set_coordinates(cloud, ("PC1", "PC2"))
    widget.show()
    qtbot.waitExposed(widget)
    light.processEvents()
    yield widget
    widget.close()


def mouse(
    canvas: LatentCanvas,
    kind: QEvent.Type,
    place: QPoint,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = NONE,
) -> None:
    """Send an event with what is held, which QTest leaves out of moves."""
    released = kind in (QEvent.Type.MouseButtonRelease,)
    moved = kind is QEvent.Type.MouseMove
    event = QMouseEvent(
        kind,
        QPointF(place),
        QPointF(canvas.mapToGlobal(place)),
        Qt.MouseButton.NoButton if moved else button,
        Qt.MouseButton.NoButton if released else button,
        modifiers,
    )
    QApplication.sendEvent(canvas, event)


def drag(
    canvas: LatentCanvas,
    places: list[QPoint],
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = NONE,
) -> None:
    mouse(canvas, QEvent.Type.MouseButtonPress, places[0], button, modifiers)
    for place in places[1:]:
        mouse(canvas, QEvent.Type.MouseMove, place, button, modifiers)
    mouse(canvas, QEvent.Type.MouseButtonRelease, places[-1], button, modifiers)


def pixel(canvas: LatentCanvas, x: float, y: float) -> QPoint:
    return canvas.frame.to_screen(x, y).toPoint()


def colour_at(canvas: LatentCanvas, x: float, y: float) -> QColor:
    image = canvas.picture()
    ratio = image.devicePixelRatio()
    place = canvas.frame.to_screen(x, y)
    return image.pixelColor(int(place.x() * ratio), int(place.y() * ratio))


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


def test_that_everything_fits_into_the_first_view(canvas: LatentCanvas, cloud: NDArray[np.float32]) -> None:
    view = canvas.view
    assert view.x_low < cloud[:, 0].min() and cloud[:, 0].max() < view.x_high
    assert view.y_low < cloud[:, 1].min() and cloud[:, 1].max() < view.y_high
    assert canvas.count_in_view == 2000


def test_that_an_outlier_does_not_flatten_the_rest(canvas: LatentCanvas, rng: np.random.Generator) -> None:
    xy = rng.normal(size=(5000, 2))
    xy[0] = (1e6, -1e6)
    canvas.set_coordinates(xy, ("a", "b"))
    assert canvas.view.width < 12 and canvas.view.height < 12


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


def test_that_zooming_ends_where_numbers_would(canvas: LatentCanvas) -> None:
    for factor in (0.5, 2.0):
        for _ in range(100):
            canvas.zoom(factor, QPointF(250, 200))
        assert 1e-6 < canvas.view.width < 1e4
        canvas.fit()


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


@pytest.mark.parametrize("count", [2_000, 60_000])
def test_that_the_nearest_particle_is_the_nearest_on_the_screen(
    canvas: LatentCanvas, qtbot: QtBot, rng: np.random.Generator, count: int
) -> None:
    xy = rng.normal(size=(count, 2)).astype(np.float32) * np.float32([1, 100])
    xy[::50] = np.nan
    canvas.set_coordinates(xy, ("a", "b"))
    for sorted_points in (False, True):
        if sorted_points and count > 20_000:
            qtbot.waitUntil(lambda: canvas._cloud.order.rows is not None)
        across, up = canvas.frame.per_pixel
        for x, y in rng.normal(size=(50, 2)) * (2, 200):
            distance = np.hypot((xy[:, 0].astype(float) - x) / across, (xy[:, 1].astype(float) - y) / up)
            best = int(np.nanargmin(distance))
            found = canvas.nearest(float(x), float(y))
            assert found == (best if distance[best] <= 12 else None)


def test_that_hidden_particles_are_not_found(canvas: LatentCanvas, cloud: NDArray[np.float32]) -> None:
    x, y = (float(v) for v in cloud[5])
    assert canvas.nearest(x, y) == 5
    shown = np.ones(2000, bool)
    shown[5] = False
    canvas.set_shown(shown)
    assert canvas.nearest(x, y) != 5
    canvas.set_shown(np.zeros(2000, bool))
    assert canvas.nearest(x, y) is None


def test_that_what_is_seen_lies_where_the_axes_say(canvas: LatentCanvas) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]), ("a", "b"))
    canvas.set_colours(
        np.array([0, 1, 2]), np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [9, 9, 9]]), categorical=True
    )
    assert colour_at(canvas, 0, 0) == QColor(200, 0, 0)
    assert colour_at(canvas, 1, 0) == QColor(0, 200, 0)
    assert colour_at(canvas, 1, 2) == QColor(0, 0, 200)
    assert colour_at(canvas, 0.47, 1.13) == style.colour("surface")


def test_that_new_places_keep_colours_and_selection_and_on_request_the_view(canvas: LatentCanvas) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 1.0]]), ("a", "b"))
    canvas.set_colours(np.array([0, 1]), np.array([[200, 0, 0], [0, 200, 0], [9, 9, 9]]), categorical=True)
    canvas.set_selection(np.array([True, False]))
    view = canvas.view
    canvas.set_coordinates(np.array([[1.0, 0.0], [0.0, 1.0]]), ("a", "b"), keep_view=True)
    assert canvas.view == view
    assert colour_at(canvas, 1, 0) == QColor(200, 0, 0)
    dimmed = colour_at(canvas, 0, 1)
    assert dimmed.red() > 100 and dimmed.green() > 200 and dimmed.blue() > 100, "pale green"
    canvas.set_coordinates(np.array([[10.0, 0.0], [0.0, 1.0]]), ("a", "b"))
    assert canvas.view != view


def test_that_the_mark_contrasts_with_any_colour_below(canvas: LatentCanvas, light: QApplication) -> None:
    for theme in ("light", "dark"):
        style.apply_theme(light, theme)  # type: ignore[arg-type]
        for rgb in ((0, 0, 0), (255, 255, 255), (120, 120, 120), (200, 0, 0)):
            canvas.set_coordinates(np.random.default_rng(0).uniform(-1, 1, (60_000, 2)), ("a", "b"))
            canvas.set_colours(None, np.array([rgb]), categorical=False)
            canvas.set_mark((0.0, 0.0))
            image = canvas.picture()
            ratio = image.devicePixelRatio()
            centre = canvas.frame.to_screen(0, 0) * ratio
            line = [
                image.pixelColor(int(centre.x() + d), int(centre.y())).lightness()
                for d in range(round(14 * ratio))
            ]
            assert max(line) - min(line) > 150
    style.apply_theme(light, "light")


def test_that_resizing_keeps_the_view_and_draws_it_anew(canvas: LatentCanvas, qtbot: QtBot) -> None:
    view = canvas.view
    with qtbot.waitSignal(canvas.rendered):
        canvas.resize(800, 300)
    assert canvas.view == view and canvas.count_in_view == 2000
    rect = canvas.frame.rect
    assert rect.width() > 650 and rect.bottom() < 300
    canvas.resize(10, 10)
    QApplication.processEvents()
    assert not canvas.picture().isNull()


def test_that_the_whole_plot_is_filled_while_it_moves(canvas: LatentCanvas, rng: np.random.Generator) -> None:
    canvas.set_coordinates(rng.uniform(-10, 10, (400_000, 2)), ("a", "b"))
    canvas.set_colours(None, np.array([[200, 0, 0]]), categorical=False)
    canvas.show_view(canvas.view.zoomed(0.4, 0, 0))
    for _ in range(5):
        canvas.show_view(canvas.view.moved(0.3 * canvas.view.width / 5, 0))
        image = canvas.picture()
        rect = canvas.frame.rect.toRect().adjusted(2, 2, -2, -2)
        for x in (rect.left(), rect.right()):
            across = round(x * image.devicePixelRatio())
            edge = [image.pixelColor(across, y).green() < 230 for y in range(rect.top(), rect.bottom(), 2)]
            assert np.mean(edge) > 0.3, "an edge that came into view is empty"


def test_that_a_dense_screen_gets_a_dense_picture(
    canvas: LatentCanvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas.set_coordinates(np.array([[0.0, 0.0], [1.0, 1.0]]), ("a", "b"))
    canvas.set_colours(None, np.array([[200, 0, 0]]), categorical=False)
    plain = canvas.picture()
    monkeypatch.setattr(LatentCanvas, "devicePixelRatioF", lambda _self: 2.0)
    fine = canvas.picture()
    assert fine.size() == 2 * plain.size()

    def red(image: QImage) -> int:
        return sum(
            image.pixelColor(x, y) == QColor(200, 0, 0)
            for x in range(image.width())
            for y in range(image.height())
        )

    assert red(fine) == pytest.approx(4 * red(plain), rel=0.25)


@pytest.mark.parametrize(
    "xy", [np.zeros((0, 2)), np.full((3, 2), np.nan), np.zeros((1, 2)), np.full((7, 2), 1e20)]
)
def test_that_a_cloud_without_extent_can_be_looked_at(canvas: LatentCanvas, xy: NDArray[np.float64]) -> None:
    canvas.set_coordinates(xy, ("a", "b"))
    for act in (canvas.fit, lambda: canvas.zoom(0.5), lambda: canvas.show_density(True)):
        act()
        QApplication.processEvents()
        assert not canvas.picture().isNull()
    canvas.fit()
    middle = canvas.frame.to_data(canvas.frame.rect.center())
    found = canvas.nearest(*middle)
    assert (found is not None) == bool(len(xy) and np.isfinite(xy).all())


def test_that_paths_and_outlines_seen_from_very_near_cost_nothing(canvas: LatentCanvas, qtbot: QtBot) -> None:
    along = np.linspace(-3, 3, 500)
    line = np.c_[along, np.sin(along)]
    canvas.set_path(line, line[::100])
    canvas.set_tool(Tool.POLYGON)
    for p in ((-3, -1), (3, -1), (0, 2)):
        qtbot.mouseClick(canvas, LEFT, pos=pixel(canvas, *p))
    canvas.show_view(canvas.view.zoomed(3e-5, 0.0, 0.0))
    began = time.perf_counter()
    canvas.repaint()
    assert time.perf_counter() - began < 0.15
    QTest.keyClick(canvas, Qt.Key.Key_Escape)


def test_that_places_that_are_not_known_are_not_drawn(canvas: LatentCanvas) -> None:
    canvas.fit()
    plain = canvas.picture()
    canvas.set_mark((np.nan, 0.0))
    canvas.set_path(np.full((4, 2), np.nan), np.full((2, 2), np.nan))
    assert canvas.picture() == plain


def test_that_a_million_particles_never_hold_up_the_window(canvas: LatentCanvas, qtbot: QtBot) -> None:
    xy = np.random.default_rng(0).normal(size=(1_000_000, 2)).astype(np.float32)
    canvas.set_coordinates(xy, ("a", "b"))
    with qtbot.waitSignal(canvas.rendered, timeout=2000):
        pass
    qtbot.waitUntil(lambda: canvas._cloud.order.rows is not None, timeout=2000)
    assert canvas.count_in_view == 1_000_000
    times = []
    for step in range(10):
        began = time.perf_counter()
        canvas.show_view(canvas.view.zoomed(0.93, 0.1 * step, 0))
        canvas.repaint()
        times.append(time.perf_counter() - began)
    # the goal is 33 ms; three times that allows for other work on the machine
    assert np.median(times) < 0.1
