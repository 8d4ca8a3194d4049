"""Positional encodings: how a spatial frequency is presented to the decoder.

All encodings but ``none`` are sines and cosines of products of the frequency with fixed vectors, so that the
samples of a whole image take one small matrix product: with ``k = R^T (x, y, 0)`` the product ``k . f`` is
``(x, y) . (R f)[0:2]``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jobs.core.errors import UserError

AXIS_TYPES = ("geom_ft", "geom_full", "geom_lowf", "geom_nohighf", "linear_lowf")


def axis_frequencies(kind: str, box: int, n: int) -> Tensor:
    """Angular frequencies ``(n,)`` per cycle/pixel that an encoding uses along each axis.

    Parameters
    ----------
    kind
        One of :data:`AXIS_TYPES`.
    box
        Image side; the scale of all encodings is half of it.
    n
        How many; ``linear_lowf`` ignores it and has as many as half the box.

    Raises
    ------
    UserError
        When there is no such encoding.
    """
    half = box // 2
    if kind == "linear_lowf":
        return torch.arange(1.0, half + 1)
    ends = {
        "geom_ft": (2 * math.pi * half, 2 * math.pi),
        "geom_full": (2 * math.pi * half, 1.0),
        "geom_lowf": (float(half), 1.0),
        "geom_nohighf": (float(half), 2 * math.pi),
    }
    if kind not in ends:
        raise UserError(
            f"there is no positional encoding {kind}",
            hint=f"Choose one of {', '.join(AXIS_TYPES)}, gaussian, none",
        )
    first, last = ends[kind]
    exponent = torch.arange(n, dtype=torch.float64) / max(n - 1, 1)
    return (first * (last / first) ** exponent).float()


def wave_vectors(
    kind: str, box: int, n: int | None = None, feat_sigma: float = 0.5, seed: int = 0
) -> Tensor | None:
    """Vectors ``(3, w)``: features are sine and cosine of their products with frequencies in cycles/pixel.

    Parameters
    ----------
    kind
        Encoding; None is returned for ``none``, where the coordinates themselves are the features.
    box
        Image side.
    n
        Waves per axis, half the box when None; of ``gaussian`` three times as many vectors are drawn.
    feat_sigma
        Standard deviation of the gaussian vectors, in half boxes.
    seed
        Of the gaussian vectors.
    """
    if kind == "none":
        return None
    n = n or box // 2
    if kind == "gaussian":
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(3, 3 * n, generator=generator) * (feat_sigma * (box // 2))
    along = axis_frequencies(kind, box, n)
    return torch.kron(torch.eye(3), along[None])


def n_features(waves: Tensor | None) -> int:
    """Features per coordinate."""
    return 3 if waves is None else 2 * waves.shape[1]


def encode_positions(positions: Tensor, waves: Tensor | None) -> Tensor:
    """Features ``(..., 2 w)``, sines first, of frequencies ``(..., 3)`` as ``(x, y, z)`` in cycles/pixel."""
    if waves is None:
        return positions
    phase = positions @ waves
    return torch.cat((torch.sin(phase), torch.cos(phase)), dim=-1)


def encode_planes(xy: Tensor, rotations: Tensor, waves: Tensor | None) -> tuple[Tensor, Tensor]:
    """Features of the samples of rotated planes, each turned to the half space that the decoder describes.

    A real volume has conjugate coefficients at opposite frequencies. Only those with ``x > 0`` (on the plane
    ``x = 0``: ``y > 0``, on the axis ``z > 0``) are asked of the decoder; the others are replaced by their
    partners, and the imaginary part of the answer changes sign.

    Parameters
    ----------
    xy
        ``(m, 2)`` samples in cycles/pixel.
    rotations
        ``(n, 3, 3)`` RELION matrices reference to image.
    waves
        ``(3, w)`` vectors of the encoding, or None.

    Returns
    -------
    features, sign
        ``(n, m, 2 w)`` (or 3), and ``(n, m)`` 1 or -1 to multiply imaginary parts with.
    """
    sign = half_space(xy @ rotations[:, :2])
    folded = xy * sign[..., None]
    if waves is None:
        return folded @ rotations[:, :2], sign
    phase = folded @ (rotations[:, :2] @ waves)
    return torch.cat((torch.sin(phase), torch.cos(phase)), dim=-1), sign


def half_space(positions: Tensor) -> Tensor:
    """1 where ``(..., 3)`` frequencies lie in the half space of the decoder, -1 where their partners do."""
    x, y, z = positions.unbind(-1)
    decisive = torch.where(x != 0, x, torch.where(y != 0, y, z))
    return torch.where(decisive < 0, -1.0, 1.0).to(positions.dtype)
