"""The unpickler that makes data and nothing else, extended by the tensors of torch's checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from jobs.formats import pickles
from jobs.formats.pickles import Refused, Stub

__all__ = ["DataUnpickler", "Refused", "Stub"]

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


class DataUnpickler(pickles.DataUnpickler):
    """The restricted reader with tensors; who derives from it says where the numbers of a storage lie."""

    def known(self, module: str, name: str) -> Any:
        """Return the makers of tensors and torch's number types."""
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _DTYPES[name]
        if module.partition(".")[0] == "torch" and "." not in name:
            kind = getattr(torch, name, None)
            if isinstance(kind, torch.dtype):
                return kind
        return _MAKERS.get(f"{module}.{name}")

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


#: What makes tensors.
_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.Size": tuple,
}
