"""Commands that change a project and run nothing: alias, mark, delete, undelete, restore, upgrade."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, find_project, open_project
from app.project.project import Project
from app.runner.queue_jobs import withdraw
from jobs.core.errors import UserError


def _parser(command: str, text: str, *, one_job: bool = True) -> Parser:
    parser = Parser(prog=f"heteroscope {command}", description=text)
    if one_job:
        parser.add_argument("job", metavar="JOB")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    return parser


def alias(words: Sequence[str]) -> int:
    """``heteroscope alias JOB NAME``: give a job a name."""
    parser = _parser("alias", "Give a job a name; an empty one takes it away.")
    parser.add_argument("alias", metavar="NAME")
    given = parser.read(words)
    project = open_project(given.project, given.job)
    name = find_job(project, given.job)
    print(project.set_alias(name, given.alias).alias or name)
    return 0


def mark(words: Sequence[str]) -> int:
    """``heteroscope mark JOB finished|failed``: say how a job ended that did not say so itself."""
    parser = _parser("mark", "Say how a job ended that left no marker of its own.")
    parser.add_argument("status", choices=("finished", "failed"))
    given = parser.read(words)
    project = open_project(given.project, given.job)
    name = find_job(project, given.job)
    process = project.mark_finished(name) if given.status == "finished" else project.mark_failed(name)
    print(f"{name} {process.status}")
    return 0


def delete(words: Sequence[str]) -> int:
    """``heteroscope delete JOB …``: move jobs, and all that depend on them, to the trash."""
    parser = _parser("delete", "Move jobs to the trash, with all jobs that use their results.", one_job=False)
    parser.add_argument("jobs", nargs="+", metavar="JOB")
    parser.add_argument(
        "--yes", action="store_true", help="also the jobs that use their results, without asking"
    )
    given = parser.read(words)
    project = open_project(given.project, given.jobs[0])
    names = [find_job(project, job) for job in given.jobs]
    others = sorted({user for name in names for user in project.dependants(name)} - set(names))
    if others and not given.yes:
        raise UserError(
            f"Results of {', '.join(names)} are used by {', '.join(others)}, which would go with them",
            hint="Repeat the command with --yes if you want that",
        )
    withdraw(project, [*names, *others])
    print("\n".join(project.delete(names)))
    return 0


def undelete(words: Sequence[str]) -> int:
    """``heteroscope undelete [JOB]``: bring a job back from the trash, or list what is there."""
    parser = _parser("undelete", "Bring a deleted job back; without a job: list the trash.", one_job=False)
    parser.add_argument("job", nargs="?", metavar="JOB", help="name or number of a job in the trash")
    given = parser.read(words)
    project = open_project(given.project, look=not given.job)
    entries = {entry.name.rstrip("/"): entry for entry in project.trash_entries()}
    if not given.job:
        print("\n".join(f"{name}/" for name in entries) or "The trash is empty.", file=sys.stdout)
        return 0
    wanted = given.job.rstrip("/")
    digits = wanted.rpartition("/")[2].removeprefix("job").lstrip("0")
    found = [
        name for name in entries if name == wanted or name.rpartition("job")[2].lstrip("0") == digits != ""
    ]
    if len(found) != 1:
        there = f"There are {', '.join(entries)}" if entries else "The trash is empty"
        raise UserError(f"There is no single job {given.job} in the trash", hint=there)
    print("\n".join(project.undelete(Path(project.path) / "Trash" / found[0])))
    return 0


def restore(words: Sequence[str]) -> int:
    """``heteroscope restore``: go back to a backup of a damaged project file."""
    parser = Parser(
        prog="heteroscope restore",
        description="Go back to a backup of a damaged project file; the damaged one is kept aside.",
    )
    parser.add_argument(
        "project_dir", nargs="?", metavar="PROJECT", help="folder of the project [the current one]"
    )
    parser.add_argument(
        "--backup", default=None, metavar="FILE", help="which backup [the newest readable one]"
    )
    given = parser.read(words)
    folder = find_project(given.project_dir)
    backups = [Path(given.backup)] if given.backup else Project.backups(folder)
    if not backups:
        raise UserError("There is no readable backup of the project file", path=folder)
    kept = Project.restore_backup(folder, backups[0])
    print(f"The project file was taken from {backups[0]}." + (f" The old one is {kept}." if kept else ""))
    return 0


def upgrade(words: Sequence[str]) -> int:
    """``heteroscope upgrade``: bring a project of RELION 3 or 4 to the form of RELION 5."""
    parser = Parser(
        prog="heteroscope upgrade",
        description="Bring a project of RELION 3 or 4 to the form of RELION 5, which the older version "
        "cannot open any more; a copy of the project file is kept.",
    )
    parser.add_argument(
        "project_dir", nargs="?", metavar="PROJECT", help="folder of the project [the current one]"
    )
    given = parser.read(words)
    folder = find_project(given.project_dir)
    Project.open(folder, upgrade=True)
    print(folder)
    return 0
