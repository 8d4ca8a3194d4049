"""What a training tells while it runs: metrics, pictures for the monitor, TensorBoard, checkpoints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.dynamight.outputs import checkpoint_path, leading_motions, write_graph, write_volumes
from jobs.dynamight.setup import Prepared
from jobs.dynamight.state import write_checkpoint
from jobs.dynamight.training import EpochReport, Training

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext

CHECKPOINT_EVERY = 5
VOLUME_EVERY = 20
#: Particles and voxels of the pictures in the monitor, and seconds between them.
_SHOWN = 20_000
_PICTURE_BOX = 64
_PICTURE_S = 1.0

_PHASES = {"warm-up": "warm-up", "coarse": "train", "fine": "train", "finalise": "finalise"}
_SENTENCES = {
    "coarse": "The Gaussians fit the images; now they begin to move (coarse images).",
    "fine": "Full resolution.",
    "finalise": "No more improvement: step sizes now fall to nothing.",
    "done": "Training finished.",
}


class JobObserver:
    """Follows a training on behalf of a job.

    Parameters
    ----------
    context: WorkerContext
        The job.
    prepared: Prepared
        The training.
    star: str
        Particle file relative to the project, for checkpoints.
    """

    def __init__(self, context: WorkerContext, prepared: Prepared, star: str) -> None:
        self.context, self.prepared, self.star = context, prepared, star
        self.job: Path = context.folder.path
        self._pictured = 0.0
        self._board = _open_board(self.job)

    def each_batch(self) -> None:
        """Stop if the user wants to."""
        self.context.check_abort()

    def each_epoch(self, training: Training, report: EpochReport) -> None:
        """Report, and save what is due."""
        done = report.epoch + 1
        values = _values(training, report)
        self.context.progress(
            _PHASES[report.stage], done, max(done, training.schedule.expected_epochs), **values
        )
        self._write_board(report.epoch, values)
        now = time.monotonic()
        if report.stage != "warm-up" and (
            now - self._pictured > _PICTURE_S or training.schedule.stage == "done"
        ):
            self._pictured = now
            self.pictures()
        if done % CHECKPOINT_EVERY == 0:
            write_checkpoint(checkpoint_path(self.job, report.epoch), self.prepared, self.star)
            write_graph(self.job, self.prepared, report.epoch)
        if done % VOLUME_EVERY == 0:
            write_volumes(self.job, self.prepared, report.epoch, masks=False)

    def each_stage(self, training: Training, stage: str) -> None:
        """Say what begins."""
        self.context.say(_SENTENCES[stage])

    def pictures(self) -> None:
        """Write the latent space so far, its colours, the consensus and the histogram of displacements."""
        half = self.prepared.training.halves[0]
        points, rms = leading_motions(half, _SHOWN)
        save = self.context.save_snapshot
        save("latent", points)
        save("latent_colour", rms)
        counts, edges = np.histogram(rms, bins=40)
        save("displacement_histogram", np.stack((0.5 * (edges[1:] + edges[:-1]), counts)).astype(np.float32))
        box = min(self.prepared.frame.box, _PICTURE_BOX)
        save("volume", half.model.volume(box=box).cpu().numpy())

    def close(self) -> None:
        """Finish the TensorBoard file."""
        self._board.close()

    def _write_board(self, epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._board.add_scalar(_TAGS.get(name, f"Heteroscope/{name}"), value, epoch)
        self._board.flush()


#: Names under which users of the original find the curves in TensorBoard.
_TAGS = {
    "loss_data_half1": "Loss/mse_loss_halfs/half1",
    "loss_data_half2": "Loss/mse_loss_halfs/half2",
    "loss_kl_half1": "Loss/kld_loss/half1",
    "loss_kl_half2": "Loss/kld_loss/half2",
    "loss_geometry_half1": "Loss/geometric_loss/half1",
    "loss_geometry_half2": "Loss/geometric_loss/half2",
    "lambda_half1": "Loss/reg_param_h1",
    "lambda_half2": "Loss/reg_param_h2",
}


def _values(training: Training, report: EpochReport) -> dict[str, float]:
    """Named values of an epoch, those worth watching first."""
    values: dict[str, float] = {}
    for number, rms in enumerate(report.rms_displacement_a, 1):
        values[f"rms_displacement_A_half{number}"] = rms
    if report.held_out_gain == report.held_out_gain:
        values["held_out_gain_nats"] = report.held_out_gain
    # Per coefficient, so that the curve does not jump when the working box changes.
    compared = training.noise.n_compared(report.box)
    for number, (sums, half) in enumerate(zip(report.halves, training.halves, strict=True), 1):
        values[f"loss_data_half{number}"] = sums["data"] / compared
        values[f"loss_kl_half{number}"] = sums["prior"]
        values[f"loss_geometry_half{number}"] = sums["geometry"]
        values[f"lambda_half{number}"] = float(half.restraint)
    values["particles_per_s"] = report.particles_per_s
    values["working_box_px"] = float(report.box)
    return values


def _open_board(job: Path) -> Any:
    """A TensorBoard writer into the job's folder, imported late because it is slow to import."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(job))
