"""Aliases: a second name of a job, kept in the graph and as a link beside the job's directory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from app.project.graph import Graph, Process
from jobs.core.errors import UserError

_FORBIDDEN = '*?()/"\\|#<>&%{}$'


def full_alias(project_dir: Path, graph: Graph, process: Process, alias: str) -> str:
    """Check what the user typed and return it as it stands in the graph (``Refine3D/my_alias/``).

    Raises
    ------
    UserError
        When RELION's rules forbid it; the message says which.
    """
    text = alias.strip().rstrip("/")
    # people also type the whole form
    text = text.removeprefix(f"{process.directory}/").replace(" ", "_")
    if not text:
        return ""
    if len(text) < 2:
        raise _refusal(alias, "it must have at least two characters")
    if text.startswith("job"):
        raise _refusal(alias, "it must not start with 'job'")
    if found := sorted({char for char in text if char in _FORBIDDEN or not char.isprintable()}):
        raise _refusal(alias, f"it holds {' '.join(map(repr, found))}")
    if "None" in text:
        raise _refusal(alias, "it holds the letters None, which stand for 'no alias' in RELION")
    if text in (".", "..") or text.startswith("'"):
        raise _refusal(alias, "it cannot be the name of a folder")
    full = f"{process.directory}/{text}/"
    other = graph.by_alias(full)
    if other is not None and other.name != process.name:
        raise _refusal(alias, f"{other.name} has it already")
    place = project_dir / full.rstrip("/")
    if os.path.lexists(place) and not _is_link_to(place, process):
        raise _refusal(alias, f"there is a file or folder {full.rstrip('/')} already")
    return full


def _refusal(alias: str, reason: str) -> UserError:
    return UserError(f"'{alias}' cannot be an alias: {reason}", hint="Choose another alias")


def make_link(project_dir: Path, process: Process) -> None:
    """Make the link of a job's alias, if it has one and the link is missing."""
    if not process.alias:
        return
    place = project_dir / process.alias.rstrip("/")
    if os.path.lexists(place):
        return
    # a file system without links costs a convenience, not the job
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"../{process.name}")


def remove_link(project_dir: Path, process: Process) -> None:
    """Remove the link of a job's alias; anything else of that name stays."""
    place = project_dir / process.alias.rstrip("/")
    if process.alias and _is_link_to(place, process):
        with contextlib.suppress(OSError):
            place.unlink()


def _is_link_to(place: Path, process: Process) -> bool:
    try:
        target = place.readlink()
    except OSError:
        return False
    return os.path.normpath(os.path.join(process.directory, target)) == process.name.rstrip("/")  # noqa: PTH118
