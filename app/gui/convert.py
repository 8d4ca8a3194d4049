"""News of the lanes in the terms of the widgets, which know neither projects nor runners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, cast

from app.gui.news import Followed, GpusSeen, JobDetails, JobEntry, NodeLine
from widgets.fields import GpuChoice
from widgets.inputs_outputs import IoEntry
from widgets.job_model import JobRow
from widgets.log_view import LogPanel


def job_row(entry: JobEntry) -> JobRow:
    """Return the line of a job for the lists."""
    when = datetime.fromtimestamp(entry.changed) if entry.changed is not None else None
    if not (entry.place or entry.queued or entry.where):
        # as nearly all of ten thousand are
        return JobRow(entry.name, entry.alias, entry.title, entry.status, when, entry.note, entry.tags)
    note = entry.note or queue_note(entry)
    waits = queue_sentence(entry)
    reason = f"{waits[:1].upper()}{waits[1:]}"
    return JobRow(entry.name, entry.alias, entry.title, shown_status(entry), when, note, entry.tags, reason)


def shown_status(entry: JobEntry) -> str:
    """Return the status to show: RELION knows no queues, and calls a job that waits in one running."""
    return "Queued" if entry.queued else entry.status


def queue_note(entry: JobEntry) -> str:
    """Return the place of a waiting job in few words, empty when it does not wait for a device."""
    if not entry.place:
        return ""
    return "Next" if entry.place == 1 else f"Waits, {ordinal(entry.place)}"


def queue_sentence(entry: JobEntry) -> str:
    """Return what a job waits for, or where it runs; empty for one that runs here or is over."""
    if not entry.place:
        return entry.where
    line = "next in the queue" if entry.place == 1 else f"{ordinal(entry.place)} in the queue"
    return f"waits for {entry.device}, {line}"


def ordinal(number: int) -> str:
    """Return a number as a place in a row: ``1st``, ``2nd``, ``11th``."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return f"{number}{ending}"


def io_entries(
    details: JobDetails | None, entries: Mapping[str, JobEntry]
) -> tuple[list[IoEntry], list[IoEntry]]:
    """Return what goes into and comes out of a job; result files that are no nodes count as outputs."""
    if details is None:
        return [], []
    known = {line.path for line in details.outputs}
    results = [
        IoEntry(f"{details.entry.name}{path}", text)
        for path, text in details.results
        if f"{details.entry.name}{path}" not in known
    ]
    inputs = [io for line in details.inputs for io in _lines(line, entries)]
    awaited = details.entry.status in ("Running", "Scheduled")
    return inputs, [io for line in details.outputs for io in _lines(line, entries, awaited)] + results


def _lines(line: NodeLine, entries: Mapping[str, JobEntry], awaited: bool = False) -> list[IoEntry]:
    """Return one line for each job at the other end, or one without a job; `awaited` while it is made."""
    return [
        IoEntry(
            line.path, line.label, job, entries[job].shown if job in entries else job, line.exists, awaited
        )
        for job in line.jobs or ("",)
    ]


def gpu_choices(seen: GpusSeen) -> tuple[GpuChoice, ...]:
    """Return the GPUs offered in the form."""
    return tuple(GpuChoice(str(gpu.index), gpu.sentence) for gpu in seen.gpus)


def add_logs(panel: LogPanel, news: Followed) -> None:
    """Append new text to the logs; a restarted one begins anew."""
    if news.fresh:
        panel.clear()
    for stream, text, restarted in news.logs:
        view = panel.out if stream == "out" else panel.err
        if restarted:
            view.clear()
        if text:
            panel.append(cast("Literal['out', 'err']", stream), text)
