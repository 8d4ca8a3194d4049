"""Every help page can be opened from the Help menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QMenu

import resources
from app.gui.dialogs import forms
from app.gui.main_window import MainWindow


def test_that_every_help_page_stands_in_the_help_menu_under_its_title(
    make_window: Callable[..., MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[Any, ...]] = []
    monkeypatch.setattr(forms, "show_page", lambda *given: shown.append(given[1:]))
    window = make_window()
    (topics,) = [menu for menu in window.menu_bar.findChildren(QMenu) if menu.title() == "Help &topics"]
    entries = topics.actions()
    assert entries[0].text() == "Getting started"
    assert {"Import", "Remote use", "Jobs on a cluster", "The explorer"} <= {e.text() for e in entries}
    for entry in entries:
        entry.trigger()
    assert len(shown) == len(resources.help_pages())
    for (title, text), entry in zip(shown, entries, strict=True):
        assert title == entry.text()
        assert text.startswith(f"# {title}\n")
