"""Everything RELION's window does with jobs and projects: each item is there, and works."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu

from app.gui import application, housekeeping_commands, start_commands
from app.gui.dialogs.disk_use import DiskUseDialog
from app.gui.dialogs.schedule import ScheduleDialog
from app.gui.dialogs.trash import TrashLine, UndeleteDialog
from app.gui.main_window import MainWindow
from app.gui.relion_titles import TYPES, relion_type, title_of
from app.project.disk_use import JobUse, ProjectUse
from app.project.project import Project
from app.runner.schedule_plan import SchedulePlan
from app.settings import Settings
from jobs.core.job_star import TYPE_LABELS, read_job_star
from tests.app.gui.acting import REFINEMENT, fill_in_tutorial, wait_for_status

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.project_graph import ProjectGraph

Asked = Callable[..., list[dict[str, Any]]]

#: RELION's menu entry, its shortcut, and our action.
MENU_ENTRIES = [
    ("File: Re-read pipeline", "Alt+R", "reread"),
    ("File: Edit project note", "Alt+E", "edit_project_note"),
    ("File: Print all notes", "", "print_all_notes"),
    ("File: Remake .Nodes", "Alt+N", "remake_nodes"),
    ("File: Show initial screen", "Alt+Z", "show_welcome"),
    ("File: Empty trash", "Alt+T", "empty_trash"),
    ("File: About", "", "about"),
    ("File: Quit", "Alt+Q", "quit"),
    ("Jobs: Save job.star", "Alt+S", "save_job_star"),
    ("Jobs: Load job.star", "Alt+L", "load_job_star"),
    ("Jobs: Order alphabetically", "Alt+A", "order_alphabetically"),
    ("Jobs: Order chronologically", "Alt+C", "order_chronologically"),
    ("Jobs: Undelete", "Alt+U", "undelete"),
    ("Jobs: Toggle overwrite button", "Alt+O", "toggle_overwrite"),
    ("Jobs: Run scheduled jobs", "", "run_scheduled"),
    ("Jobs: Stop scheduled jobs", "", "stop_scheduled"),
    ("Jobs: Gently clean all jobs", "Alt+G", "clean_gently"),
    ("Jobs: Harshly clean all jobs", "Alt+H", "clean_harshly"),
    ("Job actions: Edit Note", "", "edit_note"),
    ("Job actions: Alias", "", "set_alias"),
    ("Job actions: Abort running", "", "abort"),
    ("Job actions: Mark as finished", "", "mark_finished"),
    ("Job actions: Mark as failed", "", "mark_failed"),
    ("Job actions: Gentle clean", "", "clean_job"),
    ("Job actions: Harsh clean", "", "clean_job_harshly"),
    ("Job actions: Delete", "", "delete"),
    ("Below the tabs: Schedule", "", "schedule"),
    ("Below the tabs: Check command", "", "show_command"),
    ("Below the tabs: Run!", "", "run"),
    ("Start option: --tomo", "", "tomo_mode"),
]


def folder(window: MainWindow) -> Path:
    assert window.project_path is not None
    return window.project_path


def choose(qtbot: Any, window: MainWindow, name: str) -> None:
    window.select(name)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == name, timeout=5000
    )


def check_project(path: Path) -> None:
    """The independent pipeliner and we see the same jobs, and the file keeps RELION's rules."""
    graph = ProjectGraph(pipeline_dir=path)
    ours = Project.open(path, readonly=True).pipeline
    assert [p.name for p in graph.process_list] == [p.name for p in ours.processes]
    assert graph.job_counter == ours.counter > max((p.number for p in ours.processes), default=0)
    jobs, nodes = {p.name for p in ours.processes}, {n.name for n in ours.nodes}
    assert {p for _, p in ours.input_edges} | {p for p, _ in ours.output_edges} <= jobs
    assert {n for n, _ in ours.input_edges} | {n for _, n in ours.output_edges} <= nodes
    lines = (path / "default_pipeline.star").read_text().split("\n")
    labels = [k for k, line in enumerate(lines) if line.startswith("_rlnPipeLine") and "#" in line]
    assert all(lines[k + 1].strip() for k in labels), "an empty loop ends RELION"
    assert not (path / ".relion_lock").exists()


