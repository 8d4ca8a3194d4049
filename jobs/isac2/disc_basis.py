"""Images in a disc as sums of Fourier-Bessel functions: a rotation is a phase, a filter a factor.

The functions ``J_m(k r / R) cos(m theta)`` and ``... sin(m theta)`` with ``J_m(k) = 0`` are the standing
waves of a drum of radius R.  They are orthogonal, each belongs to one spatial frequency ``k / (2 pi R)``, and
turning an image by an angle turns its pair of coefficients of order m by m times the angle.  So within-group
alignment needs the pixels of an image only once: averages, their low-pass filters and all correlations are
computed from coefficients, and only from those below the cutoff of the moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.special import jn_zeros, jv
from torch import Tensor

from jobs.maths.fourier import image_to_rfft, rfft_to_image, shift_phases

_NYQUIST = 0.5
_ORDERS_PER_BUCKET = 8
# One pixel more than the last ring, so that the waves do not end on it.
_MARGIN = 1.0


@dataclass(frozen=True)
class Bucket:
    """Neighbouring angular orders, stored with the same number of radial functions (the missing ones are 0).

    Attributes
    ----------
    first
        Lowest angular order.
    orders, radial
        How many angular orders, and radial functions of each.
    frequency
        ``(orders, radial)`` float32 in 1/px, on the CPU; infinite where there is no function.
    """

    first: int
    orders: int
    radial: int
    frequency: Tensor

    def below(self, band: float) -> tuple[int, int]:
        """Return how many orders, and radial functions at most, have a frequency up to ``band`` in 1/px."""
        inside = self.frequency <= band
        return int(inside.any(1).sum()), int(inside.any(0).sum())


class DiscBasis:
    """Fourier-Bessel functions of a disc, and the coefficients of images in them.

    Parameters
    ----------
    radius
        Last ring in pixels.
    device
        Where coefficients are computed.

    Attributes
    ----------
    buckets
        Functions by angular order.
    edge
        Radius R in pixels at which the functions vanish.
    reach
        Pixels from the centre that are needed of an image along x and y.
    """

    def __init__(self, radius: float, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        edge = self.edge = radius + _MARGIN
        self.reach = math.ceil(edge) - 1
        highest = 2 * math.pi * edge * _NYQUIST
        zeros: list[np.ndarray] = []
        count = math.ceil(highest / math.pi) + 2
        while True:
            found = jn_zeros(len(zeros), count)
            found = found[found <= highest]
            if len(found) == 0:
                break
            zeros.append(found)
        y, x = np.mgrid[: self.reach + 1, : self.reach + 1]
        inside = x**2 + y**2 < edge**2
        self._x, self._y = x[inside], y[inside]
        r = np.hypot(self._x, self._y)
        theta = np.arctan2(self._y, self._x)
        # Pixels on an axis meet themselves when the image is folded.
        share = np.where(self._x == 0, 0.5, 1.0) * np.where(self._y == 0, 0.5, 1.0)
        self.buckets: list[Bucket] = []
        parts: list[list[np.ndarray]] = [[], [], [], []]
        for first in range(0, len(zeros), _ORDERS_PER_BUCKET):
            orders = zeros[first : first + _ORDERS_PER_BUCKET]
            radial = len(orders[0])
            frequency = np.full((len(orders), radial), np.inf)
            for row, roots in enumerate(orders):
                m = first + row
                frequency[row, : len(roots)] = roots / (2 * math.pi * edge)
                waves = np.zeros((radial, len(r)))
                norm = math.sqrt(math.pi) * edge * np.abs(jv(m + 1, roots)) / (math.sqrt(2) if m else 1.0)
                waves[: len(roots)] = share * jv(m, roots[:, None] * r / edge) / norm[:, None]
                # Order of parts: even cosine, odd cosine, even sine, odd sine.
                parts[m % 2].append(waves * np.cos(m * theta))
                parts[2 + m % 2].append(waves * np.sin(m * theta))
            table = torch.tensor(frequency, dtype=torch.float32)
            self.buckets.append(Bucket(first, len(orders), radial, table))
        quarter = len(r)
        self._waves = [
            torch.tensor(np.concatenate(part) if part else np.zeros((0, quarter)), dtype=torch.float32).to(
                self.device
            )
            for part in parts
        ]

    @property
    def orders(self) -> int:
        """Number of angular orders, 0 included."""
        return sum(bucket.orders for bucket in self.buckets)

    def coefficients(self, images: Tensor, offsets: Tensor, groups: int) -> list[Tensor]:
        """Return the coefficients of images about several centres.

        Parameters
        ----------
        images
            ``(groups * n, y, x)`` images, the members of a group one after the other.
        offsets
            ``(p, 2)`` integer places ``(x, y)`` in pixels from pixel ``box // 2``, the same for all images.
        groups
            Number of groups.

        Returns
        -------
        list of torch.Tensor
            Per bucket ``(orders, groups, radial, 2, p, n)``, cosine and sine coefficients; inner products
            with normalised functions. In memory all radial functions of one image about one centre lie
            together.
        """
        box = images.shape[-1]
        members = images.shape[0] // groups
        device = self.device
        # Images innermost: one pixel of all images lies together.
        pixels = images.reshape(groups * members, -1).T.contiguous()
        out = [
            torch.empty(b.orders, groups, len(offsets), members, 2, b.radial, device=device)
            for b in self.buckets
        ]
        x = torch.tensor(self._x, device=device)
        y = torch.tensor(self._y, device=device)
        for p, (ox, oy) in enumerate(offsets.tolist()):
            row, column = box // 2 + int(oy), box // 2 + int(ox)
            lines = [(row + sy * y) * box + column + sx * x for sy in (1, -1) for sx in (1, -1)]
            right_up, left_up, right_down, left_down = (pixels.index_select(0, line) for line in lines)
            up_even, up_odd = right_up + left_up, right_up - left_up
            down_even, down_odd = right_down + left_down, right_down - left_down
            folded = (up_even + down_even, up_odd + down_odd, up_odd - down_odd, up_even - down_even)
            products = [pixel.T @ waves.T for waves, pixel in zip(self._waves, folded, strict=True)]
            self._sort(products, out, p, groups, members)
        return [part.permute(0, 1, 5, 4, 2, 3) for part in out]

    def _sort(self, products: list[Tensor], out: list[Tensor], p: int, groups: int, members: int) -> None:
        """Put products of the four kinds of waves where their angular order belongs."""
        at = [0, 0]
        for bucket, target in zip(self.buckets, out, strict=True):
            for parity in (0, 1):
                start = (parity - bucket.first) % 2
                count = len(range(start, bucket.orders, 2))
                rows = slice(at[parity], at[parity] + count * bucket.radial)
                at[parity] = rows.stop
                for kind in (0, 1):
                    values = products[2 * kind + parity][:, rows]
                    shaped = values.unflatten(1, (count, bucket.radial)).unflatten(0, (groups, members))
                    target[start::2, :, p, :, kind] = shaped.movedim(2, 0)


@lru_cache(maxsize=4)
def disc_basis(radius: float, device: torch.device) -> DiscBasis:
    """Return the functions of a disc, made once per radius and device, because they cost a second."""
    return DiscBasis(radius, device)


def shifted_images(images: Tensor, offsets: Tensor) -> Tensor:
    """Return images moved so that the point ``offset`` from their centre becomes their centre.

    Parameters
    ----------
    images
        ``(n, y, x)``.
    offsets
        ``(n, 2)`` as ``(x, y)`` in pixels, of any fraction.
    """
    box = images.shape[-1]
    return rfft_to_image(image_to_rfft(images) * shift_phases(box, -offsets.to(images.dtype)), box)
