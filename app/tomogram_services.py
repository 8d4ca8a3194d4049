"""What the tomogram view has done for it: places of particles, files of tomograms, neighbours.

Headless; implements the protocol `widgets.tomogram.services.TomogramServices`. What the user chose is kept in
the job's folder under ``explorer/``, so that it is asked for once.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.declaration import JobType
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.placing import NeighbourFacts, Places, TomogramVolume

if TYPE_CHECKING:
    from jobs.formats.tomogram_files import TomogramFile

FILE: Final = "explorer/tomograms.json"


class JobTomograms:
    """Tomograms of the particles of one job.

    Parameters
    ----------
    project_dir : Path
        The project.
    job : str
        Name of the job.
    job_type : JobType
        Its type, which knows where its particles are.
    can_write : bool
        False: nothing is remembered.
    """

    def __init__(self, project_dir: Path, job: str, job_type: JobType, *, can_write: bool = True) -> None:
        self.project_dir, self.job, self.job_type = project_dir, job.rstrip("/") + "/", job_type
        self.job_dir = project_dir / job
        self.can_write = can_write
        self._lock = threading.Lock()
        self._places: Places | None = None
        self._known = self._read()

    @property
    def title(self) -> str:
        """Name of the job."""
        return self.job.rstrip("/")

    # -- places --------------------------------------------------------------------------------------------

    def places(self, names: NDArray[Any]) -> Places:
        """Return the places of these particles, by the file that was chosen last, or that of the job."""
        chosen = self._known.get("coordinates")
        path = self._found(str(chosen)) if chosen else None
        return self._in_order(path, names)

    def all_places(self) -> Places:
        """Return the places of all particles of the job, in the order of its own files."""
        found: Places = load_function(self.job_type.tomograms)(self.job_dir, self.project_dir, None)
        self._places = found
        return found

    def use_coordinates(self, path: Path, names: NDArray[Any]) -> Places:
        """Take the places from another file from now on."""
        places = self._in_order(path, names)
        self._remember("coordinates", self._named(path))
        return places

    def _in_order(self, path: Path | None, names: NDArray[Any]) -> Places:
        """Places of particles by their names; the files may hold more, and in another order."""
        found: Places = load_function(self.job_type.tomograms)(self.job_dir, self.project_dir, path)
        row = {str(name): k for k, name in enumerate(found.name)}
        at = np.array([row.get(str(name), -1) for name in names], np.int64)
        if len(at) and (at < 0).all():
            raise UserError("The particle file of the job holds other particles than its result")
        ordered = found.select(at)
        ordered.centre_a[at < 0] = np.nan
        self._places = ordered
        return ordered

    # -- tomograms -----------------------------------------------------------------------------------------

    def tomogram(self, name: str) -> TomogramVolume | None:
        """Return a tomogram by the file that was chosen, or else the first that is found."""
        from jobs.formats.mrc_view import view_tomogram

        chosen = self._chosen(name)
        problem: UserError | None = None
        for file in self._files(name):
            try:
                return view_tomogram(file.path, file.voxel_size_a)
            except UserError as error:
                if file.path == chosen:
                    raise
                problem = problem or error  # another of them may be whole
        if problem is not None:
            raise problem
        return None

    def tomogram_files(self, name: str) -> list[Path]:
        """Return the files of a tomogram, the best first; the one that was chosen before all others."""
        return [file.path for file in self._files(name)]

    def _files(self, name: str) -> list[TomogramFile]:
        from jobs.formats.tomogram_files import TomogramFile

        chosen, found = self._chosen(name), self._candidates(name)
        if chosen is None:
            return found
        same = [file for file in found if file.path.resolve() == chosen.resolve()]
        first = TomogramFile(chosen, max((file.voxel_size_a for file in same), default=0.0))
        return [first, *(file for file in found if file not in same)]

    def _chosen(self, name: str) -> Path | None:
        named = self._known.get("files", {}).get(name)
        return self._found(named) if named else None

    def _candidates(self, name: str) -> list[TomogramFile]:
        """Files beside tomograms that were chosen, then those that the particles lead to."""
        from jobs.formats.tomogram_files import TomogramFile, files_in, find_tomograms

        chosen = (self._found(file) for file in self._known.get("files", {}).values())
        folders = dict.fromkeys(path.parent for path in chosen if path is not None)
        places = self._places
        stars = [] if places is None else list(places.sources)
        names = [] if places is None else np.unique(places.tomogram.astype(str)).tolist()
        beside = [TomogramFile(path) for folder in folders for path in files_in(folder, name, names)]
        return beside + find_tomograms(name, [*stars, self.job_dir / "job.star"], self.project_dir, names)

    def use_tomogram(self, name: str, path: Path) -> TomogramVolume:
        """Take a file for a tomogram from now on."""
        from jobs.formats.mrc_view import view_tomogram

        sizes = {file.path.resolve(): file.voxel_size_a for file in self._candidates(name)}
        volume = view_tomogram(path, sizes.get(path.resolve(), 0.0))
        self._remember("files", {**self._known.get("files", {}), name: self._named(path)})
        return volume

    # -- neighbours ----------------------------------------------------------------------------------------

    def neighbours(
        self,
        places: Places,
        values: NDArray[np.generic] | None,
        label: str,
        is_share: bool,
        rows: NDArray[np.integer],
    ) -> NeighbourFacts:
        """Compare particles with their nearest neighbours in the same tomogram."""
        from jobs.explore.tomogram_neighbours import neighbour_facts

        return neighbour_facts(places, values, label=label, is_share=is_share, rows=rows)

    # -- what is remembered --------------------------------------------------------------------------------

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self.job_dir / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _remember(self, key: str, value: object) -> None:
        with self._lock:
            self._known = {**self._known, key: value}
            if not self.can_write:
                return
            path = self.job_dir / FILE
            path.parent.mkdir(exist_ok=True)
            beside = path.with_suffix(".tmp")
            beside.write_text(json.dumps(self._known, ensure_ascii=False, indent=1), encoding="utf-8")
            beside.replace(path)

    def _named(self, path: Path) -> str:
        path = path.absolute()
        inside = path.is_relative_to(self.project_dir.absolute())
        return str(path.relative_to(self.project_dir.absolute()) if inside else path)

    def _found(self, named: str) -> Path | None:
        path = self.project_dir / named
        return path if path.is_file() else None
