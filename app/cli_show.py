"""Commands that look at jobs, GPUs and the project: jobs, show, validate, gpus, init, unlock."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, find_project, open_project
from app.project.lock import break_lock, lock_info
from app.project.project import Project
from app.runner.checks import find_problems
from app.runner.gpus import list_gpus
from app.runner.launch import RUNNING, SCHEDULED
from app.runner.outcome import outcome_of
from app.runner.queue import LocalQueue
from app.runner.queue_jobs import place_in_queue, queue_states
from app.runner.stored import read_stored
from jobs import registry
from jobs.core.declaration import specs, to_text
from jobs.core.errors import Problem, UserError
from jobs.core.job_star import read_job_star


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _look(project: Project) -> None:
    """Bring statuses up to date if the project can be written to."""
    if project.readonly:
        return
    try:
        project.check_completion()
    except UserError as error:
        print(f"Warning: {error}", file=sys.stderr)


def jobs(words: Sequence[str]) -> int:
    """``heteroscope jobs``: list the jobs of a project."""
    parser = Parser(prog="heteroscope jobs", description="List the jobs of a project.")
    parser.add_argument(
        "project_dir", nargs="?", metavar="PROJECT", help="folder of the project [the current one]"
    )
    parser.add_argument("--project", default=None, help="the same")
    parser.add_argument(
        "--status", default="", help="only those Running, Scheduled, Succeeded, Failed or Aborted"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON list")
    given = parser.read(words)
    project = open_project(given.project or given.project_dir, look=True)
    _look(project)
    waiting = {entry.job for entry in LocalQueue(project).entries()}
    queued = queue_states(Path(project.path), [process.name for process in project.pipeline.running()])
    rows = []
    for process in project.pipeline.processes:
        if given.status and process.status.lower() != given.status.lower():
            continue
        declared = registry.of_job(process.type_label, Path(project.path) / process.name)
        status = f"{process.status} (in the queue)" if process.name in waiting else process.status
        if process.name in queued:
            status = place_in_queue(Path(project.path) / process.name, *queued[process.name]).sentence
        rows.append((process.name, status, declared.title if declared else process.type_label, process.alias))
    if given.json:
        keys = ("name", "status", "type", "alias")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=1))
    elif rows:
        print(table([("JOB", "STATUS", "TYPE", "ALIAS"), *rows]))
    else:
        print("There are no such jobs." if given.status else "The project has no jobs yet.", file=sys.stderr)
    return 0


def _job_arguments(command: str, text: str, words: Sequence[str]) -> tuple[Project, str]:
    parser = Parser(prog=f"heteroscope {command}", description=text)
    parser.add_argument("job", metavar="JOB")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    given = parser.read(words)
    project = open_project(given.project, given.job, look=True)
    return project, find_job(project, given.job)


def show(words: Sequence[str]) -> int:
    """``heteroscope show JOB``: everything about one job."""
    # reads heads of maps and particle files; the list of jobs does without, and comes at once
    from app.cli_overview import print_commands, print_story

    words = list(words)
    if "--command" in words:
        words.remove("--command")
        print_commands(*_job_arguments("show", "Show the command of every run of a job.", words))
        return 0
    about = "Show status, files, options and runs of a job; with --command, only the commands of its runs."
    project, name = _job_arguments("show", about, words)
    _look(project)
    root = Path(project.path)
    process = project.pipeline.process(name)
    if process is None:
        raise UserError(f"{name} was deleted this moment")
    declared = registry.of_job(process.type_label, root / name)
    print(f"{name}  {declared.title if declared else process.type_label}")
    if process.alias:
        print(f"alias   {process.alias}")
    print(f"status  {process.status}")
    if process.status != SCHEDULED and declared is not None:
        found = queue_states(root, [name]).get(name)
        outcome = outcome_of(root / name)
        marked = outcome.kind.value in ("succeeded", "failed", "aborted") and (
            outcome.kind.value != process.status.lower()
        )
        sentence = f"{place_in_queue(root / name, *found).sentence}." if found else outcome.sentence
        if marked and process.status != RUNNING:
            sentence = f"It was marked as {process.status.lower()} by hand; before that: {sentence}"
        print(f"        {sentence}")
    for title, nodes in (("input", project.job_inputs(name)), ("output", project.job_outputs(name))):
        for node in nodes:
            missing = "" if (root / node.name).exists() else "  (does not exist)"
            print(f"{title:<7} {node.name}  {node.label}{missing}")
    print_story(project, name)
    _show_options(root, name, known=declared is not None)
    return 0


def _show_options(root: Path, name: str, *, known: bool) -> None:
    print("options")
    if known:
        stored = read_stored(root, name)
        for declared in specs(stored.job_type.options):
            value = to_text(declared, getattr(stored.options, declared.name))
            print(f"  --{declared.name} {shlex.quote(value)}{f'  {declared.unit}' if declared.unit else ''}")
        for problem in stored.problems:
            print(f"  {problem.sentence}", file=sys.stderr)
    else:
        for option, value in sorted(read_job_star(root / name).values.items()):
            print(f"  {option} {shlex.quote(value)}")


def validate(words: Sequence[str]) -> int:
    """``heteroscope validate JOB``: whether a job's settings are fit to run."""
    project, name = _job_arguments("validate", "Check the settings and input files of a job.", words)
    root = Path(project.path)
    stored = read_stored(root, name)
    record = stored.record
    is_continue = record is not None and record.is_continue
    found: list[Problem] = [
        *stored.problems,
        *find_problems(root, stored.job_type, stored.options, name=name if is_continue else None),
    ]
    for problem in found:
        print(f"{problem.severity}: {problem.sentence}")
    if not found:
        print(f"{name}: nothing is wrong.", file=sys.stderr)
    return 2 if any(problem.severity == "error" for problem in found) else 0


