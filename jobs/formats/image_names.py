"""Names of particle images, ``000012@Extract/a.mrcs``: taken apart, compared, and found on the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.core.errors import FormatError

IntArray = npt.NDArray[np.int64]
WHOLE_FILE = -1
_MOST_SECTIONS = 2**31 - 1  # what an MRC header can count


@dataclass(frozen=True)
class ImageNames:
    """Image names of `n` particles, taken apart.

    Attributes
    ----------
    stack
        `(n,)` index into ``paths``.
    section
        `(n,)` section of the stack, from 0; :data:`WHOLE_FILE` for a name without ``@``.
    paths
        Distinct stack paths as written in the STAR file, in order of first appearance.
    """

    stack: IntArray
    section: IntArray
    paths: list[str]


class BadImageNameError(ValueError):
    """An image name that cannot be taken apart; ``row`` counts from 0."""

    def __init__(self, row: int, expected: str) -> None:
        super().__init__(expected)
        self.row = row
        self.expected = expected


def split_image_names(names: Iterable[str]) -> ImageNames:
    """Take image names apart.

    Raises
    ------
    BadImageNameError
        When the part before ``@`` is not a whole number from 1, or the path is empty.
    """
    index: dict[str, int] = {}
    stack: list[int] = []
    section: list[int] = []
    for row, name in enumerate(names):
        number, at, path = name.partition("@")
        if not at:
            number, path = "", name
            section.append(WHOLE_FILE)
        elif number.isascii() and number.isdigit() and 0 < int(number) <= _MOST_SECTIONS:
            section.append(int(number) - 1)
        else:
            raise BadImageNameError(row, "an image number from 1 is expected before the @")
        if not path:
            raise BadImageNameError(row, "the path of an image stack is expected")
        stack.append(index.setdefault(path, len(index)))
    return ImageNames(np.array(stack, np.int64), np.array(section, np.int64), list(index))


def identity(name: str) -> tuple[str, int]:
    """Return stack path and section (from 0) of an image name: equal for ``1@a.mrcs`` and ``000001@a.mrcs``.

    A name that cannot be taken apart stands for itself.
    """
    number, at, path = name.partition("@")
    if at and number.isascii() and number.isdigit():
        return path.removeprefix("./"), int(number) - 1
    return name.removeprefix("./"), WHOLE_FILE


def find_project_root(star_path: Path, first_image: str, project_dir: Path | None = None) -> Path | None:
    """Return the folder to which image paths are relative, or None when there is none.

    The project folder is tried first if given, then the folder of the STAR file and every folder above it,
    until ``first_image`` exists below one of them.
    """
    candidates = [] if project_dir is None else [project_dir.absolute()]
    folder = star_path.absolute().parent
    candidates += [folder, *folder.parents]
    # A link into another disk: its real place has other folders above it.
    real = star_path.resolve().parent
    candidates += [c for c in (real, *real.parents) if c not in candidates]
    for candidate in candidates:
        try:
            if (candidate / first_image).is_file():
                return candidate
        except OSError:
            continue
    return None


def images_not_found(star_path: Path, first_image: str, project_dir: Path | None) -> FormatError:
    """Return the error that says where the images were looked for."""
    folder = star_path.absolute().parent
    where = f"in {folder} and the folders above it"
    if project_dir is not None and project_dir.absolute() != folder:
        where = f"in {project_dir.absolute()}, {where}"
    if Path(first_image).is_absolute():
        where = "there"
    return FormatError(
        f"the image stack {first_image} does not exist (looked {where})",
        path=star_path,
        row=1,
        column="rlnImageName",
        hint="Open the project that holds the images, or move the STAR file into it.",
    )
