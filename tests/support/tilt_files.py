"""Small image series for tests: tables with one row per image, and the data that others wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

BOX = 8
PIXEL_A = 4.0
COUNTS = (4, 2, 3)  # images of each particle


def series_columns() -> dict[str, Any]:
    """Columns of a Warp series of three particles; the rows of a particle are not neighbours."""
    particle = np.array([0, 1, 2, 0, 1, 2, 0, 2, 0])
    n = len(particle)
    turn = np.array([np.count_nonzero(particle[:i] == particle[i]) for i in range(n)])
    place = {p: k for k, p in enumerate(np.lexsort((turn, particle)))}
    return {
        "rlnImageName": [f"{place[i] + 1:06d}@data/stack.mrcs" for i in range(n)],
        "rlnGroupName": [f"TS_{p // 2}_{p:06d}" for p in particle],
        "rlnDetectorPixelSize": np.full(n, PIXEL_A),
        "rlnVoltage": np.full(n, 300.0),
        "rlnSphericalAberration": np.full(n, 2.7),
        "rlnAmplitudeContrast": np.full(n, 0.07),
        "rlnDefocusU": 20000.0 + 10 * np.arange(n),
        "rlnDefocusV": 19000.0 + 10 * np.arange(n),
        "rlnDefocusAngle": 3.0 * np.arange(n),
        "rlnAngleRot": 10.0 * np.arange(n),
        "rlnAngleTilt": 5.0 * np.arange(n),
        "rlnAnglePsi": -7.0 * np.arange(n),
        "rlnOriginX": 0.25 * np.arange(n),
        "rlnOriginY": -0.5 * np.arange(n),
        "rlnCtfBfactor": -4 * 3.0 * (turn + 1),
        "rlnCtfScalefactor": np.cos(np.deg2rad(3.0 * turn)),
        "wrpUnknown": [f"kept{i}" for i in range(n)],
    }


def write_series(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    optics: Mapping[str, Any] | None = None,
    images: np.ndarray | None = None,
) -> Path:
    """Write `folder/series.star` and its stack; a changed column of None is left out."""
    columns = {k: v for k, v in {**series_columns(), **(changes or {})}.items() if v is not None}
    if images is None:
        images = np.random.default_rng(5).normal(size=(sum(COUNTS), BOX, BOX)).astype(np.float32)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_stack(folder / "data" / "stack.mrcs", images, PIXEL_A)
    path = folder / "series.star"
    tables = []
    if optics is not None:
        tables.append(StarTable.from_columns("optics", optics, version=30001))
    name = "" if optics is None else "particles"
    tables.append(StarTable.from_columns(name, columns, version=None if optics is None else 30001))
    write_star_tables(path, tables)
    return path
