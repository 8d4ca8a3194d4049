"""The networks of the original DynaMight, evaluated from their weights alone.

Encoder: 2x2 means, then layers of 256 (rectified), 128 (tanh), and two heads, mean and logarithm of the
variance. Decoder: sines and cosines of a point's coordinates beside the latent state, layers without biases,
exponential linear units; the outcome is a displacement. With rigid bodies the state alone gives three Euler
angles and a translation of each body. Coordinates are (x, y, z) in fractions of the box from its centre.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, elu

from jobs.core.errors import FormatError
from jobs.maths.rotations import euler_to_matrix

#: A mask holds a point where it is above this.
INSIDE: Final = 0.9
#: Points times states handled at once; bounds the memory.
_PAIRS_AT_ONCE: Final = 400_000


class Layers:
    """Weights of one network, taken by name; FormatError when one is missing or of another size.

    Parameters
    ----------
    weights
        Name to tensor.
    path, name
        File and network, for people.
    """

    def __init__(self, weights: Mapping[str, Tensor], path: Path, name: str) -> None:
        self._weights, self._path, self._name = weights, path, name

    def take(self, name: str, rows: int | None = None, columns: int | None = None) -> Tensor:
        """Return a matrix ``(rows, columns)``, or a vector without `columns`, as float32."""
        found = self._weights.get(name)
        ndim = 1 if columns is None and name.endswith("bias") else 2
        fits = (
            found is not None
            and found.ndim == ndim
            and (rows is None or found.shape[0] == rows)
            and (columns is None or found.shape[-1] == columns)
        )
        if found is None or not fits:
            what = "has no layer" if found is None else f"has {tuple(found.shape)} weights in its layer"
            raise FormatError(
                f"{self._name} {what} {name}, so it is of a version that cannot be evaluated here",
                path=self._path,
                hint="Estimate the motions again with this program.",
            )
        return found.detach().float()

    def hidden(self, pattern: str) -> list[Tensor]:
        """Square matrices whose names match, with the number as the only group, in order."""
        found = {int(m[1]): name for name in self._weights if (m := re.fullmatch(pattern, name))}
        return [self.take(found[number]) for number in sorted(found)]


@dataclass(frozen=True)
class OriginalEncoder:
    """Estimates the latent state of an image.

    Attributes
    ----------
    first, second, mean, log_variance
        Weights and biases of the layers, ``(n_out, n_in)`` and ``(n_out,)``.
    n_halvings
        How often 2x2 pixels are averaged before.
    """

    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    mean: tuple[Tensor, Tensor]
    log_variance: tuple[Tensor, Tensor]
    n_halvings: int = 1

    @classmethod
    def of(cls, layers: Layers, box: int) -> OriginalEncoder:
        """Take the layers; how often the image is halved follows from their size."""
        first = layers.take("lin1.weight")
        side = math.isqrt(first.shape[1])
        n_halvings = round(math.log2(max(1, box / max(1, side))))
        layers.take("lin1.weight", None, (box >> n_halvings) ** 2)
        width = first.shape[0]
        second = layers.take("lin1b.weight", None, width)

        def pair(name: str, columns: int) -> tuple[Tensor, Tensor]:
            weight = layers.take(f"{name}.weight", None, columns)
            return weight, layers.take(f"{name}.bias", weight.shape[0])

        return cls(
            (first, layers.take("lin1.bias", width)),
            (second, layers.take("lin1b.bias", second.shape[0])),
            pair("lin2", second.shape[0]),
            pair("lin3", second.shape[0]),
            n_halvings,
        )

    @property
    def n_latent(self) -> int:
        """Number of latent coordinates."""
        return len(self.mean[1])

    def to(self, device: str) -> OriginalEncoder:
        """The same on another device."""
        layers = (self.first, self.second, self.mean, self.log_variance)
        first, second, mean, log_variance = ((w.to(device), b.to(device)) for w, b in layers)
        return OriginalEncoder(first, second, mean, log_variance, self.n_halvings)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance ``(b, L)`` for masked, centred images ``(b, D, D)``."""
        small = images[:, None]
        for _ in range(self.n_halvings):
            small = avg_pool2d(small, 2)
        hidden = torch.relu(_affine(small.flatten(1), self.first))
        hidden = torch.tanh(_affine(hidden, self.second))
        return _affine(hidden, self.mean), _affine(hidden, self.log_variance)


