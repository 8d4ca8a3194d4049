"""The residual perceptron of the original tomoDRGN, from its state dict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import linear

from jobs.tomodrgn.networks import activation_of

_LAYER = re.compile(r"^(?P<net>.*)main\.(?P<index>\d+)\.(?P<linear>linear\.)?(?P<kind>weight|bias)$")


@dataclass(frozen=True)
class OriginalNetwork:
    """One of its residual perceptrons.

    Attributes
    ----------
    layers
        Matrix, bias and whether the layer adds to its input; an activation follows all but the last.
    activation
        ``relu`` or ``leaky_relu``.
    """

    layers: tuple[tuple[Tensor, Tensor, bool], ...]
    activation: str

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.layers[0][0].shape[1]

    def __call__(self, values: Tensor) -> Tensor:
        """``(..., n_in)`` to ``(..., n_out)``."""
        act = activation_of(self.activation)
        for i, (weight, bias, adds) in enumerate(self.layers):
            out = linear(values, weight, bias)
            out = out + values if adds else out
            values = act(out) if i < len(self.layers) - 1 else out
        return values


def read_network(state: Mapping[str, Any], prefix: str, activation: str) -> OriginalNetwork:
    """The perceptron whose names begin with a prefix; KeyError when there is none."""
    found: dict[int, dict[str, Tensor]] = {}
    adds: set[int] = set()
    for name, value in state.items():
        match = _LAYER.match(name)
        if match and match["net"] == prefix:
            found.setdefault(int(match["index"]), {})[match["kind"]] = value.float()
            if match["linear"]:
                adds.add(int(match["index"]))
    if not found:
        raise KeyError(f"{prefix}main")
    layers = tuple((found[i]["weight"], found[i]["bias"], i in adds) for i in sorted(found))
    return OriginalNetwork(layers, activation)
