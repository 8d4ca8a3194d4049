"""Deleting jobs into ``Trash/`` and bringing them back."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.project.graph import FAILED, RUNNING
from app.project.imports import extract, import_rows
from app.project.pipeline_star import Pipeline, format_pipeline, parse_pipeline
from app.project.upgrade import convert, old_version
from jobs.core.errors import UserError
from jobs.core.relion_star import replace_text

TRASH = "Trash"
DELETED_PIPELINE = "deleted_pipeline.star"
JOB_PIPELINE = "job_pipeline.star"


@dataclass(frozen=True)
class TrashEntry:
    """A deleted job.

    Attributes
    ----------
    name
        Its name in the project, ``Refine3D/job029/``.
    path
        Its directory in the trash.
    deleted
        When it was moved there, in seconds since 1970.
    can_return
        Whether there is a record from which it can be brought back.
    """

    name: str
    path: Path
    deleted: float
    can_return: bool


def trash_entries(project_dir: Path) -> list[TrashEntry]:
    """Return the deleted jobs, latest first."""
    found: list[TrashEntry] = []
    for path in (project_dir / TRASH).glob("*/job[0-9]*"):
        if not path.is_dir():
            continue
        has_record = any((path / name).exists() for name in (DELETED_PIPELINE, JOB_PIPELINE))
        name = f"{path.parent.name}/{path.name}/"
        # Cleaned files of a job that is still there lie in the trash as well, without any record.
        if has_record or not (project_dir / name).exists():
            found.append(TrashEntry(name, path, path.stat().st_ctime, has_record))
    return sorted(found, key=lambda entry: (-entry.deleted, entry.name))


def delete_jobs(
    project_dir: Path,
    pipeline: Pipeline,
    names: Sequence[str],
    moves: list[tuple[Path, Path]],
    *,
    alone: bool = False,
) -> None:
    """Take jobs out of the graph and move their directories to the trash.

    Parameters
    ----------
    project_dir, pipeline
        The project and its graph.
    names
        The jobs; the record for bringing them back is left with the first of them.
    moves
        Filled with the moves made, for :func:`undo_moves`.
    alone
        Files that other jobs use stay in the graph, without a maker.

    Raises
    ------
    UserError
        When a directory cannot be moved.
    """
    _move_jobs(project_dir, pipeline, names, moves)
    if not alone:
        pipeline.remove_processes(names)
        return
    for name in names:
        pipeline.take_out(name)


def move_job(project_dir: Path, pipeline: Pipeline, name: str, moves: list[tuple[Path, Path]]) -> None:
    """Move the directory of one job to the trash, with its record; see :func:`delete_jobs`."""
    _move_jobs(project_dir, pipeline, [name], moves)


def _move_jobs(
    project_dir: Path, pipeline: Pipeline, names: Sequence[str], moves: list[tuple[Path, Path]]
) -> None:
    record = extract(pipeline, names, pipeline.counter)
    folders = [name for name in names if (project_dir / name).is_dir()]
    if folders:
        replace_text(project_dir / folders[0] / DELETED_PIPELINE, format_pipeline(record))
    try:
        for name in folders:
            _move_to_trash(project_dir / name, project_dir / TRASH / name, moves)
    except OSError as error:
        raise UserError(
            f"The job cannot be moved to the trash ({error.strerror}); nothing was deleted",
            path=project_dir / TRASH,
            hint="Check the permissions and the space on the disk",
        ) from error


def _move_to_trash(source: Path, target: Path, moves: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        # an earlier job of that number, or cleaned files of this one
        number = 1
        while (older := target.with_name(f"{target.name}.{number}")).exists():
            number += 1
        target.rename(older)
        moves.append((target, older))
    _move(source, target)
    moves.append((source, target))


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # a trash on another disk
        shutil.move(source, target)


def undo_moves(moves: list[tuple[Path, Path]]) -> None:
    """Move directories back where they were."""
    for source, target in reversed(moves):
        with contextlib.suppress(OSError):
            _move(target, source)


def find_record(project_dir: Path, path: Path) -> tuple[Pipeline, list[str]]:
    """Return the record of a deleted job, and the jobs to bring back.

    Parameters
    ----------
    project_dir
        The project.
    path
        A job directory in the trash, or a ``deleted_pipeline.star`` or ``job_pipeline.star`` in one.

    Raises
    ------
    UserError
        When there is no record, or it is damaged.
    """
    path = path if path.is_absolute() else project_dir / path
    folder = path if path.is_dir() else path.parent
    if not folder.is_relative_to(project_dir / TRASH) or not folder.is_dir():
        raise UserError(
            "This is not a deleted job", path=path, hint=f"Choose a job directory in {project_dir / TRASH}"
        )
    name = f"{folder.parent.name}/{folder.name}/"
    own = [path] if path.is_file() else [folder / DELETED_PIPELINE]
    if own[0].exists():
        record = _read(own[0])
        return record, [process.name for process in record.processes]
    # deleted together with others: their common record lies with the first of them
    for other in sorted((project_dir / TRASH).glob(f"*/job*/{DELETED_PIPELINE}")):
        with contextlib.suppress(UserError):
            record = _read(other)
            if record.process(name) is not None:
                return record, [name]
    if (folder / JOB_PIPELINE).exists():
        return _read(folder / JOB_PIPELINE), [name]
    raise UserError(
        "The deleted job holds no record of its place in the project, so it cannot be brought back",
        path=folder,
        hint="Its files can be copied out of the trash by hand",
    )


def undelete_jobs(
    project_dir: Path,
    pipeline: Pipeline,
    record: Pipeline,
    names: Sequence[str],
    moves: list[tuple[Path, Path]],
) -> list[str]:
    """Bring deleted jobs back into the graph and their directories out of the trash.

    Parameters
    ----------
    project_dir, pipeline
        The project and its graph.
    record, names
        As :func:`find_record` returns them.
    moves
        Filled with the moves made, for :func:`undo_moves`.

    Returns
    -------
    list
        Names of the jobs that are back.

    Raises
    ------
    UserError
        When a job of that name exists again, or a directory cannot be moved.
    """
    waiting = [name for name in names if (project_dir / TRASH / name).is_dir()]
    if not waiting:
        raise UserError("The directories of these jobs are no longer in the trash", path=project_dir / TRASH)
    for name in waiting:
        if pipeline.process(name) is not None or (project_dir / name).exists():
            raise UserError(
                f"There is a job {name} in the project already; nothing was brought back",
                path=project_dir / name,
                hint="Delete or move that job first",
            )
    try:
        for name in waiting:
            source, target = project_dir / TRASH / name, project_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(source, target)
            moves.append((source, target))
    except OSError as error:
        raise UserError(
            f"The job cannot be moved out of the trash ({error.strerror}); nothing was changed",
            path=project_dir / TRASH,
        ) from error
    back = import_rows(pipeline, record, waiting)
    for name in back:
        process = pipeline.process(name)
        if process is not None and process.status == RUNNING:
            # nothing runs in the trash, and no marker would ever end it
            pipeline.change_process(name, status=FAILED)
    return back


def empty_trash(project_dir: Path) -> int:
    """Remove the trash for ever; returns the number of deleted jobs it held.

    Raises
    ------
    UserError
        When something in it cannot be removed.
    """
    trash = project_dir / TRASH
    n_jobs = len(trash_entries(project_dir))
    try:
        if trash.is_symlink():
            # a trash on another disk: its content goes, the link stays
            for entry in trash.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        elif trash.exists():
            shutil.rmtree(trash)
    except OSError as error:
        raise UserError(
            f"The trash cannot be emptied completely ({error.strerror})",
            path=error.filename or trash,
            hint="Check its permissions",
        ) from error
    return n_jobs


def _read(path: Path) -> Pipeline:
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"The record cannot be read ({error.strerror})", path=path) from error
    return parse_pipeline(convert(text, path) if old_version(text) else text, path)
