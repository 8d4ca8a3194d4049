"""The one owner of the conversion between points in Å and voxels or pixels.

Three frames:

- *centred*: Å relative to the centre of voxel ``D // 2``; what the science uses.
- *voxel*: index coordinates; the centre of the first voxel is 0.
- *ChimeraX*: Å as ChimeraX, Coot and RELION's models see a map: voxel 0 lies at the header's origin.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def voxel_to_centred(voxels: Tensor, box: int | Sequence[int], voxel_size_a: float) -> Tensor:
    """Turn ``(..., 3)`` (or 2) voxel coordinates ``(x, y, z)`` into Å about voxel ``box // 2``."""
    return (voxels - _centre(box, voxels)) * voxel_size_a


def centred_to_voxel(points_a: Tensor, box: int | Sequence[int], voxel_size_a: float) -> Tensor:
    """Turn ``(..., 3)`` (or 2) points ``(x, y, z)`` in Å about voxel ``box // 2`` into voxel coordinates."""
    return points_a / voxel_size_a + _centre(box, points_a)


def chimerax_to_centred(
    points_a: Tensor,
    box: int | Sequence[int],
    voxel_size_a: float,
    origin_a: Sequence[float] = (0.0, 0.0, 0.0),
) -> Tensor:
    """Turn points in the frame in which ChimeraX shows a map into Å relative to its centre voxel.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(..., 3)`` points ``(x, y, z)`` in Å; voxel 0 of the map lies at ``origin_a``.
    box: int or sequence of int
        Side of the map in voxels, or its sides in the order x, y, z.
    voxel_size_a: float
        Voxel size in Å.
    origin_a: sequence of float
        Origin in the map's header, ``(x, y, z)`` in Å.

    Returns
    -------
    torch.Tensor
        ``(..., 3)`` points in Å relative to voxel ``box // 2``.
    """
    return voxel_to_centred(
        (points_a - points_a.new_tensor(list(origin_a))) / voxel_size_a, box, voxel_size_a
    )


def centred_to_chimerax(
    points_a: Tensor,
    box: int | Sequence[int],
    voxel_size_a: float,
    origin_a: Sequence[float] = (0.0, 0.0, 0.0),
) -> Tensor:
    """Inverse of :func:`chimerax_to_centred`."""
    return centred_to_voxel(points_a, box, voxel_size_a) * voxel_size_a + points_a.new_tensor(list(origin_a))


def grid_points(box: int, voxel_size_a: float, device: torch.device | str | None = None) -> Tensor:
    """Centred points ``(box, box, box, 3)``, each ``(x, y, z)`` in Å, of the voxels ``[z, y, x]``."""
    axis = (torch.arange(box, device=device, dtype=torch.float32) - box // 2) * voxel_size_a
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack((x, y, z), dim=-1)


def project_points(
    points_a: Tensor, rotations: Tensor, shifts_px: Tensor, box: int, pixel_size_a: float
) -> Tensor:
    """Find where points fall on particle images.

    Parameters
    ----------
    points_a: torch.Tensor
        ``(n, 3)`` or ``(b, n, 3)`` centred points in Å.
    rotations: torch.Tensor
        ``(b, 3, 3)`` RELION matrices, or ``(b, 2, 3)`` with magnification.
    shifts_px: torch.Tensor
        ``(b, 2)`` offset of the particle from the image centre in pixels, ``-origin / pixel``.
    box: int
        Image side.
    pixel_size_a: float
        Pixel size in Å.

    Returns
    -------
    torch.Tensor
        ``(b, n, 2)`` pixel coordinates ``(x, y)``; an undisplaced centre falls on ``box // 2``.
    """
    seen = points_a @ rotations[:, :2].transpose(-1, -2)
    return centred_to_voxel(seen, box, pixel_size_a) + shifts_px[:, None, :]


def origin_to_shift(origin_a: Tensor, pixel_size_a: float | Tensor) -> Tensor:
    """Turn ``rlnOriginX/YAngst`` (``(..., 2)``, Å) into the particle's offset from the centre, in pixels."""
    return -origin_a / pixel_size_a


def _centre(box: int | Sequence[int], like: Tensor) -> Tensor:
    """Index of the centre voxel as a tensor that broadcasts against points."""
    if isinstance(box, int):
        return like.new_tensor(float(box // 2))
    return like.new_tensor([float(side // 2) for side in box])
