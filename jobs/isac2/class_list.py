"""Which class files an ISAC2 job has: one for each generation while it runs, and the final one."""

from __future__ import annotations

import re
from pathlib import Path

_GENERATION = re.compile(r"main(\d+)_generation(\d+)_model\.star")


def class_files(job_dir: Path, project_dir: Path) -> list[tuple[str, Path]]:
    """Return title and class file of every set of classes, in the order in which they were made.

    Parameters
    ----------
    job_dir, project_dir
        Folder of the job, and the project.
    """
    found: list[tuple[tuple[int, int], Path]] = []
    for path in (job_dir / "generations").glob("main*_generation*_model.star"):
        match = _GENERATION.fullmatch(path.name)
        if match is not None:
            found.append(((int(match[1]), int(match[2])), path))
    files = [
        (f"Main iteration {main}, generation {generation}", path)
        for (main, generation), path in sorted(found)
    ]
    for title, name in (("Stable classes", "run"), ("Full-size averages", "full_size/run")):
        path = job_dir / f"{name}_model.star"
        if path.is_file():
            files.append((title, path))
    return files
