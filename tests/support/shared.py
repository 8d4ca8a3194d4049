"""Where the data of other programs lie that the tests read in place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]


def shared_dir() -> Path:
    """Return the folder of shared data (``data/star``, ``data/maps`` … lie below it).

    It is named by the environment variable ``HETEROSCOPE_SHARED``; without it, a folder ``shared`` in the
    repository or beside it is taken. The folder is only read, never written or copied. Where the variable is
    not set and there is no such folder, the asking test (or, asked while collecting, its whole file) is
    skipped with the reason: a clone from elsewhere does not have other programs' data.

    Raises
    ------
    FileNotFoundError
        When the variable is set and names no such folder.
    """
    named = os.environ.get("HETEROSCOPE_SHARED", "")
    candidates = [Path(named)] if named else [_REPOSITORY / "shared", _REPOSITORY.parent / "shared"]
    for candidate in candidates:
        if (candidate / "data").is_dir():
            return candidate.resolve()
    if named:
        raise FileNotFoundError(f"HETEROSCOPE_SHARED is {named}, where there is no folder data/.")
    pytest.skip(
        "other programs' data are not here: set HETEROSCOPE_SHARED to the folder that holds data/",
        allow_module_level=True,
    )
