"""``heteroscope report``: a job or a project in one file that any browser shows and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.report.writing import write_project_report, write_report


def report(words: Sequence[str]) -> int:
    """``heteroscope report [JOB]``: write the report of a job, or of the project, and print its path."""
    parser = Parser(
        prog="heteroscope report",
        description="Write a job, or a whole project, as one HTML file that needs nothing else: figures, "
        "plots, maps, parameters, inputs, methods text and citations.",
    )
    parser.add_argument("job", metavar="JOB", nargs="?", default="", help="without it, the whole project")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    parser.add_argument("--out", default=None, metavar="FILE", help="file to write [report.html in the job]")
    parser.add_argument(
        "--methods-of",
        default="",
        metavar="JOB",
        help="of the project: tell the methods that led to this job",
    )
    parser.add_argument("--with-ancestors", action="store_true", help="also the jobs that it came from")
    given = parser.read(words)
    project = open_project(given.project, given.job, look=True)
    out = Path(given.out) if given.out else None
    if not given.job:
        last = find_job(project, given.methods_of) if given.methods_of else ""
        print(write_project_report(project, last, out))
        return 0
    name = find_job(project, given.job)
    print(write_report(project, name, out, with_ancestors=given.with_ancestors))
    return 0
