"""Where the centre of an image is looked for: a small lattice about where it was last found.

The lattice starts at a whole pixel, the one nearest to the centre found before, so that all images share one
interpolation table.  That loses nothing: the lattice step decides how well a centre is found, not where the
lattice begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Lattice:
    """Points about which polar images are taken.

    Attributes
    ----------
    points
        ``(L, 2)`` as ``(x, y)``, pixels from the start.
    limit
        Largest offset from the centre of the image, pixels along x and along y.
    """

    points: Tensor
    limit: int

    @classmethod
    def square(
        cls,
        box: int,
        radius: int,
        xr: float,
        yr: float | None = None,
        ts: float = 1.0,
        device: torch.device | str | None = None,
    ) -> Lattice:
        """Points within a range, and the largest offset that keeps the last ring inside the box.

        Parameters
        ----------
        box, radius: int
            Edge of the images and radius of the last ring, pixels.
        xr, yr: float
            Range in x and in y, pixels; that of x for None.
        ts: float
            Step, pixels; the range is cut to a multiple of it.
        device: torch.device or str or None
            Where the points live.
        """
        nx, ny = int(xr / ts + 1e-6), int((xr if yr is None else yr) / ts + 1e-6)
        x = torch.arange(-nx, nx + 1, dtype=torch.float32) * ts
        y = torch.arange(-ny, ny + 1, dtype=torch.float32) * ts
        points = torch.cartesian_prod(y, x).flip(-1).contiguous().view(-1, 2)
        return cls(points.to(device), max(box // 2 + 1 - radius - 2, 0))

    def __len__(self) -> int:
        return len(self.points)

    def starts(self, offsets: Tensor, reset: bool = False) -> Tensor:
        """Whole pixels ``(n, 2)`` int64 at which the search begins.

        Parameters
        ----------
        offsets: torch.Tensor
            ``(n, 2)`` current centres, pixels from the centre of the image.
        reset: bool
            Begin at the centre of the image where the offset is beyond the limit (as classification does)
            instead of at the limit (as alignment within groups does).
        """
        if reset:
            beyond = (offsets.abs() > self.limit).any(-1, keepdim=True)
            offsets = torch.where(beyond, torch.zeros_like(offsets), offsets)
        return offsets.round().clamp(-self.limit, self.limit).long()

    def inside(self, starts: Tensor) -> Tensor:
        """Which points ``(L, n)`` stay within the limit."""
        places = starts[None] + self.points[:, None]
        return (places.abs() <= self.limit + 1e-3).all(-1)

    @property
    def reach(self) -> int:
        """Pixels that the points go out, rounded up."""
        return int(torch.ceil(self.points.abs().max()).item()) if len(self.points) else 0


def windows(images: Tensor, starts: Tensor, half: int) -> Tensor:
    """Cut ``(n, 2 half + 1, 2 half + 1)`` about whole pixels ``starts (n, 2)`` from the centre of images.

    What lies outside takes the value at the edge.
    """
    n, ny, nx = images.shape
    around = torch.arange(-half, half + 1, device=images.device)
    x = (starts[:, :1] + around + nx // 2).clamp(0, nx - 1)
    y = (starts[:, 1:] + around + ny // 2).clamp(0, ny - 1)
    flat = (y * nx)[:, :, None] + x[:, None, :]
    size = 2 * half + 1
    return images.reshape(n, -1).gather(1, flat.view(n, -1)).view(n, size, size)
