"""Transformations of images in their plane: turn, shift, then perhaps mirror.

A transformation takes a point ``(x, y)``, in pixels from the centre ``n // 2``, to

    x' =  cos(alpha) x + sin(alpha) y + sx
    y' = -sin(alpha) x + cos(alpha) y + sy,     and then x' to -x' where it mirrors,

as 2D parameters of EMAN2 and SPHIRE have it: shifts stand in the turned frame, before mirroring.  The centre
of the transformed image therefore came from the *offset* ``d`` of the untouched one,
``(sx, sy) = -R(alpha) d``, in both mirror states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Planar:
    """Transformations of images in their plane; all three tensors share their leading dimensions.

    Attributes
    ----------
    alpha_deg
        ``(...)`` angles in degrees.
    shift
        ``(..., 2)`` as ``[sx, sy]`` in pixels, in the turned frame, before mirroring.
    mirror
        ``(...)`` bool.
    """

    alpha_deg: Tensor
    shift: Tensor
    mirror: Tensor

    def __post_init__(self) -> None:
        if self.shift.shape != (*self.alpha_deg.shape, 2) or self.mirror.shape != self.alpha_deg.shape:
            shapes = tuple(self.alpha_deg.shape), tuple(self.shift.shape), tuple(self.mirror.shape)
            raise ValueError(f"angles, shifts and mirrors do not belong together: {shapes}")

    # ------------------------------------------------------------------------------------------- makers
    @classmethod
    def identity(
        cls, *shape: int, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
    ) -> Planar:
        """Transformations that change nothing."""
        return cls(
            torch.zeros(shape, dtype=dtype, device=device),
            torch.zeros(*shape, 2, dtype=dtype, device=device),
            torch.zeros(shape, dtype=torch.bool, device=device),
        )

    @classmethod
    def from_offset(cls, alpha_deg: Tensor, offset: Tensor, mirror: Tensor) -> Planar:
        """Turn about a point of the untouched image, which becomes the centre.

        Parameters
        ----------
        alpha_deg: torch.Tensor
            ``(...)`` degrees.
        offset: torch.Tensor
            ``(..., 2)`` that point, in pixels from the centre of the untouched image.
        mirror: torch.Tensor
            ``(...)`` bool.
        """
        return cls(alpha_deg, -turned(alpha_deg, offset), mirror)

    @classmethod
    def from_table(cls, table: Any, device: torch.device | str | None = None) -> Planar:
        """Transformations of rows ``[alpha, sx, sy, mirror]`` ``(..., 4)``, in double precision."""
        rows = torch.as_tensor(table, dtype=torch.float64, device=device)
        return cls(rows[..., 0], rows[..., 1:3], rows[..., 3] > 0.5)

    @classmethod
    def from_relion(cls, psi_deg: Tensor, origin_a: Tensor, tilt_deg: Tensor, pixel_size: float) -> Planar:
        """Transformations of RELION's columns; the inverse of :meth:`to_relion`.

        Parameters
        ----------
        psi_deg: torch.Tensor
            ``(...)`` ``rlnAnglePsi``.
        origin_a: torch.Tensor
            ``(..., 2)`` ``rlnOriginXAngst`` and ``rlnOriginYAngst``.
        tilt_deg: torch.Tensor
            ``(...)`` ``rlnAngleTilt``, 0 or 180.
        pixel_size: float
            Å per pixel.
        """
        return cls.from_offset(-psi_deg, -origin_a / pixel_size, (tilt_deg.abs() - 180).abs() < 90)

    # ------------------------------------------------------------------------------------------ reading
    @property
    def shape(self) -> torch.Size:
        """Of the angles."""
        return self.alpha_deg.shape

    def __len__(self) -> int:
        return len(self.alpha_deg)

    def __getitem__(self, index: Any) -> Planar:
        """Some of the transformations, by anything that indexes the leading dimensions."""
        return Planar(self.alpha_deg[index], self.shift[index], self.mirror[index])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Planar:
        """The same on another device or with another floating point type."""
        return Planar(
            self.alpha_deg.to(device=device, dtype=dtype),
            self.shift.to(device=device, dtype=dtype),
            self.mirror.to(device=device),
        )

    def to_table(self) -> Tensor:
        """Rows ``[alpha, sx, sy, mirror]``, ``(..., 4)``."""
        parts = (self.alpha_deg[..., None], self.shift, self.mirror[..., None].to(self.shift.dtype))
        return torch.cat(parts, -1)

    def to_relion(self, pixel_size: float) -> tuple[Tensor, Tensor, Tensor]:
        """Columns that say the same to RELION.

        Parameters
        ----------
        pixel_size: float
            Å per pixel of the shifts.

        Returns
        -------
        tuple of torch.Tensor
            ``rlnAnglePsi`` ``(...)`` in [0, 360); ``rlnOriginXAngst`` and ``rlnOriginYAngst`` ``(..., 2)``;
            ``rlnAngleTilt`` ``(...)``, 180 where the image is mirrored (the view from behind) and else 0.
        """
        psi = torch.remainder(-self.alpha_deg, 360.0)
        psi = torch.where(psi >= 360.0, torch.zeros_like(psi), psi)
        return psi, -self.pre_rotation_offset() * pixel_size, 180.0 * self.mirror.to(psi.dtype)

    def pre_rotation_offset(self) -> Tensor:
        """Points ``d (..., 2)`` of the untouched images that become their centres."""
        return -turned(-self.alpha_deg, self.shift)

    # ---------------------------------------------------------------------------------------- arithmetic
    def compose(self, first: Planar) -> Planar:
        """The transformation that does `first` and then this one."""
        sign = torch.where(first.mirror, -1.0, 1.0).to(self.shift.dtype)
        alpha = sign * self.alpha_deg
        shift = turned(alpha, first.shift) + _mirrored(self.shift, first.mirror)
        return Planar(
            torch.remainder(first.alpha_deg + alpha, 360.0),
            shift,
            torch.logical_xor(first.mirror, self.mirror),
        )

    def inverse(self) -> Planar:
        """The transformations that undo these."""
        alpha = torch.where(self.mirror, self.alpha_deg, -self.alpha_deg)
        shift = -_mirrored(turned(-self.alpha_deg, self.shift), self.mirror)
        return Planar(torch.remainder(alpha, 360.0), shift, self.mirror)

    def apply(self, points: Tensor) -> Tensor:
        """Where points ``(..., 2)`` as ``(x, y)`` go."""
        return _mirrored(turned(self.alpha_deg, points) + self.shift, self.mirror)

    def scaled(self, factor: float) -> Planar:
        """The same transformations of images whose pixels are `factor` times smaller."""
        return Planar(self.alpha_deg, self.shift * factor, self.mirror)


def turned(alpha_deg: Tensor, points: Tensor) -> Tensor:
    """``R(alpha) p`` of points ``(..., 2)``: ``(cos x + sin y, -sin x + cos y)``."""
    angle = torch.deg2rad(alpha_deg)
    cos, sin = torch.cos(angle), torch.sin(angle)
    x, y = points[..., 0], points[..., 1]
    return torch.stack((cos * x + sin * y, cos * y - sin * x), -1)


def _mirrored(points: Tensor, mirror: Tensor) -> Tensor:
    sign = torch.where(mirror, -1.0, 1.0).to(points.dtype)
    return torch.stack((sign * points[..., 0], points[..., 1]), -1)
