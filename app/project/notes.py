"""Notes: the project's own, those of the jobs, and all of them in one file."""

from __future__ import annotations

from pathlib import Path

from app.project.graph import Graph
from jobs.core.errors import UserError
from jobs.core.relion_star import replace_text

PROJECT_NOTE = "project_note.txt"
ALL_NOTES = "default_all_notes.txt"
JOB_NOTE = "note.txt"


def read_note(path: Path) -> str:
    """Return a note, empty when there is none.

    Raises
    ------
    UserError
        When it exists and cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UserError(f"The note cannot be read ({error.strerror})", path=path) from error


def write_note(path: Path, text: str) -> None:
    """Write a note, complete or not at all."""
    replace_text(path, text)


def all_notes(project_dir: Path, graph: Graph) -> str:
    """Return the notes of all jobs in order of their creation, each under the name of its job."""
    parts: list[str] = []
    for process in graph.processes:
        alias = f" ({process.short_alias})" if process.alias else ""
        note = read_note(project_dir / process.name / JOB_NOTE)
        parts.append(f" ################ {process.name}{alias}: {process.status}\n{note.rstrip()}\n\n")
    return "".join(parts)
