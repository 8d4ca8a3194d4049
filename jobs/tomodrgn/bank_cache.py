"""Samples of all images in one file beside the job, for sets that do not fit into memory."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.tomodrgn.samples import SampleReader

#: Bytes of neighbouring particles that are read together, and of all that are in memory at a time.
BLOCK_BYTES, GROUP_BYTES = 1 << 22, 1 << 27


def shuffled_groups(first: Tensor, image_bytes: int, generator: torch.Generator) -> list[Tensor]:
    """Order of an epoch: random blocks of neighbouring particles, mixed within groups that fit into memory.

    The same for images in memory and in a file, so that where they are does not change a training.

    Parameters
    ----------
    first
        ``(P + 1,)`` first image of each particle.
    image_bytes
        Bytes of one image.
    generator
        Source of the order.

    Returns
    -------
    list of torch.Tensor
        Particles of each group in the order of the epoch; small sets are one group, in uniformly random
        order.
    """
    n = len(first) - 1
    block = first[:-1] * image_bytes // BLOCK_BYTES
    group_size = max(1, GROUP_BYTES // BLOCK_BYTES)
    blocks = torch.unique_consecutive(block, return_counts=True)[1]
    starts = torch.cat((blocks.new_zeros(1), blocks.cumsum(0)))
    chosen = torch.randperm(len(blocks), generator=generator)
    groups = []
    for part in chosen.split(group_size):
        members = torch.cat([torch.arange(int(starts[b]), int(starts[b + 1])) for b in part.tolist()])
        groups.append(members[torch.randperm(len(members), generator=generator)])
    assert sum(map(len, groups)) == n
    return groups


def cache_file(reader: SampleReader, scale: float, folder: Path, each: Callable[[int, int], None]) -> Path:
    """Write the samples of a set as float16 into a file, unless a complete one is there.

    Parameters
    ----------
    reader
        Where samples come from.
    scale
        Noise scale to divide by.
    folder
        Where the file goes.
    each
        Called with images done and images in all; may raise to stop.

    Returns
    -------
    pathlib.Path
        The file, ``(N, m, 2)`` float16, named for what it depends on.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    name = f"images_{reader.fingerprint()}_{np.float32(scale).tobytes().hex()}.f16"
    target, n = folder / name, reader.particles.n_images
    size = n * len(reader.plane.index) * 4
    if target.exists() and target.stat().st_size == size:
        return target
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            for rows, samples in reader.chunks():
                file.write((samples / scale).half().cpu().numpy().tobytes())
                each(rows.stop, n)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise UserError(
            f"the image cache of {size / 2**30:.1f} GiB could not be written ({error.strerror})",
            path=target,
            hint="Make room on the disk, or use a machine whose memory holds the images",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


class CachedSamples:
    """Samples in a file, read group by group by a thread while the group before is in use.

    Parameters
    ----------
    path
        File of :func:`cache_file`.
    first
        ``(P + 1,)`` first image of each particle.
    m
        Samples of an image.
    pinned
        Keep groups in pinned memory, from which a GPU copies without waiting.
    """

    def __init__(self, path: Path, first: Tensor, m: int, pinned: bool) -> None:
        self._map = np.memmap(path, np.float16, "r").reshape(-1, m, 2)
        self._first, self._pinned = first, pinned

    def rows(self, rows: Tensor) -> Tensor:
        """Samples of these images, ``(n, m, 2)`` float16 on the CPU."""
        return torch.from_numpy(self._map[rows.numpy()])

    def groups(self, groups: list[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Groups in turn: particles, samples, and the first image of each particle among them."""
        done: queue.Queue[tuple[Tensor, Tensor, Tensor] | Exception | None] = queue.Queue(maxsize=1)
        stop = threading.Event()

        def put(item: tuple[Tensor, Tensor, Tensor] | Exception | None) -> None:
            while not stop.is_set():
                try:
                    done.put(item, timeout=0.2)
                    return
                except queue.Full:
                    continue

        def work() -> None:
            try:
                for group in groups:
                    if stop.is_set():
                        return
                    put((group, *self._read(group)))
                put(None)
            except Exception as error:  # handed to whoever waits for the group
                put(error)

        thread = threading.Thread(target=work, name="image cache", daemon=True)
        thread.start()
        try:
            while (item := done.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            stop.set()
            thread.join()

    def _read(self, group: Tensor) -> tuple[Tensor, Tensor]:
        """Samples of a group in order of the file, and where each particle of the group begins in them."""
        ordered = group.sort().values
        counts = self._first[ordered + 1] - self._first[ordered]
        starts = torch.cat((counts.new_zeros(1), counts.cumsum(0)))
        out = torch.empty(
            (int(starts[-1]), *self._map.shape[1:]), dtype=torch.float16, pin_memory=self._pinned
        )
        view = out.numpy()
        # Neighbouring particles are read as one run.
        edges = torch.nonzero(torch.diff(ordered) != 1)[:, 0] + 1
        for run in torch.tensor_split(torch.arange(len(ordered)), edges.tolist()):
            a, b = int(ordered[run[0]]), int(ordered[run[-1]])
            view[int(starts[run[0]]) : int(starts[run[-1] + 1])] = self._map[
                int(self._first[a]) : int(self._first[b + 1])
            ]
        return out, starts[torch.searchsorted(ordered, group)]
