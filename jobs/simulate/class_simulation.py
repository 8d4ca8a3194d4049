"""Make simulated particles in few views in a folder: images, STAR file, views, map, mask and ground truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.formats.mrc import write_map, write_stack
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.masks import mask_from_threshold
from jobs.simulate.class_images import ClassObject, make_object, portions, view_images
from jobs.simulate.class_specification import ClassSpec
from jobs.simulate.class_truth import ClassTruth
from jobs.simulate.simulation import Reporter, Silent
from jobs.simulate.structures import otsu_threshold
from jobs.simulate.tilt_output import publish

_VERSION = 30001  # RELION 3.1, which every later version and most other programs read
_EXTEND_PX, _EDGE_PX = 2.0, 3.0


def simulate_classes(
    spec: ClassSpec, folder: str | Path, *, image_prefix: str = "", reporter: Reporter | None = None
) -> ClassTruth:
    """Make a data set; files of the same names are replaced when everything is complete.

    Writes ``particles.star`` and ``particles.mrcs`` as after extraction (CTF, no poses), ``truth.star`` (the
    same particles with poses, origins and view as class number, 0 for noise), ``truth.npz``, ``views.mrcs``
    (projections without CTF and noise), ``consensus.mrc``, ``mask.mrc`` and ``simulation.json``.

    Parameters
    ----------
    spec
        What to make.
    folder
        Where; created when missing.
    image_prefix
        Path of the folder as the STAR file shall name it; empty when the folder is a project of its own.
    reporter
        Is told the progress, and may stop the simulation.

    Raises
    ------
    UserError
        When the map or model is missing or is empty.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    report = reporter or Silent()
    made = make_object(spec)
    with tempfile.TemporaryDirectory(prefix=".simulate.", dir=target) as scratch:
        work = Path(scratch)
        pixel = spec.pixel_size_a
        write_stack(work / "particles.mrcs", _reported(spec, made, report), pixel)
        write_stack(work / "views.mrcs", view_images(spec, made), pixel)
        write_map(work / "consensus.mrc", made.volume.numpy(), pixel)
        threshold = spec.structure.threshold
        level = float(otsu_threshold(made.volume.double().numpy())) if threshold is None else threshold
        mask = mask_from_threshold(made.volume, level, _EXTEND_PX, _EDGE_PX)
        write_map(work / "mask.mrc", mask.numpy(), pixel)
        write_truth(spec, made.truth, work)
        write_particles(spec, made.truth, image_prefix, work)
        report.check_abort()
        publish(work, target)
    return made.truth


def _reported(spec: ClassSpec, made: ClassObject, report: Reporter) -> Iterator[npt.NDArray[np.float32]]:
    done = 0
    for images in portions(spec, made):
        report.check_abort()
        yield images
        done += len(images)
        report.progress("images", done, len(made.truth.view))


def write_truth(spec: ClassSpec, truth: ClassTruth, folder: Path) -> None:
    """Write ``truth.npz`` (poses, views, and the 2D transformations that align) and the specification."""
    alpha, shift, mirror = truth.alignment()
    np.savez(
        folder / "truth.npz",
        view=truth.view,
        views_deg=truth.views_deg,
        psi_deg=truth.psi_deg,
        shift_px=truth.shift_px,
        align_alpha_deg=alpha,
        align_shift_px=shift,
        align_mirror=mirror,
        noise_sd=np.array(truth.noise_sd),
    )
    (folder / "simulation.json").write_text(spec.to_json() + "\n")


def write_particles(spec: ClassSpec, truth: ClassTruth, image_prefix: str, folder: Path) -> None:
    """Write ``particles.star`` without poses, and ``truth.star`` with them."""
    from jobs.maths.rotations import matrix_to_euler

    n = len(truth.view)
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
        "rlnImageName": [f"{i + 1:06d}@{image_prefix}particles.mrcs" for i in range(n)],
        "rlnOpticsGroup": np.ones(n, dtype=np.int64),
    }
    if spec.has_ctf:
        columns |= {
            "rlnDefocusU": np.round(truth.defocus_u_a, 3),
            "rlnDefocusV": np.round(truth.defocus_v_a, 3),
            "rlnDefocusAngle": np.round(truth.defocus_angle_deg, 4),
        }
        if spec.phase_shift_deg:
            columns["rlnPhaseShift"] = np.full(n, spec.phase_shift_deg)
    euler = matrix_to_euler(truth.rotations).numpy()
    poses: dict[str, npt.ArrayLike] = {
        "rlnAngleRot": np.round(euler[:, 0], 6),
        "rlnAngleTilt": np.round(euler[:, 1], 6),
        "rlnAnglePsi": np.round(euler[:, 2], 6),
        "rlnOriginXAngst": np.round(-truth.shift_px[:, 0] * spec.pixel_size_a, 6) + 0.0,
        "rlnOriginYAngst": np.round(-truth.shift_px[:, 1] * spec.pixel_size_a, 6) + 0.0,
        "rlnClassNumber": truth.view + 1,
    }
    for name, content in (("particles.star", columns), ("truth.star", columns | poses)):
        tables = [
            StarTable.from_columns("optics", optics, version=_VERSION),
            StarTable.from_columns("particles", content, version=_VERSION),
        ]
        write_star_tables(folder / name, tables)
