"""Particle files of cryoSPARC (``.cs``): read, chosen from by identity, written without changing a row."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import read_whole, replacing
from jobs.formats.image_names import identity

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Key = tuple[tuple[str, ...], int]

_MAGIC = b"\x93NUMPY"
_STREAM_MAGIC = b"\x94CSDAT"
_PATH, _INDEX, _UID = "blob/path", "blob/idx", "uid"
#: cryoSPARC puts the identifier of an imported image before its file name.
_IMPORT_PREFIX = re.compile(r"^\d{12,}_(?=.)")
_STACK_SUFFIXES = (".mrcs", ".mrc", ".st", ".tiff", ".tif")
_SHOWN = 3


def read_cs(path: Path) -> Rows:
    """Read a ``.cs`` file as a structured array, one row per particle.

    Raises
    ------
    FormatError
        When it is missing or of another form.
    """
    data = read_whole(path)
    if data.startswith(_STREAM_MAGIC):
        raise FormatError(
            "this .cs file is in cryoSPARC's compressed form, which only cryoSPARC reads",
            path=path,
            hint="Export the particles in cryoSPARC (Actions, Export), and choose the exported file.",
        )
    if not data.startswith(_MAGIC):
        raise FormatError("this is not a cryoSPARC file", path=path, hint="Choose the .cs file of particles.")
    try:
        rows = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise FormatError(f"the file is damaged: {' '.join(str(error).split())}", path=path) from error
    if rows.dtype.names is None or rows.ndim != 1:
        raise FormatError("the file is an array, but no table of particles", path=path)
    return rows


def write_cs(path: Path, rows: Rows) -> None:
    """Write a structured array as a ``.cs`` file; its columns keep their types exactly.

    Raises
    ------
    UserError
        When it cannot be written; an old file then stays.
    """
    with replacing(path) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(rows), allow_pickle=False)


def rows_of(
    rows: Rows, image_names: Sequence[str], uids: NDArray[np.uint64] | None = None, path: Path | None = None
) -> Ints:
    """Find the rows of particles that a STAR file names.

    Stack and section identify a particle: sections count from 1 there and from 0 here; ``.mrc`` and ``.mrcs``
    are the same; folders count only as far as it takes to tell stacks of one name apart. cryoSPARC's mark of
    imported files is ignored.

    Parameters
    ----------
    rows
        Table of a ``.cs`` file.
    image_names
        ``000012@stack.mrcs`` of each wanted particle.
    uids
        cryoSPARC's own identifiers of the wanted particles, if the STAR file has them; used when the names
        do not lead to every particle.
    path
        The ``.cs`` file, for messages.

    Returns
    -------
    numpy.ndarray
        Ascending rows, from 0.

    Raises
    ------
    UserError
        When there is nothing to find, or particles are missing or ambiguous; tells how many.
    """
    if not len(image_names):
        raise UserError("no particles are selected", path=path, hint="Select some, then save again.")
    names = rows.dtype.names or ()
    problem = f"the file lacks the columns {_PATH} and {_INDEX}"
    if _PATH in names and _INDEX in names:
        found, problem = _by_stack(rows, image_names)
        if not problem:
            return _once(found, path)
    if uids is not None and _UID in names:
        found, by_uid = _by_uid(rows, uids)
        if not by_uid:
            return _once(found, path)
        problem = f"{problem}; by uid, {by_uid}"
    raise UserError(
        problem,
        path=path,
        hint="Choose the .cs file from which the particles of this job were exported.",
    )


def _by_stack(rows: Rows, image_names: Sequence[str]) -> tuple[Ints, str]:
    """Find rows by stack and section; returns rows and what is wrong, in words."""
    known = _keys(_texts(rows[_PATH]), rows[_INDEX].astype(np.int64).tolist())
    by_name: dict[tuple[str, int], list[int]] = {}
    for row, (parts, section) in enumerate(known):
        by_name.setdefault((parts[-1], section), []).append(row)
    found = np.full(len(image_names), -1, np.int64)
    missing: list[str] = []
    ambiguous: list[str] = []
    for k, name in enumerate(image_names):
        stack, section = identity(str(name))
        parts = _parts(stack)
        candidates = by_name.get((parts[-1], max(section, 0)), [])
        best = _nearest(parts, candidates, known)
        if len(best) == 1:
            found[k] = best[0]
        else:
            (ambiguous if best else missing).append(str(name))
    return found, _told(missing, ambiguous, len(image_names))


def _nearest(parts: tuple[str, ...], candidates: Sequence[int], known: Sequence[Key]) -> list[int]:
    """Return the candidates whose folders agree with `parts` for longest, counted from the file name."""
    if len(candidates) < 2:
        return list(candidates)
    common = [_agreeing(parts, known[row][0]) for row in candidates]
    return [row for row, length in zip(candidates, common, strict=True) if length == max(common)]


def _agreeing(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    length = 0
    for left, right in zip(reversed(a), reversed(b), strict=False):
        if left != right:
            break
        length += 1
    return length


def _by_uid(rows: Rows, uids: NDArray[np.uint64]) -> tuple[Ints, str]:
    place: dict[int, list[int]] = {}
    for row, uid in enumerate(rows[_UID].tolist()):
        place.setdefault(uid, []).append(row)
    hits = [place.get(int(uid), []) for uid in uids]
    missing = [str(uid) for uid, hit in zip(uids, hits, strict=True) if not hit]
    ambiguous = [str(uid) for uid, hit in zip(uids, hits, strict=True) if len(hit) > 1]
    problem = _told(missing, ambiguous, len(uids))
    return np.array([] if problem else [hit[0] for hit in hits], np.int64), problem


def _once(found: Ints, path: Path | None) -> Ints:
    chosen = np.unique(found)
    if len(chosen) < len(found):
        raise UserError(
            f"{len(found)} chosen particles lead to only {len(chosen)} rows of the file",
            path=path,
            hint="Some stand in the selection twice, or different stacks have one name.",
        )
    return chosen


def _told(missing: Sequence[str], ambiguous: Sequence[str], of: int) -> str:
    parts = []
    for names, what in ((missing, "not in the file"), (ambiguous, "in the file more than once")):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            verb = "is" if len(names) == 1 else "are"
            parts.append(
                f"{len(names)} of {of} chosen particles {verb} {what} ({', '.join(names[:_SHOWN])}{more})"
            )
    return "; ".join(parts)


def _texts(column: NDArray[Any]) -> list[str]:
    if column.dtype.kind == "S":
        return [raw.decode("utf-8", "surrogateescape") for raw in column.tolist()]
    return [str(value) for value in column.tolist()]


def _keys(paths: Sequence[str], sections: Sequence[int]) -> list[Key]:
    taken_apart = {path: _parts(path) for path in set(paths)}
    return [(taken_apart[path], section) for path, section in zip(paths, sections, strict=True)]


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name of a stack, without endings and marks by which the same file is told differently."""
    parts = [part for part in path.removeprefix(">").split("/") if part not in ("", ".")] or [""]
    name = _IMPORT_PREFIX.sub("", parts[-1])
    suffix = next((s for s in _STACK_SUFFIXES if name.lower().endswith(s)), "")
    parts[-1] = name[: len(name) - len(suffix)]
    return tuple(parts)
