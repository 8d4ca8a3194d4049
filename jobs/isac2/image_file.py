"""A file of many small arrays that is written block by block and, after a kill, gone on with."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.files import reason, replacing

# Progress is noted, and the disk waited for, once per so many bytes.
_NOTED_BYTES: Final = 1 << 26


class ImageFile:
    """A ``.npy`` file ``(n, …)`` that grows under a temporary name and takes its own when it is complete.

    Beside it lies ``<name>.json`` with the key of what it holds: a file of another input or other settings is
    written anew.

    Parameters
    ----------
    path
        The file, ``….npy``.
    shape
        Of the whole array.
    dtype
        Of its numbers.
    key
        Everything that decides its content, as plain values.
    begin
        False only looks whether the complete file is there.

    Attributes
    ----------
    done
        Rows that are written.

    Raises
    ------
    UserError
        When the disk has no room for the whole file, or the folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        key: dict[str, Any],
        *,
        begin: bool = True,
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._key = hashlib.blake2b(
            json.dumps([key, shape, self.dtype.str], sort_keys=True).encode(), digest_size=16
        ).hexdigest()
        self._partial = path.with_suffix(".part.npy")
        self._noted = 0
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * self.dtype.itemsize
        self._descriptor: int | None = None
        if path.exists() and self._note(path.with_suffix(".json")).get("key") == self._key:
            self.done = shape[0]
            return
        self.done = 0
        if not begin:
            return
        note = self._note(self._partial.with_suffix(".json"))
        try:
            if self._partial.exists() and note.get("key") == self._key:
                self.done = int(note["done"])
            else:
                self._make()
            self._offset = self._partial.stat().st_size - shape[0] * self._row_bytes
            self._descriptor = os.open(self._partial, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise self._failed(error) from error
        self._noted = self.done

    @property
    def complete(self) -> bool:
        """Whether nothing is left to write."""
        return self.done == self.shape[0] and self._descriptor is None

    def write(self, rows: npt.NDArray[Any]) -> None:
        """Append rows ``(b, …)`` after those that are done."""
        data = np.ascontiguousarray(rows, self.dtype)
        if self._descriptor is None or data.shape[1:] != self.shape[1:]:
            raise ValueError(f"rows of {data.shape} do not belong to a file of {self.shape}")
        view, place = data.view(np.uint8).reshape(-1).data, self._offset + self.done * self._row_bytes
        written = 0
        try:
            while written < len(view):
                written += os.pwrite(self._descriptor, view[written:], place + written)
            self.done += len(data)
        except OSError as error:
            raise self._failed(error) from error

    @property
    def due(self) -> bool:
        """Whether so much is written since the last note that it is time for the next."""
        return (self.done - self._noted) * self._row_bytes >= _NOTED_BYTES

    def note(self) -> None:
        """Make what is written safe: after a kill, work goes on from here."""
        if self._descriptor is not None:
            try:
                self._store(self._partial.with_suffix(".json"))
            except OSError as error:
                raise self._failed(error) from error

    def rewind(self, row: int) -> None:
        """Write again from a row that is done on; nothing happens to a complete file."""
        if row > self.done:
            raise ValueError(f"only {self.done} rows are done")
        if self._descriptor is not None:
            self.done = self._noted = row

    def rows(self) -> npt.NDArray[Any]:
        """Return the rows written so far, as a copy."""
        path = self.path if self._descriptor is None else self._partial
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[: self.done])

    def finish(self) -> None:
        """Give the complete file its name."""
        if self._descriptor is None:
            return
        if self.done != self.shape[0]:
            raise ValueError(f"{self.done} of {self.shape[0]} rows are written")
        try:
            os.fsync(self._descriptor)
            self.close()
            # The note of an old file must not vouch for the new one, nor the other way round.
            self.path.with_suffix(".json").unlink(missing_ok=True)
            self._partial.replace(self.path)
            self._store(self.path.with_suffix(".json"))
            self._partial.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Note what is done and close the file."""
        if self._descriptor is not None:
            if self.done < self.shape[0]:
                self._store(self._partial.with_suffix(".json"))
            os.close(self._descriptor)
            self._descriptor = None

    def open(self) -> npt.NDArray[Any]:
        """Return the complete array, mapped into memory, read-only.

        Raises
        ------
        UserError
            When it cannot be read.
        """
        try:
            return np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"the working images cannot be read: {error}", path=self.path) from error

    def remove(self) -> None:
        """Delete the file and its notes."""
        self.close()
        for path in (self.path, self._partial):
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._partial.with_suffix(".json").unlink(missing_ok=True)
        with self._partial.open("wb") as file:
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            # A mapped file without room on the disk would end the process where it is read or written.
            os.posix_fallocate(file.fileno(), file.tell(), max(1, self.shape[0] * self._row_bytes))

    def _store(self, note: Path) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)
        with replacing(note) as file:
            file.write(json.dumps({"key": self._key, "done": self.done}).encode())
        self._noted = self.done

    @staticmethod
    def _note(path: Path) -> dict[str, Any]:
        try:
            note = json.loads(path.read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _failed(self, error: OSError) -> UserError:
        return UserError(
            f"working images of {self.shape[0] * self._row_bytes / 1e9:.2f} GB cannot be written: "
            f"{reason(error)}",
            path=self.path,
            hint="Make room, and continue the job",
        )
