"""How many blocks of images are held at once: all that depends on memory, and nothing of the result.

Computations are cut into blocks whose size is fixed; a plan only says how many of them may be read, moved to
the device and kept there together.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from jobs.core.errors import UserError
from jobs.isac2.scoring import BLOCK, REFERENCES, MultiReference

_FLOAT = 4


@dataclass(frozen=True)
class MemoryPlan:
    """What is held at once.

    Attributes
    ----------
    limit_bytes
        What may be used.
    block
        Images in one block.
    blocks
        Blocks held at once, at least one.
    n_blocks
        Blocks in all.
    """

    limit_bytes: int
    block: int
    blocks: int
    n_blocks: int

    @property
    def images(self) -> int:
        """Images held at once."""
        return self.blocks * self.block

    @property
    def holds_all(self) -> bool:
        """Whether all images fit together, so that they need to be read only once."""
        return self.blocks >= self.n_blocks


def limit_bytes(device: torch.device, fraction: float) -> int:
    """Bytes that may be used: a fraction of the free memory of the card, or of the machine.

    Parameters
    ----------
    device: torch.device
        Where to compute.
    fraction: float
        ``gpu_memory_use``.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    else:
        free = psutil.virtual_memory().available
    return int(fraction * free)


def plan(
    n_images: int,
    image_bytes: int,
    limit: int,
    device: torch.device,
    working_bytes: int = 0,
    kept_bytes: int = 0,
) -> MemoryPlan:
    """Say how many blocks of images are held at once.

    Parameters
    ----------
    n_images: int
        In all.
    image_bytes: int
        Kept for each image, such as its pixels or cached coefficients.
    limit: int
        Bytes that may be used (:func:`limit_bytes`).
    device: torch.device
        Decides the size of a block.
    working_bytes: int
        Used while one block is computed (:func:`scoring_bytes`).
    kept_bytes: int
        Used whatever the blocks, such as references and tables.

    Raises
    ------
    UserError
        When not even one block fits.
    """
    block = BLOCK[device.type]
    n_blocks = max(-(-n_images // block), 1)
    each = block * image_bytes
    room = limit - working_bytes - kept_bytes
    if room < each:
        needed = (each + working_bytes + kept_bytes) / 1e6
        raise UserError(
            f"{needed:.0f} MB of memory are needed at the least, and {limit / 1e6:.0f} MB may be used",
            hint="Raise the fraction of memory that may be used, close other programs, or use fewer classes.",
        )
    blocks = n_blocks if each == 0 else min(room // each, n_blocks)
    return MemoryPlan(limit, block, int(blocks), n_blocks)


def table_bytes(n_images: int, n_classes: int) -> int:
    """Bytes of the scores and places of all pairs."""
    return n_images * n_classes * (_FLOAT + 2)


def scoring_bytes(engine: MultiReference, n_classes: int) -> int:
    """Bytes that the engine uses at most while it scores one block, references and tables included.

    Parameters
    ----------
    engine: MultiReference
        What scores.
    n_classes: int
        References.
    """
    kind = engine.grid.device.type
    grid, points = engine.grid, len(engine.lattice)
    columns = BLOCK[kind] * points
    samples = sum(grid.n_samples)
    pairs = min(REFERENCES[kind], n_classes) * columns
    angles = len(engine.correlator.angles_deg) // 4 + 1
    # First windows, samples, their squares, and series of a group of rings beside those of all; then, beside
    # the latter, four products and their sums for each frequency, or sums and what they give at each angle.
    series = columns * 2 * grid.n_rows
    first = columns * 2 * samples + series + BLOCK[kind] * engine.window**2
    then = series + pairs * max(8 * engine.correlator.n_m, 4 * engine.correlator.n_m + 10 * angles)
    tables = 2 * 2 * grid.n_rows * n_classes + 5 * 4 * samples * points
    return _FLOAT * (max(first, then) + tables)
