"""What the explorer has done for it: the model in a process of its own, embeddings, paths, and all writing.

Headless; implements the protocol `widgets.explorer.services.Services`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.job_particles import particle_file_of
from jobs.core.declaration import JobType
from jobs.core.errors import UserError
from jobs.core.exploring import (
    Atoms,
    Cancelled,
    Embedding,
    EmbeddingRequest,
    ExportOrder,
    MovieOrder,
    Progress,
    SubsetKind,
)
from jobs.core.folder import JobFolder
from jobs.core.latent import FEATURES, ExploredModel
from jobs.core.remote_model import RemoteSource

if TYPE_CHECKING:
    from jobs.explore.exports import Exporter

Floats = NDArray[np.floating]


class JobServices:
    """Services for the results of one job.

    Parameters
    ----------
    project_dir : Path
        The project.
    job : str
        Name of the job, such as ``DynaMight/job001/``.
    job_type : JobType
        Its type, which knows how its latent space is read.
    can_write : bool
        False: the project is only read.
    """

    def __init__(self, project_dir: Path, job: str, job_type: JobType, *, can_write: bool = True) -> None:
        self.project_dir, self.job, self.job_type = project_dir, job.rstrip("/") + "/", job_type
        self.job_dir = project_dir / job
        self.can_write = can_write
        self.source = RemoteSource(project_dir, self.job_dir, job_type.explorer)
        self._cache: object | None = None
        self._notes: list[str] = []
        # loading the model takes a second or two, in which the window builds its parts
        self.source.start()

    @property
    def title(self) -> str:
        """Name of the job."""
        return self.job.rstrip("/")

    def close(self) -> None:
        """End the process that holds the model."""
        self.source.close(wait=False)

    def is_running(self) -> bool:
        """Whether the job has a worker and has not ended."""
        folder = JobFolder(self.project_dir, self.job)
        return folder.worker_json.exists() and folder.exit_status() is None

    # -- science -------------------------------------------------------------------------------------------

    def embed(
        self, model: ExploredModel, request: EmbeddingRequest, progress: Progress, cancelled: Cancelled
    ) -> Embedding:
        """Return an embedding, from the job's folder when it was made before."""
        from jobs.explore.embed_worker import embed_in_process
        from jobs.explore.embedding_cache import EmbeddingCache, fingerprint

        if not isinstance(self._cache, EmbeddingCache):
            self._cache = EmbeddingCache(self.job_dir / "explorer", writable=self.can_write)
        wanted = request.by == "deformation" and FEATURES in model.abilities
        features = model.features() if wanted else None
        latent = model.embedding
        if request.method in ("axes", "pca"):
            # quicker than reading it from disk
            return embed_in_process(latent, features, request, progress, cancelled, threads=_threads())
        mark = fingerprint(latent if features is None else features)
        found = self._cache.get(mark, request)
        if found is None:
            found = embed_in_process(latent, features, request, progress, cancelled, threads=_threads())
            self._cache.put(mark, found)
        return found

    def clusters(
        self, points: Floats, method: str, count: int, seed: int
    ) -> tuple[NDArray[np.integer], NDArray[np.floating] | None]:
        """Return the cluster of each point, and of a mixture how likely it is."""
        from jobs.explore.clusters import groups

        return groups(points, "gmm" if method == "gmm" else "kmeans", count, seed)

    def centres(self, points: Floats, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the row of the particle nearest to the centre of each cluster."""
        from jobs.explore.clusters import centres

        return centres(points, labels)

    def dense_path(
        self, points: Floats, anchors: Sequence[int], progress: Progress, cancelled: Cancelled
    ) -> Sequence[int]:
        """Return rows along a path through crowded regions; two ends are found if none are given."""
        from jobs.explore.paths import default_anchors, dense_path

        through = list(anchors) if len(anchors) > 1 else list(default_anchors(points))
        return dense_path(points, through, progress=progress, cancelled=cancelled)

    # -- reading and writing -------------------------------------------------------------------------------

    def read_atoms(self, path: Path, model: ExploredModel) -> Atoms:
        """Read an atomic model."""
        from jobs.explore.atoms import outside_warning, read_atoms

        atoms = read_atoms(path, model)
        if warning := outside_warning(atoms, model):
            self._notes.append(warning)
        return atoms

    def save_map(self, half: int, model: ExploredModel, z: Floats | None, title: str) -> Path:
        """Write the map of a state under ``maps/``."""
        return self._exporter(half, model).save_map(z, title)

    def save_movie(
        self, half: int, model: ExploredModel, order: MovieOrder, progress: Progress, cancelled: Cancelled
    ) -> Path:
        """Write a trajectory under ``movies/``."""
        exporter = self._exporter(half, model)
        written = exporter.save_movie(
            order.states,
            plane=order.plane,
            atoms=order.atoms,
            title=order.title,
            progress=progress,
            cancelled=cancelled,
        )
        self._notes += exporter.notes
        return written

    def save_video(self, half: int, ending: str, frames: Iterable[NDArray[np.uint8]], rate: float) -> Path:
        """Write pictures as a video or a folder of pictures, under ``movies/``."""
        return self._exporter(half, None).save_video(frames, ending, rate)

    def save_subset(
        self, half: int, names: Sequence[str], kind: SubsetKind, cs_file: Path | None = None
    ) -> Path:
        """Write a selection under ``subsets/``."""
        exporter = self._exporter(half, None)
        if kind == "cs":
            if cs_file is None:
                raise UserError("No .cs file was given from which the particles come")
            return exporter.save_cs(cs_file, names, star=self.particle_file())
        if kind == "indices":
            return exporter.save_indices(self.particle_file(), names)
        return exporter.save_subset(self.particle_file(), names)

    def export(self, half: int, order: ExportOrder) -> Path:
        """Write a selection for other programs, under ``subsets/``."""
        from jobs.explore.series_exports import export_selection

        self._check_writable()
        written, notes = export_selection(self.project_dir, self.job_dir, half, self.particle_file(), order)
        self._notes += notes
        return written

    def save_models(
        self,
        half: int,
        model: ExploredModel,
        names: Sequence[str],
        atoms: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> Path:
        """Write an atomic model in the state of each particle, under ``models/``."""
        from jobs.explore.particle_models import check_number

        check_number(
            len(names),
            hint=f"Select fewer, or use: heteroscope states {self.title} models --most {len(names)}",
        )
        exporter = self._exporter(half, model)
        written = exporter.save_models(names, atoms, progress=progress, cancelled=cancelled)
        self._notes += exporter.notes
        return written

    def read_names(self, path: Path) -> Sequence[str]:
        """Read identities of particles from a STAR file, a list with one per line, or an index file."""
        from jobs.explore.selection_files import read_selection

        return read_selection(path, self.project_dir, self.particle_file)

    def particle_file(self) -> Path:
        """Return the particle file that the job was given.

        Raises
        ------
        UserError
            When its settings name none.
        """
        return particle_file_of(self.project_dir, self.job, self.job_type)

    def kept_selections(self) -> Mapping[str, Sequence[str]]:
        """Return the selections that were kept with the job."""
        from jobs.explore.kept_selections import read_kept

        return read_kept(self.job_dir)

    def keep_selection(self, name: str, particles: Sequence[str], known: Sequence[str]) -> None:
        """Keep particles under a name with the job, if the project may be written to."""
        from jobs.explore.kept_selections import write_kept

        if self.can_write:
            write_kept(self.job_dir, name, particles, known)

    def forget_selection(self, name: str) -> None:
        """Delete a selection that was kept."""
        from jobs.explore.kept_selections import forget_kept

        if self.can_write:
            forget_kept(self.job_dir, name)

    def take_notes(self) -> Sequence[str]:
        """Return what is to be told about what was read or written last, and forget it."""
        notes, self._notes = self._notes, []
        return notes

    def relative(self, path: Path) -> str:
        """Return a path as the project names it."""
        return str(path.relative_to(self.project_dir)) if path.is_relative_to(self.project_dir) else str(path)

    def _exporter(self, half: int, model: ExploredModel | None) -> Exporter:
        from jobs.explore.exports import Exporter

        self._check_writable()
        return Exporter(self.project_dir, self.job_dir, half, model)

    def _check_writable(self) -> None:
        if not self.can_write:
            raise UserError("The project is open for reading only, so nothing can be saved in its jobs")


def _threads() -> int:
    return max(1, (os.cpu_count() or 2) - 1)
