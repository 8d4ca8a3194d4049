"""Latent states of an original job's particles: computed once, kept beside its files, never among them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from jobs.dynamight.original_halves import OriginalModel
from jobs.dynamight.original_images import Masking, encode_particles
from jobs.dynamight.state import fingerprint
from jobs.formats.files import replacing
from jobs.formats.particle_set import ParticleSet

Float32 = npt.NDArray[np.float32]

#: Folder below the job, which the explorer also keeps its embeddings in.
FOLDER: Final = "explorer"
#: Particles whose states in the other half-set tell that of a state between them.
_NEIGHBOURS: Final = 8


@dataclass(frozen=True)
class Latents:
    """States of all particles by the encoders of both half-sets.

    Attributes
    ----------
    means, sds
        ``(2, P, L)`` means and standard deviations of the posteriors.
    """

    means: Tensor
    sds: Tensor


def latents_of(
    job: Path,
    model: OriginalModel,
    particles: ParticleSet,
    masking: Masking,
    images: Callable[[], ParticleSet],
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Latents:
    """States of all particles, from the cache of the job if they were computed before.

    Parameters
    ----------
    job
        Job folder.
    model, particles, masking
        What the states depend on.
    images
        The same particles, checked against their stacks; called only when states are not known.
    device, progress
        See :func:`jobs.dynamight.original_images.encode_particles`.

    Raises
    ------
    UserError
        If images are missing or do not fit.
    """
    path = job / FOLDER / f"latents_{model.checkpoint.path.stem}.npz"
    mark = _mark(model, particles, masking)
    found = _read(path, mark, (2, particles.n, model.n_latent))
    if found is not None:
        return found
    means, sds = encode_particles(model, images(), masking, device, progress)
    _write(path, mark, means.numpy(), sds.numpy())
    return Latents(means, sds)


def _mark(model: OriginalModel, particles: ParticleSet, masking: Masking) -> str:
    """What the states depend on, as a hash."""
    digest = hashlib.sha256(fingerprint(particles).encode())
    for name in ("encoder_half1", "encoder_half2", "poses"):
        for key, value in sorted(model.checkpoint.weights.get(name, {}).items()):
            digest.update(key.encode())
            digest.update(value.detach().contiguous().numpy().tobytes())
    digest.update(json.dumps([masking.soft_edge_a, masking.diameter_a]).encode())
    return digest.hexdigest()


def _read(path: Path, mark: str, shape: tuple[int, int, int]) -> Latents | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["mark"]) != mark:
                return None
            means, sds = stored["means"], stored["sds"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    if means.shape != shape or sds.shape != shape:
        return None
    return Latents(torch.from_numpy(means).float(), torch.from_numpy(sds).float())


def _write(path: Path, mark: str, means: Float32, sds: Float32) -> None:
    """Keep states; a folder that cannot be written is no reason to fail."""
    try:
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            np.savez(file, mark=np.array(mark), means=means, sds=sds)
    except OSError:
        return


class Crossing:
    """The state in the axes of one half-set that belongs to a state in those of the other.

    Both encoders see all particles, so for a particle both states are known. Between particles the states of
    the nearest ones are averaged, weighted by the inverse square of their distance.

    Parameters
    ----------
    here, there
        ``(P, L)`` states of the same particles in the shown axes and in those of the other half-set.
    """

    def __init__(self, here: Tensor, there: Tensor) -> None:
        self._tree, self._there = cKDTree(here.numpy()), there

    def __call__(self, latents: Tensor) -> Tensor:
        """States ``(b, L)`` of the other half-set for states ``(b, L)``."""
        k = min(_NEIGHBOURS, self._tree.n)
        found = self._tree.query(latents.cpu().numpy(), k=list(range(1, k + 1)))
        apart, index = np.asarray(found[0]), np.asarray(found[1])
        exact = apart[:, :1] <= 1e-6
        closeness = np.where(exact, np.arange(k) == 0, 1.0 / np.maximum(apart, 1e-6) ** 2)
        closeness /= closeness.sum(1, keepdims=True)
        weights = torch.from_numpy(closeness.astype(np.float32))
        return (weights[:, :, None] * self._there[torch.from_numpy(index)]).sum(1).to(latents.device)
