"""Makes the actions of the explorer: what each does, and in which menu it stands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

from widgets.explorer.explorer_actions import ACTIONS

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer


def make_actions(view: Explorer) -> dict[str, QAction]:
    """Return the actions by key, connected, and put them into the menus of the upper line."""
    travel, writing = view.writing.save_trajectory, view.writing.save_subset
    handlers = {
        "save_map": view.writing.save_map,
        "save_movie": partial(travel, "movie"),
        "save_model": partial(travel, "model"),
        "save_path": partial(travel, "path"),
        "save_mp4": partial(travel, "mp4"),
        "save_gif": partial(travel, "gif"),
        "save_frames": partial(travel, "frames"),
        "save_picture": view.writing.save_picture,
        "save_star": partial(writing, "star"),
        "save_cs": partial(writing, "cs"),
        "save_indices": partial(writing, "indices"),
        "train_subset": view.writing.train,
        "atoms": view.states.ask_atoms,
        "pin": view.states.pin,
        "snap": view.on_snap,
        "consensus_state": view.states.show_consensus,
        "clusters": view.ask_clusters,
        "second": view.on_second,
        "data": view.data.open,
        "play": view.player.toggle,
    }
    found: dict[str, QAction] = {}
    menus: dict[str, list[QAction | None]] = {"save": [], "view": []}
    for info in ACTIONS:
        action = QAction(info.text, view)
        action.setObjectName(f"explorer_action_{info.key}")
        action.setToolTip(f"{info.tip} ({info.shortcut})" if info.shortcut else info.tip)
        action.setShortcut(QKeySequence(info.shortcut))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setCheckable(info.checkable)
        action.triggered.connect(lambda _on=False, handler=handlers[info.key]: handler())
        view.addAction(action)
        if info.separated:
            menus[info.menu].append(None)
        menus[info.menu].append(action)
        found[info.key] = action
    found["snap"].setChecked(True)
    view.top.add_menu_actions(menus["save"], menus["view"])
    return found
