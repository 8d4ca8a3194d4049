"""Writes reports: which file, what goes into it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from app.project.project import Project
from app.report.contents import JobContents, read_contents
from app.report.lineage import ancestors, drawing
from app.report.page import page
from app.report.project_page import project_page
from jobs import registry
from jobs.core.errors import UserError
from jobs.formats.files import replacing

#: The end of a longer chain is told, its beginning is in the drawing.
_MOST_ANCESTORS = 40


def report_file(project: Project, name: str) -> Path:
    """Return where the report of a job goes: into its folder; other programs' jobs are not touched."""
    process = project.pipeline.process(name)
    root = Path(project.path)
    if process is not None and registry.by_label(process.type_label) is not None:
        return root / name / "report.html"
    return root / f"report_{name.rstrip('/').replace('/', '_')}.html"


def write_report(
    project: Project, name: str, out: Path | None = None, *, with_ancestors: bool = False
) -> Path:
    """Write the report of a job and return its file.

    Parameters
    ----------
    project, name
        The job.
    out
        The file; None for the usual place.
    with_ancestors
        Tell also of the jobs that it came from.

    Raises
    ------
    UserError
        When there is no such job, or the file cannot be written.
    """
    process = project.pipeline.process(name)
    if process is None:
        raise UserError(f"The project has no job {name}", hint="It may have been deleted by another program")
    graph = project.pipeline
    chain: list[JobContents] = []
    if with_ancestors:
        chain = [read_contents(project, one) for one in ancestors(graph, name)[-_MOST_ANCESTORS:]]
    text = page(
        read_contents(project, process),
        Path(project.path).resolve().name,
        datetime.now().astimezone(),
        drawing(graph, name),
        chain,
    )
    return _write(out if out is not None else report_file(project, name), text)


def write_project_report(project: Project, name: str = "", out: Path | None = None) -> Path:
    """Write a report of the project: all jobs, the flowchart, and methods; return its file.

    Parameters
    ----------
    project
        What is told.
    name
        Job whose methods, with those of all it came from, are told; empty for none.
    out
        The file; None for ``report.html`` in the project.

    Raises
    ------
    UserError
        When there is no such job, or the file cannot be written.
    """
    graph = project.pipeline
    chain: list[JobContents] = []
    if name:
        process = graph.process(name)
        if process is None:
            raise UserError(f"The project has no job {name}")
        chain = [read_contents(project, one) for one in (*ancestors(graph, name)[-_MOST_ANCESTORS:], process)]
    title, when = Path(project.path).resolve().name, datetime.now().astimezone()
    text = project_page(title, when, graph.processes, drawing(graph), chain)
    return _write(out if out is not None else Path(project.path) / "report.html", text)


def _write(path: Path, text: str) -> Path:
    with replacing(path) as file:
        file.write(text.encode())
    return path
