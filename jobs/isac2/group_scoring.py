"""Averages of groups and the best placement of every member, all from Fourier-Bessel coefficients."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from jobs.isac2.disc_basis import DiscBasis
from jobs.isac2.filters import tangent_lowpass
from jobs.isac2.neighbours import neighbourhood, pick_near
from jobs.isac2.signal_share import SignalShare

_ANGLES = 256
# The programs that the thresholds of these options come from interpolate linearly three times (image to
# average, and both to rings), each of which passes about exp(-pi^2 f^2 / 3). Exact coefficients need that put
# back: without it, noise at high frequencies decides where noisy images belong.
_SMOOTHING = math.pi**2
# Columns of correlations that are turned into angles together; fixed, and few enough for a cache.
_COLUMNS = {"cpu": 4096, "cuda": 1 << 18}


class GroupScorer:
    """Coefficients of the images of some groups about lattice points, and what is computed from them.

    Shapes: g groups, n members each (padded), l runs, p lattice points.

    Parameters
    ----------
    basis
        Functions of the coefficients.
    coefficients
        Per bucket ``(orders, g, radial, 2, p, n)``.
    points
        ``(p, 2)`` int64 steps ``(x, y)`` of the lattice, x fastest.
    reach
        Steps that one search goes along x and y.
    valid
        ``(g, n)`` bool: which entries are images.
    """

    def __init__(
        self,
        basis: DiscBasis,
        coefficients: list[Tensor],
        points: Tensor,
        reach: tuple[int, int],
        valid: Tensor,
    ) -> None:
        self.basis = basis
        # (orders, g, p, n, 2, radial): one row for each image and point, which is quick to pick
        self._stored = [part.permute(0, 1, 4, 5, 3, 2).contiguous() for part in coefficients]
        self.valid = valid
        self.device = valid.device
        self._weight = valid.to(torch.float32) / valid.sum(-1, keepdim=True).clamp(min=1)
        self._columns = _COLUMNS["cuda" if self.device.type == "cuda" else "cpu"]
        self._neighbours, self._exists = neighbourhood(points, reach)
        self._share = SignalShare(basis, coefficients, self._weight)
        self._allowed: Tensor | None = None

    def allow(self, allowed: Tensor) -> None:
        """Forbid lattice points that are too far out: ``(g, p, n)`` bool."""
        self._allowed = allowed

    # ---------------------------------------------------------------------------------------- averages
    def averages(self, angle: Tensor, mirror: Tensor, at: Tensor, band: float) -> list[Tensor]:
        """Return the averages of every group in every run.

        Parameters
        ----------
        angle, mirror, at
            ``(g, l, n)`` radians, bool, and index of the lattice point of every member.
        band
            Frequencies up to here are kept, 1/px.

        Returns
        -------
        list of torch.Tensor
            Per bucket in the band ``(orders, g, l, 2, radial)``.
        """
        out: list[Tensor] = []
        groups, runs, members = angle.shape
        for bucket, stored in zip(self.basis.buckets, self._stored, strict=True):
            orders, radial = bucket.below(band)
            if orders == 0:
                break
            m = torch.arange(bucket.first, bucket.first + orders, device=self.device)
            # which row of (orders, g, p, n) every member is
            place = torch.arange(groups, device=self.device)[:, None, None] * stored.shape[2] + at
            place = place * members + torch.arange(members, device=self.device)
            rows = torch.arange(orders, device=self.device)[:, None, None, None]
            rows = rows * (groups * stored.shape[2] * members) + place
            chosen = stored.flatten(0, 3).flatten(1).index_select(0, rows.flatten())
            chosen = chosen.view(orders * groups * runs, members, 2 * bucket.radial)
            phase = m[:, None, None, None] * angle
            sign = torch.where(m % 2 == 0, 1.0, -1.0)[:, None, None, None]
            cosine_sign = torch.where(mirror, sign, 1.0) * self._weight[:, None]
            sine_sign = torch.where(mirror, -sign, 1.0) * self._weight[:, None]
            cos, sin = torch.cos(phase), torch.sin(phase)
            weights = torch.stack(
                [cos * cosine_sign, sin * cosine_sign, cos * sine_sign, sin * sine_sign], -1
            )
            sums = weights.flatten(0, 2).transpose(1, 2) @ chosen
            sums = sums.view(orders, groups, runs, 4, 2, bucket.radial)[..., :radial]
            a = sums[..., 0, 0, :] + sums[..., 1, 1, :]
            b = sums[..., 2, 1, :] - sums[..., 3, 0, :]
            out.append(torch.stack([a, b], 3))
        return out

    def references(self, averages: list[Tensor], cutoff: float, falloff: float) -> list[Tensor]:
        """Return averages filtered, smoothed, and weighted by their share of signal.

        Parameters
        ----------
        averages
            What :meth:`averages` returned.
        cutoff, falloff
            Of the tangent filter.
        """
        out = []
        for bucket, average, share in zip(
            self.basis.buckets, averages, self._share.weights(averages), strict=False
        ):
            # The infinite frequency of functions that do not exist is above every cutoff.
            frequency = bucket.frequency[: average.shape[0], : average.shape[4]].clamp(max=1e3)
            transfer = tangent_lowpass(frequency, cutoff, falloff) * torch.exp(-_SMOOTHING * frequency**2)
            out.append(average * (transfer.to(self.device)[:, None, None] * share)[:, :, :, None])
        return out

    # --------------------------------------------------------------------------------------- alignment
    def align(
        self, references: list[Tensor], at: Tensor, band: float, coarse_angles: int = 0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the best angle, mirror and lattice point of every member for every run.

        Parameters
        ----------
        references
            What :meth:`references` returned, of averages of the same band.
        at
            ``(g, l, n)`` lattice point around which each member is searched.
        band
            Frequencies up to here are used, 1/px.
        coarse_angles
            Number of angles of a coarse grid without refinement; 0 = the full grid with refinement.

        Returns
        -------
        tuple of torch.Tensor
            ``(g, l, n)`` angles in radians, mirrors and lattice points.
        """
        near = self._neighbours[at]  # (g, l, n, s)
        near = near.movedim(-1, 2)  # (g, l, s, n)
        cosine, sine = self._correlations(references, near, band)
        orders = cosine.shape[0]
        candidates = 2 * near.shape[2]
        flat_cos, flat_sin = cosine.flatten(1), sine.flatten(1)
        angles = coarse_angles or _coarse_grid(orders)
        best = self._best_angle_score(flat_cos, flat_sin, angles).unflatten(0, cosine.shape[1:])
        best = torch.where(self._open(at, near), best, -torch.inf)  # (2, s, g, l, n)
        winner = best.flatten(0, 1).argmax(0)  # (g, l, n)
        index = winner[None, None].expand(orders, 1, *winner.shape)
        win_cos = torch.gather(cosine.flatten(1, 2), 1, index)[:, 0].flatten(1)
        win_sin = torch.gather(sine.flatten(1, 2), 1, index)[:, 0].flatten(1)
        if coarse_angles:
            cos, sin = _tables(orders, coarse_angles, coarse_angles, self.device)
            step = (cos @ win_cos + sin @ win_sin).argmax(0).to(torch.float64)
            angle = step * (2 * math.pi / coarse_angles)
        else:
            cos, sin = _tables(orders, _ANGLES, _ANGLES, self.device)
            curve = cos @ win_cos + sin @ win_sin
            peak = curve.argmax(0)
            angle = (peak + refine_peak(curve, peak)) * (2 * math.pi / _ANGLES)
        half = candidates // 2
        mirror = winner >= half
        place = torch.gather(near, 2, (winner % half)[:, :, None])[:, :, 0]
        return angle.remainder(2 * math.pi).to(torch.float32).view(winner.shape), mirror, place

    def _correlations(self, references: list[Tensor], near: Tensor, band: float) -> tuple[Tensor, Tensor]:
        """Return cosine and sine terms of the correlation over the angle, ``(orders, 2, s, g, l, n)`` each.

        The second axis is without and with mirror.
        """
        groups, runs, searched, members = near.shape
        total = sum(bucket.below(band)[0] for bucket in self.basis.buckets)
        cosine = torch.empty(total, 2, searched, groups, runs, members, device=self.device)
        sine = torch.empty_like(cosine)
        done = 0
        for bucket, stored, reference in zip(self.basis.buckets, self._stored, references, strict=False):
            orders, _, _, _, radial = reference.shape
            points = stored.shape[2]
            left = reference.flatten(0, 1).reshape(orders * groups, runs * 2, radial)
            right = stored[:orders, :, :, :, :, :radial].flatten(0, 1).flatten(1, 2)
            kinds = []
            for kind in (0, 1):
                product = torch.bmm(left, right[:, :, kind].transpose(1, 2))
                kinds.append(pick_near(product.view(orders, groups, runs, 2, points * members), near))
            # a, b of the average with c, d of the image; then (orders, s, g, l, n)
            (ac, bc), (ad, bd) = (kind.unbind(0) for kind in kinds)
            m = torch.arange(bucket.first, bucket.first + orders, device=self.device)
            sign = torch.where(m % 2 == 0, 1.0, -1.0).view(-1, 1, 1, 1, 1)
            part = slice(done, done + orders)
            torch.add(ac, bd, out=cosine[part, 0])
            torch.sub(ad, bc, out=sine[part, 0])
            torch.mul(ac - bd, sign, out=cosine[part, 1])
            torch.mul(ad + bc, sign, out=sine[part, 1])
            done += orders
        return cosine, sine

    def _best_angle_score(self, cosine: Tensor, sine: Tensor, angles: int) -> Tensor:
        """Return the largest correlation over a grid of angles for each column of ``(orders, columns)``."""
        # The angle and its opposite differ in the sign of the sines alone: half a circle is enough.
        cos, sin = _tables(len(cosine), angles, angles // 2 + 1, self.device)
        best = torch.empty(cosine.shape[1], device=self.device)
        for start in range(0, cosine.shape[1], self._columns):
            part = slice(start, start + self._columns)
            even = cos @ cosine[:, part]
            odd = sin @ sine[:, part]
            best[part] = even.add_(odd.abs_()).amax(0)
        return best

    def _open(self, at: Tensor, near: Tensor) -> Tensor:
        """Return which neighbours ``(s, g, l, n)`` exist and are allowed."""
        open_ = self._exists[at].movedim(-1, 2)
        if self._allowed is not None:
            runs = at.shape[1]
            allowed = self._allowed[:, None].expand(-1, runs, -1, -1)
            open_ = open_ & torch.gather(allowed, 2, near)
        return open_.permute(2, 0, 1, 3)


def _coarse_grid(orders: int) -> int:
    """Return the number of angles that a correlation of so many orders needs to show its peaks."""
    return next((angles for angles in (64, 96, 128, 192) if orders <= 0.4 * angles), _ANGLES)


@lru_cache(maxsize=64)
def _tables(orders: int, angles: int, rows: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines ``(rows, orders)`` of every order at the first angles of a grid."""
    phase = torch.outer(torch.arange(rows, dtype=torch.int64), torch.arange(orders)) % angles
    turn = phase.to(torch.float64) * (2 * math.pi / angles)
    return torch.cos(turn).float().to(device), torch.sin(turn).float().to(device)


def refine_peak(curve: Tensor, peak: Tensor) -> Tensor:
    """Return by how many samples the maximum lies off its sample, from a parabola through seven samples.

    Parameters
    ----------
    curve
        ``(angles, n)`` periodic curves.
    peak
        ``(n,)`` index of the largest sample.

    Returns
    -------
    torch.Tensor
        ``(n,)`` float64, within one sample; 0 where the samples do not bend down.
    """
    count = len(curve)
    around = torch.arange(-3, 4, device=curve.device)
    index = (peak + around[:, None]) % count
    b = torch.gather(curve, 0, index).to(torch.float64)
    linear = b.new_tensor([49.0, 6.0, -21.0, -32.0, -27.0, -6.0, 31.0]) @ b
    bend = b.new_tensor([5.0, 0.0, -3.0, -4.0, -3.0, 0.0, 5.0]) @ b
    shift = linear / (2 * torch.where(bend < 0, bend, -torch.inf)) - 4
    return torch.where(bend < 0, shift.clamp(-1, 1), 0.0)
