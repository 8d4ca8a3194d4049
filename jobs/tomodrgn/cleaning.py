"""What cleaning may take from a finished job."""

from __future__ import annotations

from typing import Final

#: Transformed images, which are made again from the stacks.
CLEAN_GENTLY: Final = ("images.cache*",)
#: States of single epochs; the final ones stay.
CLEAN_HARSHLY: Final = (
    "weights.[0-9]*.pkl",
    "z.[0-9]*.pkl",
    "reconstruct.[0-9]*.mrc",
    "snapshots/*.npy",
    "snapshots/*.npz",
)
