"""Services for explorers in tests: blobs instead of a job, files in a folder of the test."""

from __future__ import annotations

from pathlib import Path

from app.explorer_services import JobServices
from jobs.core.exploring import Cancelled, Embedding, EmbeddingRequest, Progress
from jobs.core.latent import ExploredModel
from jobs.explore.embeddings import embed
from tests.support.explored import BlobModel, BlobSource

COLUMNS = ("rlnImageName", "rlnMicrographName", "rlnDefocusU", "rlnClassNumber", "rlnOpticsGroup")


class BlobServices(JobServices):
    """The services of a job, for blobs: the model in this process, all files in one folder."""

    def __init__(self, folder: Path, n: int = 400, *, running: bool = False) -> None:
        # not that of a job, which starts a process
        self.project_dir = self.job_dir = self.folder = folder
        self.job = "DynaMight/job001/"
        self.source = BlobSource(n)  # type: ignore[assignment]
        self.running = running
        self.can_write = True
        self.particles = folder / "particles.star"
        self.embedded: list[EmbeddingRequest] = []
        self._notes: list[str] = []

    def is_running(self) -> bool:
        """As told."""
        return self.running

    def embed(
        self, model: ExploredModel, request: EmbeddingRequest, progress: Progress, cancelled: Cancelled
    ) -> Embedding:
        """Directly."""
        self.embedded.append(request)
        return embed(model.embedding, model.features(), request, progress, cancelled)

    def particle_file(self) -> Path:
        """The one of the test."""
        return self.particles


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
