"""A damaged project file: finding the backups RELION leaves in the job directories, and going back to one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from app.project.imports import import_rows
from app.project.lock import ProjectLock
from app.project.pipeline_star import Pipeline, format_pipeline, parse_pipeline
from app.project.upgrade import convert, keep_copy, old_version
from jobs.core.errors import FormatError, UserError
from jobs.core.relion_star import replace_text

PIPELINE_FILE = "default_pipeline.star"
JOB_PIPELINE = "job_pipeline.star"
_JOB_DIR = re.compile(r"job(\d{3,})")
_N_OFFERED = 5


class PipelineDamaged(UserError):
    """``default_pipeline.star`` cannot be understood.

    Attributes
    ----------
    backups
        Readable backups, newest first; empty when there are none.
    """

    def __init__(self, message: str, *, path: Path, row: int | None, backups: list[Path], hint: str) -> None:
        super().__init__(message, path=path, row=row, hint=hint)
        self.backups = backups


def damaged(project_dir: Path, error: FormatError) -> PipelineDamaged:
    """Return the error to raise for a damaged project file, with the backups found."""
    backups = find_backups(project_dir)
    if backups:
        when = time.strftime("%d %B %Y, %H:%M", time.localtime(backups[0].stat().st_mtime))
        newest = backups[0].relative_to(project_dir)
        hint = f"The newest backup is {newest} of {when}; restore it (the damaged file is kept aside)"
    else:
        hint = "No backup was found in the job directories; repair the file by hand or from your own backup"
    return PipelineDamaged(
        f"The project file is damaged: {error.message}",
        path=project_dir / PIPELINE_FILE,
        row=error.row,
        backups=backups,
        hint=hint,
    )


def find_backups(project_dir: Path, limit: int = _N_OFFERED) -> list[Path]:
    """Return readable copies of the project file in the job directories, newest first."""
    dated: list[tuple[float, Path]] = []
    for folder in job_directories(project_dir):
        path = folder / PIPELINE_FILE
        try:
            dated.append((path.stat().st_mtime, path))
        except OSError:
            continue
    found: list[Path] = []
    for _, path in sorted(dated, reverse=True):
        try:
            _read(path)
        except UserError:
            continue
        found.append(path)
        if len(found) == limit:
            break
    return found


def restore_backup(project_dir: Path, backup: Path) -> Path | None:
    """Put a backup in the place of the project file; returns where the damaged file is kept.

    Jobs started after the backup was made are brought back from the records in their directories, and the
    counter moves beyond every job directory that exists, so that no number is given twice.

    Raises
    ------
    UserError
        When the backup is damaged too, or nothing can be written.
    """
    target = project_dir / PIPELINE_FILE
    with ProjectLock(project_dir, "restoring the project file from a backup") as lock:
        pipeline = _read(backup)
        _bring_back_later_jobs(project_dir, pipeline)
        aside = keep_copy(target, time.strftime("damaged_%Y%m%d_%H%M%S")) if target.exists() else None
        lock.require()
        replace_text(target, format_pipeline(pipeline))
    return aside


def _bring_back_later_jobs(project_dir: Path, pipeline: Pipeline) -> None:
    first = pipeline.counter
    later = sorted(
        (number, folder) for folder in job_directories(project_dir) if (number := _number(folder)) >= first
    )
    for number, folder in later:
        pipeline.counter = max(pipeline.counter, number + 1)
        name = f"{folder.parent.name}/{folder.name}/"
        try:
            record = _read(folder / JOB_PIPELINE)
        except UserError:
            continue
        if record.process(name) is not None and pipeline.process(name) is None:
            import_rows(pipeline, record, [name])


def job_directories(project_dir: Path) -> Iterator[Path]:
    """Go through the job directories of a project (not the links that are aliases, not the trash)."""
    try:
        type_dirs = sorted(entry for entry in project_dir.iterdir() if not entry.name.startswith("."))
    except OSError:
        return
    for type_dir in type_dirs:
        if type_dir.name == "Trash" or not type_dir.is_dir():
            continue
        try:
            entries = sorted(type_dir.iterdir())
        except OSError:
            continue
        for entry in entries:
            if _JOB_DIR.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
                yield entry


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix("job"))


def _read(path: Path) -> Pipeline:
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"The backup cannot be read ({error.strerror})", path=path) from error
    return parse_pipeline(convert(text, path) if old_version(text) else text, path)
