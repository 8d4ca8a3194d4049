"""Optics of an optimisation set: one box and pixel size, microscope, and what was done to the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.columns import missing_columns
from jobs.formats.mrc import PIXEL_TOLERANCE
from jobs.formats.optics import ASSUMED, PIXEL_SIZE_COLUMNS, OpticsReader
from jobs.formats.star_table import FloatArray, StarTable
from jobs.formats.tilt_rows import DOSE_WEIGHTED_COLUMN
from jobs.formats.tomograms import TomogramReader

_UNITS = {"rlnVoltage": " kV", "rlnSphericalAberration": " mm", "rlnAmplitudeContrast": ""}


@dataclass(frozen=True, eq=False)
class SetOptics:
    """Optics per particle `(p,)`, and what all images have in common; names as in ``TiltParticles``.

    ``assumed`` says what of the microscope is stated nowhere; it matters to images with a CTF only.
    """

    pixel_size_a: float
    voltage_kv: FloatArray
    spherical_aberration_mm: FloatArray
    amplitude_contrast: FloatArray
    ctf_corrected: npt.NDArray[np.bool_]
    ctf_premultiplied: bool
    dose_weighted: bool
    warnings: tuple[str, ...]
    assumed: str


def read_set_optics(
    table: StarTable, optics: StarTable | None, tomograms: TomogramReader, box: int, apix: float | None = None
) -> SetOptics:
    """Read the optics of all particles; what is not stated there is taken from the tomograms.

    Parameters
    ----------
    table, optics
        Particle and optics tables.
    tomograms
        Tomograms of the particles.
    box
        Size of the images, to compare ``rlnImageSize`` with.
    apix
        Pixel size in Å of particles that state none.

    Raises
    ------
    FormatError
        When the pixel size is missing, groups of different pixel sizes, boxes or treatment are mixed, or a
        value is impossible; names the cell.
    """
    assert table.path is not None
    reader = OpticsReader(table, optics, table.path)
    stated_pixel = any(reader.has(c) for c in PIXEL_SIZE_COLUMNS)
    if not stated_pixel and apix is None:
        present = table.columns if optics is None else optics.columns
        raise missing_columns(["rlnImagePixelSize"], present, "optics table", table.path)
    if optics is not None:
        table.require(["rlnOpticsGroup"])
        optics.require(["rlnOpticsGroup"])
    values = reader.read(None if stated_pixel else apix)
    pixel = values.pixel_size_a
    wrong = np.flatnonzero(np.abs(pixel - pixel[0]) > PIXEL_TOLERANCE * pixel[0])
    if len(wrong):
        raise _mixed(table, int(wrong[0]), f"pixels of {pixel[wrong[0]]:g} and of {pixel[0]:g} Å")
    stated = values.box[values.group]
    wrong = np.flatnonzero((stated > 0) & (stated != box))
    if len(wrong):
        row = int(wrong[0])
        raise FormatError(
            f"rlnImageSize is {stated[row]}, but the images are {box} pixels wide",
            path=table.path,
            row=row + 1,
            column="rlnImageSize",
        )
    premultiplied = values.ctf_premultiplied
    weighted = reader.values(DOSE_WEIGHTED_COLUMN, 1.0) != 0
    for flag, what in ((premultiplied, "CTF-premultiplied"), (weighted, "dose-weighted")):
        mixed = np.flatnonzero(flag != flag[0])
        if len(mixed):
            raise _mixed(table, int(mixed[0]), f"images that are {what} and images that are not")
    microscope = {
        column: found
        if reader.has(column)
        else np.array([_stated(tomograms.optics(str(n), column), d) for n in table.text("rlnTomoName")])
        for column, found, d in (
            ("rlnVoltage", values.voltage_kv, ASSUMED["rlnVoltage"]),
            ("rlnSphericalAberration", values.spherical_aberration_mm, ASSUMED["rlnSphericalAberration"]),
            ("rlnAmplitudeContrast", values.amplitude_contrast, ASSUMED["rlnAmplitudeContrast"]),
        )
    }
    assumed = [
        f"{column} ({ASSUMED[column]:g}{_UNITS[column]} is assumed)"
        for column in microscope
        if not reader.has(column) and _nowhere(tomograms, table, column)
    ]
    return SetOptics(
        pixel_size_a=float(pixel[0]),
        voltage_kv=microscope["rlnVoltage"],
        spherical_aberration_mm=microscope["rlnSphericalAberration"],
        amplitude_contrast=microscope["rlnAmplitudeContrast"],
        ctf_corrected=reader.values("rlnCtfDataAreCtfCorrected", 0.0) != 0,
        ctf_premultiplied=bool(premultiplied[0]),
        dose_weighted=bool(weighted[0]),
        warnings=tuple(values.warnings),
        assumed=f"Neither particles nor tomograms state {', '.join(assumed)}." if assumed else "",
    )


def _nowhere(tomograms: TomogramReader, table: StarTable, column: str) -> bool:
    """Tell whether the tomogram of any particle does not state a value."""
    names = dict.fromkeys(str(name) for name in table.text("rlnTomoName"))
    return not all(np.isfinite(tomograms.optics(name, column)) for name in names)


def _stated(value: float, default: float) -> float:
    return value if np.isfinite(value) else default


def _mixed(table: StarTable, row: int, what: str) -> FormatError:
    return FormatError(
        f"the set mixes {what} (line {table.line(row)})",
        path=table.path,
        row=row + 1,
        column="rlnOpticsGroup",
        hint="Extract all particles alike, or select one kind.",
    )
