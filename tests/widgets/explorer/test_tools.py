from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from widgets import style
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.tool_icons import tool_cursor, tool_icon
from widgets.explorer.tools import ABOUT, Tool, ToolBar

KEYS = {
    Tool.PICK: Qt.Key.Key_V,
    Tool.DRAW: Qt.Key.Key_F,
    Tool.LINE: Qt.Key.Key_L,
    Tool.ANCHORS: Qt.Key.Key_A,
    Tool.LASSO: Qt.Key.Key_S,
    Tool.POLYGON: Qt.Key.Key_P,
    Tool.RECTANGLE: Qt.Key.Key_R,
    Tool.PAN: Qt.Key.Key_H,
}


@pytest.fixture
def canvas(light: QApplication, qtbot: QtBot) -> Iterator[LatentCanvas]:
    """A plot with some particles."""
    widget = LatentCanvas()
    qtbot.addWidget(widget)
    widget.set_coordinates(np.random.default_rng(0).normal(size=(100, 2)), ("a", "b"))
    widget.resize(400, 300)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    widget.close()


@pytest.fixture
def bar(canvas: LatentCanvas, qtbot: QtBot) -> Iterator[ToolBar]:
    """Its buttons."""
    widget = ToolBar(canvas)
    qtbot.addWidget(widget)
    widget.show()
    yield widget
    widget.close()


def checked(bar: ToolBar) -> list[str]:
    return [b.objectName() for b in bar.findChildren(QToolButton) if b.isChecked()]


def test_that_buttons_keys_and_the_plot_agree_about_the_tool(
    canvas: LatentCanvas, bar: ToolBar, qtbot: QtBot
) -> None:
    told: list[str] = []
    canvas.tool_changed.connect(told.append)
    for tool in (Tool.LASSO, Tool.PAN, Tool.PICK):
        qtbot.mouseClick(bar.button(tool), Qt.MouseButton.LeftButton)
        assert canvas.tool is tool and checked(bar) == [f"explorer_tool_{tool.value}"]
    for tool, key in KEYS.items():
        QTest.keyClick(canvas, key)
        assert canvas.tool is tool and checked(bar) == [f"explorer_tool_{tool.value}"]
    canvas.set_tool(Tool.POLYGON)
    assert checked(bar) == ["explorer_tool_polygon"]
    assert told == ["lasso", "pan", "pick", *[t.value for t in KEYS][1:], "polygon"]


def test_that_letters_with_ctrl_are_left_to_the_window(canvas: LatentCanvas) -> None:
    QTest.keyClick(canvas, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert canvas.tool is Tool.PICK


def test_that_every_button_says_what_it_does_and_its_key(bar: ToolBar) -> None:
    for tool, key in KEYS.items():
        button = bar.button(tool)
        assert ABOUT[tool].title in button.toolTip()
        assert f"({chr(key.value)})" in button.toolTip()
        assert button.accessibleName() == ABOUT[tool].title
    for tool in (Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE):
        assert "Shift adds" in bar.button(tool).toolTip() and "Alt" in bar.button(tool).toolTip()
    assert "Home" in bar.fit_button.toolTip()


def test_that_the_fit_button_shows_everything(canvas: LatentCanvas, bar: ToolBar, qtbot: QtBot) -> None:
    home = canvas.view
    canvas.zoom(0.3)
    qtbot.mouseClick(bar.fit_button, Qt.MouseButton.LeftButton)
    assert canvas.view == home


def test_that_a_click_on_a_button_gives_the_keyboard_to_the_plot(
    canvas: LatentCanvas, bar: ToolBar, qtbot: QtBot
) -> None:
    for button in bar.findChildren(QToolButton):
        assert button.focusPolicy() in (Qt.FocusPolicy.NoFocus, Qt.FocusPolicy.TabFocus), "not by a click"
    canvas.activateWindow()
    qtbot.mouseClick(bar.button(Tool.LASSO), Qt.MouseButton.LeftButton)
    assert canvas.window().focusWidget() is canvas
    assert canvas.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert canvas.accessibleName() and canvas.statusTip().startswith(ABOUT[Tool.LASSO].title)


def picture(icon: QIcon) -> np.ndarray:
    image = icon.pixmap(QSize(18, 18)).toImage()
    return np.array([[image.pixelColor(x, y).alpha() for x in range(18)] for y in range(18)], float)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_icons_differ_in_shape_and_fill_their_square(light: QApplication, theme: str) -> None:
    style.apply_theme(light, theme)  # type: ignore[arg-type]
    shapes = {name: picture(tool_icon(name)) for name in [*(t.value for t in Tool), "fit"]}
    for name, shape in shapes.items():
        rows, columns = np.nonzero(shape > 100)
        assert np.ptp(rows) >= 9 and np.ptp(columns) >= 9, name
    for (one, a), (two, b) in itertools.combinations(shapes.items(), 2):
        assert np.abs(a - b).mean() > 15, f"{one} looks like {two}"
    style.apply_theme(light, "light")


def test_that_cursors_show_the_tool(light: QApplication) -> None:
    assert tool_cursor(Tool.PAN).shape() is Qt.CursorShape.OpenHandCursor
    assert tool_cursor(Tool.LASSO, held=True).shape() is Qt.CursorShape.ClosedHandCursor
    crosshair = tool_cursor(Tool.LASSO)
    assert crosshair.shape() is Qt.CursorShape.BitmapCursor and crosshair.hotSpot().x() == 10
    assert tool_cursor(Tool.LASSO).pixmap().toImage() != tool_cursor(Tool.DRAW).pixmap().toImage()
