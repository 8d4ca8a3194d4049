"""How a job ended: from the marker files it leaves to its status and its results in the graph."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from app.project.graph import ABORTED, FAILED, SUCCEEDED, Graph, Node, Process
from app.project.nodes import without_alias
from jobs.core.errors import UserError
from jobs.core.relion_star import read_star

#: Markers in the order in which RELION looks for them.
MARKERS = (
    ("RELION_JOB_EXIT_SUCCESS", SUCCEEDED),
    ("RELION_JOB_EXIT_FAILURE", FAILED),
    ("RELION_JOB_EXIT_ABORTED", ABORTED),
)
ABORT_FILE = "RELION_JOB_ABORT_NOW"
OUTPUT_NODES = "RELION_OUTPUT_NODES.star"

_log = logging.getLogger(__name__)


def status_on_disk(project_dir: Path, name: str) -> str:
    """Return the status that a job's markers tell, empty while there is none."""
    folder = f"{project_dir}/{name}"
    for marker, status in MARKERS:
        if os.path.exists(folder + marker):  # noqa: PTH110 - asked for every running job at every refresh
            return status
    return ""


def ended_jobs(project_dir: Path, graph: Graph) -> list[tuple[Process, str]]:
    """Return the jobs that count as running but have left a marker, with the status it tells."""
    found = ((process, status_on_disk(project_dir, process.name)) for process in graph.running())
    return [(process, status) for process, status in found if status]


def read_output_nodes(project_dir: Path, name: str) -> list[Node]:
    """Return the results that a job declares in ``RELION_OUTPUT_NODES.star``.

    A damaged or missing file declares nothing: the job has ended, whatever it wrote there.
    """
    path = project_dir / name / OUTPUT_NODES
    if not path.exists():
        return []
    try:
        tables = [table for table in read_star(path) if table.name == "output_nodes"]
    except UserError as error:
        _log.warning("%s; its results are not entered into the project", error)
        return []
    nodes: list[Node] = []
    for table in tables:
        names = table.column("rlnPipeLineNodeName") or []
        labels = table.column("rlnPipeLineNodeTypeLabel") or []
        depths = table.column("rlnPipeLineNodeTypeLabelDepth") or ["1"] * len(names)
        for node, label, depth in zip(names, labels, depths, strict=False):
            if node and label and "None" not in node:
                nodes.append(Node(node, label, int(depth) if depth.isdecimal() else 1))
    return nodes


def enter_outputs(project_dir: Path, graph: Graph, name: str) -> None:
    """Enter the declared results of a job into the graph; known ones stay as they are."""
    for node in read_output_nodes(project_dir, name):
        graph.add_output(name, node._replace(name=without_alias(graph, node.name)))
    for node in graph.outputs(name):
        if not (project_dir / node.name).exists():
            _log.warning("%s declared the result %s, which does not exist", name, node.name)


def drop_missing_outputs(project_dir: Path, graph: Graph, name: str) -> None:
    """Remove a job's results whose files do not exist, unless another job waits for them."""
    missing = [
        node.name
        for node in graph.outputs(name)
        if not (project_dir / node.name).exists() and not graph.consumers(node.name)
    ]
    graph.remove_outputs(missing)


def clear_markers(project_dir: Path, name: str) -> list[str]:
    """Remove the abort request and the markers of a former run; returns those that were there."""
    removed: list[str] = []
    for marker in (ABORT_FILE, *(marker for marker, _ in MARKERS)):
        try:
            (project_dir / name / marker).unlink()
        except FileNotFoundError:
            continue
        removed.append(marker)
    return removed
