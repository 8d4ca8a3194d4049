"""Selections as STAR files: every block and column of the input, of its particles only the chosen ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import FormatError, UserError
from jobs.explore.numbering import claimed, subset_name
from jobs.formats.files import read_whole
from jobs.formats.image_names import identity
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable

SUBSETS = "subsets"
#: RELION takes a file without a version line for one of the time before optics tables.
_WITH_OPTICS_VERSION = 30001
_IDENTITY = "rlnImageName"
_SHOWN = 3
# The path may hold blanks.
_IMAGE_NAME = re.compile(r"(?<!\S)\d+@\S.*$")


@dataclass(frozen=True)
class ParticleTables:
    """A particle STAR file of any RELION version, read for its identities.

    Attributes
    ----------
    path
        The file.
    tables
        All blocks by name.
    name
        The block with one row per particle.
    """

    path: Path
    tables: dict[str, StarTable]
    name: str

    @property
    def particles(self) -> StarTable:
        """The block with one row per particle."""
        return self.tables[self.name]

    def image_names(self) -> NDArray[np.object_]:
        """Identities ``(P,)`` as they stand in the file."""
        return self.particles.text(_IDENTITY)

    def rows_of(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows (from 0, ascending) of these particles.

        Names are compared by stack and section, so ``1@a.mrcs`` finds ``000001@a.mrcs``.

        Raises
        ------
        UserError
            When there are none, one is missing, stands in the file twice, or is asked for twice.
        """
        wanted = [identity(str(name)) for name in names]
        if not wanted:
            raise UserError("no particles are selected", path=self.path, hint="Select some, then save again.")
        place: dict[tuple[str, int], int] = {}
        twice: set[tuple[str, int]] = set()
        for row, name in enumerate(self.image_names().tolist()):
            key = identity(name)
            if key in place:
                twice.add(key)
            place[key] = row
        _refuse([key for key in wanted if key not in place], "not in the file", self.path, len(wanted))
        _refuse([key for key in wanted if key in twice], "in the file more than once", self.path, len(wanted))
        rows = np.array([place[key] for key in wanted], np.int64)
        chosen = np.unique(rows)
        if len(chosen) < len(rows):
            raise UserError(f"{len(rows) - len(chosen)} particles are named more than once in the selection")
        return chosen

    def select(self, rows: NDArray[np.int64]) -> dict[str, StarTable]:
        """Return all blocks with these particles only; nothing else changes.

        Blocks of a multi-body refinement have a row per particle as well. Optics groups stay, since RELION
        wants them numbered from 1 without gaps.
        """
        n = self.particles.n_rows
        chosen = {}
        for name, table in self.tables.items():
            per_particle = name == self.name or (name.startswith("images_body_") and table.n_rows == n)
            kept = table.select(rows) if per_particle else table
            if "optics" in self.tables and kept.version is None:
                kept = kept.renamed(name, _WITH_OPTICS_VERSION)
            chosen[name] = kept
        return chosen


def read_particle_tables(path: Path) -> ParticleTables:
    """Read a particle STAR file of RELION 3.0 (one table) or later.

    Raises
    ------
    FormatError
        When it is no such file.
    """
    tables = read_star_tables(path)
    found = "particles" if "particles" in tables else ""
    if not found:
        found = next((n for n, t in tables.items() if t.is_loop and _IDENTITY in t), "")
    if found not in tables:
        blocks = ", ".join(f"data_{name}" for name in tables)
        raise FormatError(f"the file holds no particle table (found {blocks})", path=path)
    tables[found].require([_IDENTITY])
    return ParticleTables(path, tables, found)


