"""Whether a screen can draw in three dimensions, and loading napari beside the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from widgets.explorer import graphics

pytestmark = pytest.mark.napari


def test_that_a_platform_without_opengl_is_named_and_one_with_it_has_no_complaint(
    qapp: QApplication,
) -> None:
    platform = QGuiApplication.platformName()
    why = graphics.check()
    if platform == "offscreen":
        assert "offscreen" in why
        assert "OpenGL" in why
        assert graphics.draws_in_software()
    else:
        assert why == ""


def test_that_old_opengl_is_refused_with_both_versions(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphics, "OPENGL_NEEDED", (99, 0))
    graphics._opened_context.cache_clear()
    why = graphics.check()
    graphics._opened_context.cache_clear()
    assert "OpenGL" in why
    if QGuiApplication.platformName() != "offscreen":
        assert "99.0 is needed" in why


def test_that_asking_before_there_is_a_window_is_answered_and_not_remembered() -> None:
    program = (
        "from widgets.explorer import graphics\n"
        "assert graphics.draws_in_software() and 'no window' in graphics.check()\n"
        "from PySide6.QtWidgets import QApplication\n"
        "application = QApplication([])\n"
        "assert 'no window' not in graphics.check()"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_that_napari_is_loaded_in_a_thread_and_asked_for_twice_is_loaded_once(qapp: QApplication) -> None:
    assert graphics.wait(120)
    assert graphics.loaded()
    assert graphics.problem() == ""
    assert "napari.qt" in sys.modules
    thread = graphics._loading.thread
    graphics.preload()
    assert graphics._loading.thread is thread


_LOOK = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
app = QApplication([])
from widgets.explorer import graphics
assert graphics.wait(100), "too slow"
assert not graphics.problem(), graphics.problem()
if not graphics.check():
    from PySide6.QtCore import QObject
    from widgets.explorer.map_scene import MapScene
    owner = QObject()
    scene = MapScene(False, owner)
    scene.view.show()
    app.processEvents()
    scene.close()
    app.processEvents()
print("done")
"""


def test_that_the_home_of_a_person_keeps_its_own_napari_preferences(tmp_path: Path) -> None:
    environment = dict(os.environ, HOME=str(tmp_path), PYTHONWARNINGS="ignore")
    for name in ("CONFIG", "DATA", "CACHE"):
        environment[f"XDG_{name}_HOME"] = str(tmp_path / name.lower())
    run = subprocess.run(
        [sys.executable, "-c", _LOOK],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout.strip() == "done", run.stderr
    written = [
        p for p in tmp_path.rglob("*") if p.is_file() and "cache" not in p.relative_to(tmp_path).parts[0]
    ]
    assert written == []
