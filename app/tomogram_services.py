"""What the tomogram view has done for it: places of particles, files of tomograms, neighbours.

Headless; implements the protocol `widgets.tomogram.services.TomogramServices`. What the user chose is kept in
the job's folder under ``explorer/``, so that it is asked for once.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.declaration import JobType
from jobs.core.entry import load_function
from jobs.core.errors import UserError
from jobs.core.placing import NeighbourFacts, Places, TomogramVolume

FILE: Final = "explorer/tomograms.json"
_ENDINGS: Final = (".mrc", ".rec", ".map")


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
        return ordered

    # -- tomograms -----------------------------------------------------------------------------------------

    def tomogram(self, name: str) -> TomogramVolume | None:
        """Return a tomogram whose file was chosen, or lies beside one that was."""
        from jobs.formats.mrc_view import view_tomogram

        files = self._known.get("files", {})
        if name in files:
            path = self._found(files[name])
            return None if path is None else view_tomogram(path)
        folders = dict.fromkeys(path.parent for f in files.values() if (path := self._found(f)) is not None)
        stem = Path(name).name.removesuffix(".tomostar")
        for folder in folders:
            for path in sorted(folder.iterdir()):
                rest = path.stem.removeprefix(stem)
                # TS_1 is not TS_10
                if stem and rest != path.stem and not rest[:1].isdigit() and path.suffix in _ENDINGS:
                    return view_tomogram(path)
        return None

    def use_tomogram(self, name: str, path: Path) -> TomogramVolume:
        """Take a file for a tomogram from now on."""
        from jobs.formats.mrc_view import view_tomogram

        volume = view_tomogram(path)
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