def snapshot(path: Path) -> dict[str, tuple[int, int, int]]:
    """Return size and times of everything in a folder."""
    return {
        str(entry.relative_to(path)): (
            entry.lstat().st_size,
            entry.lstat().st_mtime_ns,
            entry.lstat().st_ino,
        )
        for entry in [path, *path.rglob("*")]
    }


@pytest.fixture
def cleanable(project: Path) -> str:
    """A refinement with two iterations, of which the first may go."""
    job = project / REFINEMENT
    for number in (0, 1):
        for end in ("optimiser.star", "data.star"):
            (job / f"run_it{number:03d}_{end}").write_text("x" * 1000)
    return REFINEMENT


def test_that_each_entry_of_relions_menus_is_in_ours_with_its_shortcut(window: MainWindow) -> None:
    shown = {other.objectName() for menu in window.menu_bar.findChildren(QMenu) for other in menu.actions()}
    for entry, shortcut, key in MENU_ENTRIES:
        action = window.actions_by_key[key]
        assert action.objectName() in shown, entry
        assert not shortcut or QKeySequence(shortcut) in action.shortcuts(), entry


def test_that_no_key_does_two_things_in_the_window(window: MainWindow) -> None:
    """Also those of panes and fields, which declare theirs themselves."""
    everywhere = Qt.ShortcutContext.WindowShortcut, Qt.ShortcutContext.ApplicationShortcut
    keys = [
        key.toString()
        for action in window.findChildren(QAction)
        if action.shortcutContext() in everywhere
        for key in action.shortcuts()
    ]
    keys += [s.key().toString() for s in window.findChildren(QShortcut) if s.context() in everywhere]
    assert "Ctrl+Return" in keys
    assert sorted(keys) == sorted(set(keys))
    for action in window.actions_by_key.values():
        assert action.toolTip() and action.statusTip(), action.text()


@pytest.mark.parametrize("number", sorted(TYPE_LABELS))
def test_that_each_job_type_of_relion_has_its_name_and_tabs(number: int) -> None:
    found = relion_type(f"{TYPE_LABELS[number]}.some.more")
    assert found is not None
    assert found.number == number
    assert found.title == title_of(TYPE_LABELS[number])
    assert found.tabs
    assert found.hidden


def test_that_the_table_of_types_is_complete_and_directories_of_old_files_are_understood() -> None:
    assert {row.number: row.label for row in TYPES} == TYPE_LABELS
    assert title_of("Class3D") == "3D classification"
    assert title_of("Import") == "Import"
    assert title_of("somebody.elses") == "somebody.elses"


def test_that_cleaning_shows_the_list_first_and_moves_it_only_after_a_yes(
    qtbot: Any, window: MainWindow, cleanable: str, asked: Asked
) -> None:
    questions = asked("", "clean")
    choose(qtbot, window, cleanable)
    job = folder(window) / cleanable
    window.actions_by_key["clean_job"].trigger()
    qtbot.waitUntil(lambda: len(questions) == 1, timeout=5000)
    assert questions[0]["text"].startswith("This moves 2 files, 2.0 kB, to the trash")
    assert questions[0]["items"] == ["run_it000_data.star   1.0 kB", "run_it000_optimiser.star   1.0 kB"]
    qtbot.wait(200)
    assert (job / "run_it000_data.star").exists()
    window.actions_by_key["clean_gently"].trigger()
    qtbot.waitUntil(lambda: not (job / "run_it000_data.star").exists(), timeout=5000)
    assert questions[1]["items"] == ["Refine3D/job001   2 files, 2.0 kB"]
    assert (job / "run_it001_data.star").exists()
    check_project(folder(window))
    qtbot.waitUntil(lambda: bool(window.message_bar.messages()), timeout=5000)
    assert "moved to the trash" in window.message_bar.messages()[-1]
    window.message_bar.action.click()
    qtbot.waitUntil((job / "run_it000_data.star").exists, timeout=5000)
    window.actions_by_key["bring_back"].trigger()
    qtbot.waitUntil(lambda: "no cleaned files" in window.message_bar.messages()[-1], timeout=5000)


