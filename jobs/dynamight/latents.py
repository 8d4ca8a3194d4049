"""What is known about every particle: a normal distribution of its latent state, learnt with its own Adam.

Each particle keeps the mean and the standard deviation of its posterior instead of reading them from an image
through a network at every step: with poses known, the gradient of the likelihood says more about a noisy
image than an encoder can learn from a few thousand of them.  The tables are small (four numbers per latent
dimension and particle) and are touched only in the rows of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor


class RowAdam:
    """Adam for a table of which a step sees only some rows.

    Parameters
    ----------
    table: torch.Tensor
        ``(p, m)`` values, changed in place.
    betas: tuple of float
        Decay of the first and second moments per visit; short, because a row is visited once per epoch.
    """

    def __init__(self, table: Tensor, betas: tuple[float, float] = (0.8, 0.95)) -> None:
        self.table = table
        self.betas = betas
        self.first = torch.zeros_like(table)
        self.second = torch.zeros_like(table)
        self.visits = torch.zeros(table.shape[0], 1, device=table.device)

    @torch.no_grad()
    def step(self, rows: Tensor, gradient: Tensor, rate: Tensor | float) -> None:
        """Take one step in the given rows; ``gradient`` is ``(b, m)``, ``rate`` a number or ``(m,)``."""
        fast, slow = self.betas
        visits = self.visits[rows] + 1
        first = fast * self.first[rows] + (1 - fast) * gradient
        second = slow * self.second[rows] + (1 - slow) * gradient * gradient
        self.visits[rows], self.first[rows], self.second[rows] = visits, first, second
        step = (first / (1 - fast**visits)) / ((second / (1 - slow**visits)).sqrt() + 1e-8)
        self.table[rows] = self.table[rows] - rate * step

    def state_dict(self) -> dict[str, Tensor]:
        """Everything needed to go on."""
        return {"table": self.table, "first": self.first, "second": self.second, "visits": self.visits}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up a saved state; shapes must agree."""
        for name, value in state.items():
            getattr(self, name).copy_(value)

    def rows_dict(self, rows: Tensor) -> dict[str, Tensor]:
        """Everything about some rows ``(b,)``."""
        there = rows.to(self.table.device)
        return {name: value[there] for name, value in self.state_dict().items()}

    def load_rows_dict(self, rows: Tensor, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`rows_dict` gave."""
        there = rows.to(self.table.device)
        for name, value in state.items():
            getattr(self, name)[there] = value.to(self.table.device)


class LatentTable:
    """Posterior mean and log standard deviation ``(p, L)`` of every particle of a half-set.

    Parameters
    ----------
    n_particles, n_latent: int
        Size.
    generator: torch.Generator
        Source (CPU) of the initial means.
    device: torch.device
        Where the table lives.
    spread: float
        Standard deviation of the initial means and of the initial posteriors.
    """

    #: A posterior may not become narrower than this, nor much wider than the prior.
    LOG_SD_RANGE = (-5.0, 0.5)

    def __init__(
        self,
        n_particles: int,
        n_latent: int,
        generator: torch.Generator,
        device: torch.device,
        spread: float = 0.5,
    ) -> None:
        self.n_latent = n_latent
        means = torch.randn(n_particles, n_latent, generator=generator) * spread
        log_sds = torch.full((n_particles, n_latent), spread).log()
        self.rows = RowAdam(torch.cat((means, log_sds), 1).to(device))

    @property
    def means(self) -> Tensor:
        """Posterior means ``(p, L)``."""
        return self.rows.table[:, : self.n_latent]

    @property
    def log_sds(self) -> Tensor:
        """Logarithm of the posterior standard deviations ``(p, L)``."""
        return self.rows.table[:, self.n_latent :]

    def leaves(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of some particles as leaves of a new graph."""
        both = self.rows.table[rows]
        mean = both[:, : self.n_latent].clone().requires_grad_()
        log_sd = both[:, self.n_latent :].clone().requires_grad_()
        return mean, log_sd

    def step(self, rows: Tensor, mean: Tensor, log_sd: Tensor, scale: float, rate: float) -> None:
        """Update rows from the gradients of their leaves, each multiplied by ``scale``.

        The logarithm of the spread takes half steps: it is noisier than the mean.
        """
        assert mean.grad is not None and log_sd.grad is not None
        gradient = torch.cat((mean.grad, log_sd.grad), 1) * scale
        rates = torch.full((2 * self.n_latent,), rate, device=gradient.device)
        rates[self.n_latent :] *= 0.5
        self.rows.step(rows, gradient, rates)
        self.rows.table[:, self.n_latent :].clamp_(*self.LOG_SD_RANGE)

    def rotate(self, rotation: Tensor) -> None:
        """Express everything in rotated latent axes: means become ``means @ rotation``."""
        squared = rotation**2
        n = self.n_latent
        table = self.rows
        table.table[:, :n] = table.table[:, :n] @ rotation
        table.first[:, :n] = table.first[:, :n] @ rotation
        table.second[:, :n] = table.second[:, :n] @ squared
        table.table[:, n:] = 0.5 * ((2 * table.table[:, n:]).exp() @ squared).log()


def divergence(mean: Tensor, log_sd: Tensor) -> Tensor:
    """Kullback-Leibler divergence ``(b,)`` in nats from the standard normal prior."""
    return 0.5 * (mean**2 + (2 * log_sd).exp() - 1 - 2 * log_sd).sum(1)
