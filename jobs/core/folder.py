"""The files of one job directory: logs, options of each run, markers, output nodes and note."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from jobs.core.errors import FormatError, UserError
from jobs.core.record import OptionsRecord, fingerprint, make_record
from jobs.core.relion_star import Table, write_star

__all__ = ["ExitStatus", "JobFolder", "OptionsRecord", "fingerprint", "make_record"]

_OPTIONS_FILE = re.compile(r"options\.(\d{3,})\.json")


class ExitStatus(StrEnum):
    """How a job ended; the value is the last word of RELION's marker file."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    ABORTED = "ABORTED"


class JobFolder:
    """One job directory of a project.

    Parameters
    ----------
    project_dir
        The project.
    name
        Name of the job as in the project file, ``DynaMight/job034/``.
    """

    def __init__(self, project_dir: str | Path, name: str) -> None:
        self.project_dir = Path(project_dir)
        self.name = name.rstrip("/") + "/"

    def __repr__(self) -> str:
        return f"JobFolder({str(self.project_dir)!r}, {self.name!r})"

    @property
    def path(self) -> Path:
        """The directory itself."""
        return self.project_dir / self.name

    @property
    def run_out(self) -> Path:
        """Log of standard output."""
        return self.path / "run.out"

    @property
    def run_err(self) -> Path:
        """Log of standard error."""
        return self.path / "run.err"

    @property
    def note(self) -> Path:
        """Note of the job: its commands, and what the user writes."""
        return self.path / "note.txt"

    @property
    def job_star(self) -> Path:
        """Settings of the last run, in RELION's words."""
        return self.path / "job.star"

    @property
    def metrics(self) -> Path:
        """Measured values, one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def worker_json(self) -> Path:
        """Who runs the job."""
        return self.path / "worker.json"

    @property
    def snapshots(self) -> Path:
        """Folder of the small arrays shown while the job runs."""
        return self.path / "snapshots"

    @property
    def output_nodes(self) -> Path:
        """Results the job declares to RELION at its end."""
        return self.path / "RELION_OUTPUT_NODES.star"

    # ---------------------------------------------------------------- options of each run

    def runs(self) -> list[int]:
        """Return the numbers of the runs that have options, in order."""
        try:
            names = [entry.name for entry in self.path.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for name in names if (match := _OPTIONS_FILE.fullmatch(name)))

    def next_run(self) -> int:
        """Return the number of the next run or continuation."""
        return max(self.runs(), default=0) + 1

    def options_file(self, run: int) -> Path:
        """Return the place of the options of a run."""
        return self.path / f"options.{run:03d}.json"

    def write_options(self, run: int, record: OptionsRecord) -> None:
        """Write the options of a run, complete or not at all.

        Raises
        ------
        UserError
            When options of that run exist; they are never overwritten.
        """
        target = self.options_file(run)
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        try:
            _publish_new(temporary, target)
        except FileExistsError:
            raise UserError(
                f"The options of run {run} exist already and are never overwritten",
                path=target,
                hint="Start a further run",
            ) from None
        finally:
            temporary.unlink(missing_ok=True)

    def read_options(self, run: int | None = None) -> OptionsRecord:
        """Read the options of a run (None: the latest).

        Raises
        ------
        UserError
            When there are none.
        FormatError
            When the file is damaged.
        """
        if run is None:
            run = max(self.runs(), default=1)
        path = self.options_file(run)
        try:
            return OptionsRecord.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{self.name} has no options of run {run}", path=path, hint="Start the job again"
            ) from None
        except (ValidationError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise FormatError(f"the options of run {run} cannot be read ({reason})", path=path) from None

    # ---------------------------------------------------------------- markers

    def marker(self, status: ExitStatus) -> Path:
        """Return the place of an exit marker."""
        return self.path / f"RELION_JOB_EXIT_{status.value}"

    @property
    def abort_file(self) -> Path:
        """The file whose presence asks the job to stop."""
        return self.path / "RELION_JOB_ABORT_NOW"

    def clear_markers(self) -> None:
        """Remove the abort request and all exit markers, before a run starts."""
        for path in (self.abort_file, *(self.marker(status) for status in ExitStatus)):
            path.unlink(missing_ok=True)

    def mark(self, status: ExitStatus) -> None:
        """Leave exactly this exit marker."""
        for other in ExitStatus:
            if other is not status:
                self.marker(other).unlink(missing_ok=True)
        self.marker(status).touch()

    def exit_status(self) -> ExitStatus | None:
        """Return how the job ended, None while there is no marker (RELION's order of looking)."""
        return next((status for status in ExitStatus if self.marker(status).exists()), None)

    def request_abort(self) -> None:
        """Ask the running job to stop."""
        self.abort_file.touch()

    def abort_requested(self) -> bool:
        """Tell whether a stop was asked for."""
        return self.abort_file.exists()

    # ---------------------------------------------------------------- nodes and note

    def write_output_nodes(self, nodes: Iterable[tuple[str, str]]) -> None:
        """Declare results to RELION as ``(path inside the job, node label)``.

        Nothing is written when there are none, because RELION cannot read an empty table.
        """
        rows = [[path if path.startswith(self.name) else self.name + path, label] for path, label in nodes]
        if rows:
            columns = ["rlnPipeLineNodeName", "rlnPipeLineNodeTypeLabel"]
            write_star(self.output_nodes, [Table("output_nodes", columns, rows, True, 50001)])

    def append_note(self, commands: Sequence[str]) -> None:
        """Append the commands of a launch to the note, worded as RELION words it."""
        lines = [
            "",
            f" ++++ Executing new job on {time.ctime()}",
            " ++++ with the following command(s): ",
            *commands,
            " ++++ ",
            "",
        ]
        with self.note.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines))


def _publish_new(temporary: Path, target: Path) -> None:
    """Give a finished file its name; FileExistsError when the name is taken."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # Some network and USB file systems have no hard links.
        with target.open("x", encoding="utf-8") as file:
            file.write(temporary.read_text(encoding="utf-8"))
