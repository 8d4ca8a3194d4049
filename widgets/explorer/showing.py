"""From a place in the latent plot to a map on the screen: clicks, drags, and the newest request winning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from widgets.background import Newest
from widgets.explorer.map_maker import DISPLAY_BOX, FAST_BOX, MapMaker
from widgets.explorer.map_state import MapState

Floats = NDArray[np.floating]

#: Of how many of the last states the maps are kept.
_KEPT: Final = 8


@dataclass(frozen=True, eq=False)
class Wish:
    """A state that is to be shown."""

    maker: MapMaker
    latent: Floats | None
    title: str
    largest: int


class Showing(QObject):
    """Makes states in a thread; while one is made only the newest wish is remembered.

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
        self._newest = Newest(_make, 0, self)
        self._newest.answered.connect(self.made)
        self._newest.failed.connect(self.failed)
        self._wish: Wish | None = None

    def show(self, maker: MapMaker, latent: Floats | None, title: str, *, fast: bool = False) -> None:
        """Ask for a state, coarsely while the mouse moves."""
        self._wish = Wish(maker, latent, title, FAST_BOX if fast else DISPLAY_BOX)
        self._newest.request(self._wish)

    def refine(self) -> None:
        """Ask for the last state again at full display size, if it was made coarsely."""
        wish = self._wish
        if wish is not None and wish.largest < min(DISPLAY_BOX, wish.maker.model.box):
            self.show(wish.maker, wish.latent, wish.title)

    def again(self) -> None:
        """Ask for the last state again, because something else about it has changed."""
        if self._wish is not None:
            self._newest.request(self._wish)

    @property
    def latent(self) -> Floats | None:
        """The state asked for last; None for the consensus."""
        return None if self._wish is None else self._wish.latent

    @property
    def title(self) -> str:
        """What the state asked for last is called."""
        return "" if self._wish is None else self._wish.title

    @property
    def busy(self) -> bool:
        """Whether a state is still to come."""
        return self._newest.pending

    def cancel(self) -> None:
        """Forget all wishes."""
        self._wish = None
        self._newest.cancel()


def _make(wish: Any) -> MapState:
    state: MapState = wish.maker.make(wish.latent, wish.title, largest=wish.largest)
    return state
