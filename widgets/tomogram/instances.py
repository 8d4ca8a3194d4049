"""Many copies of maps as one set of triangles: each where its particle is, in the colour of the particle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.placing import place_points, placements, upright
from widgets.explorer import map_shapes
from widgets.explorer.meshing import EMPTY, Mesh

#: More triangles than this at once make turning the scene slow, with a graphics card and without.
MOST_FACES: Final = 1_000_000
MOST_FACES_IN_SOFTWARE: Final = 120_000
#: Triangles of an arrow.
ARROW_FACES: Final = 36


@dataclass(frozen=True, eq=False)
class Solids:
    """Triangles of many particles.

    Attributes
    ----------
    mesh
        All of them, (z, y, x) in Å from voxel 0 of the tomogram.
    owner
        ``(N,)`` which of the particles each vertex belongs to.
    """

    mesh: Mesh
    owner: NDArray[np.intp]


NOTHING: Final = Solids(EMPTY, np.zeros(0, np.intp))


def placed(
    meshes: Sequence[Mesh],
    which: NDArray[Any],
    rotation: NDArray[Any],
    centre_a: NDArray[Any],
    enlargement: float = 1.0,
) -> Solids:
    """Put meshes on particles.

    Parameters
    ----------
    meshes : sequence of Mesh
        In Å about the centre voxel of their map, (z, y, x).
    which : (P,) array
        Mesh of each particle.
    rotation, centre_a : (P, 3, 3), (P, 3) arrays
        Orientation and centre of each, x, y, z.
    enlargement : float
        How many times larger than they are.
    """
    # the meshes have their centre voxel at zero already, as a map with one voxel there
    matrices = placements(rotation, centre_a, 0, 1.0)
    vertices, normals, faces, owner, begin = [], [], [], [], 0
    for k, mesh in enumerate(meshes):
        rows = np.flatnonzero(np.asarray(which) == k)
        if mesh.is_empty or not len(rows):
            continue
        own = np.asarray(mesh.vertices)[:, ::-1] * enlargement
        moved = place_points(own, matrices[rows])[..., ::-1]
        turned = place_points(
            np.asarray(mesh.normals)[:, ::-1],
            np.concatenate([matrices[rows][..., :3], np.zeros((len(rows), 3, 1))], axis=2),
        )[..., ::-1]
        vertices.append(moved.reshape(-1, 3).astype(np.float32))
        normals.append(turned.reshape(-1, 3).astype(np.float32))
        offsets = begin + np.arange(len(rows), dtype=np.int64) * len(own)
        # (x, y, z) to (z, y, x) twice: the sense of the triangles stays
        faces.append((mesh.faces[None].astype(np.int64) + offsets[:, None, None]).reshape(-1, 3))
        owner.append(np.repeat(rows, len(own)))
        begin += len(rows) * len(own)
    if not vertices:
        return NOTHING
    mesh = Mesh(np.concatenate(vertices), np.concatenate(faces).astype(np.uint32), np.concatenate(normals))
    return Solids(mesh, np.concatenate(owner))


def arrows(rotation: NDArray[Any], centre_a: NDArray[Any], length_a: float) -> Solids:
    """Return an arrow for each particle, through its centre along the z axis of its reference."""
    along = upright(rotation)[:, ::-1] * (length_a / 2)
    middle = np.asarray(centre_a, float)[:, ::-1]
    mesh, owner = map_shapes.arrows(middle - along, middle + along, length_a / 14)
    return Solids(mesh, owner)


def most_instances(faces: int, *, in_software: bool = False) -> int:
    """Return how many maps of so many triangles can be shown together."""
    return max(1, (MOST_FACES_IN_SOFTWARE if in_software else MOST_FACES) // max(1, faces))


def nearest_to_slab(
    rows: NDArray[np.intp], apart_a: NDArray[Any], chosen: NDArray[np.bool_], most: int
) -> NDArray[np.intp]:
    """Return at most so many rows in their order: selected ones first, then those nearest to the slab.

    Parameters
    ----------
    rows, apart_a, chosen : (P,) arrays
        Particles, how far each is from the slab, and whether it is selected.
    most : int
        How many.
    """
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.lexsort((apart_a, ~chosen))[:most]])
