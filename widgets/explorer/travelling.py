"""Plays a trajectory: its states are made ahead in a thread and shown as they are ready."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from widgets.explorer.map_maker import MapMaker, frame_box
from widgets.explorer.map_state import MapState

Floats = NDArray[np.floating]


class Travelling(QObject):
    """Makes all frames of a trajectory, those next to be seen first.

    Signals
    -------
    frame_made : int
        A frame can be shown.
    failed : object
        An exception; no further frames are made.
    """

    frame_made = Signal(int)
    failed = Signal(object)
    _made = Signal(int, int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._wanted = 0
        self.states: Floats = np.zeros((0, 1), np.float32)
        self.frames: list[MapState | None] = []
        self._made.connect(self._on_made, Qt.ConnectionType.QueuedConnection)

    def start(self, maker: MapMaker, states: Floats, title: str) -> None:
        """Begin to make the frames of a trajectory ``(F, L)``."""
        self._number += 1
        number = self._number
        self.states = np.asarray(states, np.float32)
        self.frames = [None] * len(states)
        self._wanted = 0
        box = frame_box(maker.model.box, len(states))
        threading.Thread(
            target=self._work,
            args=(number, maker, self.states, title, box),
            name="heteroscope-frames",
            daemon=True,
        ).start()

    def stop(self) -> None:
        """Forget the trajectory."""
        self._number += 1
        self.states = self.states[:0]
        self.frames = []

    def want(self, frame: int) -> MapState | None:
        """Return a frame, or None when it is not made yet; it and those after it then come first."""
        self._wanted = frame
        return self.frames[frame] if 0 <= frame < len(self.frames) else None

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which frames are made, ``(F,)``."""
        return np.array([frame is not None for frame in self.frames], bool)

    def _order(self, made: NDArray[np.bool_]) -> Iterator[int]:
        """Frames still to be made, from the wanted one on; the wish may change at any time."""
        while not made.all():
            left = np.flatnonzero(~made)
            after = left[left >= self._wanted]
            yield int(after[0] if len(after) else left[0])

    def _work(self, number: int, maker: MapMaker, states: Floats, title: str, box: int) -> None:
        made = np.zeros(len(states), bool)
        for k in self._order(made):
            if number != self._number:
                return
            result: Any
            try:
                result = maker.make(states[k], f"{title} · frame {k + 1} of {len(states)}", largest=box)
            except Exception as error:
                result = error
            made[k] = True
            try:
                self._made.emit(number, k, result)
            except RuntimeError:
                return  # the window was closed meanwhile
            if isinstance(result, Exception):
                return

    def _on_made(self, number: int, frame: int, result: object) -> None:
        if number != self._number:
            return
        if isinstance(result, Exception):
            self.failed.emit(result)
            return
        assert isinstance(result, MapState)
        self.frames[frame] = result
        self.frame_made.emit(frame)
