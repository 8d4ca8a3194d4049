"""Notes on the command line: of the project, of a job, and those of all jobs in one file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.project.notes import JOB_NOTE, read_note, write_note


def note(words: Sequence[str]) -> int:
    """``heteroscope note [JOB]``: show a note, or add to it."""
    parser = Parser(
        prog="heteroscope note",
        description="Show the note of a job, without a job that of the project, or add a paragraph to it.",
    )
    parser.add_argument("job", nargs="?", metavar="JOB", help="a job [the project]")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--add", metavar="TEXT", help="add a paragraph; - reads it from standard input")
    change.add_argument(
        "--all", action="store_true", help="write the notes of all jobs into default_all_notes.txt"
    )
    given = parser.read(words)
    look = given.add is None and not given.all
    project = open_project(given.project, given.job or "", look=look)
    if given.all:
        print(project.print_all_notes())
        return 0
    path = Path(project.path) / find_job(project, given.job) / JOB_NOTE if given.job else None
    text = read_note(path) if path is not None else project.project_note
    if given.add is None:
        sys.stdout.write(text if not text or text.endswith("\n") else f"{text}\n")
        return 0
    added = (sys.stdin.read() if given.add == "-" else given.add).strip()
    project.require_writable()
    text = f"{text.rstrip()}\n\n{added}\n".lstrip()
    if path is not None:
        write_note(path, text)
    else:
        project.project_note = text
    return 0
