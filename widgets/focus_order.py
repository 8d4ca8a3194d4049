"""The order in which Tab walks: as one reads, whatever the order in which the parts were made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QStatusBar, QTabBar, QWidget

#: Parts whose upper edges differ by less than this stand in one line (pixels).
_LINE: Final = 12


def focusable_parts(top: QWidget) -> list[QWidget]:
    """Return what Tab leads to within a widget, line by line from the left.

    Docks go column by column, the status bar comes last, and what lies in docks behind others is left out:
    Qt counts it as visible.
    """
    return [part for part in _walk(top) if _takes_tab(part)]


def next_part(top: QWidget, forward: bool) -> QWidget | None:
    """Return the part after (or before) the one with the focus; None where there is none to go to."""
    parts = focusable_parts(top)
    now = top.window().focusWidget()
    if not parts or parts == [now]:
        return None
    if now not in parts:
        return parts[0] if forward else parts[-1]
    return parts[(parts.index(now) + (1 if forward else -1)) % len(parts)]


def move_focus(top: QWidget, forward: bool) -> bool:
    """Give the focus to the next part, for `focusNextPrevChild` of windows; return whether there is one."""
    part = next_part(top, forward)
    if part is None:
        return False
    part.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
    return True


def _takes_tab(part: QWidget) -> bool:
    return bool(part.focusPolicy() & Qt.FocusPolicy.TabFocus.value) and part.focusProxy() is None


def _walk(part: QWidget) -> Iterator[QWidget]:
    docks = isinstance(part, QMainWindow)
    children = [
        child
        for child in part.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        if not child.isHidden() and child.isEnabled() and not child.isWindow() and not _is_behind(child)
    ]
    for child in sorted(children, key=_by_column if docks else _by_line):
        yield child
        yield from _walk(child)


def _is_behind(part: QWidget) -> bool:
    """Return whether a dock, or the tabs of docks, have been put where they are not seen."""
    return isinstance(part, QDockWidget | QTabBar) and part.visibleRegion().isEmpty()


def _by_line(part: QWidget) -> tuple[int, int]:
    place: QPoint = part.pos()
    return place.y() // _LINE, place.x()


def _by_column(part: QWidget) -> tuple[bool, int, int]:
    return isinstance(part, QStatusBar), part.x() // _LINE, part.y()
