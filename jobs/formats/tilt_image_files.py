"""Where the images of tilt series lie: files are looked for in the places where users keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jobs.core.errors import FormatError


def find_stacks(
    star_path: Path,
    written: Sequence[str],
    project_dir: Path | None = None,
    datadir: Path | None = None,
    column: str = "rlnImageName",
) -> tuple[list[Path], Path]:
    """Return the file of every path that a STAR file names, and the folder to which they are relative.

    Looked for in this order: as written (from the project); by its name in ``datadir``, by its whole path
    there, by its last folder and name there; from the folder of the STAR file and each folder above it; by
    its name beside the STAR file and in the folder above. The place that served one file is tried first for
    the next, so that a project with two copies does not mix them.

    Parameters
    ----------
    star_path
        The STAR file.
    written
        Paths as the file has them.
    project_dir
        Folder of the project.
    datadir
        Folder in which the user says the images are.
    column
        Column that names the images, for messages.

    Raises
    ------
    FormatError
        When a file is nowhere; says which, how many are missing, and where they were looked for.
    """
    places = _places(star_path, project_dir, datadir)
    base = (project_dir or star_path.absolute().parent).absolute()
    found: list[Path] = []
    missing: list[str] = []
    last = 0
    for name in written:
        order = [last, *(i for i in range(len(places)) if i != last)]
        for i in order:
            candidate = places[i][1](Path(name))
            if _is_file(candidate):
                found.append(candidate)
                last = i
                break
        else:
            missing.append(name)
    if missing:
        looked = "there" if Path(missing[0]).is_absolute() else f"from {base} and beside the STAR file"
        where = looked if datadir is None else f"{looked}, and in {datadir}"
        count = f" ({len(missing)} of {len(written)} stacks are missing)" if len(written) > 1 else ""
        raise FormatError(
            f"the image stack {missing[0]} does not exist{count}; looked {where}",
            path=star_path,
            column=column,
            hint="Name the folder of the images (--datadir), or open the project that holds them.",
        )
    root = places[last][0] if found else None
    return found, root or base


def _places(
    star_path: Path, project_dir: Path | None, datadir: Path | None
) -> list[tuple[Path | None, Callable[[Path], Path]]]:
    """Return the rules: root to which paths are relative (None where they are not), and where a path is."""
    folder = star_path.absolute().parent
    roots = [] if project_dir is None else [project_dir.absolute()]
    rules: list[tuple[Path | None, Callable[[Path], Path]]] = [(root, _below(root)) for root in roots]
    if datadir is not None:
        data = datadir.absolute()
        rules += [(None, _named(data)), (data, _below(data)), (None, _last_folder(data))]
    real = star_path.resolve().parent  # a link into another disk has other folders above it
    for root in dict.fromkeys([folder, *folder.parents, real, *real.parents]):
        if root not in roots:
            rules.append((root, _below(root)))
    rules += [(None, _named(folder)), (None, _named(folder.parent))]
    return rules


def _below(root: Path) -> Callable[[Path], Path]:
    return lambda path: root / path


def _named(root: Path) -> Callable[[Path], Path]:
    return lambda path: root / path.name


def _last_folder(root: Path) -> Callable[[Path], Path]:
    return lambda path: root / path.parent.name / path.name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way may not be entered
        return False
