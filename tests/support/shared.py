"""Where the data of other programs lie that the tests read in place."""

from __future__ import annotations

import os
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def shared_dir() -> Path:
    """Return the folder of shared data (``data/star``, ``data/maps`` … lie below it).

    It is named by the environment variable ``HETEROSCOPE_SHARED``; without it, a folder ``shared`` in the
    repository or beside it is taken. The folder is only read, never written or copied.

    Raises
    ------
    FileNotFoundError
        When none of these exists; the message tells what to set.
    """
    named = os.environ.get("HETEROSCOPE_SHARED", "")
    candidates = [Path(named)] if named else [_REPOSITORY / "shared", _REPOSITORY.parent / "shared"]
    for candidate in candidates:
        if (candidate / "data").is_dir():
            return candidate.resolve()
    looked = " or ".join(str(c) for c in candidates)
    raise FileNotFoundError(
        f"The shared test data were not found at {looked}: "
        "set HETEROSCOPE_SHARED to the folder that holds data/."
    )
