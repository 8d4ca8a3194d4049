"""Particle lists that ArtiaX and RELION 5 read: places and angles, with labels as further columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.placing import Places
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_geometry import euler_angles

VERSION = 50001


def write_artiax(
    path: Path, places: Places, pixel_size_a: float, further: Mapping[str, NDArray[np.generic]]
) -> None:
    """Write the particles of a tomogram.

    Coordinates are those of the centres, so that origins are zero.

    Parameters
    ----------
    path : Path
        STAR file.
    places : Places
        Particles with place and orientation.
    pixel_size_a : float
        Å per pixel of the coordinates, stated as that of the tilt series.
    further : mapping of str to (P,) array
        Further columns by their labels, without the underscore.
    """
    angles = euler_angles(places.rotation)
    n = len(places.name)
    columns: dict[str, NDArray[np.generic]] = {
        "rlnTomoName": places.tomogram,
        "rlnTomoParticleName": places.name,
        "rlnTomoParticleId": np.arange(1, n + 1),
    }
    columns |= {f"rlnCoordinate{a}": places.centre_a[:, k] / pixel_size_a for k, a in enumerate("XYZ")}
    columns |= {f"rlnOrigin{a}Angst": np.zeros(n) for a in "XYZ"}
    columns |= {f"rlnAngle{a}": angles[:, k] for k, a in enumerate(("Rot", "Tilt", "Psi"))}
    columns["rlnOpticsGroup"] = np.ones(n, np.int64)
    columns |= further
    optics = StarTable.from_columns(
        "optics",
        {
            "rlnOpticsGroup": np.ones(1, np.int64),
            "rlnOpticsGroupName": np.array(["opticsGroup1"], object),
            "rlnTomoTiltSeriesPixelSize": np.array([pixel_size_a]),
        },
        version=VERSION,
    )
    particles = StarTable.from_columns("particles", columns, version=VERSION)
    write_star_tables(path, {"optics": optics, "particles": particles})
