"""Particle images as the training wants them: masked, centred, transformed, cropped, with their CTF.

Images are compared in Fourier space at a *working box* that may be smaller than the images: beyond the
resolution of the Gaussians there is nothing to compare.  What fits into the budget is prepared once and kept
on the device; the rest is read and prepared again in every epoch by threads that work ahead, so memory does
not grow with the number of particles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.maths.ctf import CtfParameters, aberration_phases, ctf_rfft
from jobs.maths.fourier import crop_rfft, image_to_rfft, shift_phases
from jobs.maths.masks import raised_cosine

#: Prepared images are kept when they need no more than this, even if preloading was not asked for.
SMALL_SET_BYTES = 256 * 2**20
#: Part of the free memory of a GPU that prepared images may take.
DEVICE_SHARE = 0.5
#: Batches prepared ahead when images are read from disk.
AHEAD = 3
_PREPARE = 256


class ImageReader(Protocol):
    """Where images come from; :class:`jobs.formats.stacks.ImageStacks` is one."""

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Images ``(n, D, D)`` of the given particles."""
        ...


@dataclass(frozen=True)
class Views:
    """What is known of every particle image besides its pixels; tensors on the CPU.

    Attributes
    ----------
    rotations
        ``(p, 3, 3)`` from molecule to projection.
    shifts_px
        ``(p, 2)`` position ``(x, y)`` of the particle relative to pixel ``D // 2``.
    ctf
        CTF parameters.
    premultiplied
        ``(p,)`` true where the images have been multiplied by their CTF.
    box, pixel_size_a
        Of the images.
    """

    rotations: Tensor
    shifts_px: Tensor
    ctf: CtfParameters
    premultiplied: Tensor
    box: int
    pixel_size_a: float


@dataclass(frozen=True)
class Batch:
    """Prepared images ``(b, d, d // 2 + 1)`` and their CTF, at the working box, on the device."""

    rows: Tensor
    transforms: Tensor
    ctf: Tensor


