"""Classes as RELION's Class2D writes them: stack, model, data and optimiser, for Select and Refine3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.class_set import ACCEPTED, PIXEL_ERROR, RESOLUTION
from jobs.formats.class_files import CLASS_NUMBER, PIXEL_ERROR_LABEL, REFERENCE, column_label
from jobs.formats.mrc import write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.isac2.particle_file import ParticleFile
from jobs.maths.transforms2d import Planar

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Column of the particles that are in no class: what became of them.
FATE_LABEL: Final = "hsFate"


@dataclass(frozen=True, eq=False)
class ClassMembers:
    """Which particles are in which class, and how each is laid onto its average.

    Attributes
    ----------
    rows
        `(m,)` rows of the particle table, from 0.
    class_of
        `(m,)` class, from 0.
    planar
        `m` transformations of the input images onto their averages, shifts in pixels of the input images.
    pixel_error_px
        `(m,)` pixel error in working pixels, or None.
    """

    rows: IntArray
    class_of: IntArray
    planar: Planar
    pixel_error_px: FloatArray | None = None


def write_class_files(
    folder: Path,
    stem: str,
    averages: npt.NDArray[np.float32],
    pixel_size_a: float,
    columns: Mapping[str, npt.ArrayLike],
    members: ClassMembers,
    particles: ParticleFile,
    *,
    project_dir: Path,
    target_radius: int = 0,
) -> Path:
    """Write averages and particles as a finished Class2D job holds them.

    ``<stem>_classes.mrcs``, ``<stem>_data.star``, ``<stem>_model.star`` and ``<stem>_optimiser.star``; each
    takes its place when it is complete, the one that names the others last.

    Parameters
    ----------
    folder, stem
        Folder, which is made if need be, and beginning of the names: ``run``, or
        ``main001_generation001``.
    averages
        `(K, y, x)` float32, one at least.
    pixel_size_a
        Pixel size of the averages in Å.
    columns
        `(K,)` values of each class by the names of :mod:`jobs.core.class_set`: ``pixel_error_px``,
        ``resolution_a``, ``generation``, …
    members
        Members of the classes; the transformations are those of the input images.
    particles
        The particle file of the input; all its columns are kept.
    project_dir
        Folder to which paths in the files are relative.
    target_radius
        Radius in pixels of the averages at which pixel errors were measured: gives RELION's accuracy of
        rotations. 0 leaves it at the step that was searched.

    Returns
    -------
    pathlib.Path
        The optimiser file.

    Raises
    ------
    UserError
        When the files cannot be written.
    ValueError
        When there are no classes or no members.
    """
    if not len(averages) or not len(members.rows):
        raise ValueError("there are no classes to write")
    folder.mkdir(parents=True, exist_ok=True)
    stack, data = folder / f"{stem}_classes.mrcs", folder / f"{stem}_data.star"
    model, optimiser = folder / f"{stem}_model.star", folder / f"{stem}_optimiser.star"
    write_stack(stack, np.ascontiguousarray(averages, np.float32), pixel_size_a)
    write_star_tables(data, _particle_tables(members, particles))
    names = [f"{k + 1:06d}@{project_name(stack, project_dir)}" for k in range(len(averages))]
    size = averages.shape[-1]
    write_star_tables(
        model,
        [
            _general(len(names), size, pixel_size_a, columns, particles.tables),
            _classes(names, pixel_size_a, columns, members, target_radius),
            _groups(len(members.rows)),
        ],
    )
    pairs: dict[str, Any] = {
        "rlnOutputRootName": project_name(folder / stem, project_dir),
        "rlnModelStarFile": project_name(model, project_dir),
        "rlnExperimentalDataStarFile": project_name(data, project_dir),
        "rlnNumberOfIterations": 1,
        "rlnCurrentIteration": 1,
        "rlnDoSplitRandomHalves": 0,
        "rlnParticleDiameter": 2 * target_radius * pixel_size_a,
    }
    write_star_tables(optimiser, [StarTable.from_columns("optimiser_general", pairs, is_loop=False)])
    return optimiser


def write_unaccounted(path: Path, rows: IntArray, fates: Sequence[str], particles: ParticleFile) -> bool:
    """Write the particles that are in no class, with all their columns and what became of each.

    Parameters
    ----------
    path
        Target.
    rows
        `(m,)` rows of the particle table.
    fates
        `m` words: ``unstable``, ``small_group``, ``untried``.
    particles
        The particle file of the input.

    Returns
    -------
    bool
        False when every particle is in a class: RELION reads no empty table, so an old file is removed.
    """
    if not len(rows):
        path.unlink(missing_ok=True)
        return False
    table = particles.table.select(rows).with_columns({FATE_LABEL: np.array(fates, object)})
    # A class number of an earlier job would put them into one of the present classes.
    table = table.without_columns([CLASS_NUMBER]) if CLASS_NUMBER in table else table
    write_star_tables(path, particles.with_particles(table))
    return True


def project_name(path: Path, project_dir: Path) -> str:
    """Return a path as RELION's files name it: relative to the project where it lies inside."""
    path, project = path.absolute(), project_dir.absolute()
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else path.as_posix()


