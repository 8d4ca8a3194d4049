"""Find the reconstructions of tomograms: named in a STAR file, or where programs put them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.core.errors import FormatError
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tilt_files import Finder

#: RELION 5: the whole reconstruction, the denoised one, and, where there are only these, the halves.
COLUMNS: Final = tuple(f"rlnTomoReconstructedTomogram{kind}" for kind in ("", "Denoised", "Half1", "Half2"))
ENDINGS: Final = (".mrc", ".rec", ".map")
#: RELION 4 and 5, WarpTools and Warp, and AreTomo's habit of leaving everything in one folder.
_FOLDERS: Final = (
    "tomograms",
    "reconstruction",
    "warp_tiltseries/reconstruction",
    "tomogram",
    "reconstruction/deconv",
    "warp_tiltseries/reconstruction/deconv",
)
#: RELION's jobs, newest last.
_JOBS: Final = ("Denoise", "Tomograms", "ReconstructTomograms")
# WarpTools appends the voxel size, others a word; a bare number would be another tomogram
_REST: Final = re.compile(r"$|[_.-]\d+(\.\d+)?Apx|[_.-][^\d]", re.IGNORECASE)
_HALF: Final = re.compile(r"(half|even|odd)", re.IGNORECASE)


@dataclass(frozen=True)
class TomogramFile:
    """A file that holds a tomogram.

    Attributes
    ----------
    path
        The file, which exists.
    voxel_size_a
        Å per voxel by the STAR file, for headers that state none; 0 when not known.
    """

    path: Path
    voxel_size_a: float = 0.0


def find_tomograms(
    name: str, stars: Iterable[Path], project_dir: Path, names: Iterable[str] = ()
) -> list[TomogramFile]:
    """Return the files of a tomogram, the best first: named in a STAR file, then found by their place.

    Parameters
    ----------
    name
        As particles name it: ``TS_1``, ``TS_1.tomostar``.
    stars
        Files that say where its particles are. Those with columns of reconstructions are read; folders of
        programs are looked for beside all of them, in the folders above up to the project, and there.
    project_dir
        Folder to which paths are relative.
    names
        All tomograms: a file of ``TS_1_b`` is not one of ``TS_1``.
    """
    stars = list(dict.fromkeys(stars))
    found: list[TomogramFile] = []
    size = 0.0
    for star in stars:
        named, stated = _named(star, tomogram_stem(name), project_dir)
        found += named
        size = size or stated
    others = [tomogram_stem(n) for n in names]
    for folder in _folders(stars, project_dir):
        found += [TomogramFile(path, size) for path in files_in(folder, name, others)]
    once: dict[Path, TomogramFile] = {}
    for file in found:
        once.setdefault(file.path.resolve(), file)
    return list(once.values())


def files_in(folder: Path, name: str, others: Iterable[str] = ()) -> list[Path]:
    """Return the files of a folder that are named for a tomogram, halves last."""
    stem = tomogram_stem(name)
    if not stem or not folder.is_dir():
        return []
    longer = [other for other in others if len(other) > len(stem) and other.startswith(stem)]
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS
        and _is_of(path.stem, stem)
        and not any(_is_of(path.stem, other) for other in longer)
    ]
    return sorted(files, key=lambda path: (bool(_HALF.search(path.stem)), len(path.name), path.name))


def tomogram_stem(name: str) -> str:
    """Return the name of a tomogram without folder and ending."""
    stem = Path(name).name.removesuffix(".tomostar")
    return stem[:-4] if stem.lower().endswith(ENDINGS) else stem


def _is_of(file_stem: str, stem: str) -> bool:
    for prefix in ("", "rec_"):
        if file_stem.startswith(prefix + stem) and _REST.match(file_stem[len(prefix + stem) :]):
            return True
    return False


def _named(star: Path, stem: str, project_dir: Path) -> tuple[list[TomogramFile], float]:
    """Files that a STAR file names for a tomogram, and the voxel size that it states."""
    try:
        tables = read_star_tables(star)
    except (FormatError, OSError):
        return [], 0.0  # whoever reads particles from it says what is wrong
    finder = Finder(star, project_dir)
    found: list[TomogramFile] = []
    size = 0.0
    for table in tables.values():
        # of particles and images as well: M and Warp repeat the tomogram for each
        if "rlnTomoName" not in table or not any(c in table for c in COLUMNS):
            continue
        for row, name in enumerate(table.text("rlnTomoName")):
            if tomogram_stem(str(name)) != stem:
                continue
            size = size or _voxel_size(table, row)
            for column in COLUMNS:
                named = str(table.text(column)[row]) if column in table else ""
                path = finder.file(named) if named and named.lower() != "none" else None
                if path is not None:
                    found.append(TomogramFile(path, size))
            break
    return found, size


def _voxel_size(table: StarTable, row: int) -> float:
    size = 1.0
    for column in ("rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning"):
        if column not in table:
            return 0.0
        with suppress(FormatError):
            size *= float(table.select([row]).floats(column)[0])
    return size if 0 < size < float("inf") else 0.0


def _folders(stars: list[Path], project_dir: Path) -> Iterator[Path]:
    """Folders where reconstructions may lie."""
    project = project_dir.absolute()
    roots: list[Path] = []
    for star in stars:
        for folder in star.absolute().parents:
            roots.append(folder)
            if folder == project or not folder.is_relative_to(project):
                break  # not all the way up the disk for files from elsewhere
    roots.append(project)
    for root in dict.fromkeys(roots):
        for name in _FOLDERS:
            yield root / name
    for name in _JOBS:
        for job in sorted(project.glob(f"{name}/job*"), reverse=True):
            yield job / "tomograms"
