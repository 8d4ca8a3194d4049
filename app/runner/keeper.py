"""The small process beside every running job: starts the worker, waits for it, tells how it ended.

The keeper belongs to no window and no terminal, so a worker that dies is noticed (and marked as failed
within moments) whoever is still there. One is kept per running job, therefore it imports nothing but the
standard library and needs a few megabytes. When the worker has ended it hands over to
:mod:`app.runner.settle`, which brings the project up to date and starts what was waiting.

Call: ``python -P -m app.runner.keeper JOB_DIR ABOUT -- WORKER COMMAND…`` in the project's folder, where
ABOUT is a JSON object: ``gpu`` and ``run`` (copied to ``worker.json``), ``report_to`` (a file
descriptor that receives one line when the worker has started or could not be started), ``detach`` (true:
become a process of its own), ``settle`` (true: update the project at the end) and ``queued`` (true: we run in
the script of a cluster's queue).
"""

# pathlib would cost the keeper of every job a megabyte
# ruff: noqa: PTH116, PTH118, PTH123
from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from app.runner import ending, queue_words
from app.runner.identity import host_name, identify
from jobs.core.run_outcome import forget_outcome

#: Tells a worker that a queue may end it; it then leaves the reason to its keeper, with this exit code.
QUEUED, TERMINATED = "HETEROSCOPE_QUEUED", 128 + signal.SIGTERM
#: Tells a worker that its run had begun before the queue started it again.
AGAIN = "HETEROSCOPE_AGAIN"


def main(arguments: list[str]) -> int:
    """Run one worker to its end; returns 0, or 1 when it could not be started."""
    job_dir, about, command = arguments[0], json.loads(arguments[1]), arguments[3:]
    if about.get("detach") and os.fork():
        # The launching program waits for this first process only, and never becomes parent of a zombie.
        os._exit(0)
    return keep(job_dir, about, command)


def keep(job_dir: str, about: dict[str, Any], command: list[str]) -> int:
    """Start the worker, wait for it, and write down how it ended."""
    workers: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # At shutdown the whole machine gets SIGTERM; the worker stands in a group of its own.
        for pid in workers:
            signal_group(pid, number)

    # Handlers, unlike "ignore", are not inherited by the worker.
    for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(kind, pass_on if kind == signal.SIGTERM else _stay)
    kills_before = out_of_memory_kills()
    offsets = {name: _size(job_dir, f"run.{name}") for name in ("out", "err")}
    if about.get("queued"):
        os.environ[QUEUED] = "1"
        marker = ending.marker_of(job_dir)
        if marker is not None:
            # The marker was taken away before the job was submitted.
            sys.stdout.write(f"The queue started this job again, but it is over already ({marker}).\n")
            return 0
        if _had_begun(job_dir, about.get("run")):
            os.environ[AGAIN] = "1"
    forget_outcome(job_dir, about.get("run"))
    try:
        worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        reason = f"The worker could not be started: {error}."
        ending.end_silently(job_dir, reason, aborted=False)
        _report(about, f"failed {reason}")
        return 1
    workers.append(worker.pid)
    found, own = identify(worker.pid), identify(os.getpid())
    record: dict[str, Any] = {
        **(found.as_dict() if found else {"pid": worker.pid, "create_time": 0.0, "start_ticks": None}),
        "host": host_name(),
        "gpu": about.get("gpu", ""),
        "queue_id": queue_words.own_id(job_dir),
        "run": about.get("run"),
        "started": _now(),
        "keeper": own.as_dict() if own else None,
        "log_start": offsets,
    }
    noted = False
    try:
        ending.write_worker_file(job_dir, record)
        noted = True
        _report(about, f"started {worker.pid}")
    finally:
        exit_code, number, usage = _wait(worker)
        workers.clear()
    if noted and _is_continued(job_dir, about.get("run")):
        # The worker said how it ended, and the job was continued since: its files belong to that run.
        return 0
    oom = out_of_memory_kills() > kills_before
    aborted = ending.abort_requested(job_dir) or exit_code == 130
    reason = ending.describe_end(exit_code, number, out_of_memory=oom, aborted=aborted)
    if about.get("queued"):
        # The submitter may have written the id only after we had begun.
        record["queue_id"] = queue_words.own_id(job_dir)
        if not aborted:
            ended = number or (signal.SIGTERM if exit_code == TERMINATED else None)
            told = _queue_reason(job_dir, offsets["err"], 1.0 if ended and not oom else 0.0)
            told = told or (queue_words.ending_sentence("OUT_OF_MEMORY") if oom and number else "")
            reason = told or ending.describe_end(exit_code if not ended else None, ended, out_of_memory=oom)
    record.update({"ended": _now(), "exit_code": exit_code, "signal": number, "out_of_memory": oom, **usage})
    if about.get("queued") and not aborted and queue_words.may_begin_again(job_dir, offsets["err"]):
        # Whether it is over only the queue knows: whoever looks after the project asks it.
        ending.write_worker_file(job_dir, record)
        return 0
    try:
        ending.write_worker_file(job_dir, record)
    finally:
        ending.end_silently(job_dir, reason, aborted=aborted)
        ending.keep_outcome(job_dir, about.get("run"))
    if about.get("settle"):
        _settle(job_dir)
    return 0


