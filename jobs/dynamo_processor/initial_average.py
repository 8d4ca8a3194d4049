"""The average of the particles as they came, with the missing wedge counted, and how well its halves agree.

A wrong convention blurs this average at once. As a control the same is done with some particles turned the
other way (the transposed matrices): where that agrees better, something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.fft import irfftn, rfftn

from jobs.dynamo_processor.agreement import correlation
from jobs.dynamo_processor.agreement import resolution as resolution_of
from jobs.dynamo_processor.average_kernels import add_reached, turn
from jobs.dynamo_processor.contract import FloatArray, IntArray
from jobs.formats.em_files import read_em
from jobs.formats.mrc import read_map

Volume = npt.NDArray[np.float32]
Read = Callable[[int], Volume]
_CHUNK: Final = 32
#: Frequencies that fewer particles than this part reach are not raised any further.
_LEAST: Final = 0.05
_CONTROL: Final = 256
#: The control is better by so much of the area under the curve: worth a warning.
_CLEARLY: Final = 0.01


@dataclass(frozen=True, eq=False)
class Average:
    """An average and how well its halves agree.

    Attributes
    ----------
    volume, halves
        `(N, N, N)` [z, y, x] of all particles, and of the two halves; no halves where one is empty.
    fsc
        `(N // 2 + 1,)` Fourier shell correlation of the halves in a soft sphere; empty without halves.
    resolution_a
        Å where it falls below 0.143; NaN without halves, infinity where it never was above.
    right, other_way
        Correlations `(N // 2 + 1,)` of some particles as they are, and turned the other way; may be empty.
    warning
        A sentence where the control is better.
    """

    volume: Volume
    halves: tuple[Volume, ...]
    fsc: FloatArray
    resolution_a: float
    right: FloatArray
    other_way: FloatArray
    warning: str = ""

    @property
    def agreement(self) -> str:
        """How far the halves agree, in words; empty without halves."""
        if not self.halves:
            return ""
        return f"{self.resolution_a:.1f} Å" if np.isfinite(self.resolution_a) else "nowhere"


def particle_reader(paths: Sequence[Path]) -> Read:
    """Return a function that reads the particle of a row from its file."""

    def read(row: int) -> Volume:
        path = paths[row]
        return read_map(path).data if path.suffix == ".mrc" else read_em(path)

    return read


def average(
    read: Read,
    rotation: FloatArray,
    shift: FloatArray,
    tilt_deg: FloatArray,
    half: IntArray,
    voxel_size_a: float,
    *,
    threads: int = 1,
    each: Callable[[int, int], None] | None = None,
) -> Average:
    """Average particles in the frame of the reference.

    Parameters
    ----------
    read
        Gives the particle `(N, N, N)` of a row.
    rotation, shift
        M `(n, 3, 3)`, and d `(n, 3)` in px from voxel N // 2 of the particle's box.
    tilt_deg
        `(n, 2)` tilt range; NaN: no wedge is missing.
    half
        `(n,)` 1 or 2.
    voxel_size_a
        Å.
    threads
        Threads; the result does not depend on them.
    each
        Called with the number of particles done and the whole number.
    """
    sums = _sums(read, rotation, shift, tilt_deg, half, np.arange(len(half)), threads, each)
    volume = _compensated([sums[1], sums[2]])
    halves: tuple[Volume, ...] = ()
    fsc = right = other = np.zeros(0)
    resolution, warning = float("nan"), ""
    if sums[1].count and sums[2].count:
        halves = (_compensated([sums[1]]), _compensated([sums[2]]))
        fsc = correlation(*halves)
        resolution = resolution_of(fsc, voxel_size_a)
        right, other = _control(read, rotation, shift, tilt_deg, half, threads)
        if other[1:].mean() > right[1:].mean() + _CLEARLY:
            warning = (
                "Particles agree better when they are turned the other way than as they are: orientations "
                "may be those of another convention, or belong to other particles."
            )
    return Average(volume, halves, fsc, resolution, right, other, warning)


@dataclass(eq=False)
class _Sum:
    """Sum of the transforms of turned particles, and how many reach every frequency."""

    total: npt.NDArray[np.complex128]
    weight: npt.NDArray[np.float64]
    count: int = 0

    @classmethod
    def empty(cls, box: int) -> _Sum:
        half = (box, box, box // 2 + 1)
        return cls(np.zeros(half, np.complex128), np.zeros(half))

    def add(self, other: _Sum) -> None:
        self.total += other.total
        self.weight += other.weight
        self.count += other.count


def _sums(
    read: Read,
    rotation: FloatArray,
    shift: FloatArray,
    tilt_deg: FloatArray,
    half: IntArray,
    rows: IntArray,
    threads: int,
    each: Callable[[int, int], None] | None,
) -> dict[int, _Sum]:
    """Sums of both halves; stretches of particles are added up in their order, whatever thread made them."""
    box = read(int(rows[0])).shape[0]
    known = np.asarray(np.isfinite(tilt_deg).all(axis=1))
    # 89.9°: a tangent of 90° would not be finite
    bounds = np.tan(np.radians(np.clip(np.nan_to_num(tilt_deg), -89.9, 89.9)))

    def stretch(members: IntArray) -> dict[int, _Sum]:
        made = {which: _Sum.empty(box) for which in (1, 2)}
        turned = np.zeros((box,) * 3)
        for row in members.tolist():
            particle = read(row).astype(np.float64)
            spread = particle.std()
            particle = (particle - particle.mean()) / (spread if spread > 0 else 1.0)
            into = made[int(half[row])]
            matrix = np.ascontiguousarray(rotation[row])
            turn(turned, particle, matrix, np.ascontiguousarray(shift[row]))
            transform = rfftn(turned)
            if known[row]:
                low, high = float(bounds[row, 0]), float(bounds[row, 1])
                add_reached(into.total, into.weight, transform, matrix, low, high)
            else:
                into.total += transform
                into.weight += 1.0
            into.count += 1
        return made

    found = {which: _Sum.empty(box) for which in (1, 2)}
    parts = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    workers, done = max(1, threads), 0
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(parts), workers):
            now = parts[start : start + workers]
            for members, made in zip(now, pool.map(stretch, now), strict=True):
                for which in (1, 2):
                    found[which].add(made[which])
                done += len(members)
                if each is not None:
                    each(done, len(rows))
    return found


def _compensated(sums: Sequence[_Sum]) -> Volume:
    """The average of sums, every frequency divided by the number of particles that reach it."""
    count = sum(part.count for part in sums)
    total = np.sum([part.total for part in sums], axis=0)
    weight = np.maximum(np.sum([part.weight for part in sums], axis=0), max(1.0, _LEAST * count))
    box = total.shape[0]
    return np.asarray(irfftn(total / weight, (box,) * 3), np.float32)


def _control(
    read: Read, rotation: FloatArray, shift: FloatArray, tilt_deg: FloatArray, half: IntArray, threads: int
) -> tuple[FloatArray, FloatArray]:
    """Correlations of the same particles as they are and turned the other way, at most some hundred."""
    rows = np.unique(np.linspace(0, len(half) - 1, min(len(half), _CONTROL)).astype(np.int64))
    curves = []
    for matrices in (rotation, np.swapaxes(rotation, 1, 2)):
        sums = _sums(read, matrices, shift, tilt_deg, half, rows, threads, None)
        if not (sums[1].count and sums[2].count):
            return np.zeros(1), np.zeros(1)
        curves.append(correlation(_compensated([sums[1]]), _compensated([sums[2]])))
    return curves[0], curves[1]