def gpus(words: Sequence[str]) -> int:
    """``heteroscope gpus``: the GPUs and the processor of this machine, and who uses them."""
    # asks for the load of processes, which the list of jobs does without
    from app.cli_queue import show_devices

    parser = Parser(prog="heteroscope gpus", description="Show the devices here and who uses them.")
    parser.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")
    given = parser.read(words)
    return show_devices(list_gpus, given.watch, table)


def init(words: Sequence[str]) -> int:
    """``heteroscope init DIR``: make a project."""
    parser = Parser(prog="heteroscope init", description="Make a RELION project in a folder.")
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="the folder [the current one]")
    given = parser.read(words)
    folder = Path(given.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder cannot be made ({error.strerror})", path=folder) from error
    Project.create(folder)
    print(folder)
    return 0


def unlock(words: Sequence[str]) -> int:
    """``heteroscope unlock``: who holds the project's lock, and its removal when the owner is dead."""
    parser = Parser(
        prog="heteroscope unlock",
        description="Show who holds the lock of a project, and since when; remove it when its owner is dead.",
    )
    parser.add_argument(
        "project_dir", nargs="?", metavar="PROJECT", help="folder of the project [the current one]"
    )
    parser.add_argument("--project", default=None, help="the same")
    parser.add_argument("--force", action="store_true", help="remove it although the owner may be alive")
    given = parser.read(words)
    folder = find_project(given.project or given.project_dir)
    info = lock_info(folder)
    if info is None:
        print(f"{folder} is not locked.", file=sys.stderr)
        return 0
    print(f"{folder}: the lock is {info.sentence}.")
    if info.alive is not False and not given.force:
        state = "is alive" if info.alive else "may be alive, which cannot be seen from here"
        raise UserError(
            f"The owner of the lock {state}, so it was left alone",
            hint="If you are sure that no program works on the project, use: heteroscope unlock --force",
        )
    break_lock(folder, info, force=given.force)
    print("The lock was removed.")
    return 0
