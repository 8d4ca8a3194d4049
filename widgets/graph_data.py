"""What a flowchart shows: jobs with their places, links between them, and the ways along the links. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GraphJob:
    """One job of the chart.

    Attributes
    ----------
    name
        What identifies it, ``Refine3D/job029/``.
    number
        Shown before everything else.
    title
        Its alias, or its type in words when it has none.
    kind
        Type in words.
    status
        RELION's word.
    note
        Takes the place of the status, for example ``42 %``.
    tags
        ``(word, number of its colour)``.
    glyph
        Name of a drawing for its type.
    layer, column
        Place in the chart.
    detail
        Further lines for the one who points at it.
    """

    name: str
    number: int = 0
    title: str = ""
    kind: str = ""
    status: str = ""
    note: str = ""
    tags: tuple[tuple[str, int], ...] = ()
    glyph: str = "file"
    layer: int = 0
    column: int = 0
    detail: str = ""

    @property
    def shown(self) -> str:
        """Its alias, or its name without one."""
        return self.title if self.title not in ("", self.kind) else self.name.rstrip("/")

    @property
    def searched(self) -> str:
        """Everything that is searched, in small letters."""
        words = " ".join(word for word, _ in self.tags)
        return f"{self.number:03d} {self.name} {self.title} {self.kind} {self.status} {words}".lower()


@dataclass(frozen=True)
class GraphLink:
    """Results of one job go into another; `lane` is the gap in which the line passes others, if it does."""

    source: int
    target: int
    label: str = ""
    files: tuple[str, ...] = ()
    lane: int | None = None


@dataclass(frozen=True)
class Filter:
    """Which jobs are looked for; empty parts let everything pass."""

    text: str = ""
    status: str = ""
    kind: str = ""
    tag: str = ""

    @property
    def active(self) -> bool:
        """Whether it holds anything back."""
        return bool(self.text.strip() or self.status or self.kind or self.tag)

    def matches(self, job: GraphJob) -> bool:
        """Tell whether a job is looked for."""
        if (self.status and job.status != self.status) or (self.kind and job.kind != self.kind):
            return False
        if self.tag and self.tag not in (word for word, _ in job.tags):
            return False
        searched = job.searched
        return all(word in searched for word in self.text.lower().split())


class Ways:
    """Walks along the links of a chart."""

    def __init__(self, n_jobs: int = 0, links: Sequence[GraphLink] = ()) -> None:
        self.parents: list[list[int]] = [[] for _ in range(n_jobs)]
        self.children: list[list[int]] = [[] for _ in range(n_jobs)]
        for link in links:
            self.parents[link.target].append(link.source)
            self.children[link.source].append(link.target)

    def ancestors(self, job: int) -> set[int]:
        """Return everything a job came from, itself included."""
        return _reach(job, self.parents)

    def descendants(self, job: int) -> set[int]:
        """Return everything that came from a job, itself included."""
        return _reach(job, self.children)

    def between(self, first: int, second: int) -> set[int]:
        """Return all jobs on any way along the links from one to the other, whichever came first."""
        for start, end in ((first, second), (second, first)):
            found = self.descendants(start)
            if end in found:
                return found & self.ancestors(end)
        return set()

    def common(self, first: int, second: int) -> set[int]:
        """Return the ways of two jobs back to the latest job from which both came; empty without one."""
        shared = self.ancestors(first) & self.ancestors(second)
        if not shared:
            return set()
        # the latest: none of its descendants is shared as well
        latest = [job for job in shared if not any(child in shared for child in self.children[job])]
        joint = max(latest)
        return self.between(joint, first) | self.between(joint, second)


def _reach(start: int, neighbours: Sequence[Iterable[int]]) -> set[int]:
    found, waiting = {start}, deque([start])
    while waiting:
        for other in neighbours[waiting.popleft()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def places(jobs: Sequence[GraphJob]) -> Mapping[tuple[int, int], int]:
    """Return the index of the job at each ``(layer, column)``."""
    return {(job.layer, job.column): at for at, job in enumerate(jobs)}
