"""Builds a PEET project of one tomogram from the known map: a model, motives with offsets, tilt angles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jobs.maths.conventions3d import zxz_to_rotation
from tests.support.imod_files import model_bytes, write_motives, write_tilt_angles
from tests.support.tomography_projects import (
    SIZE,
    FloatArray,
    Placed,
    density,
    random_places,
    write_reconstruction,
)


def peet_project(
    folder: Path, each: int = 5, seed: int = 8
) -> tuple[Placed, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Write ``TS_1`` with particles in two objects, its motives in another order.

    Returns
    -------
    truth, order
        The particles by their points, offsets applied; and the points `(n,)`, from 0, in the motives' order.
    """
    inside = folder / "TS_1"
    inside.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    angles: FloatArray = generator.uniform(-180, 180, (each, 3))
    offset = generator.uniform(-3, 3, (each, 3))
    centre = random_places(3, each)
    # the reference is turned by phi about z, theta about x, psi about z
    rotation = np.swapaxes(zxz_to_rotation(angles), 1, 2)
    write_reconstruction(inside / "a.rec", density(SIZE, centre, rotation))
    write_tilt_angles(inside / "a.tlt", [-60, 0, 60])
    points = centre - offset + (0.5, 0.5, 0.0)
    (inside / "a.mod").write_bytes(model_bytes([points[:2], points[2:]]))
    order = np.roll(np.arange(each), 2)[::-1].copy()
    number = order + 1
    write_motives(inside / "a_MOTL_Tom1_Iter3.csv", number, 0.1 * number, offset[order], angles[order])
    return Placed("TS_1", centre, rotation, np.zeros((each, 3))), order
