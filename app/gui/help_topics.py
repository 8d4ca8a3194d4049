"""The sub-menu of all help pages, made from the pages that there are."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu

import resources

_FIRST = "getting_started"


def topics() -> list[tuple[str, str]]:
    """Return name and title of every help page: the first steps, then the others by title."""
    found = []
    for name in resources.help_pages():
        with resources.help_page(name).open(encoding="utf-8") as page:
            found.append((name, page.readline().lstrip("# ").strip() or name))
    return sorted(found, key=lambda topic: (topic[0] != _FIRST, topic[1].lower()))


def add_topics_menu(menu: QMenu, show: Callable[[str, str], None]) -> QMenu:
    """Add a sub-menu with an entry for each page; `show` is called with its name and title."""
    sub = menu.addMenu("Help &topics")
    for name, title in topics():
        action = sub.addAction(title.replace("&", "&&"))
        action.setObjectName(f"topic_{name}")
        action.triggered.connect(lambda _checked=False, n=name, t=title: show(n, t))
    return sub
