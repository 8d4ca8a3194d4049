"""What the rows of an image series say about particles: which belong together, dose, tilt, and place."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.formats.optics import check_finite
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable, TextArray

_DOSE_PER_B = -0.25  # Warp writes a B-factor of -4 Å² per e/Å²
_LEAST_TILT_WEIGHT, _MOST_TILT_WEIGHT = -1e-6, 1 + 1e-3
_TOMOGRAM_AND_NUMBER = re.compile(r"(.+)_\d+")
_COORDINATES = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
_TILT_COLUMNS = ("rlnTomoNominalStageTiltAngle", "rlnTomoYTilt")
ORIGINAL_COLUMN = "UnfilteredParticleInds"
# STAR files have no word for it; one of ours, for series made of sets whose images are weighted.
DOSE_WEIGHTED_COLUMN = "hscDoseWeighted"


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which rows show the same particle.

    Attributes
    ----------
    names
        `(P,)` particles in the order in which the file names them first.
    particle
        `(N,)` particle of each row of the file.
    order
        `(N,)` rows ordered by particle, within a particle as in the file.
    first
        `(P + 1,)` where each particle begins in ``order``.
    """

    names: TextArray
    particle: IntArray
    order: IntArray
    first: IntArray

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.names)

    @property
    def first_row(self) -> IntArray:
        """`(P,)` row that names each particle first."""
        return self.order[self.first[:-1]]

    def varying(self, values: npt.NDArray[np.generic]) -> IntArray:
        """Return the particles in whose rows a column `(N,)` is not the same everywhere."""
        differs = values != values[self.first_row][self.particle]
        return np.unique(self.particle[np.asarray(differs, bool)])


@dataclass(frozen=True, eq=False)
class AboutParticles:
    """What is known of each of `P` particles; attributes as in ``TiltParticles``."""

    tomogram: TextArray
    half: IntArray
    coordinate_a: FloatArray
    original: IntArray


def group_rows(table: StarTable, column: str) -> Grouping:
    """Group the rows of a table by a column; rows of one particle need not be neighbours."""
    text = table.text(column)
    if column == "rlnTomoParticleId" and "rlnTomoName" in table:  # counted anew in each tomogram
        text = table.text("rlnTomoName") + "/" + text
    place: dict[str, int] = {}
    particle = np.fromiter((place.setdefault(t, len(place)) for t in text), np.int64, len(text))
    names = np.empty(len(place), object)
    names[:] = list(place)
    order = np.argsort(particle, kind="stable")
    first = np.concatenate(([0], np.cumsum(np.bincount(particle, minlength=len(place)))))
    return Grouping(names, particle, order, first)


def exposure(table: StarTable, warnings: list[str]) -> FloatArray:
    """Return the dose `(N,)` in e/Å² by ``rlnCtfBfactor`` as Warp writes it, NaN where it is not known."""
    unknown = np.full(table.n_rows, np.nan)
    if "rlnCtfBfactor" not in table:
        if "rlnMicrographPreExposure" in table:
            warnings.append("The dose is that before each image (rlnMicrographPreExposure).")
            return _finite(table, "rlnMicrographPreExposure")
        warnings.append("The file has no rlnCtfBfactor: the dose of the images is not known.")
        return unknown
    dose = _finite(table, "rlnCtfBfactor") * _DOSE_PER_B
    if (dose == 0).all():
        warnings.append("rlnCtfBfactor is 0 everywhere: the dose of the images is not known.")
        return unknown
    positive = np.flatnonzero(dose < 0)
    if len(positive):
        warnings.append(
            f"rlnCtfBfactor is positive in {len(positive)} of {len(dose)} rows (the first is row "
            f"{positive[0] + 1}), so it does not state the dose as Warp does: the dose is not known."
        )
        return unknown
    return dose + 0.0  # no negative zero


