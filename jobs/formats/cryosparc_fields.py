"""Columns of cryoSPARC's particles: those of a ``.cs`` file and of the passthrough files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError
from jobs.formats.cryosparc import Rows, read_cs
from jobs.formats.star_table import FloatArray

#: Groups of columns that a set of particles for motions consists of.
_GROUPS = ("blob", "ctf", "alignments3D", "location")
#: Marks of project and job in the names that cryoSPARC gives, as in ``cryosparc_P12_J24_001_particles.cs``.
_JOB = re.compile(r"P\d+_J\d+(?!\d)")
_HINT = (
    "Choose the particles of a refinement, with its passthrough file (…_passthrough_particles.cs) beside it."
)


@dataclass(frozen=True)
class CsFields:
    """Columns of `n` particles.

    Attributes
    ----------
    path
        The file chosen, for messages.
    n
        Number of particles.
    columns
        Values by name, ``group/field`` and ``uid``, in the order of the rows of the file.
    """

    path: Path
    n: int
    columns: dict[str, NDArray[Any]]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(self.columns)

    def require(self, names: Iterable[str]) -> None:
        """Raise FormatError that lists the missing columns, unless all are there."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            verb = "column" if len(missing) == 1 else "columns"
            raise FormatError(
                f"the file lacks the {verb} {', '.join(missing)}",
                path=self.path,
                column=missing[0],
                hint=_HINT,
            )

    def numbers(self, name: str, width: int = 1) -> FloatArray:
        """Return finite numbers ``(n,)``, or ``(n, width)`` for a width of more than 1.

        Raises
        ------
        FormatError
            When a value is not finite, or the column has another shape.
        """
        values = self.columns[name]
        shape = (self.n,) if width == 1 else (self.n, width)
        if values.shape != shape or values.dtype.kind not in "fiub":
            expected = "one number" if width == 1 else f"{width} numbers"
            raise FormatError(
                f"{expected} for each particle are expected in the column {name}",
                path=self.path,
                column=name,
                hint=_HINT,
            )
        # Shortest digits of a float32, so that 2.7 does not become 2.700000047683716.
        result = _as_written(values)
        wrong = np.flatnonzero(~np.isfinite(result).reshape(self.n, -1).all(axis=1))
        if len(wrong):
            raise cell_error(self, int(wrong[0]), name, "a finite number is expected")
        return result

    def texts(self, name: str) -> list[str]:
        """Return a column of text."""
        values = self.columns[name]
        if values.dtype.kind == "S":
            return [raw.decode("utf-8", "surrogateescape") for raw in values.tolist()]
        return [str(value) for value in values.tolist()]


def _as_written(values: NDArray[Any]) -> FloatArray:
    """Doubles of the shortest decimal that is the same float32: constants then are what somebody typed."""
    if values.dtype.itemsize != 4 or values.dtype.kind != "f":
        return values.astype(np.float64)
    unique, inverse = np.unique(values, return_inverse=True)
    if len(unique) > 64:  # measured values; nobody typed them
        return values.astype(np.float64)
    typed = np.array([float(str(value)) for value in unique])
    return typed[inverse.ravel()].reshape(values.shape)


def cell_error(fields: CsFields, row: int, name: str, expected: str) -> FormatError:
    """Return the error that says what a particle's field holds and what was expected."""
    return FormatError(
        f"{name} is {fields[name][row]}, but {expected}", path=fields.path, row=row + 1, column=name
    )


def passthrough_files(path: Path) -> list[Path]:
    """Passthrough files beside a ``.cs`` file, of the same job when the names tell."""
    beside = sorted(p for p in path.parent.glob("*passthrough*.cs") if p.name != path.name)
    job = _JOB.search(path.name)
    of_job = [p for p in beside if job is not None and (found := _JOB.search(p.name)) and found[0] == job[0]]
    return of_job or [p for p in beside if job is None or _JOB.search(p.name) is None]


def join_passthrough(rows: Rows, path: Path) -> CsFields:
    """Return the columns of a file, with what it lacks from the passthrough files beside it.

    Raises
    ------
    FormatError
        When a passthrough file is damaged, or the only one with some columns lacks particles.
    """
    columns = {name: rows[name] for name in rows.dtype.names or ()}
    if "uid" not in columns:
        return CsFields(path, len(rows), columns)
    incomplete: dict[str, tuple[Path, int]] = {}
    for other in passthrough_files(path):
        more = read_cs(other)
        new = [n for n in more.dtype.names or () if n not in columns and n.partition("/")[0] in _GROUPS]
        if not new or "uid" not in (more.dtype.names or ()):
            continue
        place, absent = _places(more["uid"], rows["uid"])
        if absent:
            incomplete.update(dict.fromkeys(new, (other, absent)))
            continue
        columns.update({name: more[name][place] for name in new})
    # Classes of a job pass their particles through in files of their own; one of them may suffice.
    lost = {name: found for name, found in incomplete.items() if name not in columns}
    for group in ("blob", "ctf", "alignments3D"):
        name = next((n for n in lost if n.startswith(f"{group}/")), None)
        if name is not None and not any(n.startswith(f"{group}/") for n in columns):
            other, absent = lost[name]
            raise FormatError(
                f"the passthrough file lacks {absent} of the {len(rows):,} particles of {path.name}",
                path=other,
                column="uid",
                hint="Both files must come from the same job.",
            )
    return CsFields(path, len(rows), columns)


def head_of(path: Path, n_rows: int) -> tuple[CsFields, int]:
    """Return the first rows, and how many there are, without reading the rest.

    Columns of passthrough files are those of their own first rows, which may be of other particles: they tell
    boxes and pixel sizes, not what belongs to whom.

    Raises
    ------
    FormatError
        When the file is none of cryoSPARC.
    """
    rows = _mapped(path)
    n = len(rows)
    columns = {name: np.array(rows[name][:n_rows]) for name in rows.dtype.names or ()}
    for other in passthrough_files(path):
        more = _mapped(other)
        if len(more) < min(n, n_rows):
            continue
        for name in more.dtype.names or ():
            if name not in columns and name.partition("/")[0] in _GROUPS:
                columns[name] = np.array(more[name][: min(n, n_rows)])
    return CsFields(path, min(n, n_rows), columns), n


def _mapped(path: Path) -> Rows:
    """The rows of a file, read from the disk only as far as they are looked at."""
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return read_cs(path)  # says in words what is wrong
    return rows if rows.dtype.names is not None and rows.ndim == 1 else read_cs(path)


def _places(known: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> tuple[NDArray[np.int64], int]:
    """Return the row of each wanted uid, and how many are not known."""
    if not len(known):
        return np.zeros(len(wanted), np.int64), len(wanted)
    order = np.argsort(known, kind="stable")
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return place.astype(np.int64), int(np.count_nonzero(known[place] != wanted))
