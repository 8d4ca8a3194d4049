"""Sums of one half-set's deformed backprojection: filled batch by batch, saved, and turned into maps.

Every image is centred, multiplied by its CTF and filtered so that its plain backprojection is already close
to the map (ramp over the mean square of the CTF): what remains to be divided out is local, and neither the
edge of the region nor the field beyond the molecule matter much. The numerator inside the region comes from
the moved voxels, outside from the ordinary sums; the divisor is that of the ordinary reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from jobs.dynamight.images import Batch, ParticleImages
from jobs.dynamight.model import Frame, mask_at
from jobs.dynamight.poses import apply_corrections
from jobs.dynamight.state import TrainedHalf
from jobs.maths.backproject import Backprojector
from jobs.maths.fourier import (
    radius_rfft,
    rfft_to_volume,
    shell_average,
    shell_index,
    shift_phases,
    volume_to_rfft,
)
from jobs.maths.slices import sinc_squared
from jobs.maths.warped import WarpGrid, extrude, oversample

#: The divisor is the weight plus this part of the mean weight of its shell, as in the Backprojector.
REGULARISATION = 0.1
#: Images whose CTFs shape the filter, at most; and the least mean square of a CTF that is divided by.
_CTF_SAMPLE, _LEAST_CTF = 200, 0.02


@dataclass(frozen=True)
class Region:
    """Where the motion is undone.

    Attributes
    ----------
    mask
        ``(D, D, D)`` soft mask: 1 where the moved voxels count, 0 where the ordinary sums do.
    grid
        Voxels and coarse points of the displacement field.
    freedom
        ``(D, D, D)`` mask that holds the motion back: none where it is 0, all where it is 1; None for all.
    """

    mask: Tensor
    grid: WarpGrid
    freedom: Tensor | None = None

    @classmethod
    def make(cls, mask: Tensor, downsample: int, freedom: Tensor | None = None) -> Region:
        """Region of a mask, with the displacement given at every ``downsample``-th voxel.

        Raises
        ------
        ValueError
            If nothing may move, because the mask is empty or its freedom is zero throughout.
        """
        # Where nothing moves the moved sums would only repeat the ordinary ones.
        mask = mask if freedom is None else mask * (freedom > 0)
        return cls(mask, WarpGrid.make(mask > 0, downsample), freedom)


def image_filter(images: ParticleImages) -> Tensor:
    """Filter ``(D, D // 2 + 1)`` of all images, a function of the radius alone, 1 on average."""
    box = images.box
    rows = torch.arange(0, images.n, max(1, images.n // _CTF_SAMPLE))
    total, premultiplied = torch.zeros(box, box // 2 + 1), images.views.premultiplied
    for part in rows.split(20):
        power = images.batch(part, box).ctf.cpu() ** 2
        total += torch.where(premultiplied[part][:, None, None], power.sqrt(), power).sum(0)
    power = shell_average(total / len(rows), box).clamp(min=_LEAST_CTF)
    shell = shell_index(box).clamp(max=box // 2)
    ramp = radius_rfft(box).clamp(min=0.5) / power[shell]
    return (ramp / ramp.mean()).to(images.device)


class HalfSums:
    """Sums of one half-set.

    Parameters
    ----------
    trained: TrainedHalf
        Its model, on the device of the images.
    images: ParticleImages
        All images.
    corrections: torch.Tensor or None
        ``(p, 5)`` refined poses of the particles of this half-set.
    filtered: torch.Tensor
        From :func:`image_filter`.
    region: Region or None
        Where the motion is undone; None gives the ordinary reconstruction alone.
    """

    def __init__(
        self,
        trained: TrainedHalf,
        images: ParticleImages,
        corrections: Tensor | None,
        filtered: Tensor,
        region: Region | None,
    ) -> None:
        self.trained, self.images, self.region = trained, images, region
        self.rows = torch.from_numpy(trained.rows)
        self.corrections, self.filter = corrections, filtered
        self.ordinary = Backprojector(images.box, images.device)
        self.moved = torch.zeros((images.box,) * 3 if region else (0, 0, 0), device=images.device)
        self._inside = radius_rfft(images.box, images.device) <= self.ordinary.radius
        self._place = torch.full((images.n,), -1)
        self._place[self.rows] = torch.arange(len(self.rows))
        if region is not None:
            points = region.grid.points(images.pixel_size_a).to(images.device)
            with torch.no_grad():
                modes = trained.model.basis(points) / images.pixel_size_a
                if region.freedom is not None:
                    modes = modes * self._freedom(region.freedom, points)[:, None, None]
            # (K, 3 n): the displacements of a batch are one matrix product.
            self._modes = modes.permute(2, 1, 0).reshape(modes.shape[2], -1).contiguous()

    def _freedom(self, freedom: Tensor, points_a: Tensor) -> Tensor:
        """How much of the learnt motion is left at points: a mask used in training counts only once."""
        frame = Frame(self.images.box, self.images.pixel_size_a)
        # Coarse points may lie one step outside the box, where the mask goes on as at its edge.
        first, last = -(frame.box // 2), frame.box - 1 - frame.box // 2
        within = points_a.clamp(first * frame.voxel_size_a, last * frame.voxel_size_a)
        wanted = mask_at(freedom.to(points_a.device), within, frame)
        learnt = self.trained.model.mobility(points_a)
        # A mask of ones, or the one of the training, leaves the motion exactly as it is despite rounding.
        return torch.where(wanted > learnt - 1e-4, 1.0, wanted / learnt.clamp(min=1e-4))

    @torch.no_grad()
    def add(self, batch: Batch) -> None:
        """Add a batch of particles of this half-set."""
        box, local = self.images.box, self._place[batch.rows.cpu()].to(self.images.device)
        rotations, transforms = self.images.rotations[batch.rows], batch.transforms
        if self.corrections is not None:
            rotations, shifts_a = apply_corrections(self.corrections[local], rotations)
            transforms = transforms * shift_phases(box, -shifts_a / self.images.pixel_size_a)
        rotations = rotations[:, :2].contiguous()  # with magnification; slices may then leave the volume
        weights = self.filter.expand_as(batch.ctf)
        premultiplied = self.images.views.premultiplied[batch.rows.cpu()]
        if bool(premultiplied.any()):
            # Their images and "CTFs" hold one factor of the CTF already.
            again = self.filter / batch.ctf.clamp(min=1e-6)
            weights = torch.where(premultiplied.to(again.device)[:, None, None], again, weights)
        self.ordinary.add(transforms, batch.ctf, rotations, weights=weights)
        if self.region is None:
            return
        fine = oversample(transforms * (batch.ctf * weights * self._inside))
        coefficients = self.trained.model.field.coefficients(self.trained.means[local])
        field = (coefficients @ self._modes).view(len(local), 3, -1)
        extrude(fine, rotations, torch.matmul(rotations, field), self.region.grid, self.moved)

    def ordinary_map(self) -> Tensor:
        """Map ``(D, D, D)`` of all particles as if nothing moved."""
        return self.ordinary.reconstruct(REGULARISATION)

    def deformed_map(self) -> Tensor:
        """Map ``(D, D, D)`` of all particles with their motion undone."""
        if self.region is None:
            raise ValueError("no deformed sums were kept")
        box = self.images.box
        data, weight = self.ordinary.folded()
        # Real-space sums and inserted slices differ by the footprint of trilinear insertion and by the
        # transforms' normalisation: images have 1 / D, the volume has D^(-3/2).
        moved = self.moved * (sinc_squared(box, box, self.moved.device) / box**0.5)
        mask = self.region.mask.to(self.moved.device)
        numerator = volume_to_rfft(torch.lerp(rfft_to_volume(data, box), moved, mask))
        shell = shell_index(box, weight.device, 3).clamp(max=box // 2)
        divisor = weight + REGULARISATION * shell_average(weight, box, 3)[shell]
        inside = (radius_rfft(box, weight.device, 3) <= self.ordinary.radius + 1e-3) & (divisor > 0)
        transform = torch.where(
            inside, numerator / divisor.clamp(min=torch.finfo(divisor.dtype).tiny), 0.0 * numerator
        )
        return rfft_to_volume(transform, box) / box**0.5

    def state_dict(self) -> dict[str, Any]:
        """Sums so far."""
        return {"ordinary": self.ordinary.sums, "moved": self.moved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up saved sums."""
        self.ordinary.sums.copy_(state["ordinary"])
        self.moved.copy_(state["moved"])
