"""Optics of particles: pixel size, box, microscope and aberrations from RELION 3.0, 3.1 and 5 STAR files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError
from jobs.formats.columns import missing_columns
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import FloatArray, StarTable

# Where RELION looks for the pixel size of the particle images, in this order.
PIXEL_SIZE_COLUMNS = (
    "rlnImagePixelSize",
    "rlnMicrographPixelSize",
    "rlnMicrographOriginalPixelSize",
    "rlnTomoTiltSeriesPixelSize",
)
_MICROSCOPE = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast")
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
_MAGNIFICATION = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
# Used where a file knows no CTF at all (the values then have no effect, but stay finite), and by readers that
# say so.
ASSUMED = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
_MICROMETRE_A = 1e4
_HIGHEST_VOLTAGE_KV = 3000.0


@dataclass
class Optics:
    """Optics of `n` particles in `g` groups; units and shapes as in ``ParticleSet``.

    ``box`` is 0 for groups whose image size is not stated. ``warnings`` are sentences for the user.
    """

    group: IntArray
    group_names: list[str]
    box: IntArray
    pixel_size_a: FloatArray
    voltage_kv: FloatArray
    spherical_aberration_mm: FloatArray
    amplitude_contrast: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    beam_tilt_mrad: FloatArray
    mag_matrix: FloatArray
    odd_zernike: list[FloatArray | None]
    even_zernike: list[FloatArray | None]
    ctf_known: npt.NDArray[np.bool_]
    ctf_premultiplied: npt.NDArray[np.bool_]
    warnings: list[str] = field(default_factory=list)


class OpticsReader:
    """Looks values up per particle: first in the particle's row, then in its optics group, as RELION does.

    Parameters
    ----------
    particles
        Table of particles.
    optics
        Table of optics groups; None in files of RELION 3.0 and older.
    path
        File, for messages.
    """

    def __init__(self, particles: StarTable, optics: StarTable | None, path: Path) -> None:
        self._particles = particles
        self._optics = optics
        self._path = path
        self._row_of_particle = np.zeros(particles.n_rows, np.int64)
        self.warnings: list[str] = []

    def has(self, column: str) -> bool:
        """Tell whether either table knows the column."""
        return column in self._particles or (self._optics is not None and column in self._optics)

    def values(self, column: str, default: float) -> FloatArray:
        """Return `(n,)` numbers, or the default for all when neither table knows the column.

        Raises
        ------
        FormatError
            When a value is not a finite number.
        """
        if column in self._particles:
            values = self._particles.floats(column)
            check_finite(values, self._particles, column)
            return values
        if self._optics is not None and column in self._optics:
            of_group = self._optics.floats(column)
            check_finite(of_group, self._optics, column)
            return of_group[self._row_of_particle]
        return np.full(self._particles.n_rows, default)

    def missing(self, *, permissive: bool, pixel_size_a: float | None) -> list[str]:
        """Return what the file lacks, as labels or phrases, and note what is assumed instead."""
        tables = [] if self._optics is None else [self._optics, self._particles]
        groups = ["rlnOpticsGroup"] if any("rlnOpticsGroup" not in table for table in tables) else []
        lacking = groups + ([] if pixel_size_a is not None else self._missing_pixel_size())
        wanted = [*_MICROSCOPE, *_DEFOCUS]
        absent = [c for c in wanted if not self.has(c)]
        if without := without_ctf(self.has):
            self.warnings.append(without)
        elif absent:
            if absent == ["rlnAmplitudeContrast"] and permissive:
                self.warnings.append("The file has no rlnAmplitudeContrast: 0.1 is assumed.")
            else:
                lacking += absent
        return lacking

    def _missing_pixel_size(self) -> list[str]:
        if any(self.has(c) for c in PIXEL_SIZE_COLUMNS) or self.has("rlnDetectorPixelSize"):
            return []
        if self._optics is not None:
            return ["rlnImagePixelSize"]
        return ["rlnDetectorPixelSize with rlnMagnification (the pixel size)"]

    def read(self, pixel_size_a: float | None) -> Optics:
        """Return the optics of all particles.

        Parameters
        ----------
        pixel_size_a
            Pixel size for all, instead of what the file says.

        Raises
        ------
        FormatError
            When a value is impossible or not a number.
        """
        n = self._particles.n_rows
        if self._optics is not None:
            self._row_of_particle = self._match_groups(self._optics)
        pixel = self._pixel_size() if pixel_size_a is None else np.full(n, float(pixel_size_a))
        microscope = [self.values(c, ASSUMED[c]) for c in _MICROSCOPE]
        defocus = [self.values(c, 0.0) for c in _DEFOCUS]
        known = all(self.has(c) for c in _DEFOCUS) and any(self.has(c) for c in _MICROSCOPE)
        corrected = self.values("rlnCtfDataAreCtfCorrected", 0.0) != 0
        if corrected.any():
            self.warnings.append(
                f"{np.count_nonzero(corrected):,} images are marked as CTF-corrected: none "
                "is applied to them."
            )
        self._check_range("rlnVoltage", microscope[0], 0.0, _HIGHEST_VOLTAGE_KV, "kV, as 300, is expected")
        self._check_range("rlnAmplitudeContrast", microscope[2], -1.0, 1.0, "a fraction, as 0.1, is expected")
        tilt = np.stack([self.values("rlnBeamTiltX", 0.0), self.values("rlnBeamTiltY", 0.0)], axis=1)
        matrix = [self.values(c, float(c[-1] == c[-2])) for c in _MAGNIFICATION]
        group, names = self._groups([*microscope, pixel, tilt[:, 0], tilt[:, 1]])
        return Optics(
            group=group,
            group_names=names,
            box=self._boxes(len(names)),
            pixel_size_a=pixel,
            voltage_kv=microscope[0],
            spherical_aberration_mm=microscope[1],
            amplitude_contrast=microscope[2],
            defocus_u_a=defocus[0],
            defocus_v_a=defocus[1],
            defocus_angle_deg=defocus[2],
            beam_tilt_mrad=tilt,
            mag_matrix=np.stack(matrix, axis=1).reshape(n, 2, 2),
            odd_zernike=self._zernike("rlnOddZernike", len(names)),
            even_zernike=self._zernike("rlnEvenZernike", len(names)),
            ctf_known=np.full(n, known) & ~corrected,
            ctf_premultiplied=self.values("rlnCtfDataAreCtfPremultiplied", 0.0) != 0,
            warnings=self.warnings,
        )

    def check_dimensionality(self) -> None:
        """Refuse three-dimensional particles in words.

        Raises
        ------
        FormatError
            When ``rlnImageDimensionality`` is 3.
        """
        if self._optics is None or "rlnImageDimensionality" not in self._optics:
            return
        wrong = np.flatnonzero(self._optics.ints("rlnImageDimensionality") != 2)
        if len(wrong):
            raise self._optics.cell_error(
                int(wrong[0]), "rlnImageDimensionality", "two-dimensional particle images (2) are expected"
            )

    def _match_groups(self, optics: StarTable) -> IntArray:
        """Return the row of the optics table for each particle."""
        numbers = optics.ints("rlnOpticsGroup")
        if not len(numbers):
            raise FormatError("the optics table holds no group", path=self._path)
        unique, first = np.unique(numbers, return_index=True)
        if len(unique) < len(numbers):
            twice = next(i for i in range(len(numbers)) if i not in set(first.tolist()))
            raise optics.cell_error(twice, "rlnOpticsGroup", "each group may be defined only once")
        wanted = self._particles.ints("rlnOpticsGroup")
        place = np.minimum(np.searchsorted(unique, wanted), len(unique) - 1)
        undefined = np.flatnonzero(unique[place] != wanted)
        if len(undefined):
            defined = ", ".join(str(int(u)) for u in unique[:12]) + (", …" if len(unique) > 12 else "")
            raise self._particles.cell_error(
                int(undefined[0]), "rlnOpticsGroup", f"the optics table defines only {defined}"
            )
        return first[place].astype(np.int64)

    def _pixel_size(self) -> FloatArray:
        column = next((c for c in PIXEL_SIZE_COLUMNS if self.has(c)), None)
        if column is not None:
            pixel = self.values(column, 0.0)
            if column != PIXEL_SIZE_COLUMNS[0]:
                self.warnings.append(
                    f"The file has no rlnImagePixelSize: {column} ({pixel[0]:g} Å) is taken, which is right "
                    "only if the images were not binned."
                )
        else:
            column = "rlnDetectorPixelSize"
            pixel = self.values(column, 0.0)
            if self.has("rlnMagnification"):
                magnification = self.values("rlnMagnification", 1.0)
                self._check_range("rlnMagnification", magnification, 0.0, np.inf, "more than 0 is expected")
                pixel = pixel * _MICROMETRE_A / magnification
            else:  # as written by Warp and its relatives
                self.warnings.append(
                    "The file has no rlnMagnification: "
                    f"rlnDetectorPixelSize ({pixel[0]:g}) is taken as Å per pixel."
                )
        self._check_range(column, pixel, 0.0, np.inf, "a pixel size of more than 0 Å is expected")
        return pixel

    def _check_range(self, column: str, values: FloatArray, low: float, high: float, expected: str) -> None:
        wrong = np.flatnonzero(~((values > low) & (values < high)))
        if not len(wrong):
            return
        row = int(wrong[0])
        if column in self._particles:
            raise self._particles.cell_error(row, column, expected)
        if self._optics is not None and column in self._optics:
            raise self._optics.cell_error(int(self._row_of_particle[row]), column, expected)

    def _groups(self, values: list[FloatArray]) -> tuple[IntArray, list[str]]:
        """Return group per particle and group names; without an optics table equal values make a group."""
        if self._optics is not None:
            if "rlnOpticsGroupName" in self._optics:
                names = [str(name) for name in self._optics.text("rlnOpticsGroupName")]
            else:
                names = [f"opticsGroup{number}" for number in self._optics.ints("rlnOpticsGroup")]
            return self._row_of_particle, names
        if all((v == v[0]).all() for v in values):
            return np.zeros(self._particles.n_rows, np.int64), ["opticsGroup1"]
        _, first, inverse = np.unique(
            np.stack(values, axis=1), axis=0, return_index=True, return_inverse=True
        )
        order = np.argsort(np.argsort(first))  # in order of first appearance, as RELION names them
        group = order[inverse.ravel()].astype(np.int64)
        return group, [f"opticsGroup{i + 1}" for i in range(len(first))]

    def _boxes(self, n_groups: int) -> IntArray:
        if self._optics is None or "rlnImageSize" not in self._optics:
            return np.zeros(n_groups, np.int64)
        boxes = self._optics.ints("rlnImageSize")
        used = np.unique(self._row_of_particle).tolist()
        for row in used:
            if boxes[row] < 2 or boxes[row] % 2:
                raise self._optics.cell_error(row, "rlnImageSize", "an even box is expected")
            if boxes[row] != boxes[used[0]]:
                raise self._optics.cell_error(
                    int(row),
                    "rlnImageSize",
                    f"another group has {boxes[used[0]]}; one box for all is expected",
                )
        return boxes

    def _zernike(self, column: str, n_groups: int) -> list[FloatArray | None]:
        if self._optics is None or column not in self._optics:
            return [None] * n_groups
        return [vector if len(vector) else None for vector in self._optics.vectors(column)]


def without_ctf(has: Callable[[str], bool]) -> str:
    """Return a sentence when images count as free of CTF effects, "" when their CTF is (or should be) known.

    Parameters
    ----------
    has
        Tells whether the file has a column.
    """
    if not any(has(c) for c in _DEFOCUS):
        what = (
            "The file has no CTF parameters"
            if not any(has(c) for c in _MICROSCOPE)
            else "The file has no defocus"
        )
    elif not any(has(c) for c in _MICROSCOPE):
        what = f"The file has a defocus, but neither {', '.join(_MICROSCOPE[:-1])} nor {_MICROSCOPE[-1]}"
    else:
        return ""
    return f"{what}: images are taken as free of CTF effects."


def lacking_ctf(has: Callable[[str], bool]) -> list[str]:
    """Return the columns that a file with part of a CTF lacks; none for a file without any."""
    return [] if without_ctf(has) else [c for c in (*_MICROSCOPE, *_DEFOCUS) if not has(c)]


def check_finite(values: FloatArray, table: StarTable, column: str) -> None:
    """Check that a column holds finite numbers only.

    Raises
    ------
    FormatError
        Names the first row with NaN or infinity, and how many there are.
    """
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        more = f" ({len(wrong)} rows are so)" if len(wrong) > 1 else ""
        raise table.cell_error(int(wrong[0]), column, f"a finite number is expected{more}")


def lacking(missing: list[str], table: StarTable, optics: StarTable | None, path: Path) -> FormatError:
    """Return the error that lists what a particle file lacks, with the nearest names of both tables."""
    present = [*table.columns, *(optics.columns if optics is not None else ())]
    where = "particle file" if optics is None else "particle and optics tables"
    hint = "Choose a STAR file from a refinement (run_data.star), which has all of them."
    if missing == ["rlnAmplitudeContrast"]:
        hint = "Add the column with the value used in the refinement; 0.1 is usual in cryo-EM."
    return missing_columns(missing, present, where, path, hint)
