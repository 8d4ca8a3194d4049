"""The project as a chart: which job feeds which, with what, and where each stands on the paper."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.project.flowchart_layout import Layout, lay_out
from app.project.graph import Graph, Process

#: First parts of RELION's node labels, in words for one file and for several.
_WORDS: dict[str, tuple[str, str]] = {
    "ParticleGroupMetadata": ("particles", "particle sets"),
    "DensityMap": ("map", "maps"),
    "Mask3D": ("mask", "masks"),
    "Image2DGroupMetadata": ("2D images", "2D images"),
    "Image2D": ("image", "images"),
    "Image3D": ("volume", "volumes"),
    "OptimiserData": ("optimiser", "optimisers"),
    "MicrographGroupMetadata": ("micrographs", "micrographs"),
    "MicrographMovieGroupMetadata": ("movies", "movies"),
    "MicrographCoordsGroup": ("coordinates", "coordinates"),
    "MicrographCoords": ("coordinates", "coordinates"),
    "TomoOptimisationSet": ("optimisation set", "optimisation sets"),
    "TomogramGroupMetadata": ("tomograms", "tomograms"),
    "TomoTrajectoryData": ("trajectories", "trajectories"),
    "TomoManifoldData": ("manifolds", "manifolds"),
    "TiltSeriesGroupMetadata": ("tilt series", "tilt series"),
    "LogFile": ("log", "logs"),
    "ProcessData": ("FSC", "FSCs"),
    "AtomCoords": ("model", "models"),
    "Sequence": ("sequence", "sequences"),
    "ParamsData": ("parameters", "parameters"),
    "MicroscopeData": ("optics", "optics"),
}


@dataclass(frozen=True)
class Link:
    """One job uses results of another.

    Attributes
    ----------
    source, target
        Indices of the jobs.
    label
        What goes along it, in words: ``particles``, ``2 half-maps``.
    files
        Paths relative to the project.
    """

    source: int
    target: int
    label: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Flowchart:
    """Jobs in the order of their creation, the links between them, and the place of each."""

    jobs: tuple[Process, ...]
    links: tuple[Link, ...]
    layout: Layout


def node_word(label: str, count: int = 1) -> str:
    """Return what a file is, in words; several of them with their number.

    Parameters
    ----------
    label
        RELION's node label; one nobody knows gives its first part.
    count
        How many files.
    """
    first = label.partition(".")[0]
    one, many = ("half-map", "half-maps") if _is_half(label) else _WORDS.get(first, (first, first))
    return one or "file" if count == 1 else f"{count} {many or 'files'}"


def _is_half(label: str) -> bool:
    return label.startswith("DensityMap") and "halfmap" in label


def make_flowchart(graph: Graph, *, down: bool = True) -> Flowchart:
    """Return the chart of a project, for a drawing that grows downwards or to the right.

    Files that no job of the project has made do not appear: they have no job to come from.
    """
    return chart_of(graph.processes, links_of(graph), down=down)


def chart_of(jobs: Sequence[Process], links: Sequence[Link], *, down: bool = True) -> Flowchart:
    """Return jobs and links with their places."""
    pairs = [(link.source, link.target) for link in links]
    return Flowchart(tuple(jobs), tuple(links), lay_out(len(jobs), pairs, down=down))


def links_of(graph: Graph) -> list[Link]:
    """Return which job uses results of which, one link for each pair, in the order of the file."""
    index = {process.name: at for at, process in enumerate(graph.processes)}
    producer = {node: process for process, node in graph.output_edges}
    labels = {node.name: node.label for node in graph.nodes}
    found: dict[tuple[int, int], list[str]] = {}
    for node, user in graph.input_edges:
        source, target = index.get(producer.get(node, "")), index.get(user)
        if source is not None and target is not None and source != target:
            found.setdefault((source, target), []).append(node)
    return [
        Link(source, target, _words([labels.get(file, "") for file in files]), tuple(files))
        for (source, target), files in found.items()
    ]


def _words(labels: Iterable[str]) -> str:
    kinds: dict[str, list[str]] = {}
    for label in labels:
        kinds.setdefault(node_word(label), []).append(label)
    return ", ".join(node_word(same[0], len(same)) for same in kinds.values())


def only_ancestors(chart: Flowchart, name: str) -> Flowchart:
    """Return the chart of one job and of all it came from, laid out anew.

    Raises
    ------
    KeyError
        When there is no such job.
    """
    at = {job.name: k for k, job in enumerate(chart.jobs)}[name]
    parents: dict[int, list[int]] = {}
    for link in chart.links:
        parents.setdefault(link.target, []).append(link.source)
    kept = sorted(reach(at, parents))
    place = {old: new for new, old in enumerate(kept)}
    links = [
        Link(place[link.source], place[link.target], link.label, link.files)
        for link in chart.links
        if link.source in place and link.target in place
    ]
    return chart_of([chart.jobs[k] for k in kept], links)


def reach(start: int, neighbours: Mapping[int, Sequence[int]]) -> set[int]:
    """Return everything that can be reached from a start, itself included."""
    found, waiting = {start}, deque([start])
    while waiting:
        for other in neighbours.get(waiting.popleft(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
