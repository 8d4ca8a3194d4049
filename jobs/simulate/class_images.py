"""Images of one object in few views: projections with shift, CTF and noise, in portions or in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.maths.ctf import CtfParameters, constant_ctf, ctf_rfft
from jobs.maths.fourier import crop_rfft, rfft_to_image, rfft_to_volume, shift_phases, volume_to_rfft
from jobs.maths.project import Projector
from jobs.simulate.class_specification import ClassSpec
from jobs.simulate.class_truth import STREAMS, ClassTruth, draw_truth
from jobs.simulate.structures import build_structure

_MAP_ENDINGS = (".mrc", ".map")
_PORTION = 256  # images at once: part of what the noise is drawn by, hence never to be changed lightly
_SAMPLE = 2000  # images from which the deviation of the signal is estimated
_POINTS_AT_ONCE = 2000


@dataclass(frozen=True)
class ClassObject:
    """The object that is seen, scaled so that its images with CTF have standard deviation 1.

    Attributes
    ----------
    volume
        ``(D, D, D)`` density ``[z, y, x]``.
    truth
        What is known about the images.
    """

    volume: Tensor
    truth: ClassTruth


def make_object(spec: ClassSpec) -> ClassObject:
    """Build the object and draw what is known about its images.

    Raises
    ------
    UserError
        When the map or model is missing or is empty.
    """
    truth = draw_truth(spec)
    volume = _volume(spec)
    seen = np.flatnonzero(~truth.is_noise)[:_SAMPLE]
    projector = Projector(volume)
    total = square = 0.0
    for start in range(0, len(seen), _PORTION):
        images = _clean(spec, projector, truth, seen[start : start + _PORTION]).double()
        total += float(images.sum())
        square += float((images**2).sum())
    pixels = len(seen) * spec.box**2
    deviation = float(np.sqrt(square / pixels - (total / pixels) ** 2))
    if not deviation > 0:
        raise UserError("there is nothing to be seen in the map", path=spec.structure.path or None)
    return ClassObject(volume / deviation, truth)


def view_images(spec: ClassSpec, made: ClassObject) -> NDArray[np.float32]:
    """Projections ``(V, y, x)`` of the views as the images show them, without CTF and noise."""
    return Projector(made.volume).images(made.truth.view_rotations.float()).numpy()


def portions(spec: ClassSpec, made: ClassObject) -> Iterator[NDArray[np.float32]]:
    """Yield the images ``(n, y, x)`` in order, a few hundred at a time."""
    rng = np.random.default_rng([spec.seed, STREAMS.index("noise")])
    projector, truth = Projector(made.volume), made.truth
    for start in range(0, len(truth.view), _PORTION):
        rows = np.arange(start, min(start + _PORTION, len(truth.view)))
        noise = rng.standard_normal((len(rows), spec.box, spec.box), dtype=np.float32) * truth.noise_sd
        images = torch.as_tensor(noise)
        seen = np.flatnonzero(~truth.is_noise[rows])
        images[torch.as_tensor(seen)] += _clean(spec, projector, truth, rows[seen])
        yield images.numpy()


def class_images(spec: ClassSpec) -> tuple[NDArray[np.float32], ClassTruth, NDArray[np.float32]]:
    """Make a whole set in memory.

    Returns
    -------
    tuple
        Images ``(N, y, x)``, what is known about them, and the projections of the views ``(V, y, x)``.
    """
    made = make_object(spec)
    return np.concatenate(list(portions(spec, made))), made.truth, view_images(spec, made)


def ctf_parameters(spec: ClassSpec, truth: ClassTruth, rows: NDArray[np.int64]) -> CtfParameters:
    """CTF of some of the images."""
    return constant_ctf(
        torch.as_tensor(truth.defocus_u_a[rows]),
        torch.as_tensor(truth.defocus_v_a[rows]),
        torch.as_tensor(truth.defocus_angle_deg[rows]),
        voltage_kv=spec.voltage_kv,
        spherical_aberration_mm=spec.spherical_aberration_mm,
        amplitude_contrast=spec.amplitude_contrast,
        phase_shift_deg=spec.phase_shift_deg,
    )


def _clean(spec: ClassSpec, projector: Projector, truth: ClassTruth, rows: NDArray[np.int64]) -> Tensor:
    """Images without noise."""
    if not len(rows):
        return torch.zeros(0, spec.box, spec.box)
    some = replace(
        truth,
        view=truth.view[rows],
        mirrored=truth.mirrored[rows],
        psi_deg=truth.psi_deg[rows],
    )
    transforms = projector.slices(some.rotations.float())
    transforms = transforms * shift_phases(spec.box, torch.as_tensor(truth.shift_px[rows]).float())
    if spec.has_ctf:
        transforms = transforms * ctf_rfft(ctf_parameters(spec, truth, rows), spec.box, spec.pixel_size_a)
    return rfft_to_image(transforms, spec.box)


def _volume(spec: ClassSpec) -> Tensor:
    """Density ``(box, box, box)``: the map about its centre, or the Gaussians of chains or atoms."""
    if spec.structure.path.lower().endswith(_MAP_ENDINGS):
        volume = torch.as_tensor(np.array(read_map(spec.structure.path).data))
        return _about_centre(volume, spec.box)
    structure = build_structure(spec.structure, spec.pixel_size_a)
    # Narrow Gaussians alias when they are sampled; twice as fine they do not.
    fine, pixel = 2 * spec.box, spec.pixel_size_a / 2
    axis = (torch.arange(fine, dtype=torch.float32) - fine // 2) * pixel
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    weights = torch.as_tensor(structure.weights, dtype=torch.float32)
    density = torch.zeros(fine * fine, fine)
    for some in torch.arange(len(points)).split(_POINTS_AT_ONCE):
        x, y, z = (
            torch.exp(-0.5 * ((axis - points[some, i, None]) / structure.sigma_a) ** 2) for i in range(3)
        )
        plane = (weights[some, None] * z)[:, :, None] * y[:, None, :]
        density += plane.reshape(len(some), -1).T @ x
    coarse = crop_rfft(volume_to_rfft(density.reshape(fine, fine, fine)), spec.box, ndim=3)
    return rfft_to_volume(coarse, spec.box)


def _about_centre(volume: Tensor, box: int) -> Tensor:
    """Crop or pad with zeros; voxel ``d // 2`` of every axis becomes voxel ``box // 2``."""
    result = torch.zeros(box, box, box)
    source, target = [], []
    for side in volume.shape:
        first = box // 2 - side // 2  # where voxel 0 goes
        target.append(slice(max(first, 0), min(first + side, box)))
        source.append(slice(max(-first, 0), max(-first, 0) + target[-1].stop - target[-1].start))
    result[tuple(target)] = volume[tuple(source)]
    return result
