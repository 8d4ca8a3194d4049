"""Services for explorers in tests: blobs instead of a job, files in a folder of the test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.core.exploring import (
    Atoms,
    Cancelled,
    Embedding,
    EmbeddingRequest,
    MovieOrder,
    Progress,
    SubsetKind,
)
from jobs.core.latent import ExploredModel
from jobs.explore.atoms import read_atoms
from jobs.explore.clusters import centres, clusters
from jobs.explore.embeddings import embed
from jobs.explore.exports import Exporter
from jobs.explore.paths import default_anchors, dense_path
from jobs.explore.subsets import read_names
from tests.support.explored import BlobModel, BlobSource

Floats = NDArray[np.floating]

COLUMNS = ("rlnImageName", "rlnMicrographName", "rlnDefocusU", "rlnClassNumber", "rlnOpticsGroup")


class BlobServices:
    """Implements `widgets.explorer.services.Services` without processes."""

    def __init__(self, folder: Path, n: int = 400, *, running: bool = False) -> None:
        self.folder = folder
        self.source = BlobSource(n)
        self.running = running
        self.title = "DynaMight/job001"
        self.can_write = True
        self.particles = folder / "particles.star"
        self.embedded: list[EmbeddingRequest] = []

    def is_running(self) -> bool:
        """As told."""
        return self.running

    def embed(
        self, model: ExploredModel, request: EmbeddingRequest, progress: Progress, cancelled: Cancelled
    ) -> Embedding:
        """Directly."""
        self.embedded.append(request)
        return embed(model.embedding, model.features(), request, progress, cancelled)

    def clusters(self, points: Floats, method: str, count: int, seed: int) -> NDArray[np.integer]:
        """Directly."""
        return clusters(points, "kmeans", count, seed)

    def centres(self, points: Floats, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Directly."""
        return centres(points, labels)

    def dense_path(
        self, points: Floats, anchors: Sequence[int], progress: Progress, cancelled: Cancelled
    ) -> Sequence[int]:
        """Directly."""
        through = list(anchors) if len(anchors) > 1 else list(default_anchors(points))
        return dense_path(points, through, progress=progress, cancelled=cancelled)

    def read_atoms(self, path: Path, model: ExploredModel) -> Atoms:
        """Directly."""
        return read_atoms(path, model)

    def save_map(self, half: int, model: ExploredModel, z: Floats | None, title: str) -> Path:
        """Into the folder."""
        return self._exporter(half, model).save_map(z, title)

    def save_movie(
        self, half: int, model: ExploredModel, order: MovieOrder, progress: Progress, cancelled: Cancelled
    ) -> Path:
        """Into the folder."""
        return self._exporter(half, model).save_movie(
            order.states,
            plane=order.plane,
            atoms=order.atoms,
            title=order.title,
            progress=progress,
            cancelled=cancelled,
        )

    def save_video(self, half: int, ending: str, frames: Iterable[NDArray[np.uint8]], rate: float) -> Path:
        """Into the folder."""
        return self._exporter(half, None).save_video(frames, ending, rate)

    def save_subset(
        self, half: int, names: Sequence[str], kind: SubsetKind, cs_file: Path | None = None
    ) -> Path:
        """Into the folder."""
        exporter = self._exporter(half, None)
        if kind == "cs":
            assert cs_file is not None
            return exporter.save_cs(cs_file, names)
        if kind == "indices":
            return exporter.save_indices(self.particles, names)
        return exporter.save_subset(self.particles, names)

    def read_names(self, path: Path) -> Sequence[str]:
        """Directly."""
        return read_names(path)

    def take_notes(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def relative(self, path: Path) -> str:
        """As seen from the folder."""
        return str(path.relative_to(self.folder))

    def _exporter(self, half: int, model: ExploredModel | None) -> Exporter:
        return Exporter(self.folder, self.folder, half, model)


def write_particles(path: Path, model: BlobModel) -> None:
    """Write a RELION 3.1 particle file of the particles of a model, among others of the other half-set."""
    lines = ["# version 50001", "", "data_optics", "", "loop_"]
    lines += ["_rlnOpticsGroup #1", "_rlnOpticsGroupName #2", "_rlnImagePixelSize #3", "_rlnImageSize #4"]
    lines += ["_rlnVoltage #5", "1 opticsGroup1 4.000000 24 300.0", "", "", "# version 50001", ""]
    lines += ["data_particles", "", "loop_", *(f"_{name} #{k + 1}" for k, name in enumerate(COLUMNS))]
    for k, name in enumerate(model.metadata["image_name"]):
        micrograph, defocus = model.metadata["rlnMicrographName"][k], model.metadata["rlnDefocusU"][k]
        lines.append(f"{name} {micrograph} {defocus:12.4f} {model.metadata['rlnClassNumber'][k]} 1")
        lines.append(f"{k + 1:06d}@Extract/other/stack.mrcs {micrograph} {defocus:12.4f} 9 1")
    path.write_text("\n".join(lines) + "\n\n")
