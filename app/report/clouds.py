"""The points of scatter figures, read from the snapshots of a task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.figures import Figure


@dataclass(frozen=True, eq=False)
class PointCloud:
    """A scatter figure with its points ``(P, C)``, a column for each of its series."""

    figure: Figure
    points: NDArray[np.floating]


def read_cloud(figure: Figure, snapshots: Path) -> PointCloud | None:
    """Return the points of a scatter figure; None when its file is missing, damaged, or of other columns."""
    try:
        points = np.load(snapshots / f"{figure.arrays[0]}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError, IndexError):
        return None
    fits = isinstance(points, np.ndarray) and points.dtype.kind in "fiu" and points.ndim == 2
    if not fits or points.shape[1] != len(figure.series) or len(points) < 2:
        return None
    return PointCloud(figure, np.asarray(points, np.float64))