def tilts(table: StarTable, warnings: list[str]) -> tuple[FloatArray, FloatArray]:
    """Return stage tilt in degrees and its cosine, `(N,)` each.

    Raises
    ------
    FormatError
        When ``rlnCtfScalefactor`` is no cosine of a tilt.
    """
    stated = next((column for column in _TILT_COLUMNS if column in table), None)
    tilt = None if stated is None else _finite(table, stated)
    if "rlnCtfScalefactor" not in table:
        if tilt is not None:
            return tilt, np.cos(np.deg2rad(tilt))
        warnings.append("The file has no rlnCtfScalefactor: the tilt of the images is not known.")
        return np.full(table.n_rows, np.nan), np.ones(table.n_rows)
    cosine = _finite(table, "rlnCtfScalefactor")
    wrong = np.flatnonzero((cosine < _LEAST_TILT_WEIGHT) | (cosine > _MOST_TILT_WEIGHT))
    if len(wrong):
        raise table.cell_error(
            int(wrong[0]), "rlnCtfScalefactor", "the cosine of the tilt, from 0 to 1, is expected"
        )
    cosine = np.clip(cosine, 0.0, 1.0)
    return np.rad2deg(np.arccos(cosine)) if tilt is None else tilt, cosine


def dose_weighted(table: StarTable) -> bool:
    """Tell whether the images of a series were dose-weighted when they were extracted."""
    return DOSE_WEIGHTED_COLUMN in table and bool(table.floats(DOSE_WEIGHTED_COLUMN).any())


def hand(table: StarTable) -> int:
    """Return the handedness, +1 where it is not stated."""
    return -1 if "rlnTomoHand" in table and (table.floats("rlnTomoHand") < 0).all() else 1


def of_particles(
    table: StarTable, column: str, groups: Grouping, pixel_size_a: float, warnings: list[str]
) -> AboutParticles:
    """Return what the rows say about their particles; ``column`` is the one that groups them.

    Raises
    ------
    FormatError
        When a number cannot be read, or a half-set is neither 1 nor 2.
    """
    return AboutParticles(
        _tomograms(table, column, groups),
        _halves(table, groups, warnings),
        _coordinates(table, groups, pixel_size_a, warnings),
        _original(table, groups),
    )


def _tomograms(table: StarTable, column: str, groups: Grouping) -> TextArray:
    for name in ("rlnTomoName", "rlnMicrographName"):
        if name in table:
            text = table.text(name)
            if not len(groups.varying(text)):  # otherwise each image has a micrograph of its own
                return text[groups.first_row]
    tomogram = np.full(groups.n, "", object)
    if column == "rlnGroupName":
        matches = [_TOMOGRAM_AND_NUMBER.fullmatch(name) for name in groups.names]
        if all(matches):
            tomogram[:] = [m.group(1) for m in matches if m]
    return tomogram


def _halves(table: StarTable, groups: Grouping, warnings: list[str]) -> IntArray:
    if "rlnRandomSubset" not in table:
        return np.zeros(groups.n, np.int64)
    half = table.ints("rlnRandomSubset")
    wrong = np.flatnonzero((half < 0) | (half > 2))
    if len(wrong):
        raise table.cell_error(int(wrong[0]), "rlnRandomSubset", "1 or 2 (or 0) is expected")
    mixed = groups.varying(half)
    if len(mixed):
        warnings.append(
            f"rlnRandomSubset differs among the images of {len(mixed):,} particles, the first of them "
            f"{groups.names[mixed[0]]}: it is not used."
        )
        return np.zeros(groups.n, np.int64)
    return half[groups.first_row]


def _coordinates(table: StarTable, groups: Grouping, pixel_size_a: float, warnings: list[str]) -> FloatArray:
    unknown = np.full((groups.n, 3), np.nan)
    if not all(c in table for c in _COORDINATES):
        return unknown
    xyz = np.stack([_finite(table, c) for c in _COORDINATES], axis=1)
    if any(len(groups.varying(axis)) for axis in xyz.T):
        warnings.append("Coordinates differ among the images of a particle: they are not used.")
        return unknown
    return xyz[groups.first_row] * pixel_size_a


def _original(table: StarTable, groups: Grouping) -> IntArray:
    if ORIGINAL_COLUMN not in table:
        return np.arange(groups.n, dtype=np.int64)
    return table.ints(ORIGINAL_COLUMN)[groups.first_row]


def _finite(table: StarTable, column: str) -> FloatArray:
    values = table.floats(column)
    check_finite(values, table, column)
    return values
