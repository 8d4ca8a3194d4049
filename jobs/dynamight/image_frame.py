"""Box and pixel size that all images are taken to have, and their poses and CTF in that frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from jobs.core.errors import UserError
from jobs.dynamight.images import Views
from jobs.formats.mrc_header import read_map_header
from jobs.formats.particles import ParticleSet
from jobs.maths.coordinates import origin_to_shift
from jobs.maths.ctf import from_particles
from jobs.maths.rotations import euler_to_matrix, projection_matrices

#: Pixel sizes that differ by less than this fraction count as equal.
SAME_PIXEL = 0.005
#: Optics groups whose pixel sizes differ by more than this fraction show too different things in one box.
SIMILAR_PIXEL = 0.15
_ROUNDING = 1e-6


def image_frame(particles: ParticleSet) -> tuple[int, float]:
    """Box and mean pixel size in Å of all particles; :func:`views_of` accounts for groups that differ in it.

    Raises
    ------
    UserError
        If optics groups differ in the box, or much in the pixel size.
    """
    boxes = sorted({int(particles.box[g]) for g in np.unique(particles.optics_group)})
    if len(boxes) > 1:
        raise UserError(
            f"the optics groups have different box sizes ({', '.join(map(str, boxes))} pixels)",
            path=particles.path,
            column="rlnImageSize",
            hint="Extract all particles with the same box and pixel size.",
        )
    sizes = particles.pixel_size_a
    mean = float(sizes.mean())
    off = np.abs(sizes / mean - 1)
    if float(off.max()) > SIMILAR_PIXEL:
        raise UserError(
            f"the optics groups have very different pixel sizes ({sizes.min():.4g} to {sizes.max():.4g} Å)",
            path=particles.path,
            column="rlnImagePixelSize",
            hint="Extract all particles with the same box and pixel size.",
        )
    return boxes[0], mean


def pixel_of_map(particles: ParticleSet, path: Path, mean: float) -> float:
    """Pixel size in Å to work with: that of the map where optics groups differ and it lies among theirs."""
    sizes = particles.pixel_size_a
    if float(sizes.max()) <= float(sizes.min()) * (1 + SAME_PIXEL):
        return mean
    voxel = read_map_header(path, permissive=True).voxel_size_a
    among = float(sizes.min()) * (1 - SAME_PIXEL) <= voxel <= float(sizes.max()) * (1 + SAME_PIXEL)
    return voxel if among else mean


def views_of(particles: ParticleSet, box: int, pixel_size_a: float) -> Views:
    """Poses and CTF of particles as tensors, for images that are taken to have one pixel size.

    An image whose pixels are larger than `pixel_size_a` shows the molecule smaller: that is a magnification,
    and treated like RELION's anisotropic one, which also puts the CTF at the right frequencies.
    """
    rotations = euler_to_matrix(torch.from_numpy(particles.euler_deg))
    ratio = pixel_size_a / particles.pixel_size_a
    if float(np.abs(ratio - 1).max()) > _ROUNDING:
        particles = replace(particles, mag_matrix=particles.mag_matrix * ratio[:, None, None])
    magnification = torch.from_numpy(particles.mag_matrix)
    if bool((magnification != torch.eye(2, dtype=magnification.dtype)).any()):
        # Anisotropic magnification distorts the projection, not the molecule.
        rotations[:, :2] = projection_matrices(rotations, magnification)
    shifts = origin_to_shift(torch.from_numpy(particles.origin_a), 1.0)
    shifts /= torch.from_numpy(particles.pixel_size_a)[:, None]
    return Views(
        rotations=rotations.float(),
        shifts_px=shifts.float(),
        ctf=from_particles(particles),
        premultiplied=torch.from_numpy(particles.ctf_premultiplied.copy()),
        box=box,
        pixel_size_a=pixel_size_a,
    )
