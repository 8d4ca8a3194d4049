"""The project file on disk: noticing changes by others, reading, and writing it complete or not at all."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from app.project.lock import lock_info
from app.project.pipeline_star import Pipeline, format_pipeline, update_pipeline
from app.project.recovery import PipelineDamaged, damaged
from app.project.upgrade import convert, old_version
from jobs.core.errors import FormatError, UserError
from jobs.core.relion_star import replace_text

PIPELINE_FILE = "default_pipeline.star"

#: Clocks of file systems may be this coarse: a file changed so shortly before it was read may change again
#: without its time telling.
_CLOCK_S = 2.0
#: A program that writes in place under its lock has this long before the file is read all the same.
_WRITING_S = 20.0


class PipelineFile:
    """``default_pipeline.star`` of a project and the graph that was read from it.

    Parameters
    ----------
    project_dir
        The project.
    """

    def __init__(self, project_dir: Path) -> None:
        self.path = project_dir / PIPELINE_FILE
        self.pipeline = Pipeline()
        self.old_version = ""
        self._project_dir = project_dir
        self._content = b""
        self._state: tuple[int, ...] = ()
        self._read_at = 0.0

    def load(self) -> None:
        """Read the file for the first time.

        RELION writes in place; a file caught in the middle of that is looked at again.

        Raises
        ------
        PipelineDamaged
            When it cannot be understood; newest backups first.
        UserError
            When it cannot be opened.
        """
        for attempt in range(6):
            try:
                self._read()
                return
            except FormatError as error:
                info = lock_info(self._project_dir)
                if attempt == 5 or (attempt == 1 and info is None):
                    raise damaged(self._project_dir, error) from error
                time.sleep(0.1 * (attempt + 1))

    def refresh(self) -> bool:
        """Read the file again if another program changed it; True when there is something new.

        Raises
        ------
        PipelineDamaged, UserError
            See :meth:`load`; what was read before is kept.
        """
        try:
            state = self._stat()
        except FileNotFoundError:
            raise damaged(self._project_dir, FormatError("The project file has gone")) from None
        if state == self._state and not self._may_have_changed(state):
            return False
        if self._state and state[2:] == self._state[2:] and self._is_being_written():
            return False
        before = self._content
        try:
            self._read()
        except FormatError:
            if self._is_being_written():
                return False
            self.load()
        return self._content != before

    def read_locked(self) -> None:
        """Read the file again if it changed, while the lock is held here: nobody else writes."""
        try:
            if self._stat() != self._state or self._may_have_changed(self._state):
                self._read()
        except FileNotFoundError:
            if self._content:
                raise damaged(self._project_dir, FormatError("The project file has gone")) from None
        except FormatError as error:
            raise damaged(self._project_dir, error) from error

    def save(self) -> None:
        """Write the graph; on a full disk and the like the old file stays.

        Raises
        ------
        UserError
            When it cannot be written.
        """
        text = format_pipeline(self.pipeline)
        replace_text(self.path, text)
        self._content = text.encode("utf-8", errors="surrogateescape")
        self._state = self._stat()
        self._read_at = time.time()

    def copy_to(self, path: Path) -> None:
        """Leave a copy of the file as last read or written; a convenience that may fail."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(self._content)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def forget_changes(self) -> None:
        """Go back to what the file held, after a change that was not saved."""
        self.pipeline = Pipeline()
        if self._content:
            update_pipeline(self.pipeline, self._text(), self.path)

    def _read(self) -> None:
        for _ in range(3):
            state = self._stat()
            read_at = time.time()
            try:
                content = self.path.read_bytes()
            except OSError as error:
                raise UserError(
                    f"The project file cannot be read ({error.strerror})",
                    path=self.path,
                    hint="Check its permissions",
                ) from error
            if self._stat() == state:
                break
        if content != self._content or not self._state:
            text = content.decode("utf-8", errors="surrogateescape")
            version = old_version(text) if content[:1000].strip() or content.strip() else ""
            update_pipeline(self.pipeline, convert(text, self.path) if version else text, self.path)
            self.old_version = version
            self._content = content
        self._state, self._read_at = state, read_at

    def _text(self) -> str:
        text = self._content.decode("utf-8", errors="surrogateescape")
        return convert(text, self.path) if self.old_version else text

    def _stat(self) -> tuple[int, ...]:
        found = os.stat(self.path)  # noqa: PTH116 - called on every refresh
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)

    def _may_have_changed(self, state: tuple[int, ...]) -> bool:
        """Compare contents where the time of the file is too young to be trusted."""
        if self._read_at - state[0] / 1e9 > _CLOCK_S:
            return False
        looked_at = time.time()
        try:
            changed = self.path.read_bytes() != self._content
        except OSError:
            return True
        if not changed:
            # once the doubtful time has passed, the time of the file will do
            self._read_at = looked_at
        return changed

    def _is_being_written(self) -> bool:
        info = lock_info(self._project_dir)
        return info is not None and info.age_s < _WRITING_S


__all__ = ["PIPELINE_FILE", "PipelineDamaged", "PipelineFile"]
