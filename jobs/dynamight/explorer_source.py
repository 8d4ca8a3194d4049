"""The explorer's door to a DynaMight job, whether this program made it or the original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs.core.compute import free_device
from jobs.core.latent import ExploredModel, LatentSource, Snapshot
from jobs.dynamight.latent_model import DynaMightSource
from jobs.dynamight.original_explored import OriginalJob
from jobs.dynamight.original_job import is_original


def source(job_dir: Path, project_dir: Path) -> JobSource:
    """Open a job for the explorer."""
    return JobSource(job_dir, project_dir)


class JobSource:
    """Looks at each checkpoint to see whose it is (:class:`jobs.core.latent.LatentSource`).

    Parameters
    ----------
    job_dir, project_dir
        Job folder and project.
    device
        Where to compute; a free GPU, or else the CPU, when None.
    """

    def __init__(self, job_dir: Path, project_dir: Path, device: str | None = None) -> None:
        device = device or free_device()
        self._ours: LatentSource = DynaMightSource(job_dir, project_dir, device)
        self._original = OriginalJob(job_dir, project_dir, device)

    @property
    def half_sets(self) -> Sequence[int]:
        """Half-sets that can be opened."""
        return self._of(None).half_sets

    def snapshots(self) -> Sequence[Snapshot]:
        """What can be looked at now, by epoch, the final one last."""
        return self._of(None).snapshots()

    def open(self, half: int, snapshot: Path | None = None) -> ExploredModel:
        """Open a half-set of a snapshot, the newest when None.

        Raises
        ------
        UserError
            If files are missing, damaged, or do not belong together.
        """
        return self._of(snapshot).open(half, snapshot)

    def _of(self, snapshot: Path | None) -> LatentSource:
        if snapshot is not None:
            return self._original if is_original(snapshot) else self._ours
        return self._original if self._original.snapshots() else self._ours