def test_that_a_job_without_anything_to_clean_says_so(qtbot: Any, window: MainWindow, asked: Asked) -> None:
    questions = asked()
    for key in ("clean_gently", "clean_harshly"):
        window.actions_by_key[key].trigger()
    qtbot.waitUntil(lambda: len(questions) == 2, timeout=5000)
    assert {question["title"] for question in questions} == {"Nothing to clean"}


def test_that_unfinished_jobs_can_not_be_cleaned_and_the_tip_says_why(
    qtbot: Any, window: MainWindow, cleanable: str
) -> None:
    choose(qtbot, window, cleanable)
    window.actions_by_key["mark_failed"].trigger()
    wait_for_status(qtbot, window, cleanable, "Failed")
    qtbot.waitUntil(lambda: not window.actions_by_key["clean_job"].isEnabled(), timeout=5000)
    assert "have succeeded" in window.actions_by_key["clean_job"].toolTip()


def test_that_disk_use_is_seen_in_status_bar_lists_and_job(
    qtbot: Any, cleanable: str, window: MainWindow
) -> None:
    housekeeping = window.housekeeping
    qtbot.waitUntil(lambda: cleanable in housekeeping.use.jobs and housekeeping.use.complete, timeout=8000)
    use = housekeeping.use.jobs[cleanable]
    assert use.gentle == use.harsh == 2000
    qtbot.waitUntil(housekeeping.room.isVisible, timeout=4000)
    assert housekeeping.room.text() == housekeeping.room_of(cleanable)
    choose(qtbot, window, cleanable)
    subtitle = window.page.findChild(QLabel, "job_subtitle")
    assert subtitle is not None
    assert subtitle.text().endswith(housekeeping.room_of(cleanable))
    index = window.jobs.finished.model.index(0)
    assert "cleaning frees 2.0 kB gently" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_that_the_disk_use_dialog_puts_the_largest_first_and_cleans_what_is_chosen(
    qtbot: Any, window: MainWindow
) -> None:
    entry = window.entries[REFINEMENT]
    from dataclasses import replace

    small = replace(entry, name="Refine3D/job002/")
    asked_for: list[tuple[str, str]] = []
    dialog = DiskUseDialog(window, lambda *what: asked_for.append(what), readonly=False)
    qtbot.addWidget(dialog)
    use = ProjectUse({small.name: JobUse(9, 1), entry.name: JobUse(10_000_000, 3, 5_000_000, 7_000_000)}, 0)
    dialog.set_use(use, {entry.name: entry, small.name: small})
    first = dialog.table.topLevelItem(0)
    assert first is not None
    assert first.text(3) == "10 MB"
    assert "5.0 MB gently, 7.0 MB harshly" in dialog.freed.text()
    assert not dialog.trash.isEnabled()
    dialog.harsh.click()
    dialog.table.setCurrentItem(first)
    dialog.gentle.click()
    assert asked_for == [("harsh", ""), ("gentle", REFINEMENT)]
    dialog.table.setCurrentItem(dialog.table.topLevelItem(1))
    assert not dialog.gentle.isEnabled()
    assert "nothing to clean" in dialog.freed.text()
    looking = DiskUseDialog(window, lambda *_what: None, readonly=True)
    qtbot.addWidget(looking)
    looking.set_use(use, {entry.name: entry})
    assert not looking.harsh.isEnabled()
    assert "reading only" in looking.freed.text()