def read_names(path: Path) -> Sequence[str]:
    """Read identities of particles from a STAR file, or from a text with one per line.

    Lines may begin with further words, as the row in the lists of :mod:`jobs.explore.indices`; those without
    an image name are left out.

    Raises
    ------
    UserError
        When the file is unreadable or holds no names.
    """
    if path.suffix.lower() == ".star":
        return read_particle_tables(path).image_names().tolist()
    text = read_whole(path).decode("utf-8", "replace")
    names = [found[0] for line in text.splitlines() if (found := _IMAGE_NAME.search(line.strip()))]
    if not names:
        raise UserError(
            "the list holds no particles",
            path=path,
            hint="Each line should end with an image name, such as 000012@Extract/job003/a.mrcs.",
        )
    return names


def save_subset(job_dir: Path, half: int, star: Path, names: Iterable[str]) -> Path:
    """Write chosen particles as ``subsets/subset_K_halfH.star``; it is read back before it gets its name.

    Parameters
    ----------
    job_dir
        Directory of the job.
    half
        Half-set, for the name.
    star
        Particle file.
    names
        Identities of the chosen particles, in any order; the file keeps its own.

    Raises
    ------
    UserError
        When the selection is empty, a particle is missing or ambiguous, or the file cannot be written.
    """
    source = read_particle_tables(star)
    rows = source.rows_of(names)
    with claimed(job_dir / SUBSETS, subset_name, half) as claim:
        target = claim.work / f"{claim.name}.star"
        write_star_tables(target, source.select(rows))
        _verify(target, source, rows)
        return claim.publish(".star")[0]


def uids_of(star: Path, names: Iterable[str]) -> NDArray[np.uint64] | None:
    """Return cryoSPARC's identifiers of particles, from a column whose name ends in ``uid``.

    Parameters
    ----------
    star
        Particle file.
    names
        Identities of particles in the file.

    Returns
    -------
    numpy.ndarray or None
        One for each row found; None when the file has no such column.

    Raises
    ------
    UserError
        When particles are not in the file, or an identifier is no whole number.
    """
    source = read_particle_tables(star)
    columns = [c for c in source.particles.columns if c.lower().endswith("uid")]
    if not columns:
        return None
    chosen = source.particles.select(source.rows_of(names))
    uids = []
    # not through floating-point numbers, which hold 16 of up to 20 digits
    for row, text in enumerate(chosen.text(columns[0]).tolist()):
        if not text.isdigit():
            raise chosen.cell_error(row, columns[0], "a whole number is expected")
        uids.append(int(text))
    return np.array(uids, np.uint64)


def _verify(written: Path, source: ParticleTables, rows: NDArray[np.int64]) -> None:
    """Read a written subset and compare count, identities, columns and all other blocks."""
    again = read_particle_tables(written)
    same = (
        again.name == source.name
        and list(again.tables) == [name for name, table in source.tables.items() if table.n_rows]
        and all(again.tables[name].columns == source.tables[name].columns for name in again.tables)
        and np.array_equal(again.image_names(), source.image_names()[rows])
        and again.tables.keys() - {source.name} == _same_blocks(again, source, rows)
    )
    if not same:
        raise UserError(
            "the subset could not be written: reading it back gives other particles",
            path=source.path,
            hint="Nothing was left; the disk may be damaged.",
        )


def _same_blocks(again: ParticleTables, source: ParticleTables, rows: NDArray[np.int64]) -> set[str]:
    expected = source.select(rows)
    return {
        name
        for name, table in again.tables.items()
        if name != source.name and table.rows() == expected[name].rows()
    }


def _refuse(keys: Sequence[tuple[str, int]], what: str, path: Path, of: int) -> None:
    if not keys:
        return
    shown = ", ".join(_spelt(key) for key in keys[:_SHOWN])
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    verb = "is" if len(keys) == 1 else "are"
    raise UserError(
        f"{len(keys)} of {of} chosen particles {verb} {what} ({shown}{more})",
        path=path,
        hint="Choose the particle file that the model was made from.",
    )


def _spelt(key: tuple[str, int]) -> str:
    path, section = key
    return f"{section + 1:06d}@{path}" if section >= 0 else path
