"""Class averages: images moved by their transformations and summed class by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from jobs.isac2.workers import Workers
from jobs.maths.transforms2d import Planar

# Fixed, whatever the memory: sums of another cut would differ in the last bits.
_BLOCK = 512


class ImageSource(Protocol):
    """Images that are read by index, such as a tensor or a memory-mapped array ``(n, y, x)``."""

    def __getitem__(self, index: np.ndarray) -> np.ndarray | Tensor:
        """Return the images of an integer array of indices."""
        ...


def take_images(
    images: ImageSource | Tensor | np.ndarray, index: Tensor, device: torch.device | str
) -> Tensor:
    """Return images of given indices as float32 on a device, from a tensor, an array or a mapped file.

    Parameters
    ----------
    images
        Anything that gives ``(m, y, x)`` images for an integer array of indices.
    index
        ``(m,)`` indices.
    device
        Where the images are wanted.
    """
    if isinstance(images, Tensor):
        return images[index.to(images.device)].to(device=device, dtype=torch.float32)
    taken = images[index.cpu().numpy()]
    if not isinstance(taken, Tensor):
        taken = torch.from_numpy(np.ascontiguousarray(taken, dtype=np.float32))
    return taken.to(device=device, dtype=torch.float32)


def transform_images(images: Tensor, planar: Planar, interpolation: str = "bicubic") -> Tensor:
    """Return images moved by 2D transformations.

    Every pixel of the result is read from the place it came from; places outside the image count as 0, the
    mean of the background. The centre is pixel ``n // 2``, which a mirror leaves where it is.

    Parameters
    ----------
    images
        ``(n, y, x)`` square images.
    planar
        ``n`` transformations (rotation, shift in px, mirror last).
    interpolation
        ``bicubic`` or ``bilinear``.

    Returns
    -------
    torch.Tensor
        ``(n, y, x)`` moved images.
    """
    box = images.shape[-1]
    if len(images) == 0:
        return images.clone()
    dtype = images.dtype
    alpha = torch.deg2rad(planar.alpha_deg.to(images.device, torch.float64))
    cos, sin = torch.cos(alpha), torch.sin(alpha)
    shift = planar.shift.to(images.device, torch.float64)
    handed = torch.where(planar.mirror.to(images.device), -1.0, 1.0).to(torch.float64)
    sx, sy = shift.unbind(-1)
    # Backwards: undo the mirror, then the shift, then the rotation.
    matrix = torch.stack(
        [
            torch.stack([cos * handed, -sin, -cos * sx + sin * sy], -1),
            torch.stack([sin * handed, cos, -sin * sx - cos * sy], -1),
        ],
        -2,
    )
    # grid_sample counts in units in which the first pixel is at -1 and the last at 1 (align_corners).
    half = (box - 1) / 2
    centre = box // 2
    axis = torch.arange(box, device=images.device, dtype=torch.float64) - centre
    x_part = matrix[:, :, 0, None] * axis  # (n, 2, x)
    y_part = matrix[:, :, 1, None] * axis + matrix[:, :, 2, None]  # (n, 2, y)
    to_unit = (centre - half) / half
    grid = (
        (x_part / half).to(dtype)[:, :, None, :] + (y_part / half + to_unit).to(dtype)[:, :, :, None]
    ).movedim(1, -1)
    moved = functional.grid_sample(
        images[:, None], grid, mode=interpolation, padding_mode="zeros", align_corners=True
    )
    return moved[:, 0]


def blocks(count: int, size: int = _BLOCK) -> Iterator[tuple[int, int]]:
    """Return ``(start, stop)`` of blocks of a fixed size that together hold ``count`` things."""
    for start in range(0, count, size):
        yield start, min(count, start + size)


def segment_sums(
    images: ImageSource | Tensor | np.ndarray,
    planar: Planar,
    labels: Tensor,
    classes: int,
    *,
    index: Tensor | None = None,
    interpolation: str = "bicubic",
    device: torch.device | str = "cpu",
    workers: Workers | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the sum of the moved images of every class, and how many there are.

    The images are read and moved in blocks of a fixed size, so that the result does not depend on the memory
    there is.

    Parameters
    ----------
    images
        Images ``(n, y, x)``, read by index.
    planar
        ``m`` transformations.
    labels
        ``(m,)`` class of each image, 0 ... ``classes - 1``; a negative label leaves the image out.
    classes
        Number of classes.
    index
        ``(m,)`` which image each transformation and label belongs to; by default one after the other.
    interpolation
        ``bicubic`` or ``bilinear``.
    device
        Where to compute.
    workers
        Devices that share the work, instead of one; the result is on the first of them.

    Returns
    -------
    tuple of torch.Tensor
        ``(classes, y, x)`` sums and ``(classes,)`` int64 counts.
    """
    if index is None:
        index = torch.arange(len(labels))
    labels = labels.cpu()
    kept = torch.nonzero(labels >= 0)[:, 0]
    counts = torch.bincount(labels[kept], minlength=classes)
    workers = Workers((device,)) if workers is None else workers
    index = index.cpu()

    def added(device: torch.device, block: tuple[int, int]) -> Tensor:
        part = kept[slice(*block)]
        taken = take_images(images, index[part], device)
        moved = transform_images(taken, planar[part.to(planar.mirror.device)], interpolation).flatten(1)
        # A product with the table of who belongs where: on a card the order of its sums is fixed,
        # that of scattered additions is not.
        member = functional.one_hot(labels[part], classes).to(moved.dtype).T.to(device)
        return member @ moved

    sums: Tensor | None = None
    for part in workers.map(added, blocks(len(kept))):
        sums = part.to(workers.first) if sums is None else sums.add_(part.to(workers.first))
    if sums is None:
        first = take_images(images, torch.zeros(1, dtype=torch.int64), workers.first)
        sums = first.new_zeros(classes, first[0].numel())
    box = round(sums.shape[1] ** 0.5)
    return sums.reshape(classes, box, box), counts.to(workers.first)


def segment_averages(
    images: ImageSource | Tensor | np.ndarray,
    planar: Planar,
    labels: Tensor,
    classes: int,
    *,
    index: Tensor | None = None,
    interpolation: str = "bicubic",
    device: torch.device | str = "cpu",
    workers: Workers | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the average of the moved images of every class, and how many there are.

    As :func:`segment_sums`; the average of a class without images is 0 everywhere.
    """
    sums, counts = segment_sums(
        images,
        planar,
        labels,
        classes,
        index=index,
        interpolation=interpolation,
        device=device,
        workers=workers,
    )
    return sums / counts.clamp(min=1)[:, None, None], counts


def half_averages(
    images: ImageSource | Tensor | np.ndarray,
    planar: Planar,
    labels: Tensor,
    classes: int,
    *,
    index: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Tensor, Tensor]:
    """Return two independent averages of every class, from its even and its odd members by rank.

    Returns
    -------
    tuple of torch.Tensor
        ``(classes, 2, y, x)`` averages and ``(classes, 2)`` counts.
    """
    labels = labels.cpu()
    order = torch.argsort(labels, stable=True)
    ordered = labels[order]
    rank = torch.empty_like(labels)
    rank[order] = torch.arange(len(labels)) - torch.searchsorted(ordered, ordered)
    halves = torch.where(labels >= 0, 2 * labels + rank % 2, -1)
    averages, counts = segment_averages(images, planar, halves, 2 * classes, index=index, device=device)
    return averages.unflatten(0, (classes, 2)), counts.unflatten(0, (classes, 2))
