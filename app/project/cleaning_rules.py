"""What cleaning may move to the trash, by job type: RELION's conventions, and what our own types declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from app.project.refinements import iteration_of, last_iteration
from jobs import registry
from jobs.core.errors import UserError


@dataclass(frozen=True)
class CleanRule:
    """Which files of a job are not needed any more.

    Attributes
    ----------
    gently, harshly
        Patterns of paths inside the job; ``*`` stands for anything, slashes included. Harsh cleaning takes
        what gentle cleaning takes as well.
    iterations
        All iterations but the last, and those whose files are in the graph, may go.
    spare_named
        Files that the job's own STAR files name stay.
    complete
        Files that a complete job has; nothing is cleaned while all of them are missing.
    """

    gently: tuple[str, ...] = ()
    harshly: tuple[str, ...] = ()
    iterations: bool = False
    spare_named: bool = False
    complete: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is never anything to clean."""
        return not (self.gently or self.harshly or self.iterations)


_IN_FOLDERS = "*/*"

_RELION: Final[dict[str, CleanRule]] = {
    "relion.motioncorr": CleanRule(("*/*.log", "*/*.out", "*/*.err", "*/*.com"), (_IN_FOLDERS,)),
    "relion.ctffind": CleanRule(("gctf*.out", "gctf*.err", _IN_FOLDERS), spare_named=True),
    "relion.autopick": CleanRule(("*.spi",)),
    "relion.extract": CleanRule(("*/*_extract.star",), (_IN_FOLDERS,)),
    "relion.class2d": CleanRule(iterations=True),
    "relion.class3d": CleanRule(iterations=True),
    "relion.refine3d": CleanRule(iterations=True),
    "relion.initialmodel": CleanRule(iterations=True),
    "relion.multibody": CleanRule(harshly=("analyse_component*_bin*.mrc",), iterations=True),
    "relion.ctfrefine": CleanRule(("*/*.mrc", "*/*_fit.star", "*/*_fit.eps")),
    "relion.polish": CleanRule(("*/*_FCC_*.mrc",), ("*/*_shiny.mrcs", "*/*_shiny.star")),
    "relion.subtract": CleanRule(harshly=("*subtracted*.mrcs",)),
}

#: Files that make a job what it is; no pattern ever takes them.
_KEPT = re.compile(
    r"(job\.star|run\.job|job_pipeline\.star|default_pipeline\.star|note\.txt|run\.(out|err)|RELION_.*|"
    r"NO_HARSH_CLEAN|(options|outcome)\.\d+\.json|worker\.json|metrics\.jsonl)"
)


def rule_for(type_label: str) -> CleanRule:
    """Return the rule of a job type; the last dot-part is dropped until a type is found, as RELION does."""
    declared = registry.by_label(type_label)
    if declared is not None:
        complete = tuple(path for task in declared.tasks if task.resumes for path in task.unless)
        return CleanRule(declared.clean_gently, declared.clean_harshly, complete=complete)
    label = type_label
    while label:
        if label in _RELION:
            return _RELION[label]
        label = label.rpartition(".")[0]
    return CleanRule()


@dataclass(frozen=True)
class Sorted:
    """Files that gentle cleaning takes, and those that harsh cleaning takes (the former included)."""

    gently: tuple[tuple[str, int], ...] = ()
    harshly: tuple[tuple[str, int], ...] = ()


def sort_files(folder: Path, rule: CleanRule, files: Iterable[tuple[str, int]], nodes: set[str]) -> Sorted:
    """Say which files of a finished job may go.

    Parameters
    ----------
    folder
        The job.
    rule
        The rule of its type.
    files
        ``(path inside the job, bytes)`` of its files.
    nodes
        Paths inside the job of the files in the graph, which always stay.
    """
    if rule.empty:
        return Sorted()
    files = list(files)
    if rule.complete and not any(_matches(path, rule.complete) for path, _ in files):
        return Sorted()  # marked as finished, yet unfinished: its work may be taken up
    listed = [(path, size) for path, size in files if path not in nodes and not _KEPT.fullmatch(path)]
    last = last_iteration(path for path, _ in listed) if rule.iterations else None
    in_graph = {iteration_of(path) for path in nodes}
    named = _named(folder) if rule.spare_named else set()
    gently, harshly = [], []
    for path, size in listed:
        iteration = iteration_of(path) if rule.iterations else None
        old = iteration is not None and iteration != last and iteration not in in_graph
        if old or (path not in named and _matches(path, rule.gently)):
            gently.append((path, size))
            harshly.append((path, size))
        elif path not in named and _matches(path, rule.harshly):
            harshly.append((path, size))
    return Sorted(tuple(gently), tuple(harshly))


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _named(folder: Path) -> set[str]:
    """Return the files inside the job that its STAR files name (``…/x.ctf:mrc``, ``000001@…/x.mrcs``)."""
    start = f"{folder.parent.name}/{folder.name}/"
    found: set[str] = set()
    for star in folder.glob("*.star"):
        try:
            with star.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    found.update(
                        word[word.index(start) + len(start) :].partition(":")[0]
                        for word in line.split()
                        if start in word
                    )
        except OSError as error:
            # without knowing what it names, nothing here may go
            raise UserError(f"{star.name} cannot be read ({error.strerror})", path=star) from error
    return found
