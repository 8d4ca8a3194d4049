"""Write stacks of images or volumes as HDF files of EMAN2 and SPHIRE."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.formats.eman_attributes import PREFIX, write_value
from jobs.formats.files import reason

IMAGES: Final = "/MDF/images"
LAST: Final = "imageid_max"
# Attributes of old-style headers must stay below 64 KiB; other attributes need some room too.
_LONGEST_ATTRIBUTE = 60_000
_DIMENSIONS = (2, 3)


def write_eman_stack(
    path: str | Path,
    images: Iterable[npt.NDArray[Any]],
    attributes: Iterable[Mapping[str, object]] | None = None,
    pixel_size_a: float | None = None,
) -> None:
    """Write an EMAN2 HDF stack; an old file stays until the new one is complete.

    Parameters
    ----------
    path
        Target.
    images
        `(y, x)` images or `(z, y, x)` volumes, one after the other; they become float32.
    attributes
        Header values of each image, without the prefix ``EMAN.``: bool, int, float, str, `(3, 4)` matrix,
        list of numbers. Sizes and statistics are added. Lists beyond 64 KiB (15,000 members) make the
        file one of HDF5 1.8, which programs from before 2008 cannot read.
    pixel_size_a
        Pixel size in Å, when known.

    Raises
    ------
    UserError
        When the file cannot be written.
    ValueError
        When there are no images, or the numbers of images and attributes differ.
    """
    target = Path(path)
    heads = None if attributes is None else [dict(a) for a in attributes]
    longest = max(
        (np.asarray(v).size * 4 for a in heads or [] for v in a.values() if not isinstance(v, str)), default=0
    )
    version = "v108" if longest > _LONGEST_ATTRIBUTE else "earliest"
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with h5py.File(temporary, "w", libver=(version, "v108")) as file:
            group = file.create_group(IMAGES)
            count = 0
            for image in images:
                if heads is not None and count >= len(heads):
                    raise ValueError(f"there are attributes of {len(heads):,} images, but more images")
                _write_image(group, count, image, {} if heads is None else heads[count], pixel_size_a)
                count += 1
            if not count or (heads is not None and count != len(heads)):
                raise ValueError(
                    f"{count:,} images with the attributes of {len(heads or [])} cannot be written"
                )
            group.attrs.create(LAST, np.array([count - 1], np.int32))
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    except OSError as error:
        raise UserError(
            f"the file could not be written: {reason(error)}",
            path=target,
            hint="Nothing was changed; make room or choose another folder, then try again.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_image(
    images: Any, number: int, image: npt.NDArray[Any], header: Mapping[str, object], pixel: float | None
) -> None:
    data = np.ascontiguousarray(image, np.float32)
    if data.ndim not in _DIMENSIONS:
        raise ValueError(f"an image has two axes and a volume three, not {data.ndim}")
    size = [1, *data.shape] if data.ndim == 2 else list(data.shape)
    group = images.create_group(str(number))
    group.create_dataset("image", data=data)
    values: dict[str, object] = dict(zip(("nz", "ny", "nx"), size, strict=True))
    exact = data.astype(np.float64)
    values |= {"mean": float(exact.mean()), "sigma": float(exact.std(ddof=1)) if data.size > 1 else 0.0}
    values |= {"minimum": float(data.min()), "maximum": float(data.max())}
    if pixel is not None:
        values |= {"apix_x": float(pixel), "apix_y": float(pixel), "apix_z": float(pixel)}
    for name, value in {**values, **header}.items():
        write_value(group, PREFIX + name, value)
