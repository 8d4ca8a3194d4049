"""Makes menus and actions from their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from app.gui import icons
from app.gui.action_info import ActionInfo, Situation
from app.gui.actions import ACTIONS, action_info
from app.gui.menu_plan import MENUS

Fill = Callable[[QMenu], None]


def make_actions(parent: QObject, handlers: Sequence[object]) -> dict[str, QAction]:
    """Return a QAction for each declared action, connected to the handler's method of the same name.

    Raises
    ------
    AttributeError
        When no handler has a method for an action.
    """
    return {key: _make(info, parent, _method(key, handlers)) for key, info in ACTIONS.items()}


def _method(key: str, handlers: Sequence[object]) -> Callable[[], None]:
    for handler in handlers:
        method = getattr(handler, key, None)
        if callable(method):
            return method
    raise AttributeError(f"no handler for the action {key!r}")


def _make(info: ActionInfo, parent: QObject, method: Callable[[], None]) -> QAction:
    action = QAction(info.text, parent)
    action.setObjectName(f"action_{info.key}")
    action.setShortcuts([QKeySequence(text) for text in info.shortcuts])
    action.setToolTip(info.tip)
    action.setStatusTip(info.tip)
    action.setCheckable(info.checkable)
    action.triggered.connect(lambda _checked=False: method())
    return action


def update_icons(actions: Mapping[str, QAction]) -> None:
    """Draw the icons in the colours of the present theme."""
    for key, action in actions.items():
        if name := action_info(key).icon:
            action.setIcon(icons.icon(name))


def fill_menu_bar(bar: QMenuBar, actions: Mapping[str, QAction], parts: Mapping[str, Fill]) -> None:
    """Fill the menu bar; `parts` fill the places marked with ``*``."""
    bar.clear()
    for title, keys in MENUS.items():
        menu = bar.addMenu(title)
        menu.setToolTipsVisible(True)
        fill_menu(menu, keys, actions, parts)


def fill_menu(
    menu: QMenu, keys: Sequence[str], actions: Mapping[str, QAction], parts: Mapping[str, Fill] | None = None
) -> None:
    """Add actions, separators and parts to a menu."""
    for key in keys:
        if not key:
            menu.addSeparator()
        elif key.startswith("*"):
            if parts is not None:
                parts[key[1:]](menu)
        else:
            menu.addAction(actions[key])


def update_actions(actions: Mapping[str, QAction], situation: Situation) -> None:
    """Enable what can be used now; what cannot says why in its tip."""
    for key, action in actions.items():
        info = action_info(key)
        hindrance = info.hindrance(situation)
        action.setEnabled(not hindrance)
        action.setToolTip(f"{info.tip}\n{hindrance}" if hindrance else info.tip)
        action.setStatusTip(hindrance or info.tip)


def add_theme_menu(menu: QMenu, current: str, choose: Callable[[str], None]) -> QActionGroup:
    """Add a sub-menu with the three themes."""
    sub = menu.addMenu("&Theme")
    group = QActionGroup(sub)
    for name, text in (("system", "&System"), ("light", "&Light"), ("dark", "&Dark")):
        action = sub.addAction(text)
        action.setObjectName(f"theme_{name}")
        action.setData(name)
        action.setCheckable(True)
        action.setChecked(name == current)
        action.triggered.connect(lambda _checked=False, n=name: choose(n))
        group.addAction(action)
    return group
