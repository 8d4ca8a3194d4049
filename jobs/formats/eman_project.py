"""Read what averaging in EMAN2 leaves in a project: orientations, lists of particles, facts of tomograms.

HDF stacks are read by :mod:`jobs.formats.eman_hdf`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import read_whole

FloatArray = npt.NDArray[np.float64]

_ALIGN = "xform.align3d"
_YTILT = 3  # column of tlt_params, behind shift x, shift y and the angle of the tilt axis


@dataclass(frozen=True, eq=False)
class EmanOrientation:
    """Where a refinement found one particle.

    Attributes
    ----------
    list_name
        List (``.lst``) or stack (``.hdf``) as named, relative to the project.
    index
        Number in it, from 0.
    transform
        `(12,)` rows of rotation and translation that take the particle into the reference.
    score
        As EMAN2 has it: lower is better; NaN where there is none.
    half
        ``even``, ``odd`` or empty.
    """

    list_name: str
    index: int
    transform: FloatArray
    score: float
    half: str


@dataclass(frozen=True)
class ListRow:
    """A row of a ``.lst`` file: number (from 0) in a stack, path of the stack, and what is noted about it."""

    index: int
    path: str
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TomogramInfo:
    """Facts of a tomogram from ``info/<base>_info.json``.

    Attributes
    ----------
    y_tilt_deg
        `(t,)` tilt angles; empty where the tilt series is not aligned.
    classes
        Names and box sizes of particle classes by number.
    boxes
        `(n, 3)` x, y, z as written.
    box_class
        `(n,)` class of each.
    unbinned_pixel_a
        Å per pixel of the boxes, which then count from the centre of the tomogram; 0 where they are voxels.
    """

    y_tilt_deg: FloatArray
    classes: Mapping[int, tuple[str, int]]
    boxes: FloatArray
    box_class: npt.NDArray[np.int64]
    unbinned_pixel_a: float


def read_orientations(path: str | Path) -> list[EmanOrientation]:
    """Read ``particle_parms_XX.json`` or ``aliptcls3d_XX.lst`` of a refinement, ordered by list and number.

    Of several orientations per particle the first, which is the best, is taken.

    Raises
    ------
    FormatError
        When the file is missing or something else, or an entry has no transformation; names the entry.
    """
    path = Path(path)
    if path.suffix.lower() == ".lst":
        return [_of_row(i, row, path) for i, row in enumerate(read_list(path))]
    found = [_of_entry(key, value, path) for key, value in _json(path).items()]
    if not found:
        raise FormatError("the file holds no orientations", path=path)
    order = {name: i for i, name in enumerate(dict.fromkeys(sorted(o.list_name for o in found)))}
    return sorted(found, key=lambda o: (order[o.list_name], o.index))


def read_list(path: str | Path) -> list[ListRow]:
    """Read a ``.lst`` file of either kind (``#LSX``, ``#LST``).

    Raises
    ------
    FormatError
        When the file is missing, not a list, or a row is no number and path.
    """
    path = Path(path)
    data = read_whole(path)
    if not data.startswith((b"#LSX", b"#LST")):
        raise FormatError(f"this is no EMAN2 list: it begins with {data[:8]!r}, not #LSX or #LST", path=path)
    rows = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        fields = line.rstrip().split("\t")
        if len(fields) < 2 or not fields[0].strip().isdecimal() or not fields[1].strip():
            text = f"a number, a tab and a path are expected, not {line.strip()[:60]!r}"
            raise FormatError(text, path=path, row=number)
        notes: Mapping[str, Any] = {}
        if len(fields) > 2 and fields[2].startswith("{"):
            try:
                notes = json.loads(fields[2])
            except ValueError as error:
                raise FormatError(f"the note is not JSON: {error}", path=path, row=number) from error
        rows.append(ListRow(int(fields[0]), fields[1].strip(), notes))
    if not rows:
        raise FormatError("the list is empty", path=path)
    return rows


def read_info(path: str | Path) -> TomogramInfo:
    """Read ``info/<base>_info.json``.

    Raises
    ------
    FormatError
        When the file is missing, no JSON, or a value used has another form.
    """
    path = Path(path)
    values = _json(path)
    try:
        tilts = np.array([row[_YTILT] for row in values.get("tlt_params") or []], float)
        classes = {
            int(k): (str(c.get("name", "")), int(c.get("boxsize", 0)))
            for k, c in (values.get("class_list") or {}).items()
        }
        rows = values.get("boxes_3d") or []
        boxes = np.array([row[:3] for row in rows], float).reshape(-1, 3)
        box_class = np.array([row[5] if len(row) > 5 else 0 for row in rows], np.int64)
        pixel = float(values.get("apix_unbin") or 0.0)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise FormatError(f"the file holds something unexpected: {error}", path=path) from error
    return TomogramInfo(tilts, classes, boxes, box_class, pixel)


def base_name(name: str | Path) -> str:
    """Return the name of the tomogram that a file of a project belongs to."""
    stem = Path(name).name
    stem = stem.split("__")[0] if "__" in stem else Path(stem).stem
    for ending in ("_info", "_ptcls"):
        stem = stem.removesuffix(ending)
    return stem


def transform_values(value: object) -> FloatArray | None:
    """Return the 12 numbers of a transformation as any version writes it, None where it is none."""
    if isinstance(value, Mapping):
        value = value.get("matrix")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    try:
        numbers = np.asarray(value, float).reshape(-1)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (12,) and np.isfinite(numbers).all() else None


def half_of(name: str) -> str:
    """Return ``even`` or ``odd`` where the name of a list says so."""
    stem = Path(name).stem
    return next((half for half in ("even", "odd") if stem.endswith(f"_{half}")), "")


def _of_entry(key: str, value: Any, path: Path) -> EmanOrientation:
    try:
        named, index = ast.literal_eval(key)
        named, index = str(named), int(index)
    except (ValueError, SyntaxError, TypeError) as error:
        text = f"the key {key!r} is not of the form ('sets/name.lst', number)"
        raise FormatError(text, path=path, hint="Choose a particle_parms_XX.json.") from error
    best = value[0] if isinstance(value, list) and value else value
    return _orientation(best, named, index, f"the entry {key}", path)


def _of_row(i: int, row: ListRow, path: Path) -> EmanOrientation:
    made = _orientation(row.notes, path.name, i, f"the row of {row.path}, {row.index}", path)
    half = made.half
    if not half and "class" in row.notes:
        half = {0: "even", 1: "odd"}.get(row.notes["class"], "")
    return EmanOrientation(made.list_name, i, made.transform, made.score, half or half_of(row.path))


def _orientation(value: Any, named: str, index: int, what: str, path: Path) -> EmanOrientation:
    align = value.get(_ALIGN) if isinstance(value, Mapping) else None
    if isinstance(align, list) and align and isinstance(align[0], Mapping):
        align = align[0]
    transform = transform_values(align)
    if transform is None:
        raise FormatError(
            f"{what} has no {_ALIGN} of twelve numbers",
            path=path,
            hint="Choose the result of a refinement: particle_parms_XX.json or aliptcls3d_XX.lst.",
        )
    rotation = transform.reshape(3, 4)[:, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-2 or np.linalg.det(rotation) < 0:
        raise FormatError(f"{_ALIGN} of {what} is no rotation", path=path)
    try:
        score = float(value.get("score", np.nan))
    except (TypeError, ValueError):
        score = float("nan")
    half = {0: "even", 1: "odd"}.get(value.get("eo"), "") if "eo" in value else ""
    return EmanOrientation(named, index, transform, score, half_of(named) or half)


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_whole(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the file is not JSON: {error}", path=path) from error
    if not isinstance(values, dict):
        raise FormatError("a JSON object is expected", path=path)
    return values
