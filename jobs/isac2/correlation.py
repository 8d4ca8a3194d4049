"""Rotational cross-correlation of polar images, straight and mirrored, as matrix products.

For a reference ``F`` and an image ``G`` (coefficients of :mod:`jobs.maths.polar`, ring weights on ``F``)

    q(alpha) = sum_m e_m Re(Q_m exp(i m alpha)),  Q = sum_r F conj(G)         straight
    t(alpha) = the same of                        T = sum_r conj(F) conj(G)   mirrored

with ``e_0 = 1`` and else 2; the angle at the maximum is the ``alpha`` that turns the image onto the
reference. Both need only the four products of real and imaginary parts, one real matrix product per
frequency for all references and images. Angles ``alpha`` and ``-alpha`` share their cosine sums and differ
in the sign of their sine sums, as ``alpha`` and ``180 - alpha`` do for even and odd frequencies apart: a
quarter of the turn is summed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.maths.polar import PolarGrid

#: Angles in a turn.
N_ANGLES = 256
_QUARTER = N_ANGLES // 4


class Correlator:
    """Correlations of polar images up to one frequency.

    Parameters
    ----------
    grid: PolarGrid
        Rings and layout of the coefficients; its device is used.
    frequency: float or None
        Finest detail of the references, 1/pixel; all that the grid has when None.
    step_deg: float or None
        Look only at multiples of this angle instead of all 256.
    """

    def __init__(
        self, grid: PolarGrid, frequency: float | None = None, step_deg: float | None = None
    ) -> None:
        self.grid = grid
        self.bands = grid.bands_up_to(frequency)
        self.n_m = self.bands[-1].m + self.bands[-1].n_m
        self.n_rows = self.bands[-1].rows.stop
        m = torch.arange(self.n_m, dtype=torch.float64)
        fold = torch.where(m == 0, 1.0, 2.0)
        if step_deg is None:
            angles = torch.arange(_QUARTER + 1, dtype=torch.float64) * (2 * math.pi / N_ANGLES)
        else:
            angles = torch.deg2rad(torch.arange(int(180 / step_deg) + 1, dtype=torch.float64) * step_deg)
        self._folded = step_deg is None
        cos = (torch.cos(torch.outer(angles, m)) * fold).float().to(grid.device)
        sin = (torch.sin(torch.outer(angles, m)) * fold).float().to(grid.device)
        # even and odd frequencies apart where both are summed apart
        parts = (slice(0, None, 2), slice(1, None, 2)) if self._folded else (slice(None),)
        self._cos = [cos[:, part].contiguous() for part in parts]
        self._sin = [sin[:, part].contiguous() for part in parts]
        # All angles in the order of the whole turn, for single curves.
        if step_deg is None:
            turn = torch.arange(N_ANGLES, dtype=torch.float64) * (2 * math.pi / N_ANGLES)
        else:
            turn = torch.cat((angles, -angles[1:]))
        self.angles_deg = torch.rad2deg(turn).to(grid.device)
        self._turn_cos = (torch.cos(torch.outer(turn, m)) * fold).to(grid.device)
        self._turn_sin = (torch.sin(torch.outer(turn, m)) * fold).to(grid.device)

    def weighted(self, coefficients: Tensor) -> Tensor:
        """Coefficients ``(rows, 2, k)`` of references with the weights of their rings."""
        weights = self.grid.ring_weights[self.grid.row_ring]
        return coefficients * weights[:, None, None]

    def maxima(self, references: Tensor, coefficients: Tensor) -> Tensor:
        """Best correlation over all angles.

        Parameters
        ----------
        references: torch.Tensor
            ``(rows, 2, k)`` of :meth:`weighted`.
        coefficients: torch.Tensor
            ``(rows, 2, n)`` of images.

        Returns
        -------
        torch.Tensor
            ``(2, k, n)``: straight, mirrored.
        """
        k, n = references.shape[2], coefficients.shape[2]
        products = references.new_empty(self.n_m, 2 * k, 2 * n)
        for band in self.bands:
            left = references[band.rows].reshape(band.n_m, band.n_rings, 2 * k).transpose(1, 2)
            right = coefficients[band.rows].reshape(band.n_m, band.n_rings, 2 * n)
            torch.bmm(left, right, out=products[band.m : band.m + band.n_m])
        parts = products.view(self.n_m, 2, k, 2, n)
        even, odd = references.new_empty(2, self.n_m, 2, k, n).unbind(0)
        torch.add(parts[:, 0, :, 0], parts[:, 1, :, 1], out=even[:, 0])
        torch.sub(parts[:, 0, :, 0], parts[:, 1, :, 1], out=even[:, 1])
        torch.sub(parts[:, 1, :, 0], parts[:, 0, :, 1], out=odd[:, 0])
        torch.add(parts[:, 1, :, 0], parts[:, 0, :, 1], out=odd[:, 1])
        del products, parts
        return self._largest(even.view(self.n_m, -1), odd.view(self.n_m, -1)).view(2, k, n)

    def _largest(self, even: Tensor, odd: Tensor) -> Tensor:
        """Largest of cosine sums plus the size of sine sums: the better of each angle and its negative."""
        if not self._folded:
            return torch.mm(self._sin[0], odd).abs_().add_(torch.mm(self._cos[0], even)).amax(0)
        cos_even = torch.mm(self._cos[0], even[0::2])
        cos_odd = torch.mm(self._cos[1], even[1::2])
        sin_even = torch.mm(self._sin[0], odd[0::2])
        sin_odd = torch.mm(self._sin[1], odd[1::2])
        near = (sin_even + sin_odd).abs_().add_(cos_even).add_(cos_odd).amax(0)
        far = sin_even.sub_(sin_odd).abs_().add_(cos_even).sub_(cos_odd).amax(0)
        return torch.maximum(near, far)

    def curves(self, references: Tensor, coefficients: Tensor, mirror: Tensor) -> Tensor:
        """Correlation of pairs at all angles, in double precision.

        Parameters
        ----------
        references, coefficients: torch.Tensor
            ``(rows, 2, n)``, reference (weighted) and image of each pair.
        mirror: torch.Tensor
            ``(n,)`` bool, which of the two curves.

        Returns
        -------
        torch.Tensor
            ``(n, angles)`` at `angles_deg`.
        """
        sign = torch.where(mirror, -1.0, 1.0).double()
        n = coefficients.shape[2]
        real = coefficients.new_empty(self.n_m, n, dtype=torch.float64)
        imaginary = torch.empty_like(real)
        for band in self.bands:
            shape = (band.n_m, band.n_rings, 2, n)
            a, b = references[band.rows].view(shape).double().unbind(2)
            c, d = coefficients[band.rows].view(shape).double().unbind(2)
            rows = slice(band.m, band.m + band.n_m)
            real[rows] = (a * c + sign * (b * d)).sum(1)
            imaginary[rows] = (sign * (b * c) - a * d).sum(1)
        return (self._turn_cos @ real - self._turn_sin @ imaginary).T

    def peaks(self, curves: Tensor) -> tuple[Tensor, Tensor]:
        """Angles and heights of the maxima of curves ``(n, angles)``.

        With all 256 angles, the angle is refined by the least-squares parabola through the seven values about
        the largest; the height stays that value.

        Returns
        -------
        tuple of torch.Tensor
            ``(n,)`` degrees in [0, 360), ``(n,)`` heights, double precision.
        """
        height, index = curves.max(1)
        if not self._folded:
            return torch.remainder(self.angles_deg[index], 360.0), height
        around = torch.arange(-3, 4, device=curves.device)
        b = curves.gather(1, torch.remainder(index[:, None] + around, N_ANGLES))
        slope = b @ b.new_tensor([49.0, 6.0, -21.0, -32.0, -27.0, -6.0, 31.0])
        bend = b @ b.new_tensor([5.0, 0.0, -3.0, -4.0, -3.0, 0.0, 5.0])
        flat = bend >= 0  # constant curves have no maximum
        move = torch.where(flat, 0.0, slope / (2 * torch.where(flat, -1.0, bend)) - 4.0)
        return torch.remainder((index + move.clamp(-3, 3)) * (360.0 / N_ANGLES), 360.0), height
