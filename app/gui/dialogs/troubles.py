"""What to do about a project that cannot simply be opened: locked, damaged, old, or none at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.gui.dialogs.question import CANCEL, Answer, ask
from app.project.lock import LockInfo
from widgets.durations import duration


def ask_about_lock(parent: QWidget | None, path: Path, lock: LockInfo, *, opening: bool) -> str:
    """Ask what to do about a lock that somebody else holds.

    Parameters
    ----------
    parent, path
        The window and the project.
    lock
        The holder.
    opening
        The project is about to be opened, so that reading only is a way out.

    Returns
    -------
    str
        ``wait``, ``readonly``, ``remove`` or empty.
    """
    state = {
        True: "That program is still running, so it will let go of the project by itself.",
        False: "That program is not running any more, so the lock will never go away by itself. "
        "It is safe to remove it.",
        None: "Whether that program still runs cannot be seen from here. Remove the lock only if you are "
        "sure that nobody is working on this project.",
    }[lock.alive]
    dead = lock.alive is False
    answers = [
        Answer("remove", "Remove the lock", danger=not dead, default=dead, enabled=lock.alive is not True),
        Answer("wait", "Wait", default=not dead),
    ]
    if opening:
        answers.append(Answer("readonly", "Open read-only"))
    answers.append(CANCEL)
    age = duration(lock.age_s)
    return ask(
        parent,
        "The project is locked",
        f"{path} has been locked for {age} by {lock.owner}.\n\n{state}",
        answers,
    )


def ask_about_damage(parent: QWidget | None, path: Path, reason: str, backups: Sequence[Path]) -> str:
    """Ask whether the newest backup shall replace a damaged project file: ``restore`` or empty."""
    answers = [CANCEL]
    if backups:
        answers.insert(0, Answer("restore", "Restore the newest backup", default=True))
        text = (
            "The newest backup was made when the job it lies in was started; jobs entered later are brought "
            "back from the records in their folders. The damaged file is kept beside it under another name."
        )
    else:
        text = "There is no backup of it in any job folder. Nothing has been changed."
    return ask(
        parent,
        "The project file is damaged",
        f"{reason}\n\n{text}",
        answers,
        items=[_backup_line(path, backup) for backup in backups[:20]],
    )


def _backup_line(path: Path, backup: Path) -> str:
    try:
        changed = datetime.fromtimestamp(backup.stat().st_mtime).strftime("%d %b %Y %H:%M")
    except OSError:
        changed = "unknown time"
    shown = backup.relative_to(path) if backup.is_relative_to(path) else backup
    return f"{shown}   ({changed})"


def ask_about_old(parent: QWidget | None, path: Path, reason: str) -> str:
    """Ask how to open the project of an older RELION: ``upgrade``, ``readonly`` or empty."""
    return ask(
        parent,
        "This is a project of an older RELION",
        f"{reason}\n\nUpgrading rewrites {path.name}/default_pipeline.star in the form of RELION 5 after "
        "making a backup of it. The older RELION cannot open the project afterwards.",
        [
            Answer("upgrade", "Back up and upgrade"),
            Answer("readonly", "Open read-only", default=True),
            CANCEL,
        ],
    )


def ask_to_create(parent: QWidget | None, path: Path) -> str:
    """Ask whether a folder without a project shall become one: ``create`` or empty."""
    return ask(
        parent,
        "Start a project here?",
        f"{path} is not a RELION project yet. A project is a folder in which jobs put their results; nothing "
        "that lies there already is changed.",
        [Answer("create", "Start a project", default=True), CANCEL],
    )
