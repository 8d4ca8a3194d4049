"""Files of latent states: CSV with named columns, and the plain text of other programs."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QIODevice, QSaveFile

from jobs.core.errors import FormatError, UserError
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import Trajectory

#: What the file dialogues offer.
PATTERNS: Final = "Paths in latent space (*.csv *.txt);;All files (*)"
# A thousand frames of a hundred coordinates are far below this; a stack of images is above it.
_LARGEST: Final = 20_000_000


def save(path: Path, trajectory: Trajectory) -> Path:
    """Write the states of a trajectory: CSV with ``frame, z1 … zL``, or plain text for a name in ``.txt``.

    All digits of the states are kept. A file that is there already is replaced at once or not at all.

    Parameters
    ----------
    path
        File to write; without an ending it gets ``.csv``.
    trajectory
        What to write.

    Returns
    -------
    path
        The file written.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    target = path if path.suffix else path.with_suffix(".csv")
    states = trajectory.states
    if target.suffix.lower() == ".txt":
        lines = [" ".join(f"{value:.9g}" for value in state) for state in states]
    else:
        lines = [",".join(["frame", *(f"z{k + 1}" for k in range(states.shape[1]))])]
        lines += [",".join([str(k), *(f"{value:.9g}" for value in state)]) for k, state in enumerate(states)]
    file = QSaveFile(str(target))
    written = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if written:
        file.write(("\n".join(lines) + "\n").encode())
        written = file.commit()
    if not written:
        raise UserError(
            f"the path could not be written: {file.errorString().lower()}",
            path=target,
            hint="Choose another folder.",
        )
    return target


def load(path: Path, plane: Plane) -> Trajectory:
    """Read a trajectory; its places are those of its states in the plane.

    Raises
    ------
    FormatError
        If the file cannot be read, or does not hold states of as many coordinates as the plane's.
    """
    states = read_states(path, plane.latent.shape[1])
    return Trajectory(states, plane.places_of(states), f"path of {path.name}")


def read_states(path: Path, n_latent: int) -> NDArray[np.float32]:
    """Return the states ``(F, L)`` of a file.

    Parameters
    ----------
    path
        CSV whose first line names the columns ``z1 … zL`` (others are ignored), or text with one state in
        each line, separated by blanks or commas; ``#`` begins a comment.
    n_latent
        Number of coordinates L of the model.

    Raises
    ------
    FormatError
        Naming row (line of the file) and column of what is wrong.
    """
    lines = _lines(path)
    if not lines:
        raise FormatError("the file holds no states", path=path)
    separator = "," if "," in lines[0][1] else None
    first = _fields(lines[0][1], separator)
    if any(field and not _is_number(field) for field in first):
        columns = _named_columns(first, n_latent, path)
        lines = lines[1:]
        expected = len(first)
    else:
        columns, expected = list(range(n_latent)), n_latent
    states = np.empty((len(lines), n_latent), np.float32)
    for k, (row, line) in enumerate(lines):
        fields = _fields(line, separator)
        if len(fields) != expected:
            raise FormatError(
                f"{len(fields)} values where {expected} are expected",
                path=path,
                row=row,
                hint=f"This model has {n_latent} latent coordinates.",
            )
        for j, column in enumerate(columns):
            states[k, j] = _number(fields[column], path, row, f"z{j + 1}")
    if not len(states):
        raise FormatError("the file holds the names of columns but no states", path=path)
    if len(states) < 2:
        raise FormatError("the file holds one state only; a path needs two or more", path=path)
    return states


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers from 1."""
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise FormatError("the file is far too large for a path in latent space", path=path)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("this is not a text file", path=path) from error
    except FileNotFoundError as error:
        raise FormatError("the file does not exist", path=path) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FormatError(f"the file cannot be read: {reason}", path=path) from error
    stripped = ((k, line.split("#", 1)[0].strip()) for k, line in enumerate(text.splitlines(), start=1))
    return [(k, line) for k, line in stripped if line]


def _fields(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    return [field.strip() for field in next(csv.reader(io.StringIO(line)))]


def _named_columns(names: list[str], n_latent: int, path: Path) -> list[int]:
    """Return where z1 … zL stand among the names of the columns."""
    lower = [name.lower() for name in names]
    extra = f"z{n_latent + 1}"
    if extra in lower:
        count = sum(name[:1] == "z" and name[1:].isdigit() for name in lower)
        raise FormatError(
            f"the file has {count} latent coordinates, the model {n_latent}", path=path, column=extra
        )
    for k in range(n_latent):
        if f"z{k + 1}" not in lower:
            raise FormatError(
                f"there is no column z{k + 1}",
                path=path,
                hint=f"The first line must name the columns z1 to z{n_latent}.",
            )
    return [lower.index(f"z{k + 1}") for k in range(n_latent)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, path: Path, row: int, column: str) -> float:
    if not _is_number(text):
        raise FormatError(f"“{text}” is not a number", path=path, row=row, column=column)
    value = float(text)
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        raise FormatError(f"“{text}” is not a finite number", path=path, row=row, column=column)
    return value