def _had_begun(job_dir: str, run: Any) -> bool:
    """Tell whether a worker has been at work on this run."""
    return run is not None and bool(ending.read_worker_file(job_dir).get("run") == run)


def _queue_reason(job_dir: str, start: int, patience_s: float) -> str:
    """Return what the queue wrote into run.err about ending the job, "" if nothing; it may need a moment."""
    until = time.monotonic() + patience_s
    while True:
        reason = queue_words.logged_reason(job_dir, start)
        if reason or time.monotonic() >= until:
            return reason
        time.sleep(0.1)


def _wait(worker: subprocess.Popen[bytes]) -> tuple[int | None, int | None, dict[str, float]]:
    """Wait for the end; return exit code, signal, and what the worker used."""
    if hasattr(os, "waitid"):
        # The dead worker still holds its pid here, so its group cannot belong to anybody else yet:
        # processes that it left behind (data loaders) are ended with it.
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        signal_group(worker.pid, signal.SIGKILL)
    _, status, used = os.wait4(worker.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    worker.returncode = code
    # Linux counts in KiB, macOS in bytes.
    peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    usage = {"peak_memory_mb": round(peak, 1), "cpu_s": round(used.ru_utime + used.ru_stime, 2)}
    return (None, -code, usage) if code < 0 else (code, None, usage)


def _is_continued(job_dir: str, run: Any) -> bool:
    """Tell whether a later run of the job has been prepared or started."""
    found = ending.read_worker_file(job_dir)
    if found:
        return bool(found.get("run") != run)
    return isinstance(run, int) and _size(job_dir, f"options.{run + 1:03d}.json") > 0


def signal_group(leader: int, number: int) -> bool:
    """Send a signal to a whole process group; False when nobody is there."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def out_of_memory_kills() -> int:
    """Return how many processes the kernel killed for lack of memory in our control group (0 if unknown)."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as stream:
            groups = [line.rstrip("\n").split(":", 2) for line in stream]
    except OSError:
        return 0
    found = 0
    for _, controllers, group in groups:
        if "memory" in controllers.split(","):
            found += _counted(f"/sys/fs/cgroup/memory{group.rstrip('/')}/memory.oom_control")
        elif not controllers:
            found += _counted(f"/sys/fs/cgroup{group.rstrip('/')}/memory.events")
    return found


def _counted(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as stream:
            return next((int(line.split()[1]) for line in stream if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError):
        return 0


def _stay(_number: int, _frame: FrameType | None) -> None:
    """Do nothing on Ctrl-C or a closed terminal: the job outlives both."""


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _size(job_dir: str, name: str) -> int:
    try:
        return os.stat(os.path.join(job_dir, name)).st_size
    except OSError:
        return 0


def _report(about: dict[str, Any], line: str) -> None:
    """Tell the launching program, if it still listens."""
    descriptor = about.get("report_to")
    if descriptor is None:
        return
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)
    except OSError:
        pass


def _settle(job_dir: str) -> None:
    """Become the short-lived process that updates the project (only now is it worth its memory)."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    # Where that fails, any other process of ours does it when it looks at the project next.
    with contextlib.suppress(OSError):
        os.execv(sys.executable, [sys.executable, "-P", "-m", "app.runner.settle", job_dir])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
