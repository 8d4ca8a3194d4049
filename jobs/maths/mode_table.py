"""Motion modes tabulated as cubic B-splines, and displacements read from the table.

The coefficients of the splines are those of M. Unser, Splines: a perfect fit for signal and image
processing, IEEE Signal Processing Magazine 16 (1999).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.ndimage import spline_filter1d
from torch import Tensor

#: Nodes beyond the covered region that are kept for the spline's reach, and further ones that are evaluated
#: because the prefilter has to guess what lies outside: its error falls to a quarter from node to node.
MARGIN, FADING = 2, 6
_TABULATED_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class ModeTable:
    """Modes as cubic B-splines, and where they are allowed to act.

    Attributes
    ----------
    splines
        ``(K, G, G, G, 3)`` spline coefficients in Å ``[mode, z, y, x, component]``.
    lower_a
        Coordinate in Å of the first node, the same along x, y and z.
    spacing_a
        Distance of the nodes in Å.
    mask
        ``(D, D, D)`` factor of the modes, trilinear between voxels and 0 outside; None for 1 everywhere.
    mask_voxel_a
        Its voxel size in Å; voxel ``D // 2`` lies at the origin.
    """

    splines: Tensor
    lower_a: float
    spacing_a: float
    mask: Tensor | None = None
    mask_voxel_a: float = 1.0

    @property
    def n_nodes(self) -> int:
        """Nodes along an axis."""
        return self.splines.shape[1]

    def states(self, coefficients: Tensor) -> Tensor:
        """Spline coefficients ``(b, G, G, G, 3)`` of the fields with coefficients ``(b, K)``."""
        nodes = self.n_nodes
        flat = self.splines.reshape(len(self.splines), -1)
        return (coefficients @ flat).view(-1, nodes, nodes, nodes, 3)


def tabulate(
    basis: Callable[[Tensor], Tensor],
    half_side_a: float,
    spacing_a: float,
    *,
    mask: Tensor | None = None,
    mask_voxel_a: float = 1.0,
    device: torch.device | str = "cpu",
) -> ModeTable:
    """Tabulate modes over a cube about the origin.

    Parameters
    ----------
    basis: callable
        Modes ``(n, 3, K)`` in Å at points ``(n, 3)`` in Å, without the mask.
    half_side_a: float
        Half the side of the cube in Å; outside it (and a margin) the field is continued as a constant.
    spacing_a: float
        Distance of the nodes in Å; an eighth of the shortest wavelength gives errors of some 1e-4.
    mask, mask_voxel_a
        See :class:`ModeTable`.
    device: torch.device or str
        Where the basis is evaluated and the table lies.
    """
    reach = int(np.ceil(half_side_a / spacing_a)) + MARGIN + FADING
    nodes = 2 * reach + 1
    axis = (torch.arange(nodes, device=device) - reach) * spacing_a
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    places = torch.stack((x, y, z), -1).reshape(-1, 3).float()
    parts = [basis(part).permute(2, 0, 1).cpu() for part in places.split(_TABULATED_AT_ONCE)]
    values = torch.cat(parts, 1).reshape(-1, nodes, nodes, nodes, 3).numpy()
    for dimension in (1, 2, 3):
        values = spline_filter1d(values, order=3, axis=dimension, output=np.float32, mode="mirror")
    kept = slice(FADING, nodes - FADING)
    splines = torch.from_numpy(np.ascontiguousarray(values[:, kept, kept, kept])).to(device)
    own_mask = None if mask is None else mask.detach().float().contiguous().to(device)
    return ModeTable(splines, (FADING - reach) * spacing_a, spacing_a, own_mask, mask_voxel_a)


def evaluate(fields: Tensor, table: ModeTable, points_a: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Displacement ``(m, 3)`` in Å and Jacobian ``(m, 3, 3)`` of states ``rows`` (m,) at points (m, 3)."""
    nodes, spacing = table.n_nodes, table.spacing_a
    free = (points_a - table.lower_a) / spacing
    place = free.clamp(1.0, nodes - 2.001)
    inside = ((free >= 1.0) & (free <= nodes - 2.001)).float()
    first = place.floor().long()
    weight, slope = _spline_weights(place - first)
    slope = slope * (inside / spacing)[:, None, :]
    flat = fields.reshape(-1, 3)
    value = points_a.new_zeros(len(points_a), 3)
    jacobian = points_a.new_zeros(len(points_a), 3, 3)
    base = (((rows * nodes + first[:, 2] - 1) * nodes + first[:, 1] - 1) * nodes) + first[:, 0] - 1
    for k, j, i in product(range(4), range(4), range(4)):
        node = flat[base + (k * nodes + j) * nodes + i]
        wx, wy, wz = weight[:, i, 0], weight[:, j, 1], weight[:, k, 2]
        value += (wx * wy * wz)[:, None] * node
        gradient = torch.stack(
            (slope[:, i, 0] * wy * wz, wx * slope[:, j, 1] * wz, wx * wy * slope[:, k, 2]), 1
        )
        jacobian += node[:, :, None] * gradient[:, None, :]
    if table.mask is None:
        return value, jacobian
    factor, change = _mask_and_gradient(table.mask, table.mask_voxel_a, points_a)
    jacobian = factor[:, None, None] * jacobian + value[:, :, None] * change[:, None, :]
    return factor[:, None] * value, jacobian


def _spline_weights(offset: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and slopes ``(m, 4, 3)`` of the four cubic B-splines about offsets ``(m, 3)`` from a node."""
    t, s = offset, 1 - offset
    weight = (s**3 / 6, t**3 / 2 - t**2 + 2 / 3, s**3 / 2 - s**2 + 2 / 3, t**3 / 6)
    slope = (-(s**2) / 2, 1.5 * t**2 - 2 * t, 2 * s - 1.5 * s**2, t**2 / 2)
    return torch.stack(weight, 1), torch.stack(slope, 1)


def _mask_and_gradient(mask: Tensor, voxel_a: float, points_a: Tensor) -> tuple[Tensor, Tensor]:
    """Trilinear value ``(m,)`` of a mask and its gradient ``(m, 3)`` per Å; 0 outside."""
    box = mask.shape[0]
    place = points_a / voxel_a + box // 2
    first = place.floor()
    offset = place - first
    value = points_a.new_zeros(len(points_a))
    gradient = torch.zeros_like(points_a)
    for k, j, i in product((0, 1), repeat=3):
        corner = first.long() + torch.tensor((i, j, k), device=first.device)
        inside = ((corner >= 0) & (corner < box)).all(1)
        x, y, z = corner.clamp(0, box - 1).unbind(1)
        node = mask[z, y, x] * inside
        w = [offset[:, d] if one else 1 - offset[:, d] for d, one in enumerate((i, j, k))]
        sign = [1.0 if one else -1.0 for one in (i, j, k)]
        value += node * w[0] * w[1] * w[2]
        gradient += node[:, None] * torch.stack(
            (sign[0] * w[1] * w[2], sign[1] * w[0] * w[2], sign[2] * w[0] * w[1]), 1
        )
    return value, gradient / voxel_a
