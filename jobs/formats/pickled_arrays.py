"""Numpy's part of a pickle: arrays, numbers and types, of every generation of numpy, checked before made."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: Kinds whose values are made of bytes: truth values, numbers, dates, text, records.
_OF_BYTES: Final = "?biufcmMSUV"


class PendingType:
    """A number type of numpy as a pickle states it: a code such as ``f8``, then a state."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code.decode("ascii") if isinstance(code, bytes) else str(code)
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        """Keep byte order, fields and size."""
        if not isinstance(state, tuple) or len(state) < 7:
            raise ValueError("the state of a number type is damaged")
        self.state = state

    def made(self) -> np.dtype[Any]:
        """Return the type, through numpy's own checks.

        Raises
        ------
        ValueError
            When it is none that holds data.
        """
        kind = self.code[:1]
        if kind == "O":
            return np.dtype(object)
        if kind not in _OF_BYTES or not kind:
            raise ValueError(f"'{self.code}' is no type of numbers")
        order, parts, names, fields, size = self.state[1:6] if self.state else ("<", None, None, None, 0)
        if parts is not None:
            return np.dtype((_type(parts[0]), parts[1]))
        if names is not None:
            described = [fields[name] for name in names]
            layout = {
                "names": [str(name) for name in names],
                "formats": [_type(d[0]) for d in described],
                "offsets": [int(d[1]) for d in described],
                "itemsize": int(size),
            }
            return np.dtype(layout)  # type: ignore[call-overload]
        made: np.dtype[Any] = np.dtype(self.code)
        if kind in "mM" and len(self.state) > 8:  # dates have a unit, such as 1 day
            unit, count = self.state[8][1][:2]
            made = np.dtype(f"{self.code}[{int(count)}{unit if isinstance(unit, str) else unit.decode()}]")
        return made.newbyteorder(">" if order in (">", b">") else "<")


class PendingArray:
    """An array of which the pickle has not told everything yet."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        """Keep shape, type and content."""
        # Before version 1 the state did not begin with its version.
        self.state = tuple(state)[-4:]
        if len(self.state) != 4:
            raise ValueError("the state of an array is damaged")

    def made(self) -> npt.NDArray[Any]:
        """Return the array; its memory is its own.

        Raises
        ------
        ValueError
            When shape, type and content do not belong together.
        """
        if not self.state:
            return np.empty(0)
        shape, kind, is_fortran, content = self.state
        order = "F" if is_fortran else "C"
        dtype = _type(kind)
        if dtype.kind == "O":
            if not isinstance(content, list) or len(content) != int(np.prod(shape)):
                raise ValueError("an array of objects is damaged")
            entries = np.empty(len(content), object)
            entries[:] = content
            return entries.reshape(shape, order=order)  # type: ignore[call-overload]
        return from_buffer(content, kind, shape, order)


def from_buffer(content: Any, kind: Any, shape: Any, order: str = "C", *_: Any) -> npt.NDArray[Any]:
    """Return an array of these bytes in the byte order of this machine.

    Raises
    ------
    ValueError
        When the bytes are not as many as the shape asks for, or the type does not consist of bytes.
    """
    dtype = _type(kind)
    if dtype.hasobject:
        raise ValueError("an array of objects cannot be made of bytes")
    raw = content.encode("latin1") if isinstance(content, str) else bytes(content)
    if dtype.itemsize * int(np.prod(shape)) != len(raw):
        raise ValueError(f"an array of {shape} numbers has {len(raw)} bytes")
    if not raw:
        return np.empty(shape, dtype)
    flat = np.frombuffer(raw, dtype)
    return np.array(flat.reshape(shape, order=order), dtype.newbyteorder("="), order=order)  # type: ignore[call-overload]


def array_of(cls: Any, *_: Any) -> Any:
    """Return a new pending array, or a stand-in of a class derived from arrays."""
    return cls()


def scalar_of(kind: Any, content: Any = b"") -> Any:
    """Return one number of numpy as a number of Python."""
    dtype = _type(kind)
    return content if dtype.kind == "O" else from_buffer(content, kind, ()).item()


def _type(kind: Any) -> np.dtype[Any]:
    if isinstance(kind, np.dtype):
        return kind
    if not isinstance(kind, PendingType):
        raise ValueError("the type of an array is damaged")
    return kind.made()
