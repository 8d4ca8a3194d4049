"""An open project's graph: looking things up, and the one way to change it under the lock."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.project import nodes as node_rules
from app.project.graph import Node, Process
from app.project.imports import extract
from app.project.lock import TIMEOUT_S, LockInfo, ProjectLock, lock_info
from app.project.pipeline_file import PipelineFile
from app.project.pipeline_star import Pipeline, format_pipeline
from app.project.recovery import JOB_PIPELINE
from app.project.upgrade import OldProject
from jobs.core.errors import UserError
from jobs.core.relion_star import replace_text

CHANGED_FLAG = ".pipeline_has_changed"


class Change:
    """A change of the graph in progress, while the lock is held."""

    def __init__(self, file: PipelineFile, lock: ProjectLock) -> None:
        self._file = file
        self._lock = lock
        self._saved = self._state()
        self.was_saved = False

    @property
    def pipeline(self) -> Pipeline:
        """The graph to be changed."""
        return self._file.pipeline

    def _state(self) -> tuple[int, int]:
        return self.pipeline.revision, self.pipeline.counter

    def save(self) -> None:
        """Write the graph, if it changed.

        Raises
        ------
        LockedError
            When somebody removed the lock meanwhile; nothing is then written.
        UserError
            When it cannot be written.
        """
        if self._saved == self._state():
            return
        self._lock.require()
        self._file.save()
        self._saved = self._state()
        self.was_saved = True


class Session:
    """The graph of an open project.

    Attributes
    ----------
    path
        Absolute path of the project directory.
    readonly
        Whether nothing may be changed: asked for, or because the directory is not writable.
    """

    def __init__(self, path: Path, file: PipelineFile, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._file = file
        # windows read and change from several threads
        self._turn = threading.RLock()

    @property
    def pipeline(self) -> Pipeline:
        """The graph as last read."""
        return self._file.pipeline

    @property
    def old_version(self) -> str:
        """The older RELION version of a project opened read-only, else empty."""
        return self._file.old_version

    def refresh(self) -> bool:
        """Read the project file again if another program changed it; True when there is something new.

        Raises
        ------
        PipelineDamaged
            When it cannot be understood any more; the graph stays as it was.
        """
        with self._turn:
            return self._file.refresh()

    def lock_info(self) -> LockInfo | None:
        """Tell who holds the lock; None when nobody does."""
        return lock_info(self.path)

    # -- looking -------------------------------------------------------------------------------------------

    def process(self, name: str) -> Process:
        """Return a job by its name or full alias, with or without the trailing slash.

        Raises
        ------
        UserError
            When there is none.
        """
        found = self.pipeline.process(name) or self.pipeline.by_alias(name)
        if found is None:
            raise UserError(
                f"The project has no job {name}", hint="Jobs are named like DynaMight/job034/, or by alias"
            )
        return found

    def job_dir(self, name: str) -> Path:
        """Return the directory of a job."""
        return self.path / self.process(name).name

    def job_inputs(self, name: str) -> list[Node]:
        """Return the files a job reads."""
        return self.pipeline.inputs(self.process(name).name)

    def job_outputs(self, name: str) -> list[Node]:
        """Return the files a job makes."""
        return self.pipeline.outputs(self.process(name).name)

    def producers(self, name: str) -> list[Process]:
        """Return the jobs whose files a job reads."""
        return self._known(self.pipeline.producers_of(self.process(name).name))

    def consumers(self, name: str) -> list[Process]:
        """Return the jobs that read files of a job."""
        return self._known(self.pipeline.consumers_of(self.process(name).name))

    def dependants(self, name: str) -> list[str]:
        """Return all jobs that directly or indirectly use results of a job, in order of creation."""
        return self.pipeline.dependants([self.process(name).name])

    def nodes_for(self, label_prefixes: Sequence[str]) -> list[Node]:
        """Return the files that suit an input asking for these labels, in order of creation."""
        return node_rules.nodes_for(self.pipeline, label_prefixes)

    def _known(self, names: Sequence[str]) -> list[Process]:
        return [found for name in names if (found := self.pipeline.process(name)) is not None]

    # -- changing ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def changing(
        self, why: str, *, timeout_s: float = TIMEOUT_S, undo: Callable[[], None] | None = None
    ) -> Iterator[Change]:
        """Lock, read what others changed, let the caller change the graph, write, unlock.

        Parameters
        ----------
        why
            Purpose in words, shown to others who wait for the lock.
        timeout_s
            How long to wait for another holder.
        undo
            Called when the change fails, to take back what was done outside the graph.

        Raises
        ------
        LockedError
            When somebody else holds the lock.
        UserError
            When the project is read-only, damaged, old, or cannot be written; it is then unchanged.
        """
        self.require_writable()
        with self._turn:
            with ProjectLock(self.path, why, timeout_s) as lock:
                self._file.read_locked()
                if self._file.old_version:
                    raise OldProject(self._file.old_version, self.path)
                change = Change(self._file, lock)
                try:
                    yield change
                    change.save()
                except BaseException:
                    if undo is not None:
                        undo()
                    self._file.forget_changes()
                    raise
            if change.was_saved:
                # tells an open RELION window to look again
                with contextlib.suppress(OSError):
                    (self.path / CHANGED_FLAG).touch()

    def require_writable(self) -> None:
        """Refuse changes of a project that is open read-only.

        Raises
        ------
        UserError
            When it is.
        """
        if self.readonly:
            raise UserError(
                "The project is open read-only, so nothing can be changed",
                path=self.path,
                hint="Open it again for writing",
            )

    def write_record(self, name: str) -> None:
        """Write ``job_pipeline.star``: the job alone with everything it reads and makes."""
        record = extract(self.pipeline, [name])
        replace_text(self.path / name / JOB_PIPELINE, format_pipeline(record))
