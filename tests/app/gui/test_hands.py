"""Files dragged where the mouse is, and double clicks, as the window gets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.gui.main_window import MainWindow
from tests.app.gui.acting import REFINEMENT

Make = Callable[..., MainWindow]


def drag(window: MainWindow, target: QWidget, path: Path) -> QWidget | None:
    """Drop a file in the middle of a part; returns who took it, which is found as Qt finds it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    data.setText(str(path))  # as file managers do
    part: QWidget | None = window.childAt(target.mapTo(window, target.rect().center()))
    while part is not None and not part.acceptDrops():
        part = None if part is window else part.parentWidget()
    if part is None:
        return None
    where = part.mapFrom(window, target.mapTo(window, target.rect().center()))
    buttons, keys, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    QApplication.sendEvent(part, QDragEnterEvent(QPoint(where), copy, data, buttons, keys))
    QApplication.sendEvent(part, QDropEvent(QPointF(where), copy, data, buttons, keys))
    return part


def test_that_a_file_dropped_on_a_field_is_its_value_and_elsewhere_an_import(
    qtbot: Any, window: MainWindow, project: Path
) -> None:
    form = window.page.current_form
    assert form is not None and window.page.job_type is not None
    map_file = project / REFINEMENT / "run_class001.mrc"
    line = form.rows["fn_map"].editor.findChild(QLineEdit)
    assert line is not None
    assert drag(window, line, map_file) is not None
    assert line.text() == f"{REFINEMENT}run_class001.mrc"
    assert window.page.job_type.key == "dynamight"
    # a line that takes no files leaves them to the window: no address is written into it
    number = form.rows["nr_gaussians"].editor.findChild(QLineEdit)
    assert number is not None
    for target in (number, window.jobs.finished.view, window.menu_bar):
        window.show_new("dynamight")
        before = number.text()
        assert drag(window, target, project / REFINEMENT / "run_data.star") is window
        qtbot.waitUntil(
            lambda: window.page.job_type is not None and window.page.job_type.key == "import", timeout=5000
        )
        assert number.text() == before
        imported = window.page.form("import").rows["fn_in_other"].editor
        assert imported.text() == f"{REFINEMENT}run_data.star"


def test_that_a_click_chooses_a_job_and_a_double_click_on_it_opens_its_results_once(
    qtbot: Any, window: MainWindow
) -> None:
    window.panes.reveal("overview")
    view = window.jobs.finished.view
    qtbot.waitUntil(lambda: view.model().rowCount() == 1, timeout=5000)
    place = view.visualRect(view.model().index(0, 0)).center()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(view.viewport(), left, none, place)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    QTest.mouseDClick(view.viewport(), left, none, place)
    qtbot.wait(100)
    assert window.page.details is not None and window.page.details.entry.name == REFINEMENT
    assert not window.message_bar.messages()
