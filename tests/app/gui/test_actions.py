"""The table of actions."""

from __future__ import annotations

from collections import Counter

import pytest

import resources
from app.gui.action_info import Situation
from app.gui.actions import ACTIONS, action_info
from app.gui.class_view import ClassCommands
from app.gui.display_commands import DisplayCommands
from app.gui.explorer_commands import ExplorerCommands
from app.gui.flowchart_commands import FlowchartCommands
from app.gui.housekeeping_commands import HousekeepingCommands
from app.gui.job_commands import JobCommands
from app.gui.menu_plan import MENUS
from app.gui.overview_commands import OverviewCommands
from app.gui.project_commands import ProjectCommands
from app.gui.start_commands import StartCommands

PARTS = {"*recent", "*panes", "*theme", "*display", "*topics"}


def test_that_each_menu_entry_is_a_declared_action() -> None:
    entries = {key for keys in MENUS.values() for key in keys if key and key not in PARTS}
    assert entries <= set(ACTIONS)


def test_that_each_action_is_found_in_a_menu() -> None:
    assert set(ACTIONS) <= {key for keys in MENUS.values() for key in keys}


@pytest.mark.parametrize("key", ACTIONS)
def test_that_each_action_has_a_handler_a_tip_and_an_existing_icon(key: str) -> None:
    info = ACTIONS[key]
    handlers = (
        ProjectCommands,
        StartCommands,
        JobCommands,
        ExplorerCommands,
        OverviewCommands,
        FlowchartCommands,
        HousekeepingCommands,
        DisplayCommands,
        ClassCommands,
    )
    assert any(callable(getattr(handler, key, None)) for handler in handlers)
    assert info.tip
    assert not info.icon or resources.icon(info.icon).is_file()


def test_that_no_two_actions_share_a_shortcut() -> None:
    counts = Counter(text for info in ACTIONS.values() for text in info.shortcuts)
    assert [text for text, count in counts.items() if count > 1] == []


def test_that_no_shortcut_takes_the_letter_that_opens_a_menu() -> None:
    menu_letters = {f"Alt+{title[title.index('&') + 1].upper()}" for title in MENUS}
    assert len(menu_letters) == len(MENUS)
    assert menu_letters.isdisjoint(text for info in ACTIONS.values() for text in info.shortcuts)


@pytest.mark.parametrize(
    ("key", "shortcut"),
    [
        ("reread", "Alt+R"),
        ("edit_project_note", "Alt+E"),
        ("remake_nodes", "Alt+N"),
        ("empty_trash", "Alt+T"),
        ("save_job_star", "Alt+S"),
        ("load_job_star", "Alt+L"),
        ("order_alphabetically", "Alt+A"),
        ("order_chronologically", "Alt+C"),
        ("undelete", "Alt+U"),
        ("toggle_overwrite", "Alt+O"),
        ("clean_gently", "Alt+G"),
        ("quit", "Alt+Q"),
    ],
)
def test_that_the_keys_of_relion_do_the_same_here(key: str, shortcut: str) -> None:
    assert shortcut in ACTIONS[key].shortcuts


def test_that_without_a_project_only_the_program_can_be_operated() -> None:
    usable = {key for key, info in ACTIONS.items() if not info.hindrance(Situation())}
    assert {"new_project", "open_project", "preferences", "quit", "about"} <= usable
    assert not usable & {"run", "delete", "abort", "empty_trash", "edit_project_note"}


def test_that_a_read_only_project_can_be_read_but_not_changed() -> None:
    situation = Situation(project=True, writable=False, job=True, ours=True, status="Succeeded", can_run=True)
    usable = {key for key, info in ACTIONS.items() if not info.hindrance(situation)}
    assert {"edit_note", "show_command", "clone", "open_folder", "edit_project_note"} <= usable
    assert not usable & {"run", "schedule", "delete", "set_alias", "mark_failed", "empty_trash", "undelete"}


@pytest.mark.parametrize(
    ("status", "possible", "impossible"),
    [
        ("Running", {"abort", "mark_finished", "mark_failed"}, {"delete"}),
        ("Succeeded", {"delete", "mark_failed"}, {"abort", "mark_finished"}),
        ("Failed", {"delete", "mark_finished"}, {"abort", "mark_failed"}),
        ("Scheduled", {"delete", "mark_finished", "mark_failed"}, {"abort"}),
    ],
)
def test_that_the_status_of_a_job_decides_what_can_be_done_with_it(
    status: str, possible: set[str], impossible: set[str]
) -> None:
    situation = Situation(project=True, writable=True, job=True, ours=True, status=status)
    usable = {key for key, info in ACTIONS.items() if not info.hindrance(situation)}
    assert possible <= usable
    assert not impossible & usable


def test_that_each_hindrance_is_a_sentence() -> None:
    for info in ACTIONS.values():
        hindrance = info.hindrance(Situation())
        assert not hindrance or hindrance.endswith(".")


def test_that_a_misspelt_action_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(KeyError, match="did you mean 'undelete'"):
        action_info("undelet")
