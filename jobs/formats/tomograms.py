"""Read ``tomograms.star`` of RELION 4 and 5 and of WarpTools: the tilts of every tomogram."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.columns import nearest
from jobs.formats.optics import check_finite
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import FloatArray, StarTable
from jobs.formats.tilt_geometry import tilt_rotations

_ANGLES = ("rlnTomoXTilt", "rlnTomoYTilt", "rlnTomoZRot")
_MATRIX = ("rlnTomoProjX", "rlnTomoProjY", "rlnTomoProjZ")
_SIZE = ("rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ")
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")


@dataclass(frozen=True, eq=False)
class Tomogram:
    """Geometry and CTF of the `t` images of one tilt series.

    Attributes
    ----------
    name
        ``rlnTomoName``.
    size_a
        `(3,)` x, y, z of the tomogram in Å, NaN where it is not stated.
    pixel_size_a
        Pixel size of the tilt series at binning 1, Å; NaN where it is not stated.
    hand
        ``rlnTomoHand``, +1 or -1, as written.
    depth
        `(t, 3)` what the position of a particle, from the centre of the tomogram, is multiplied with to give
        what is added to the defocus.
    rotation
        `(t, 3, 3)` tomogram to image.
    dose, tilt_deg, tilt_weight
        `(t,)` exposure before the image, stage tilt (unsigned where only its cosine is stated), its cosine.
    defocus_u_a, defocus_v_a, defocus_angle_deg, phase_shift_deg
        `(t,)` at the centre of the tomogram.
    ctf_known
        False where the file states no defocus.
    translated
        True when projection matrices place the particles in images of a whole tilt series (RELION), False
        when every particle has images of its own (WarpTools).
    """

    name: str
    size_a: FloatArray
    pixel_size_a: float
    hand: int
    depth: FloatArray
    rotation: FloatArray
    dose: FloatArray
    tilt_deg: FloatArray
    tilt_weight: FloatArray
    defocus_u_a: FloatArray
    defocus_v_a: FloatArray
    defocus_angle_deg: FloatArray
    phase_shift_deg: FloatArray
    ctf_known: bool
    translated: bool

    @property
    def n(self) -> int:
        """Number of tilts."""
        return len(self.rotation)


class TomogramReader:
    """Gives tomograms by name.

    Parameters
    ----------
    path
        ``tomograms.star``.
    find
        Turns a path named in the file into one that exists, or None.

    Attributes
    ----------
    tables
        All blocks of the file.

    Raises
    ------
    FormatError
        When the file has no block ``data_global`` with tomogram names, or a name stands in it twice.
    """

    def __init__(self, path: Path, find: Callable[[str], Path | None]) -> None:
        self.path, self._find = path, find
        self.tables = read_star_tables(path)
        table = self.tables.get("global")
        if table is None:
            table = next((t for t in self.tables.values() if t.is_loop and "rlnTomoName" in t), None)
        if table is None:
            raise FormatError(
                "the file holds no table of tomograms (data_global with rlnTomoName)",
                path=path,
                hint="Choose the tomograms.star of the extraction or refinement.",
            )
        table.require(["rlnTomoName"])
        self.table = table
        self._row: dict[str, int] = {}
        for row, name in enumerate(table.text("rlnTomoName")):
            if name in self._row:
                raise table.cell_error(row, "rlnTomoName", "each tomogram may be described only once")
            self._row[str(name)] = row

    def __contains__(self, name: str) -> bool:
        return name in self._row

    def closest(self, name: str) -> str:
        """Return the known name that resembles this one most, or an empty text."""
        return nearest(name, list(self._row))

    def read(self, name: str) -> Tomogram:
        """Read the tilts of a tomogram.

        Raises
        ------
        FormatError
            When its tilt-series file or block is missing, or a column is missing or holds no numbers.
        """
        row = self._row[name]
        tilts = self._tilts(name, row)
        check_any(tilts, "rlnMicrographPreExposure")
        rotation, translated = _rotations(tilts)
        scale = _column(tilts, "rlnCtfScalefactor")
        tilt, weight = _tilts_and_weights(tilts, rotation, scale)
        defocus = [_column(tilts, c) for c in _DEFOCUS]
        known = any(d is not None for d in defocus)
        if known:
            # Part of a defocus is a mistake; none at all is a set without CTF.
            tilts.require(_DEFOCUS)
        zero = np.zeros(tilts.n_rows)
        u, v, angle = (d if known and d is not None else zero for d in defocus)
        phase = _column(tilts, "rlnPhaseShift")
        hand = self._value(row, "rlnTomoHand", 1.0)
        if hand not in (1.0, -1.0):
            raise self.table.cell_error(row, "rlnTomoHand", "1 or -1 is expected")
        pixel = self._value(row, "rlnTomoTiltSeriesPixelSize", np.nan)
        return Tomogram(
            name=name,
            size_a=np.array([self._value(row, c, np.nan) for c in _SIZE]) * pixel,
            pixel_size_a=pixel,
            hand=int(hand),
            depth=_depth(rotation, hand, translated) * self._value(row, "rlnTomoDefocusSlope", 1.0),
            rotation=rotation,
            dose=tilts.floats("rlnMicrographPreExposure"),
            tilt_deg=tilt,
            tilt_weight=weight,
            defocus_u_a=u,
            defocus_v_a=v,
            defocus_angle_deg=angle,
            phase_shift_deg=zero if phase is None else phase,
            ctf_known=known,
            translated=translated,
        )

    def optics(self, name: str, column: str) -> float:
        """Return a value of the tomogram's row, NaN where the column is not there."""
        return self._value(self._row[name], column, np.nan)

    def _value(self, row: int, column: str, default: float) -> float:
        if column not in self.table:
            return default
        values = self.table.select([row]).floats(column)
        check_finite(values, self.table.select([row]), column)
        return float(values[0])

    def _tilts(self, name: str, row: int) -> StarTable:
        if "rlnTomoTiltSeriesStarFile" in self.table:
            named = str(self.table.text("rlnTomoTiltSeriesStarFile")[row])
            found = self._find(named)
            if found is None:
                raise self.table.cell_error(row, "rlnTomoTiltSeriesStarFile", "this file does not exist")
            tables = read_star_tables(found)
            tilts = tables.get(name) or (next(iter(tables.values())) if len(tables) == 1 else None)
            if tilts is None:
                raise FormatError(f"the file holds no block data_{name}", path=found)
            return tilts
        if name not in self.tables:
            raise FormatError(
                f"the file holds no block data_{name} with the tilts of the tomogram {name}",
                path=self.path,
                row=row + 1,
                column="rlnTomoName",
            )
        return self.tables[name]


