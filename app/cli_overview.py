"""The overview of a job in the terminal: its story, its commands, and the comparison of two jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.project.project import Project
from app.provenance.inputs import CHANGED, MISSING
from app.provenance.options import compare as differences
from app.provenance.options import options_of
from app.provenance.story import Run, Story, gather
from jobs import registry
from jobs.core.errors import UserError
from jobs.core.folder import JobFolder


def story_of(project: Project, name: str) -> Story:
    """Return the story of a job."""
    makers = {node: process for process, node in project.pipeline.output_edges}
    nodes = tuple(node.name for node in project.job_inputs(name))
    process = project.pipeline.process(name)
    status = process.status if process is not None else ""
    return gather(Path(project.path), name, status, makers, nodes)


def print_commands(project: Project, name: str) -> None:
    """Print the command of every run, ready to be given again; standard output holds nothing else."""
    story = story_of(project, name)
    if not any(run.command or run.again for run in story.runs):
        raise UserError(f"Nothing is recorded about how {name} was started")
    for run in story.runs:
        print(f"# run {run.number}: {run.title}")
        if run.again:
            print(run.again)
            print(f"# worker: {run.command}")
        else:
            print(run.command)


def print_story(project: Project, name: str) -> None:
    """Print the runs of a job, the size of its data, its inputs, and what can be done next."""
    story = story_of(project, name)
    for fact in story.data:
        print(f"{fact.title.lower():<10}  {fact.value}")
    for run in story.runs:
        _print_run(run)
    folder = JobFolder(project.path, name)
    readable = {run.number for run in story.runs}
    for number in folder.runs():
        if number not in readable:
            try:
                folder.read_options(number)
            except UserError as error:
                print(f"run {number:<3} {error}")
    latest = story.latest
    if latest is None:
        return
    for known in latest.inputs:
        if known.state in (CHANGED, MISSING):
            print(f"warning: {known.path} is not what it was for run {latest.number}: {known.detail}")
    if latest.versions:
        print(f"versions  {', '.join(f'{key} {value}' for key, value in latest.versions.items())}")
    if story.status == "Succeeded" and (step := _next_step(folder)):
        print(f"next    {step}")


def _next_step(folder: JobFolder) -> str:
    """Return what can be done with the results of the latest run."""
    with contextlib.suppress(UserError, KeyError):
        record = folder.read_options()
        return registry.JOB_TYPES[record.type_key].task(record.task).next_step
    return ""


def _print_run(run: Run) -> None:
    started = run.started.isoformat(timespec="seconds", sep=" ") if run.started is not None else ""
    seed = "" if run.seed is None else f"seed {run.seed}"
    parts = (run.task or run.title, started, _length(run.seconds), run.outcome, run.host, run.device, seed)
    print(f"run {run.number:<3} {'  '.join(part for part in parts if part)}")
    for line in (run.again, run.command):
        if line:
            print(f"        {line}")


def _length(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def compare(words: Sequence[str]) -> int:
    """``heteroscope compare JOB JOB``: the options in which two jobs, or two runs of one, differ."""
    parser = Parser(
        prog="heteroscope compare",
        description="Show in which options two jobs of a project differ, or two runs of one job.",
    )
    parser.add_argument("job", metavar="JOB", help="the first job; JOB:2 is its run 2")
    parser.add_argument("other", metavar="JOB", help="the other job, or another run of the same")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    parser.add_argument("--all", action="store_true", help="also what is the same")
    parser.add_argument("--json", action="store_true", help="as one JSON list")
    given = parser.read(words)
    first, first_run = _split(given.job)
    second, second_run = _split(given.other)
    project = open_project(given.project, first, look=True)
    root = Path(project.path)
    left, right = find_job(project, first), find_job(project, second)
    found = differences(options_of(root, left, first_run), options_of(root, right, second_run))
    shown = [line for line in found if line.differs or given.all]
    if given.json:
        keys = ("name", "label", "left", "right")
        print(json.dumps([{key: getattr(line, key) for key in keys} for line in shown], indent=1))
        return 0
    if shown:
        titles = [_title(left, first_run), _title(right, second_run)]
        rows = [("", "OPTION", *titles)]
        rows += [
            (
                "*" if line.differs else "",
                line.name,
                *("(none)" if value is None else value or '""' for value in (line.left, line.right)),
            )
            for line in shown
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        if not given.all:
            rows = [("", *row[1:]) for row in rows]
            widths[0] = 0
        for row in rows:
            print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True) if w).rstrip())
    else:
        print("All options have the same values.")
    return 0


def _split(text: str) -> tuple[str, int | None]:
    """Return job and run of ``JOB:RUN``; without a run, the latest is meant."""
    name, colon, run = text.rpartition(":")
    return (name, int(run)) if colon and run.isdigit() else (text, None)


def _title(name: str, run: int | None) -> str:
    return name.rstrip("/") + (f" run {run}" if run is not None else "")
