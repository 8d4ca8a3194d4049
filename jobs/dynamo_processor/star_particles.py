"""What particle tables of RELION, Warp and M have in common: rows by tomogram, poses, and reconstructions."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamo_processor.contract import FloatArray, IntArray, SourceSettings
from jobs.dynamo_processor.finding import Findings, folder_names, listed, matches
from jobs.formats.optics import check_finite
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_geometry import euler_matrices

_ANGLES = ("Rot", "Tilt", "Psi")
#: What a table says by position and orientation; the way back writes these anew.
_POSE = re.compile(
    r"rln(Centered)?Coordinate[XYZ](Angst)?|rln(Angle|TomoSubtomogram)(Rot|Tilt|Psi)(Prior)?|rlnOrigin[XYZ](Angst)?"
)
_OBJECT = ("rlnObjectNumber", "rlnTomoManifoldIndex")
_WHOLE = {"half": ("rlnRandomSubset",), "class_id": ("rlnClassNumber",), "object_id": _OBJECT}
_SCORE = ("rlnAutopickFigureOfMerit", "rlnMaxValueProbDistribution", "rlnLogLikeliContribution")
#: Column of the sidecar: Å per pixel of coordinates from the corner, where it may differ from the tomogram's.
COORDINATES_PIXEL = "hsCoordinatesPixel"
_SUFFIXES = (".mrc", ".rec")
_ENDINGS = (".tomostar", ".mrc", ".rec", ".st")


@dataclass(frozen=True, eq=False)
class Rows:
    """Particles of one tomogram: number of the row in the table, and these rows."""

    number: IntArray
    table: StarTable


def tables_of(path: Path) -> dict[str, StarTable]:
    """Return the blocks of a STAR file, kept until the file changes: every tomogram asks for them."""
    stat = path.stat() if path.is_file() else None
    return _tables(path, (stat.st_size, stat.st_mtime_ns) if stat else None)


@functools.lru_cache(maxsize=4)
def _tables(path: Path, _version: tuple[int, int] | None) -> dict[str, StarTable]:
    return read_star_tables(path)


def particle_file(settings: SourceSettings) -> Path:
    """Return ``particles_star``.

    Raises
    ------
    UserError
        When it is not given.
    """
    path = settings.resolved(settings.particles_star)
    if path is None:
        raise UserError("the file of particles is not given", column="particles_star")
    return path


def rows_of(table: StarTable, column: str, name: str) -> Rows:
    """Return the rows of one tomogram."""
    number = np.flatnonzero(table.text(column) == name)
    return Rows(number, table.select(number))


def columns(table: StarTable, labels: list[str]) -> FloatArray:
    """Finite numbers `(n, k)`, zeros for columns that are not there."""
    found = []
    for label in labels:
        values = table.floats(label) if label in table else np.zeros(table.n_rows)
        check_finite(values, table, label)
        found.append(values)
    return np.stack(found, axis=1)


def poses(table: StarTable) -> tuple[FloatArray, FloatArray]:
    """Return M `(n, 3, 3)`, and what turns origins into the tomogram `(n, 3, 3)`."""
    turn = euler_matrices(columns(table, [f"rlnTomoSubtomogram{a}" for a in _ANGLES]))
    within = euler_matrices(columns(table, [f"rlnAngle{a}" for a in _ANGLES]))
    return np.ascontiguousarray(np.swapaxes(turn @ within, 1, 2)), turn


def origins(table: StarTable, pixel_a: float | FloatArray) -> FloatArray:
    """Return origins `(n, 3)` in Å, which are subtracted from positions."""
    in_a = [f"rlnOrigin{a}Angst" for a in "XYZ"]
    if any(label in table for label in in_a):
        return columns(table, in_a)
    return columns(table, [f"rlnOrigin{a}" for a in "XYZ"]) * np.reshape(pixel_a, (-1, 1))


def identity_columns(rows: Rows, names: list[str]) -> dict[str, Any]:
    """Return columns of a :class:`ParticleTable` that tables of all these programs name alike."""
    table = rows.table
    found: dict[str, Any] = {
        "index": rows.number,
        "extra": {label: table.text(label) for label in table.columns if not _POSE.fullmatch(label)},
    }
    for column, labels in (
        ("half", ("rlnRandomSubset",)),
        ("class_id", ("rlnClassNumber",)),
        ("object_id", _OBJECT),
    ):
        label = next((candidate for candidate in labels if candidate in table), None)
        if label is not None:
            found[column] = table.ints(label)
    if "half" in found:
        found["half"] = np.where(np.isin(found["half"], (1, 2)), found["half"], 0)
    score = next((label for label in _SCORE if label in table), None)
    if score is not None:
        found["score"] = table.floats(score)
    label = "rlnTomoParticleName"
    if label in table and len(set(table.text(label).tolist())) == table.n_rows:
        names[:] = table.text(label).tolist()
    return found


def plain_name(name: str) -> str:
    """Name of a tomogram without the endings that programs append."""
    name = re.sub(r"\.mrc_[\d.]+Apx\.mrc$|_[\d.]+Apx(\.mrc)?$", "", Path(name).name)
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def stated_pixel(name: str) -> float:
    """Return Å per pixel that the name of a reconstruction of Warp states, 0 when it states none."""
    match = re.search(r"_([\d.]+)Apx", name)
    return float(match[1]) if match else 0.0


def reconstruction(settings: SourceSettings, name: str, findings: Findings) -> Path | None:
    """Find the reconstruction of a tomogram in ``volumes_dir``; none or several are noted as an error."""
    folder = settings.resolved(settings.volumes_dir)
    if folder is None:
        findings.error(
            f"the reconstruction of {name} is not named",
            "volumes_dir",
            "Give the folder that holds the reconstructions.",
        )
        return None
    try:
        present = [p for p in folder_names(folder, "volumes_dir") if p.suffix.lower() in _SUFFIXES]
    except UserError as error:
        findings.from_error(error, "volumes_dir")
        return None
    # TS_1 is not in TS_10, nor in OTS_1
    whole = re.compile(rf"(?<![0-9A-Za-z]){re.escape(plain_name(name))}(?![0-9])")
    found = [p for p in present if whole.search(p.name) and matches(p.name, settings.volume_contains)]
    if len(found) == 1:
        return found[0]
    if found:
        findings.error(
            f"{len(found)} files may be the reconstruction of {name}: {listed(p.name for p in found)}",
            "volume_contains",
            "Say what the names of the right ones contain.",
        )
    else:
        findings.error(f"no reconstruction of {name} is in {folder}", "volumes_dir")
    return None
