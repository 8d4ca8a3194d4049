"""The round-trip errors of the inverse deformations as histograms, for the monitor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.dynamight.inverse_errors import LOWEST, PER_DECADE, Errors, HalfErrors

#: Fine bins per bar: ten bars per decade.
_MERGED = PER_DECADE // 10
#: Bars at both ends that hold less than this part of the distances in every half-set are left out.
_TAIL = 2e-4


def round_trip_figures(errors: Sequence[HalfErrors], inside: str) -> dict[str, Figure]:
    """Histograms of both half-sets, at the Gaussians and at voxels, of all distances measured so far.

    Parameters
    ----------
    errors: sequence of HalfErrors
        Of half-sets 1 and 2.
    inside: str
        Where the voxels are (``inside the mask``).

    Returns
    -------
    dict of Figure
        By the name under which they are stored; empty before anything was measured.
    """
    places = {"gaussians": "at the Gaussians", "voxels": inside}
    return {
        f"round_trip_{place}": _figure([half.at[place] for half in errors], words)
        for place, words in places.items()
        if any(half.at[place].n for half in errors)
    }


def _figure(errors: Sequence[Errors], where: str) -> Figure:
    merged = np.stack([e.counts.reshape(-1, _MERGED).sum(1) / max(1, e.n) for e in errors])
    used = np.flatnonzero((merged > _TAIL).any(0))
    first, last = max(0, int(used[0]) - 1), min(merged.shape[1], int(used[-1]) + 2)
    edges = 10.0 ** (LOWEST + np.arange(first, last + 1) * _MERGED / PER_DECADE)
    medians = [e.quantile(0.5) for e in errors]
    measured = [k for k, e in enumerate(errors) if e.n]
    return Figure(
        kind="histogram",
        task="inverse",
        title=f"Round-trip error {where}",
        x_title="distance from the start after there and back (Å)",
        y_title="% of places",
        x=tuple(edges.tolist()),
        series=tuple(
            Series(
                f"half {k + 1}, median {length(medians[k])}",
                tuple((100 * merged[k, first:last]).tolist()),
                line=k,
            )
            for k in measured
        ),
        marks=tuple(Mark(medians[k], "", 0, k) for k in measured),
        logarithmic=True,
        facts=(
            Fact(
                f"Round trip {where}",
                length(float(np.mean([medians[k] for k in measured]))),
                f"95 % within {max(errors[k].quantile(0.95) for k in measured):.3f} Å",
            ),
        ),
    )


def length(value_a: float) -> str:
    """A small distance in words."""
    return f"{value_a:.3f} Å" if value_a >= 0.0005 else "< 0.001 Å"
