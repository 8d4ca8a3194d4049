"""What cleaning may take from a finished job."""

from __future__ import annotations

from jobs.dynamight.checks import CHECKPOINTS

#: Checkpoints and reconstructions on the way; the final ones stay.
CLEAN_GENTLY = (
    f"{CHECKPOINTS}/[0-9][0-9][0-9]*.pth",
    "backprojection/reconstruction_half?_[0-9]*.mrc",
)
#: Pictures of the training: positions of the Gaussians and consensus maps of single epochs.
CLEAN_HARSHLY = (
    "forward_deformations/graphs/points*.xyz",
    "forward_deformations/volumes/volume_half?_*.mrc",
    "snapshots/*.npy",
    "snapshots/*.npz",
)
