"""Builds RELION 5 and Warp projects from the known map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_geometry import euler_angles
from jobs.maths import conventions3d as conventions
from tests.support.tomography_projects import SIZE, Placed, density, random_places, write_reconstruction

PIXEL_A = 5.0
BINNING = 2
_NAMES = ("TS_1", "TS_2", "TS_10")


def _three(labels: str, values: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    return {labels.replace("?", axis): values[:, i] for i, axis in enumerate("XYZ")}


def _angles(labels: str, matrices: npt.ArrayLike) -> dict[str, npt.NDArray[np.float64]]:
    angles = euler_angles(matrices)
    return {labels.replace("?", name): angles[:, i] for i, name in enumerate(("Rot", "Tilt", "Psi"))}


def _placed(folder: Path, each: int, seed: int) -> list[Placed]:
    generator = np.random.default_rng(seed)
    placed = []
    for k, name in enumerate(_NAMES):
        rotation = conventions.dynamo_to_matrix(
            generator.uniform((-180, 10, -180), (180, 170, 180), (each, 3))
        )
        position = random_places(seed + k, each)
        placed.append(Placed(name, position, rotation, np.zeros((each, 3))))
        inside = folder / "Tomograms" / "job003" / "tomograms"
        inside.mkdir(parents=True, exist_ok=True)
        volume = density(SIZE, position, rotation)
        write_reconstruction(inside / f"rec_{name}.mrc", volume, voxel_a=PIXEL_A * BINNING)
    return placed


def relion5_project(folder: Path, each: int = 4, seed: int = 21, relion4: bool = False) -> list[Placed]:
    """Write a set with ``optimisation_set.star``, reconstructions at binning 2; return what is in it.

    Particles have origins and orientations of the subtomogram, as after a refinement. ``relion4`` counts
    their coordinates in pixels from the corner.
    """
    placed = _placed(folder, each, seed)
    generator = np.random.default_rng(seed + 100)
    full = np.array(SIZE) * BINNING
    rows: dict[str, list[Any]] = {}
    for k, truth in enumerate(placed):
        within = conventions.dynamo_to_matrix(generator.uniform(-180, 180, (each, 3)))
        reference_to_tomogram = np.swapaxes(truth.rotation, 1, 2)
        origin = generator.uniform(-15, 15, (each, 3))
        at = truth.position * BINNING * PIXEL_A + np.einsum("pij,pj->pi", within, origin)
        if relion4:
            where = _three("rlnCoordinate?", at / PIXEL_A)
        else:
            where = _three("rlnCenteredCoordinate?Angst", at - full * PIXEL_A / 2)
        new: dict[str, Any] = {
            "rlnTomoName": [truth.name] * each,
            "rlnTomoParticleName": [f"{truth.name}/{i + 1}" for i in range(each)],
            **where,
            **_three("rlnOrigin?Angst", origin),
            **_angles("rlnTomoSubtomogram?", within),
            **_angles("rlnAngle?", np.swapaxes(within, 1, 2) @ reference_to_tomogram),
            "rlnOpticsGroup": [1] * each,
            "rlnRandomSubset": [1 + (i + k) % 2 for i in range(each)],
            "rlnClassNumber": [1] * each,
            "rlnObjectNumber": [k + 1] * each,
        }
        for label, values in new.items():
            rows.setdefault(label, []).extend(values)
    optics = StarTable.from_columns(
        "optics",
        {"rlnOpticsGroup": [1], "rlnOpticsGroupName": ["g"], "rlnTomoTiltSeriesPixelSize": [PIXEL_A]},
    )
    job = folder / "Refine3D" / "job010"
    (folder / "tilt_series").mkdir(parents=True)
    job.mkdir(parents=True)
    general = StarTable.from_columns("general", {"rlnTomoSubTomosAre2DStacks": [1]}, is_loop=False)
    particles = StarTable.from_columns("particles", {k: np.array(v) for k, v in rows.items()})
    write_star_tables(job / "particles.star", [general, optics, particles])
    _tomograms(folder, job / "tomograms.star", full)
    named = {
        "rlnTomoParticlesFile": ["Refine3D/job010/particles.star"],
        "rlnTomoTomogramsFile": ["Refine3D/job010/tomograms.star"],
    }
    write_star_tables(job / "optimisation_set.star", [StarTable.from_columns("", named, is_loop=False)])
    return placed


def _tomograms(folder: Path, path: Path, full: npt.NDArray[np.int64]) -> None:
    n = len(_NAMES)
    columns: dict[str, Any] = {
        "rlnTomoName": list(_NAMES),
        "rlnTomoTiltSeriesStarFile": [f"tilt_series/{name}.star" for name in _NAMES],
        "rlnTomoHand": [1.0] * n,
        "rlnTomoTiltSeriesPixelSize": [PIXEL_A] * n,
        "rlnTomoTomogramBinning": [float(BINNING)] * n,
        **{f"rlnTomoSize{axis}": [int(full[i])] * n for i, axis in enumerate("XYZ")},
        "rlnTomoReconstructedTomogram": [f"Tomograms/job003/tomograms/rec_{name}.mrc" for name in _NAMES],
    }
    write_star_tables(path, [StarTable.from_columns("global", columns)])
    for k, name in enumerate(_NAMES):
        tilt = np.arange(-50.0 - k, 51.0, 3.0)
        tilts = {
            "rlnTomoXTilt": 0 * tilt,
            "rlnTomoYTilt": tilt,
            "rlnTomoZRot": 0 * tilt + 85.0,
            "rlnMicrographPreExposure": np.arange(len(tilt)) * 3.0,
        }
        write_star_tables(folder / "tilt_series" / f"{name}.star", [StarTable.from_columns(name, tilts)])


def warp_project(folder: Path, each: int = 4, seed: int = 31) -> list[Placed]:
    """Write particles as Warp exports them, reconstructions and ``.tomostar`` files; return what is in it."""
    placed = _placed(folder, each, seed)
    rows: dict[str, list[Any]] = {}
    (folder / "tomostar").mkdir()
    for k, truth in enumerate(placed):
        new: dict[str, Any] = {
            "rlnMicrographName": [f"{truth.name}.tomostar"] * each,
            **_three("rlnCoordinate?", truth.position * BINNING),
            **_angles("rlnAngle?", np.swapaxes(truth.rotation, 1, 2)),
            "rlnPixelSize": [PIXEL_A] * each,
            "rlnRandomSubset": [1 + i % 2 for i in range(each)],
        }
        for label, values in new.items():
            rows.setdefault(label, []).extend(values)
        tilt = np.arange(-40.0 - k, 61.0, 2.0)
        made = StarTable.from_columns("", {"wrpMovieName": ["a.mrc"] * len(tilt), "wrpAngleTilt": tilt})
        write_star_tables(folder / "tomostar" / f"{truth.name}.tomostar", [made])
    table = StarTable.from_columns("", {k: np.array(v) for k, v in rows.items()}, version=None)
    write_star_tables(folder / "particles.star", [table])
    return placed
