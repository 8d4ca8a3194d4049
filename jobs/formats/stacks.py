"""Read particle images by number from their stacks, quickly, from several threads, as float32."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.files import reason
from jobs.formats.mrc_header import MapHeader, read_map_header

# Files kept open at the same time; systems commonly allow a process 1024.
_OPEN_FILES = 256
# Neighbouring sections further apart than this are read in separate portions.
_PORTION_BYTES = 1 << 26


class HasImages(Protocol):
    """What is needed of a particle set: paths, and file and section of every particle."""

    @property
    def stacks(self) -> list[Path]:
        """Image files."""

    @property
    def stack(self) -> npt.NDArray[np.int64]:
        """`(n,)` index into ``stacks``."""

    @property
    def section(self) -> npt.NDArray[np.int64]:
        """`(n,)` section, from 0."""


class ImageStacks:
    """Images of a particle set, read from the disk when asked for, or held in memory.

    Each file is opened once and kept open (up to 256 at a time). Images are fetched by position instead of
    mapping the files into memory: the system's cache serves both alike, but a stack that is cut or replaced
    while a job runs then ends in a sentence, where a mapping would end the process; and network file systems
    deliver runs of images instead of single pages. All methods may be called from several threads.

    Parameters
    ----------
    particles
        Particle set (or anything with ``stacks``, ``stack`` and ``section``).
    preload
        Read all images now and keep them in memory, in the type of the files: float16 stays float16.

    Attributes
    ----------
    box
        Image size in pixels.
    dtype
        Type of the images on the disk; float32 when stacks differ.
    n
        Number of images.

    Raises
    ------
    FormatError
        When a stack is missing, truncated, or of another box than the first.
    """

    def __init__(self, particles: HasImages, preload: bool = False) -> None:
        self._paths = list(particles.stacks)
        self._stack = np.ascontiguousarray(particles.stack, np.int64)
        self._section = np.ascontiguousarray(particles.section, np.int64)
        self.n = len(self._stack)
        if not self.n:
            raise ValueError("a particle set without particles has no images")
        self._headers: dict[int, MapHeader] = {}
        self._last = np.zeros(len(self._paths), np.int64)
        np.maximum.at(self._last, self._stack, self._section)
        for i in np.unique(self._stack).tolist():
            self._headers[i] = self._checked_header(i)
        first = next(iter(self._headers.values()))
        self.box = first.shape[2]
        dtypes = {h.dtype.newbyteorder("=") for h in self._headers.values()}
        self.dtype: np.dtype[Any] = dtypes.pop() if len(dtypes) == 1 else np.dtype(np.float32)
        self._lock = threading.Lock()
        self._files: OrderedDict[int, _OpenFile] = OrderedDict()
        self._images: npt.NDArray[Any] | None = None
        if preload:
            images = np.empty((self.n, self.box, self.box), self.dtype)
            self._fetch(np.arange(self.n), images)
            self.close()
            self._images = images

    def __len__(self) -> int:
        return self.n

    @property
    def nbytes(self) -> int:
        """Bytes that all images take in memory when preloaded."""
        return self.n * self.box * self.box * self.dtype.itemsize

    def read(
        self, indices: npt.ArrayLike, out: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return images `(b, y, x)` float32 of these particles, in the order asked for.

        Parameters
        ----------
        indices
            `(b,)` particle numbers from 0, in any order; they are fetched file by file in order of section.
        out
            Array to fill, `(b, box, box)` float32.

        Raises
        ------
        IndexError
            When a number is outside the set.
        FormatError
            When a stack has become shorter or unreadable since it was opened.
        """
        wanted = np.atleast_1d(np.asarray(indices)).astype(np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.n):
            raise IndexError(
                f"image numbers from 0 to {self.n - 1} are expected, not {wanted.min()} … {wanted.max()}"
            )
        images = np.empty((len(wanted), self.box, self.box), np.float32) if out is None else out
        if self._images is not None:
            images[:] = self._images[wanted]
        else:
            self._fetch(wanted, images)
        return images

    def close(self) -> None:
        """Close the files; they are opened again when needed."""
        with self._lock:
            for key in [k for k, f in self._files.items() if not f.users]:
                os.close(self._files.pop(key).descriptor)

    def __enter__(self) -> ImageStacks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()

    def __getstate__(self) -> dict[str, object]:
        """Leave open files and the lock behind when handed to another process."""
        return {**self.__dict__, "_files": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def _checked_header(self, stack: int) -> MapHeader:
        header = read_map_header(self._paths[stack], permissive=True)
        _, height, width = header.shape
        box = next(iter(self._headers.values())).shape[2] if self._headers else width
        if height != box or width != box:
            raise FormatError(
                f"the images are {width} × {height} pixels, but {box} × {box} are expected", path=header.path
            )
        expected = max(header.shape[0], int(self._last[stack]) + 1)
        if header.sections_present < expected:
            raise FormatError(
                f"the stack holds {header.sections_present} complete images, but {expected} are expected",
                path=header.path,
            )
        return header

    def _fetch(self, wanted: npt.NDArray[np.int64], out: npt.NDArray[Any]) -> None:
        """Fill ``out`` with the wanted images, converted to its type."""
        order = np.lexsort((self._section[wanted], self._stack[wanted]))
        stack, section = self._stack[wanted][order], self._section[wanted][order]
        a = 0
        while a < len(order):
            header = self._headers[int(stack[a])]
            most = max(1, _PORTION_BYTES // header.section_bytes)
            b = a + 1
            while (
                b < len(order)
                and b - a < most
                and stack[b] == stack[a]
                and section[b] - section[b - 1] in (0, 1)
            ):
                b += 1
            first, last = int(section[a]), int(section[b - 1])
            run = self._read_sections(int(stack[a]), header, first, last - first + 1)
            out[order[a:b]] = run[section[a:b] - first]
            a = b

    def _read_sections(self, stack: int, header: MapHeader, first: int, count: int) -> npt.NDArray[Any]:
        if first + count > header.shape[0]:
            raise FormatError(
                f"image {first + count} is wanted of a stack that holds only {header.shape[0]}",
                path=header.path,
            )
        run = np.empty((count, self.box, self.box), header.dtype)
        view = run.view(np.uint8).reshape(-1).data
        offset, done = header.data_offset + first * header.section_bytes, 0
        with self._opened(stack) as descriptor:
            while done < len(view):
                try:
                    got = os.preadv(descriptor, [view[done:]], offset + done)
                except OSError as error:
                    raise FormatError(
                        f"the stack cannot be read: {reason(error)}", path=header.path
                    ) from error
                if not got:
                    raise FormatError(
                        f"the stack ends at byte {offset + done}, but image {first + count} needs "
                        f"{offset + len(view)}",
                        path=header.path,
                        hint="It was complete when the job began; was it replaced?",
                    )
                done += got
        return run

    @contextlib.contextmanager
    def _opened(self, stack: int) -> Iterator[int]:
        """Give the descriptor of an open stack; it is not closed while in use."""
        with self._lock:
            file = self._files.get(stack)
            if file is None:
                self._make_room()
                try:
                    file = _OpenFile(os.open(self._paths[stack], os.O_RDONLY | os.O_CLOEXEC))
                except OSError as error:
                    raise FormatError(
                        f"the stack cannot be opened: {reason(error)}", path=self._paths[stack]
                    ) from error
                self._files[stack] = file
            self._files.move_to_end(stack)
            file.users += 1
        try:
            yield file.descriptor
        finally:
            with self._lock:
                file.users -= 1

    def _make_room(self) -> None:
        """Close the files that were idle longest, if too many are open. The lock is held."""
        idle = [k for k, f in self._files.items() if not f.users]
        for key in idle[: max(0, len(self._files) + 1 - _OPEN_FILES)]:
            os.close(self._files.pop(key).descriptor)


class _OpenFile:
    """A descriptor and how many readers use it now."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.users = 0
