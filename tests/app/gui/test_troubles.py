"""Projects that cannot simply be opened, and what the window offers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.gui.main_window import MainWindow
from app.project.lock import LOCK_DIR, LOCK_FILE, ProjectLock, lock_info
from app.project.project import Project
from tests.app.gui.acting import REFINEMENT

Make = Callable[..., MainWindow]
Asked = Callable[..., list[dict[str, Any]]]
PIPELINE = "default_pipeline.star"


@pytest.fixture
def dead_lock(project: Path) -> Path:
    """A lock whose holder was killed."""
    program = (
        "import os, signal, sys; from app.project.lock import ProjectLock\n"
        "ProjectLock(sys.argv[1], 'entering a job').__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(project)], cwd=Path(__file__).parents[3], check=False)
    assert lock_info(project) is not None
    return project


def test_that_without_a_project_the_start_screen_is_shown(make_window: Make, private_settings: Any) -> None:
    private_settings.recent_projects = ["/nowhere/betagal"]
    window = make_window()
    assert window.welcome.isVisible()
    assert not window.panes.docks["job"].isVisible()
    assert not window.actions_by_key["run"].isEnabled()


def test_that_a_folder_without_a_project_becomes_one_when_wanted(
    qtbot: Any, make_window: Make, asked: Asked, tmp_path: Path
) -> None:
    questions = asked("create")
    folder = tmp_path / "fresh"
    folder.mkdir()
    (folder / "mine.txt").write_text("stays")
    window = make_window()
    window.project_commands.open(folder)
    qtbot.waitUntil(lambda: window.project_path == folder, timeout=5000)
    assert questions[0]["answers"] == {"create", ""}
    assert (folder / ".gui_projectdir").exists()
    assert (folder / "mine.txt").read_text() == "stays"
    assert window.panes.docks["job"].isVisible()


def test_that_a_folder_without_a_project_stays_as_it_is_when_not(
    qtbot: Any, make_window: Make, asked: Asked, tmp_path: Path
) -> None:
    questions = asked("")
    folder = tmp_path / "fresh"
    folder.mkdir()
    window = make_window()
    window.project_commands.open(folder)
    qtbot.waitUntil(lambda: bool(questions), timeout=5000)
    assert window.project_path is None
    assert list(folder.iterdir()) == []


def test_that_a_damaged_project_is_restored_from_its_newest_backup(
    qtbot: Any, make_window: Make, asked: Asked, project: Path
) -> None:
    text = (project / PIPELINE).read_text()
    (project / PIPELINE).write_text(text[: len(text) // 2])
    questions = asked("restore")
    window = make_window()
    window.project_commands.open(project)
    qtbot.waitUntil(lambda: REFINEMENT in window.entries, timeout=5000)
    assert questions[0]["title"] == "The project file is damaged"
    assert questions[0]["items"][0].startswith(f"{REFINEMENT}{PIPELINE}")
    assert any(path.read_text() == text[: len(text) // 2] for path in project.glob(f"{PIPELINE}*"))


def test_that_a_damaged_project_is_left_alone_when_nothing_is_answered(
    qtbot: Any, make_window: Make, asked: Asked, project: Path
) -> None:
    (project / PIPELINE).write_text("data_pipeline_processes\nloop_\n_a #1\n")
    before = (project / PIPELINE).read_bytes()
    questions = asked("")
    window = make_window()
    window.project_commands.open(project)
    qtbot.waitUntil(lambda: bool(questions), timeout=5000)
    assert window.welcome.isVisible()
    assert (project / PIPELINE).read_bytes() == before


@pytest.mark.parametrize("answer", ["upgrade", "readonly"])
def test_that_an_older_project_is_upgraded_or_only_read_as_wanted(
    qtbot: Any, make_window: Make, asked: Asked, project: Path, answer: str
) -> None:
    old = (project / PIPELINE).read_text().replace("# version 50001", "# version 30001")
    (project / PIPELINE).write_text(old)
    questions = asked(answer)
    window = make_window()
    window.project_commands.open(project)
    qtbot.waitUntil(lambda: REFINEMENT in window.entries, timeout=5000)
    assert questions[0]["answers"] == {"upgrade", "readonly", ""}
    assert window.readonly is (answer == "readonly")
    kept = [path for path in project.glob(f"*{PIPELINE}*") if path.name != PIPELINE]
    assert ((project / PIPELINE).read_text() == old) is (answer == "readonly")
    assert bool(kept) is (answer == "upgrade")


def test_that_a_missing_folder_is_told_in_one_sentence(qtbot: Any, make_window: Make, tmp_path: Path) -> None:
    window = make_window()
    window.project_commands.open(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: bool(window.message_bar.messages()), timeout=5000)
    assert "nowhere" in window.message_bar.messages()[0]
    assert window.welcome.isVisible()


def test_that_a_change_waits_for_a_lock_and_goes_on_when_it_is_gone(qtbot: Any, window: MainWindow) -> None:
    assert window.project_path is not None
    with ProjectLock(window.project_path, "another window"):
        window.project_commands.change(lambda project: project.set_alias(REFINEMENT, "best"))
        qtbot.waitUntil(
            lambda: any("locked for" in text for text in window.message_bar.messages()), timeout=6000
        )
        assert window.entries[REFINEMENT].alias == ""
    qtbot.waitUntil(lambda: window.entries[REFINEMENT].alias == "best", timeout=6000)


def test_that_the_lock_of_a_dead_program_can_be_removed_and_the_work_goes_on(
    qtbot: Any, make_window: Make, asked: Asked, dead_lock: Path
) -> None:
    questions = asked("remove")
    window = make_window(dead_lock)
    window.project_commands.change(lambda project: project.set_alias(REFINEMENT, "best"))
    qtbot.waitUntil(lambda: bool(questions), timeout=8000)
    assert "not running any more" in questions[0]["text"]
    qtbot.waitUntil(lambda: window.entries[REFINEMENT].alias == "best", timeout=6000)
    assert lock_info(dead_lock) is None


def test_that_reading_goes_on_while_somebody_holds_the_lock(
    qtbot: Any, make_window: Make, project: Path
) -> None:
    (project / LOCK_DIR).mkdir(mode=0o700)
    (project / LOCK_DIR / LOCK_FILE).write_text("RELION is busy")
    window = make_window(project)
    window.select(REFINEMENT)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    assert window.isVisible()


def test_that_a_project_file_damaged_by_another_program_is_told_and_the_window_goes_on(
    qtbot: Any, window: MainWindow
) -> None:
    assert window.project_path is not None
    good = (window.project_path / PIPELINE).read_text()
    (window.project_path / PIPELINE).write_text("data_pipeline_processes\nloop_\n_a #1\n")
    qtbot.waitUntil(lambda: bool(window.message_bar.messages()), timeout=6000)
    assert REFINEMENT in window.entries
    (window.project_path / PIPELINE).write_text(good)
    time.sleep(0.5)
    window.project_commands.change(lambda project: project.set_alias(REFINEMENT, "again"))
    qtbot.waitUntil(lambda: window.entries[REFINEMENT].alias == "again", timeout=6000)


def test_that_a_read_only_project_shows_everything_and_changes_nothing(
    qtbot: Any, make_window: Make, project: Path
) -> None:
    def state() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in project.rglob("*") if p.is_file()}

    before = state()
    window = make_window()
    window.project_commands.open(project, readonly=True)
    qtbot.waitUntil(lambda: REFINEMENT in window.entries, timeout=5000)
    window.select(REFINEMENT)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=5000)
    window.show_new("dynamight")
    assert not window.page.run_button.isEnabled()
    assert "reading only" in window.page.run_button.toolTip()
    assert not window.actions_by_key["delete"].isEnabled()
    qtbot.wait(600)
    assert state() == before


def test_that_jobs_another_program_enters_appear_by_themselves(qtbot: Any, window: MainWindow) -> None:
    assert window.project_path is not None
    other = Project.open(window.project_path)
    process = other.new_job("Class3D", "relion.class3d", status="Running")
    qtbot.waitUntil(lambda: process.name in window.entries, timeout=4000)
    (window.project_path / process.name / "RELION_JOB_EXIT_FAILURE").touch()
    qtbot.waitUntil(lambda: window.entries[process.name].status == "Failed", timeout=4000)
