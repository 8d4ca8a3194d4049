"""How files come into the folder of the job: links, copies, or the way to where they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from jobs.core.errors import UserError
from jobs.formats.files import replacing, unreadable
from jobs.import_files.words import COPY

_PORTION = 1 << 24
_RESERVED = frozenset({"job", "job_pipeline", "default_pipeline", "RELION_OUTPUT_NODES", "note", "run"})


class JobPlaces:
    """Gives files names in a job, and puts them there.

    Parameters
    ----------
    project_dir, job
        The project and the name of the job in it, ``Import/job003/``.
    mode
        ``link``, ``copy`` or ``paths``.
    check_abort
        Called between portions of a copy.
    """

    def __init__(
        self, project_dir: Path, job: str, mode: str, check_abort: Callable[[], None] | None = None
    ) -> None:
        self.project_dir = project_dir.absolute()
        self.job = job
        self.mode = mode
        self._check_abort = check_abort or (lambda: None)
        self._taken: dict[str, Path] = {}

    @property
    def folder(self) -> Path:
        """Folder of the job."""
        return self.project_dir / self.job

    def name_for(self, source: Path, stem: str, suffix: str) -> str:
        """Return a name inside the job that is free, sound for RELION, and stays the same for one source.

        Blanks become underscores; RELION mangles names of results that hold the word None.
        """
        stem = "_".join(stem.split()).replace("None", "none") or "file"
        if stem in _RESERVED:
            stem = f"imported_{stem}"
        name, number = f"{stem}{suffix}", 1
        while self._taken.get(name, source) != source:
            number += 1
            name = f"{stem}_{number}{suffix}"
        self._taken[name] = source
        return name

    def inside(self, path: Path) -> str | None:
        """Return a path relative to the project, None for files outside of it."""
        for given, base in (
            (path.absolute(), self.project_dir),
            (Path(os.path.realpath(path)), Path(os.path.realpath(self.project_dir))),
        ):
            found = os.path.relpath(given, base)
            if not found.startswith(os.pardir):
                return found
        return None

    def put(self, source: Path, name: str, *, copy: bool | None = None) -> str:
        """Link or copy a file into the job; returns its path inside the project.

        Raises
        ------
        UserError
            When it cannot be read or written.
        """
        target = self.folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if copy if copy is not None else self.mode == COPY:
                self._copy(source, target)
            else:
                _link(source, target)
        except OSError as error:
            raise UserError(
                f"the file could not be put into the job: {error.strerror or error}", path=source
            ) from error
        return self.job + name

    def _copy(self, source: Path, target: Path) -> None:
        try:
            reader = source.open("rb")
        except OSError as error:
            raise unreadable(source, error) from error
        with reader, replacing(target) as file:
            while portion := reader.read(_PORTION):
                file.write(portion)
                self._check_abort()
        shutil.copystat(source, target)
        target.chmod(target.stat().st_mode | 0o200)


def _link(source: Path, target: Path) -> None:
    """Make a link, in the place of an older one of the same name."""
    temporary = target.with_name(f".{target.name}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path(os.path.realpath(source)))
    temporary.replace(target)
