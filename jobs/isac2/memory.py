"""How many blocks of images are held at once: all that depends on memory, and nothing of the result.

Computations are cut into blocks whose size is fixed; a plan only says how many of them may be read, moved to
the device and kept there together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import psutil
import torch

from jobs.core.errors import UserError
from jobs.isac2.disc_basis import DiscBasis
from jobs.isac2.group_alignment import IMAGES_PER_BLOCK, WALK, GroupAlignment
from jobs.isac2.scoring import ALIGNED, BLOCK, REFERENCES, MultiReference

_FLOAT = 4
#: Images of a pass that one worker reads together at most.
_CHUNK = {"cpu": 256, "cuda": 2048}
#: Share of the memory that the scores of all pairs may take on a card; else the computer keeps them.
_TABLE = 0.25


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


@dataclass(frozen=True)
class PassPlan:
    """What one pass of classification holds at once.

    Attributes
    ----------
    chunk
        Images that a worker reads together: whole blocks, of scoring as of alignment.
    at_once
        Workers of one device.
    table_stays
        Whether the scores of all pairs stay on the device.
    """

    chunk: int
    at_once: int
    table_stays: bool


def pass_plan(engine: MultiReference, n_images: int, n_classes: int, box: int, limit: int) -> PassPlan:
    """Say what a pass of classification holds at once.

    Parameters
    ----------
    engine: MultiReference
        What scores.
    n_images, n_classes, box: int
        Images, references, and their edge in pixels.
    limit: int
        Bytes that may be used (:func:`limit_bytes`).

    Raises
    ------
    UserError
        When not even one block fits.
    """
    device = engine.grid.device
    table = table_bytes(n_images, n_classes)
    stays = device.type == "cpu" or table < _TABLE * limit
    kept = table if device.type == "cuda" and stays else 0
    working = scoring_bytes(engine, n_classes)
    held = plan(n_images, box**2 * _FLOAT, limit, device, working, kept)
    whole = max(ALIGNED[device.type], BLOCK[device.type])
    chunk = max(whole, min(held.images, _CHUNK[device.type]) // whole * whole)
    each = working + chunk * box**2 * _FLOAT
    return PassPlan(chunk, max(1, (limit - kept) // each), stays)


def group_bytes(basis: DiscBasis, options: GroupAlignment, images: int, runs: int) -> int:
    """Bytes that one block of the alignment within groups uses at most.

    Parameters
    ----------
    basis: DiscBasis
        Functions of the coefficients.
    options: GroupAlignment
        Search and filters.
    images: int
        Members of the largest group.
    runs: int
        Independent alignments.
    """
    steps = [round(reach / options.step) for reach in (options.range_x, options.range_y)]
    points = math.prod(2 * (step + WALK) + 1 if step else 1 for step in steps)
    searched = math.prod(2 * step + 1 for step in steps)
    members = max(images, IMAGES_PER_BLOCK[basis.device.type])
    coefficients = 2 * sum(bucket.orders * bucket.radial for bucket in basis.buckets) * points
    # per bucket products with all points and those picked; then cosines and sines of all orders, and scores
    widest = max(bucket.orders for bucket in basis.buckets)
    products = 4 * widest * runs * (points + 2 * searched)
    terms = 4 * basis.orders * searched * runs + 8 * searched * runs
    return _FLOAT * members * (coefficients + products + terms)
