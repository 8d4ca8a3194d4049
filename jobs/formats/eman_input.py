"""What the headers of an EMAN2 stack say of its images, as columns of a particle table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.eman_ctf import parse_eman_ctf, relion_columns
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.star_table import FloatArray


def eman_tables(
    stack: EmanStack,
) -> tuple[dict[str, npt.NDArray], float | None, FloatArray | None, npt.NDArray[np.bool_]]:
    """Collect what a particle table can hold.

    Parameters
    ----------
    stack
        The stack.

    Returns
    -------
    columns, pixel_size_a, segment_angle_deg, flipped
        RELION's columns of CTF, micrograph, coordinates and filaments, `(n,)` each; Å or None; `(n,)` or
        None; `(n,)` True where the phases are flipped already.

    Raises
    ------
    FormatError
        When only some images have a CTF, or one cannot be read.
    """
    first = stack.attributes(0)
    columns: dict[str, npt.NDArray] = {}
    pixel = float(first.get("apix_x", 0.0)) or None
    if "ctf" in first:
        ctfs = []
        for i, text in enumerate(stack.attribute("ctf")):
            try:
                ctfs.append(parse_eman_ctf(str(text)))
            except FormatError as error:
                raise FormatError(f"image {i}: {error.message}", path=stack.path, column="ctf") from error
        columns |= relion_columns(ctfs)
        pixel = pixel or ctfs[0].pixel_size_a or None
    if isinstance(first.get("ptcl_source_image"), str):
        names = stack.attribute("ptcl_source_image", "none")
        columns["rlnMicrographName"] = np.array([str(name) or "none" for name in names], object)
    if "ptcl_source_coord" in first:
        places = np.array([_pair(value) for value in stack.attribute("ptcl_source_coord", (0, 0))])
        columns |= {"rlnCoordinateX": places[:, 0], "rlnCoordinateY": places[:, 1]}
    angle = None
    if "segment_angle" in first:
        angle = np.array(stack.attribute("segment_angle"), np.float64)
        columns["rlnAnglePsiPrior"] = angle
    flipped = np.zeros(len(stack), bool)
    if "ctf_applied" in first:
        flipped = np.array(stack.attribute("ctf_applied", 0)).astype(bool)
    return columns, pixel, angle, flipped


def _pair(value: Any) -> tuple[float, float]:
    numbers = np.asarray(value, np.float64).reshape(-1)
    return (float(numbers[0]), float(numbers[1])) if len(numbers) > 1 else (0.0, 0.0)
