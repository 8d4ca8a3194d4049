"""Rows of one graph brought into another: undoing a deletion, adopting a job, a job's own record."""

from __future__ import annotations

from collections.abc import Iterable

from app.project.graph import Graph
from app.project.pipeline_star import Pipeline


def import_rows(target: Graph, source: Graph, names: Iterable[str]) -> list[str]:
    """Copy jobs with their nodes and edges; returns the names copied.

    Jobs that exist already are left out, an alias that is taken becomes none, an edge whose node is not in
    the source is dropped, and a node never gets a second producer.
    """
    taken = {process.alias for process in target.processes if process.alias}
    copied: list[str] = []
    for name in names:
        process = source.process(name)
        if process is None or target.process(process.name) is not None:
            continue
        if process.alias in taken:
            process = process._replace(alias="")
        target.add_process(process)
        copied.append(process.name)
    for name in copied:
        for node in source.inputs(name):
            target.add_input(node, name)
        for node in source.outputs(name):
            target.add_output(name, node)
    return copied


def extract(source: Graph, names: Iterable[str], counter: int = 2) -> Pipeline:
    """Return a graph of these jobs alone, with all nodes they touch."""
    part = Pipeline(counter)
    import_rows(part, source, names)
    return part
