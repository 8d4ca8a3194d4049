"""The input files of a run: what they were when it started, and whether they still are that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.core.record import OptionsRecord, fingerprint

UNCHANGED, CHANGED, MISSING, UNKNOWN = "unchanged", "changed", "missing", "unknown"
_JOB = re.compile(r"^([^/]+/job\d+/)")


@dataclass(frozen=True)
class InputFile:
    """An input as the record of a run has it.

    Attributes
    ----------
    path
        As in the options.
    size, mtime, sha256
        Bytes, seconds since 1970, and the hash of the record; of nodes without a record 0, 0 and empty.
    producer
        The job that made it, empty when it came from outside.
    state
        ``unchanged``, ``changed`` or ``missing`` since the run; ``unknown`` where nothing was recorded.
    detail
        What was found out, in words.
    """

    path: str
    size: int = 0
    mtime: float = 0.0
    sha256: str = ""
    producer: str = ""
    state: str = UNKNOWN
    detail: str = ""


def producer_of(path: str, producers: Mapping[str, str]) -> str:
    """Return the job that made a file: as the pipeline says, else by the folder in which it lies."""
    if path in producers:
        return producers[path]
    match = _JOB.match(path)
    return match[1] if match else ""


def inputs_of(
    record: OptionsRecord, project_dir: Path, producers: Mapping[str, str]
) -> tuple[InputFile, ...]:
    """Return the inputs of a run, each compared with the file as it is now."""
    return tuple(
        check(project_dir, replace(_of_entry(path, entry), producer=producer_of(path, producers)))
        for path, entry in record.inputs.items()
    )


def _of_entry(path: str, entry: Mapping[str, Any]) -> InputFile:
    return InputFile(
        path, int(entry.get("size") or 0), float(entry.get("mtime") or 0.0), str(entry.get("sha256") or "")
    )


def check(project_dir: Path, known: InputFile, *, content: bool = False) -> InputFile:
    """Compare a file with its record.

    Size and time are looked at; the content (as much of it as the record covers, its first and last MiB) only
    when the time differs or `content` asks for it.
    """
    path = project_dir / known.path
    try:
        status = path.stat()
        if not known.sha256:
            return replace(known, state=UNKNOWN, detail="not recorded", size=status.st_size)
        if status.st_size != known.size:
            detail = f"{known.size:,} bytes then, {status.st_size:,} now"
            return replace(known, state=CHANGED, detail=detail)
        moved = abs(status.st_mtime - known.mtime) > 1e-3
        if not (moved or content):
            return replace(known, state=UNCHANGED, detail="same size and date")
        if fingerprint(path)["sha256"] != known.sha256:
            return replace(known, state=CHANGED, detail="the content is another one")
    except FileNotFoundError:
        return replace(known, state=MISSING, detail="the file does not exist any more")
    except OSError as error:
        return replace(known, state=UNKNOWN, detail=f"cannot be read ({error.strerror})")
    return replace(known, state=UNCHANGED, detail="same content, newer date" if moved else "same content")
