"""The files of a training, in the tree that users of DynaMight know.

forward_deformations/checkpoints/EEE.pth, checkpoint_final.pth
forward_deformations/volumes/volume_half{1,2}_EEE.mrc, mask_half{1,2}_EEE.mrc
forward_deformations/graphs/pointsEEE.xyz
forward_deformations/particles.star      the input particles, with what was found about each
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from jobs.dynamight.half_training import HalfTraining
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import all_latents
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map
from jobs.formats.project_names import named_from_project
from jobs.maths.masks import mask_from_points

FORWARD = "forward_deformations"
PARTICLES = f"{FORWARD}/particles.star"
#: Columns added to the particles.
LATENT_COLUMN = "hsLatent"
HALF_COLUMN = "hsHalfSet"
VALIDATION_COLUMN = "hsValidation"
RMS_COLUMN = "hsRmsDisplacementAngst"
#: Soft edge of the mask about the Gaussians, Å.
_MASK_EDGE_A = 6.0


def checkpoint_path(job: Path, epoch: int | None) -> Path:
    """Path of the checkpoint after an epoch, or of the final one."""
    name = "checkpoint_final.pth" if epoch is None else f"{epoch:03d}.pth"
    return job / FORWARD / "checkpoints" / name


def write_volumes(job: Path, prepared: Prepared, epoch: int, masks: bool) -> None:
    """Write the consensus map of both half-sets, and with ``masks`` the masks about their Gaussians."""
    folder = job / FORWARD / "volumes"
    folder.mkdir(parents=True, exist_ok=True)
    frame = prepared.frame
    for number, half in enumerate(prepared.training.halves, 1):
        volume = half.model.volume().cpu().numpy()
        path = folder / f"volume_half{number}_{epoch:03d}.mrc"
        write_map(path, volume, frame.voxel_size_a, frame.origin_a)
        if masks:
            points = half.model.positions.detach().cpu()
            reach = prepared.training.settings.combine_resolution
            mask = mask_from_points(points, frame.box, frame.voxel_size_a, reach, _MASK_EDGE_A)
            write_map(
                folder / f"mask_half{number}_{epoch:03d}.mrc",
                mask.numpy(),
                frame.voxel_size_a,
                frame.origin_a,
            )


def write_graph(job: Path, prepared: Prepared, epoch: int) -> None:
    """Write the Gaussians of half-set 1 as an XYZ file; the element letter tells the class of widths."""
    half = prepared.training.halves[0]
    frame = prepared.frame
    points = half.model.positions.detach().cpu().numpy() + frame.box // 2 * frame.voxel_size_a
    points = points + np.array(frame.origin_a)
    letters = np.array(list("CNOSPFKIBH"))[half.model.class_logits.detach().argmax(0).cpu().numpy() % 10]
    lines = [str(len(points)), f"Gaussians of half-set 1 after epoch {epoch}, Angstrom"]
    lines += [f"{e} {x:.3f} {y:.3f} {z:.3f}" for e, (x, y, z) in zip(letters, points, strict=True)]
    folder = job / FORWARD / "graphs"
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"points{epoch:03d}.xyz") as file:
        file.write(("\n".join(lines) + "\n").encode())


def particle_rms_a(halves: tuple[HalfTraining, HalfTraining], n_particles: int) -> np.ndarray:
    """Root mean square displacement ``(p,)`` in Å of every particle over the Gaussians."""
    result = np.zeros(n_particles, np.float32)
    for half in halves:
        result[half.rows.numpy()] = half.particle_rms_a(half.latents.means).cpu().numpy()
    return result


def write_particles(job: Path, prepared: Prepared, project_dir: Path | None = None) -> None:
    """Write the input particles with latent coordinates, half-set and rms displacement as further columns.

    With `project_dir` images are named from there, so that further jobs of the project find them.
    """
    latents = all_latents(prepared.training.halves, prepared.particles.n)
    columns: dict[str, np.ndarray] = {
        f"{LATENT_COLUMN}{k + 1}": latents[:, k].astype(np.float64) for k in range(latents.shape[1])
    }
    columns[HALF_COLUMN] = prepared.split.half
    columns[VALIDATION_COLUMN] = prepared.split.validation.astype(np.int64)
    columns[RMS_COLUMN] = particle_rms_a(prepared.training.halves, prepared.particles.n).astype(np.float64)
    (job / FORWARD).mkdir(parents=True, exist_ok=True)
    particles = prepared.particles
    if project_dir is not None:
        particles = named_from_project(particles, project_dir)
    particles.write(job / PARTICLES, columns)


@torch.no_grad()
def leading_motions(half: HalfTraining, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Where particles lie along the principal motions of a half-set, for display.

    Parameters
    ----------
    half: HalfTraining
        Half-set.
    limit: int
        Particles shown at most.

    Returns
    -------
    tuple of numpy.ndarray
        ``(p, 3)`` rms displacement in Å along the three leading principal motions, with sign; ``(p,)`` rms
        displacement in Å.
    """
    step = max(1, len(half.rows) // limit)
    means = half.latents.means[::step]
    coefficients = half.model.field.coefficients(means)
    basis = half.model.basis(half.model.positions)
    flat = basis.reshape(-1, basis.shape[-1])
    gram = (flat.T @ flat / half.model.n_points).double()
    values, vectors = torch.linalg.eigh(gram + 1e-12 * torch.eye(len(gram), device=gram.device))
    root = vectors * values.clamp(min=0).sqrt()
    scores = coefficients.double() @ root
    _, _, axes = torch.linalg.svd(scores - scores.mean(0), full_matrices=False)
    shown = (scores @ axes.T)[:, :3]
    # The sign of an axis is arbitrary; one that jumps between epochs would be unpleasant to watch.
    sign = torch.where(shown.pow(3).sum(0) < 0, -1.0, 1.0)
    return (shown * sign).float().cpu().numpy(), half.particle_rms_a(means).cpu().numpy()
