"""Fetches the pictures of many particles in a thread, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from jobs.core.latent import ParticleView
from widgets.explorer.particle_images import Image, low_pass, shrunk


class ImageLoader(QObject):
    """Loads, filters and shrinks pictures; a new start gives up the one before.

    Signals
    -------
    arrived : int, object
        Place in the list that was asked for; name of the particle and its picture ``[y, x]``.
    failed : object
        The exception that ended it.
    finished
        All pictures are there.
    """

    arrived = Signal(int, object)
    failed = Signal(object)
    finished = Signal()
    _told = Signal(int, int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self.busy = False
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        view: Callable[[int], ParticleView],
        rows: list[int],
        *,
        side: int,
        low_pass_a: float,
        projections: bool,
    ) -> None:
        """Begin to load particles.

        Parameters
        ----------
        view
            Fetches one; called in the thread.
        rows
            Which, in the order they are wanted.
        side
            Pixels along the longer side that suffice.
        low_pass_a
            Filter in Å, 0 for none.
        projections
            Whether what the model expects is wanted instead of the images.
        """
        self._number += 1
        self.busy = bool(rows)
        threading.Thread(
            target=self._work,
            args=(self._number, view, list(rows), side, low_pass_a, projections),
            name="heteroscope-montage",
            daemon=True,
        ).start()

    def cancel(self) -> None:
        """Give up."""
        self._number += 1
        self.busy = False

    def _work(
        self,
        number: int,
        view: Callable[[int], ParticleView],
        rows: list[int],
        side: int,
        low_pass_a: float,
        projections: bool,
    ) -> None:
        place, result = -1, None
        for place, row in enumerate(rows):
            if number != self._number:
                return
            try:
                found = view(row)
                image = found.projection if projections else found.image
                result = (found.name, _small(image, found.pixel_size_a, low_pass_a, side))
            except Exception as error:
                self._tell(number, place, error)
                return
            self._tell(number, place, result)
        self._tell(number, -1, None)

    def _tell(self, number: int, place: int, result: Any) -> None:
        try:
            self._told.emit(number, place, result)
        except RuntimeError:
            return  # the window was closed meanwhile

    def _on_told(self, number: int, place: int, result: Any) -> None:
        if number != self._number:
            return
        if isinstance(result, Exception):
            self.busy = False
            self.failed.emit(result)
        elif place < 0:
            self.busy = False
            self.finished.emit()
        else:
            self.arrived.emit(place, result)


def _small(image: np.ndarray[Any, Any], pixel_size_a: float, low_pass_a: float, side: int) -> Image:
    return shrunk(low_pass(image, pixel_size_a, low_pass_a), side)
