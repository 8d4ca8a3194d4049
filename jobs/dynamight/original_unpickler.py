"""An unpickler that makes data and nothing else, for checkpoints of other programs.

A pickle is a small program that calls whatever it names; here it may name only what makes data. Every other
class becomes an inert stand-in that keeps what would have been its content, and names of Python's own library
beyond plain data are refused.
"""

from __future__ import annotations

import pickle
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Final

import torch

_DTYPES: Final[dict[str, torch.dtype]] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}


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
    """The restricted reader; who derives from it says where the numbers of a storage lie."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._stubs: dict[str, type[Stub]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for: a maker of data, or a stand-in."""
        # torch writes the names of Python 2, such as __builtin__ and copy_reg.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if full in _MAKERS:
            return _MAKERS[full]
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _DTYPES[name]
        top = module.partition(".")[0]
        if top == "torch" and "." not in name and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        # An object of __main__ was defined in a script; everything else of Python itself is no data.
        if top in sys.stdlib_module_names and module != "__main__" and full != "functools.partial":
            raise Refused(full)
        if full not in self._stubs:
            self._stubs[full] = type(name.rpartition(".")[2] or "Stub", (Stub,), {"origin": full})
        return self._stubs[full]

    def persistent_load(self, pid: Any) -> Any:
        """Return the numbers of a storage, ``(n,)``, or the class that a module is said to be of."""
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module":
            # Old files put the source of a class beside its name; nobody reads it.
            return pid[1]
        if not isinstance(pid, tuple) or len(pid) < 5:
            raise Refused("a stored object of unknown kind")
        kind, dtype, key, _, count = pid[:5]
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise Refused(f"a stored object of kind '{kind}'")
        if len(pid) > 5 and pid[5] is not None:
            raise ValueError("the file shares storages in a way that only very old ones do")
        return self.storage(str(key), dtype, int(count))

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        """Return the numbers of a storage, ``(n,)``."""
        raise NotImplementedError


def _tensor(storage: torch.Tensor, offset: int, size: Any, stride: Any, *_: Any) -> torch.Tensor:
    """Make a tensor of a storage; torch checks that it lies within."""
    return storage.as_strided(tuple(size), tuple(stride), int(offset))


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, which old pickles spell as text."""
    return text.encode("latin1" if encoding != "utf8" else "utf8")


def _no_bytes() -> bytes:
    return b""


def _reconstructed(cls: Any, *_: Any) -> Any:
    if not (isinstance(cls, type) and issubclass(cls, Stub)):
        raise Refused("copyreg._reconstructor on something that is no class")
    return cls()


class _NumpyType:
    """A number type of numpy: its code, such as ``f8``."""

    def __init__(self, code: str = "", *_: Any) -> None:
        self.code, self.order = str(code), "<"

    def __setstate__(self, state: Any) -> None:
        """Keep the byte order."""
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else "<"


def _numpy_scalar(kind: Any, content: Any = b"") -> Any:
    import numpy as np

    code = kind.code if isinstance(kind, _NumpyType) else ""
    if not isinstance(content, bytes) or code[:1] not in "biufc" or not code:
        return Stub(code)
    return np.frombuffer(content, np.dtype(f"{'>' if kind.order == '>' else '<'}{code}"))[0].item()


#: Everything that a pickle may call; each of them only makes data.
_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.Size": tuple,
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": defaultdict,
    "builtins.dict": dict,
    "builtins.list": list,
    "builtins.tuple": tuple,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "builtins.int": int,
    "builtins.float": float,
    "builtins.bool": bool,
    "builtins.complex": complex,
    "builtins.str": str,
    "builtins.slice": slice,
    "builtins.bytes": _no_bytes,
    "builtins.object": Stub,
    "_codecs.encode": _encoded,
    "copyreg._reconstructor": _reconstructed,
    "numpy.dtype": _NumpyType,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    **{
        f"{module}.{name}": PurePosixPath
        for module in ("pathlib", "pathlib._local")
        for name in ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    },
}
