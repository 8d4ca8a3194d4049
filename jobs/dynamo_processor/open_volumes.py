"""Volumes on disk of which parts are read: only the rows of a box, by several threads at once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import IntArray
from jobs.formats.files import unreadable
from jobs.formats.mrc_header import MapHeader, read_map_header


class OpenVolumes:
    """The volumes that are being cut."""

    def __init__(self) -> None:
        self._open: dict[str, OpenVolume] = {}

    def open(self, volumes: npt.NDArray[np.object_]) -> None:
        """Open these volumes, and let the others go."""
        wanted = dict.fromkeys(str(volume) for volume in volumes)
        for name in [name for name in self._open if name not in wanted]:
            self._open.pop(name).close()
        for name in wanted:
            if name not in self._open:
                self._open[name] = OpenVolume(name)

    def volume(self, name: str) -> OpenVolume:
        """Return an open volume."""
        return self._open[name]

    def close(self) -> None:
        """Let all go."""
        for volume in self._open.values():
            volume.close()
        self._open.clear()


class OpenVolume:
    """An MRC volume of which parts are read, by several threads if wanted.

    Parameters
    ----------
    path
        File.

    Raises
    ------
    UserError
        When the file is no MRC volume, truncated, or has its axes in another order.
    """

    def __init__(self, path: str | Path) -> None:
        header: MapHeader = read_map_header(path, permissive=True)
        if header.sections_present < header.shape[0]:
            what = f"the file is truncated: it holds {header.sections_present} of {header.shape[0]} sections"
            raise UserError(what, path=path)
        if header.axes != (0, 1, 2):
            raise UserError("columns, rows and sections do not run along x, y and z", path=path)
        self.path, self.shape = Path(path), header.shape
        self._dtype, self._offset = header.dtype, header.data_offset
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(path, error) from error

    def part(self, low: IntArray, high: IntArray) -> npt.NDArray[np.float32]:
        """Return the voxels ``low`` to ``high`` (z, y, x; the end not included).

        Whole rows are read at once: mapping the file instead takes a page fault for every row of the box.

        Raises
        ------
        UserError
            When the file cannot be read any more.
        """
        (z0, y0, x0), (z1, y1, x1) = low.tolist(), high.tolist()
        _, ny, nx = self.shape
        found = np.empty((z1 - z0, y1 - y0, x1 - x0), np.float32)
        bytes_ = (y1 - y0) * nx * self._dtype.itemsize
        for k, z in enumerate(range(z0, z1)):
            start = self._offset + (z * ny + y0) * nx * self._dtype.itemsize
            try:
                raw = os.pread(self._file, bytes_, start)
            except OSError as error:
                raise unreadable(self.path, error) from error
            if len(raw) < bytes_:
                raise UserError("the file has become shorter while it was read", path=self.path)
            found[k] = np.frombuffer(raw, self._dtype).reshape(y1 - y0, nx)[:, x0:x1]
        return found

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
