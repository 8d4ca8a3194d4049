"""The first minutes: start screen, files dropped on the window, import, notifications, the self-test."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui import notifier_bus
from app.gui.main_window import MainWindow
from app.gui.news import JobFinished
from app.gui.notifier import Notifier
from app.gui.selftest_window import SelfTestWindow
from app.gui.welcome import latest_changes
from app.project.project import Project
from app.settings import Settings
from jobs.formats.mrc import write_map
from tests.app.gui.acting import REFINEMENT, start, wait_for_status

Make = Callable[..., MainWindow]


def drop(window: QWidget, *paths: Path) -> bool:
    """Drag files onto a widget and let them go; returns whether they were accepted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, buttons, keys)
    enter.setAccepted(False)
    window.dragEnterEvent(enter)
    if enter.isAccepted():
        window.dropEvent(QDropEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, buttons, keys))
    return enter.isAccepted()


def text_of(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel))


@pytest.fixture
def welcome(
    qtbot: Any, make_window: Make, private_settings: Settings, project: Path, tmp_path: Path
) -> MainWindow:
    """The start screen of somebody who had two projects, one of which is gone."""
    private_settings.recent_projects = [str(project), str(tmp_path / "gone")]
    window = make_window()
    qtbot.waitUntil(lambda: "not found" in text_of(window.welcome), timeout=5000)
    return window


def test_that_the_start_screen_tells_of_recent_projects_and_forgets_those_that_are_gone(
    qtbot: Any, welcome: MainWindow, private_settings: Settings, project: Path
) -> None:
    there, gone = welcome.welcome.rows()
    assert "1 job  ·" in text_of(there)
    assert there.button.isEnabled()
    assert not gone.button.isEnabled()
    remove = gone.findChild(QToolButton, "recent_remove")
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(welcome.welcome.rows()) == 1, timeout=2000)
    assert private_settings.recent_projects == [str(project)]
    qtbot.mouseClick(welcome.welcome.rows()[0].button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: welcome.project_path == project, timeout=5000)


