"""Everything the explorer writes, under the job's directory and in the tree of the original program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.exploring import Cancelled, Progress
from jobs.core.latent import ExploredModel
from jobs.explore import indices, movies, particle_models, subsets, tilt_subsets
from jobs.explore.chimerax import map_script
from jobs.explore.maps import MAPS, contour_level, write_state
from jobs.explore.moved_models import MovedModels
from jobs.explore.numbering import claimed, map_name, movie_name, subset_name
from jobs.explore.steps import never, silent
from jobs.explore.video import VIDEO_ENDINGS, write_png, write_video
from jobs.formats.cryosparc import read_cs, rows_of, write_cs

#: Pictures without an order in time are written as files of their own.
STILLS = "png"


class Exporter:
    """Writes results of exploring one half-set of a job.

    Nothing is overwritten, a file appears when it is complete, and what is given up leaves nothing. All
    methods block and may be called from any thread.

    Parameters
    ----------
    project_dir, job_dir
        The project, and the directory of the job.
    half
        Half-set, for the names.
    model
        The model; None when only particles are written.

    Attributes
    ----------
    notes
        Sentences for the user about what was written last, such as why there is no PDB file.
    """

    def __init__(self, project_dir: Path, job_dir: Path, half: int, model: ExploredModel | None) -> None:
        self.project_dir, self.job_dir, self.half = Path(project_dir), Path(job_dir), half
        self._model = model
        self.notes: list[str] = []

    def save_map(self, z: NDArray[np.floating] | None, title: str = "", *, atoms: Path | None = None) -> Path:
        """Write a state as ``maps/mapKKK_halfH.mrc`` with true grey scale, voxel size and origin.

        Parameters
        ----------
        z
            ``(L,)`` state; None for the consensus.
        title
            What it is, for the script beside it.
        atoms
            Atomic model; it is written in this state beside the map, with a ChimeraX script that opens both.

        Raises
        ------
        UserError
            When it cannot be written.
        """
        model = self._explored()
        state = None if z is None else movies.checked_states(model, z)[0]
        self.notes = []
        moved = None if atoms is None else MovedModels(atoms, model)
        with claimed(self.job_dir / MAPS, map_name, self.half) as claim:
            volume = write_state(claim.work / f"{claim.name}.mrc", model, state)
            endings = [".mrc"]
            if moved is not None:
                with moved.open_in(claim.work, claim.name, 1):
                    moved.write(state)
                self.notes = moved.notes
                text = map_script(
                    f"{claim.name}.mrc", contour_level(volume), title=title, atoms=moved.files[0]
                )
                (claim.work / f"{claim.name}.cxc").write_text(text, encoding="utf-8")
                endings = [*(Path(name).suffix for name in moved.files), ".cxc", ".mrc"]
            return claim.publish(*endings)[-1]

    def save_movie(
        self,
        states: NDArray[np.floating],
        *,
        plane: NDArray[np.floating] | None = None,
        atoms: Path | None = None,
        title: str = "",
        progress: Progress = silent,
        cancelled: Cancelled = never,
    ) -> Path:
        """Write a trajectory as ``movies/movieNN_halfH/``; see :func:`jobs.explore.movies.save_movie`."""
        folder, self.notes = movies.save_movie(
            self.job_dir,
            self.half,
            self._explored(),
            states,
            plane=plane,
            atoms=atoms,
            title=title,
            progress=progress,
            cancelled=cancelled,
        )
        return folder

    def save_models(
        self,
        names: Sequence[str],
        atoms: Path,
        *,
        others: Mapping[int, ExploredModel] | None = None,
        one_file: bool = False,
        progress: Progress = silent,
        cancelled: Cancelled = never,
    ) -> Path:
        """Write an atomic model per particle, see :mod:`jobs.explore.particle_models`.

        ``others`` are the models of further half-sets, to which particles may belong.
        """
        models = {self.half: self._explored(), **(others or {})}
        folder, self.notes = particle_models.save_particle_models(
            self.job_dir,
            models,
            particle_models.states_of(names, models),
            atoms,
            one_file=one_file,
            progress=progress,
            cancelled=cancelled,
        )
        return folder

    def save_video(
        self,
        frames: Iterable[NDArray[np.uint8]],
        ending: str,
        rate: float = 15.0,
        *,
        progress: Progress = silent,
        cancelled: Cancelled = never,
    ) -> Path:
        """Write pictures ``(H, W, 3)`` as ``movies/movieNN_halfH.mp4`` or ``.gif``.

        With the ending ``png``, they become ``movies/movieNN_halfH/frame0000.png`` ….

        Raises
        ------
        UserError
            When there are no pictures, the ending is none of these, or nothing can be written.
        AbortRequested
            When `cancelled` says so; nothing is then left.
        """
        ending = ending.lower().lstrip(".")
        if ending != STILLS and f".{ending}" not in VIDEO_ENDINGS:
            raise UserError(f"videos end in .mp4, .gif or .png, not in .{ending}")
        with claimed(self.job_dir / movies.MOVIES, movie_name, self.half) as claim:
            if ending == STILLS:
                write_png(claim.work, frames, progress=progress, cancelled=cancelled)
                return claim.publish_folder()
            target = claim.work / f"{claim.name}.{ending}"
            write_video(target, frames, rate, progress=progress, cancelled=cancelled)
            return claim.publish(f".{ending}")[0]

    def save_subset(self, star: Path, names: Iterable[str]) -> Path:
        """Write chosen particles as ``subsets/subset_K_halfH.star``.

        See :mod:`jobs.explore.subsets`, and :mod:`jobs.explore.tilt_subsets` for particles of tilt series.
        """
        names = list(names)
        if tilt_subsets.are_of_tilt_series(star, names):
            with claimed(self.job_dir / subsets.SUBSETS, subset_name, self.half) as claim:
                return tilt_subsets.write_series(claim, star, names, self.project_dir)
        return subsets.save_subset(self.job_dir, self.half, star, names)

    def save_indices(self, star: Path, names: Iterable[str]) -> Path:
        """Write rows of chosen particles as text, ``.npy`` and ``.pkl``; see :mod:`jobs.explore.indices`.

        Particles of tilt series are counted from 0 in the order in which the file names them first.
        """
        names = list(names)
        if tilt_subsets.are_of_tilt_series(star, names):
            particles, _ = tilt_subsets.read_series(star, self.project_dir)
            rows = tilt_subsets.rows_of(particles, names)
            return indices.write_indices(self.job_dir, self.half, rows, particles.particle_name[rows])
        return indices.save_indices(self.job_dir, self.half, star, names)

    def save_cs(self, cs_file: Path, names: Sequence[str], *, star: Path | None = None) -> Path:
        """Write chosen particles of a cryoSPARC file as ``subsets/subset_K_halfH.cs``.

        Parameters
        ----------
        cs_file
            Particle file from cryoSPARC.
        names
            Identities of the chosen particles.
        star
            Particle file of the job; its column of cryoSPARC identifiers, if it has one, is used where names
            do not lead to every particle.

        Raises
        ------
        UserError
            When particles are missing or ambiguous (with counts), or nothing can be written.
        """
        table = read_cs(cs_file)
        uids = None if star is None else subsets.uids_of(star, names)
        rows = table[rows_of(table, names, uids, cs_file)]
        with claimed(self.job_dir / subsets.SUBSETS, subset_name, self.half) as claim:
            target = claim.work / f"{claim.name}.cs"
            write_cs(target, rows)
            if read_cs(target).tobytes() != rows.tobytes():
                raise UserError("the subset could not be written: reading it back differs", path=cs_file)
            return claim.publish(".cs")[0]

    def _explored(self) -> ExploredModel:
        if self._model is None:
            raise UserError("no model is open, so nothing can be decoded", path=self.job_dir)
        return self._model
