"""Reading the checkpoints of other programs without running anything that stands in them.

A checkpoint of torch is a zip archive: ``data.pkl`` describes the objects, ``data/<key>`` hold the numbers.
Before torch 1.6, and on request since, the same stands in one stream: some words about the file, the objects,
the keys of the storages, then for each the number of values (int64) and the values.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any, Final

import torch

from jobs.core.errors import FormatError
from jobs.dynamight.original_unpickler import DataUnpickler, Refused, Stub

__all__ = ["Stub", "is_legacy", "read_original"]

#: A description larger than this is none of a network (bytes); it would be unpacked into memory.
_MAX_DESCRIPTION: Final = 1 << 29
#: Begin of a file that is one stream: pickle, protocol 2, of a long number, and that number.
_STREAM: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def is_legacy(path: Path) -> bool:
    """Whether a file is of the form before torch 1.6; False when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_STREAM)) == _STREAM
    except OSError:
        return False


def read_original(path: Path) -> Any:
    """Read a checkpoint of another program.

    Parameters
    ----------
    path: Path
        File written by ``torch.save``.

    Returns
    -------
    object
        What was saved: plain data, tensors on the CPU, and :class:`Stub` for objects of all other classes.

    Raises
    ------
    FormatError
        If it is no such file, damaged, or names something that is not data.
    """
    try:
        if is_legacy(path):
            with path.open("rb") as file:
                return _read_stream(file, path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            found = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
            if len(found) != 1:
                raise FormatError("this is a zip archive, but not a checkpoint of torch", path=path)
            root = found[0].removesuffix("data.pkl")
            if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
                raise FormatError("the checkpoint was written on a computer of other byte order", path=path)
            if archive.getinfo(found[0]).file_size > _MAX_DESCRIPTION:
                raise FormatError("the description of the objects is too large to be one", path=path)
            with archive.open(found[0]) as stream:
                return _ArchiveReader(stream, archive, root).load()
    except FileNotFoundError:
        raise FormatError("the checkpoint does not exist", path=path) from None
    except zipfile.BadZipFile:
        raise FormatError("this is not a checkpoint, or it is cut off", path=path) from None
    except Refused as refusal:
        raise FormatError(
            f"the file asks for {refusal}, which no checkpoint needs; nothing of it was run",
            path=path,
            hint="It may have been made to harm; do not open it with other programs.",
        ) from None
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"the checkpoint cannot be read ({error.strerror})", path=path) from None
    except RecursionError:
        raise FormatError("the objects in the checkpoint are nested without end", path=path) from None
    except Exception as error:
        # A damaged pickle fails in any way: IndexError, TypeError, struct.error, RuntimeError of torch ...
        what = f"{type(error).__name__}: {error}"
        raise FormatError(f"the checkpoint is damaged ({what})", path=path) from None


class _ArchiveReader(DataUnpickler):
    """The reader of one archive."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(stream)
        self._archive, self._root = archive, root
        self._storages: dict[str, torch.Tensor] = {}

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        """Return the numbers of a storage, ``(n,)``."""
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._root}data/{key}"))
            empty = torch.empty(0, dtype=dtype)
            self._storages[key] = torch.frombuffer(content, dtype=dtype) if content else empty
        numbers = self._storages[key]
        if numbers.dtype != dtype or (dtype is not torch.uint8 and len(numbers) < count):
            raise ValueError(f"storage {key} holds {len(numbers)} numbers, {count} were expected")
        return numbers


class _StreamReader(DataUnpickler):
    """The reader of the objects in one stream: storages are made empty and filled later."""

    def __init__(self, stream: Any, storages: dict[str, torch.Tensor], n_bytes: int) -> None:
        super().__init__(stream)
        self._storages, self._left = storages, n_bytes

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        """Return a storage ``(n,)`` that is yet to be filled."""
        if key not in self._storages:
            self._left -= count * dtype.itemsize
            if count < 0 or self._left < 0:
                raise ValueError(f"storage {key} is said to be larger than the file")
            self._storages[key] = torch.zeros(count, dtype=dtype)
        if self._storages[key].dtype != dtype:
            raise ValueError(f"storage {key} is said to hold numbers of two types")
        return self._storages[key]


def _read_stream(file: IO[bytes], n_bytes: int) -> Any:
    storages: dict[str, torch.Tensor] = {}
    for _ in range(3):  # the long number, the version, words about the computer
        _StreamReader(file, {}, 0).load()
    content = _StreamReader(file, storages, n_bytes).load()
    keys = _StreamReader(file, {}, 0).load()
    for key in keys:
        storage = storages[str(key)]
        count = int.from_bytes(file.read(8), "little")
        values = bytearray(file.read(count * storage.dtype.itemsize))
        if count != len(storage) or len(values) != count * storage.dtype.itemsize:
            raise ValueError(f"storage {key} is cut off")
        if count:
            storage.copy_(torch.frombuffer(values, dtype=storage.dtype))
    return content
