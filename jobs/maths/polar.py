"""Images on rings about a point, and the Fourier series along the rings.

Sample ``t`` of ring ``r`` lies at ``x = r sin(theta)``, ``y = r cos(theta)``, ``theta = 2 pi t / n_r``, in
pixels from a point near the centre ``n // 2``.  With the series ``G_r(m) = mean_t g_r(t) exp(-i m theta)``

* an image turned by ``alpha`` (see :mod:`jobs.maths.transforms2d`) has ``G_r(m) exp(-i m alpha)``,
* and mirrored afterwards the complex conjugate of that.

A ring of radius ``r`` has no detail beyond ``m = 2 pi r f`` of an image without detail beyond ``f``: those
coefficients are left out, which leaves a third of them at the defaults.  What remains lies frequency-major,
so that correlations with many references are one matrix product per frequency: rows of a coefficient array
``(rows, 2, n)`` (real and imaginary part) go through bands of frequencies, in a band through frequencies, and
for each frequency through the rings, outer ones only where inner ones have no such detail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from jobs.maths.sampling import SamplingTable, bilinear

#: Frequencies in one band: all of them keep the rings of the lowest.
BAND = 8


@dataclass(frozen=True)
class Band:
    """Frequencies that keep the same rings.

    Attributes
    ----------
    m, n_m
        First frequency and number of frequencies.
    ring, n_rings
        Index of the first ring and number of rings; they go on to the last.
    row
        First row of the coefficient array; the band has ``n_m * n_rings`` of them.
    """

    m: int
    n_m: int
    ring: int
    n_rings: int
    row: int

    @property
    def rows(self) -> slice:
        """Rows of the coefficient array, which can be seen as ``(n_m, n_rings)``."""
        return slice(self.row, self.row + self.n_m * self.n_rings)


class PolarGrid:
    """Rings, their samples, and the layout of the coefficients.

    Parameters
    ----------
    radius: int
        Of the last ring, pixels.
    first, step: int
        Radius of the first ring and distance of rings.
    max_frequency: float
        Finest detail that matters, 1/pixel, up to 0.5.
    device: torch.device or str or None
        Where the tables live.
    """

    def __init__(
        self,
        radius: int,
        first: int = 1,
        step: int = 1,
        max_frequency: float = 0.45,
        device: torch.device | str | None = None,
    ) -> None:
        if not 1 <= first <= radius or step < 1 or not 0 < max_frequency <= 0.5:
            raise ValueError(
                f"no rings from {first} to {radius} in steps of {step} with {max_frequency} 1/px"
            )
        self.device = torch.device("cpu" if device is None else device)
        self.max_frequency = max_frequency
        radii = list(range(first, radius + 1, step))
        self.radius = radii[-1]
        #: Samples of each ring: the powers of two between 2 and 4 per pixel.
        self.n_samples = [2 * 2 ** int(math.log2(round(2 * math.pi * r))) for r in radii]
        self.limits = [
            min(int(2 * math.pi * r * max_frequency), n // 2 - 1)
            for r, n in zip(radii, self.n_samples, strict=True)
        ]
        #: ``(rings,)`` radii in pixels.
        self.radii = torch.tensor(radii, dtype=torch.float32, device=self.device)
        #: Largest frequency.
        self.max_m = self.limits[-1]
        self.bands = self._bands()
        self.n_rows = self.bands[-1].rows.stop
        frequencies, rings = [], []
        for band in self.bands:
            frequencies += [band.m + m for m in range(band.n_m) for _ in range(band.n_rings)]
            rings += [band.ring + r for _ in range(band.n_m) for r in range(band.n_rings)]
        #: ``(rows,)`` frequency and ring index of each row.
        self.row_m = torch.tensor(frequencies, device=self.device)
        self.row_ring = torch.tensor(rings, device=self.device)
        #: ``(rings,)`` weights, proportional to the circumference, with sum 1.
        self.ring_weights = self.radii / self.radii.sum()

    @property
    def n_rings(self) -> int:
        """Number of rings."""
        return len(self.n_samples)

    def bands_up_to(self, frequency: float | None) -> list[Band]:
        """Bands needed for images without detail beyond a frequency in 1/pixel; all for None."""
        if frequency is None:
            return self.bands
        last = min(int(2 * math.pi * self.radius * frequency), self.max_m)
        return [band for band in self.bands if band.m <= last]

    def _bands(self) -> list[Band]:
        bands: list[Band] = []
        row = 0
        for m in range(0, self.max_m + 1, BAND):
            ring = next(i for i, limit in enumerate(self.limits) if limit >= m)
            band = Band(m, min(BAND, self.max_m + 1 - m), ring, self.n_rings - ring, row)
            bands.append(band)
            row = band.rows.stop
        return bands

    # ---------------------------------------------------------------------------------------- sampling
    def table(self, box: tuple[int, int] | int, points: Tensor | None = None) -> SamplingTable:
        """Interpolation table for images of one size.

        Parameters
        ----------
        box: tuple of int or int
            ``(ny, nx)``, or the edge of a square.
        points: torch.Tensor or None
            ``(L, 2)`` as ``(x, y)``, pixels from the centre ``n // 2``, about which the rings lie; the centre
            itself when None.  Samples outside take the value at the edge.
        """
        ny, nx = (box, box) if isinstance(box, int) else box
        where = torch.zeros(1, 2, dtype=torch.float64) if points is None else points.detach().cpu().double()
        x, y = self._sample_points()
        x = (where[:, :1] + x + nx // 2).reshape(-1).clamp(0, nx - 1)
        y = (where[:, 1:] + y + ny // 2).reshape(-1).clamp(0, ny - 1)
        left, low = x.floor().clamp(max=nx - 2), y.floor().clamp(max=ny - 2)
        u, v = x - left, y - low
        corner = (low * nx + left).long()
        pixels = torch.stack((corner, corner + 1, corner + nx, corner + nx + 1))
        weights = torch.stack(((1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v)).float()
        return SamplingTable(pixels.to(self.device), weights.to(self.device), len(where), (ny, nx))

    def _sample_points(self) -> tuple[Tensor, Tensor]:
        xs, ys = [], []
        for r, n in zip(self.radii.tolist(), self.n_samples, strict=True):
            theta = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
            xs.append(r * torch.sin(theta))
            ys.append(r * torch.cos(theta))
        return torch.cat(xs), torch.cat(ys)

    def sample_about(self, images: Tensor, points: Tensor) -> Tensor:
        """Values ``(1, samples, n)`` of images ``(n, y, x)``, each about a point ``(n, 2)`` of its own."""
        _, ny, nx = images.shape
        x, y = (part.to(images.device, torch.float32) for part in self._sample_points())
        x = points[:, :1].float() + (nx // 2) + x
        y = points[:, 1:].float() + (ny // 2) + y
        return bilinear(images, x, y).T[None]

    @cached_property
    def sample_weights(self) -> Tensor:
        """``(samples,)`` weight of each sample: the ring's, shared by its samples; they sum to 1."""
        per_ring = self.ring_weights / torch.tensor(self.n_samples, device=self.device)
        return torch.repeat_interleave(per_ring, torch.tensor(self.n_samples, device=self.device))

    # ------------------------------------------------------------------------------------- coefficients
    def coefficients(
        self,
        images: Tensor,
        table: SamplingTable | None = None,
        normalise: bool = False,
        rows: int | None = None,
    ) -> Tensor:
        """Fourier series along the rings.

        Parameters
        ----------
        images: torch.Tensor
            ``(n, y, x)`` float32.
        table: SamplingTable or None
            Of :meth:`table` with ``L`` points; rings about the centre when None.
        normalise: bool
            Give every polar image mean 0 and standard deviation 1 over the disc (samples weighted by area).
        rows: int or None
            Only so many rows, which are those of the first bands; all when None.

        Returns
        -------
        torch.Tensor
            ``(rows, 2, L * n)``, all images of one point after the other.
        """
        table = self.table((images.shape[1], images.shape[2])) if table is None else table
        samples = table.sample(images)
        out = self.transform(samples, rows)
        if normalise:
            mean = torch.matmul(self.sample_weights, samples)
            power = torch.matmul(self.sample_weights, samples.square_())
            scale = (power - mean.square()).clamp(min=1e-12).rsqrt().reshape(-1)
            out[self.bands[0].rows.start : self.n_rings, 0] -= mean.reshape(-1)
            out *= scale
        return out

    def transform(self, samples: Tensor, rows: int | None = None) -> Tensor:
        """Series ``(rows, 2, L * n)`` of samples ``(L, samples, n)`` in the order of the rings.

        All rows, or the first so many, which are those of the first bands.
        """
        n_points, _, n = samples.shape
        bands = [band for band in self.bands if rows is None or band.rows.stop <= rows]
        n_m = bands[-1].m + bands[-1].n_m
        out = samples.new_zeros(bands[-1].rows.stop, 2, n_points, n)
        start = ring = 0
        for length, count, limit, matrix in self._ring_groups:
            part = samples[:, start : start + length * count].reshape(n_points * count, length, n)
            known = min(limit + 1, n_m)
            series = torch.matmul(matrix[: 2 * known], part).view(n_points, count, known, 2, n)
            self._place(out, series.permute(2, 1, 3, 0, 4), ring, bands)
            start += length * count
            ring += count
        return out.view(len(out), 2, n_points * n)

    def _place(self, out: Tensor, series: Tensor, ring: int, bands: list[Band]) -> None:
        """Copy series ``(m, rings, 2, L, n)`` of neighbouring rings to their rows in bands."""
        for band in bands:
            first = max(ring, band.ring)
            n_m = min(band.n_m, len(series) - band.m)
            if n_m <= 0 or first >= ring + series.shape[1]:
                continue
            target = out[band.rows].view(band.n_m, band.n_rings, *out.shape[1:])
            stop = ring + series.shape[1]
            target[:n_m, first - band.ring : stop - band.ring] = series[band.m : band.m + n_m, first - ring :]

    @cached_property
    def _ring_groups(self) -> list[tuple[int, int, int, Tensor]]:
        """Neighbouring rings of equal length: length, number, largest frequency, Fourier matrix."""
        groups = []
        for length in sorted(set(self.n_samples)):
            members = [i for i, n in enumerate(self.n_samples) if n == length]
            limit = self.limits[members[-1]]
            angle = (
                2
                * math.pi
                / length
                * torch.outer(
                    torch.arange(limit + 1, dtype=torch.float64), torch.arange(length, dtype=torch.float64)
                )
            )
            matrix = torch.stack((torch.cos(angle), -torch.sin(angle)), 1).reshape(-1, length) / length
            groups.append((length, len(members), limit, matrix.float().to(self.device)))
        return groups

    @property
    def transform_operations(self) -> int:
        """Multiplications and additions of the series of one polar image."""
        return sum(2 * count * matrix.numel() for _, count, _, matrix in self._ring_groups)

    def rotate(self, coefficients: Tensor, alpha_deg: Tensor, mirror: Tensor) -> Tensor:
        """Coefficients of images turned by angles and then perhaps mirrored.

        Parameters
        ----------
        coefficients: torch.Tensor
            ``(rows, 2, n)``.
        alpha_deg, mirror: torch.Tensor
            ``(n,)`` degrees, bool.
        """
        angle = torch.deg2rad(alpha_deg.double())
        phase = torch.outer(torch.arange(self.max_m + 1, device=angle.device, dtype=angle.dtype), angle)
        cos = torch.cos(phase).to(coefficients.dtype)[self.row_m]
        sin = torch.sin(phase).to(coefficients.dtype)[self.row_m]
        real, imaginary = coefficients.unbind(1)
        sign = torch.where(mirror, -1.0, 1.0).to(coefficients.dtype)
        return torch.stack((real * cos + imaginary * sin, sign * (imaginary * cos - real * sin)), 1)