def test_that_the_start_screen_can_be_used_with_the_keyboard(
    qtbot: Any, make_window: Make, private_settings: Settings, project: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    Project.create(second)
    private_settings.recent_projects = [str(project), str(second)]
    window = make_window()
    qtbot.waitUntil(lambda: len(window.welcome.rows()) == 2, timeout=2000)
    qtbot.wait(200)  # until the rows were told what is there
    first = window.welcome.rows()[0].button
    first.setFocus()
    window.activateWindow()
    qtbot.waitUntil(first.hasFocus, timeout=2000)
    qtbot.keyClick(first, Qt.Key.Key_Down)
    other = window.welcome.rows()[1].button
    qtbot.waitUntil(other.hasFocus, timeout=2000)
    qtbot.keyClick(other, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.project_path == second, timeout=5000)


def test_that_the_start_screen_leads_to_help_and_says_what_is_new(
    qtbot: Any, welcome: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "app.gui.project_commands.forms.show_page", lambda _w, title, text: shown.append((title, text))
    )
    for name in ("welcome_import", "welcome_news"):
        welcome.welcome.findChild(QPushButton, name).click()
    assert [title for title, _ in shown] == ["Import", "What is new"]
    assert "cryoSPARC" in shown[0][1]
    assert latest_changes(1)[0] in text_of(welcome.welcome)


def test_that_a_folder_dropped_on_the_start_screen_is_opened(
    qtbot: Any, welcome: MainWindow, project: Path
) -> None:
    assert drop(welcome.welcome, project)
    qtbot.waitUntil(lambda: welcome.project_path == project, timeout=5000)


def test_that_files_dropped_without_a_project_are_not_lost_without_a_word(
    qtbot: Any, welcome: MainWindow, project: Path
) -> None:
    drop(welcome.welcome, project / REFINEMENT / "run_data.star")
    qtbot.waitUntil(welcome.message_bar.isVisible, timeout=2000)
    assert "Open or create a project first" in text_of(welcome.message_bar)


def test_that_files_dropped_on_the_window_are_imported(
    qtbot: Any, window: MainWindow, project: Path, tmp_path: Path
) -> None:
    for name, low in (("map.mrc", -1.0), ("mask.mrc", 0.0)):
        write_map(tmp_path / name, np.linspace(low, 1, 4096, dtype=np.float32).reshape(16, 16, 16), 2.0)
    assert drop(window, project / REFINEMENT / "run_data.star", tmp_path / "map.mrc", tmp_path / "mask.mrc")
    qtbot.waitUntil(lambda: window.page.job_type is not None and window.page.job_type.key == "import")
    assert window.page.current_form is not None
    shown = window.page.current_form.rows["fn_in_other"].editor.text()
    assert shown == f"{REFINEMENT}run_data.star; {tmp_path}/map.mrc; {tmp_path}/mask.mrc"
    name = start(qtbot, window)
    assert name == "Import/job002/"
    wait_for_status(qtbot, window, name, "Succeeded")
    nodes = {node.name: node.label for node in Project.open(project).pipeline.nodes}
    assert nodes[f"{name}run_data.star"] == "ParticleGroupMetadata.star.relion"
    assert nodes[f"{name}map.mrc"] == "DensityMap.mrc"
    assert nodes[f"{name}mask.mrc"] == "Mask3D.mrc"
    # what RELION's Browse buttons look into
    assert (project / ".Nodes" / "Mask3D" / name / "mask.mrc").exists()
    entry = window.entries[name]
    assert entry.ours
    job_star = (project / name / "job.star").read_text()
    assert "relion.import.other" in job_star
    assert [line.split()[1] for line in job_star.splitlines() if "do_raw" in line] == ["No"]


def test_that_several_files_are_chosen_at_once(
    qtbot: Any, window: MainWindow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.show_new("import")
    assert window.page.current_form is not None
    editor = window.page.current_form.rows["fn_in_other"].editor
    chosen = [str(project / "a.mrc"), "/elsewhere/b.star"]
    monkeypatch.setattr(
        "widgets.path_field.QFileDialog.getOpenFileNames", lambda *_a, **_k: (chosen, "All files (*)")
    )
    editor.browse_button.click()  # type: ignore[attr-defined]
    assert editor.text() == "a.mrc; /elsewhere/b.star"
    assert drop(editor, Path("/elsewhere/c.cs"))
    assert editor.text() == "a.mrc; /elsewhere/b.star; /elsewhere/c.cs"


def test_that_an_ended_job_shows_in_the_title_until_somebody_looks(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    title = window.windowTitle()
    ended = JobFinished(REFINEMENT, "succeeded", "The job finished successfully.")
    window.take(ended)
    window.take(ended)
    assert window.windowTitle() == f"(2) {title}"
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    assert window.windowTitle() == title
    window.settings.notify_end = False
    window.take(ended)
    assert window.windowTitle() == title


def test_that_a_click_on_a_notification_brings_the_job_up(qtbot: Any, window: MainWindow) -> None:
    window.showMinimized()
    window.notifier._come_forward(REFINEMENT)
    assert not window.isMinimized()
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    assert window.page.details is not None
    assert window.page.details.entry.name == REFINEMENT


def test_that_a_notification_is_sent_without_a_tray_and_without_a_sound(
    qtbot: Any, make_window: Make, tmp_path: Path
) -> None:
    program = tmp_path / "gdbus"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\necho "(uint32 41,)"\n')
    program.chmod(0o755)
    notifier = Notifier(make_window())
    bus = notifier_bus.DesktopBus(notifier)
    bus._program = str(program)
    clicks: list[str] = []
    bus.clicked.connect(clicks.append)
    failures: list[bool] = []
    bus.notify(
        "job002",
        'It said "no".',
        good=True,
        job=REFINEMENT,
        shown_ms=100,
        failed=lambda: failures.append(True),
    )
    qtbot.waitUntil(lambda: 41 in bus._jobs, timeout=5000)
    said = (tmp_path / "said").read_text()
    assert '"It said \\"no\\"."' in said
    assert "'suppress-sound': <true>" in said
    bus.action(7, "default")  # another program's
    bus.action(41, "default")
    assert clicks == [REFINEMENT]
    program.write_text("#!/bin/sh\nexit 1\n")
    bus.notify("a", "b", good=False, job="", shown_ms=100, failed=lambda: failures.append(True))
    qtbot.waitUntil(lambda: failures == [True], timeout=5000)


@pytest.fixture
def selftest(qtbot: Any, tmp_path: Path) -> Callable[[str], SelfTestWindow]:
    """A self-test whose process does what is given."""

    def make(program: str) -> SelfTestWindow:
        window = SelfTestWindow(None, [sys.executable, "-c", program])
        qtbot.addWidget(window)
        window.show()
        window.start()
        qtbot.waitUntil(window.again_button.isEnabled, timeout=10000)
        return window

    return make


def test_that_the_self_test_tells_what_fails_and_what_to_do(
    selftest: Callable[[str], SelfTestWindow],
) -> None:
    found = [
        {"key": str(k), "title": f"Part {k}", "state": "good", "found": "fine", "hint": ""} for k in range(4)
    ]
    found.append({"key": "x", "title": "OpenGL", "state": "bad", "found": "none", "hint": "Install libgl1."})
    lines = "\n".join(json.dumps(entry) for entry in found)
    window = selftest(f"print({lines!r})")
    assert "below it stands what to do" in window.summary.text()
    assert "Install libgl1." in text_of(window)
    window.copy()
    assert "[ BAD] OpenGL: none" in QGuiApplication.clipboard().text()


def test_that_a_crash_of_the_self_test_does_not_end_the_window(
    selftest: Callable[[str], SelfTestWindow],
) -> None:
    window = selftest("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "ended early" in window.summary.text()
    assert window.isVisible()


def test_that_long_advice_of_the_self_test_can_be_scrolled_to(
    qtbot: QtBot, selftest: Callable[[str], SelfTestWindow]
) -> None:
    found = [
        {"key": str(k), "title": f"Part {k}", "state": "bad", "found": "none", "hint": "Install it. " * 400}
        for k in range(5)
    ]
    lines = "\n".join(json.dumps(entry) for entry in found)
    window = selftest(f"print({lines!r})")
    assert window.results.isVisible()
    assert window.copy_button.visibleRegion().boundingRect().size() == window.copy_button.size()
    bar = window.results.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.isVisible() and bar.maximum() > 0)
