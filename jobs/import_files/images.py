"""Image stacks of imported particles: found where they are, and named so that RELION and we find them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jobs.core.errors import FormatError
from jobs.formats.image_names import find_project_root
from jobs.import_files.places import JobPlaces
from jobs.import_files.words import COPY, PATHS

#: Stacks of two-dimensional images by their ending, as RELION takes them. A plain .mrc would be a volume.
_RELION_STACKS = (".mrcs", ".spi", ".hdr", ".img", ".st", ".tif", ".tiff")


@dataclass(frozen=True)
class Placed:
    """What became of the stacks.

    Attributes
    ----------
    names
        Path of each stack as the new STAR file writes it.
    used, linked, copied
        How many are used where they are, linked and copied.
    """

    names: list[str]
    used: int
    linked: int
    copied: int


def locate(paths: Sequence[str], source: Path, project_dir: Path, given: Path | None) -> list[Path]:
    """Return where the stacks lie that a particle file names.

    Tried are the given folder, the folder of the file and those above it, and the project; then, for files
    that were moved together with their stacks, the same names with fewer folders in front.

    Raises
    ------
    FormatError
        When the first is found nowhere, or another one is missing; says how many.
    """
    first = paths[0]
    root = find_project_root(source, first, given)
    if root is None and (project_dir / first).is_file():
        root = project_dir
    cut = 0
    if root is None:
        root, cut = _moved(
            first, [f for f in (given, source.absolute().parent, project_dir) if f is not None]
        )
    if root is None:
        where = f"{given}, " if given is not None else ""
        raise FormatError(
            f"the image stack {first} does not exist (looked in {where}{source.absolute().parent} and the "
            f"folders above it, and in {project_dir})",
            path=source,
            row=1,
            column="rlnImageName",
            hint="Give the folder of the other project on the tab Details.",
        )
    found = [root / PurePosixPath(*PurePosixPath(path).parts[cut:]) for path in paths]
    missing = [path for path in found if not path.is_file()]
    if missing:
        raise FormatError(
            f"{len(missing)} of {len(paths)} image stacks do not exist, the first is {missing[0]}",
            path=source,
            column="rlnImageName",
            hint="Import again when all images are there, or leave those particles out.",
        )
    return found


def _moved(first: str, folders: Sequence[Path]) -> tuple[Path | None, int]:
    """Return a folder that holds a stack under fewer folders than stated, and how many to leave out."""
    parts = PurePosixPath(first).parts
    for cut in range(1, len(parts)):
        for folder in folders:
            if (folder / PurePosixPath(*parts[cut:])).is_file():
                return folder, cut
    return None, 0


def place(
    stated: Sequence[str],
    found: Sequence[Path],
    places: JobPlaces,
    progress: Callable[[int, int], None],
) -> Placed:
    """Link, copy or leave every stack, and return the names for the new STAR file."""
    names: list[str] = []
    counts = {"used": 0, "linked": 0, "copied": 0}
    for k, (text, path) in enumerate(zip(stated, found, strict=True)):
        progress(k, len(found))
        usable = path.suffix.lower() in _RELION_STACKS
        inside = places.inside(path)
        if usable and inside is not None:
            names.append(inside)
            counts["used"] += 1
        elif usable and places.mode == PATHS:
            names.append(str(path.resolve()))
            counts["used"] += 1
        else:
            stem, suffix = _inside_job(text, path)
            names.append(places.put(path, places.name_for(path, stem, suffix)))
            counts["copied" if places.mode == COPY else "linked"] += 1
    progress(len(found), len(found))
    return Placed(names, **counts)


def _inside_job(stated: str, path: Path) -> tuple[str, str]:
    """Return where in the job a stack goes: below ``images``, with the folders that its name states."""
    parts = [part for part in PurePosixPath(stated).parts[:-1] if part not in ("/", "..", ".")]
    # full paths keep their last two folders, which tells stacks of one name apart
    kept = parts[-2:] if stated.startswith("/") else parts
    suffix = path.suffix if path.suffix.lower() in _RELION_STACKS else ".mrcs"
    return "/".join(["images", *kept, path.stem]), suffix
