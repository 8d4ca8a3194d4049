"""The keyboard alone: where Tab goes, that one sees where it is, and what a screen reader can say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDockWidget, QWidget

from app.gui.main_window import MainWindow
from tests.app.gui.acting import REFINEMENT
from widgets.focus_order import focusable_parts

#: How names of buttons begin that Qt makes.
_QTS = ("", "qt")


@pytest.fixture(autouse=True)
def still_caret(qapp: QApplication) -> Iterator[None]:
    """A blinking caret would count as a mark."""
    before = qapp.cursorFlashTime()
    qapp.setCursorFlashTime(0)
    yield
    qapp.setCursorFlashTime(before)


def focused(window: MainWindow) -> QWidget:
    """Return what a key goes to."""
    part: QWidget | None = window.focusWidget()
    return window if part is None else part


def walk(window: MainWindow) -> list[QWidget]:
    """Press Tab until it comes round, and return where it was."""
    seen: list[QWidget] = []
    for _ in range(200):
        QTest.keyClick(focused(window), Qt.Key.Key_Tab)
        part = focused(window)
        if part in seen:
            return seen
        seen.append(part)
    raise AssertionError("Tab never comes round")


def picture(window: MainWindow, part: QWidget) -> QImage:
    place = QRect(part.mapTo(window, QPoint(0, 0)), part.size())
    return window.grab(place.adjusted(-2, -2, 2, 2) & window.rect()).toImage()


def named(part: QWidget) -> str:
    return f"{type(part).__name__} {part.objectName()}"


@pytest.mark.parametrize("pane", ["job", "overview", "flowchart", "gpus"])
def test_that_tab_shows_where_it_is_and_goes_to_nothing_that_is_hidden(
    qtbot: Any, window: MainWindow, pane: str
) -> None:
    if pane == "overview":
        window.select(REFINEMENT)
        qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    window.panes.reveal(pane)
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=5000)
    seen = walk(window)
    assert len(seen) >= 8
    for part in seen:
        dock = next((d for d in window.findChildren(QDockWidget) if d.isAncestorOf(part)), None)
        assert dock is None or not dock.visibleRegion().isEmpty(), f"{named(part)} lies behind other panes"
        part.setFocus(Qt.FocusReason.TabFocusReason)
        with_focus = picture(window, part)
        part.clearFocus()
        assert picture(window, part) != with_focus, f"{named(part)} does not show that it has the focus"


def test_that_tab_goes_through_a_form_from_its_first_field_to_run(qtbot: Any, window: MainWindow) -> None:
    seen = [part.objectName() for part in focusable_parts(window)]
    steps = ["job_types", "jobs_filter", "alias", "fn_star", "fn_map", "nr_gaussians", "run_button"]
    places = [seen.index(step) for step in steps]
    assert places == sorted(places), seen


def test_that_shift_tab_goes_the_same_way_back(qtbot: Any, window: MainWindow) -> None:
    there = walk(window)
    window.setFocus()
    there[0].setFocus()
    back = []
    for _ in there:
        back.append(focused(window))
        QTest.keyClick(focused(window), Qt.Key.Key_Backtab)
    assert back == [there[0], *reversed(there[1:])]


def test_that_buttons_without_words_have_names(window: MainWindow) -> None:
    buttons = [b for b in window.findChildren(QAbstractButton) if not b.text().strip(" ‹›×?…⇄")]
    own = [b for b in buttons if not b.icon().isNull() and b.objectName().split("_")[0] not in _QTS]
    assert len(own) > 10
    assert not [named(b) for b in own if not b.accessibleName()]
