"""Another program at work in a project: it takes the lock, rewrites the file in place, leaves marks.

Nothing of ours is used, so that tests see what they would see of RELION.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

_PIPELINE = "default_pipeline.star"
_LOCK_DIR, _LOCK_FILE = ".relion_lock", "lock_default_pipeline.star"
_COUNTER = re.compile(r"^(_rlnPipeLineJobCounter\s+)(\d+)", re.MULTILINE)


class Lock:
    """The lock as RELION takes it: a directory, and a file in it."""

    def __init__(self, project: Path) -> None:
        self._folder = project / _LOCK_DIR

    def __enter__(self) -> None:
        for _ in range(500):
            try:
                self._folder.mkdir()
                break
            except FileExistsError:
                time.sleep(0.01)
        else:
            raise TimeoutError(f"{self._folder} is held by somebody")
        (self._folder / _LOCK_FILE).write_text("lock mainGUI\n")

    def __exit__(self, *_: object) -> None:
        (self._folder / _LOCK_FILE).unlink()
        self._folder.rmdir()


def _write_in_place(path: Path, text: str) -> None:
    with path.open("r+") as file:
        file.write(text)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def append_job(
    project: Path, directory: str = "Class2D", label: str = "relion.class2d", status: str = "Running"
) -> str:
    """Enter a job behind all others, as RELION does when its user presses Run; returns the job's name."""
    path = project / _PIPELINE
    with Lock(project):
        text = path.read_text()
        found = _COUNTER.search(text)
        assert found is not None
        number = int(found[2])
        name = f"{directory}/job{number:03d}/"
        (project / name).mkdir(parents=True)
        (project / name / "run.out").write_text("Estimating initial noise spectra\n")
        text = _COUNTER.sub(rf"\g<1>{number + 1}", text, count=1)
        row = f"{name}       None {label}    {status} \n"
        if "data_pipeline_processes" not in text:
            columns = ("ProcessName", "ProcessAlias", "ProcessTypeLabel", "ProcessStatusLabel")
            head = "".join(f"_rlnPipeLine{column} #{at} \n" for at, column in enumerate(columns, start=1))
            text += f"\n# version 50001\n\ndata_pipeline_processes\n\nloop_ \n{head}{row} \n"
        else:
            start = text.index("_rlnPipeLineProcessStatusLabel")
            end = text.find("\n \n", start)
            end = len(text.rstrip()) if end < 0 else end
            text = f"{text[:end].rstrip()}\n{row} \n{text[end + 3 :]}"
        _write_in_place(path, text)
    return name


def set_status(project: Path, name: str, status: str, *, marker: str = "") -> None:
    """Say how a job ended: its mark first, then the word in the project file."""
    path = project / _PIPELINE
    if marker:
        (project / name / f"RELION_JOB_EXIT_{marker}").touch()
    with Lock(project):
        rows = re.compile(rf"^({re.escape(name)}\s+\S+\s+\S+\s+)\S+", re.MULTILINE)
        text = path.read_text()
        assert rows.search(text) is not None
        _write_in_place(path, rows.sub(rf"\g<1>{status}", text, count=1))
