"""Where given points go in given particles: ``heteroscope dynamight displacements``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.errors import UserError
from jobs.dynamight.outputs import checkpoint_path
from jobs.dynamight.state import TrainedModel, fingerprint, load_model
from jobs.formats.files import replacing
from jobs.formats.particles import ParticleSet, read_particles
from jobs.formats.points import read_points
from jobs.maths.coordinates import chimerax_to_centred

#: Values computed at once; bounds the memory of the evaluation.
_CHUNK = 4_000_000


def find_checkpoint(job: Path, checkpoint: Path | None) -> Path:
    """The checkpoint asked for, or the final one of a job.

    Raises
    ------
    UserError
        If there is none.
    """
    path = checkpoint_path(job, None) if checkpoint is None else checkpoint
    if not path.is_file():
        hint = "Wait for the training to finish, or name an earlier one with --checkpoint."
        raise UserError("there is no such checkpoint", path=path, hint=hint if checkpoint is None else "")
    return path


def particles_of(model: TrainedModel, project_dir: Path, star: Path | None = None) -> ParticleSet:
    """Particles a model was trained on, in the same order.

    Raises
    ------
    UserError
        If the STAR file is missing or has changed since.
    """
    path = project_dir / model.star if star is None else star
    particles = read_particles(path, project_dir, require_images=False)
    if fingerprint(particles) != model.fingerprint:
        raise UserError(
            "the particles have changed since the model was trained",
            path=path,
            hint=f"Restore the particle file that {model.path.name} was trained on.",
        )
    return particles


def points_in_box(model: TrainedModel, path: Path) -> tuple[npt.NDArray[np.float64], torch.Tensor]:
    """Read points and return them as they are, and in Å relative to the box centre (float32)."""
    points = np.asarray(read_points(path).xyz_a, dtype=np.float64)
    frame = model.frame
    centred = chimerax_to_centred(torch.from_numpy(points), frame.box, frame.voxel_size_a, frame.origin_a)
    return points, centred.float()


@torch.no_grad()
def evaluate(
    model: TrainedModel, points_a: torch.Tensor, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Displacements of points in particles, each by the model of its own half-set.

    Parameters
    ----------
    model: TrainedModel
        Models of both half-sets.
    points_a: torch.Tensor
        ``(n, 3)`` points of the consensus in Å relative to the box centre.
    rows: numpy.ndarray
        ``(p,)`` particles, by their place in the STAR file.

    Returns
    -------
    numpy.ndarray
        ``(p, n, 3)`` float32 in Å.
    """
    result = np.empty((len(rows), len(points_a), 3), np.float32)
    wanted = np.full(len(model.half), -1)
    wanted[rows] = np.arange(len(rows))
    for half in model.halves:
        place = wanted[half.rows]
        local = np.nonzero(place >= 0)[0]
        chunk = max(1, _CHUNK // (3 * max(1, len(points_a))))
        for start in range(0, len(local), chunk):
            part = local[start : start + chunk]
            moved = half.model.displacement(half.means[torch.from_numpy(part)], points_a)
            result[place[part]] = moved.cpu().numpy()
    return result


def write_displacements(
    job: Path,
    project_dir: Path,
    points_file: Path,
    out: Path,
    *,
    checkpoint: Path | None = None,
    half: int | None = None,
    star: Path | None = None,
) -> tuple[int, int]:
    """Evaluate displacements and write them as ``.npz``.

    The file holds ``displacement`` (P, N, 3) float32 Å, ``points`` (N, 3) Å as given, ``image_name`` (P,),
    ``half`` (P,), ``latent`` (P, L) and ``validation`` (P,).

    Parameters
    ----------
    job, project_dir: Path
        Job folder and project.
    points_file: Path
        PDB, mmCIF, STAR or CSV file of points in Å, in the frame in which ChimeraX shows the consensus map.
    out: Path
        File to write.
    checkpoint: Path or None
        Checkpoint; the final one when None.
    half: int or None
        Only particles of half-set 1 or 2, or 0 for those held out for validation; all when None.
    star: Path or None
        Particle file, when it has moved.

    Returns
    -------
    tuple of int
        Numbers of particles and points.

    Raises
    ------
    UserError
        If a file is missing, damaged or does not belong to the job.
    """
    model = load_model(find_checkpoint(job, checkpoint))
    points, centred = points_in_box(model, points_file)
    particles = particles_of(model, project_dir, star)
    if half is None:
        rows = np.arange(particles.n)
    elif half == 0:
        rows = np.nonzero(model.validation)[0]
    else:
        rows = np.nonzero(model.half == half)[0]
    latents = np.zeros((particles.n, model.halves[0].means.shape[1]), np.float32)
    for trained in model.halves:
        latents[trained.rows] = trained.means.cpu().numpy()
    with replacing(out) as file:
        np.savez(
            file,
            displacement=evaluate(model, centred, rows),
            points=points,
            image_name=np.array([str(name) for name in particles.image_name[rows]]),
            half=model.half[rows],
            latent=latents[rows],
            validation=model.validation[rows],
        )
    return len(rows), len(points)
