"""The fit of a linear start: each particle as the consensus plus a few volumes, in closed form.

The model is probabilistic principal component analysis of volumes that are seen only in projections:
particle ``i`` is ``consensus + sum_j z_ij U_j`` with ``z_i ~ N(0, I)``, its images are that times the factors
of the forward model, plus noise. Expectation maximisation alternates the exact posterior of every ``z_i`` (k
numbers, from all images of the particle) with a reconstruction of all ``U_j`` together (k normal equations in
each voxel of Fourier space). Everything stays within the frequencies where the images carry signal, so that a
pass over the images is short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_to_volume, shell_index, volume_to_rfft
from jobs.maths.slice_tables import add_slices
from jobs.maths.slices import fold_hermitian, sinc_squared
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.linear_modes import PADDING, LinearModes, low_part, posterior, side_for
from jobs.tomodrgn.linear_settings import LinearSettings

#: Images whose samples are looked at together.
_IMAGES = 256
#: Samples kept between passes, in bytes; beyond it they are made anew in each pass.
KEPT_BYTES = 2 << 30


@dataclass(frozen=True)
class Seen:
    """Low frequencies of the images of a few particles: ``values = factor * slice + noise of variance 1``.

    Attributes
    ----------
    values
        ``(n, m, 2)`` what the consensus leaves.
    factor
        ``(n, m)``.
    rotations, owner
        ``(n, 3, 3)``, ``(n,)`` row of the particle.
    start, count
        First particle, and how many.
    """

    values: Tensor
    factor: Tensor
    rotations: Tensor
    owner: Tensor
    start: int
    count: int


class LinearFit:
    """Expectation maximisation for a linear start.

    Parameters
    ----------
    bank
        Images.
    left
        Gives a batch whose coefficients are, in units of the noise, what the consensus leaves.
    power
        ``(D // 2 + 1,)`` mean square of the consensus' slices in each shell.
    mask
        ``(D, D, D)`` soft mask of the molecule.
    radius
        Largest frequency in Fourier pixels.
    settings
        How.
    images
        ``(N,)`` bool, the images that take part.
    seed
        Of the states that the fit begins with.
    each
        Called after each portion of the images with its number of particles; may raise to stop.
    """

    def __init__(
        self,
        bank: ImageBank,
        left: Callable[[Batch], Batch],
        power: Tensor,
        mask: Tensor,
        radius: int,
        settings: LinearSettings,
        images: Tensor | None = None,
        seed: int = 0,
        each: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.bank, self.settings, self._left, self._images = bank, settings, left, images
        self._each = each
        self.side = side_for(radius, bank.box)
        self.chosen = torch.nonzero(bank.plane.xy.norm(dim=1) <= radius + 1e-3)[:, 0]
        self.xy = bank.plane.xy[self.chosen]
        self.mask = low_part(mask, self.side).clamp(0, 1)
        self.size = PADDING * self.side
        fine = shell_index(self.size, bank.device, 3).float() / PADDING
        self._inside = fine <= radius + 0.5
        self._power_of = power.to(bank.device)
        self.adapt = False
        self._power = power.to(bank.device)[fine.round().long().clamp(max=len(power) - 1)]
        #: Independent numbers for each number of the padded Fourier volume.
        self._share = float(self.mask.mean()) / PADDING**3
        generator = torch.Generator().manual_seed(seed)
        k = settings.n_modes
        self.mean = torch.randn(bank.n, k, generator=generator).to(bank.device)
        self.covariance = torch.zeros(bank.n, k, k, device=bank.device)
        self.strength = torch.full((k,), settings.strength, device=bank.device)
        self.volumes = torch.zeros(k, *(self.side,) * 3, device=bank.device)
        #: How uncertain slices of the volumes are: variance of each part in each shell, ``(k, D // 2 + 1)``.
        self.doubt = torch.zeros(k, len(power), device=bank.device)
        self._fine = fine.round().long().clamp(max=len(power) - 1)
        self._shell = self.xy.norm(dim=1).round().long()
        #: Mean logarithm, for a particle, of how much likelier its images became, after each iteration.
        self.gains: list[float] = []
        self._kept: list[Seen] | None = None

    def run(self) -> LinearModes:
        """All iterations; the volumes found, along their principal axes."""
        for _ in range(self.settings.power_steps):
            self.whiten()
            self.maximise()
            self.expect()
        self.adapt = True
        for _ in range(self.settings.steps):
            self.maximise()
            self.expect()
        self.turn()
        self.expect()
        return LinearModes(self.volumes)

    def refine(self, coarse: LinearFit) -> LinearFit:
        """Take over the states of another fit, and find the volumes to our own radius once."""
        self.mean, self.covariance, self.strength = coarse.mean, coarse.covariance, coarse.strength
        self.gains = list(coarse.gains)
        self.maximise()
        self.expect()
        return self

    def seen(self) -> Iterator[Seen]:
        """All images, in portions."""
        if self._kept is not None:
            for part in self._kept:
                yield part
                self._each(part.count)
            return
        each = 3 * 4 * len(self.chosen) * self.bank.particles.n_images
        keep: list[Seen] | None = [] if each < KEPT_BYTES else None
        size = max(1, _IMAGES // max(1, int(self.bank.first.diff().max())))
        for batch in self.bank.ordered(size, self._images):
            left = self._left(batch)
            values, factor = left.coefficients[:, self.chosen], left.ctf[:, self.chosen]
            if left.weight is not None:
                root = left.weight[:, self.chosen].sqrt()
                values, factor = values * root[..., None], factor * root
            first = int(batch.particles[0])
            part = Seen(values, factor, batch.rotations, batch.owner, first, batch.n_particles)
            if keep is not None:
                keep.append(part)
            yield part
            self._each(part.count)
        self._kept = keep

    def whiten(self) -> None:
        """Take the states as they are for exact, uncorrelated and of unit variance."""
        centred = (self.mean - self.mean.mean(0)).double()
        self.mean = (torch.linalg.qr(centred)[0] * math.sqrt(self.bank.n)).float()
        self.covariance = torch.zeros_like(self.covariance)

    def maximise(self) -> None:
        """The volumes that explain the images best, given the states."""
        k = self.settings.n_modes
        row, column = torch.tril_indices(k, k, device=self.mean.device)
        n_pairs = len(row)
        cells = self.size * self.size * (self.size // 2 + 1)
        sums = torch.zeros(cells, n_pairs + 2 * k, device=self.mean.device)
        second = self.covariance + self.mean[:, :, None] * self.mean[:, None, :]
        for part in self.seen():
            here = slice(part.start, part.start + part.count)
            moments = second[here][:, row, column][part.owner]
            means = self.mean[here][part.owner]
            data = part.values * part.factor[..., None]
            square = part.factor.square()
            add_slices(sums, self.size, self.xy, part.rotations, PADDING, square, data, moments, means)
        self.volumes = self._solve(sums, row, column)

    def _solve(self, sums: Tensor, row: Tensor, column: Tensor) -> Tensor:
        k, n_pairs = self.settings.n_modes, len(row)
        half = (self.size, self.size, self.size // 2 + 1)
        weights = fold_hermitian(sums[:, :n_pairs].T.reshape(n_pairs, *half))
        data = torch.complex(sums[:, n_pairs : n_pairs + k], sums[:, n_pairs + k :])
        data = fold_hermitian(data.T.reshape(k, *half))
        inside = self._inside
        matrix = torch.zeros(int(inside.sum()), k, k, device=sums.device)
        values = weights[:, inside].T
        matrix[:, row, column] = values
        matrix[:, column, row] = values
        # Variance of real and imaginary part each is half the power.
        expected = 0.5 * self._power[inside][:, None] * self.strength
        matrix.diagonal(dim1=1, dim2=2).add_(self._share / expected.clamp(min=1e-20))
        factorised = torch.linalg.cholesky(matrix)
        right = torch.view_as_real(data[:, inside].T.contiguous())
        solved = torch.view_as_complex(torch.cholesky_solve(right, factorised).contiguous())
        variance = self._share * torch.cholesky_inverse(factorised).diagonal(dim1=1, dim2=2)
        shell = self._fine[inside]
        count = torch.bincount(shell, minlength=self.doubt.shape[1]).clamp(min=1)
        self.doubt = torch.zeros_like(self.doubt).index_add_(1, shell, variance.T) / count
        spectra = torch.zeros(k, *half, dtype=data.dtype, device=sums.device)
        spectra[:, inside] = solved.T
        before = self.size // 2 - self.side // 2
        inner = slice(before, before + self.side)
        # From values of slices of the full box to the small volume whose projections they are.
        volumes = rfft_to_volume(spectra, self.size)[:, inner, inner, inner] * (self.side / self.size**1.5)
        volumes = volumes / sinc_squared(self.side, self.size, sums.device) * self.mask
        if self.adapt:
            self._adapt(volumes)
        return volumes

    def _adapt(self, volumes: Tensor) -> None:
        """Believe that each volume is as strong as it is found to be, so that those of noise vanish."""
        shell = shell_index(self.side, volumes.device, 3)
        shells = int(self._shell.max()) + 1
        weight = (shell < shells) & (shell > 0)
        # Slices of the images' box: the square root of the small side times the orthonormal transform.
        power = volume_to_rfft(volumes).abs().square()[:, weight] * self.side
        expected = self._power_of[shell[weight]]
        doubt = self.doubt[:, shell[weight]]
        found = (0.5 * power + doubt) / (0.5 * expected)
        self.strength = found.mean(1)

    def expect(self) -> None:
        """The posterior of the states, given the volumes; and how likely the images are."""
        modes = LinearModes(self.volumes)
        total = torch.zeros((), dtype=torch.float64, device=self.mean.device)
        for part in self.seen():
            slices = modes.slices(self.xy, part.rotations)
            mean, covariance, gain = posterior(
                part.values, part.factor, slices, part.owner, part.count, 2 * self.doubt[:, self._shell].T
            )
            here = slice(part.start, part.start + part.count)
            self.mean[here], self.covariance[here] = mean, covariance
            total += gain.double().sum()
        self.gains.append(float(total) / self.bank.n)

    def turn(self) -> None:
        """Turn the latent space so that its axes are the principal ones, the largest first."""
        flat = self.volumes.flatten(1).double()
        vectors = torch.linalg.eigh(flat @ flat.T)[1].flip(1)
        largest = (flat.T @ vectors).T
        sign = torch.sign(largest.gather(1, largest.abs().argmax(1, keepdim=True)))[:, 0]
        turn = (vectors * sign).float()
        self.volumes = torch.einsum("jzyx,jl->lzyx", self.volumes, turn)
        self.mean = self.mean @ turn
        self.covariance = turn.T @ self.covariance @ turn
        self.doubt = turn.square().T @ self.doubt
