"""What a running task is given: its options, its folder, and ways to report and to be stopped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jobs.core.errors import AbortRequested, UserError
from jobs.core.folder import JobFolder
from jobs.core.metrics import MetricsWriter
from jobs.core.options import JobOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jobs.core.declaration import Task
    from jobs.core.figures import Figure

_POLL_S = 0.5
_LINE_S = 0.5


@dataclass
class WorkerContext:
    """Everything a task's ``run(context)`` may use to talk to the world.

    Attributes
    ----------
    options
        The validated options.
    folder, project_dir
        The job's directory and the project (which is also the current folder).
    task, run, seed
        What is done, in which run of the job, and the seed of all random numbers.
    device
        ``cuda:0`` or ``cpu``.
    devices
        One for every process of a task that can use several; the first is ``device``.
    metrics
        Writer of ``metrics.jsonl``.
    """

    options: JobOptions
    folder: JobFolder
    project_dir: Path
    task: Task
    run: int
    seed: int
    device: str
    metrics: MetricsWriter
    outputs: list[tuple[str, str]] = field(default_factory=list)
    devices: tuple[str, ...] = ()
    _polled: float = field(default=0.0, repr=False)
    _phase: tuple[str, float, int] = field(default=("", 0.0, 0), repr=False)
    _line_at: float = field(default=0.0, repr=False)
    _line_open: bool = field(default=False, repr=False)

    def say(self, text: str) -> None:
        """Print one line to ``run.out`` at once."""
        if self._line_open:
            sys.stdout.write("\n")
            self._line_open = False
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def check_abort(self) -> None:
        """Raise :class:`AbortRequested` when the user asked to stop; cheap enough for every step."""
        now = time.monotonic()
        if now - self._polled < _POLL_S:
            return
        self._polled = now
        if self.folder.abort_requested():
            raise AbortRequested

    def progress(self, phase: str, step: int, of: int, **values: float | str | None) -> None:
        """Report progress: one metrics record, and the progress line in ``run.out``.

        Parameters
        ----------
        phase
            What is going on; a new word starts a new clock.
        step, of
            How many of how many steps are done.
        **values
            Named values for the record, units in the names.
        """
        now = time.monotonic()
        if phase != self._phase[0] or step < self._phase[2]:
            self._phase = (phase, now, step)
        _, began, first = self._phase
        done = step - first
        eta = (now - began) / done * max(0, of - step) if done > 0 else None
        self.metrics.log(phase, step, of, eta_s=eta, **values)
        if now - self._line_at >= _LINE_S or step >= of:
            self._line_at = now
            left = f", {_duration(eta)} left" if eta is not None and step < of else ""
            text = f"{phase}: {step} of {of}{left}"
            sys.stdout.write(f"\r{text:<60}" + ("\n" if step >= of else ""))
            sys.stdout.flush()
            self._line_open = step < of

    def save_snapshot(self, name: str, array: NDArray[np.generic]) -> None:
        """Write ``snapshots/<name>.npy`` for the monitor, whole or not at all.

        Parameters
        ----------
        name
            Name without ending.
        array
            The values; small enough to be written often.
        """
        import numpy as np

        with self._snapshot(f"{name}.npy") as file:
            np.save(file, np.asarray(array), allow_pickle=False)

    def save_figure(self, name: str, figure: Figure) -> None:
        """Write ``snapshots/<name>.json``, a picture in numbers for the monitor, whole or not at all.

        Raises
        ------
        ValueError
            When values and places of the figure do not belong together.
        """
        figure.check()
        with self._snapshot(f"{name}.json") as file:
            file.write(figure.to_json().encode())

    @contextmanager
    def _snapshot(self, name: str) -> Iterator[BinaryIO]:
        folder = self.folder.snapshots
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}.{os.getpid()}.tmp"
        try:
            with temporary.open("wb") as file:
                yield file
            temporary.replace(folder / name)
        finally:
            temporary.unlink(missing_ok=True)

    def add_output(self, relpath: str, label: str) -> None:
        """Declare a result (path inside the job) with its RELION node label.

        Raises
        ------
        UserError
            When the file does not exist.
        """
        if not (self.folder.path / relpath).exists():
            raise UserError(
                "the result was to be declared but does not exist", path=self.folder.name + relpath
            )
        if (relpath, label) not in self.outputs:
            self.outputs.append((relpath, label))


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