def test_that_a_job_can_be_deleted_without_those_that_use_its_results(
    qtbot: Any, window: MainWindow, asked: Asked
) -> None:
    questions = asked("alone")
    fill_in_tutorial(qtbot, window)
    window.page.schedule_button.click()
    wait_for_status(qtbot, window, "DynaMight/job002/", "Scheduled")
    choose(qtbot, window, REFINEMENT)
    window.actions_by_key["delete"].trigger()
    qtbot.waitUntil(lambda: list(window.entries) == ["DynaMight/job002/"], timeout=5000)
    assert {"alone", "delete"} <= questions[0]["answers"]
    check_project(folder(window))


def test_that_the_trash_is_a_table_with_dates(qtbot: Any) -> None:
    lines = [
        TrashLine("job:a", "Refine3D/job001/", "Deleted job", 1_700_000_000.0, 5_000_000),
        TrashLine("job:b", "Refine3D/job002/", "Deleted job", 1_700_000_000.0, 1, "has no record"),
    ]
    dialog = UndeleteDialog(None, lines)
    qtbot.addWidget(dialog)
    assert not dialog.ok_button.isEnabled()
    first, second = dialog.table.topLevelItem(0), dialog.table.topLevelItem(1)
    assert first is not None
    assert second is not None
    assert first.toolTip(2).startswith("2023-11-1")
    assert second.isDisabled()
    first.setCheckState(0, Qt.CheckState.Checked)
    assert dialog.chosen() == ["job:a"]
    assert dialog.ok_button.isEnabled()


def test_that_the_schedule_dialog_says_what_relion_asks_and_refuses_taken_names(qtbot: Any) -> None:
    dialog = ScheduleDialog(None, [("A/job001/", "one"), ("A/job002/", "two")], ["schedule1"])
    qtbot.addWidget(dialog)
    assert dialog.plan() == SchedulePlan("schedule2", 0, 1, 15, 10)
    assert not dialog.between.isEnabled()
    dialog.repeats.setValue(3)
    assert dialog.between.isEnabled()
    for name, word in (("schedule1", "run already"), ("a b", "letters")):
        dialog.name.setText(name)
        assert word in dialog.reason.text()
        assert not dialog.ok_button.isEnabled()
    dialog.name.setText("night")
    assert dialog.ok_button.isEnabled()
    assert dialog.chosen() == ["A/job001/", "A/job002/"]


