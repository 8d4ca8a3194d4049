"""Iterations of refinements and classifications: which is the last, and which results it left."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from app.project.graph import Node, Process

_ITERATION = re.compile(r"run(?:_ct(\d+))?_it(\d+)_[^/]*")

#: Type label to the ending of the labels of its results.
_TYPES: Final[dict[str, str]] = {
    "relion.class2d": "class2d",
    "relion.class3d": "class3d",
    "relion.refine3d": "refine3d",
    "relion.initialmodel": "initialmodel",
    "relion.multibody": "multibody",
}

#: Iteration and number of the continuation that made it.
Iteration = tuple[int, int]


def iteration_of(path: str) -> Iteration | None:
    """Return the iteration a file belongs to (``run_ct10_it012_data.star``), None when to none."""
    found = _ITERATION.fullmatch(path)
    return (int(found[2]), int(found[1] or 0)) if found else None


def last_iteration(paths: Iterable[str]) -> Iteration | None:
    """Return the last complete iteration among files; one without an optimiser file was never finished."""
    found = {path: step for path in paths if (step := iteration_of(path)) is not None}
    whole = [step for path, step in found.items() if path.endswith("_optimiser.star")]
    return max(whole or found.values(), default=None)


def kind_of(type_label: str) -> str:
    """Return ``refine3d``, ``class2d`` …, empty for types without iterations."""
    return next((kind for label, kind in _TYPES.items() if f"{type_label}.".startswith(f"{label}.")), "")


def last_results(project_dir: Path, process: Process) -> list[Node]:
    """Return the results of the last iteration of a refinement that exist, as nodes; none for other types."""
    kind = kind_of(process.type_label)
    folder = project_dir / process.name
    if not kind or not folder.is_dir():
        return []
    paths = sorted(path.name for path in folder.glob("run*_it*"))
    last = last_iteration(paths)
    nodes = []
    for path in paths:
        label = _label(path, kind) if iteration_of(path) == last else ""
        if label:
            nodes.append(Node(process.name + path, label))
    return nodes


def _label(path: str, kind: str) -> str:
    """Return the node label of a file of an iteration, empty for files that are no results."""
    if path.endswith("_data.star"):
        return f"ParticleGroupMetadata.star.relion.{kind}"
    if path.endswith("_optimiser.star"):
        return f"OptimiserData.star.relion.{kind}"
    if kind != "class2d" and re.search(r"_half[12]_(class|body)\d+\.mrc$", path):
        return f"DensityMap.mrc.relion.halfmap.{kind}"
    if kind != "class2d" and re.search(r"_(class|body)\d+\.mrc$", path):
        return f"DensityMap.mrc.relion.{kind}"
    return ""
