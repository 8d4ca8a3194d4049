"""Commands about room on the disk: what jobs take, and cleaning them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.project.disk_use import DiskUse, JobUse, in_words
from app.project.project import Project
from jobs.core.errors import UserError


def disk(words: Sequence[str]) -> int:
    """``heteroscope disk [PROJECT]``: what jobs and trash take, and what cleaning would free."""
    parser = Parser(
        prog="heteroscope disk",
        description="List the room that jobs take, the largest first, and what cleaning them would free.",
    )
    parser.add_argument("project_dir", nargs="?", metavar="PROJECT", help="folder [the current project]")
    parser.add_argument("--bytes", action="store_true", help="numbers in bytes, separated by tabs")
    given = parser.read(words)
    project = open_project(given.project_dir, look=True)
    seen = DiskUse(Path(project.path)).step(project.pipeline)
    jobs: dict[str, JobUse] = seen.jobs if seen is not None else {}
    ordered = sorted(jobs.items(), key=lambda item: (-item[1].size, item[0]))
    trash = seen.trash if seen is not None else 0
    if given.bytes:
        print("job\tbytes\tgently\tharshly")
        for name, use in ordered:
            print(f"{name}\t{use.size}\t{use.gentle}\t{use.harsh}")
        print(f"Trash/\t{trash}\t0\t0")
        return 0
    rows = [("Job", "Size", "Gentle", "Harsh")]
    rows += [(name, in_words(use.size), in_words(use.gentle), in_words(use.harsh)) for name, use in ordered]
    if seen is not None:
        rows.append(("All jobs", in_words(seen.size), in_words(seen.gentle), in_words(seen.harsh)))
    rows.append(("Trash", in_words(trash), "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, *sizes in rows:
        cells = "  ".join(f"{text:>{width}}" for text, width in zip(sizes, widths[1:], strict=True))
        print(f"{name:<{widths[0]}}  {cells}".rstrip())
    return 0


def clean(words: Sequence[str]) -> int:
    """``heteroscope clean JOB …``: move what is no longer needed to the trash, or back."""
    parser = Parser(
        prog="heteroscope clean",
        description="Move files of finished jobs that are no longer needed to the trash. Without --yes, "
        "they are only listed.",
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    parser.add_argument("--all", action="store_true", help="every job of the project that has succeeded")
    parser.add_argument(
        "--harsh", action="store_true", help="also what can be made again at a cost (jobs marked with "
        "NO_HARSH_CLEAN are spared when all jobs are cleaned)"
    )  # fmt: skip
    parser.add_argument("--undo", action="store_true", help="move cleaned files back out of the trash")
    parser.add_argument("--yes", action="store_true", help="do it")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    given = parser.read(words)
    if given.all == bool(given.jobs):
        raise UserError("Which jobs?", hint="Name them, or use --all")
    project = open_project(given.project, given.jobs[0] if given.jobs else "")
    names = [find_job(project, job) for job in given.jobs]
    if given.undo:
        return _undo(project, names)
    project.check_completion()
    plans = (
        project.clean_plans(harsh=given.harsh)
        if given.all
        else [one for name in names for one in project.clean_plans(name, harsh=given.harsh)]
    )
    if given.yes:
        plans = project.clean(plans)
    else:
        for one in plans:
            print("\n".join(one.name + path for path, _ in one.files), end="\n" if one.files else "")
    for one in plans:
        if one.protected:
            print(f"{one.name} is protected by NO_HARSH_CLEAN.", file=sys.stderr)
    count, size = sum(len(one.files) for one in plans), sum(one.size for one in plans)
    verb = "Moved" if given.yes else "Would move"
    word = "file" if count == 1 else "files"
    more = "" if given.yes or not count else " Repeat the command with --yes to do it."
    print(f"{verb} {count:,} {word}, {in_words(size)}, to the trash.{more}", file=sys.stderr)
    return 0


def _undo(project: Project, names: list[str]) -> int:
    wanted = names or list(dict.fromkeys(entry.name for entry in project.cleaned_entries()))
    for name in wanted:
        print(f"{name} {project.bring_back(name)}")
    return 0
