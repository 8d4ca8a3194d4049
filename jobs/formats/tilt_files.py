"""Find the files of an optimisation set: particles, tomograms, trajectories and stacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import FormatError
from jobs.formats.star import read_star_tables
from jobs.formats.star_table import StarTable

_PARTICLES, _TOMOGRAMS = "rlnTomoParticlesFile", "rlnTomoTomogramsFile"
_TRAJECTORIES = "rlnTomoTrajectoriesFile"


@dataclass(frozen=True)
class SetFiles:
    """Files of a set.

    Attributes
    ----------
    path
        The file that was opened.
    particles, tomograms, trajectories
        Its parts; trajectories None where the set names none.
    set_tables
        Blocks of the optimisation set; None when the particle file itself was opened and no set belongs to
        it.
    """

    path: Path
    particles: Path
    tomograms: Path
    trajectories: Path | None
    set_tables: dict[str, StarTable] | None


class Finder:
    """Looks for files that a STAR file names relative to a project, to its own folder, or to neither.

    Parameters
    ----------
    star
        The file that names others.
    project_dir
        Folder to try first.
    datadir
        Folder in which files are looked for by their path, their last folder, or their name alone.
    also
        Another file whose folder counts.
    """

    def __init__(
        self,
        star: Path,
        project_dir: Path | None = None,
        datadir: Path | None = None,
        also: Path | None = None,
    ) -> None:
        self.star, self.project_dir, self.datadir = star, project_dir, datadir
        folders = [] if project_dir is None else [project_dir.absolute()]
        for file in (star, *(() if also is None else (also,))):
            for folder in (file.absolute().parent, file.resolve().parent):
                folders += [folder, *folder.parents]
        self._folders = list(dict.fromkeys(folders))
        self._last = self._folders[0]

    @property
    def folder(self) -> Path:
        """Folder below which the last file was found."""
        return self._last

    def file(self, named: str) -> Path | None:
        """Return the existing file of this name, or None."""
        if (self._last / named).is_file():
            return self._last / named
        for folder in self._folders:
            if (folder / named).is_file():
                self._last = folder
                return folder / named
        if self.datadir is not None:
            parts = Path(named)
            for tail in (parts.name, named, str(Path(*parts.parts[-2:]))):
                if (self.datadir / tail).is_file():
                    return self.datadir / tail
        return None


def set_files(path: Path, project_dir: Path | None = None) -> SetFiles:
    """Return the files of an optimisation set, or of the set that a particle file belongs to.

    A particle file belongs to the optimisation set of its folder that names it; without one,
    ``tomograms.star`` (or ``<name>_tomograms.star``) is looked for beside it.

    Raises
    ------
    FormatError
        When a file that the set names does not exist, or no tomograms are found.
    """
    tables = read_star_tables(path)
    if _pair(tables, _PARTICLES):
        return _of_set(path, path, tables, project_dir)
    for candidate in sorted(path.parent.glob("*optimisation_set*.star")):
        if candidate == path:
            continue
        others = read_star_tables(candidate)
        named = _pair(others, _PARTICLES)
        if named and _same(Finder(candidate, project_dir).file(named), path):
            return _of_set(path, candidate, others, project_dir)
    for name in (f"{path.stem}_tomograms.star", "tomograms.star"):
        for folder in (path.parent, *([] if project_dir is None else [project_dir])):
            if (folder / name).is_file():
                return SetFiles(path, path, folder / name, None, None)
    raise FormatError(
        "the particles are of tomograms, but there is no tomograms.star beside them that describes the tilts",
        path=path,
        hint="Open the optimisation set instead, or put tomograms.star into the same folder.",
    )


def _of_set(path: Path, file: Path, tables: dict[str, StarTable], project_dir: Path | None) -> SetFiles:
    finder = Finder(file, project_dir)
    found = {}
    for label in (_PARTICLES, _TOMOGRAMS, _TRAJECTORIES):
        named = _pair(tables, label)
        if not named:
            if label == _TRAJECTORIES:
                continue
            raise FormatError(f"the optimisation set does not name {label}", path=file, column=label)
        place = finder.file(named)
        if place is None:
            raise FormatError(
                f"the file {named} does not exist (looked in {file.absolute().parent}, the folders above it"
                + (f" and {project_dir.absolute()})" if project_dir is not None else ")"),
                path=file,
                row=1,
                column=label,
                hint="Open the set where it was written, or name the project folder.",
            )
        found[label] = place
    return SetFiles(path, found[_PARTICLES], found[_TOMOGRAMS], found.get(_TRAJECTORIES), tables)


def _pair(tables: dict[str, StarTable], label: str) -> str:
    """Return the value of a label in whichever block has it, or an empty text."""
    for table in tables.values():
        if label in table and table.n_rows:
            value = str(table.text(label)[0])
            return "" if value.lower() in ("none", "") else value
    return ""


def _same(found: Path | None, path: Path) -> bool:
    return found is not None and found.resolve() == path.resolve()
