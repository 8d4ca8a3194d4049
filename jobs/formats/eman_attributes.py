"""Header values of EMAN2 HDF files: how each type is stored, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from jobs.formats.star_table import FloatArray

PREFIX: Final = "EMAN."
# A list of one number is stored as a number is: these names always hold lists.
LISTS: Final = frozenset({"members", "pix_err", "class_ptcl_idxs", "ptcl_source_coord"})
_FIELDS: Final = [f"{row}{column}" for row in range(3) for column in range(4)]
_TRANSFORM: Final = np.dtype([(name, np.float32) for name in _FIELDS])
_TRUE, _FALSE = 84, 70  # 'T' and 'F'
_MOST = np.iinfo(np.int32).max
_MATRIX = (3, 4)


def read_value(group: Any, key: str) -> Any:
    """Return one attribute of an HDF5 group as Python knows it.

    Parameters
    ----------
    group: h5py.Group
        Group of an image.
    key
        Full name in the file.

    Returns
    -------
    int, float, bool, str, numpy.ndarray, list of str, or None
        Transforms are `(3, 4)` float64 matrices, lists of numbers 1-D arrays.
    """
    raw = group.attrs[key]
    if isinstance(raw, h5py.Empty):
        return None
    if isinstance(raw, (str, bytes)):
        return _text(raw)
    array = np.asarray(raw)
    if array.dtype.names is not None and len(array.dtype.names) == len(_FIELDS):
        record = array.reshape(-1)[0]
        return np.array([record[name] for name in array.dtype.names], np.float64).reshape(_MATRIX)
    if array.dtype.kind in "SOU":
        texts = [_text(item) for item in array.reshape(-1).tolist()]
        return texts[0] if array.ndim == 0 else texts
    if array.dtype.itemsize == 1 and array.size == 1 and int(array.reshape(-1)[0]) in (_TRUE, _FALSE):
        return int(array.reshape(-1)[0]) == _TRUE
    if array.size == 1 and key.removeprefix(PREFIX) not in LISTS:
        return array.reshape(-1)[0].item()
    return array.reshape(-1)


def write_value(group: Any, key: str, value: object) -> None:
    """Write one attribute in the very type in which EMAN2 expects it.

    Parameters
    ----------
    group: h5py.Group
        Group of an image.
    key
        Full name in the file.
    value
        bool, int, float, str, `(3, 4)` matrix of a transformation, or a 1-D sequence of numbers.

    Raises
    ------
    ValueError
        When a whole number does not fit into 32 bits.
    TypeError
        When EMAN2 knows no such type.
    """
    if isinstance(value, (bool, np.bool_)):
        group.attrs.create(key, np.array([_TRUE if value else _FALSE], np.int8))
    elif isinstance(value, (str, np.str_)):
        _write_text(group, key, str(value))
    elif isinstance(value, (int, np.integer)):
        group.attrs.create(key, _int32(np.array([int(value)]), key))
    elif isinstance(value, (float, np.floating)):
        group.attrs.create(key, np.array([value], np.float32))
    elif isinstance(value, (np.ndarray, Sequence)):
        array = np.asarray(value)
        if array.shape == _MATRIX:
            record = np.zeros(1, _TRANSFORM)
            record[0] = tuple(array.astype(np.float32).reshape(-1).tolist())
            group.attrs.create(key, record)
        elif array.ndim == 1 and array.dtype.kind in "iub":
            group.attrs.create(key, _int32(array, key))
        elif array.ndim == 1 and array.dtype.kind == "f":
            group.attrs.create(key, array.astype(np.float32))
        else:
            raise TypeError(f"EMAN2 has no attribute of shape {array.shape} and type {array.dtype} ({key})")
    else:
        raise TypeError(f"EMAN2 has no attribute of type {type(value).__name__} ({key})")


def align2d_matrix(alpha_deg: float, shift_x: float, shift_y: float, mirror: bool) -> FloatArray:
    """Return the matrix of ``xform.align2d``: rotate, shift (pixels), then mirror x.

    Returns
    -------
    numpy.ndarray
        `(3, 4)`.
    """
    a = np.deg2rad(alpha_deg)
    matrix = np.zeros(_MATRIX)
    matrix[0] = np.cos(a), np.sin(a), 0, shift_x
    matrix[1] = -np.sin(a), np.cos(a), 0, shift_y
    matrix[2, 2] = 1
    if mirror:
        matrix[0] *= -1
    return matrix


def align2d_values(matrix: npt.ArrayLike) -> tuple[float, float, float, bool]:
    """Return angle in degrees (0 … 360), shift x and y in pixels and mirror of ``xform.align2d``.

    Parameters
    ----------
    matrix
        `(3, 4)`.
    """
    m = np.array(matrix, np.float64)
    mirror = bool(m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0] < 0)
    if mirror:
        m[0] *= -1
    return (
        float(np.rad2deg(np.arctan2(m[0, 1], m[0, 0]))) % 360,
        float(m[0, 3]),
        float(m[1, 3]),
        mirror,
    )


def _text(raw: object) -> str:
    if isinstance(raw, bytes):
        return raw.split(b"\0")[0].decode("utf-8", "replace")
    return str(raw).split("\0", maxsplit=1)[0]


def _write_text(group: Any, key: str, text: str) -> None:
    """Write a scalar string of fixed length that ends with NUL, as C writes it."""
    raw = text.encode()
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(raw) + 1)
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    attribute = h5py.h5a.create(group.id, key.encode(), kind, space)
    attribute.write(np.array(raw + b"\0", dtype=f"S{len(raw) + 1}"), kind)


def _int32(values: npt.NDArray[Any], key: str) -> npt.NDArray[np.int32]:
    if values.size and (values.max() > _MOST or values.min() < -_MOST - 1):
        raise ValueError(f"{key} does not fit into the 32 bits that EMAN2 has for whole numbers")
    return values.astype(np.int32)
