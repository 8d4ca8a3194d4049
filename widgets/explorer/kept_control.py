"""Kept selections stay with the job: written as they are kept, read when the explorer opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from widgets.explorer.named_sets import Mask

if TYPE_CHECKING:
    from widgets.explorer.explorer import Explorer


class KeptControl(QObject):
    """Reads and writes in one thread, one after another, so that what is forgotten stays forgotten."""

    _read = Signal(object, object)
    _failed = Signal(object)

    def __init__(self, view: Explorer) -> None:
        super().__init__(view)
        self.view = view
        self._names: NDArray[Any] = np.zeros(0, object)
        self._thread = ThreadPoolExecutor(1, "heteroscope-kept")
        self._open = True
        self._read.connect(self._on_read, Qt.ConnectionType.QueuedConnection)
        self._failed.connect(view.complain, Qt.ConnectionType.QueuedConnection)
        named = view.selecting.ways.named
        named.kept.connect(self._keep)
        named.forgotten.connect(self._forget)

    def begin(self, names: NDArray[Any]) -> None:
        """Offer the selections that were kept of these particles."""
        self._names = names
        services = self.view.services

        def work() -> None:
            kept = services.kept_selections()
            masks = _masks(kept, names) if kept else {}
            self._tell(self._read, names, masks)

        self._start(work)

    def close(self) -> None:
        """Finish what is being written."""
        self._open = False
        self._thread.shutdown(wait=True)

    def _on_read(self, names: NDArray[Any], masks: Mapping[str, Mask]) -> None:
        if names is self._names:
            self.view.selecting.ways.named.restore(masks)

    def _keep(self, name: str, mask: Mask) -> None:
        names, services = self._names, self.view.services
        if len(names) == len(mask):
            self._start(lambda: services.keep_selection(name, names[mask].tolist(), names.tolist()))

    def _forget(self, name: str) -> None:
        services = self.view.services
        self._start(lambda: services.forget_selection(name))

    def _start(self, work: Callable[[], object]) -> None:
        if not self._open:
            return

        def run() -> None:
            try:
                work()
            except Exception as error:
                self._tell(self._failed, error)

        self._thread.submit(run)

    def _tell(self, signal: Any, *values: object) -> None:
        if self._open:
            signal.emit(*values)


def _masks(kept: Mapping[str, Sequence[str]], names: NDArray[Any]) -> dict[str, Mask]:
    """Return which of the particles ``(P,)`` belong to each selection."""
    row = {str(name): k for k, name in enumerate(names)}
    found = {}
    for name, particles in kept.items():
        mask = np.zeros(len(names), np.bool_)
        mask[[row[particle] for particle in particles if particle in row]] = True
        found[name] = mask
    return found
