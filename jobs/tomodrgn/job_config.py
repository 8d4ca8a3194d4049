"""``config.pkl``: what a training was told, as this program and both generations of tomoDRGN write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.pickles import Stub, read_pickles, write_pickles

CONFIG: Final = "config.pkl"
OURS, NEW, OLD = "heteroscope", "original 1", "original 0"
#: The key by which a file of ours is told.
_MARK: Final = "heteroscope"
_PARTS: Final = ("dataset_args", "lattice_args", "model_args", "training_args")


@dataclass(frozen=True)
class JobConfig:
    """The settings of a training, whoever wrote them.

    Attributes
    ----------
    path
        The file.
    generation
        ``heteroscope``, ``original 1`` (version 1.0 and later) or ``original 0`` (before).
    kind
        ``train_vae`` or ``train_nn``.
    zdim
        Dimensions of the latent space, 0 for ``train_nn``.
    box
        Side of the images in pixels.
    extent
        Largest frequency in cycles per pixel.
    pixel_size_a
        In Å; None where the file does not say.
    norm
        What was subtracted from and what divided Fourier coefficients.
    star, filtered_star, datadir
        Particle file, the same as it was used (None where none was written), and folder of the images.
    angpix, dose_override
        What overruled the particle file, None where nothing did.
    indices, image_indices
        Particles and images that were chosen from ``star``; None = all.
    parts
        All that the file holds, plain: unknown objects are replaced by the names of their classes.
    """

    path: Path
    generation: str
    kind: str
    zdim: int
    box: int
    extent: float
    pixel_size_a: float | None
    norm: tuple[float, float]
    star: str
    filtered_star: str | None
    datadir: str
    angpix: float | None
    dose_override: float | None
    indices: np.ndarray | str | None
    image_indices: np.ndarray | str | None
    parts: dict[str, Any]

    @property
    def model(self) -> dict[str, Any]:
        """Shapes of the networks, by the names of whoever wrote the file."""
        return self.parts["model_args"]

    @property
    def dataset(self) -> dict[str, Any]:
        """How images were read."""
        return self.parts["dataset_args"]


def write_config(path: Path, parts: Mapping[str, Any]) -> None:
    """Write a config of ours: plain data in one pickle, in the parts of the newer generation."""
    write_pickles(path, {**parts, _MARK: True})


def read_config(path: Path) -> JobConfig:
    """Read a config without running anything of it.

    Raises
    ------
    FormatError
        When the file is missing, damaged, or no config of a training.
    """
    objects = read_pickles(path)
    parts: dict[str, Any] = {}
    for found in objects:
        if not isinstance(found, dict):
            raise FormatError(f"a {_kind_of(found)} stands where settings are expected", path=path)
        # The older generation writes time, command and version as a second object.
        parts.update(found if any(name in found for name in _PARTS) else {"meta": found})
    parts = plain(parts)
    missing = [name for name in _PARTS[:3] if not isinstance(parts.get(name), dict)]
    if missing:
        raise FormatError(
            f"this is no config of a tomoDRGN training: {', '.join(missing)} is missing",
            path=path,
            hint="Choose the config.pkl beside weights.pkl",
        )
    return _config(path, parts)


def _config(path: Path, parts: dict[str, Any]) -> JobConfig:
    stars = parts.get("starfile_args") or {}
    data, lattice, model = parts["dataset_args"], parts["lattice_args"], parts["model_args"]
    generation = OURS if parts.get(_MARK) else NEW if stars else OLD
    zdim = int(model.get("zdim") or 0)
    return JobConfig(
        path=path,
        generation=generation,
        kind="train_vae" if zdim else "train_nn",
        zdim=zdim,
        box=_box(lattice, path),
        extent=float(lattice.get("extent", 0.5)),
        pixel_size_a=_number(parts.get("angpix", data.get("Apix"))),
        norm=_norm(data.get("norm")),
        star=str(stars.get("sourcefile") or data.get("particles") or ""),
        filtered_star=stars.get("sourcefile_filtered") or None,
        datadir=str(data.get("datadir") or ""),
        angpix=_number(stars.get("angpix")),
        dose_override=_number(data.get("dose_override")),
        indices=_indices(stars.get("ind_ptcls") if stars else data.get("ind")),
        image_indices=_indices(stars.get("ind_imgs")),
        parts=parts,
    )


def _box(lattice: Mapping[str, Any], path: Path) -> int:
    side = lattice.get("boxsize", lattice.get("D"))
    if side is None:
        raise FormatError("the config does not say the box size", path=path)
    # The lattice has one more point than the images have pixels, so that it is symmetric.
    return int(side) - 1 if int(side) % 2 else int(side)


def _number(value: Any) -> float | None:
    return None if value is None else float(np.asarray(value).ravel()[0])


def _norm(value: Any) -> tuple[float, float]:
    if value is None:
        return 0.0, 1.0
    first, second = (float(np.asarray(v)) for v in value)
    return first, second


def _indices(value: Any) -> np.ndarray | str | None:
    if value is None or (isinstance(value, str) and not value):
        return None
    return value if isinstance(value, str) else np.asarray(value)


def _kind_of(value: Any) -> str:
    return value.origin if isinstance(value, Stub) else type(value).__name__


def plain(value: Any) -> Any:
    """Replace objects and classes that were not loaded by their names, everywhere within."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    if isinstance(value, Stub):
        return f"<{value.origin}>"
    if isinstance(value, type):
        return f"<class {getattr(value, 'origin', '') or value.__name__}>"
    return value


def describe(config: JobConfig) -> list[str]:
    """Lines that tell what a config holds, part by part."""
    lines = [
        f"{config.path}: {config.kind}, written by {_WRITERS[config.generation]}",
        f"box {config.box} pixels"
        + ("" if config.pixel_size_a is None else f" of {config.pixel_size_a:g} Å")
        + (f", {config.zdim} latent dimensions" if config.zdim else ""),
    ]
    for name, part in config.parts.items():
        if name == _MARK:
            continue
        if isinstance(part, dict):
            lines += ["", f"{name}:"]
            width = max((len(key) for key in part), default=0)
            lines += [f"  {key:<{width}}  {_short(item)}" for key, item in part.items()]
        else:
            lines += ["", f"{name}: {_short(part)}"]
    return lines


_WRITERS: Final = {
    OURS: "Heteroscope",
    NEW: "tomoDRGN 1.0 or later",
    OLD: "tomoDRGN before 1.0",
}
_SHOWN: Final = 8


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > _SHOWN:
        if value.dtype == bool:
            return f"{int(value.sum())} of {value.size} (array {'×'.join(map(str, value.shape))})"
        return f"{value.size} numbers from {value.min()} to {value.max()}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_short(item)}" for key, item in value.items())
    if isinstance(value, list | tuple) and len(value) > _SHOWN:
        return f"{len(value)} values, {', '.join(map(str, value[:3]))} …"
    return "none" if value is None else str(value)
