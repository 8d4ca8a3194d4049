"""What a job can do: its tasks, the results they register, and where they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NodeSpec:
    """A result that a task registers in the project: path inside the job, and node label."""

    path: str
    label: str


@dataclass(frozen=True)
class Task:
    """One thing a job of this type can do.

    Attributes
    ----------
    name, label
        Short word, and text for buttons and menus.
    switch
        Yes/no option that chooses the task on Continue!; None for the task of Run! and for
        the one that takes up unfinished work.
    worker
        Function to call, as ``module:function``; imported by the worker process only.
    outputs
        Nodes registered when the task starts.
    requires
        Files (relative to the job, ``*`` allowed) that must exist, each of them.
    resumes
        True: chosen on Continue! when no switch is on and none of ``unless`` exists.
    unless
        Files (relative to the job) that show the main task has been completed.
    viewer
        True: opens a view instead of starting a worker.
    many_devices
        True: the task can use several GPUs at once; others use the first that is named.
    next_step
        What can be done with its results, in a sentence or two.
    at_start
        True: Run! does this task in place of the main one when its switch is Yes (a dry run).
    """

    name: str
    label: str
    switch: str | None
    worker: str
    outputs: tuple[NodeSpec, ...] = ()
    requires: tuple[str, ...] = ()
    resumes: bool = False
    unless: tuple[str, ...] = ()
    viewer: bool = False
    many_devices: bool = False
    next_step: str = ""
    at_start: bool = False


@dataclass(frozen=True)
class CheckContext:
    """Where and when options are checked.

    Attributes
    ----------
    project_dir
        Folder to which paths in the options are relative.
    is_continue
        True when a job is continued.
    job_dir
        Folder of the job that is continued, None for a new one.
    """

    project_dir: Path
    is_continue: bool = False
    job_dir: Path | None = None

    def resolve(self, path: str) -> Path:
        """Return the absolute place of a path from the options."""
        return self.project_dir / path
