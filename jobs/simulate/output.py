"""Text files of a simulated data set: the particles' STAR file and the beads as points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.typing import NDArray

from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.coordinates import centred_to_chimerax
from jobs.maths.ctf import CtfParameters
from jobs.simulate.specification import SimulationSpec
from jobs.simulate.truth import GroundTruth

_VERSION = 30001  # RELION 3.1, which every later version and most other programs read


def write_particles(
    spec: SimulationSpec,
    truth: GroundTruth,
    ctf: CtfParameters,
    euler_deg: NDArray[np.float64],
    origin_a: NDArray[np.float64],
    path: Path,
) -> None:
    """Write ``particles.star`` with an optics and a particle table, as RELION's refinement leaves it."""
    n = spec.n_images
    optics: dict[str, npt.ArrayLike] = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": [1],
        "rlnMicrographOriginalPixelSize": [spec.pixel_size_a],
        "rlnVoltage": [spec.voltage_kv],
        "rlnSphericalAberration": [spec.spherical_aberration_mm],
        "rlnAmplitudeContrast": [spec.amplitude_contrast],
        "rlnImagePixelSize": [spec.pixel_size_a],
        "rlnImageSize": [spec.box],
        "rlnImageDimensionality": [2],
    }
    columns: dict[str, npt.ArrayLike] = {
        "rlnImageName": truth.image_name,
        "rlnOpticsGroup": np.ones(n, dtype=np.int64),
        "rlnGroupNumber": np.ones(n, dtype=np.int64),
        "rlnClassNumber": np.ones(n, dtype=np.int64),
        "rlnDefocusU": np.round(ctf.defocus_u_a.double().numpy(), 3),
        "rlnDefocusV": np.round(ctf.defocus_v_a.double().numpy(), 3),
        "rlnDefocusAngle": np.round(ctf.defocus_angle_deg.double().numpy(), 4),
        "rlnAngleRot": np.round(euler_deg[:, 0], 6),
        "rlnAngleTilt": np.round(euler_deg[:, 1], 6),
        "rlnAnglePsi": np.round(euler_deg[:, 2], 6),
        "rlnOriginXAngst": np.round(origin_a[:, 0], 6),
        "rlnOriginYAngst": np.round(origin_a[:, 1], 6),
    }
    if spec.phase_shift_deg:
        columns["rlnPhaseShift"] = np.full(n, spec.phase_shift_deg)
    if spec.bfactor_a2:
        columns["rlnCtfBfactor"] = np.full(n, spec.bfactor_a2)
    if spec.halves:
        columns["rlnRandomSubset"] = truth.half
    tables = [
        StarTable.from_columns("optics", optics, version=_VERSION),
        StarTable.from_columns("particles", columns, version=_VERSION),
    ]
    write_star_tables(path, tables)


def write_beads(truth: GroundTruth, folder: Path) -> None:
    """Write ``beads.csv`` and ``beads.star``: points x, y, z in Å as ChimeraX shows the consensus map."""
    points = (
        centred_to_chimerax(torch.as_tensor(truth.beads_a), truth.box, truth.pixel_size_a).numpy().round(4)
    )
    lines = [
        f"{x:.4f},{y:.4f},{z:.4f},{domain},{weight:g}"
        for (x, y, z), domain, weight in zip(points, truth.domain, truth.weights, strict=True)
    ]
    (folder / "beads.csv").write_text("\n".join(["x,y,z,domain,weight", *lines]) + "\n")
    columns = {"x": points[:, 0], "y": points[:, 1], "z": points[:, 2], "domain": truth.domain}
    write_star_tables(folder / "beads.star", [StarTable.from_columns("points", columns, version=None)])
