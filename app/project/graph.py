"""The job graph of a project: jobs, files, and which job read or made which file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

#: Statuses RELION knows; any other word ends RELION.
STATUSES = ("Running", "Scheduled", "Succeeded", "Failed", "Aborted")
RUNNING, SCHEDULED, SUCCEEDED, FAILED, ABORTED = STATUSES

_NUMBER = re.compile(r"job(\d{3,})/?$")

Edge = tuple[str, str]


class Process(NamedTuple):
    """One job.

    Attributes
    ----------
    name
        ``Refine3D/job029/`` with the trailing slash.
    alias
        ``Refine3D/my_alias/``, empty when there is none.
    type_label
        RELION's type label.
    status
        One of `STATUSES` (other programs' words are kept as they are).
    """

    name: str
    alias: str
    type_label: str
    status: str

    @property
    def number(self) -> int:
        """The job's number in the project, 0 when its name holds none."""
        match = _NUMBER.search(self.name)
        return int(match[1]) if match else 0

    @property
    def directory(self) -> str:
        """The directory of its type, ``Refine3D``."""
        return self.name.partition("/")[0]

    @property
    def short_alias(self) -> str:
        """The alias as people type it, empty when there is none."""
        return self.alias.rstrip("/").rpartition("/")[2]


class Node(NamedTuple):
    """One file that a job reads or makes.

    Attributes
    ----------
    name
        Path relative to the project.
    label
        RELION's node type label, ``DensityMap.mrc.relion.refine3d``.
    depth
        How many parts of the label the ``.Nodes`` mirror uses besides the first.
    """

    name: str
    label: str
    depth: int = 1


class Graph:
    """Jobs, nodes and edges with quick look-up; rows keep the order of their creation.

    The lists are there to be read; they are changed through the methods, which report every change of a row
    to the hooks at the end, where the text of the file is kept. Look-up tables are filled when first needed
    and then only continued, so that appending to a large project costs nothing.
    """

    def __init__(self, counter: int = 1) -> None:
        self.counter = counter
        #: grows with every change made through the methods
        self.revision = 0
        self.processes: list[Process] = []
        self.nodes: list[Node] = []
        self.input_edges: list[Edge] = []
        self.output_edges: list[Edge] = []
        self._process_at: dict[str, int] = {}
        self._node_at: dict[str, int] = {}
        self._running: dict[str, None] | None = None
        self._forget_edges()

    def _forget_edges(self) -> None:
        self._edges_seen = [0, 0]
        self._inputs: dict[str, list[str]] = {}
        self._consumers: dict[str, list[str]] = {}
        self._outputs: dict[str, list[str]] = {}
        self._producer: dict[str, str] = {}

    # -- looking -------------------------------------------------------------------------------------------

    def process(self, name: str) -> Process | None:
        """Return the job of this name, with or without the trailing slash; None when there is none."""
        at = self._process_index().get(name.rstrip("/") + "/")
        return None if at is None else self.processes[at]

    def by_alias(self, alias: str) -> Process | None:
        """Return the job with this full alias (``Refine3D/my_alias/``)."""
        wanted = alias.rstrip("/") + "/"
        return next((process for process in self.processes if process.alias == wanted), None)

    def node(self, name: str) -> Node | None:
        """Return the node of this name."""
        at = self._node_index().get(name)
        return None if at is None else self.nodes[at]

    def with_status(self, status: str) -> list[Process]:
        """Return the jobs with a status, in order of creation."""
        return [process for process in self.processes if process.status == status]

    def running(self) -> list[Process]:
        """Return the jobs that run; quick when called again and nothing changed."""
        if self._running is None:
            self._running = dict.fromkeys(p.name for p in self.processes if p.status == RUNNING)
        index = self._process_index()
        return [self.processes[index[name]] for name in self._running]

    def inputs(self, process: str) -> list[Node]:
        """Return the nodes a job reads."""
        self._index_edges()
        return self._nodes_of(self._inputs.get(process, ()))

    def outputs(self, process: str) -> list[Node]:
        """Return the nodes a job makes."""
        self._index_edges()
        return self._nodes_of(self._outputs.get(process, ()))

    def producer(self, node: str) -> str:
        """Return the name of the job that makes a node, empty when none does."""
        self._index_edges()
        return self._producer.get(node, "")

    def consumers(self, node: str) -> list[str]:
        """Return the names of the jobs that read a node."""
        self._index_edges()
        return list(self._consumers.get(node, ()))

    def producers_of(self, process: str) -> list[str]:
        """Return the jobs whose files a job reads."""
        names = (self.producer(node.name) for node in self.inputs(process))
        return list(dict.fromkeys(name for name in names if name and name != process))

    def consumers_of(self, process: str) -> list[str]:
        """Return the jobs that read the files of a job."""
        users = (user for node in self.outputs(process) for user in self._consumers.get(node.name, ()))
        return list(dict.fromkeys(user for user in users if user != process))

    def dependants(self, names: Iterable[str]) -> list[str]:
        """Return all jobs that directly or indirectly use results of these, in order of creation."""
        start = set(names)
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            for user in self.consumers_of(waiting.pop()):
                if user not in found and user not in start:
                    found.add(user)
                    waiting.append(user)
        index = self._process_index()
        return sorted((name for name in found if name in index), key=index.__getitem__)

    def _nodes_of(self, names: Iterable[str]) -> list[Node]:
        index = self._node_index()
        return [self.nodes[index[name]] for name in names if name in index]

    # -- changing ------------------------------------------------------------------------------------------

    def add_process(self, process: Process) -> None:
        """Append a job.

        Raises
        ------
        ValueError
            When a job of this name exists, or the status is none of RELION's words.
        """
        _check_status(process.status)
        if self.process(process.name) is not None:
            raise ValueError(f"There is a job {process.name} already")
        self.processes.append(process)
        self._running = None
        row = [process.name, process.alias or "None", process.type_label, process.status]
        self._row_added("pipeline_processes", row)

    def change_process(self, name: str, *, status: str | None = None, alias: str | None = None) -> Process:
        """Give a job another status or alias and return its new row.

        Raises
        ------
        KeyError
            When there is no such job.
        """
        index = self._process_index()[name]
        process = self.processes[index]
        if status is not None:
            _check_status(status)
            process = process._replace(status=status)
        if alias is not None:
            process = process._replace(alias=alias)
        if process != self.processes[index]:
            self.processes[index] = process
            self._running = None
            self._process_changed(index, process)
        return process

    def add_node(self, node: Node) -> bool:
        """Append a node; False when there is one of that name."""
        if node.name in self._node_index():
            return False
        self.nodes.append(node)
        self._row_added("pipeline_nodes", [node.name, node.label, str(node.depth)])
        return True

    def add_input(self, node: Node, process: str) -> None:
        """Note that a job reads a node, which is added when it is new."""
        self.add_node(node)
        self._index_edges()
        if process not in self._consumers.get(node.name, ()):
            self.input_edges.append((node.name, process))
            self._row_added("pipeline_input_edges", [node.name, process])

    def add_output(self, process: str, node: Node) -> bool:
        """Note that a job makes a node; False when the node has a producer already."""
        self.add_node(node)
        if self.producer(node.name):
            return False
        self.output_edges.append((process, node.name))
        self._row_added("pipeline_output_edges", [process, node.name])
        return True

    def remove_processes(self, names: Iterable[str]) -> None:
        """Remove jobs, their edges and the nodes they made."""
        gone = set(names)
        made = {node for process, node in self.output_edges if process in gone}
        self._keep(lambda p: p.name not in gone, lambda n: n.name not in made, gone, made)

    def take_out(self, name: str) -> None:
        """Remove one job although others may use its results, which stay and wait for a new producer."""
        made = {node.name for node in self.outputs(name) if not self.consumers(node.name)}
        self._keep(lambda p: p.name != name, lambda n: n.name not in made, {name}, made)

    def remove_outputs(self, nodes: Iterable[str]) -> None:
        """Remove nodes that turned out not to exist, with their edges."""
        made = set(nodes)
        if made:
            self._keep(lambda _p: True, lambda n: n.name not in made, set(), made)

    def _keep(
        self,
        process_stays: Callable[[Process], bool],
        node_stays: Callable[[Node], bool],
        gone: set[str],
        made: set[str],
    ) -> None:
        kept = {
            "pipeline_processes": [i for i, p in enumerate(self.processes) if process_stays(p)],
            "pipeline_nodes": [i for i, n in enumerate(self.nodes) if node_stays(n)],
            "pipeline_input_edges": [
                i for i, (n, p) in enumerate(self.input_edges) if n not in made and p not in gone
            ],
            "pipeline_output_edges": [
                i for i, (p, n) in enumerate(self.output_edges) if n not in made and p not in gone
            ],
        }
        self.processes = [self.processes[i] for i in kept["pipeline_processes"]]
        self.nodes = [self.nodes[i] for i in kept["pipeline_nodes"]]
        self.input_edges = [self.input_edges[i] for i in kept["pipeline_input_edges"]]
        self.output_edges = [self.output_edges[i] for i in kept["pipeline_output_edges"]]
        self._process_at, self._node_at, self._running = {}, {}, None
        self._forget_edges()
        for table, rows in kept.items():
            self._rows_kept(table, rows)

    # -- filling from a file -------------------------------------------------------------------------------

    def _set_rows(self, table: str, rows: Sequence[Sequence[str]]) -> None:
        if table == "pipeline_processes":
            self.processes, self._process_at = [], {}
        elif table == "pipeline_nodes":
            self.nodes, self._node_at = [], {}
        elif table == "pipeline_input_edges":
            self.input_edges = []
            self._forget_edges()
        else:
            self.output_edges = []
            self._forget_edges()
        self._extend_rows(table, rows)

    def _extend_rows(self, table: str, rows: Sequence[Sequence[str]]) -> None:
        if table == "pipeline_processes":
            self.processes += map(_process, rows)
            self._running = None
        elif table == "pipeline_nodes":
            self.nodes += map(_node, rows)
        elif table == "pipeline_input_edges":
            self.input_edges += [(r[0], r[1]) for r in rows]
        else:
            self.output_edges += [(r[0], r[1]) for r in rows]

    def _replace_rows(self, table: str, places: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        """Replace single rows; nothing happens to the others."""
        if table == "pipeline_processes":
            names = [self.processes[at].name for at in places]
            for at, row in zip(places, rows, strict=True):
                self.processes[at] = _process(row)
            self._running = None
            if names != [row[0] for row in rows]:
                self._process_at = {}
        elif table == "pipeline_nodes":
            for at, row in zip(places, rows, strict=True):
                self.nodes[at] = _node(row)
            self._node_at = {}
        else:
            edges = self.input_edges if table == "pipeline_input_edges" else self.output_edges
            for at, row in zip(places, rows, strict=True):
                edges[at] = (row[0], row[1])
            self._forget_edges()

    # -- look-up tables ------------------------------------------------------------------------------------

    def _process_index(self) -> dict[str, int]:
        index, processes = self._process_at, self.processes
        for at in range(len(index), len(processes)):
            # two rows of one name (two RELION windows can do that): the first one counts
            index.setdefault(processes[at].name, at)
        return index

    def _node_index(self) -> dict[str, int]:
        index, nodes = self._node_at, self.nodes
        for at in range(len(index), len(nodes)):
            index.setdefault(nodes[at].name, at)
        return index

    def _index_edges(self) -> None:
        n_in, n_out = self._edges_seen
        if n_in < len(self.input_edges):
            for node, process in self.input_edges[n_in:]:
                self._inputs.setdefault(process, []).append(node)
                self._consumers.setdefault(node, []).append(process)
        if n_out < len(self.output_edges):
            for process, node in self.output_edges[n_out:]:
                self._outputs.setdefault(process, []).append(node)
                self._producer.setdefault(node, process)
        self._edges_seen = [len(self.input_edges), len(self.output_edges)]

    # -- hooks ---------------------------------------------------------------------------------------------

    def _row_added(self, table: str, values: Sequence[str]) -> None:
        """Hear of a new last row."""
        self.revision += 1

    def _process_changed(self, index: int, process: Process) -> None:
        """Hear of a job that changed."""
        self.revision += 1

    def _rows_kept(self, table: str, kept: Sequence[int]) -> None:
        """Hear which rows of a table are left."""
        self.revision += 1


def _process(row: Sequence[str]) -> Process:
    return Process(row[0], "" if row[1] == "None" else row[1], row[2], row[3])


def _node(row: Sequence[str]) -> Node:
    return Node(row[0], row[1], int(row[2]) if row[2].isdecimal() else 1)


def _check_status(status: str) -> None:
    if status not in STATUSES:
        raise ValueError(f"'{status}' is no status RELION knows; it is one of {', '.join(STATUSES)}")