class ParticleImages:
    """Prepared images of a data set.

    Parameters
    ----------
    reader: ImageReader
        Source of the pixels.
    views: Views
        Poses and CTF.
    device: torch.device
        Where batches go.
    diameter_a: float or None
        Images are set to zero outside a circle of this diameter about the particle; None: as large as the box
        allows with its soft edge.
    edge_a: float
        Width of the soft edge in Å.
    preload: bool
        Keep prepared images in memory whatever their size.
    n_threads: int
        Threads that read and prepare images ahead.
    """

    def __init__(
        self,
        reader: ImageReader,
        views: Views,
        device: torch.device,
        *,
        diameter_a: float | None = None,
        edge_a: float = 20.0,
        preload: bool = False,
        n_threads: int = 1,
    ) -> None:
        self.reader, self.views, self.device = reader, views, device
        self.box, self.pixel_size_a = views.box, views.pixel_size_a
        self.n = len(views.rotations)
        largest = self.box * self.pixel_size_a - edge_a
        diameter = largest if diameter_a is None else min(diameter_a, largest)
        self._radius_px = max(diameter, 0.0) / (2 * self.pixel_size_a)
        self._edge_px = edge_a / self.pixel_size_a
        self._preload, self._n_threads = preload, max(1, n_threads)
        self.rotations = views.rotations.to(device)
        self.full_box = self.box
        self._store: tuple[Tensor, Tensor] | None = None
        self._keep = False

    def prepare(self, full_box: int, progress: Callable[[int, int], None] | None = None) -> None:
        """Choose the largest working box, and prepare and keep all images if they fit.

        Parameters
        ----------
        full_box: int
            Largest working box that will be asked for, at most that of the images.
        progress: callable
            Told how many of how many images are ready.
        """
        self.full_box = full_box
        plane = full_box * (full_box // 2 + 1)
        self._keep = self._fits(self.n * plane * 12)
        self._store = None
        if not self._keep:
            return
        transforms = torch.empty(
            self.n, full_box, full_box // 2 + 1, dtype=torch.complex64, device=self.device
        )
        ctf = torch.empty(self.n, full_box, full_box // 2 + 1, device=self.device)
        for start in range(0, self.n, _PREPARE):
            rows = torch.arange(start, min(start + _PREPARE, self.n))
            transforms[start : start + len(rows)], ctf[start : start + len(rows)] = (
                part.to(self.device) for part in self._make(rows, full_box)
            )
            if progress is not None:
                progress(start + len(rows), self.n)
        self._store = (transforms, ctf)

    @property
    def kept(self) -> bool:
        """Whether all prepared images are in memory."""
        return self._keep

    def batch(self, rows: Tensor, box: int) -> Batch:
        """Prepare the given particles ``(b,)`` at a working box."""
        if self._store is None:
            transforms, ctf = (part.to(self.device) for part in self._make(rows.cpu(), box))
            return Batch(rows.to(self.device), transforms, ctf)
        rows = rows.to(self.device)
        transforms, ctf = self._store
        return Batch(rows, crop_rfft(transforms[rows], box), crop_rfft(ctf[rows], box))

    def batches(self, rows: Tensor, size: int, box: int) -> Iterator[Batch]:
        """Batches of ``size`` of the given particles ``(p,)``, in their order; the last may be smaller."""
        parts = rows.split(size)
        if self._store is not None:
            yield from (self.batch(part, box) for part in parts)
            return
        waiting: deque[tuple[Tensor, Future[tuple[Tensor, Tensor]]]] = deque()
        with ThreadPoolExecutor(self._n_threads, thread_name_prefix="images") as pool:
            try:
                for part in parts:
                    waiting.append((part, pool.submit(self._make, part.cpu(), box, self.device.type)))
                    if len(waiting) > AHEAD:
                        yield self._arrived(*waiting.popleft())
                while waiting:
                    yield self._arrived(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()

    def _arrived(self, rows: Tensor, future: Future[tuple[Tensor, Tensor]]) -> Batch:
        transforms, ctf = future.result()
        move: dict[str, Any] = {"device": self.device, "non_blocking": True}
        return Batch(rows.to(**move), transforms.to(**move), ctf.to(**move))

    def _fits(self, n_bytes: int) -> bool:
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            return n_bytes < DEVICE_SHARE * free
        return self._preload or n_bytes <= SMALL_SET_BYTES

    def _make(self, rows: Tensor, box: int, target: str = "cpu") -> tuple[Tensor, Tensor]:
        """Read, mask, transform, centre and crop images; pinned when they are to go to a GPU."""
        views = self.views
        pixels = torch.from_numpy(self.reader.read(rows.numpy()))
        shifts = views.shifts_px[rows]
        transforms = image_to_rfft(pixels * self._disc(shifts)) * shift_phases(self.box, -shifts)
        params = views.ctf.select(rows)
        odd = aberration_phases(params, self.box, self.pixel_size_a)
        if odd is not None:
            transforms = transforms * odd.conj()
        transforms = crop_rfft(transforms, box).contiguous()
        ctf = ctf_rfft(params, box, self.pixel_size_a * self.box / box)
        multiplied = views.premultiplied[rows]
        if bool(multiplied.any()):
            ctf = torch.where(multiplied[:, None, None], ctf * ctf, ctf)
        if target == "cuda":
            return transforms.pin_memory(), ctf.pin_memory()
        return transforms, ctf

    def _disc(self, shifts_px: Tensor) -> Tensor:
        """Soft circular masks ``(b, D, D)`` about the particles, wherever they lie in their images."""
        axis = torch.arange(self.box, dtype=torch.float32) - self.box // 2
        x, y = axis - shifts_px[:, :1], axis - shifts_px[:, 1:]
        distance = torch.sqrt(y[:, :, None] ** 2 + x[:, None, :] ** 2)
        return raised_cosine(distance, self._radius_px, self._edge_px)
