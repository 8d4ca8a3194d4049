"""What the tomogram view has done for it elsewhere; all methods block and are called from worker threads."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.core.placing import NeighbourFacts, Places, TomogramVolume

Names = NDArray[np.object_]


class TomogramServices(Protocol):
    """Work done for the view; see the module."""

    @property
    def title(self) -> str:
        """Whose particles are shown, such as the name of the job."""

    def places(self, names: Names) -> Places:
        """Return the places of these particles, in their order; NaN where a place is not known."""

    def use_coordinates(self, path: Path, names: Names) -> Places:
        """Take the places from another file from now on, and return them."""

    def tomogram(self, name: str) -> TomogramVolume | None:
        """Return a tomogram by the name that particles give it; None when its file is not known."""

    def tomogram_files(self, name: str) -> list[Path]:
        """Return the files of a tomogram that were found, the one that is shown first."""

    def use_tomogram(self, name: str, path: Path) -> TomogramVolume:
        """Take a file for the tomogram of this name from now on, and return it."""

    def neighbours(
        self,
        places: Places,
        values: NDArray[np.generic] | None,
        label: str,
        is_share: bool,
        rows: NDArray[np.integer],
    ) -> NeighbourFacts:
        """Compare particles with their nearest neighbours in the same tomogram."""
