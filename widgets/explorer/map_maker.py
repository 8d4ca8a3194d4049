"""From a latent state to what the map pane shows; called in worker threads."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core import latent as abilities
from jobs.core.exploring import Atoms
from jobs.core.latent import Cloud, ExploredModel
from widgets.explorer import graphics
from widgets.explorer.map_state import MapState

Floats = NDArray[np.floating]

#: Sides of the maps on the screen, in voxels: at rest, at rest without a graphics card, and while the mouse
#: moves.
DISPLAY_BOX: Final = 128
SOFTWARE_BOX: Final = 96
FAST_BOX: Final = 64

DISPLACEMENT: Final = "displacement (Å)"
AMPLITUDE: Final = "amplitude"
WIDTH: Final = "width (Å)"
DISAGREEMENT: Final = "half-set difference (Å)"
ERROR: Final = "estimated error (Å)"


def display_box() -> int:
    """Return the side of maps at rest, such that drawing one does not hold up the window."""
    return SOFTWARE_BOX if graphics.draws_in_software() else DISPLAY_BOX


class MapMaker:
    """Makes states of one model.

    Parameters
    ----------
    model : ExploredModel
        Decodes.
    """

    def __init__(self, model: ExploredModel) -> None:
        self.model = model
        self.atoms: Atoms | None = None
        self._cloud: Cloud | None = None
        self._lock = threading.Lock()

    def cloud(self) -> Cloud | None:
        """Return the Gaussians of the consensus, fetched once; None when the model has none."""
        with self._lock:
            if self._cloud is None and abilities.CLOUD in self.model.abilities:
                self._cloud = self.model.cloud()
        return self._cloud

    def make(self, z: Floats | None, title: str, *, largest: int = 0, only_points: bool = False) -> MapState:
        """Return a state, or the consensus for None.

        Parameters
        ----------
        z : (L,) array or None
            The state.
        title : str
            What it is, in words.
        largest : int
            Side of the map at most; what suits the screen by default.
        only_points : bool
            Leave out the map.
        """
        model = self.model
        box = min(model.box, largest or display_box())
        volume = None if only_points else model.decode(z, box)
        voxel = model.voxel_size_a * model.box / box
        cloud = self.cloud()
        points = rest = None
        values: dict[str, NDArray[Any]] = {}
        if cloud is not None:
            rest = cloud.points_a
            points = rest if z is None or not self._moves else model.displace(z, rest)
            values[DISPLACEMENT] = np.linalg.norm(points - rest, axis=1).astype(np.float32)
            values[AMPLITUDE] = cloud.amplitude
            values[WIDTH] = cloud.width_a
            if z is not None and abilities.DISAGREEMENT in model.abilities:
                values[DISAGREEMENT] = model.disagreement(z, rest)
            if z is not None and abilities.ERRORS in model.abilities:
                values[ERROR] = model.errors(z, rest)
        return MapState(
            title=title,
            volume=volume,
            voxel_size_a=voxel,
            points_a=points,
            rest_a=rest,
            point_values=values,
            atoms_a=self._atoms(z),
            latent=None if z is None else np.asarray(z),
        )

    @property
    def _moves(self) -> bool:
        return abilities.DISPLACE in self.model.abilities

    def _atoms(self, z: Floats | None) -> Floats | None:
        atoms = self.atoms
        if atoms is None:
            return None
        if z is None or not self._moves:
            return atoms.points_a
        return self.model.displace(z, atoms.points_a)


def frame_box(model_box: int, count: int, memory_mb: float = 256.0) -> int:
    """Return the side of the maps of a trajectory, such that all its frames fit into memory."""
    box = min(model_box, display_box())
    while box > 32 and 4e-6 * count * box**3 > memory_mb:
        box -= 16
    return box
