"""Read and write pickles that hold data, and nothing else.

A pickle is a small program that calls whatever it names; here it may name only what makes plain data and
numpy arrays. Every other class becomes an inert stand-in that keeps what would have been its content, and
names of Python's own library beyond plain data are refused.
"""

from __future__ import annotations

import datetime
import io
import pickle
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from jobs.core.errors import FormatError, UserError
from jobs.formats.files import read_whole, replacing
from jobs.formats.pickled_arrays import PendingArray, PendingType, array_of, from_buffer, scalar_of

__all__ = ["DataUnpickler", "Refused", "Stub", "describe_failure", "read_pickles", "write_pickles"]


class Stub:
    """Stands in for an object of a class that is not loaded.

    Attributes
    ----------
    origin : str
        Name of the class, ``module.Class``.
    args : tuple
        What its constructor would have been called with.
    state : object
        What would have been its attributes; a dictionary for nearly every class.
    items : list
        What would have been appended or stored, for classes derived from list or dict.
    """

    origin = ""
    args: tuple[Any, ...]
    state: Any
    items: list[Any]

    def __init__(self, *args: Any, **named: Any) -> None:
        self.args = args

    def __new__(cls, *args: Any, **named: Any) -> Stub:
        """Make an empty one, also when the constructor is passed over."""
        made = super().__new__(cls)
        made.args, made.state, made.items = args, {}, []
        return made

    def __setstate__(self, state: Any) -> None:
        """Keep the state."""
        self.state = state

    def append(self, item: Any) -> None:
        """Keep an item."""
        self.items.append(item)

    def extend(self, items: list[Any]) -> None:
        """Keep items."""
        self.items.extend(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def attribute(self, name: str) -> Any:
        """Return an attribute, parameter, buffer or submodule that the object would have had, else None."""
        if not isinstance(self.state, dict):
            return None
        for place in ("_parameters", "_buffers", "_modules"):
            inner = self.state.get(place)
            if isinstance(inner, dict) and name in inner:
                return inner[name]
        return self.state.get(name)


class Refused(Exception):
    """The pickle names something that it has no business with."""


class DataUnpickler(pickle.Unpickler):
    """The restricted reader of one pickle; :meth:`load` returns plain data, arrays and :class:`Stub`."""

    def __init__(self, stream: Any) -> None:
        # Arrays that Python 2 wrote are text to Python 3; latin1 keeps every byte.
        super().__init__(stream, encoding="latin1")
        self._stubs: dict[str, type[Stub]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for: a maker of data, or a stand-in."""
        # Old files hold the names of Python 2, such as __builtin__ and copy_reg.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if full in _MAKERS:
            return _MAKERS[full]
        known = self.known(module, name)
        if known is not None:
            return known
        top = module.partition(".")[0]
        # An object of __main__ was defined in a script; everything else of Python itself is no data.
        if top in sys.stdlib_module_names and module != "__main__" and full not in _INERT:
            raise Refused(full)
        if full not in self._stubs:
            self._stubs[full] = type(name.rpartition(".")[2] or "Stub", (Stub,), {"origin": full})
        return self._stubs[full]

    def known(self, module: str, name: str) -> Any:
        """Return what else a name stands for in files of this kind, or None."""
        return None

    def persistent_load(self, pid: Any) -> Any:
        """Refuse objects that are kept outside of the pickle."""
        raise Refused("an object outside of the file")

    def load(self) -> Any:
        """Return the object, with numpy arrays in the place of what was pending."""
        return _settled(super().load(), {})


def read_pickles(path: str | Path) -> list[Any]:
    """Read all pickles that stand one after another in a file.

    Returns
    -------
    list
        The objects: plain data, numpy arrays, and :class:`Stub` for objects of all other classes.

    Raises
    ------
    FormatError
        When the file is missing, empty, damaged, or names something that is not data.
    """
    path = Path(path)
    content = read_whole(path)
    if not content:
        raise FormatError("the file is empty", path=path)
    stream = io.BytesIO(content)
    objects: list[Any] = []
    while stream.tell() < len(content):
        try:
            objects.append(DataUnpickler(stream).load())
        except Exception as error:
            raise describe_failure(error, path, len(objects)) from None
    return objects


def describe_failure(error: Exception, path: Path, n_read: int = 0) -> FormatError:
    """Return the error for people of what went wrong in reading pickle number ``n_read`` (from 0)."""
    if isinstance(error, Refused):
        return FormatError(
            f"the file asks for {error}, which no data needs; nothing of it was run",
            path=path,
            hint="It may have been made to harm; do not open it with other programs.",
        )
    if isinstance(error, RecursionError):
        return FormatError("the objects in the file are nested without end", path=path)
    where = f" behind {n_read} complete objects" if n_read else ""
    # A damaged pickle fails in any way: IndexError, TypeError, struct.error ...
    return FormatError(
        f"this is not a pickle, or it is damaged{where} ({type(error).__name__}: {error})", path=path
    )


def write_pickles(path: str | Path, *objects: Any) -> None:
    """Write objects one after another, each a pickle of protocol 4; the old file stays until all are written.

    Parameters
    ----------
    path
        Target.
    objects
        Plain data (numbers, text, lists, tuples, dictionaries, sets, dates) and numpy arrays and numbers.

    Raises
    ------
    TypeError
        When an object is neither; nothing is then written.
    UserError
        When the file cannot be written.
    """
    stream = io.BytesIO()
    for item in objects:
        _PlainPickler(stream, protocol=4).dump(item)
    if not objects:
        raise UserError("there is nothing to write", path=path)
    with replacing(path) as file:
        file.write(stream.getbuffer())


class _PlainPickler(pickle.Pickler):
    """Writes what :class:`DataUnpickler` makes data of."""

    def reducer_override(self, item: Any) -> Any:
        """Refuse classes, functions and objects of other classes than those of plain data."""
        if isinstance(item, (np.ndarray, np.generic, np.dtype, *_WRITTEN)):
            return NotImplemented
        if callable(item) and getattr(item, "__module__", "").partition(".")[0] in ("numpy", *_HOMES):
            return NotImplemented  # the makers of the above
        raise TypeError(f"{type(item).__name__} is no plain data")


def _settled(item: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """Replace pending arrays by arrays, everywhere within ``item``.

    ``seen`` holds what was met and what became of it; while it holds an object, no other has its number.
    """
    if isinstance(item, (str, bytes, int, float, complex, type, type(None))):
        return item
    if id(item) in seen:
        return seen[id(item)][1]
    if isinstance(item, PendingArray):
        made = item.made()
        seen[id(item)] = (item, made)
        if made.dtype.kind == "O":
            for place in np.ndindex(made.shape):
                made[place] = _settled(made[place], seen)
        return made
    if isinstance(item, PendingType):
        return item.made()
    if isinstance(item, tuple):
        return tuple(_settled(entry, seen) for entry in item)
    seen[id(item)] = (item, item)
    if isinstance(item, (list, deque)):
        for i, entry in enumerate(item):
            item[i] = _settled(entry, seen)
    elif isinstance(item, dict):
        for key, entry in item.items():
            item[key] = _settled(entry, seen)
    elif isinstance(item, Stub):
        item.args, item.items = _settled(item.args, seen), _settled(item.items, seen)
        item.state = _settled(item.state, seen)
    return item


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, which old pickles spell as text."""
    return text.encode("latin1" if encoding != "utf8" else "utf8")


def _no_bytes() -> bytes:
    return b""


def _bytearray(content: Any = b"", *_: Any) -> bytearray:
    # A number instead of bytes would ask for memory.
    return bytearray(content if isinstance(content, bytes) else _encoded(str(content)))


def _reconstructed(cls: Any, *_: Any) -> Any:
    if not (isinstance(cls, type) and issubclass(cls, Stub)):
        raise Refused("copyreg._reconstructor on something that is no class")
    return cls()


_INERT: Final = frozenset({"functools.partial", "argparse.Namespace", "types.SimpleNamespace"})
_WRITTEN: Final = (OrderedDict, datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
_HOMES: Final = ("collections", "datetime", "_codecs")
#: Everything that a pickle may call; each of them only makes data.
_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": defaultdict,
    "collections.Counter": Counter,
    "collections.deque": deque,
    **{f"datetime.{c.__name__}": c for c in (*_WRITTEN[1:], datetime.timezone)},
    **{
        f"builtins.{c.__name__}": c
        for c in (dict, list, tuple, set, frozenset, int, float, bool, complex, str, slice, range)
    },
    "builtins.bytes": _no_bytes,
    "builtins.bytearray": _bytearray,
    "builtins.object": Stub,
    "_codecs.encode": _encoded,
    "copyreg._reconstructor": _reconstructed,
    "numpy.dtype": PendingType,
    "numpy.ndarray": PendingArray,
    **{
        f"numpy.{core}.{name}": maker
        for core in ("core", "_core")
        for name, maker in (
            ("multiarray._reconstruct", array_of),
            ("multiarray.scalar", scalar_of),
            ("numeric._frombuffer", from_buffer),
        )
    },
    **{
        f"{module}.{name}": PurePosixPath
        for module in ("pathlib", "pathlib._local")
        for name in ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    },
}
