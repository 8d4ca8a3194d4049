"""Jobs in a cluster's queue as lines of the lists: waiting or running, where, and why; no Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.gui.news import JobEntry
from app.runner.queue_jobs import place_in_queue, submission
from app.runner.queue_watch import WATCH


def with_queue(folder: Path, entry: JobEntry) -> JobEntry:
    """Return the entry of a running job with what its queue last said, as it is for jobs outside of queues.

    The queue itself is asked beside the caller, so that this costs no more than a look at two files.
    """
    queued = submission(folder)
    if queued is None:
        return entry
    place = place_in_queue(folder, queued, WATCH.state(queued))
    return replace(entry, queued=place.waits, where=place.sentence, note="" if place.waits else entry.note)
