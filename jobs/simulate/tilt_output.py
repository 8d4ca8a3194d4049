"""Files of simulated tilt-series particles: the STAR file as Warp exports image series, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.rotations import matrix_to_euler

if TYPE_CHECKING:
    from jobs.simulate.tilt_series import TiltTruth
    from jobs.simulate.tilt_specification import TiltSpec


def write_series(spec: TiltSpec, truth: TiltTruth, image_prefix: str, path: Path) -> None:
    """Write one table with a row per image, in the columns of RELION 3.0 that Warp uses.

    Warp states the exposure as a B-factor (-4 per e/Å²) and the stage tilt as a scale factor (its cosine).
    """
    n = len(truth.particle)
    euler = matrix_to_euler(truth.image_rotations).numpy()
    defocus = truth.defocus_a[truth.particle]
    columns: dict[str, npt.ArrayLike] = {
        "rlnImageName": [f"{i + 1:06d}@{image_prefix}particles.mrcs" for i in range(n)],
        "rlnGroupName": truth.particle_name[truth.particle],
        "rlnMicrographName": [f"{name}.tomostar" for name in truth.tomogram[truth.particle]],
        "rlnDetectorPixelSize": np.full(n, spec.pixel_size_a),
        "rlnMagnification": np.full(n, 10_000.0),
        "rlnVoltage": np.full(n, spec.voltage_kv),
        "rlnSphericalAberration": np.full(n, spec.spherical_aberration_mm),
        "rlnAmplitudeContrast": np.full(n, spec.amplitude_contrast),
        "rlnPhaseShift": np.zeros(n),
        "rlnDefocusU": np.round(defocus, 3),
        "rlnDefocusV": np.round(defocus, 3),
        "rlnDefocusAngle": np.zeros(n),
        "rlnCtfBfactor": -4 * truth.dose,
        "rlnCtfScalefactor": np.round(np.cos(np.radians(truth.tilt_deg)), 7),
        "rlnAngleRot": np.round(euler[:, 0], 6),
        "rlnAngleTilt": np.round(euler[:, 1], 6),
        "rlnAnglePsi": np.round(euler[:, 2], 6),
        "rlnOriginX": np.round(-truth.shifts_px[:, 0], 6) + 0.0,
        "rlnOriginY": np.round(-truth.shifts_px[:, 1], 6) + 0.0,
        "rlnRandomSubset": truth.half[truth.particle],
    }
    write_star_tables(path, [StarTable.from_columns("", columns, version=None)])


def write_truth(spec: TiltSpec, truth: TiltTruth, folder: Path) -> None:
    """Write ``truth.npz`` (names, kinds, poses) and the specification."""
    np.savez(
        folder / "truth.npz",
        particle_name=truth.particle_name,
        species=truth.species,
        species_name=np.array(spec.species),
        half=truth.half,
        rotation=truth.rotations.numpy(),
        defocus_a=truth.defocus_a,
        particle=truth.particle,
        tilt_deg=truth.tilt_deg,
        dose=truth.dose,
        noise_sd=np.array(truth.noise_sd),
    )
    (folder / "simulation.json").write_text(spec.to_json() + "\n")


def publish(work: Path, target: Path) -> None:
    """Move finished files into place; the STAR file, which refers to the others, comes last."""
    for path in sorted(work.iterdir(), key=lambda p: (p.name == "particles.star", p.name)):
        path.replace(target / path.name)
