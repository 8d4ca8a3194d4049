"""Where a job came from: its ancestors, as a drawing and as a list."""

from __future__ import annotations

from pathlib import Path

from app.flowchart_page import chart_jobs, chart_shapes
from app.project.flowchart import make_flowchart, only_ancestors
from app.project.graph import Graph, Process
from app.project.tags import Tags
from app.report.plots import inline

#: More cards than these cannot be read on a page.
_MOST_DRAWN = 60


def ancestors(graph: Graph, name: str) -> tuple[Process, ...]:
    """Return the jobs whose results a job uses, directly or not, oldest first; without the job itself."""
    chart = only_ancestors(make_flowchart(graph), name)
    return tuple(job for job in chart.jobs if job.name != name)


def drawing(graph: Graph, name: str = "") -> str:
    """Return the flowchart of a job and its ancestors, or of the whole project; empty when too large.

    Parameters
    ----------
    graph
        The project.
    name
        The job; empty for all jobs.
    """
    chart = make_flowchart(graph)
    if name:
        chart = only_ancestors(chart, name)
    if not 1 < len(chart.jobs) <= _MOST_DRAWN:
        return ""
    jobs, links = chart_jobs(chart, Tags())
    # a chain is read along a line, a tree from above
    down = max(job.layer for job in jobs) > 3
    if not down and not name:
        jobs, links = chart_jobs(make_flowchart(graph, down=False), Tags())
    shapes, width, height = chart_shapes(jobs, links, down=down)
    return inline(shapes, width, height, f"Flowchart of {Path(name).name or 'the project'}")
