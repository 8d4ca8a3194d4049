"""Read stacks of images or volumes in the HDF files of EMAN2, SPHIRE and Dynamo's exchange; write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.eman_attributes import PREFIX, read_value
from jobs.formats.eman_hdf_write import IMAGES, LAST, write_eman_stack
from jobs.formats.files import unreadable

__all__ = ["EmanStack", "write_eman_stack"]

_REQUIRED: Final = object()


class EmanStack:
    """Images or volumes of an EMAN2 HDF file, read from the disk when asked for.

    Parameters
    ----------
    path
        File.

    Raises
    ------
    FormatError
        When the file is missing, no HDF5 file, cut short, of EMAN's first layout, or holds no images.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _opened(self.path)
        try:
            if "num_dataset" in self._file.attrs:
                raise FormatError(
                    "the stack has the layout of EMAN1 (num_dataset), which is not read",
                    path=self.path,
                    hint="Convert it with EMAN2: e2proc2d.py old.hdf new.hdf.",
                )
            if IMAGES not in self._file or LAST not in self._file[IMAGES].attrs:
                raise FormatError(
                    "this HDF5 file holds no EMAN2 images (/MDF/images is missing)",
                    path=self.path,
                    hint="Choose a stack that EMAN2 or SPHIRE wrote.",
                )
            self._images = self._file[IMAGES]
            self._n = int(np.asarray(self._images.attrs[LAST]).reshape(-1)[0]) + 1
            if self._n < 1:
                raise FormatError("the stack holds no images", path=self.path)
        except OSError as error:
            self._file.close()
            raise self._damaged(error) from error
        except FormatError:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._n

    def shape(self, i: int) -> tuple[int, ...]:
        """Return the size of image `i`: `(y, x)`, or `(z, y, x)` of a volume."""
        return _without_one(tuple(int(k) for k in self._dataset(i).shape))

    def present(self) -> npt.NDArray[np.bool_]:
        """Return `(n,)` True where the image is there: EMAN2 allows gaps."""
        there = np.zeros(self._n, bool)
        found = [int(name) for name in self._images if name.isascii() and name.isdigit()]
        there[[i for i in found if i < self._n]] = True
        return there

    def image(self, i: int) -> npt.NDArray[np.float32]:
        """Return image `(y, x)` or volume `(z, y, x)` number `i`, from 0, as float32.

        Raises
        ------
        IndexError
            When there is no such number.
        FormatError
            When the image is missing or damaged.
        """
        # The plain interface of HDF5 is three times as fast here as objects of groups and datasets.
        name, place = str(i).encode(), self._images.id
        try:
            dataset = h5py.h5d.open(place, name + b"/image")
            data = np.empty(dataset.shape, np.float32)
            dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, data)
            packed = h5py.h5a.exists(place, b"EMAN.stored_renderbits", obj_name=name)
        except (KeyError, OSError) as error:
            self._group(i)  # says when the image is not there at all, or its number is wrong
            raise self._damaged(error, i) from error
        bits = self._optional(i, "stored_renderbits") if packed else 0
        if bits > 0:
            low = float(self._optional(i, "stored_rendermin") or 0.0)
            high = float(self._optional(i, "stored_rendermax") or 0.0)
            data = (data.astype(np.float64) / (2 ** int(bits) - 1) * (high - low) + low).astype(np.float32)
        return data.reshape(_without_one(data.shape))

    def images(
        self, indices: npt.ArrayLike, out: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return images `(b, y, x)` float32 of these numbers, in the order asked for; all of one size.

        Parameters
        ----------
        indices
            `(b,)` numbers from 0.
        out
            Array to fill.
        """
        wanted = np.atleast_1d(np.asarray(indices, np.int64))
        if out is None:
            size = self.shape(int(wanted[0]) if len(wanted) else 0)
            out = np.empty((len(wanted), *size), np.float32)
        for row, i in enumerate(wanted.tolist()):
            image = self.image(i)
            if image.shape != out.shape[1:]:
                raise FormatError(
                    f"image {i} is {_by(image.shape)} pixels, but {_by(out.shape[1:])} are expected",
                    path=self.path,
                )
            out[row] = image
        return out

    def attributes(self, i: int) -> dict[str, Any]:
        """Return all header values of image `i` without the prefix ``EMAN.``.

        Numbers, strings and bools are Python's; transforms `(3, 4)` matrices; lists 1-D arrays.
        """
        group = self._group(i)
        try:
            return {
                key.removeprefix(PREFIX): read_value(group, key)
                for key in group.attrs
                if key.startswith(PREFIX)
            }
        except OSError as error:
            raise self._damaged(error, i) from error

    def attribute(self, name: str, default: Any = _REQUIRED) -> list[Any]:
        """Return one header value of all images.

        Parameters
        ----------
        name
            Name without the prefix ``EMAN.``.
        default
            Value of images without it.

        Raises
        ------
        FormatError
            When an image lacks it and no default is given.
        """
        values = []
        for i in range(self._n):
            value = self._optional(i, name)
            if value is None and default is _REQUIRED:
                raise FormatError(f"image {i} has no {name} in its header", path=self.path)
            values.append(default if value is None else value)
        return values

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> EmanStack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _optional(self, i: int, name: str) -> Any:
        group = self._group(i)
        try:
            return read_value(group, PREFIX + name) if PREFIX + name in group.attrs else None
        except OSError as error:
            raise self._damaged(error, i) from error

    def _group(self, i: int) -> Any:
        if not 0 <= i < self._n:
            raise IndexError(f"image {i} is not one of 0 … {self._n - 1}")
        try:
            return self._images[str(i)]
        except KeyError as error:
            raise FormatError(
                f"image {i} of {self._n} is missing in the stack",
                path=self.path,
                hint="Was it being written when its program ended? Write it anew.",
            ) from error
        except OSError as error:
            raise self._damaged(error, i) from error

    def _dataset(self, i: int) -> Any:
        group = self._group(i)
        try:
            return group["image"]
        except (KeyError, OSError) as error:
            raise self._damaged(error, i) from error

    def _damaged(self, error: Exception, i: int | None = None) -> FormatError:
        what = "the stack" if i is None else f"image {i}"
        return FormatError(f"{what} is damaged or cut short ({error})", path=self.path)


def _opened(path: Path) -> Any:
    try:
        with path.open("rb"):
            pass
        return h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        if error.errno is not None and not path.is_file():
            raise unreadable(path, error) from error
        text = str(error)
        if "truncated" in text or "eof" in text.lower():
            raise FormatError(
                "the stack is cut short",
                path=path,
                hint="Copy it again, or let the program that writes it finish.",
            ) from error
        raise FormatError("this is not a readable HDF5 file", path=path, hint=text) from error


def _without_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A single section is an image, however many axes it was stored with."""
    return shape[-2:] if len(shape) == 3 and shape[0] == 1 else shape


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(str(k) for k in reversed(shape))