def encode_points(points: Tensor, n_frequencies: int, box: int) -> Tensor:
    """Sines and cosines ``(..., 6 n)`` of points ``(..., 3)``; the points themselves without frequencies.

    Frequencies fall geometrically from half the box to one, in radians per box: for each coordinate first all
    sines, then all cosines.
    """
    if not n_frequencies:
        return points
    top = float(box // 2)
    exponent = 1 - torch.arange(n_frequencies, device=points.device) / max(1, n_frequencies - 1)
    angles = points[..., None] * top**exponent
    return torch.cat((angles.sin(), angles.cos()), -1).flatten(-2)


class FlexibleNetwork:
    """A displacement for every point and state; also the network of the inverse deformations.

    Parameters
    ----------
    layers
        Weights.
    box
        Side in pixels.
    n_latent
        Latent coordinates.
    names
        Of the first layer, the hidden ones (a pattern) and the last two.
    """

    FORWARD: Final = ("input.weight", r"layers\.(\d+)\.lin\.weight", "output.0.weight", "output.2.weight")
    INVERSE: Final = ("lin0.weight", r"deform1\.(\d+)\.lin\.weight", "lin1a.weight", "lin1b.weight")

    def __init__(self, layers: Layers, box: int, n_latent: int, names: tuple[str, str, str, str]) -> None:
        first, hidden, narrow, last = names
        weight = layers.take(first)
        n_coded = weight.shape[1] - n_latent
        self.n_frequencies = 0 if n_coded == 3 else n_coded // 6
        width = weight.shape[0]
        layers.take(first, None, n_latent + (6 * self.n_frequencies or 3))
        self._box = box
        self._of_points, self._of_state = weight[:, :n_coded], weight[:, n_coded:]
        self._hidden = layers.hidden(hidden)
        self._narrow, self._last = layers.take(narrow, 3, width), layers.take(last, 3, 3)

    def to(self, device: str) -> FlexibleNetwork:
        """Move to a device; returns itself."""
        for name in ("_of_points", "_of_state", "_narrow", "_last"):
            setattr(self, name, getattr(self, name).to(device))
        self._hidden = [weight.to(device) for weight in self._hidden]
        return self

    def prepare(self, points: Tensor) -> Tensor:
        """What the first layer makes of points ``(..., n, 3)`` whatever the state: ``(..., n, width)``."""
        return encode_points(points, self.n_frequencies, self._box) @ self._of_points.T

    def residual(self, latents: Tensor, prepared: Tensor) -> Tensor:
        """Displacement ``(b, n, 3)`` of prepared points ``(n, w)`` or ``(b, n, w)`` in states ``(b, L)``."""
        of_state = latents @ self._of_state.T
        n = prepared.shape[-2]
        moved = latents.new_empty(len(latents), n, 3)
        step = max(1, _PAIRS_AT_ONCE // max(1, n))
        for start in range(0, len(latents), step):
            part = slice(start, start + step)
            points = prepared[part] if prepared.ndim == 3 else prepared
            hidden = points + of_state[part, None]
            for weight in self._hidden:
                hidden = elu(hidden @ weight.T)
            moved[part] = elu(hidden @ self._narrow.T) @ self._last.T
        return moved

    def inverse(self, latents: Tensor, points: Tensor) -> Tensor:
        """Where moved points ``(b, n, 3)`` were in the consensus, by a network of inverse deformations."""
        return points + self.residual(latents, self.prepare(points))


class RigidNetwork:
    """Rotation about the box centre and translation of each body, from the state alone."""

    def __init__(self, layers: Layers, n_latent: int) -> None:
        self._first = layers.take("input.weight", None, n_latent)
        self._hidden = layers.hidden(r"layers\.(\d+)\.lin\.weight")
        self._narrow = layers.take("output.0.weight")
        n = self._narrow.shape[0]
        self._last = layers.take("output.2.weight", n, n)
        self.n_bodies = n // 6

    def to(self, device: str) -> RigidNetwork:
        """Move to a device; returns itself."""
        for name in ("_first", "_narrow", "_last"):
            setattr(self, name, getattr(self, name).to(device))
        self._hidden = [weight.to(device) for weight in self._hidden]
        return self

    def motions(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations ``(b, n, 3, 3)`` and translations ``(b, n, 3)`` in box fractions of all bodies."""
        hidden = latents @ self._first.T
        for weight in self._hidden:
            hidden = elu(hidden @ weight.T)
        values = (elu(hidden @ self._narrow.T) @ self._last.T).view(len(latents), self.n_bodies, 6)
        return euler_to_matrix(torch.rad2deg(values[..., :3])), values[..., 3:]


def mask_holds(mask: Tensor, points: Tensor) -> Tensor:
    """Whether a mask ``[x, y, z]`` is set at the voxel that the original takes for a point: ``(n,)`` bool."""
    box = mask.shape[0]
    index = ((points + 0.5) * (box - 1)).round().long().clamp(0, box - 1)
    held: Tensor = mask.to(points.device)[index[:, 0], index[:, 1], index[:, 2]] > INSIDE
    return held


def _affine(values: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
    return values @ layer[0].T + layer[1]
