"""Latent coordinates as cryoDRGN, tomoDRGN, RECOVAR, cryoSPARC and people's own scripts write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.cryosparc import read_cs
from jobs.formats.files import read_whole
from jobs.formats.pickles import Stub, read_pickles
from jobs.formats.star import read_star_tables
from jobs.latents.columns import chosen

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]

ENDINGS: Final = (".pkl", ".npy", ".cs", ".csv", ".star", ".txt")
#: Columns that say which particle a row is, in the order in which they are believed.
_NAMES: Final = ("rlnImageName", "image_name", "rlnTomoParticleName", "particle_name", "name")
_UIDS: Final = ("uid", "ucsfUid")
_COMPONENT: Final = re.compile(r"(\w+_mode)_(\d+)/value")
#: Entries of RECOVAR's embeddings by generation; ``noreg`` stands for those without a prior.
_RECOVAR: Final = ("latent_coords", "zs")


@dataclass(frozen=True, eq=False)
class LatentTable:
    """Latent coordinates of `n` particles.

    Attributes
    ----------
    path
        File.
    program
        Who wrote it, in words.
    values
        ``(n, L)`` float32; rows that hold NaN were not computed.
    columns
        ``L`` names.
    log_variance
        ``(n, L)`` of the posterior, or None.
    names
        ``(n,)`` names of the particles, or None where only the order says which row is which.
    uids
        ``(n,)`` cryoSPARC's identifiers, or None.
    notes
        Sentences about how the file was understood.
    """

    path: Path
    program: str
    values: Floats
    columns: tuple[str, ...]
    log_variance: Floats | None = None
    names: Array | None = None
    uids: npt.NDArray[np.uint64] | None = None
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.values)


def read_latents(path: Path, columns: str = "") -> LatentTable:
    """Read latent coordinates; the form is told by the ending and the content.

    Parameters
    ----------
    path
        ``.pkl`` (cryoDRGN, tomoDRGN, RECOVAR's ``embeddings.pkl``), ``.npy`` (RECOVAR and others), ``.cs``
        (3D variability or 3D Flex of cryoSPARC), ``.csv``, ``.txt`` or ``.star``.
    columns
        Wanted coordinates, see :func:`jobs.latents.columns.chosen`; of RECOVAR's ``embeddings.pkl`` the
        number of dimensions may stand before a colon (``4:``), otherwise the largest is taken.

    Raises
    ------
    UserError
        When the file is missing or damaged, holds no coordinates, or not the wanted ones.
    """
    if not path.exists():
        raise UserError("there is no such file", path=path)
    ending = path.suffix.lower()
    if ending == ".pkl":
        zdim, _, rest = columns.rpartition(":")
        table = _pickled(path, zdim.strip())
        columns = rest
    elif ending == ".npy":
        table = _table(path, "an array", _loaded(path))
    elif ending == ".cs":
        table = _components(path)
    elif ending == ".star":
        return _star(path, columns)
    elif ending in (".csv", ".txt"):
        table = _text(path)
    else:
        raise UserError(
            f"latent coordinates are not read from files *{ending}",
            path=path,
            hint=f"Choose one of {', '.join('*' + e for e in ENDINGS)}",
        )
    wanted = chosen(table.columns, columns, path)
    variance = table.log_variance
    return replace(
        table,
        values=np.ascontiguousarray(table.values[:, wanted]),
        columns=tuple(table.columns[i] for i in wanted),
        log_variance=None if variance is None else variance[:, wanted],
    )


def _table(path: Path, program: str, values: Any, **further: Any) -> LatentTable:
    """Check the shape of coordinates, and name them if nobody did."""
    if isinstance(values, Stub) or not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise FormatError("the file holds no array of numbers", path=path)
    table = values[:, None] if values.ndim == 1 else values
    if table.ndim != 2 or not table.shape[1]:
        raise FormatError(f"one row of coordinates per particle is expected, not {values.shape}", path=path)
    if not len(table) or not np.isfinite(table).any():
        raise FormatError("the file holds no coordinates", path=path)
    names = further.pop("columns", None) or tuple(f"z{i + 1}" for i in range(table.shape[1]))
    return LatentTable(path, program, table.astype(np.float32), tuple(names), **further)


def _loaded(path: Path) -> Any:
    try:
        return np.load(io.BytesIO(read_whole(path)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(f"this is no array of numpy: {' '.join(str(error).split())}", path=path) from error


def _pickled(path: Path, zdim: str) -> LatentTable:
    objects = read_pickles(path)
    first = objects[0]
    if isinstance(first, dict):
        return _recovar(path, first, zdim)
    if len(objects) > 2:
        raise FormatError(f"latent files hold one or two arrays, this one {len(objects)}", path=path)
    table = _table(path, "cryoDRGN or tomoDRGN", first)
    if len(objects) == 1:
        return table
    variance = _table(path, "", objects[1]).values
    if variance.shape != table.values.shape:
        raise FormatError(
            f"the places are {table.values.shape}, their log-variances {variance.shape}", path=path
        )
    return replace(table, log_variance=variance)


def _recovar(path: Path, content: dict[Any, Any], zdim: str) -> LatentTable:
    entry = next((content[name] for name in _RECOVAR if isinstance(content.get(name), dict)), None)
    if entry is None:
        shown = ", ".join(str(key) for key in list(content)[:6])
        raise FormatError(f"the file holds no latent coordinates (found {shown})", path=path)
    sizes = {str(key): value for key, value in entry.items()}
    if zdim and zdim not in sizes:
        raise UserError(f"there is no latent space {zdim}", path=path, hint=f"There are: {', '.join(sizes)}")
    plain = [key for key in sizes if key.isdigit()]
    key = zdim or (max(plain, key=int) if plain else next(iter(sizes), ""))
    if not key:
        raise FormatError("the file holds no latent coordinates", path=path)
    parameters = path.with_name("params.pkl")
    if parameters.is_file():
        kept = read_pickles(parameters)[0]
        if isinstance(kept, dict) and "version" not in kept:
            raise UserError(
                "this is a result of an early RECOVAR, whose rows are ordered by half-set",
                path=path,
                hint="Save the coordinates in the order of the particle file as .npy, and choose that file.",
            )
    note = f"Of the latent spaces {', '.join(sizes)} the one called {key} was taken."
    return _table(path, "RECOVAR", sizes[key], notes=(note,))


def _components(path: Path) -> LatentTable:
    rows = read_cs(path)
    names = rows.dtype.names or ()
    found = sorted((m[1], int(m[2]), m[0]) for name in names if (m := _COMPONENT.fullmatch(name)))
    if not found:
        raise FormatError(
            "the file has no components (components_mode_0/value …)",
            path=path,
            hint="Choose the particles of a 3D Variability or 3D Flex job.",
        )
    values = np.stack([rows[name].reshape(len(rows)) for _, _, name in found], axis=1)
    labels = tuple(name.removesuffix("/value") for _, _, name in found)
    uids = rows["uid"].astype(np.uint64) if "uid" in names else None
    return _table(path, "cryoSPARC", values, columns=labels, uids=uids)


def _text(path: Path) -> LatentTable:
    lines = [line for line in read_whole(path).decode("utf-8-sig", "replace").splitlines() if line.strip()]
    while lines and lines[0].startswith("#") and not any(c.isalpha() for c in lines[0]):
        del lines[0]
    if not lines:
        raise FormatError("the file is empty", path=path)
    comma = "," in lines[0]
    rows = list(csv.reader(lines)) if comma else [line.split() for line in lines]
    head = [word.strip().lstrip("#").strip() for word in rows[0]]
    if any(_number(word) is None for word in head):
        del rows[0]
        head = head if comma or head[0] else head[1:]
    else:
        head = [f"z{i + 1}" for i in range(len(head))]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise FormatError(f"{len(head)} entries are expected, not {len(row)}", path=path, row=number)
    if not rows:
        raise FormatError("the file holds no rows", path=path)
    return _named(path, head, [[row[i].strip() for row in rows] for i in range(len(head))])


def _named(path: Path, head: Sequence[str], content: Sequence[Sequence[str]]) -> LatentTable:
    """Coordinates and identities of a table of texts."""
    by_name = dict(zip(head, content, strict=True))
    name = next((n for n in _NAMES if n in by_name), None)
    uid = next((u for u in _UIDS if u in by_name), None)
    numbers: dict[str, list[float]] = {}
    for label, column in by_name.items():
        values = [_number(word) for word in column]
        if label not in (name, uid) and all(value is not None for value in values):
            numbers[label] = [value for value in values if value is not None]
    if not numbers:
        raise FormatError("no column holds only numbers", path=path)
    uids = None
    if uid is not None:
        if not all(word.isdigit() for word in by_name[uid]):
            raise FormatError("whole numbers are expected", path=path, column=uid)
        uids = np.array([int(word) for word in by_name[uid]], np.uint64)
    return _table(
        path,
        "a table",
        np.array(list(numbers.values()), np.float64).T,
        columns=tuple(numbers),
        names=None if name is None else np.array(by_name[name], object),
        uids=uids,
    )


def _star(path: Path, columns: str) -> LatentTable:
    tables = [t for t in read_star_tables(path).values() if t.is_loop]
    table = next((t for t in tables if any(n in t for n in _NAMES)), tables[0] if tables else None)
    if table is None:
        raise FormatError("the file holds no table", path=path)
    identity = [n for n in (*_NAMES, *_UIDS) if n in table]
    others = [name for name in table.columns if name not in identity]
    if columns.strip():
        wanted = [others[i] for i in chosen(others, columns, path)]
    else:
        # Columns of RELION are poses and optics, never latent coordinates.
        wanted = [name for name in others if not name.startswith("rln")]
        if not wanted:
            raise UserError(
                "it does not show which columns are latent coordinates",
                path=path,
                hint="Name the columns.",
            )
    texts = [list(table.text(name)) for name in (*identity, *wanted)]
    found = _named(path, [*identity, *wanted], texts)
    lost = [name for name in wanted if name not in found.columns]
    if lost and columns.strip():
        raise FormatError("numbers are expected", path=path, column=lost[0])
    return found


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
