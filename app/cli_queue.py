"""Commands that show devices, who uses them and who waits, and that change the order of waiting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from app import settings
from app.cli_parser import Parser
from app.cli_places import find_job, find_project, open_project
from app.cli_progress import duration
from app.runner.devices import CPU, Devices, Policy
from app.runner.gpus import Gpu
from app.runner.processes import process_stats
from app.runner.queue import LocalQueue
from app.runner.queue_view import policy_words, time_left, waiting_jobs
from jobs.core.errors import UserError

_WATCH_S = 2.0


def show_devices(look: Callable[[], list[Gpu]], watch: bool, format_rows: Callable[..., str]) -> int:
    """Print the devices once, or again and again until Ctrl-C."""
    while True:
        text = describe(look(), format_rows)
        if not watch:
            print(text)
            return 0
        # to the upper left corner, then the rest of the screen is cleared: nothing flickers
        clear = "\x1b[H\x1b[J" if sys.stdout.isatty() else ""
        print(f"{clear}{time.strftime('%H:%M:%S')}\n{text}\n", flush=True)
        time.sleep(_WATCH_S)


def describe(gpus: list[Gpu], format_rows: Callable[..., str]) -> str:
    """Return GPUs, processor and the jobs on them as a table."""
    devices = Devices.look(found=gpus)
    rows = [("DEVICE", "NAME", "MEMORY USED", "LOAD", "USED BY")]
    for gpu in gpus:
        number = str(gpu.index)
        jobs = [holder.words for holder in devices.holders_of(number)]
        ours = {holder.pid for holder in devices.holders_of(number)}
        others = [
            f"{p.pid} {p.name} {'' if p.memory_mb is None else f'{p.memory_mb:.0f} MiB'}".strip()
            for p in gpu.processes
            if p.pid not in ours
        ]
        load = "" if gpu.load_percent is None else f"{gpu.load_percent:.0f} %"
        memory = f"{gpu.memory_used_mb / 1024:.1f} of {gpu.memory_total_mb / 1024:.1f} GiB"
        rows.append((f"GPU {number}", gpu.name, memory, load, ", ".join([*jobs, *others])))
    memory_now = psutil.virtual_memory()
    used = (memory_now.total - memory_now.available) / 1024**3
    jobs = []
    for holder in devices.holders_of(CPU):
        stats = process_stats(holder.pid)
        jobs.append(f"{holder.words} {stats.rss_mb:.0f} MiB" if stats is not None else holder.words)
    cores = psutil.cpu_count() or 1
    rows.append(
        (
            "CPU",
            f"{cores} cores",
            f"{used:.1f} of {memory_now.total / 1024**3:.1f} GiB",
            f"{psutil.cpu_percent(interval=0.1):.0f} %",
            ", ".join(jobs),
        )
    )
    return format_rows(rows)


def queue(words: Sequence[str]) -> int:
    """``heteroscope queue``: the jobs that run and wait, and the order of waiting."""
    parser = Parser(
        prog="heteroscope queue",
        description="List the jobs that wait for a device of this machine; move one to another place, start "
        "it although its device is busy, or take it out (it stays Scheduled).",
    )
    parser.add_argument("place", nargs="?", metavar="PROJECT", help="folder of the project [the current one]")
    parser.add_argument("--project", default=None, help="the same")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--move", nargs=2, metavar=("JOB", "PLACE"), help="give a job a place, 1 = next")
    change.add_argument("--remove", metavar="JOB", help="take a job out of the queue")
    change.add_argument("--start", metavar="JOB", help="start a job now, beside what uses its device")
    change.add_argument(
        "--cpu-jobs",
        type=int,
        metavar="N",
        help="let so many jobs compute on the processor at the same time, in all your projects, from now on",
    )
    given = parser.read(words)
    where = given.project or given.place
    if given.cpu_jobs is not None:
        return _allow(given.cpu_jobs)
    if given.move or given.remove or given.start:
        return _change(where, given.move, given.remove, given.start)
    folder = find_project(where)
    devices = Devices.look(open_project(where, look=True))
    lines = []
    for holder in devices.holders:
        left = time_left(holder)
        device = f"GPU {','.join(holder.gpus)}" if holder.gpus else "CPU"
        note = f"about {duration(left)} left" if left is not None else ""
        lines.append(("runs", holder.words, device, note))
    for job in waiting_jobs(devices, folder):
        soon = f"; starts in about {duration(job.starts_in_s)}" if job.starts_in_s is not None else ""
        name = job.job.rstrip("/") if job.own else f"{job.job.rstrip('/')} of project {job.project.name}"
        reason = f"{job.reason or 'starts in a moment'}{soon}"
        lines.append((str(job.place) if job.own else "-", name, job.device.removeprefix("the "), reason))
    print(policy_words(devices.policy, bool(devices.gpus)), file=sys.stderr)
    if not lines:
        print("No job runs or waits on this machine.", file=sys.stderr)
        return 0
    rows = [("PLACE", "JOB", "DEVICE", "STATE"), *lines]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _allow(jobs: int) -> int:
    """Set how many jobs may compute on the processor at the same time, as the window's preferences do."""
    try:
        chosen = settings.Settings(**{**settings.load().model_dump(), "cpu_jobs": jobs})
    except ValueError:
        raise UserError(f"{jobs} is no number of jobs", hint="Give a number from 1 to 64") from None
    if not settings.save(chosen):
        raise UserError("the preferences could not be saved", path=settings.settings_path())
    print(policy_words(Policy.load(), has_gpus=False))
    return 0


def _change(where: str | None, move: list[str] | None, remove: str | None, start: str | None) -> int:
    word = move[0] if move else remove or start or ""
    project = open_project(where, word)
    name = find_job(project, word)
    waiting = LocalQueue(project)
    if not any(entry.job == name for entry in waiting.entries()):
        raise UserError(f"{name} does not wait in the queue", path=Path(project.path))
    if move:
        if not move[1].isdecimal() or int(move[1]) < 1:
            raise UserError(f"'{move[1]}' is no place in the queue", hint="Give a number, 1 = next")
        waiting.move(name, int(move[1]) - 1)
    elif remove:
        waiting.remove(name)
    else:
        waiting.start_now(name)
    waiting.advance()
    waiting.ensure_keeper()
    print(name)
    return 0
