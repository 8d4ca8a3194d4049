"""Which lattice points one search around each of them visits, and their part of products with all points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def pick_near(product: Tensor, near: Tensor) -> Tensor:
    """Return ``(2, orders, s, g, l, n)``, of products ``(orders, g, l, 2, p * n)`` those at the points near.

    Parameters
    ----------
    product
        All points, members innermost.
    near
        ``(g, l, s, n)`` points.
    """
    orders, groups, runs, kinds, _ = product.shape
    searched, members = near.shape[2:]
    index = (near * members + torch.arange(members, device=near.device)).flatten(2)
    if product.device.type == "cpu":
        # numpy takes from innermost axes several times as fast as torch gathers there
        out = np.empty((groups, runs, orders, kinds, searched * members), np.float32)
        source, places = product.numpy(), index.numpy()
        for g, run in np.ndindex(groups, runs):
            np.take(source[:, g, run], places[g, run], axis=-1, out=out[g, run], mode="wrap")
        chosen = torch.from_numpy(out).unflatten(-1, (searched, members))
        return chosen.permute(3, 2, 4, 0, 1, 5)
    wide = index[None, :, :, None].expand(orders, groups, runs, kinds, searched * members)
    chosen = torch.gather(product, 4, wide).unflatten(-1, (searched, members))
    return chosen.permute(3, 0, 4, 1, 2, 5)


def neighbourhood(points: Tensor, reach: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the lattice points ``(p, s)`` one search around each point visits, and which of them exist."""
    x, y = points.unbind(-1)
    wide, high = int(x.max()), int(y.max())
    reach_x, reach_y = min(reach[0], 2 * wide), min(reach[1], 2 * high)
    sy, sx = torch.meshgrid(
        torch.arange(-reach_y, reach_y + 1, device=points.device),
        torch.arange(-reach_x, reach_x + 1, device=points.device),
        indexing="ij",
    )
    to_x = x[:, None] + sx.flatten()
    to_y = y[:, None] + sy.flatten()
    exists = (to_x.abs() <= wide) & (to_y.abs() <= high)
    index = (to_y.clamp(-high, high) + high) * (2 * wide + 1) + to_x.clamp(-wide, wide) + wide
    return index, exists
