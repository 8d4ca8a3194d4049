"""Filter STAR files of tilt series by particles, images, tilts, labels or tomograms, as ``filter_star`` does.

Image series and volume series are filtered as tables, which needs neither poses nor images; optimisation
sets are read and written whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError, UserError
from jobs.formats.columns import missing_columns
from jobs.formats.image_names import BadImageNameError, split_image_names
from jobs.formats.index_files import read_indices, read_labels
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_scan import IntArray
from jobs.formats.star_table import StarTable, TextArray
from jobs.formats.tilt_export import write_selection
from jobs.formats.tilt_image_files import find_stacks
from jobs.formats.tilt_image_series import GROUPING_COLUMNS, image_table
from jobs.formats.tilt_names import named_from
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_rows import group_rows
from jobs.formats.tilt_selection import labelled
from jobs.formats.tilt_series import is_set, read_tilt_particles

IMAGE_SERIES, VOLUME_SERIES, OPTIMISATION_SET = "imageseries", "volumeseries", "optimisation_set"
INDEX_KINDS = ("particle", "image", "tilt")
_TOMOGRAM_COLUMNS = ("rlnMicrographName", "rlnTomoName", "wrpSourceName", "rlnTomoReconstructedTomogram")
_SET_ENDING = "_optimisation_set"


@dataclass(frozen=True)
class StarFilter:
    """What to keep of a STAR file.

    Attributes
    ----------
    indices
        File of indices (:func:`jobs.formats.index_files.read_indices`).
    index_kind
        What they count from 0: ``particle`` in the order in which the file names them, ``image`` (row), or
        ``tilt`` (place among the images of each particle; of a set, place in the tilt series).
    labels, labels_sel
        File with a label for each particle, and which of them to choose.
    drop
        Leave out what is chosen instead of keeping it.
    tomogram
        Name of a tomogram (whole, or else a part of it); ``all`` writes one file for each besides.
    tomogram_besides
        Write the chosen tomogram to a file of its own, and everything else chosen to the output.
    tomogram_column
        Column that names the tomograms; found when empty.
    kind
        ``imageseries``, ``volumeseries``, ``optimisation_set``, or empty to see it from the file.
    """

    indices: Path | None = None
    index_kind: str = "particle"
    labels: Path | None = None
    labels_sel: tuple[str, ...] = ()
    drop: bool = False
    tomogram: str = ""
    tomogram_besides: bool = False
    tomogram_column: str = ""
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Written:
    """A file that was written, and how many particles and images it holds."""

    path: Path
    n_particles: int
    n_images: int


def filter_star(
    source: str | Path,
    output: str | Path,
    wanted: StarFilter,
    project_dir: str | Path | None = None,
    *,
    datadir: str | Path | None = None,
    name_from: str | Path | None = None,
) -> list[Written]:
    """Filter a STAR file; blocks, columns and the order of rows stay.

    Parameters
    ----------
    source
        Image series, volume series (one row per particle), or optimisation set.
    output
        File to write; of a set its name must hold ``_optimisation_set``. Files of single tomograms are named
        ``<output>_<tomogram>.star``.
    wanted
        What to keep.
    project_dir, datadir
        Where images are, for optimisation sets and ``name_from``.
    name_from
        Folder from which the images shall be found, as that of the project, where the
        output goes to another folder. Without it, and where images are not found at all, names stay.

    Returns
    -------
    list of Written
        What was written, ``output`` first.

    Raises
    ------
    FormatError
        When a file cannot be read, or an index is impossible.
    UserError
        When options contradict each other, nothing is left, or a file cannot be written.
    """
    source, output = Path(source), Path(output)
    _check_options(wanted)
    rows = _rows(source, wanted, project_dir, datadir)
    if name_from is not None:
        rows.name_images(Path(name_from), project_dir, datadir)
    if rows.kind == OPTIMISATION_SET and _SET_ENDING not in output.name:
        raise UserError(
            f"the name of an optimisation set must hold {_SET_ENDING}",
            path=output,
            hint=f"For example {output.stem}{_SET_ENDING}.star.",
        )
    tomogram = rows.tomograms(wanted) if wanted.tomogram else None
    chosen = _chosen(rows, wanted)
    named = None if tomogram is None or wanted.tomogram == "all" else _matching(tomogram, wanted, source)
    if tomogram is not None and named is not None and not wanted.tomogram_besides:
        of_name = np.isin(tomogram, named)[rows.particle]
        chosen = of_name if chosen is None else chosen & of_name
    keep = np.ones(rows.n, bool) if chosen is None else ~chosen if wanted.drop else chosen
    written = [rows.write(output, keep)]
    if tomogram is not None and (wanted.tomogram == "all" or wanted.tomogram_besides):
        left = set(tomogram[np.unique(rows.particle[keep])])
        for name in dict.fromkeys(tomogram if named is None else named):
            if name in left:
                part = keep & (tomogram == name)[rows.particle]
                written.append(rows.write(_tomogram_path(output, str(name)), part))
    return written


class _Rows:
    """The images (or, of volume series, particles) of a file, and how to write some of them."""

    kind = IMAGE_SERIES

    def __init__(self, tables: dict[str, StarTable], table: StarTable, path: Path, column: str) -> None:
        self.tables, self.table, self.path = tables, table, path
        self.n = table.n_rows
        self.particle = self.first_row = np.arange(self.n)
        self.n_particles, self.turn = self.n, np.zeros(self.n, np.int64)
        if column:
            groups = group_rows(table, column)
            self.particle, self.n_particles, self.first_row = groups.particle, groups.n, groups.first_row
            turn = np.arange(self.n) - np.repeat(groups.first[:-1], np.diff(groups.first))
            self.turn = np.empty(self.n, np.int64)
            self.turn[groups.order] = turn

    def tomograms(self, wanted: StarFilter) -> TextArray:
        """Return the tomogram of each particle."""
        column = wanted.tomogram_column.removeprefix("_")
        if column and column not in self.table:
            raise missing_columns([column], self.table.columns, f"table data_{self.table.name}", self.path)
        column = column or next((c for c in _TOMOGRAM_COLUMNS if c in self.table), "")
        if column and column != "rlnImageName":
            return self.table.text(column)[self.first_row]
        names = np.full(self.n_particles, "", object)
        if not column and "rlnGroupName" in self.table:  # XXX_YYYYYY of Warp
            parts = [n.rpartition("_") for n in self.table.text("rlnGroupName")[self.first_row]]
            if all(name and number.isdigit() for name, _, number in parts):
                names[:] = [name for name, _, _ in parts]
                return names
        images = self.table.text("rlnImageName")[self.first_row]
        names[:] = [Path(n.rpartition("@")[2]).stem for n in images]
        return names

    def name_images(self, root: Path, project_dir: str | Path | None, datadir: str | Path | None) -> None:
        """Name images as they are found from ``root``; where they are not found, their names stay."""
        try:
            names = split_image_names(self.table.text("rlnImageName"))
            project, data = (None if folder is None else Path(folder) for folder in (project_dir, datadir))
            stacks = find_stacks(self.path, names.paths, project, data)[0]
        except (FormatError, BadImageNameError):
            return
        self.table = named_from(self.table, names.stack, stacks, root)
        self.tables = {**self.tables, self.table.name: self.table}

    def write(self, path: Path, keep: npt.NDArray[np.bool_]) -> Written:
        """Write the rows of a mask."""
        if not keep.any():
            raise UserError("no particle is left after the selection", path=path)
        name = self.table.name
        write_star_tables(path, {k: t.select(keep) if k == name else t for k, t in self.tables.items()})
        return Written(path, len(np.unique(self.particle[keep])), int(keep.sum()))


class _SetRows(_Rows):
    """The images of an optimisation set."""

    kind = OPTIMISATION_SET

    def __init__(self, particles: TiltParticles) -> None:
        self.particles, self.path = particles, particles.path
        self._name_from: Path | None = None
        self.n, self.n_particles = particles.n_images, particles.n
        self.particle, self.turn = particles.particle, particles.frame

    def tomograms(self, wanted: StarFilter) -> TextArray:
        """Return the tomogram of each particle."""
        return self.particles.tomogram

    def name_images(self, root: Path, project_dir: str | Path | None, datadir: str | Path | None) -> None:
        """Name images as they are found from ``root``."""
        self._name_from = root

    def write(self, path: Path, keep: npt.NDArray[np.bool_]) -> Written:
        """Write the set with the images of a mask."""
        if not keep.any():
            raise UserError("no particle is left after the selection", path=path)
        some = self.particles.select_images(keep)
        write_selection(some, path, name_from=self._name_from)
        return Written(path, some.n, some.n_images)


def _rows(
    source: Path, wanted: StarFilter, project_dir: str | Path | None, datadir: str | Path | None
) -> _Rows:
    tables = read_star_tables(source)
    found = OPTIMISATION_SET if is_set(tables) else ""
    if (wanted.kind == OPTIMISATION_SET) != bool(found) and wanted.kind:
        what = "is an optimisation set" if found else "is no optimisation set"
        raise UserError(f"the file {what}, but {wanted.kind} is asked for", path=source)
    if found:
        return _SetRows(read_tilt_particles(source, project_dir, datadir=datadir))
    table = image_table(tables, source)
    column = next((c for c in GROUPING_COLUMNS if c in table), "")
    if wanted.kind == VOLUME_SERIES or (not wanted.kind and "@" not in table.row(0)["rlnImageName"]):
        column = ""  # one row per particle
    elif not column:
        raise missing_columns(["rlnGroupName"], table.columns, f"table data_{table.name}", source)
    return _Rows(tables, table, source, column)


def _check_options(wanted: StarFilter) -> None:
    if wanted.index_kind not in INDEX_KINDS:
        raise UserError(f"'{wanted.index_kind}' is not one of {', '.join(INDEX_KINDS)}", column="ind_type")
    if wanted.indices is not None and wanted.labels is not None:
        raise UserError("choose by indices or by labels, not both", column="labels")
    if (wanted.labels is None) != (not wanted.labels_sel):
        raise UserError("labels need both a file and the labels to choose", column="labels_sel")


def _chosen(rows: _Rows, wanted: StarFilter) -> npt.NDArray[np.bool_] | None:
    """Return which rows the indices or labels choose, `(n,)`; None where there are neither."""
    if wanted.labels is not None:
        labels = read_labels(wanted.labels, rows.n_particles)
        return np.isin(rows.particle, labelled(labels, list(wanted.labels_sel)))
    if wanted.indices is None:
        return None
    of: dict[str, tuple[IntArray, int, str]] = {
        "particle": (rows.particle, rows.n_particles, "particles"),
        "image": (np.arange(rows.n), rows.n, "images"),
        "tilt": (rows.turn, int(rows.turn.max()) + 1, "tilts"),
    }
    place, n, what = of[wanted.index_kind]
    return np.isin(place, read_indices(wanted.indices, n, what))


def _matching(tomogram: TextArray, wanted: StarFilter, source: Path) -> list[str]:
    """Return the tomograms of a name: itself, without its ending, or else all that hold it."""
    names = list(dict.fromkeys(str(t) for t in tomogram))
    for same in (
        [n for n in names if n == wanted.tomogram],
        [n for n in names if Path(n).stem == wanted.tomogram],
        [n for n in names if wanted.tomogram in n],
    ):
        if same:
            return same
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    raise UserError(
        f"no tomogram is called {wanted.tomogram} (there are {shown})", path=source, column="tomogram"
    )


def _tomogram_path(output: Path, tomogram: str) -> Path:
    name = tomogram.replace("/", "_")
    if _SET_ENDING in output.stem:
        return output.with_name(output.name.replace(_SET_ENDING, f"_{name}{_SET_ENDING}"))
    return output.with_name(f"{output.name.removesuffix('.star')}_{name}.star")
