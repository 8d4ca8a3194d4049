"""Arrows and sticks as triangles, and light on triangles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from widgets.explorer.meshing import EMPTY, Mesh

Floats = NDArray[np.floating]

_SIDES: Final = 6


def arrows(starts: Floats, ends: Floats, thickness: float) -> tuple[Mesh, NDArray[np.intp]]:
    """Return solid arrows, and for each vertex the arrow it belongs to.

    Parameters
    ----------
    starts, ends : (N, 3) arrays
        Places (z, y, x) in Å.
    thickness : float
        Radius of the shafts in Å; heads are wider, and never longer than half an arrow.
    """
    length = np.linalg.norm(ends - starts, axis=1)
    head = np.minimum(4.0 * thickness, 0.5 * length)
    neck = ends - (ends - starts) * (head / np.maximum(length, 1e-9))[:, None]
    radius = np.minimum(thickness, 0.3 * head)
    rings = [
        (starts, radius, 0.0),
        (neck, radius, 0.0),
        (neck, 2.4 * radius, 0.5),
        (ends, 0.0 * radius, 0.5),
    ]
    return _turned(starts, ends, rings)


def sticks(points: Floats, bonds: NDArray[np.integer], thickness: float) -> tuple[Mesh, NDArray[np.intp]]:
    """Return bonds as rods, and for each vertex the atom it belongs to.

    Parameters
    ----------
    points : (N, 3) array
        Atoms (z, y, x) in Å.
    bonds : (M, 2) array
        Pairs of atoms.
    thickness : float
        Radius in Å.
    """
    starts, ends = points[bonds[:, 0]], points[bonds[:, 1]]
    middle = 0.5 * (starts + ends)
    radius = np.full(len(bonds), thickness)
    # two rings in the middle: each half has the colour of its own atom
    rings = [(starts, radius, 0.0), (middle, radius, 0.0), (middle, radius, 0.0), (ends, radius, 0.0)]
    mesh, owner = _turned(starts, ends, rings)
    ring = np.arange(len(mesh.vertices)) // _SIDES % len(rings)
    return mesh, np.where(ring < 2, bonds[owner, 0], bonds[owner, 1])


def _turned(
    starts: Floats, ends: Floats, rings: list[tuple[Floats, Floats, float]]
) -> tuple[Mesh, NDArray[np.intp]]:
    """Return solids of rotation around lines: each ring has centres, radii and how far its normals lean."""
    count = len(starts)
    if count == 0:
        return EMPTY, np.zeros(0, np.intp)
    axis = ends - starts
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
    # any direction that is not along the line
    aside = np.where(np.abs(axis[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    first = np.cross(axis, aside)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    second = np.cross(axis, first)
    angle = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    out = first[:, None] * np.cos(angle)[None, :, None] + second[:, None] * np.sin(angle)[None, :, None]
    vertices, normals = [], []
    for centre, radius, lean in rings:
        vertices.append(centre[:, None] + out * np.asarray(radius)[:, None, None])
        leaning = out * (1 - lean) + axis[:, None] * lean
        normals.append(leaning / np.linalg.norm(leaning, axis=-1, keepdims=True))
    faces = []
    for ring in range(len(rings) - 1):
        for side in range(_SIDES):
            here, beside = ring * _SIDES + side, ring * _SIDES + (side + 1) % _SIDES
            faces.append((here, beside + _SIDES, beside))
            faces.append((here, here + _SIDES, beside + _SIDES))
    each = len(rings) * _SIDES
    all_faces = np.array(faces)[None] + (np.arange(count) * each)[:, None, None]
    mesh = Mesh(
        np.stack(vertices, 1).reshape(-1, 3).astype(np.float32),
        all_faces.reshape(-1, 3).astype(np.uint32),
        np.stack(normals, 1).reshape(-1, 3).astype(np.float32),
    )
    return mesh, np.repeat(np.arange(count), each)


def shade(normals: NDArray[np.float32], towards_eye: Any, up: Any) -> NDArray[np.float32]:
    """Return how bright each vertex is, from 0 (black) over 0.75 (its own colour) to 1 (a gleam).

    The light stands above the eye, to the left; surfaces that turn away from the eye get darker, which draws
    a soft outline around every part.

    Parameters
    ----------
    normals : (N, 3) array
        Unit vectors (z, y, x).
    towards_eye, up : (3,) sequences
        Unit vectors (z, y, x).
    """
    eye = np.asarray(towards_eye, np.float32)
    top = np.asarray(up, np.float32)
    # in (z, y, x) the cross product changes sign: up × eye points to the left of the picture
    left = np.cross(top, eye)
    light = eye + 0.55 * top + 0.35 * left
    light /= np.linalg.norm(light)
    gleam = light + eye
    gleam /= np.linalg.norm(gleam)
    facing, lit, shine = (normals @ np.stack([eye, light, gleam], 1).astype(np.float32)).T
    # surfaces cut open at the border of the box show their inside
    inside = facing < 0
    lit = np.where(inside, -lit, lit)
    diffuse = 0.30 + 0.46 * np.clip(lit, 0, 1)
    rim = 0.55 + 0.45 * np.sqrt(np.abs(facing))
    bright = diffuse * rim + np.where(inside, 0.0, 0.22 * np.clip(shine, 0, 1) ** 24)
    return np.clip(bright, 0.0, 1.0).astype(np.float32)


def lit_colours(colours: NDArray[np.float32], bright: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(N, 4)`` colours of vertices ``(N, 3)`` in the light of :func:`shade`."""
    result = np.ones((len(colours), 4), np.float32)
    own = np.minimum(bright / 0.75, 1.0)[:, None]
    white = np.clip((bright - 0.75) / 0.25, 0.0, 1.0)[:, None]
    result[:, :3] = colours * own
    result[:, :3] += (1.0 - result[:, :3]) * white
    return result
