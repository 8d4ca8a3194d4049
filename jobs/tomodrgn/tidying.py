"""Files of single epochs that may go."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jobs.core.errors import UserError
from jobs.tomodrgn.job_config import CONFIG
from jobs.tomodrgn.outputs import epochs_of, weights_path

_WEIGHTS: Final = re.compile(r"weights\.(\d+)\.pkl")
_PLACES: Final = re.compile(r"z\.(\d+)(\.train|\.test)?\.pkl")
_ANALYSIS: Final = re.compile(r".*\.(\d+)")


def protected_epochs(folder: Path) -> set[int]:
    """Epochs that have a folder of their own (``analyze.9``), and the newest of an unfinished training."""
    matches = (_ANALYSIS.fullmatch(entry.name) for entry in folder.iterdir() if entry.is_dir())
    found = {int(match[1]) for match in matches if match}
    done = epochs_of(folder)
    if done and not weights_path(folder).is_file():
        found.add(done[-1])
    return found


def find_files(folder: Path, weights: bool, places: bool, volumes: bool) -> list[Path]:
    """Return the files of a training that may be deleted, in order.

    Links are not followed, so everything lies in the folder.

    Raises
    ------
    UserError
        When this is no folder of a training, or nothing is asked for.
    """
    if not folder.is_dir() or not (folder / CONFIG).is_file():
        raise UserError(
            "this is not the folder of a tomoDRGN training: it holds no config.pkl",
            path=folder,
            hint="Give the output folder of train_vae or train_nn",
        )
    if not (weights or places or volumes):
        raise UserError("nothing is to be deleted", hint="Give --weights, --zfiles or --volumes")
    kept = protected_epochs(folder)
    patterns = [pattern for pattern, wanted in ((_WEIGHTS, weights), (_PLACES, places)) if wanted]
    found = [
        entry
        for entry in folder.iterdir()
        for pattern in patterns
        if (match := pattern.fullmatch(entry.name)) and int(match[1]) not in kept and not entry.is_dir()
    ]
    if volumes:
        for place, _, names in os.walk(folder, followlinks=False):
            found += [Path(place) / name for name in names if name.endswith(".mrc")]
    return sorted(found)


def delete(files: Iterable[Path]) -> None:
    """Delete files; of a link the link, not what it leads to.

    Raises
    ------
    UserError
        When one cannot be deleted.
    """
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"the file could not be deleted: {error.strerror}", path=path) from error
