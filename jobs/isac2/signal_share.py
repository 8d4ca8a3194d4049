"""How much of a group's average is signal, frequency by frequency, from the scatter of its members.

The low-pass filter of the schedule is the same for every group; which frequencies of a group carry signal is
not.  The power of the members and that of their average tell: of n members whose power is S + N, signal and
noise, the average has S + N / n.  Frequencies without signal only add noise to the correlations, so each is
weighted by the share of signal in the average, as a Wiener filter does.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from jobs.isac2.disc_basis import Bucket, DiscBasis

# Members were turned to fit the average, noise included: it has more noise than independent members leave.
_NOISE_FACTOR = 1.5
# No frequency is given up altogether, because the first average of random angles is nearly all noise.
_LEAST = 0.02


class SignalShare:
    """Share of signal in averages of groups, by shells of frequency.

    Parameters
    ----------
    basis
        Functions of the coefficients.
    coefficients
        Per bucket ``(orders, g, radial, 2, p, n)``, lattice points in the last but one place.
    weight
        ``(g, n)`` 1 / members for members, 0 for padding.
    """

    def __init__(self, basis: DiscBasis, coefficients: list[Tensor], weight: Tensor) -> None:
        self._device = weight.device
        # A disc of radius R tells frequencies apart that differ by 1 / 2R.
        self._per_cycle = 2 * basis.edge
        self._shells = round(0.5 * self._per_cycle) + 1
        self._members = (weight > 0).sum(-1).to(torch.float32)
        self._index = [self._shell_of(bucket) for bucket in basis.buckets]
        middle = coefficients[0].shape[4] // 2
        powers = [
            ((part[:, :, :, :, middle] ** 2).sum(3) * weight[:, None]).sum(-1).transpose(1, 2)
            for part in coefficients
        ]
        self._member_power = self._shell_means(powers)

    def _shell_of(self, bucket: Bucket) -> Tensor:
        """Return the shell ``(orders, radial)`` of every function; one too many where there is none."""
        exists = torch.isfinite(bucket.frequency)
        shell = (bucket.frequency.clamp(max=1.0) * self._per_cycle).round().to(torch.int64)
        return torch.where(exists, shell.clamp(max=self._shells - 1), self._shells).to(self._device)

    def _shell_means(self, powers: list[Tensor]) -> Tensor:
        """Return the mean of ``(orders, radial, ...)`` powers over the functions of each shell."""
        total: Tensor | None = None
        count = torch.zeros(self._shells, device=self._device)
        for index, power in zip(self._index, powers, strict=False):
            shell = index[: power.shape[0], : power.shape[1]].flatten()
            # A product and no scattered sum: its order is fixed on every device.
            table = functional.one_hot(shell, self._shells + 1)[:, :-1].to(power.dtype).T
            part = (table @ power.flatten(0, 1).flatten(1)).unflatten(1, power.shape[2:])
            total = part if total is None else total + part
            count = count + table.sum(1)
        assert total is not None
        return total / count.clamp(min=1).view(-1, *(1,) * (total.ndim - 1))

    def weights(self, averages: list[Tensor]) -> list[Tensor]:
        """Return the share of signal at every function of averages.

        Parameters
        ----------
        averages
            Per bucket ``(orders, g, l, 2, radial)``, unfiltered, of the lowest functions.

        Returns
        -------
        list of torch.Tensor
            Per bucket ``(orders, g, l, radial)``, from a small number to 1.
        """
        power = self._shell_means([(part**2).sum(3).permute(0, 3, 1, 2) for part in averages])
        members = self._members[:, None]
        noise = (self._member_power[:, :, None] - power).clamp(min=0) / (members - 1).clamp(min=1)
        share = (1 - _NOISE_FACTOR * noise / power.clamp(min=1e-20)).clamp(min=_LEAST)
        # Functions that do not exist have coefficients of 0; any weight will do.
        share = torch.cat([share, share[-1:]])
        return [
            share[index[: part.shape[0], : part.shape[4]]].permute(0, 2, 3, 1)
            for index, part in zip(self._index, averages, strict=False)
        ]
