"""A network for the way back: where points of a moved molecule come from, without solving anything.

The way back has the form of the motion itself,

    x = y + sum_k d_k(z) psi_k(y),

with ``psi`` a network of the moved place ``y`` and ``d`` a network of the state ``z``.  As the last layer of
``psi`` is linear, the sum over the modes is taken of its weights, once per state, and not of its values at
every point: the number of modes costs next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from jobs.dynamight.inverse_field import InverseField
from jobs.maths.inversion import Inverse

_COEFFICIENT_WIDTH = 64
#: States whose points are looked up at once.
_AT_ONCE = 16


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of an :class:`InverseNetwork`.

    Attributes
    ----------
    n_latent
        Dimensions of the latent space.
    extent_a
        Length in Å that sets the scale of the positional encoding.
    n_modes
        Modes of the way back.
    width, n_layers
        Width and number of hidden layers of the coordinate network.
    n_frequencies, max_frequency
        Frequencies of the encoding, from one to ``max_frequency`` cycles per ``extent_a``.
    """

    n_latent: int
    extent_a: float
    n_modes: int = 48
    width: int = 64
    n_layers: int = 2
    n_frequencies: int = 6
    max_frequency: float = 8.0


class InverseNetwork(nn.Module):
    """The way back of a half-set.

    Parameters
    ----------
    shape: NetworkShape
        Sizes.
    latent_scale: torch.Tensor
        ``(L,)`` standard deviations of the states, which are divided by them.
    generator: torch.Generator
        Source (CPU) of the initial weights.
    """

    frequencies: Tensor
    latent_scale: Tensor

    def __init__(self, shape: NetworkShape, latent_scale: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        cycles = torch.linspace(1.0, shape.max_frequency, shape.n_frequencies)
        self.register_buffer("frequencies", 2 * math.pi * cycles / shape.extent_a)
        self.register_buffer("latent_scale", latent_scale.detach().cpu().clone().float())
        widths = [3 + 6 * shape.n_frequencies] + [shape.width] * shape.n_layers
        self.hidden = nn.ModuleList(_linear(a, b, generator) for a, b in pairwise(widths))
        n_modes = shape.n_modes
        self.modes = nn.Parameter(
            0.3 * torch.randn(n_modes, 3, widths[-1], generator=generator) / math.sqrt(widths[-1])
        )
        self.shifts = nn.Parameter(torch.zeros(n_modes, 3))
        self.straight = _linear(shape.n_latent, n_modes, generator)
        self.bent = nn.ModuleList(
            [
                _linear(shape.n_latent, _COEFFICIENT_WIDTH, generator),
                _linear(_COEFFICIENT_WIDTH, _COEFFICIENT_WIDTH, generator),
            ]
        )
        self.bent_output = _linear(_COEFFICIENT_WIDTH, n_modes, generator)
        with torch.no_grad():
            self.bent_output.weight.mul_(0.1)

    def coefficients(self, latents: Tensor) -> Tensor:
        """Coefficients ``(b, K)`` of the modes for states ``(b, L)``."""
        scaled = latents / self.latent_scale
        hidden = scaled
        for layer in self.bent:
            hidden = silu(layer(hidden))
        coefficients: Tensor = self.straight(scaled) + self.bent_output(hidden)
        return coefficients

    def features(self, points_a: Tensor) -> Tensor:
        """Last hidden layer ``(n, width)`` of the coordinate network at points ``(n, 3)`` in Å."""
        angles = points_a[:, :, None] * self.frequencies
        encoded = torch.cat(
            (
                points_a * (4.0 / self.shape.extent_a),
                torch.sin(angles).flatten(1),
                torch.cos(angles).flatten(1),
            ),
            1,
        )
        for layer in self.hidden:
            encoded = silu(layer(encoded))
        return encoded

    def forward(self, latents: Tensor, points_a: Tensor) -> Tensor:
        """Where points come from.

        Parameters
        ----------
        latents: torch.Tensor
            ``(b, L)`` states.
        points_a: torch.Tensor
            ``(b, n, 3)`` points of the moved molecule in Å relative to the box centre.

        Returns
        -------
        torch.Tensor
            ``(b, n, 3)`` points of the consensus.
        """
        count, n_points, _ = points_a.shape
        coefficients = self.coefficients(latents)
        weights = (coefficients @ self.modes.flatten(1)).view(count, 3, self.shape.width)
        features = self.features(points_a.reshape(-1, 3)).view(count, n_points, self.shape.width)
        return points_a + torch.baddbmm(
            (coefficients @ self.shifts)[:, None, :], features, weights.transpose(1, 2)
        )

    def state(self) -> dict[str, Any]:
        """Sizes and weights, for a checkpoint."""
        return {"shape": asdict(self.shape), "weights": self.state_dict()}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> InverseNetwork:
        """Bring back what :meth:`state` gave."""
        shape = NetworkShape(**state["shape"])
        network = cls(shape, torch.ones(shape.n_latent), torch.Generator().manual_seed(0))
        network.load_state_dict(dict(state["weights"]))
        return network


@dataclass(frozen=True)
class NetworkWay(Inverse):
    """What a network gives. ``residual_a`` is how far it ends from the exact way back.

    Attributes
    ----------
    no_way
        ``(b, n)`` where the motion itself has no unique way back.
    """

    no_way: Tensor

    def folded(self, tolerance_a: float = 0.0) -> Tensor:
        """Where ``(b, n)`` there is no unique way back; the network's own errors do not count."""
        return self.no_way


class NetworkInverse(InverseField):
    """The way back of a half-set by a trained network.

    Parameters
    ----------
    network: InverseNetwork
        The network.
    exact: InverseField
        The way back of the same half-set by numerical inversion, which tells how far off the network is and
        where the motion folds.
    """

    def __init__(self, network: InverseNetwork, exact: InverseField) -> None:
        self.exact, self.model, self.table = exact, exact.model, exact.table
        self.network = network.to(self.model.positions.device).eval()

    @torch.no_grad()
    def points(self, latents: Tensor, points_a: Tensor) -> Tensor:
        """Where ``(b, n, 3)`` points come from, and nothing else: nothing is solved."""
        targets = points_a.expand(len(latents), *points_a.shape[-2:]).float()
        found = [
            self.network(states, some)
            for states, some in zip(latents.split(_AT_ONCE), targets.split(_AT_ONCE), strict=True)
        ]
        return torch.cat(found) if found else targets

    @torch.no_grad()
    def invert(self, latents: Tensor, points_a: Tensor) -> Inverse:
        """Find where points come from, see :meth:`InverseField.invert`, and compare with the exact way."""
        found = self.points(latents, points_a)
        exact = self.exact.invert(latents, points_a)
        return NetworkWay(found, (found - exact.points_a).norm(dim=2), exact.determinant, exact.folded())


def _linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(n_in, n_out)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(n_out, n_in, generator=generator) / math.sqrt(n_in))
        layer.bias.zero_()
    return layer
