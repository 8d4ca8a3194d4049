"""The decoder: a displacement for every place and every latent state.

The displacement field is a sum of motion modes with coefficients that depend on the state,

    u(x, z) = mask(x) * sum_k c_k(z) phi_k(x).

``phi`` is a coordinate network, evaluated once per step for all Gaussians and not once per particle; ``c`` is
a small network of the latent vector.  Rotations, slides and their products have few modes (a hinge needs
two), so this loses nothing against one network of place and state, and costs a matrix product per particle
instead of a network evaluation per particle and Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


@dataclass(frozen=True)
class FieldShape:
    """Sizes of the networks of a :class:`DisplacementField`.

    Attributes
    ----------
    n_latent
        Dimensions of the latent space.
    n_modes
        Motion modes.
    width, n_layers
        Width and number of hidden layers of the coordinate network.
    n_frequencies
        Frequencies of its positional encoding, from one to ``max_frequency`` cycles per ``extent_a``.
    max_frequency
        See there.
    extent_a
        Length in Å that sets the scale of the encoding, about six times the radius of gyration.
    """

    n_latent: int
    n_modes: int
    width: int
    n_layers: int
    n_frequencies: int
    max_frequency: float
    extent_a: float

    def as_dict(self) -> dict[str, float | int]:
        """Plain numbers, for a checkpoint."""
        return asdict(self)


class DisplacementField(nn.Module):
    """Displacements in Å of points for latent states; see the module for the formula.

    Parameters
    ----------
    shape: FieldShape
        Sizes.
    generator: torch.Generator
        Source (CPU) of the initial weights.
    """

    frequencies: Tensor
    mean_coefficients: Tensor

    def __init__(self, shape: FieldShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        cycles = torch.linspace(1.0, shape.max_frequency, shape.n_frequencies)
        self.register_buffer("frequencies", 2 * math.pi * cycles / shape.extent_a)
        # Mean coefficients over all particles: subtracted, so that the consensus is the mean structure.
        self.register_buffer("mean_coefficients", torch.zeros(shape.n_modes))
        self.build_modes(generator)
        self.linear_coefficients = _linear(shape.n_latent, self.n_outputs, generator)
        self.bent_coefficients = nn.ModuleList(
            [_linear(shape.n_latent, 64, generator), _linear(64, 64, generator)]
        )
        self.bent_output = _linear(64, self.n_outputs, generator)
        with torch.no_grad():
            self.bent_output.weight.mul_(0.1)

    def build_modes(self, generator: torch.Generator) -> None:
        """Make the coordinate network."""
        shape = self.shape
        widths = [3 + 6 * shape.n_frequencies] + [shape.width] * shape.n_layers
        self.hidden = nn.ModuleList(_linear(a, b, generator) for a, b in pairwise(widths))
        self.modes = _linear(widths[-1], 3 * shape.n_modes, generator)

    @property
    def n_outputs(self) -> int:
        """Numbers that the network of the latent vector gives."""
        return self.shape.n_modes

    def basis(self, points_a: Tensor) -> Tensor:
        """Motion modes at points.

        Parameters
        ----------
        points_a: torch.Tensor
            ``(n, 3)`` points in Å relative to the box centre.

        Returns
        -------
        torch.Tensor
            ``(n, 3, K)`` displacement in Å of every mode.
        """
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
        modes: Tensor = self.modes(encoded)
        return modes.view(-1, 3, self.shape.n_modes)

    def coefficients(self, latents: Tensor) -> Tensor:
        """Coefficients ``(b, K)`` of the modes for states ``(b, L)``, zero on average over the particles."""
        return self.raw_coefficients(latents) - self.mean_coefficients

    def raw_coefficients(self, latents: Tensor) -> Tensor:
        """Coefficients before their mean over the particles is taken off."""
        return self.network(latents)

    def network(self, latents: Tensor) -> Tensor:
        """Output ``(b, m)`` of the network of the latent vector."""
        hidden = latents
        for layer in self.bent_coefficients:
            hidden = silu(layer(hidden))
        output: Tensor = self.linear_coefficients(latents) + self.bent_output(hidden)
        return output

    def rotate_latents(self, rotation: Tensor) -> None:
        """Change the latent axes: afterwards ``z @ rotation`` gives what ``z`` gave before.

        Parameters
        ----------
        rotation: torch.Tensor
            ``(L, L)`` orthogonal matrix.
        """
        with torch.no_grad():
            for layer in (self.linear_coefficients, self.bent_coefficients[0]):
                assert isinstance(layer, nn.Linear)
                layer.weight.copy_(layer.weight @ rotation)


def displace(coefficients: Tensor, basis: Tensor) -> Tensor:
    """Displacements ``(b, n, 3)`` from coefficients ``(b, K)`` and modes ``(n, 3, K)``."""
    n_points, _, n_modes = basis.shape
    return torch.matmul(coefficients, basis.reshape(-1, n_modes).T).view(-1, n_points, 3)


def _linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    """A layer with normal weights of variance ``1 / n_in`` drawn from the generator, and no initial bias."""
    layer = nn.Linear(n_in, n_out)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(n_out, n_in, generator=generator) / math.sqrt(n_in))
        layer.bias.zero_()
    return layer
