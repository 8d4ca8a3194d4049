"""A RELION project: opening it, new and continued jobs, statuses, aliases, trash and notes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from app.project import aliases, completion, notes, numbering, trash
from app.project import nodes as node_rules
from app.project.graph import FAILED, RUNNING, SUCCEEDED, Node, Process
from app.project.lock import LockedError, LockInfo, break_lock, lock_info
from app.project.opening import NotAProject, check_folder, make_project, start_file, upgrade_file
from app.project.pipeline_file import PIPELINE_FILE, PipelineFile
from app.project.pipeline_star import Pipeline
from app.project.recovery import PipelineDamaged, find_backups, restore_backup
from app.project.session import Session
from app.project.trash import TrashEntry
from app.project.upgrade import OldProject
from jobs.core.errors import UserError
from jobs.core.job_star import JobStar, read_job_star, write_job_star
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


class Project(Session):
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
            project._restore_alias_links()
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

        Raises
        ------
        UserError
            When the project cannot be changed; the number is then free again.
        """
        numbering.check_directory(directory)
        given = [self._node(item) for item in inputs]
        with self.changing(f"new {directory} job") as change:
            pipeline = change.pipeline
            number = numbering.take_number(self.path, pipeline)
            name = numbering.job_name(directory, number)
            process = Process(name, "", type_label, status)
            process = process._replace(alias=aliases.full_alias(self.path, pipeline, process, alias))
            folder = numbering.NewDirectory(self.path, name)
            try:
                _prepare(prepare, folder.path, name)
                pipeline.add_process(process)
                pipeline.counter = number + 1
                self._enter_nodes(name, given, outputs)
                self.write_record(name)
                change.save()
            except BaseException:
                folder.discard()
                raise
        self._after_launch(name)
        return process

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
            node = self._node(item)
            if not node.name.startswith(name):
                node = node._replace(name=name + node.name)
            self.pipeline.add_output(name, node)

    def _after_launch(self, name: str) -> None:
        self._show_in_dialogs(name)
        # the backup from which RELION's users recover a damaged project file
        self._file.copy_to(self.path / name / PIPELINE_FILE)

    def _show_in_dialogs(self, name: str) -> None:
        process = self.pipeline.process(name)
        if process is not None:
            aliases.make_link(self.path, process)
            touched = [*self.pipeline.inputs(name), *self.pipeline.outputs(name)]
            node_rules.make_mirror(self.path, self.pipeline, touched)

    # -- status and alias ----------------------------------------------------------------------------------

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
            self._show_in_dialogs(process.name)
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
            completion.drop_missing_outputs(self.path, change.pipeline, process.name)
        self._show_in_dialogs(process.name)
        return process

    def set_alias(self, name: str, alias: str) -> Process:
        """Give a job an alias as the user types it; empty takes it away.

        Raises
        ------
        UserError
            When RELION's rules forbid it.
        """
        with self.changing(f"alias of {name}") as change:
            old = self.process(name)
            full = aliases.full_alias(self.path, change.pipeline, old, alias)
            places = node_rules.all_mirror_paths(change.pipeline, change.pipeline.outputs(old.name))
            process = change.pipeline.change_process(old.name, alias=full)
        if process != old:
            aliases.remove_link(self.path, old)
            node_rules.remove_mirror(self.path, places)
        self._show_in_dialogs(process.name)
        return process

    def _restore_alias_links(self) -> None:
        for process in self.pipeline.processes:
            if process.alias and (self.path / process.name).is_dir():
                aliases.make_link(self.path, process)

    # -- trash ---------------------------------------------------------------------------------------------

    def delete(self, names: str | Sequence[str]) -> list[str]:
        """Move jobs, and all jobs that use their results, to the trash; returns the names of all of them.

        Raises
        ------
        UserError
            When one of them is running, or a directory cannot be moved; nothing is then deleted.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        moves: list[tuple[Path, Path]] = []
        with self.changing("deleting jobs", undo=lambda: trash.undo_moves(moves)) as change:
            doomed = list(dict.fromkeys(self.process(name).name for name in wanted))
            doomed += change.pipeline.dependants(doomed)
            gone = [self.process(name) for name in doomed]
            for process in gone:
                if process.status == RUNNING:
                    raise UserError(
                        f"{process.name} is running, so nothing was deleted",
                        hint="Abort it first, or mark it as failed if it died",
                    )
            made = [node for name in doomed for node in change.pipeline.outputs(name)]
            places = node_rules.all_mirror_paths(change.pipeline, made)
            trash.delete_jobs(self.path, change.pipeline, doomed, moves)
        node_rules.remove_mirror(self.path, places)
        for process in gone:
            aliases.remove_link(self.path, process)
        return doomed

    def undelete(self, path: str | Path) -> list[str]:
        """Bring a deleted job back, with those that were deleted together with it; returns their names.

        Parameters
        ----------
        path
            Job directory in the trash, or the ``deleted_pipeline.star`` or ``job_pipeline.star`` in it.

        Raises
        ------
        UserError
            When there is no record, or a job of that name exists again.
        """
        record, names = trash.find_record(self.path, Path(path))
        moves: list[tuple[Path, Path]] = []
        with self.changing("undeleting jobs", undo=lambda: trash.undo_moves(moves)) as change:
            back = trash.undelete_jobs(self.path, change.pipeline, record, names, moves)
        for name in back:
            self._show_in_dialogs(name)
        return back

    def trash_entries(self) -> list[TrashEntry]:
        """Return the deleted jobs, latest first."""
        return trash.trash_entries(self.path)

    def empty_trash(self) -> int:
        """Remove the trash for ever; returns how many deleted jobs it held."""
        self.require_writable()
        return trash.empty_trash(self.path)

    # -- notes, settings, mirror ---------------------------------------------------------------------------

    @property
    def project_note(self) -> str:
        """The note of the project."""
        return notes.read_note(self.path / notes.PROJECT_NOTE)

    @project_note.setter
    def project_note(self, text: str) -> None:
        self.require_writable()
        notes.write_note(self.path / notes.PROJECT_NOTE, text)

    def print_all_notes(self) -> Path:
        """Write the notes of all jobs into one file and return its place."""
        self.require_writable()
        target = self.path / notes.ALL_NOTES
        notes.write_note(target, notes.all_notes(self.path, self.pipeline))
        return target

    def last_settings(self, hidden_name: str) -> JobStar | None:
        """Return the settings last used for a type (``dynamight``), None when there are none to be read."""
        try:
            return read_job_star(self.path / f".gui_{hidden_name}job.star")
        except UserError:
            return None

    def save_settings(self, hidden_name: str, job_star: JobStar) -> None:
        """Remember the settings of a type for the next new job, here and in RELION."""
        self.require_writable()
        write_job_star(self.path / f".gui_{hidden_name}job.star", job_star)

    def remake_nodes_dir(self) -> int:
        """Make the mirror of nodes anew; returns how many entries it has."""
        self.require_writable()
        return node_rules.rebuild_mirror(self.path, self.pipeline)


def _prepare(prepare: Prepare | None, folder: Path, name: str) -> None:
    if prepare is None:
        return
    try:
        prepare(folder, name)
    except OSError as error:
        raise write_error(error, error.filename or folder) from error