def test_that_a_schedule_ends_at_the_first_failure_and_its_log_says_so(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_in_tutorial(qtbot, window)
    window.page.schedule_button.click()
    name = "DynaMight/job002/"
    wait_for_status(qtbot, window, name, "Scheduled")
    plan = SchedulePlan("night", repeats=2)
    monkeypatch.setattr(start_commands, "ask_schedule", lambda _w, jobs, _r: ([n for n, _ in jobs], plan))
    window.actions_by_key["run_scheduled"].trigger()
    log = folder(window) / "pipeline_night.log"
    qtbot.waitUntil(log.exists, timeout=20000)
    # its process has the real job type, which needs more than six particles
    qtbot.waitUntil(lambda: "The schedule ends here" in log.read_text(), timeout=45000)
    assert "Repeat 1 of 2." in log.read_text()
    assert "Repeat 2 of 2." not in log.read_text()
    shown: list[str] = []
    monkeypatch.setattr(
        housekeeping_commands.forms, "ask_text", lambda _w, _t, _x, text, **_more: shown.append(text)
    )
    window.actions_by_key["schedule_log"].trigger()
    qtbot.waitUntil(lambda: bool(shown), timeout=5000)
    assert shown[0].startswith("night (pipeline_night.log)")
    assert "6 particles are too few" in shown[0]
    wait_for_status(qtbot, window, name, "Failed")
    assert not list(folder(window).glob("RUNNING_PIPELINER*"))
    check_project(folder(window))


def test_that_tomography_mode_hides_what_relion_hides_unless_it_is_shown(
    qtbot: Any, window: MainWindow
) -> None:
    row = next(k for k in range(window.types.count()) if "DynaMight" in window.types.item(k).text())
    window.actions_by_key["tomo_mode"].trigger()
    assert not window.types.isRowHidden(row), "the type of the shown job stays"
    choose(qtbot, window, REFINEMENT)
    assert window.types.isRowHidden(row)
    assert window.settings.tomo
    assert window.actions_by_key["tomo_mode"].isChecked()
    assert window.where.text().endswith("·  tomography")
    assert REFINEMENT in window.entries
    window.actions_by_key["tomo_mode"].trigger()
    assert not window.types.isRowHidden(row)
    assert window.where.text() == str(folder(window))


def test_that_clicking_through_everything_read_only_changes_nothing(
    qtbot: Any,
    project: Path,
    make_window: Callable[..., MainWindow],
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    private_settings: Settings,
) -> None:
    asked()
    for name in ("ask_text", "ask_line", "ask_pick", "show_page"):
        monkeypatch.setattr(housekeeping_commands.forms, name, lambda *_a, **_m: None)
    monkeypatch.setattr(DiskUseDialog, "exec", lambda _self: 0)
    opened = Project.open(project)
    opened.new_job(
        "DynaMight", "dynamight", status="Scheduled", prepare=lambda job, _n: (job / "job.star").touch()
    )
    before = snapshot(project)
    window = make_window()
    window.project_commands.open(project, readonly=True)
    qtbot.waitUntil(lambda: len(window.entries) == 2, timeout=5000)
    assert "read-only" in window.windowTitle()
    refused = {
        "run",
        "schedule",
        "delete",
        "set_alias",
        "mark_finished",
        "mark_failed",
        "abort",
        "clean_job",
        "clean_job_harshly",
        "clean_gently",
        "clean_harshly",
        "bring_back",
        "undelete",
        "empty_trash",
        "remake_nodes",
        "print_all_notes",
        "toggle_overwrite",
        "run_scheduled",
        "stop_scheduled",
    }
    harmless = {
        "reread",
        "edit_note",
        "edit_project_note",
        "order_alphabetically",
        "order_chronologically",
        "disk_use",
        "schedule_log",
        "show_command",
        "tomo_mode",
        "find_in_log",
        "clone",
    }
    for name in list(window.entries):
        choose(qtbot, window, name)
        for key in sorted(refused):
            assert not window.actions_by_key[key].isEnabled(), key
            window.actions_by_key[key].trigger()
        for key in sorted(harmless):
            window.actions_by_key[key].trigger()
        qtbot.wait(300)
    qtbot.waitUntil(lambda: window.housekeeping.use.complete, timeout=5000)
    window.close()
    assert snapshot(project) == before


def test_that_the_program_can_be_started_read_only_and_for_tomography(
    qtbot: Any, project: Path, private_settings: Settings
) -> None:
    window = application.open_window(private_settings, project, readonly=True, tomo=True)
    try:
        qtbot.waitUntil(lambda: window.project_path == project, timeout=5000)
        assert window.readonly
        assert window.types.mode == "tomo"
    finally:
        window.close()


def test_that_settings_saved_to_a_file_come_back(
    qtbot: Any, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "kept_job.star"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(saved), ""))
    window.show_new("dynamight", {"nr_gaussians": "7000", "do_preload": "Yes"})
    window.actions_by_key["save_job_star"].trigger()
    qtbot.waitUntil(saved.exists, timeout=5000)
    kept = read_job_star(saved)
    assert kept.label == "dynamight"
    assert (kept.values["nr_gaussians"], kept.values["do_preload"]) == ("7000", "Yes")
    window.show_new("dynamight", {"nr_gaussians": "9000", "do_preload": "No"})
    window.actions_by_key["load_job_star"].trigger()

    def came_back() -> bool:
        form = window.page.current_form
        return form is not None and form.values()["nr_gaussians"] == "7000"

    qtbot.waitUntil(came_back, timeout=5000)
    assert window.page.current_form.values()["do_preload"] == "Yes"