def _particle_tables(members: ClassMembers, particles: ParticleFile) -> list[StarTable]:
    pixel_size_a = particles.pixel_size_a
    order = np.argsort(members.rows, kind="stable")
    angles, origins, tilts = members.planar.to(device="cpu", dtype=torch.float64).to_relion(pixel_size_a)
    psi, origin, tilt = angles.numpy(), origins.numpy(), tilts.numpy()
    columns: dict[str, npt.NDArray[Any]] = {
        CLASS_NUMBER: members.class_of.astype(np.int64) + 1,
        "rlnAngleRot": np.zeros(len(tilt)),
        "rlnAngleTilt": tilt,
        "rlnAnglePsi": psi,
    }
    # Files of RELION 3.0 state origins in pixels, later ones in Å; the two must not stand side by side.
    old = "optics" not in particles.tables
    unit = 1 / pixel_size_a if old else 1.0
    ending, other = ("", "Angst") if old else ("Angst", "")
    for axis, letter in enumerate("XY"):
        columns[f"rlnOrigin{letter}{ending}"] = origin[:, axis] * unit
    columns |= {"rlnMaxValueProbDistribution": np.ones(len(tilt)), "rlnNormCorrection": np.ones(len(tilt))}
    if members.pixel_error_px is not None:
        columns[PIXEL_ERROR_LABEL] = members.pixel_error_px
    table = particles.table.select(members.rows[order])
    stale = [f"rlnOriginX{other}", f"rlnOriginY{other}", PIXEL_ERROR_LABEL, FATE_LABEL]
    table = table.without_columns(stale) if any(label in table for label in stale) else table
    table = table.with_columns({label: values[order] for label, values in columns.items()})
    return particles.with_particles(table)


def _general(
    classes: int,
    size: int,
    pixel_size_a: float,
    columns: Mapping[str, npt.ArrayLike],
    tables: Mapping[str, StarTable],
) -> StarTable:
    resolution = np.asarray(columns.get(RESOLUTION, [np.inf]), np.float64)
    finite = resolution[np.isfinite(resolution) & (resolution > 0)]
    best = float(finite.min()) if len(finite) else 2 * pixel_size_a
    pairs = {
        "rlnReferenceDimensionality": 2,
        "rlnDataDimensionality": 2,
        "rlnOriginalImageSize": size,
        "rlnCurrentResolution": best,
        "rlnCurrentImageSize": size,
        "rlnPaddingFactor": 1.0,
        "rlnIsHelix": 0,
        "rlnFourierSpaceInterpolator": 1,
        "rlnMinRadiusNnInterpolation": 10,
        "rlnPixelSize": pixel_size_a,
        "rlnNrClasses": classes,
        "rlnNrBodies": 1,
        "rlnNrGroups": 1,
        "rlnNrOpticsGroups": tables["optics"].n_rows if "optics" in tables else 1,
        "rlnTau2FudgeFactor": 1.0,
        "rlnNormCorrectionAverage": 1.0,
        "rlnOrientationalPriorMode": 0,
        "rlnAveragePmax": 1.0,
        "rlnLogLikelihood": 0.0,
    }
    return StarTable.from_columns("model_general", pairs, is_loop=False)


def _classes(
    names: list[str],
    pixel_size_a: float,
    columns: Mapping[str, npt.ArrayLike],
    members: ClassMembers,
    target_radius: int,
) -> StarTable:
    count = len(names)
    sizes = np.bincount(members.class_of, minlength=count)
    made: dict[str, Any] = {
        REFERENCE: np.array(names, object),
        "rlnClassDistribution": sizes / max(1, sizes.sum()),
    }
    error = np.asarray(columns.get(PIXEL_ERROR, np.full(count, np.nan)), np.float64)
    # A scatter of rotations alone moves the disc by R·σ/√2: what error as large would RELION state?
    radius = target_radius or np.nan
    made["rlnAccuracyRotations"] = np.nan_to_num(np.rad2deg(np.sqrt(2) * error / radius), nan=999.0)
    made["rlnAccuracyTranslationsAngst"] = np.nan_to_num(error * pixel_size_a, nan=999.0)
    resolution = np.asarray(columns.get(RESOLUTION, np.full(count, np.inf)), np.float64)
    made["rlnEstimatedResolution"] = np.where(np.isfinite(resolution), resolution, np.inf)
    made["rlnOverallFourierCompleteness"] = np.ones(count)
    for name, values in columns.items():
        array = np.asarray(values)
        label = column_label(name)
        if label not in made and name != "size":
            made[label] = array.astype(np.int64) if name == ACCEPTED or array.dtype == bool else array
    return StarTable.from_columns("model_classes", made)


def _groups(particles: int) -> StarTable:
    return StarTable.from_columns(
        "model_groups",
        {
            "rlnGroupNumber": [1],
            "rlnGroupName": ["group_1"],
            "rlnGroupNrParticles": [particles],
            "rlnGroupScaleCorrection": [1.0],
        },
    )
