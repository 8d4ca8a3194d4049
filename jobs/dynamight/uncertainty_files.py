"""Predicted errors as files of a job.

forward_deformations/gaussian_errors.star   how far each Gaussian of half-set 1 moves, and how sure that is
forward_deformations/particles.star         gets two more columns
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.dynamight.outputs import FORWARD, HALF_COLUMN, PARTICLES
from jobs.dynamight.state import TrainedModel
from jobs.dynamight.uncertainty import Errors, rms_interval
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.coordinates import centred_to_chimerax

GAUSSIANS = f"{FORWARD}/gaussian_errors.star"
#: Columns of the Gaussians, all in Å; x, y and z as ChimeraX shows the consensus map.
AXES = ("x", "y", "z")
GAUSSIAN_RMS_COLUMN = "hsRmsDisplacementAngst"
#: Columns of both: rms distance between the displacements by both models, and rms predicted error.
DIFFERENCE_COLUMN = "hsHalfDifferenceAngst"
ERROR_COLUMN = "hsErrorAngst"
#: Of Gaussians: the interval that holds their true rms error in 68 of 100 cases.
LOW_COLUMN, HIGH_COLUMN = "hsErrorLowAngst", "hsErrorHighAngst"


def write_errors(job: Path, model: TrainedModel) -> list[Path]:
    """Write the predicted errors of Gaussians, and those of particles if the job has a particle file.

    Parameters
    ----------
    job: Path
        Job folder.
    model: TrainedModel
        Models of both half-sets, in which the latent states of all particles have been estimated.

    Returns
    -------
    list of Path
        Files written, each whole or not at all.

    Raises
    ------
    UserError
        When a file cannot be written, the particle file is another, or nothing has moved in the checkpoint.
    """
    gaussians = job / GAUSSIANS
    gaussians.parent.mkdir(parents=True, exist_ok=True)
    write_star_tables(gaussians, [gaussian_table(model)])
    if not (job / PARTICLES).is_file():
        return [gaussians]
    particles = job / PARTICLES
    tables = read_star_tables(particles)
    name = next((name for name, table in tables.items() if HALF_COLUMN in table.columns), None)
    if name is None or tables[name].n_rows != len(model.half):
        raise FormatError(
            f"expected the {len(model.half):,} particles of this job with the column {HALF_COLUMN}",
            path=particles,
            hint="It was changed after the training. Restore it, or train again.",
        )
    tables[name] = tables[name].with_columns(particle_columns(model))
    write_star_tables(particles, tables)
    return [gaussians, particles]


def gaussian_table(model: TrainedModel) -> StarTable:
    """Displacement, disagreement and error of each Gaussian of half-set 1, rms over its particles, Å."""
    moved, apart, error = Errors(model, 1).of_gaussians()
    frame = model.frame
    points = model.halves[0].model.positions.detach().cpu()
    shown = centred_to_chimerax(points, frame.box, frame.voxel_size_a, frame.origin_a).double().numpy()
    columns = dict(zip(AXES, shown.T, strict=True))
    columns |= {GAUSSIAN_RMS_COLUMN: moved, DIFFERENCE_COLUMN: apart, ERROR_COLUMN: error}
    low, high = rms_interval(error)
    columns |= {LOW_COLUMN: low, HIGH_COLUMN: high}
    return StarTable.from_columns("gaussians", {k: np.asarray(v, np.float64) for k, v in columns.items()})


def particle_columns(model: TrainedModel) -> dict[str, npt.NDArray[np.float64]]:
    """Columns ``(P,)`` in the order of the particle file: disagreement and error, rms over Gaussians, Å.

    Each particle is moved by the model of its own half-set, also when it was held out.
    """
    result = {name: np.zeros(len(model.half)) for name in (DIFFERENCE_COLUMN, ERROR_COLUMN)}
    for half in (1, 2):
        errors = Errors(model, half)
        result[ERROR_COLUMN][errors.rows], result[DIFFERENCE_COLUMN][errors.rows] = errors.of_particles(
            errors.rows
        )
    return result
