"""Values of several volumes at slices, and sums over slices, by one pass over one interleaved table.

A table holds in each row all values that belong to one point of a half Fourier volume, side by side, so that
each neighbour of a sample is looked up once for all volumes. Two implementations with one meaning: ``numba``
on the CPU, which keeps no list of neighbours, and plain torch, which is the reference and runs everywhere.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from jobs.maths import slice_tables_numba
from jobs.maths.slices import SlicePlane, locate_slices

Backend = Literal["auto", "torch", "numba"]


def read_slices(
    table: Tensor, size: int, xy: Tensor, rotations: Tensor, padding: float, backend: Backend = "auto"
) -> Tensor:
    """Slices of several volumes, interpolated linearly along the three axes.

    Parameters
    ----------
    table
        ``(size * size * (size // 2 + 1), 2 k)``: real parts of all volumes, then their imaginary parts.
    size
        Side of the padded volumes.
    xy
        ``(m, 2)`` samples in Fourier pixels of the image.
    rotations
        ``(n, 3, 3)`` RELION matrices reference to image.
    padding
        Side of the volumes divided by side of the image.
    backend
        ``auto`` takes numba on the CPU.

    Returns
    -------
    torch.Tensor
        ``(n, m, 2 k)``, in the order of the table.
    """
    if _compiled(table, backend):
        out = table.new_empty(len(rotations), len(xy), table.shape[1])
        scaled = (xy * padding).contiguous()
        slice_tables_numba.read(
            table.detach().numpy(), size, scaled.numpy(), _checked(rotations).numpy(), out.numpy()
        )
        return out
    corners = locate_slices(_plane(xy), rotations, padding)
    values: Tensor | None = None
    for i in range(8):
        index, weight = corners.corner(i, size)
        part = table[index] * weight[..., None]
        values = part if values is None else values.add_(part)
    assert values is not None
    real, imaginary = values.chunk(2, dim=-1)
    return torch.cat((real, torch.where(corners.flipped[..., None], -imaginary, imaginary)), dim=-1)


def add_slices(
    sums: Tensor,
    size: int,
    xy: Tensor,
    rotations: Tensor,
    padding: float,
    square: Tensor,
    data: Tensor,
    moments: Tensor,
    means: Tensor,
    backend: Backend = "auto",
) -> None:
    """Add slices to sums, by the adjoint of :func:`read_slices`.

    A sample adds its square times the moments of its image, its real part times their means, and its
    imaginary part (of the conjugate where the sample was replaced by it) times their means.

    Parameters
    ----------
    sums
        ``(size * size * (size // 2 + 1), q + 2 k)``, changed in place.
    size, xy, rotations, padding
        As of :func:`read_slices`.
    square, data
        ``(n, m)`` and ``(n, m, 2)``.
    moments, means
        ``(n, q)`` and ``(n, k)``.
    backend
        ``auto`` takes numba on the CPU.
    """
    if _compiled(sums, backend):
        scaled = (xy * padding).contiguous()
        parts = (scaled, _checked(rotations), square, data, moments, means)
        slice_tables_numba.add(sums.numpy(), size, *(part.contiguous().numpy() for part in parts))
        return
    corners = locate_slices(_plane(xy), rotations, padding)
    imaginary = torch.where(corners.flipped, -data[..., 1], data[..., 1])
    columns = torch.cat(
        (
            square[..., None] * moments[:, None],
            data[..., 0, None] * means[:, None],
            imaginary[..., None] * means[:, None],
        ),
        dim=-1,
    ).flatten(0, 1)
    for i in range(8):
        position, weight = corners.corner(i, size)
        sums.index_add_(0, position.flatten(), columns * weight.reshape(-1, 1))


def _plane(xy: Tensor) -> SlicePlane:
    # Neither box nor index nor weight matters to where samples lie.
    return SlicePlane(0, torch.zeros_like(xy[:, 0], dtype=torch.int64), xy, torch.ones_like(xy[:, 0]))


def _compiled(table: Tensor, backend: Backend) -> bool:
    if backend == "auto":
        return table.device.type == "cpu" and table.dtype == torch.float32
    return backend == "numba"


def _checked(rotations: Tensor) -> Tensor:
    # The kernels do not look where they write.
    if not bool(torch.isfinite(rotations).all()):
        raise ValueError("rotations must be finite numbers")
    return rotations.contiguous()
