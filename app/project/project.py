"""A RELION project: opening it, new and continued jobs, and how they end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.project import aliases, completion, numbering, trash
from app.project import nodes as node_rules
from app.project.graph import FAILED, RUNNING, SUCCEEDED, Node, Process
from app.project.housekeeping import Housekeeping
from app.project.lock import LockedError, LockInfo, break_lock, lock_info
from app.project.opening import NotAProject, check_folder, make_project, start_file, upgrade_file
from app.project.pipeline_file import PIPELINE_FILE, PipelineFile
from app.project.pipeline_star import Pipeline
from app.project.recovery import PipelineDamaged, find_backups, restore_backup
from app.project.refinements import last_results
from app.project.trash import TrashEntry
from app.project.upgrade import OldProject
from jobs.core.errors import UserError
from jobs.core.relion_star import write_error

__all__ = [
    "LockInfo",
    "LockedError",
    "Node",
    "NotAProject",
    "OldProject",
    "Pipeline",
    "PipelineDamaged",
    "Process",
    "Project",
    "TrashEntry",
    "break_lock",
    "lock_info",
]

#: Looking for ended jobs is done again and again, so it need not wait as long as a user's action.
COMPLETION_TIMEOUT_S = 10.0

#: Called with the directory and the name of a job while the project is locked.
Prepare = Callable[[Path, str], None]


class Project(Housekeeping):
    """An open project; make one with :meth:`open` or :meth:`create`.

    Reading never takes the lock. Every change takes it, reads what others changed meanwhile, changes, writes
    and releases it; on any error the project is as it was.
    """

    @classmethod
    def open(cls, path: str | Path, *, readonly: bool = False, upgrade: bool = False) -> Project:
        """Open a project.

        Parameters
        ----------
        path
            Project directory.
        readonly
            Take no lock and write nothing.
        upgrade
            Bring a project of RELION 3 or 4 to RELION 5's form; a copy of its file is kept.

        Raises
        ------
        NotAProject
            When the directory is no project yet; `create` makes it one.
        OldProject
            When it belongs to an older RELION, and neither `readonly` nor `upgrade` was asked for.
        PipelineDamaged
            When the project file cannot be understood.
        UserError
            When the directory or file cannot be read.
        """
        folder = Path(path).expanduser().absolute()
        check_folder(folder, readonly=readonly)
        readonly = readonly or not os.access(folder, os.W_OK | os.X_OK)
        file = PipelineFile(folder)
        start_file(file, folder, readonly=readonly)
        if file.old_version and not readonly:
            if not upgrade:
                raise OldProject(file.old_version, folder)
            upgrade_file(file, folder)
        project = cls(folder, file, readonly=readonly)
        if not readonly:
            project.restore_alias_links()
        return project

    @classmethod
    def create(cls, path: str | Path) -> Project:
        """Make a directory a project (what is there already stays) and open it.

        Raises
        ------
        UserError
            When it cannot be made.
        """
        folder = Path(path).expanduser().absolute()
        make_project(folder)
        return cls.open(folder)

    @staticmethod
    def restore_backup(path: str | Path, backup: str | Path) -> Path | None:
        """Go back to a backup of the project file; returns where the damaged one is kept.

        Raises
        ------
        UserError
            When the backup is damaged as well, or nothing can be written.
        """
        return restore_backup(Path(path).absolute(), Path(backup))

    @staticmethod
    def backups(path: str | Path) -> list[Path]:
        """Return readable backups of the project file, newest first."""
        return find_backups(Path(path).absolute())

    # -- new jobs and continuations ------------------------------------------------------------------------

    def new_job(
        self,
        directory: str,
        type_label: str,
        *,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        status: str = RUNNING,
        prepare: Prepare | None = None,
        alias: str = "",
        replaces: str = "",
    ) -> Process:
        """Enter a new job: number, directory, settings and graph, or nothing at all.

        Parameters
        ----------
        directory
            Directory of the type, ``DynaMight``.
        type_label
            RELION's label of the type.
        inputs, outputs
            `Node`, ``(path, label)`` or an object with ``path`` and ``label``. Outputs are taken as lying in
            the job's directory unless they start with its name.
        status
            ``Running`` or ``Scheduled``.
        prepare
            Writes the settings into the new directory.
        alias
            As the user types it.
        replaces
            Name of a job of this type to be overwritten: it alone moves to the trash, and the new job takes
            its number. Jobs that use its results stay, and then use those of the new job.

        Raises
        ------
        UserError
            When the project cannot be changed; the number is then free again.
        """
        numbering.check_directory(directory)
        given = [self._node(item) for item in inputs]
        moves: list[tuple[Path, Path]] = []
        with self.changing(f"new {directory} job", undo=lambda: trash.undo_moves(moves)) as change:
            pipeline = change.pipeline
            old = self._make_room(replaces, directory, moves) if replaces else None
            number = old.number if old else numbering.take_number(self.path, pipeline)
            name = numbering.job_name(directory, number)
            process = Process(name, "", type_label, status)
            process = process._replace(alias=aliases.full_alias(self.path, pipeline, process, alias))
            folder = numbering.NewDirectory(self.path, name)
            try:
                _prepare(prepare, folder.path, name)
                pipeline.add_process(process)
                pipeline.counter = max(pipeline.counter, number + 1)
                self._enter_nodes(name, given, outputs)
                self.write_record(name)
                change.save()
            except BaseException:
                folder.discard()
                raise
        if old is not None and old.alias != process.alias:
            aliases.remove_link(self.path, old)
        self._after_launch(name)
        return process

    def _make_room(self, name: str, directory: str, moves: list[tuple[Path, Path]]) -> Process:
        """Move a job to the trash that is to be overwritten, and return its row."""
        old = self.process(name)
        if old.directory != directory or not old.number:
            raise UserError(f"{old.name} cannot be overwritten by a job that lies in {directory}/")
        if old.status == RUNNING:
            raise UserError(
                f"{old.name} is running, so it cannot be overwritten",
                hint="Abort it first, or mark it as failed if it died",
            )
        trash.move_job(self.path, self.pipeline, old.name, moves)
        self.pipeline.take_out(old.name)
        return old

    def continue_job(
        self,
        name: str,
        *,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        status: str = RUNNING,
        prepare: Prepare | None = None,
    ) -> Process:
        """Enter a further run of a job: its markers go, its status changes, nodes are added.

        Raises
        ------
        UserError
            When the job is running, or the project cannot be changed.
        """
        given = [self._node(item) for item in inputs]
        with self.changing(f"continuing {name}") as change:
            process = self.process(name)
            name = process.name
            if process.status == RUNNING and not completion.status_on_disk(self.path, name):
                raise UserError(
                    f"{name} is running, so it cannot be started again",
                    hint="Wait, abort it, or mark it as failed if it died",
                )
            if not (self.path / name).is_dir():
                raise UserError(f"The directory of {name} has gone", path=self.path / name)
            _prepare(prepare, self.path / name, name)
            process = change.pipeline.change_process(name, status=status)
            self._enter_nodes(name, given, outputs)
            removed: list[str] = []
            try:
                self.write_record(name)
                # before the graph says Running, or somebody would take the old end for the new one
                removed = completion.clear_markers(self.path, name)
                change.save()
            except BaseException:
                for marker in removed:
                    with contextlib.suppress(OSError):
                        (self.path / name / marker).touch()
                raise
        self._after_launch(name)
        return process

    def add_outputs(self, name: str, outputs: Iterable[Any]) -> Process:
        """Enter files that were written into a job's directory after its start, so that other jobs find them.

        The job may be running or ended; a file that is known already is left as it is.

        Parameters
        ----------
        name
            The job.
        outputs
            As for :meth:`new_job`.

        Raises
        ------
        UserError
            When a file does not exist, or the project cannot be changed; nothing is then entered.
        """
        given = list(outputs)
        with self.changing(f"entering results of {name}") as change:
            process = self.process(name)
            for node in (self._output(process.name, item) for item in given):
                if not (self.path / node.name).is_file():
                    raise UserError("This file does not exist, so it cannot be entered", path=node.name)
            self._enter_nodes(process.name, (), given)
            self.write_record(process.name)
            change.save()
        self.show_in_dialogs(process.name)
        return process

    def _output(self, name: str, item: Any) -> Node:
        node = self._node(item)
        return node if node.name.startswith(name) else node._replace(name=name + node.name)

    def _node(self, item: Any) -> Node:
        if isinstance(item, Node):
            node = item
        elif isinstance(item, tuple):
            node = Node(str(item[0]), *item[1:])
        else:
            node = Node(str(item.path), item.label)
        return node._replace(name=node_rules.clean_name(self.path, node.name))

    def _enter_nodes(self, name: str, inputs: Iterable[Node], outputs: Iterable[Any]) -> None:
        for node in inputs:
            node = node._replace(name=node_rules.without_alias(self.pipeline, node.name))
            node_rules.attach_input(self.pipeline, node, name)
        for item in outputs:
            self.pipeline.add_output(name, self._output(name, item))

    def _after_launch(self, name: str) -> None:
        self.show_in_dialogs(name)
        # the backup from which RELION's users recover a damaged project file
        self._file.copy_to(self.path / name / PIPELINE_FILE)

    # -- status --------------------------------------------------------------------------------------------

    def check_completion(self, timeout_s: float = COMPLETION_TIMEOUT_S) -> list[Process]:
        """Enter the ends of jobs that left a marker; returns those jobs. Costs little when there are none.

        Raises
        ------
        LockedError
            When somebody else holds the lock all the time.
        """
        with self._turn:
            if self.readonly or not completion.ended_jobs(self.path, self.pipeline):
                return []
        changed: list[Process] = []
        with self.changing("entering finished jobs", timeout_s=timeout_s) as change:
            # once more, now that nobody else can do the same
            for process, status in completion.ended_jobs(self.path, change.pipeline):
                changed.append(change.pipeline.change_process(process.name, status=status))
                if status == SUCCEEDED:
                    completion.enter_outputs(self.path, change.pipeline, process.name)
        for process in changed:
            self.show_in_dialogs(process.name)
        return changed

    def set_status(self, name: str, status: str) -> Process:
        """Give a job another status.

        Raises
        ------
        ValueError
            When it is none of RELION's words.
        """
        with self.changing(f"{name} is {status}") as change:
            return change.pipeline.change_process(self.process(name).name, status=status)

    def mark_finished(self, name: str) -> Process:
        """Say that a job succeeded although it left no marker; its results are entered."""
        return self._mark(name, SUCCEEDED)

    def mark_failed(self, name: str) -> Process:
        """Say that a job failed although it left no marker."""
        return self._mark(name, FAILED)

    def _mark(self, name: str, status: str) -> Process:
        with self.changing(f"marking {name} as {status}") as change:
            process = change.pipeline.change_process(self.process(name).name, status=status)
            completion.enter_outputs(self.path, change.pipeline, process.name)
            for node in last_results(self.path, process):
                change.pipeline.add_output(process.name, node)
            completion.drop_missing_outputs(self.path, change.pipeline, process.name)
        self.show_in_dialogs(process.name)
        return process


def _prepare(prepare: Prepare | None, folder: Path, name: str) -> None:
    if prepare is None:
        return
    try:
        prepare(folder, name)
    except OSError as error:
        raise write_error(error, error.filename or folder) from error
