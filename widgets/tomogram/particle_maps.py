"""Surfaces of the maps that particles are shown as, decoded beside the window; the newest wish wins."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from jobs.core.latent import LatentModel
from widgets.explorer.map_levels import levels_of
from widgets.explorer.map_worker import Latest
from widgets.explorer.meshing import Mesh, surface

#: Side of the maps of particles in voxels: each is a few pixels tall.
BOX: Final = 32
#: Volumes of particles that are shown together.
MOST_OWN: Final = 200
_KEPT: Final = 600
_CHUNK_S: Final = 0.4

#: The mean map is known by this key, others by the row of a particle or the name of a cluster.
MEAN: Final = "mean"


@dataclass(frozen=True, eq=False)
class MapWish:
    """Maps that are wanted: the latent place of each by its key (None: the mean), and the level."""

    model: LatentModel
    states: dict[Any, NDArray[Any] | None]
    factor: float


@dataclass(frozen=True, eq=False)
class MadeMaps:
    """Surfaces that are ready, and how many are still to come."""

    wish: MapWish
    meshes: dict[Any, Mesh]
    left: int


class MapWork(QObject):
    """Decodes maps and makes their surfaces in a thread.

    Signals
    -------
    made : object
        `MadeMaps`; more come while `left` is not 0.
    failed : object
        An exception.
    """

    made = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._volumes: OrderedDict[tuple[int, Any], NDArray[np.float32]] = OrderedDict()
        self._level: tuple[int, float] | None = None
        self._wish: MapWish | None = None
        self._latest = Latest(self._make, self)
        self._latest.answered.connect(self._on_made)
        self._latest.failed.connect(self.failed)

    @property
    def busy(self) -> bool:
        """Whether maps are still to come."""
        return self._latest.pending

    def ask(self, wish: MapWish | None) -> None:
        """Want other maps, or none."""
        self._wish = wish
        if wish is not None:
            self._latest.request(wish)

    def close(self) -> None:
        """End the thread."""
        self._wish = None
        self._latest.leave()

    def _on_made(self, made: MadeMaps) -> None:
        if made.wish is not self._wish:
            return
        self.made.emit(made)
        if made.left and made.wish is self._wish:
            self._latest.request(made.wish)

    # -- in the thread -------------------------------------------------------------------------------------

    def _make(self, wish: MapWish) -> MadeMaps:
        model, begun = wish.model, time.monotonic()
        box = min(BOX, model.box - model.box % 2)
        voxel = model.voxel_size_a * model.box / box
        if self._level is None or self._level[0] != id(model):
            self._volumes.clear()
            self._level = (id(model), levels_of(self._volume(model, MEAN, None, box)).automatic)
        level = self._level[1] * wish.factor
        meshes, left = {}, 0
        for key, state in wish.states.items():
            late = time.monotonic() - begun > _CHUNK_S
            if late and (id(model), key) not in self._volumes:
                left += 1
                continue
            meshes[key] = surface(self._volume(model, key, state, box), level, voxel)
        return MadeMaps(wish, meshes, left)

    def _volume(
        self, model: LatentModel, key: Any, state: NDArray[Any] | None, box: int
    ) -> NDArray[np.float32]:
        name = (id(model), key)
        if name not in self._volumes:
            self._volumes[name] = np.asarray(model.decode(state, box), np.float32)
            while len(self._volumes) > _KEPT:
                self._volumes.popitem(last=False)
        self._volumes.move_to_end(name)
        return self._volumes[name]
