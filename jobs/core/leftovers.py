"""Files that a killed worker had begun to write: half of something, under a name nobody asks for."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path
from typing import Final

# Every writer of ours begins under such a name and renames the file when it is complete.
_BEGUN: Final = re.compile(r"^(\..+\.([0-9a-f]{12}|\d+)\.tmp|.+\.tmp\d+|\.simulate\.[^.]+)$")


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what an earlier worker of a job left half written.

    To be called by the job's own worker before it writes: nobody else writes there then.

    Parameters
    ----------
    folder
        Folder of the job.

    Returns
    -------
    list of Path
        What was removed.
    """
    found = [path for path in folder.rglob("*") if _BEGUN.match(path.name)]
    for path in found:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return found
