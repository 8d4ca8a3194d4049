"""What the encoder sees of an image: its difference from the consensus, in the frame of the particle.

An image alone does not say from where it was taken, so a network that sees images must learn for every view
by itself what a change of the structure looks like. The poses are known, so each image is put where it lies
in the Fourier space of the particle: the samples of a ball of low frequencies, zero where its plane does not
pass. A sum over the images of a particle is then its back-projection, and one set of weights serves all.
Values are differences from the consensus times the CTF, as in the estimate of greatest likelihood of a small
change.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from jobs.maths.slices import SlicePlane
from jobs.tomodrgn import particle_frame_numba
from jobs.tomodrgn.batches import Batch

#: Mean square of a value with unit noise, times the radius of the ball: how often a plane passes near a point
#: (0.22, with the squares of the interpolation weights) and the mean square of the CTF.
_MEAN_SQUARE = 0.11


class ParticleFrame:
    """Where samples of images lie in the frame of their particle.

    Parameters
    ----------
    plane
        Samples of an image; each with its conjugate.

    Attributes
    ----------
    points
        ``(m, 3)`` frequencies x, y, z of the ball in Fourier pixels, as many as an image has samples; the
        place of a point among them by distance is that of the sample in its row, so that a mask of low
        frequencies of the image is one of the ball.
    """

    def __init__(self, plane: SlicePlane) -> None:
        self.plane = plane
        m, device = len(plane.index), plane.xy.device
        radius = (1.5 * m / math.pi) ** (1 / 3)
        reach = math.ceil(radius) + 1
        axis = torch.arange(-reach, reach + 1, device=device)
        grid = torch.cartesian_prod(axis, axis, axis)
        x, y, z = grid.unbind(1)
        half = (x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0))))
        grid = grid[half].float()
        nearest = grid[grid.square().sum(1).argsort(stable=True)[:m]]
        self.points = torch.empty_like(nearest)
        self.points[plane.xy.square().sum(1).argsort(stable=True)] = nearest
        self._scale = math.sqrt(radius / _MEAN_SQUARE)
        box = plane.box
        column = torch.nonzero(plane.xy[:, 0] == 0)[:, 0]
        self._column = column
        self._mirror = (-plane.xy[column, 1].long()) % box * (box // 2 + 1)

    def place(self, values: Tensor, rotations: Tensor) -> Tensor:
        """Samples of images at the points of the ball.

        Parameters
        ----------
        values
            ``(n, m, 2)`` samples of images.
        rotations
            ``(n, 3, 3)`` RELION matrices reference to image.

        Returns
        -------
        torch.Tensor
            ``(n, m, 2)``, interpolated linearly along the three axes of the image.
        """
        box = self.plane.box
        width = box // 2 + 1
        dense = values.new_zeros(len(values), box * width, 2)
        dense[:, self.plane.index] = values
        dense[:, self._mirror] = values[:, self._column] * values.new_tensor([1.0, -1.0])
        if dense.device.type == "cpu" and dense.dtype == torch.float32 and not dense.requires_grad:
            out = torch.empty(len(values), len(self.points), 2)
            particle_frame_numba.place(
                dense.numpy(), box, self.points.numpy(), rotations.contiguous().numpy(), out.numpy()
            )
            return out
        return self.place_dense(dense, rotations)

    def place_dense(self, dense: Tensor, rotations: Tensor) -> Tensor:
        """The same for whole half planes ``(n, D * (D // 2 + 1), 2)``, by plain torch."""
        box = self.plane.box
        width = box // 2 + 1
        # Frequencies (n, m, xyz) in the frame of the image.
        there = self.points.to(rotations.dtype) @ rotations.transpose(1, 2)
        sign = torch.where(there[..., :1] < 0, -1.0, 1.0)
        x, y, away = (there * sign).unbind(-1)
        near = (1 - away.abs()).clamp(min=0)
        x0, y0 = x.floor(), y.floor()
        out: Tensor | None = None
        for i in (0, 1):
            for j in (0, 1):
                column, row = (x0 + i).long(), (y0 + j).long()
                inside = (column < box // 2) & (row.abs() < box // 2)
                weight = (1 - (x - column).abs()) * (1 - (y - row).abs()) * near * inside
                index = (row % box) * width + column.clamp(max=box // 2)
                part = dense.gather(1, index[..., None].expand(-1, -1, 2)) * weight[..., None]
                out = part if out is None else out + part
        assert out is not None
        return torch.cat((out[..., :1], out[..., 1:] * sign), dim=-1)

    def shown(self, batch: Batch) -> Batch:
        """What the encoder is given for images whose coefficients are differences from the consensus."""
        factor = batch.ctf if batch.weight is None else batch.ctf * batch.weight
        values = self.place(batch.coefficients * factor[..., None], batch.rotations) * self._scale
        return replace(batch, coefficients=values, ctf=torch.ones_like(batch.ctf), weight=None)
