"""Looks for new sets of classes while a job runs, and reads them, both beside the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from jobs.core.class_set import ClassSet
from jobs.core.errors import UserError
from widgets.class_gallery.sources import ClassFile, ClassServices
from widgets.explorer.work import Work

_LOOK_MS: Final = 2000


class ClassFollower(QObject):
    """Knows which sets there are, and opens the newest or the one that was asked for.

    Signals
    -------
    listed : object
        The sets there are now, a tuple of `ClassFile`.
    opened : object, object
        A `ClassFile` and its `ClassSet`.
    failed : str
        Why a set could not be read.
    """

    listed = Signal(object)
    opened = Signal(object, object)
    failed = Signal(str)

    def __init__(
        self, services: ClassServices, parent: QObject, holds_still: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(parent)
        self._services, self._holds_still = services, holds_still
        self._files: tuple[ClassFile, ...] = ()
        self._shown: ClassFile | None = None
        self._wanted: Path | None = None
        self._looked = False
        self._work = Work(self)
        self._timer = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._timer.timeout.connect(self.look)

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._work.busy

    @property
    def follows(self) -> bool:
        """Whether the newest set is shown, whichever that is."""
        return self._wanted is None

    @property
    def files(self) -> tuple[ClassFile, ...]:
        """The sets there are."""
        return self._files

    @property
    def shown(self) -> ClassFile | None:
        """The set that is open."""
        return self._shown

    def choose(self, path: Path | None) -> None:
        """Show one set, or from now on the newest (None)."""
        self._wanted = path
        self.look(at_once=True)

    def look(self, *, at_once: bool = False) -> None:
        """Look what there is, and open what is to be shown if it is not shown as it stands."""
        if self._work.busy and not at_once:
            return
        self._timer.stop()
        services, wanted, shown = self._services, self._wanted, self._shown
        still = self._holds_still() and not at_once

        def find() -> tuple[tuple[ClassFile, ...], ClassFile | None, object, bool]:
            files, running = tuple(services.files()), services.is_running()
            target = next((f for f in files if f.path == wanted), None) if wanted else None
            target = target or (files[-1] if files else None)
            same_file = shown is not None and target is not None and shown.path == target.path
            if target is None or target == shown or (still and shown is not None and not same_file):
                return files, target, None, running
            try:
                return files, target, services.open(target.path), running
            except (UserError, OSError) as error:
                return files, target, error, running

        self._work.start(lambda _p, _c: find(), self._take, self._on_error)

    def pause(self) -> None:
        """Look no more until asked to."""
        self._timer.stop()
        self._work.cancel()

    def _take(self, found: tuple[tuple[ClassFile, ...], ClassFile | None, object, bool]) -> None:
        files, target, result, running = found
        if files != self._files or not self._looked:
            self._files, self._looked = files, True
            self.listed.emit(files)
        if isinstance(result, ClassSet):
            self._shown = target
            self.opened.emit(target, result)
        elif isinstance(result, Exception) and not (running and self._shown is not None):
            # while a job runs, a file may be between two states: what is shown stays until the next look
            self.failed.emit(str(result))
        if running:
            self._timer.start()

    def _on_error(self, error: Exception) -> None:
        self.failed.emit(str(error))
        self._timer.start()
