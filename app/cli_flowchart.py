"""Commands about the project as a whole: ``tag`` puts words on jobs, ``flowchart`` draws all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.cli_parser import Parser
from app.cli_places import find_job, open_project
from app.flowchart_page import chart_jobs, write_flowchart
from app.project.flowchart import make_flowchart, only_ancestors
from app.project.tags import COLOUR_NAMES, TagFile
from jobs.core.errors import UserError


def tag(words: Sequence[str]) -> int:
    """``heteroscope tag JOB [add|remove WORD …]``: change or list the tags of a job."""
    parser = Parser(prog="heteroscope tag", description="Put coloured words on a job, or list them.")
    parser.add_argument("job", metavar="JOB")
    parser.add_argument("change", nargs="?", choices=("add", "remove"))
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--project", default=None, help="folder of the project [the one that holds the job]")
    parser.add_argument("--colour", choices=COLOUR_NAMES, help="colour of the words that are added")
    given = parser.read(words)
    if given.change and not given.words:
        raise UserError(f"Which tag is to be {given.change.rstrip('e')}ed?", hint="Give at least one WORD")
    project = open_project(given.project, given.job, look=not given.change)
    name = find_job(project, given.job)
    file = TagFile(project.path)
    if given.change and project.readonly:
        raise UserError("The project can only be read", path=project.path)
    for word in given.words:
        (file.add if given.change == "add" else file.remove)(name, word)
    if given.colour and given.change == "add":
        chosen = dict.fromkeys((word.strip() for word in given.words), COLOUR_NAMES.index(given.colour))
        file.change(name, lambda old: old, chosen)
    if found := file.read().of(name):
        print("\n".join(tag.word for tag in found))
    return 0


def flowchart(words: Sequence[str]) -> int:
    """``heteroscope flowchart --out FILE``: draw the jobs of a project, or what one came from."""
    parser = Parser(
        prog="heteroscope flowchart", description="Draw the jobs of a project and what goes between them."
    )
    parser.add_argument("--project", default=None, help="folder of the project [the current one]")
    parser.add_argument("--out", required=True, metavar="FILE", help="drawing to write, .svg or .pdf")
    parser.add_argument("--job", default="", metavar="JOB", help="only this job and what it came from")
    parser.add_argument("--left-to-right", action="store_true", help="descendants to the right, not below")
    given = parser.read(words)
    project = open_project(given.project, given.job, look=True)
    down = not given.left_to_right
    chart, title = make_flowchart(project.pipeline, down=down), Path(project.path).resolve().name
    if given.job:
        name = find_job(project, given.job)
        chart, title = only_ancestors(chart, name), f"{title}: {name.rstrip('/')}"
    jobs, links = chart_jobs(chart, TagFile(project.path).read())
    print(write_flowchart(Path(given.out), jobs, links, title, down=down))
    return 0
