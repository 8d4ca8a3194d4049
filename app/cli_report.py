"""``heteroscope report``: a job in one file that any browser shows and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.report.writing import write_report


def report(words: Sequence[str]) -> int:
    """``heteroscope report JOB``: write the report of a job and print its path."""
    parser = Parser(
        prog="heteroscope report",
        description="Write a job as one HTML file that needs nothing else: figures, plots, maps, parameters, "
        "inputs, methods text and citations.",
    )
    parser.add_argument("job", metavar="JOB")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    parser.add_argument("--out", default=None, metavar="FILE", help="file to write [report.html in the job]")
    parser.add_argument("--with-ancestors", action="store_true", help="also the jobs that it came from")
    given = parser.read(words)
    project = open_project(given.project, given.job, look=True)
    name = find_job(project, given.job)
    out = Path(given.out) if given.out else None
    print(write_report(project, name, out, with_ancestors=given.with_ancestors))
    return 0
