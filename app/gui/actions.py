"""The actions of the window as data: text, shortcut, tip, and when each may be used."""

from __future__ import annotations

from app.gui.action_info import ActionInfo
from app.gui.job_actions import JOB_ACTIONS
from app.gui.project_actions import PROJECT_ACTIONS
from app.gui.window_actions import WINDOW_ACTIONS

ACTIONS: dict[str, ActionInfo] = {
    info.key: info for info in (*PROJECT_ACTIONS, *JOB_ACTIONS, *WINDOW_ACTIONS)
}


def action_info(key: str) -> ActionInfo:
    """Return the declaration of an action.

    Raises
    ------
    KeyError
        When there is none of this name; the message suggests the nearest.
    """
    try:
        return ACTIONS[key]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(key, ACTIONS, n=1)
        raise KeyError(f"no action {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")) from None
