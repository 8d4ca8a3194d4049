"""The residual perceptron of which encoder and decoder are made."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, leaky_relu_, linear, relu, relu_

Activation = Callable[[Tensor], Tensor]
_ACTIVATIONS: dict[str, Activation] = {"relu": relu, "leaky_relu": leaky_relu}


def activation_of(name: str) -> Activation:
    """The function ``relu`` or ``leaky_relu`` (slope 0.01)."""
    if name not in _ACTIVATIONS:
        raise ValueError(f"there is no activation {name}, only {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def new_linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    """Linear layer with uniform initial weights and biases within ``1 / sqrt(n_in)``."""
    layer = nn.Linear(n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


class ResidualMLP(nn.Module):
    """Linear, then hidden layers that add to their input, then linear; an activation after each but the last.

    First and last layer add to their input as well where they do not change the number of values.

    Parameters
    ----------
    n_in, n_layers, width, n_out
        Inputs, hidden layers, their width, outputs.
    activation
        ``relu`` or ``leaky_relu``; it is applied to the sum.
    generator
        Source (CPU) of the initial weights.
    """

    def __init__(
        self, n_in: int, n_layers: int, width: int, n_out: int, activation: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.activation = activation_of(activation)
        self.first = new_linear(n_in, width, generator)
        self.hidden = nn.ModuleList(new_linear(width, width, generator) for _ in range(n_layers))
        self.last = new_linear(width, n_out, generator)

    def forward(self, values: Tensor) -> Tensor:
        """``(..., n_in)`` to ``(..., n_out)``."""
        return self.rest(self.first(values) + (values if self.adds(self.first) else 0))

    def rest(self, sums: Tensor) -> Tensor:
        """What follows the first layer, of its output ``(..., width)`` before the activation."""
        if not torch.is_grad_enabled():
            return self._rest_in_place(sums)
        values = self.activation(sums)
        for layer in self.hidden:
            values = self.activation(layer(values) + values)
        return self.last(values) + (values if self.adds(self.last) else 0)

    def _rest_in_place(self, values: Tensor) -> Tensor:
        """The same without gradients: three passes less over the values of each layer."""
        *hidden, last_matrix, last_bias = self.matrices_after_first()
        values = self._activate_in_place(values)
        for matrix, bias in zip(hidden[::2], hidden[1::2], strict=True):
            values = self._activate_in_place(linear(values, matrix, bias))
        return linear(values, last_matrix, last_bias)

    def _activate_in_place(self, values: Tensor) -> Tensor:
        return relu_(values) if self.activation is relu else leaky_relu_(values)

    def matrices_after_first(self) -> list[Tensor]:
        """Matrix and bias of each layer but the first, with the identity of those that add to their input."""
        parts = []
        for layer in (*self.hidden, self.last):
            assert isinstance(layer, nn.Linear)
            weight = layer.weight
            if self.adds(layer):
                weight = weight + torch.eye(len(weight), device=weight.device)
            parts += [weight, layer.bias]
        return parts

    @staticmethod
    def adds(layer: nn.Linear) -> bool:
        """Whether a first or last layer adds to its input."""
        return layer.in_features == layer.out_features
