"""Names and forms of the files of a training, as users of tomoDRGN know them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.files import replacing
from jobs.formats.pickles import read_pickles, write_pickles

FloatArray = np.ndarray

RUN_LOG: Final = "run.log"
_WEIGHTS: Final = re.compile(r"weights\.(\d+)\.pkl")


def weights_path(folder: Path, epoch: int | None = None) -> Path:
    """Networks after an epoch, counted from 0, or the final ones."""
    return folder / ("weights.pkl" if epoch is None else f"weights.{epoch}.pkl")


def latent_path(folder: Path, epoch: int | None = None, part: str = "") -> Path:
    """Latent places after an epoch or final; ``part`` is ``train`` or ``test`` where images were split."""
    words = ["z", *([] if epoch is None else [str(epoch)]), *([part] if part else []), "pkl"]
    return folder / ".".join(words)


def volume_path(folder: Path, epoch: int | None = None) -> Path:
    """The volume of a ``train_nn`` model after an epoch, or the final one."""
    return folder / ("reconstruct.mrc" if epoch is None else f"reconstruct.{epoch}.mrc")


def preprocessed_path(folder: Path, star: Path) -> Path:
    """The particles as they are used, after all filters."""
    return folder / f"{star.stem}_tomodrgn_preprocessed.star"


def epochs_of(folder: Path) -> list[int]:
    """Epochs that have a file of weights, in order."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for name in names if (match := _WEIGHTS.fullmatch(name)))


def write_latent(path: Path, mean: FloatArray, log_variance: FloatArray) -> None:
    """Write places ``(P, zdim)`` and the logarithms of their variances, one pickle after the other."""
    write_pickles(
        path, np.ascontiguousarray(mean, np.float32), np.ascontiguousarray(log_variance, np.float32)
    )


def read_latent(path: Path) -> tuple[FloatArray, FloatArray | None]:
    """Read places ``(P, zdim)`` float32, and the logarithms of their variances where the file has them.

    Raises
    ------
    FormatError
        When the file is missing, damaged, or holds something else.
    """
    objects = read_pickles(path)
    arrays = [np.asarray(found) for found in objects[:2]]
    for array in arrays:
        if array.ndim != 2 or array.dtype.kind not in "fiu" or array.shape != arrays[0].shape:
            shape = "×".join(map(str, array.shape)) or "single value"
            raise FormatError(
                f"one row of numbers per particle is expected, not a {shape} of {array.dtype}",
                path=path,
                hint="Choose a z.pkl that a training wrote",
            )
    places = [array.astype(np.float32) for array in arrays]
    if not np.isfinite(places[0]).all():
        row = int(np.flatnonzero(~np.isfinite(places[0]).all(1))[0]) + 1
        raise FormatError("a latent place is not a number", path=path, row=row)
    return places[0], places[1] if len(places) > 1 else None


def copy_file(source: Path, target: Path) -> None:
    """Give a file a second name by copying it, whole or not at all."""
    with replacing(target) as file:
        file.write(source.read_bytes())


class RunLog:
    """``run.log``: what happened, with the time of day, and a line per epoch that scripts read.

    Parameters
    ----------
    folder
        Where it is; lines are appended.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / RUN_LOG

    def say(self, text: str) -> None:
        """Append a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}     {text}\n")

    def epoch(
        self, epoch: int, misfit: float, divergence: float | None, total: float, seconds: float
    ) -> None:
        """Append the line of an epoch, counted from 0 (the line counts from 1)."""
        self.say(epoch_line(epoch, misfit, divergence, total, seconds))


def epoch_line(epoch: int, misfit: float, divergence: float | None, total: float, seconds: float) -> str:
    """Return the line by which losses are found in a log; ``divergence`` is None without a latent space."""
    hours, rest = divmod(int(seconds), 3600)
    spent = f"{hours}:{rest // 60:02d}:{rest % 60:02d}.{int(seconds % 1 * 1e6):06d}"
    if divergence is None:
        return f"# =====> Epoch: {epoch + 1} Average loss = {misfit:.6f}; Finished in {spent}"
    return (
        f"# =====> Epoch: {epoch + 1} Average gen loss = {misfit:.6f}, KLD = {divergence:.6f}, "
        f"total loss = {total:.6f}; Finished in {spent}"
    )
