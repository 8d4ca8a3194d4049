"""Nodes: which file suits which input, and the ``.Nodes`` mirror that RELION's Browse buttons show."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from app.project.graph import SCHEDULED, Graph, Node
from jobs.core.errors import UserError

MIRROR = ".Nodes"


def nodes_for(graph: Graph, wanted: Sequence[str]) -> list[Node]:
    """Return the nodes that suit an input, in order of creation."""
    firsts = {label.partition(".")[0] for label in wanted}
    return [node for node in graph.nodes if node.label.partition(".")[0] in firsts]


def clean_name(project_dir: Path, name: str) -> str:
    """Return a file's name as it stands in the graph: relative to the project, without ``./`` and ``//``.

    Raises
    ------
    UserError
        When it is empty or holds what RELION cannot keep.
    """
    text = str(name).strip()
    if not text:
        raise UserError("An input or output of the job has an empty file name", hint="Choose a file")
    path = PurePosixPath(os.path.normpath(text))
    if path.is_absolute():
        for root in (project_dir, project_dir.resolve()):
            if path.is_relative_to(root):
                path = path.relative_to(root)
                break
    refuse_none(str(path))
    return str(path)


def refuse_none(name: str) -> None:
    """Refuse the letters ``None`` in a path: RELION replaces them by a job's name.

    Raises
    ------
    UserError
        When the name holds them.
    """
    if "None" in name:
        raise UserError(
            f"The path {name} holds the letters None, which RELION would replace by the name of a job",
            hint="Rename the file or folder",
        )
    if any(ord(char) < 32 for char in name):
        raise UserError(
            f"The path {name!r} holds a line break or another control character",
            hint="Rename the file or folder",
        )


def without_alias(graph: Graph, name: str) -> str:
    """Return a file's path with the alias of its job replaced by the job's name."""
    parts = name.split("/")
    if len(parts) < 3 or graph.process("/".join(parts[:2])) is not None:
        return name
    process = graph.by_alias("/".join(parts[:2]))
    return process.name + "/".join(parts[2:]) if process is not None else name


def attach_input(graph: Graph, node: Node, process: str) -> None:
    """Note an input; a file first seen here belongs to the job in whose directory it lies."""
    is_new = graph.node(node.name) is None
    graph.add_input(node, process)
    if is_new and (maker := graph.process("/".join(node.name.split("/")[:2]))) is not None:
        graph.add_output(maker.name, node)


# -- the mirror ----------------------------------------------------------------------------------------------


def mirror_paths(graph: Graph, node: Node) -> list[Path]:
    """Return the places of a node in the mirror, relative to the project."""
    parts = node.label.split(".")
    if not parts[0]:
        return []
    name = node.name
    maker = graph.process(graph.producer(node.name))
    if maker is not None and maker.alias and name.startswith(maker.name):
        name = maker.alias + name[len(maker.name) :]
    if name.startswith(("/", "../")):
        return []
    places = [Path(MIRROR, parts[0], name)]
    if node.depth > 1:
        places.append(Path(MIRROR, ".".join(parts[: node.depth]), name))
    return places


def make_mirror(project_dir: Path, graph: Graph, nodes: Iterable[Node]) -> None:
    """Make the mirror entries of nodes whose files exist, or will be made by a scheduled job.

    The mirror only serves file dialogs and can be rebuilt, so trouble with it is no reason to fail.
    """
    for node in nodes:
        maker = graph.process(graph.producer(node.name))
        scheduled = maker is not None and maker.status == SCHEDULED
        if not scheduled and not (project_dir / node.name).exists():
            continue
        for place in mirror_paths(graph, node):
            target = project_dir / place
            with contextlib.suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()


def all_mirror_paths(graph: Graph, nodes: Iterable[Node]) -> list[Path]:
    """Return the places of several nodes in the mirror, relative to the project."""
    return [place for node in nodes for place in mirror_paths(graph, node)]


def remove_mirror(project_dir: Path, places: Iterable[Path]) -> None:
    """Remove mirror entries and the folders that become empty."""
    for place in places:
        with contextlib.suppress(OSError):
            (project_dir / place).unlink()
            for folder in list(place.parents)[:-2]:
                (project_dir / folder).rmdir()


def rebuild_mirror(project_dir: Path, graph: Graph) -> int:
    """Delete the mirror and make it anew; returns the number of nodes in it.

    Raises
    ------
    UserError
        When the old mirror cannot be removed.
    """
    mirror = project_dir / MIRROR
    try:
        if mirror.is_symlink() or mirror.is_file():
            mirror.unlink()
        elif mirror.exists():
            shutil.rmtree(mirror)
        mirror.mkdir()
        make_mirror(project_dir, graph, graph.nodes)
        # as RELION does, so that everybody working in the project can choose files
        for folder in [mirror, *(place for place in mirror.rglob("*") if place.is_dir())]:
            folder.chmod(0o777)
    except OSError as error:
        raise UserError(
            f"The folder of nodes cannot be rebuilt ({error.strerror})",
            path=mirror,
            hint="Check its permissions",
        ) from error
    return sum(1 for place in mirror.rglob("*") if place.is_file())
