"""Particles that have places but no latent space, as the tomogram window takes its particles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.placing import Places
from jobs.formats.mrc import MapFile, read_map


class PlacedModel:
    """One state for all particles: the map of their job, if it has made one.

    Parameters
    ----------
    places : Places
        The particles.
    job_dir : Path
        The job.
    job_type : JobType
        Its type, whose first map among the results stands for a particle.
    """

    abilities: frozenset[str] = frozenset()
    error = None
    half_set = None

    def __init__(self, places: Places, job_dir: Path, job_type: JobType) -> None:
        self.names: NDArray[Any] = np.array(places.name, object)
        self.embedding = np.zeros((len(self.names), 1), np.float32)
        self.metadata: Mapping[str, NDArray[Any]] = {
            "image_name": self.names,
            "tomogram": np.array(places.tomogram, object),
        }
        self.measures: Mapping[str, NDArray[Any]] = {}
        named = (name for name, _ in job_type.result_files if name.endswith(".mrc"))
        found = next((job_dir / name for name in named if (job_dir / name).is_file()), None)
        self._map: MapFile | None = None if found is None else read_map(found)

    @property
    def box(self) -> int:
        """Side of the map in voxels."""
        return 2 if self._map is None else self._map.data.shape[0]

    @property
    def voxel_size_a(self) -> float:
        """Å per voxel of the map."""
        return 1.0 if self._map is None else self._map.voxel_size_a or 1.0

    @property
    def origin_a(self) -> tuple[float, float, float]:
        """Place of voxel 0 of the map."""
        return (0.0, 0.0, 0.0) if self._map is None else self._map.origin_a

    def decode(self, z: NDArray[np.floating] | None, box: int | None = None) -> NDArray[np.floating]:
        """Return the map, whatever the state; smaller maps by leaving voxels out.

        Raises
        ------
        UserError
            When the job has not made a map yet.
        """
        if self._map is None:
            raise UserError("This job has not made a map yet", hint="Show the particles as balls or arrows")
        data = self._map.data
        if box is None or box >= data.shape[0]:
            return data
        at = (np.arange(box) * data.shape[0] / box).round().astype(np.int64)
        return data[np.ix_(at, at, at)]
