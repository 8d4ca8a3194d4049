"""Names for what is written under a job: the next free number, safe against others who write there too."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.core.errors import UserError
from jobs.formats.files import reason

#: Number and half-set to the name without ending.
Naming = Callable[[int, int], str]


def map_name(number: int, half: int) -> str:
    """Name of a saved map."""
    return f"map{number:03d}_half{half}"


def movie_name(number: int, half: int) -> str:
    """Name of the folder of a movie, and of a video."""
    return f"movie{number:02d}_half{half}"


def subset_name(number: int, half: int) -> str:
    """Name of the files of a selection."""
    return f"subset_{number}_half{half}"


def next_number(folder: Path, half: int) -> int:
    """Number of entries whose name contains ``half<H>``, plus one, as the original program counts.

    Hidden entries do not count, and files that differ in their ending only (a selection written in several
    forms) count once.

    Raises
    ------
    UserError
        When the folder cannot be read.
    """
    try:
        stems = {entry.name.partition(".")[0] for entry in folder.iterdir()}
        return 1 + sum(f"half{half}" in stem for stem in stems)
    except FileNotFoundError:
        return 1
    except OSError as error:
        raise UserError(f"the folder cannot be read: {reason(error)}", path=folder) from error


class Claim:
    """A name that is ours while we write: files are made in a hidden folder and take their place at the end.

    Attributes
    ----------
    name
        The name without ending.
    work
        Hidden folder beside the target; it is removed whatever happens.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.work = _hidden(folder, name)

    def publish(self, *endings: str) -> list[Path]:
        """Give the files ``name`` + ending in :attr:`work` their place; returns where they are now."""
        moved: list[Path] = []
        for ending in endings:
            target = self.folder / f"{self.name}{ending}"
            (self.work / target.name).rename(target)
            moved.append(target)
        return moved

    def publish_folder(self) -> Path:
        """Make the hidden folder itself the result; returns where it is now."""
        return self.work.rename(self.folder / self.name)


@contextlib.contextmanager
def claimed(folder: Path, naming: Naming, half: int) -> Iterator[Claim]:
    """Take the next free name in a folder, which is made when it is missing.

    The hidden folder of the claim can be made only once, so two who write at the same time get two numbers.
    A name counts as taken with any ending. When the block ends without publishing, nothing is left.

    Parameters
    ----------
    folder
        Where the result shall lie.
    naming
        Gives the name for a number and a half-set.
    half
        Half-set.

    Raises
    ------
    UserError
        When the folder cannot be made or written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = _claim(folder, naming, half)
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        yield claim
    except OSError as error:
        raise _not_written(folder, error) from error
    finally:
        shutil.rmtree(claim.work, ignore_errors=True)
        for place in made:
            # a folder made for nothing goes as well; one with content refuses
            with contextlib.suppress(OSError):
                place.rmdir()


def _claim(folder: Path, naming: Naming, half: int) -> Claim:
    number = next_number(folder, half)
    while True:
        claim = Claim(folder, naming(number, half))
        number += 1
        if _is_taken(folder, claim.name):
            continue
        try:
            claim.work.mkdir()
        except FileExistsError:
            continue
        # somebody may have published this very name between the look and the claim
        if not _is_taken(folder, claim.name):
            return claim
        claim.work.rmdir()


def _is_taken(folder: Path, name: str) -> bool:
    return any(entry.name.partition(".")[0] == name for entry in folder.iterdir())


def _hidden(folder: Path, name: str) -> Path:
    return folder / f".{name}.writing"


def _not_written(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"the result could not be written: {reason(error)}",
        path=folder,
        hint="Nothing was left half-written; make room or ask for write access, then try again.",
    )
