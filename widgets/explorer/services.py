"""What the explorer has done for it elsewhere: embeddings, paths, and everything that is written.

The widgets know neither files nor science; whoever makes an explorer hands it an object with these methods.
All of them block and are called from worker threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
from jobs.core.latent import ExploredModel, LatentSource

Floats = NDArray[np.floating]


class Services(Protocol):
    """Work done for the explorer; see the module."""

    @property
    def title(self) -> str:
        """What is explored, such as the name of the job."""

    @property
    def source(self) -> LatentSource:
        """The result that is explored."""

    @property
    def can_write(self) -> bool:
        """False for a project that is only read."""

    def is_running(self) -> bool:
        """Whether the result is still being made."""

    def embed(
        self, model: ExploredModel, request: EmbeddingRequest, progress: Progress, cancelled: Cancelled
    ) -> Embedding:
        """Return an embedding, from disk when it was made before."""

    def clusters(
        self, points: Floats, method: str, count: int, seed: int
    ) -> tuple[NDArray[np.integer], NDArray[np.floating] | None]:
        """Return the cluster of each point ``(P, d)``, largest first; -1 for points that are not finite.

        Beside it stands how likely each is, ``(P,)``, where the method ``gmm`` knows that, else None.
        """

    def centres(self, points: Floats, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the row of the particle nearest to the centre of each cluster."""

    def dense_path(
        self, points: Floats, anchors: Sequence[int], progress: Progress, cancelled: Cancelled
    ) -> Sequence[int]:
        """Return rows of particles along a path through crowded regions; two ends are found if none given."""

    def read_atoms(self, path: Path, model: ExploredModel) -> Atoms:
        """Read an atomic model."""

    def save_map(self, half: int, model: ExploredModel, z: Floats | None, title: str) -> Path:
        """Write the map of a state."""

    def save_movie(
        self, half: int, model: ExploredModel, order: MovieOrder, progress: Progress, cancelled: Cancelled
    ) -> Path:
        """Write the maps of a trajectory, the script that plays them, and the moved atoms."""

    def save_video(self, half: int, ending: str, frames: Iterable[NDArray[np.uint8]], rate: float) -> Path:
        """Write pictures ``(H, W, 3)`` as one ``mp4`` or ``gif``, or as a folder of ``png``."""

    def save_subset(
        self, half: int, names: Sequence[str], kind: SubsetKind, cs_file: Path | None = None
    ) -> Path:
        """Write the particles with these identities."""

    def export(self, half: int, order: ExportOrder) -> Path:
        """Write particles for other programs."""

    def save_models(
        self,
        half: int,
        model: ExploredModel,
        names: Sequence[str],
        atoms: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> Path:
        """Write an atomic model in the state of each particle."""

    def read_names(self, path: Path) -> Sequence[str]:
        """Read identities of particles from a STAR file, a list, or a file of indices."""

    def kept_selections(self) -> Mapping[str, Sequence[str]]:
        """Return the identities of particles of each selection that was kept under a name."""

    def keep_selection(self, name: str, particles: Sequence[str], known: Sequence[str]) -> None:
        """Keep particles under a name; others of the same name stay if they are not among the known ones."""

    def forget_selection(self, name: str) -> None:
        """Keep the selection of this name no longer."""

    def take_notes(self) -> Sequence[str]:
        """Return what is to be told about what was read or written last, and forget it."""

    def relative(self, path: Path) -> str:
        """Return a path as the project names it."""
