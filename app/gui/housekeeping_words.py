"""What tidying up is told in: the room of jobs in words, lists of files, the trash, and logs of schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from app.gui.dialogs.trash import TrashLine
from app.project.cleaning import CleanedEntry, CleanPlan
from app.project.disk_use import JobUse, files_below, in_words
from app.project.project import Project
from app.project.trash import TRASH, TrashEntry

#: More files than this are not listed one by one.
_LISTED = 400


class Sentences(Mapping[str, str]):
    """The sentence of each job, made when it is asked for: a project may have ten thousand."""

    def __init__(self, jobs: Mapping[str, JobUse]) -> None:
        self._jobs = jobs

    def __getitem__(self, name: str) -> str:
        return in_sentence(self._jobs[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)


def in_sentence(use: JobUse) -> str:
    """Return what a job takes and what cleaning would free, for the lists."""
    text = f"{in_words(use.size)} on the disk"
    if use.harsh:
        text += f"; cleaning frees {in_words(use.gentle)} gently, {in_words(use.harsh)} harshly"
    return text


def protected(plan: CleanPlan) -> str:
    """Return the line of a job that is not cleaned harshly."""
    return f"{plan.name.rstrip('/')}   protected by NO_HARSH_CLEAN"


def cleaned_lines(plans: list[CleanPlan], *, alone: bool) -> list[str]:
    """Return what is concerned: the files of one job, or the jobs with their numbers."""
    if alone:
        files = [f"{path}   {in_words(size)}" for one in plans for path, size in one.files]
        more = [f"… and {len(files) - _LISTED:,} more"] if len(files) > _LISTED else []
        return files[:_LISTED] + more
    lines = []
    for one in sorted(plans, key=lambda plan: -plan.size):
        note = "   protected: cleaned gently only" if one.protected else ""
        lines.append(f"{one.name.rstrip('/')}   {len(one.files):,} files, {in_words(one.size)}{note}")
    return lines


def trash_lines(project: Project) -> list[TrashLine]:
    """Return what is in the trash, the latest first."""
    lines = [_job_line(entry) for entry in project.trash_entries()]
    lines += [_cleaned_line(entry) for entry in project.cleaned_entries()]
    return sorted(lines, key=lambda line: -line.when)


def _job_line(entry: TrashEntry) -> TrashLine:
    size = sum(size for _, size in files_below(entry.path))
    hindrance = "" if entry.can_return else "has no record of its place in the project"
    return TrashLine(f"job:{entry.path}", entry.name, "Deleted job", entry.deleted, size, hindrance)


def _cleaned_line(entry: CleanedEntry) -> TrashLine:
    what = f"{entry.files:,} cleaned {'file' if entry.files == 1 else 'files'}"
    return TrashLine(f"files:{entry.name}", entry.name, what, entry.cleaned, entry.size)


def trash_found(project: Project) -> tuple[list[TrashLine], int]:
    """Return what is in the trash, and its size."""
    return trash_lines(project), sum(size for _, size in files_below(project.path / TRASH))


def schedule_logs(path: Path) -> str:
    """Return the ends of the logs of all schedules, the latest first."""
    logs = sorted(path.glob("pipeline_*.log"), key=lambda log: log.stat().st_mtime, reverse=True)
    parts = []
    for log in logs:
        name = log.stem.removeprefix("pipeline_")
        text = log.read_text(encoding="utf-8", errors="replace")[-100_000:].rstrip()
        parts.append(f"{name} ({log.name})\n\n{text}\n")
    return "\n\n".join(parts)