def check_any(table: StarTable, *columns: str) -> None:
    """Check that columns are there and hold finite numbers.

    Raises
    ------
    FormatError
        Names the missing column, or the first cell at fault.
    """
    table.require(columns)
    for column in columns:
        check_finite(table.floats(column), table, column)


def _column(table: StarTable, column: str) -> FloatArray | None:
    if column not in table:
        return None
    values = table.floats(column)
    check_finite(values, table, column)
    return values


def _rotations(tilts: StarTable) -> tuple[FloatArray, bool]:
    """Return `(t, 3, 3)` rotations, and whether the tilts are those of whole images."""
    if all(c in tilts for c in _ANGLES):
        check_any(tilts, *_ANGLES)
        return tilt_rotations(*(tilts.floats(c) for c in _ANGLES)), True
    missing = [c for c in _MATRIX if c not in tilts]
    if missing:
        raise FormatError(
            f"the tilts of {tilts.name} have neither angles ({', '.join(_ANGLES)}) nor projection matrices "
            f"({', '.join(_MATRIX)})",
            path=tilts.path,
            hint="Align the tilt series first.",
        )
    rows = []
    for column in _MATRIX:
        vectors = tilts.vectors(column)
        wrong = next((i for i, v in enumerate(vectors) if len(v) != 4 or not np.isfinite(v).all()), None)
        if wrong is not None:
            raise tilts.cell_error(wrong, column, "four numbers in brackets are expected")
        rows.append(np.stack(vectors))
    matrix = np.stack(rows, axis=1)
    rotation = matrix[:, :, :3]
    off = np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
    if (off > 1e-2).any():
        raise tilts.cell_error(int(np.argmax(off)), _MATRIX[0], "rows of a rotation matrix are expected")
    return rotation, bool(np.abs(matrix[:, :, 3]).max() > 0)


def _depth(rotation: FloatArray, hand: float, translated: bool) -> FloatArray:
    """Return `(t, 3)` what turns a position into a change of defocus.

    RELION: the third row, times the hand. WarpTools writes a hand of -1 whatever the data, and corrects its
    images by the third row as it is; the other hand stands there for tilt angles of the opposite sign.
    """
    if translated:
        return hand * rotation[:, 2]
    return rotation[:, 2] * (np.ones(3) if hand < 0 else np.array([-1.0, -1.0, 1.0]))


def _tilts_and_weights(
    tilts: StarTable, rotation: FloatArray, scale: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return stage tilt in degrees and its cosine; a scale of 0 stands for a discarded frame."""
    steepness = np.abs(rotation[:, 2, 2])
    aligned, nominal = _column(tilts, "rlnTomoYTilt"), _column(tilts, "rlnTomoNominalStageTiltAngle")
    if scale is not None:
        weight = np.where((scale > 0) & (scale <= 1), scale, steepness)
    else:
        angle = nominal if aligned is None else aligned
        weight = steepness if angle is None else np.cos(np.radians(angle))
    if nominal is not None:
        return nominal, weight
    return (np.degrees(np.arccos(np.clip(weight, 0, 1))) if aligned is None else aligned), weight
