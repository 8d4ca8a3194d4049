"""Which class files an ISAC2 job has: one for each generation while it runs, and the final one."""

from __future__ import annotations

import re
from pathlib import Path

_GENERATION = re.compile(r"main(\d+)_generation(\d+)_model\.star")


def class_files(job_dir: Path, project_dir: Path) -> list[tuple[str, Path]]:
    """Return title and class file of every set of classes, the one that is looked at first at the end.

    Generations come in the order in which they were made. Full-size averages stand last when they are of all
    classes of the run, otherwise before these.

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
    stable, whole = job_dir / "run_model.star", job_dir / "full_size" / "run_model.star"
    final = [("Stable classes", stable)] if stable.is_file() else []
    if whole.is_file():
        made, there = _count(whole), _count(stable)
        if made == there:
            final.append(("Full-size averages", whole))
        else:
            final.insert(0, (f"Full-size averages of {made} of {there} classes", whole))
    return [*files, *final]


def _count(model: Path) -> int:
    """Return the number of averages beside a model file, by the head of their stack; 0 without one."""
    try:
        with model.with_name(model.name.replace("_model.star", "_classes.mrcs")).open("rb") as file:
            head = file.read(12)
    except OSError:
        return 0
    return int.from_bytes(head[8:12], "little") if len(head) == 12 else 0
