"""The one ``main`` of all worker processes: options in, results and exactly one exit marker out.

Started as ``python -P -m jobs.<type> --project DIR --job DynaMight/job034/ --run 1`` by our launcher,
or as ``… --o Simulate/job002/ [--in_parts F] …`` by RELION as an External job.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import faulthandler
import importlib
import importlib.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from jobs.core.additional import read_additional
from jobs.core.command_words import usage_error
from jobs.core.compute import set_seed, set_threads
from jobs.core.context import WorkerContext
from jobs.core.declaration import JobType, Task, add_arguments, from_arguments
from jobs.core.devices import choose_devices
from jobs.core.errors import AbortRequested, UserError
from jobs.core.external import add_external_arguments
from jobs.core.folder import ExitStatus, JobFolder, OptionsRecord, make_record
from jobs.core.job_star import options_from_job_star, read_job_star
from jobs.core.leftovers import remove_leftovers
from jobs.core.metrics import MetricsWriter
from jobs.core.options import JobOptions
from jobs.core.record import seed_of
from jobs.core.run_outcome import write_outcome

__all__ = ["EXIT_ABORTED", "EXIT_FAILED", "EXIT_INPUT", "EXIT_SUCCESS", "WorkerContext", "main", "run_worker"]

EXIT_SUCCESS, EXIT_FAILED, EXIT_INPUT, EXIT_ABORTED = 0, 1, 2, 130
#: A cluster's queue ended the worker, which leaves reason and marker to its keeper.
EXIT_TERMINATED = 143

#: When signals that ask to stop were received; several at once are one request (s).
_received: list[float] = []
_SAME_SIGNAL_S = 2.0


def main(job_type: JobType) -> NoReturn:
    """Run the worker process of a job type and exit with its code."""
    sys.exit(run_worker(job_type, sys.argv[1:]))


def run_worker(job_type: JobType, argv: Sequence[str]) -> int:
    """Do one task of one job.

    Whatever happens, the job's directory holds exactly one exit marker afterwards, written last; only when a
    cluster's queue ends the job, its keeper writes it.

    Parameters
    ----------
    job_type
        The declaration.
    argv
        Command line without the program's name.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong input, 130 aborted, 143 ended by the queue of a cluster.
    """
    place = _Parser(add_help=False, allow_abbrev=False)
    _add_place(place)
    try:
        where, _ = place.parse_known_args(argv)
    except UserError:
        where = argparse.Namespace(job=None, project=".")
    if not where.job:
        # Without a job there is no place for a marker; this also answers --help.
        _parser(job_type, argparse.ArgumentParser).parse_args(argv)
        _report("--job is needed: the directory of the job inside the project")
        return EXIT_INPUT
    project = Path(where.project).resolve()
    folder = JobFolder(project, where.job)
    if not folder.path.is_dir():
        _report(f"the job {folder.name} does not exist in {project}")
        return EXIT_INPUT
    os.chdir(project)
    _listen_to_signals()
    faulthandler.enable()
    code, status, outputs = _guarded(lambda: _work(job_type, folder, argv))
    if status is ExitStatus.ABORTED and _ended_by_queue(folder):
        sys.stdout.flush()
        return EXIT_TERMINATED
    return _finish(folder, code, status, outputs, _run_of(argv))


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are those of wrong input, so that they end in an exit marker."""

    def error(self, message: str) -> NoReturn:
        told = usage_error(message, self.prog)
        raise UserError(told.message, hint="Correct the command line of the job")


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", default=".", help="folder of the project")
    # RELION starts External jobs with --o.
    parser.add_argument("--job", "--o", dest="job", help="name of the job, such as DynaMight/job001/")


def _parser(job_type: JobType, kind: type[argparse.ArgumentParser] = _Parser) -> argparse.ArgumentParser:
    parser = kind(prog=f"python -P -m {job_type.module}", description=job_type.summary, allow_abbrev=False)
    _add_place(parser)
    parser.add_argument("--run", type=int, help="number of the run whose options are used")
    add_external_arguments(parser, job_type)
    add_arguments(parser, job_type.options)
    return parser


def _guarded(work: Callable[[], list[tuple[str, str]]]) -> tuple[int, ExitStatus, list[tuple[str, str]]]:
    """Turn every way in which work can end into an exit code, a status and outputs."""
    try:
        return EXIT_SUCCESS, ExitStatus.SUCCESS, work()
    except (AbortRequested, KeyboardInterrupt):
        print("\nThe job was aborted.", flush=True)
        return EXIT_ABORTED, ExitStatus.ABORTED, []
    except UserError as error:
        _report(str(error))
        return EXIT_INPUT, ExitStatus.FAILURE, []
    except SystemExit as error:
        if error.code in (0, None):
            return EXIT_SUCCESS, ExitStatus.SUCCESS, []
        _report(f"the job's program left with code {error.code}")
        return EXIT_FAILED, ExitStatus.FAILURE, []
    except Exception as error:
        traceback.print_exc()
        _report(_reason(error))
        return EXIT_FAILED, ExitStatus.FAILURE, []


