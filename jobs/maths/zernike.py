"""Zernike polynomials in RELION's numbering, for higher-order aberrations.

``Z_n^m(r, t) = R_n^|m|(r) cos(m t)`` for ``m >= 0`` and ``R_n^|m|(r) sin(|m| t)`` for ``m < 0``, with the
frequency in 1/Å as radius (no unit disc, no normalisation). Even terms run through even ``n``, odd terms
through odd ``n``, and within one ``n`` through ``m = -n, -n + 2, ..., n``.
"""

from __future__ import annotations

from math import comb, factorial
from typing import Literal

import torch
from torch import Tensor

Parity = Literal["even", "odd"]


def zernike_index(i: int, parity: Parity) -> tuple[int, int]:
    """Orders ``(m, n)`` of the ``i``-th even or odd term, counted from 0."""
    n = 0 if parity == "even" else 1
    while i > n:
        i -= n + 1
        n += 2
    return 2 * i - n, n


def zernike_phase(coefficients: Tensor, kx: Tensor, ky: Tensor, parity: Parity) -> Tensor:
    """Sum of Zernike terms at frequencies in 1/Å.

    Parameters
    ----------
    coefficients: torch.Tensor
        ``(b, c)`` coefficients in radians.
    kx, ky: torch.Tensor
        ``(1 or b, h, w)`` frequencies in 1/Å.
    parity: "even" or "odd"
        Which numbering the coefficients follow.

    Returns
    -------
    torch.Tensor
        ``(b, h, w)`` phase in radians.
    """
    phase = torch.zeros_like(kx + ky).expand(len(coefficients), -1, -1)
    for i in range(coefficients.shape[1]):
        m, n = zernike_index(i, parity)
        phase = phase + coefficients[:, i, None, None] * zernike(m, n, kx, ky)
    return phase


def zernike(m: int, n: int, x: Tensor, y: Tensor) -> Tensor:
    """Evaluate one Zernike polynomial at Cartesian coordinates, as a polynomial in ``x`` and ``y``."""
    order = abs(m)
    square = x * x + y * y
    radial = torch.zeros_like(square)
    for k in range((n - order) // 2 + 1):
        numerator = (-1) ** k * factorial(n - k)
        denominator = factorial(k) * factorial((n + order) // 2 - k) * factorial((n - order) // 2 - k)
        # r^(n - 2k) is r^order times an even power; r^order goes with the angle below.
        radial = radial + numerator / denominator * square ** ((n - order) // 2 - k)
    return radial * _angular(order, x, y, sine=m < 0)


def _angular(order: int, x: Tensor, y: Tensor, *, sine: bool) -> Tensor:
    """``r^order cos(order t)``, or the sine: real or imaginary part of ``(x + i y)^order``."""
    result = torch.zeros_like(x + y)
    for j in range(1 if sine else 0, order + 1, 2):
        sign = -1 if (j // 2) % 2 else 1
        result = result + sign * comb(order, j) * x ** (order - j) * y**j
    return result
