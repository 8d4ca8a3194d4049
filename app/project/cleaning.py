"""Cleaning: files of finished jobs that are not needed any more go to the trash, and can come back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.project.disk_use import NO_HARSH_CLEAN, cleanable, files_below
from app.project.graph import SUCCEEDED, Graph, Process
from app.project.trash import DELETED_PIPELINE, JOB_PIPELINE, TRASH
from jobs.core.errors import UserError


@dataclass(frozen=True)
class CleanPlan:
    """What cleaning one job would move to the trash, or did.

    Attributes
    ----------
    name
        The job.
    files
        ``(path inside the job, bytes)``.
    protected
        The job is marked as not to be cleaned harshly, so only gentle cleaning was planned.
    """

    name: str
    files: tuple[tuple[str, int], ...] = ()
    protected: bool = False

    @property
    def size(self) -> int:
        """Bytes it frees."""
        return sum(size for _, size in self.files)


@dataclass(frozen=True)
class CleanedEntry:
    """Files of a job that cleaning moved to the trash.

    Attributes
    ----------
    name
        The job, which is still in the project.
    path
        The folder in the trash that holds them.
    files, size
        How many, and how many bytes.
    cleaned
        When, in seconds since 1970.
    """

    name: str
    path: Path
    files: int
    size: int
    cleaned: float


def plan(project_dir: Path, graph: Graph, process: Process, *, harsh: bool, whole: bool = False) -> CleanPlan:
    """List what cleaning a job would move; nothing is changed.

    Parameters
    ----------
    project_dir, graph, process
        Project, its graph and the job.
    harsh
        Also what can be made again, though at a cost.
    whole
        The project as a whole is cleaned: jobs marked with ``NO_HARSH_CLEAN`` are only cleaned gently.
    """
    folder = project_dir / process.name
    protected = harsh and whole and (folder / NO_HARSH_CLEAN).exists()
    found = cleanable(project_dir, graph, process, list(files_below(folder)))
    files = found.harshly if harsh and not protected else found.gently
    return CleanPlan(process.name, tuple(sorted(files)), protected)


def refuse_unfinished(process: Process) -> None:
    """Refuse to clean a job that has not succeeded.

    Raises
    ------
    UserError
        When it has not.
    """
    if process.status != SUCCEEDED:
        raise UserError(
            f"{process.name} is {process.status}; only jobs that have succeeded can be cleaned",
            hint="What an unfinished job has written may be needed to continue it",
        )


def carry_out(project_dir: Path, plans: Sequence[CleanPlan]) -> list[CleanPlan]:
    """Move the files of plans to the trash; returns what was moved.

    Raises
    ------
    UserError
        When a file cannot be moved; those moved before are put back.
    """
    moved: list[tuple[Path, Path]] = []
    done: list[CleanPlan] = []
    try:
        for one in plans:
            base = _place(project_dir, one.name) if one.files else project_dir
            files = []
            for path, size in one.files:
                source, target = project_dir / one.name / path, base / path
                if not source.exists() and not source.is_symlink():
                    continue  # another program was faster
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
                moved.append((source, target))
                files.append((path, size))
            done.append(CleanPlan(one.name, tuple(files), one.protected))
    except OSError as error:
        for source, target in reversed(moved):
            with contextlib.suppress(OSError):
                target.replace(source)
        raise UserError(
            f"A file cannot be moved to the trash ({error.strerror}); nothing was cleaned",
            path=error.filename or project_dir / TRASH,
            hint="Check the permissions, and that the trash lies on the same disk",
        ) from error
    return done


def _place(project_dir: Path, name: str) -> Path:
    """Return the folder in the trash for cleaned files; a deleted job of that number is put aside."""
    base = project_dir / TRASH / name.rstrip("/")
    if _is_job(base):
        number = 1
        while (older := base.with_name(f"{base.name}.{number}")).exists():
            number += 1
        base.rename(older)
    return base


def _is_job(folder: Path) -> bool:
    return any((folder / name).exists() for name in (DELETED_PIPELINE, JOB_PIPELINE, "job.star"))


def cleaned_entries(project_dir: Path, graph: Graph) -> list[CleanedEntry]:
    """Return the cleaned files in the trash whose jobs are still there, latest first."""
    found = []
    for path in (project_dir / TRASH).glob("*/job[0-9]*"):
        name = f"{path.parent.name}/{path.name.partition('.')[0]}/"
        if graph.process(name) is None or not path.is_dir() or _is_job(path):
            continue
        sizes = [size for _, size in files_below(path)]
        if sizes:
            found.append(CleanedEntry(name, path, len(sizes), sum(sizes), path.stat().st_mtime))
    return sorted(found, key=lambda entry: (-entry.cleaned, entry.name))


def bring_back(project_dir: Path, entry: CleanedEntry) -> int:
    """Move cleaned files back into their job; a file that the job has written anew stays in the trash.

    Returns
    -------
    int
        How many came back.

    Raises
    ------
    UserError
        When a file cannot be moved.
    """
    count = 0
    try:
        for path, _ in list(files_below(entry.path)):
            target = project_dir / entry.name / path
            if target.exists() or target.is_symlink():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            (entry.path / path).replace(target)
            count += 1
    except OSError as error:
        raise UserError(
            f"A file cannot be moved out of the trash ({error.strerror})", path=error.filename or entry.path
        ) from error
    _remove_empty(entry.path)
    return count


def _remove_empty(folder: Path) -> None:
    for place in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            place.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()
