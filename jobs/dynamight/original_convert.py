"""``heteroscope dynamight convert-checkpoint JOB``: what an original job found, as tables and maps.

particles.star                     the input particles with their latent states, half-sets and displacements
gaussians_half1.star, _half2.star  the Gaussians of the consensus: places, weights, widths, displacements
consensus_half1.mrc, _half2.mrc    their maps, in the grey scale of the particle images
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from jobs.core.compute import free_device
from jobs.core.errors import FormatError, UserError
from jobs.core.worker import EXIT_SUCCESS
from jobs.dynamight.original_explored import OriginalExplored, OriginalJob
from jobs.dynamight.original_halves import load_inverse
from jobs.dynamight.original_job import Loaded, is_original
from jobs.dynamight.outputs import HALF_COLUMN, LATENT_COLUMN, RMS_COLUMN, VALIDATION_COLUMN
from jobs.dynamight.places import project_of
from jobs.formats.mrc import write_map
from jobs.formats.particle_set import ParticleSet
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.coordinates import centred_to_chimerax

FOLDER: Final = "converted"
WEIGHT_COLUMN: Final = "hsWeight"
WIDTH_COLUMN: Final = "hsWidthAngst"
_INVERSE: Final = "inverse_deformations/inv_chkpt.pth"
#: Particles on which the round trip is measured.
_MEASURED: Final = 200


def add_convert(commands: Any) -> None:
    """Add the command to a parser's commands."""
    parser = commands.add_parser(
        "convert-checkpoint",
        help="write what a job of the original program found as tables and maps",
        description="Read the checkpoint of a job of the original DynaMight, without running anything in it, "
        "and write particles with latent states, Gaussians and consensus maps. A training cannot go on from "
        "such a checkpoint.",
        allow_abbrev=False,
    )
    parser.add_argument("job", help="job folder, such as DynaMight/job034")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint to convert [the newest of the job]")
    parser.add_argument("--out", type=Path, help=f"folder to write to [{FOLDER} in the job]")
    parser.add_argument("--project", type=Path, help="project folder [found from the job]")
    parser.add_argument(
        "--refined-poses",
        action="store_true",
        help="write angles and origins as the training refined them [those of its input]",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    job = ((arguments.project or Path()) / arguments.job).absolute()
    if not job.is_dir():
        raise UserError("there is no such job folder", path=job)
    project = (arguments.project or project_of(job)).absolute()
    out = (arguments.out or job / FOLDER).absolute()
    for sentence in convert(job, project, out, arguments.checkpoint, refined=arguments.refined_poses):
        sys.stderr.write(f"{sentence}\n")
    sys.stdout.write(f"{out}\n")
    return EXIT_SUCCESS


def convert(
    job: Path,
    project_dir: Path,
    out: Path,
    checkpoint: Path | None = None,
    *,
    refined: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Write what a checkpoint of the original holds.

    Parameters
    ----------
    job, project_dir
        Job folder and project.
    out
        Folder, made when missing.
    checkpoint
        The newest of the job when None.
    refined
        Write poses as the training ended with, not those of its input.
    progress
        Told how many images of how many have been looked at.

    Returns
    -------
    list of str
        Sentences for people: what was written, and how good the inverse deformations are.

    Raises
    ------
    UserError
        If there is no such checkpoint, files are missing or damaged, or nothing can be written.
    """
    if checkpoint is None:
        found = OriginalJob(job, project_dir, "cpu").snapshots()
        if not found:
            raise UserError("this job has no checkpoint of the original DynaMight", path=job)
        checkpoint = found[-1].path
    elif not checkpoint.is_file():
        raise UserError("there is no such checkpoint", path=checkpoint)
    elif not is_original(checkpoint):
        raise FormatError("this is not a checkpoint of the original DynaMight with motions", path=checkpoint)
    loaded = Loaded(job, project_dir, checkpoint, free_device(), progress)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder cannot be made: {error.strerror}", path=out) from error
    models = [OriginalExplored(loaded, half) for half in (1, 2)]
    _write_particles(out / "particles.star", loaded, models, refined=refined)
    for half, model in enumerate(models, 1):
        write_star_tables(out / f"gaussians_half{half}.star", [_gaussians(model)])
        volume = model.decode(None)
        write_map(out / f"consensus_half{half}.mrc", volume, model.voxel_size_a, model.origin_a)
    counts = f"{len(loaded.half):,} particles, {len(models[0].cloud().points_a):,} Gaussians per half-set"
    said = [f"{counts}, latent space of {loaded.model.n_latent} dimensions."]
    if (job / _INVERSE).is_file():
        said.append(_round_trip(job / _INVERSE, loaded))
    return said


def _write_particles(path: Path, loaded: Loaded, models: list[OriginalExplored], *, refined: bool) -> None:
    n = len(loaded.half)
    latents, rms = np.empty((n, loaded.model.n_latent)), np.empty(n)
    for half, model in enumerate(models, 1):
        rows = loaded.half == half
        latents[rows], rms[rows] = model.embedding, model.measures["amount"]
    columns: dict[str, Any] = {f"{LATENT_COLUMN}{k + 1}": latents[:, k] for k in range(latents.shape[1])}
    columns[HALF_COLUMN] = loaded.half
    columns[VALIDATION_COLUMN] = loaded.held.astype(np.int64)
    columns[RMS_COLUMN] = rms
    (_posed(loaded.particles) if refined else loaded.particles).write(path, columns)


def _posed(particles: ParticleSet) -> ParticleSet:
    """The same with its poses also in its table."""
    angles = dict(zip(("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"), particles.euler_deg.T, strict=True))
    origins = dict(zip(("rlnOriginXAngst", "rlnOriginYAngst"), particles.origin_a.T, strict=True))
    table = particles.table.with_columns({**angles, **origins})
    return replace(particles, tables={**particles.tables, particles.table_name: table})


def _gaussians(model: OriginalExplored) -> StarTable:
    cloud = model.cloud()
    points = torch.from_numpy(np.asarray(cloud.points_a))
    places = centred_to_chimerax(points, model.box, model.voxel_size_a, model.origin_a).double().numpy()
    columns = dict(zip(("x", "y", "z"), places.T, strict=True))
    columns |= {WEIGHT_COLUMN: cloud.amplitude, WIDTH_COLUMN: cloud.width_a, RMS_COLUMN: model.activity()}
    return StarTable.from_columns("gaussians", {k: np.asarray(v, np.float64) for k, v in columns.items()})


@torch.no_grad()
def _round_trip(path: Path, loaded: Loaded) -> str:
    """How far from the consensus the original's inverse deformations bring its moved Gaussians."""
    try:
        networks = load_inverse(path, loaded.model)
    except FormatError as error:
        return f"The inverse deformations were left out: {error}"
    medians = []
    for number, network in enumerate(networks):
        cloud = loaded.model.clouds[number]
        rows = np.flatnonzero(loaded.half == number + 1)[:_MEASURED]
        latents = loaded.latents.means[number, rows]
        side, at = loaded.model.frame.side_a, cloud.fractions
        moved = at + cloud.displacement(latents.to(at.device), cloud.own) / side
        back = network.to(str(at.device)).inverse(latents.to(at.device), moved)
        medians.append(float((back - at).norm(dim=2).median()) * side)
    return (
        "Inverse deformations of the original bring Gaussians back to their places within "
        f"{medians[0]:.2f} Å (half-set 1) and {medians[1]:.2f} Å (half-set 2), median."
    )
