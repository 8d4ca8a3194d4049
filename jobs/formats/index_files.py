"""Read lists of particles and their labels as users keep them: pickles, text, and ``.npy``."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole
from jobs.formats.pickles import read_pickles
from jobs.formats.star_scan import IntArray

_TRUTH = {"true": True, "false": False}


def read_indices(path: str | Path, n: int, what: str = "particles") -> IntArray:
    """Return the indices of a file, in its order.

    Parameters
    ----------
    path
        ``.pkl`` (array, list, tuple, set or range; the first object of the file), ``.npy``, or any other name
        for text: numbers apart by white space or commas, ``#`` before comments. Truth values are a mask.
    n
        How many there are to choose from; indices are from 0 to ``n - 1``, and a mask has `n` values.
    what
        What is chosen, for messages.

    Returns
    -------
    numpy.ndarray
        `(k,)` int64.

    Raises
    ------
    FormatError
        Names the first entry (counted from 1) that is no whole number, negative, beyond the set, or there
        already; or says that a mask has the wrong length, or the file cannot be read.
    """
    path = Path(path)
    values = _flat(_content(path), path)
    if values.dtype == bool:
        if len(values) != n:
            raise FormatError(f"the mask has {len(values)} values for {n} {what}", path=path)
        return np.flatnonzero(values).astype(np.int64)
    numbers = _numbers(values, path)
    with np.errstate(invalid="ignore"):
        indices = numbers.astype(np.int64)
    _check(indices != numbers, numbers, path, "a whole number is expected")
    beyond = f"only 0 to {n - 1} are possible: there are {n} {what}" if n else f"there are no {what}"
    hint = "Were they counted from 1, or made for another file?"
    _check((indices < 0) | (indices >= n), indices, path, beyond, hint)
    first_of_same = np.zeros(len(indices), bool)
    first_of_same[np.unique(indices, return_index=True)[1]] = True
    hint = "Each index may stand once; a mask of 0 and 1 has to hold truth values."
    _check(~first_of_same, indices, path, "it stands there already", hint)
    return indices


def read_labels(path: str | Path, n: int, what: str = "particles") -> npt.NDArray[Any]:
    """Return one label for each of `n` particles: int64 where all are whole numbers, else float64 or text.

    Parameters, files and errors as for :func:`read_indices`; labels may repeat and have any value but NaN.

    Returns
    -------
    numpy.ndarray
        `(n,)`.
    """
    path = Path(path)
    values = _flat(_content(path), path)
    if len(values) != n:
        raise FormatError(f"the file has {len(values)} labels for {n} {what}", path=path)
    if values.dtype.kind in "USO":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values], object)
    numbers = _numbers(values, path)
    _check(~np.isfinite(numbers), numbers, path, "a finite number is expected")
    whole = numbers.astype(np.int64)
    return whole if np.array_equal(whole, numbers) else numbers


def _content(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix in (".pkl", ".pickle"):
        found = read_pickles(path)[0]
        return list(found) if isinstance(found, (set, frozenset, range)) else found
    if suffix == ".npy":
        read_whole(path, 1)
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise FormatError(f"this is no array of numbers ({error})", path=path) from None
    return _words(path)


def _words(path: Path) -> list[Any]:
    raw = read_whole(path)
    if b"\0" in raw[: 1 << 16]:
        raise FormatError("this is not a text file", path=path, hint="Pickles end in .pkl, arrays in .npy.")
    words: list[str] = []
    for line in raw.decode("utf-8", "replace").splitlines():
        words += line.partition("#")[0].replace(",", " ").replace(";", " ").split()
    words = [word for word in (w.strip("[]()") for w in words) if word]
    if words and all(word.lower() in _TRUTH for word in words):
        return [_TRUTH[word.lower()] for word in words]
    return words


def _flat(content: Any, path: Path) -> npt.NDArray[Any]:
    """Return the entries as one-dimensional array."""
    if (
        isinstance(content, np.ndarray)
        and content.ndim != 1
        and max(content.shape, default=1) == content.size
    ):
        content = content.reshape(-1)
    if not isinstance(content, (list, tuple, np.ndarray)):
        raise FormatError(
            f"a list or array is expected, but the file holds one object of type {type(content).__name__}",
            path=path,
        )
    if isinstance(content, np.ndarray) and content.ndim == 1:
        return content
    if isinstance(content, np.ndarray) or any(
        isinstance(v, (list, tuple, dict, np.ndarray)) for v in content
    ):
        shape = content.shape if isinstance(content, np.ndarray) else "a nested list"
        raise FormatError(f"a list in one dimension is expected, not {shape}", path=path)
    values = np.empty(len(content), object)
    values[:] = content
    if len(content) and all(isinstance(v, (bool, np.bool_)) for v in content):
        return values.astype(bool)
    return values


def _numbers(values: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    """Return integers as they are and everything else as float64; names the first entry that is no number."""
    if values.dtype.kind in "iu":
        if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
            return values.astype(np.float64)
        return values.astype(np.int64)
    if values.dtype.kind in "fb":
        return values.astype(np.float64)
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        try:
            numbers[i] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise FormatError(f"entry {i + 1} is '{value}', but a number is expected", path=path) from None
    return numbers


def _check(
    wrong: npt.NDArray[np.bool_], values: npt.NDArray[Any], path: Path, expected: str, hint: str = ""
) -> None:
    """Refuse the first wrong entry."""
    found = np.flatnonzero(wrong)
    if len(found):
        more = f" ({len(found)} entries are so)" if len(found) > 1 else ""
        raise FormatError(
            f"entry {found[0] + 1} is {values[found[0]]:g}, but {expected}{more}"
            if values.dtype.kind == "f"
            else f"entry {found[0] + 1} is {values[found[0]]}, but {expected}{more}",
            path=path,
            hint=hint,
        )
