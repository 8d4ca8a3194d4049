"""What decides the content of files made of the input, so that a run goes on with its own and no others."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

#: Settings of a run that change what is written.
_SETTINGS: Final = (
    *("radius", "target_radius", "target_nx", "xr", "ctf", "vpp"),
    *("filament_width", "filament_mask_ignore"),
)


def working_key(images: ImageInput, settings: IsacSettings, shifts: npt.ArrayLike | None) -> dict[str, Any]:
    """Return what decides the content of working images, shifts included, as plain values."""
    moved = np.zeros((images.count, 2)) if shifts is None else np.asarray(shifts, np.float64)
    return {**input_key(images, settings), "shifts": hashlib.blake2b(moved.tobytes()).hexdigest()}


def input_key(images: ImageInput, settings: IsacSettings) -> dict[str, Any]:
    """Return what decides the content of working images."""
    status = images.path.stat()
    chosen = {name: value for name, value in asdict(settings).items() if name in _SETTINGS}
    source = [str(images.path.absolute()), status.st_size, status.st_mtime_ns]
    return {"input": source, "box": images.box, "pixel_size_a": images.pixel_size_a, **chosen}
