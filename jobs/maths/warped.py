"""Backprojection along a deformation: every voxel looks itself up where it has moved to in each image.

A voxel ``x`` of the consensus lies at ``x + u(x)`` in a particle, and so at pixel ``A (x + u(x))`` of its
image.  Adding the image's value there to the voxel, for all particles, undoes the motion without an inverse
of it.  With ``u = 0`` this is the real-space form of the insertion of central slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths import warped_numba
from jobs.maths.fourier import pad_rfft, rfft_to_image

#: Voxels that the torch version treats at once, times images.
_CHUNK = 8_000_000


@dataclass(frozen=True)
class WarpGrid:
    """Which voxels are touched, and the coarse points at which their displacement is given.

    Coarse point ``c`` along an axis is voxel ``lower + c * step`` exactly; between them displacements are
    interpolated linearly.

    Attributes
    ----------
    box
        Side of the volume.
    step
        Voxels between coarse points.
    lower
        Voxel ``(z, y, x)`` of the first coarse point.
    shape
        Coarse points along ``(z, y, x)``.
    spans
        ``(r, 4)`` int64 ``z, y, first x, last x + 1`` of the rows of voxels that are touched.
    """

    box: int
    step: int
    lower: tuple[int, int, int]
    shape: tuple[int, int, int]
    spans: Tensor

    @classmethod
    def make(cls, region: Tensor, step: int) -> WarpGrid:
        """Cover a region ``(D, D, D)`` of voxels (bool); rows of voxels are covered from end to end.

        Raises
        ------
        ValueError
            If the region is empty or the step is not positive.
        """
        if step < 1:
            raise ValueError(f"the step between coarse points is {step}, at least 1 is needed")
        region = region.cpu()
        if not bool(region.any()):
            raise ValueError("the region has no voxel")
        box = region.shape[0]
        rows = torch.nonzero(region.any(2))
        lines = region[rows[:, 0], rows[:, 1]].to(torch.uint8)
        first = lines.argmax(1)
        last = box - lines.flip(1).argmax(1)
        spans = torch.cat((rows, first[:, None], last[:, None]), 1).contiguous()
        low = (int(spans[:, 0].min()), int(spans[:, 1].min()), int(first.min()))
        high = (int(spans[:, 0].max()), int(spans[:, 1].max()), int(last.max()) - 1)
        # Points at multiples of the step, whatever the region: the field does not depend on its extent.
        start = [value // step for value in low]
        counts = [h // step - s + 2 for h, s in zip(high, start, strict=True)]
        lower = (start[0] * step, start[1] * step, start[2] * step)
        return cls(box, step, lower, (counts[0], counts[1], counts[2]), spans)

    def points(self, voxel_size_a: float) -> Tensor:
        """Coarse points ``(n, 3)``, each ``(x, y, z)`` in Å about the centre voxel, in the order z, y, x."""
        axes = [
            (low + self.step * torch.arange(n, dtype=torch.float32) - self.box // 2) * voxel_size_a
            for low, n in zip(self.lower, self.shape, strict=True)
        ]
        z, y, x = torch.meshgrid(*axes, indexing="ij")
        return torch.stack((x, y, z), -1).reshape(-1, 3)

    def voxels(self) -> Tensor:
        """All touched voxels ``(n, 3)``, ``z, y, x``."""
        lengths = self.spans[:, 3] - self.spans[:, 2]
        rows = torch.repeat_interleave(self.spans[:, :3], lengths, 0)
        begins = torch.repeat_interleave(torch.cumsum(lengths, 0) - lengths, lengths)
        rows[:, 2] += torch.arange(len(rows)) - begins
        return rows


def oversample(transforms: Tensor, factor: int = 2) -> Tensor:
    """Images on a finer grid, prepared for bilinear interpolation.

    Parameters
    ----------
    transforms: torch.Tensor
        ``(b, D, D // 2 + 1)`` orthonormal half planes.
    factor: int
        How many times finer.

    Returns
    -------
    torch.Tensor
        ``(b, factor * D, factor * D)`` pixel values.  High frequencies are raised by what interpolation will
        take from them (the transform of its triangular kernel).
    """
    box = transforms.shape[-2]
    side = factor * box
    ky = torch.sinc(torch.fft.fftfreq(box, d=float(factor), device=transforms.device)) ** 2
    kx = torch.sinc(torch.fft.rfftfreq(box, d=float(factor), device=transforms.device)) ** 2
    raised = transforms * (factor / (ky[:, None] * kx))
    return rfft_to_image(pad_rfft(raised, side), side)


def extrude(images: Tensor, rotations: Tensor, field_px: Tensor | None, grid: WarpGrid, out: Tensor) -> None:
    """Add to every voxel the value of each image where the voxel lies in it.

    Parameters
    ----------
    images: torch.Tensor
        ``(b, s, s)`` images from :func:`oversample`, ``s`` a multiple of the box.
    rotations: torch.Tensor
        ``(b, 3, 3)`` or ``(b, 2, 3)`` from molecule to projection.
    field_px: torch.Tensor or None
        ``(b, 2, n)`` displacement ``(x, y)`` in the projection, in voxels of the volume, at the coarse points
        of the grid; None for no motion.
    grid: WarpGrid
        Voxels and coarse points.
    out: torch.Tensor
        ``(D, D, D)`` float32 ``[z, y, x]``, changed in place, on the device of the images.
    """
    factor = images.shape[-1] // grid.box
    matrices = (rotations[:, :2] * factor).contiguous()
    field = None if field_px is None else (field_px * factor).reshape(len(images), 2, *grid.shape)
    if images.device.type == "cpu":
        lower = torch.tensor(grid.lower)
        warped_numba.extrude(images.contiguous(), matrices, field, grid.spans, lower, grid.step, out)
        return
    extrude_torch(images, matrices, field, grid, out)


def extrude_torch(
    images: Tensor, matrices: Tensor, field: Tensor | None, grid: WarpGrid, out: Tensor
) -> None:
    """Do the work of the kernel with torch alone, for GPUs; lengths in pixels of the oversampled images."""
    n, side = len(images), images.shape[-1]
    for voxels in grid.voxels().to(images.device).split(max(1, _CHUNK // n)):
        relative = (voxels.flip(1) - grid.box // 2).to(images.dtype)
        seen = (relative @ matrices.transpose(1, 2)) + side // 2
        if field is not None:
            seen = seen + _sample_field(field, grid, voxels).transpose(1, 2)
        places = (2 * seen / (side - 1) - 1)[:, None]
        found = torch.nn.functional.grid_sample(images[:, None], places, align_corners=True)
        # As in the kernel: voxels that fall off an image, its last half pixel included, get nothing from it.
        found = found[:, 0, 0] * ((seen >= 0) & (seen < side - 1)).all(-1)
        flat = (voxels[:, 0] * grid.box + voxels[:, 1]) * grid.box + voxels[:, 2]
        out.view(-1)[flat] += found.sum(0)


def _sample_field(field: Tensor, grid: WarpGrid, voxels: Tensor) -> Tensor:
    """Trilinear values ``(b, c, n)`` of coarse fields ``(b, c, cz, cy, cx)`` at voxels ``(n, 3)`` z, y, x."""
    coarse = (voxels - voxels.new_tensor(grid.lower)).to(field.dtype) / grid.step
    last = coarse.new_tensor([size - 1 for size in grid.shape])
    places = (2 * coarse / last - 1).flip(1)[None, None, None].expand(len(field), -1, -1, -1, -1)
    return torch.nn.functional.grid_sample(field, places, align_corners=True)[:, :, 0, 0]
