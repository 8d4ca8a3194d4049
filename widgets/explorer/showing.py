"""From a place in the latent plot to a map on the screen: clicks, drags, and the newest request winning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from widgets.explorer.map_maker import FAST_BOX, MapMaker, display_box
from widgets.explorer.map_state import MapState
from widgets.explorer.map_worker import Latest

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Wish:
    """A state that is to be shown."""

    maker: MapMaker
    latent: Floats | None
    title: str
    largest: int
    number: int


class Showing(QObject):
    """Makes states in a thread; while one is made only the newest wish is remembered.

    States that were overtaken by a newer wish are still shown, so that the map follows a moving mouse.

    Signals
    -------
    made : object
        A `MapState` to be shown.
    failed : object
        An exception.
    """

    made = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._latest = Latest(_make, self)
        self._latest.answered.connect(self._on_made)
        self._latest.failed.connect(self.failed)
        self._wish: Wish | None = None
        self._number = 0
        self._made = 0

    def show(self, maker: MapMaker, latent: Floats | None, title: str, *, fast: bool = False) -> None:
        """Ask for a state, coarsely while the mouse moves."""
        self._ask(maker, latent, title, FAST_BOX if fast else display_box())

    def _ask(self, maker: MapMaker, latent: Floats | None, title: str, largest: int) -> None:
        self._number += 1
        self._wish = Wish(maker, latent, title, largest, self._number)
        self._latest.request(self._wish)

    def refine(self) -> None:
        """Ask for the last state again at full display size, if it was made coarsely."""
        wish = self._wish
        if wish is not None and wish.largest < min(display_box(), wish.maker.model.box):
            self.show(wish.maker, wish.latent, wish.title)

    def again(self) -> None:
        """Ask for the last state again, because something else about it has changed."""
        wish = self._wish
        if wish is not None:
            self._ask(wish.maker, wish.latent, wish.title, wish.largest)

    def _on_made(self, answer: tuple[Wish, MapState]) -> None:
        wish, state = answer
        if self._wish is None or wish.number <= self._made:
            return  # nothing is wanted any more
        self._made = wish.number
        self.made.emit(state)

    @property
    def busy(self) -> bool:
        """Whether a state is still to come."""
        return self._latest.pending

    def cancel(self) -> None:
        """Forget all wishes; what is being made is not shown."""
        self._wish = None
        self._made = self._number

    def close(self) -> None:
        """End the thread."""
        self.cancel()
        self._latest.leave()


def _make(wish: Wish) -> tuple[Wish, MapState]:
    return wish, wish.maker.make(wish.latent, wish.title, largest=wish.largest)