def _report(sentence: str) -> None:
    sys.stdout.flush()
    print(f"ERROR: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "There was not enough memory. Use fewer particles at once, or do not preload the images."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{error.filename or 'The disk'}: no space is left on the disk. Make room and resume the job."
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return f"The job stopped because of an unexpected error: {type(error).__name__}: {error}"


def _run_of(argv: Sequence[str]) -> int | None:
    """Return the number of the run, None when the command line does not name it: it is the latest then."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=int)
    with contextlib.suppress(UserError):
        run: int | None = parser.parse_known_args(argv)[0].run
        return run
    return None


def _finish(
    folder: JobFolder, code: int, status: ExitStatus, outputs: list[tuple[str, str]], run: int | None
) -> int:
    # From here on nothing may interrupt: a second signal would leave the job without a marker.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        folder.write_output_nodes(outputs)
    except (OSError, UserError) as error:
        _report(f"the results could not be declared: {error}")
        code, status = EXIT_FAILED, ExitStatus.FAILURE
    sys.stdout.flush()
    sys.stderr.flush()
    write_outcome(str(folder.path), status.value, run)
    try:
        folder.mark(status)
    except OSError as error:
        _report(f"the exit marker could not be written: {error}")
        return EXIT_FAILED
    return code


def _ended_by_queue(folder: JobFolder) -> bool:
    """Tell whether a cluster's queue ended us: why, its keeper reads in the words of the queue."""
    return bool(_received) and bool(os.environ.get("HETEROSCOPE_QUEUED")) and not folder.abort_requested()


def _listen_to_signals() -> None:
    _received.clear()

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        again = bool(_received) and now - _received[-1] < _SAME_SIGNAL_S
        _received.append(now)
        # A queue signals us and our keeper, which passes it on: the end that has begun is not disturbed.
        if not again:
            raise AbortRequested

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _work(job_type: JobType, folder: JobFolder, argv: Sequence[str]) -> list[tuple[str, str]]:
    record, options = _load(job_type, folder, _parser(job_type).parse_args(argv))
    task = job_type.task(record.task)
    if os.environ.get("HETEROSCOPE_AGAIN"):
        # A cluster's queue ended this run (its node failed, others had priority), and starts it again.
        task = job_type.taken_up(task, folder.path)
    remove_leftovers(folder.path)
    set_threads(getattr(options, "nr_threads", 1))
    function = _task_function(task)
    devices: tuple[str, ...] = ("cpu",)
    remark = ""
    if job_type.uses_torch:
        devices, remark = choose_devices(getattr(options, "gpu_id", "cpu"), many=task.many_devices)
    set_seed(record.seed or 0, job_type.uses_torch)
    metrics = MetricsWriter(folder.metrics, record.run, task.name)
    context = WorkerContext(
        options=options,
        folder=folder,
        project_dir=folder.project_dir,
        task=task,
        run=record.run,
        seed=record.seed or 0,
        device=devices[0],
        metrics=metrics,
        devices=devices,
    )
    place = ", ".join(dict.fromkeys(devices))
    context.say(f"{job_type.title}: {task.label}, run {record.run} of {folder.name} on {place}")
    if remark:
        context.say(remark)
    try:
        context.check_abort()
        function(context)
    finally:
        metrics.close()
    declared = [(node.path, node.label) for node in task.outputs if (folder.path / node.path).exists()]
    return list(dict.fromkeys([*declared, *context.outputs]))


def _load(
    job_type: JobType, folder: JobFolder, arguments: argparse.Namespace
) -> tuple[OptionsRecord, JobOptions]:
    """Return the record of the run and its options, with the additional arguments applied."""
    if arguments.run is not None:
        record = folder.read_options(arguments.run)
        base = _validated(job_type, record.values, folder.options_file(record.run))
    else:
        record, base = _record_of_external_run(job_type, folder, arguments)
    given = read_additional(job_type.options, getattr(base, "other_args", ""), record.task)
    if given is None:
        return record, base
    options = from_arguments(job_type.options, given, base)
    return record.model_copy(update={"seed": seed_of(options)}), options


def _record_of_external_run(
    job_type: JobType, folder: JobFolder, arguments: argparse.Namespace
) -> tuple[OptionsRecord, JobOptions]:
    """Make the record of a run that RELION started: latest exact options, overruled by its command line."""
    if folder.runs():
        latest = folder.read_options()
        base = _validated(job_type, latest.values, folder.options_file(latest.run))
    elif folder.job_star.exists():
        base = options_from_job_star(job_type, read_job_star(folder.job_star))[0]
    else:
        base = job_type.options()
    options = from_arguments(job_type.options, arguments, base)
    record = make_record(
        job_type,
        options,
        project_dir=folder.project_dir,
        run=folder.next_run(),
        task=job_type.main_task.name,
        command=[sys.executable, *sys.argv],
    )
    folder.write_options(record.run, record)
    return record, options


def _validated(job_type: JobType, values: dict[str, Any], path: Path) -> JobOptions:
    known = {name: value for name, value in values.items() if name in job_type.options.model_fields}
    try:
        return job_type.options(**known)
    except ValueError as error:
        raise UserError(f"the options are not valid ({error})", path=path) from None


def _task_function(task: Task) -> Callable[[WorkerContext], None]:
    module, _, name = task.worker.partition(":")
    if not module:
        raise UserError(
            f"'{task.label}' opens a window and is not run by a worker", hint="Open it from the job"
        )
    try:
        if importlib.util.find_spec(module) is None:
            raise UserError(f"'{task.label}' is not part of this version of the program")
    except ModuleNotFoundError:
        raise UserError(f"'{task.label}' is not part of this version of the program") from None
    function: Callable[[WorkerContext], None] = getattr(importlib.import_module(module), name)
    return function
