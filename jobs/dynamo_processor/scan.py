"""The dry run: what would be used, as a table, as ``scan.star``, and as places for the tomogram window."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.core.errors import UserError
from jobs.core.placing import Places
from jobs.dynamo_processor.contract import BoolArray, TomogramEntry
from jobs.dynamo_processor.gathering import Gathered
from jobs.dynamo_processor.words import PREVIEW, SCAN
from jobs.formats.files import replacing
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable

NO_TOMOGRAMS: Final = (
    "no particle was found in a tomogram: those of EMAN2 are volumes of their own, cut out before, which are "
    "seen in the initial average only"
)
#: Where the tomogram window keeps which file belongs to which tomogram.
_WINDOW = "explorer/tomograms.json"


@dataclass(frozen=True)
class ScanRow:
    """One tomogram of the dry run, in words."""

    number: str
    name: str
    volume: str
    size: str
    voxel: str
    tilts: str
    particles: str
    outside: str
    problems: str

    HEADINGS = ("no.", "tomogram", "volume", "size", "Å/voxel", "tilts", "particles", "outside", "problems")

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of the headings."""
        return (
            self.number, self.name, self.volume, self.size, self.voxel, self.tilts, self.particles,
            self.outside, self.problems,
        )  # fmt: skip


def scan_rows(gathered: Gathered, outside: BoolArray) -> list[ScanRow]:
    """Return one row per tomogram; ``outside`` `(n,)` marks particles whose box leaves it."""
    counts: dict[int, int] = {}
    if gathered.particles is not None:
        for number in gathered.particles.tomogram[outside].tolist():
            counts[number] = counts.get(number, 0) + 1
    return [_row(entry, counts.get(entry.number, 0)) for entry in gathered.entries]


def _row(entry: TomogramEntry, outside: int) -> ScanRow:
    tilts = "unknown"
    if np.isfinite([entry.tilt_min_deg, entry.tilt_max_deg]).all():
        tilts = f"{entry.tilt_min_deg:g} … {entry.tilt_max_deg:g}°"
    return ScanRow(
        str(entry.number),
        entry.name,
        entry.volume.name if entry.volume is not None else "none",
        " × ".join(map(str, entry.size)) if any(entry.size) else "unknown",
        f"{entry.voxel_size_a:.4g}" if entry.voxel_size_a else "unknown",
        tilts,
        str(entry.n_particles),
        str(outside),
        " ".join(problem.sentence for problem in entry.problems),
    )


def scan_text(rows: Iterable[ScanRow]) -> str:
    """Return the dry run as a table for a terminal; problems stand below their tomogram."""
    rows = list(rows)
    table = [ScanRow.HEADINGS[:-1], *(row.cells()[:-1] for row in rows)]
    width = [max(len(line[k]) for line in table) for k in range(len(table[0]))]

    def line(cells: tuple[str, ...]) -> str:
        return "  ".join(cell.ljust(w) for cell, w in zip(cells, width, strict=True)).rstrip()

    lines = [line(table[0])]
    for row, cells in zip(rows, table[1:], strict=True):
        lines.append(line(cells))
        if row.problems:
            lines.append(f"     {row.problems}")
    return "\n".join(lines)


def total_text(gathered: Gathered) -> str:
    """Return in a sentence how many particles can be used, and how many are in tomograms that cannot."""
    usable = sum(entry.usable and entry.n_particles > 0 for entry in gathered.entries)
    what = f"{gathered.n} particles in {usable} of {len(gathered.entries)} tomograms can be used"
    if gathered.n_unusable:
        what += f"; {gathered.n_unusable} more are in tomograms that cannot be used"
    return f"{what}."


def write_scan(folder: Path, gathered: Gathered, outside: BoolArray) -> None:
    """Write ``scan.star``, and places of particles and files of tomograms for the window."""
    rows, entries = scan_rows(gathered, outside), gathered.entries
    if entries:
        columns = {
            "hsTomogramNumber": np.array([entry.number for entry in entries]),
            "hsTomogramName": _texts(row.name for row in rows),
            "hsVolume": _texts(str(entry.volume or "none") for entry in entries),
            **{f"hsSize{a}": np.array([entry.size[k] for entry in entries]) for k, a in enumerate("XYZ")},
            "hsVoxelSize": np.array([entry.voxel_size_a for entry in entries]),
            "hsTilts": _texts(row.tilts for row in rows),
            "hsParticles": np.array([entry.n_particles for entry in entries]),
            "hsUsable": np.array([int(entry.usable) for entry in entries]),
            "hsOutside": np.array([int(row.outside) for row in rows]),
            "hsFiles": _texts(", ".join(f"{k}: {p}" for k, p in e.files.items()) or "none" for e in entries),
            "hsProblems": _texts(row.problems.replace("\n", " ") or "none" for row in rows),
        }
        write_star_tables(folder / SCAN, [StarTable.from_columns("tomograms", columns)])
    _write_preview(folder, gathered)


def _texts(texts: Iterable[str]) -> npt.NDArray[np.object_]:
    return np.array(list(texts), object)


def _write_preview(folder: Path, gathered: Gathered) -> None:
    particles = gathered.particles
    if particles is None or not gathered.has_tomograms:
        (folder / PREVIEW).unlink(missing_ok=True)
        return
    name = {entry.number: entry.name for entry in gathered.entries}
    voxel = np.where(particles.voxel_size_a > 0, particles.voxel_size_a, 1.0)
    arrays: dict[str, Any] = {
        "name": np.array([f"{tag}" for tag in gathered.tag.tolist()]),
        "tomogram": np.array([name[number] for number in particles.tomogram.tolist()]),
        "centre_a": (particles.position + particles.shift) * voxel[:, None],
        "rotation": np.swapaxes(particles.rotation, 1, 2),
        "pixel_size_a": np.array(float(voxel[0])),
    }
    with replacing(folder / PREVIEW) as file:
        np.savez(file, **arrays)
    files = {
        entry.name: str(entry.volume.absolute())
        for entry in gathered.entries
        if entry.volume is not None and not entry.stack
    }
    (folder / "explorer").mkdir(exist_ok=True)
    with replacing(folder / _WINDOW) as file:
        file.write(json.dumps({"files": files}, ensure_ascii=False, indent=1).encode())


def read_preview(folder: Path) -> Places:
    """Return the places that the dry run or the set-up left.

    Raises
    ------
    UserError
        When there are none.
    """
    path = folder / PREVIEW
    if (folder / SCAN).is_file() and not path.is_file():
        raise UserError(NO_TOMOGRAMS, path=folder / SCAN)
    try:
        with np.load(path, allow_pickle=False) as found:
            return Places(
                name=found["name"].astype(object),
                tomogram=found["tomogram"].astype(object),
                centre_a=found["centre_a"],
                rotation=found["rotation"],
                pixel_size_a=float(found["pixel_size_a"]),
            )
    except (OSError, ValueError, KeyError) as error:
        hint = "Run the job, as a dry run or in full"
        raise UserError("the job has no particles to show yet", path=path, hint=hint) from error
