"""Projection of volumes by trilinear interpolation in a padded transform, and its adjoint."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.fourier import image_to_rfft, rfft_to_image, rfft_to_volume, volume_to_rfft
from jobs.maths.slices import SlicePlane, fold_hermitian, locate_slices, sinc_squared


class Projector:
    """Projects one volume in many directions.

    Parameters
    ----------
    volume: torch.Tensor
        ``(D, D, D)`` density ``[z, y, x]``, centre at voxel ``D // 2``.
    padding: int
        Oversampling of the transform; 2 leaves errors of about 1 % of the image, 3 half of that.
    radius: float or None
        Largest frequency kept, in Fourier pixels of the image; ``D // 2 - 1`` when None.

    Raises
    ------
    ValueError
        If the volume is not a cube.
    """

    def __init__(self, volume: Tensor, padding: int = 2, radius: float | None = None) -> None:
        box = volume.shape[-1]
        if volume.shape != (box, box, box):
            raise ValueError(f"a volume to project must be a cube, not {tuple(volume.shape)}")
        self.box, self.padding, self.size = box, padding, box * padding
        self.plane = SlicePlane.make(box, box // 2 - 1 if radius is None else radius, volume.device)
        before = self.size // 2 - box // 2  # voxel D // 2 stays the centre
        around = (before, self.size - box - before) * 3
        padded = torch.nn.functional.pad(volume / sinc_squared(box, self.size, volume.device), around)
        # Orthonormal volume transform to orthonormal image transform: the padded sides, and one axis summed.
        self.transform = volume_to_rfft(padded) * (self.size**1.5 / box)

    def slices(self, rotations: Tensor) -> Tensor:
        """Orthonormal half planes ``(b, D, D // 2 + 1)`` of the projections along ``(b, 3, 3)`` rotations.

        A projection is the sum over z in voxels; frequencies beyond the radius are zero.
        """
        corners = locate_slices(self.plane, rotations, self.padding)
        flat = torch.view_as_real(
            self.transform.reshape(-1)
        )  # gathering pairs is faster than complex numbers
        values = torch.zeros(*corners.flipped.shape, 2, device=flat.device, dtype=flat.dtype)
        for i in range(8):
            index, weight = corners.corner(i, self.size)
            values = values + weight[..., None] * flat[index]
        complete = torch.view_as_complex(values)
        complete = torch.where(corners.flipped, complete.conj(), complete)
        result = complete.new_zeros(len(rotations), self.box * (self.box // 2 + 1))
        return result.index_copy(1, self.plane.index, complete).reshape(len(rotations), self.box, -1)

    def images(self, rotations: Tensor) -> Tensor:
        """Projection images ``(b, D, D)``, centre at ``D // 2``."""
        return rfft_to_image(self.slices(rotations), self.box)


def project_volume(volume: Tensor, rotations: Tensor, padding: int = 2) -> Tensor:
    """Project a volume along rotations.

    Parameters
    ----------
    volume: torch.Tensor
        ``(D, D, D)`` density ``[z, y, x]``, centre at ``D // 2``.
    rotations: torch.Tensor
        ``(b, 3, 3)`` RELION matrices.
    padding: int
        Oversampling of the transform.

    Returns
    -------
    torch.Tensor
        ``(b, D, D)`` images ``[y, x]``: sums over the projection axis in voxels, without frequencies beyond
        ``D // 2 - 1`` Fourier pixels.
    """
    return Projector(volume, padding).images(rotations)


def backproject_images(images: Tensor, rotations: Tensor, padding: int = 2) -> Tensor:
    """Adjoint of :func:`project_volume`: smear images back and add them up.

    Parameters
    ----------
    images: torch.Tensor
        ``(b, D, D)`` images, centre at ``D // 2``.
    rotations: torch.Tensor
        ``(b, 3, 3)`` RELION matrices.
    padding: int
        Oversampling of the transform; must be that of the projection.

    Returns
    -------
    torch.Tensor
        ``(D, D, D)`` volume ``[z, y, x]``.
    """
    box = images.shape[-1]
    size = box * padding
    plane = SlicePlane.make(box, box // 2 - 1, images.device)
    corners = locate_slices(plane, rotations, padding)
    transforms = image_to_rfft(images)
    values = transforms.reshape(len(images), -1)[:, plane.index] * plane.weight
    values = torch.where(corners.flipped, values.conj(), values)
    total = images.new_zeros(size * size * (size // 2 + 1), 2)
    pairs = torch.view_as_real(values)
    for i in range(8):
        index, weight = corners.corner(i, size)
        total.index_add_(0, index.reshape(-1), (weight[..., None] * pairs).reshape(-1, 2))
    half = fold_hermitian(torch.view_as_complex(total).reshape(size, size, -1))
    before = size // 2 - box // 2
    inner = slice(before, before + box)
    volume = rfft_to_volume(half, size)[inner, inner, inner] * (size**1.5 / box)
    return volume / sinc_squared(box, size, images.device)
