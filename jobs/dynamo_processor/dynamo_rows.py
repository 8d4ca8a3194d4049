"""Particles as rows of a Dynamo table, and back: where voxels are counted from, and angles."""

from __future__ import annotations

import numpy as np

from jobs.dynamo_processor.contract import FloatArray, IntArray, ParticleTable
from jobs.dynamo_processor.cropping import nearest_voxel
from jobs.formats.dynamo_table import DynamoTable, make_table
from jobs.maths.conventions3d import dynamo_to_matrix, matrix_to_dynamo

#: What is added to a voxel index counted from 0 to give the number in the table.
_COUNTED: dict[str, tuple[float, float, float]] = {"dynamo": (1.0, 1.0, 1.0), "as_is": (0.0, 0.0, 0.0)}
#: IMOD counts x and y from the edge of the first voxel, z from its centre.
_IMOD_AS_IS = (0.5, 0.5, 0.0)


def origin_offset(coordinate_origin: str, source_type: str) -> FloatArray:
    """Return what is added `(3,)` to a voxel index from 0 to give the number in the table.

    Parameters
    ----------
    coordinate_origin
        ``dynamo``: voxels are counted from 1. ``as_is``: as the original wrote them.
    source_type
        Kind of source.
    """
    if coordinate_origin == "as_is" and source_type in ("imod", "peet"):
        return np.array(_IMOD_AS_IS)
    return np.array(_COUNTED[coordinate_origin])


def input_table(particles: ParticleTable, tag: IntArray, volume: IntArray, offset: FloatArray) -> DynamoTable:
    """Return the table of particles in their tomograms.

    Parameters
    ----------
    particles
        The particles.
    tag, volume
        `(n,)` tags, and numbers of their volumes in the index.
    offset
        `(3,)` as :func:`origin_offset`.
    """
    angles = matrix_to_dynamo(particles.rotation)
    tilts = np.nan_to_num(np.round(particles.tilt_deg), nan=0.0)
    known = np.isfinite(particles.tilt_deg).all(axis=1)
    placed = particles.position + offset
    columns = {
        "tag": tag,
        "dx": particles.shift[:, 0],
        "dy": particles.shift[:, 1],
        "dz": particles.shift[:, 2],
        "tdrot": angles[:, 0],
        "tilt": angles[:, 1],
        "narot": angles[:, 2],
        # without known tilts nothing can be said of the missing wedge: all frequencies are taken as sampled
        "ftype": known.astype(float),
        "ymintilt": np.where(known, tilts[:, 0], 0.0),
        "ymaxtilt": np.where(known, tilts[:, 1], 0.0),
        "tomo": volume,
        "reg": particles.object_id,
        "class": particles.class_id,
        "x": placed[:, 0],
        "y": placed[:, 1],
        "z": placed[:, 2],
        "apix": particles.voxel_size_a,
    }
    return make_table(len(particles), columns)


def crop_table(table: DynamoTable, particles: ParticleTable, offset: FloatArray) -> DynamoTable:
    """Return the table of particles that were cut out: positions of box centres, the rest in the shifts.

    ``x + dx`` is the same as before.
    """
    values = table.values.copy()
    centre = nearest_voxel(particles.position)
    values[:, 3:6] = particles.shift + (particles.position - centre)
    values[:, 23:26] = centre + offset
    return DynamoTable(values, table.daxis_imaginary)


def places_of_rows(table: DynamoTable, offset: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return voxel indices from 0 `(n, 3)` of a table, shifts included, and M `(n, 3, 3)`."""
    return table.position + table.shift - offset, dynamo_to_matrix(table.angles_deg)
