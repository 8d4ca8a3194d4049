"""ISAC2's engine: how fast, how much of the machine, how much memory, and how right for single images.

Images of 76 pixels, last ring 29, search range 1 pixel (9 centres), 256 angles, straight and mirrored.
"""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._python_dispatch import TorchDispatchMode

from jobs.formats.mrc import read_map
from jobs.isac2.correlation import N_ANGLES
from jobs.isac2.equal_size import equal_size
from jobs.isac2.lattice import Lattice
from jobs.isac2.memory import scoring_bytes
from jobs.isac2.scoring import BLOCK, MultiReference, ScoreTable
from jobs.isac2.workers import Workers
from jobs.maths.polar import PolarGrid
from jobs.maths.project import Projector
from jobs.maths.rotations import euler_to_matrix
from jobs.maths.transforms2d import Planar
from tests.benchmarks.figures import Figures

BOX, RADIUS = 76, 29
GROUP = "ISAC2 engine"


@pytest.fixture(scope="module")
def engine() -> MultiReference:
    return MultiReference(PolarGrid(RADIUS), Lattice.square(BOX, RADIUS, 1))


def _operations(engine: MultiReference, n: int, k: int) -> float:
    """Multiplications and additions of the matrix products, counted as they are done."""
    correlator, pairs = engine.correlator, n * k * len(engine.lattice)
    products = 2 * 4 * correlator.n_rows
    sums = 2 * 2 * (N_ANGLES // 4 + 1) * correlator.n_m * 2
    series = engine.grid.transform_operations * n * len(engine.lattice)
    return float(pairs * (products + sums) + series)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("k", [20, 200])
def test_that_scores_come_at_a_good_part_of_the_rate_of_matrix_products(
    k: int, threads: int, engine: MultiReference, figures: Figures, best: Callable[..., float]
) -> None:
    generator = torch.Generator().manual_seed(1)
    n = 2048 if k < 100 else 512
    images = torch.randn(n, BOX, BOX, generator=generator)
    references = engine.references(torch.randn(k, BOX, BOX, generator=generator))
    square = torch.randn(2048, 2048, generator=generator)
    offsets = torch.zeros(n, 2)
    chunks = [slice(start, start + 128) for start in range(0, n, 128)]

    def scored(device: torch.device, rows: slice) -> ScoreTable:
        return engine.best(images[rows], offsets[rows], references)

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        workers = Workers()
        engine.best(images[:64], offsets[:64], references)
        rate = 2 * 2048**3 / best(lambda: square @ square)
        seconds = best(lambda: list(workers.map(scored, chunks)))
    finally:
        torch.set_num_threads(before)
    turns = n * k * len(engine.lattice) * 2 * N_ANGLES / seconds
    what = f"{k} references, {threads} threads"
    figures.add(GROUP, f"images × references × rotations per second, {what}", turns / 1e9, "billion/s")
    figures.add(GROUP, f"images × references per second, {what}", n * k / seconds, "/s")
    share = _operations(engine, n, k) / seconds / rate
    figures.add(GROUP, f"share of the sgemm rate of the same run, {what}", share, "", "")
    figures.add(GROUP, f"sgemm, {what}", rate / 1e9, "GFLOP/s")
    assert share > 0.1


def test_that_equal_sizes_of_a_large_set_take_seconds(figures: Figures) -> None:
    scores = torch.randn(100_000, 200, generator=torch.Generator().manual_seed(2))
    start = time.perf_counter()
    groups = equal_size(scores + torch.randn(200, generator=torch.Generator().manual_seed(3)))
    seconds = time.perf_counter() - start
    figures.add(GROUP, "classes of equal size, 100,000 images, 200 classes", seconds, "s")
    assert (torch.bincount(groups) == 500).all() and seconds < 30


class _Held(TorchDispatchMode):
    """Bytes of all tensors alive that were made under this mode, and their largest sum."""

    def __init__(self) -> None:
        super().__init__()
        self.users: Counter[int] = Counter()
        self.held = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided:
                storage = tensor.untyped_storage()
                if self.users[storage.data_ptr()] == 0:
                    self.held += storage.nbytes()
                self.users[storage.data_ptr()] += 1
                weakref.finalize(tensor, self._drop, storage.data_ptr(), storage.nbytes())
        self.peak = max(self.peak, self.held)
        return out

    def _drop(self, place: int, size: int) -> None:
        self.users[place] -= 1
        if self.users[place] == 0:
            self.held -= size


@pytest.mark.parametrize("k", [12, 100])
def test_that_what_scoring_uses_is_foreseen(k: int, engine: MultiReference, figures: Figures) -> None:
    images = torch.randn(max(BLOCK["cpu"], k), BOX, BOX, generator=torch.Generator().manual_seed(1))
    references = engine.references(images[:k])
    with _Held() as held:
        engine.best(images[: BLOCK["cpu"]], torch.zeros(BLOCK["cpu"], 2), references)
    foreseen = scoring_bytes(engine, k)
    figures.add(GROUP, f"memory of a block, {k} references", held.peak / 1e6, "MB", f"≤ {foreseen / 1e6:.0f}")
    assert 0 < held.peak <= foreseen < 2 * held.peak


def _projections(shared: Path, planar: Planar) -> tuple[Tensor, Tensor]:
    """A projection of the ribosome ``(y, x)`` and images of it ``(n, y, x)`` that `planar` brings back."""
    volume = torch.from_numpy(read_map(shared / "data/maps/ribosome_70S_65px.mrc").data.copy()).float()
    projector = Projector(volume)
    view = euler_to_matrix(torch.tensor([30.0, 70.0, 0.0]))
    psi, origin, tilt = planar.to_relion(1.0)
    angles = torch.stack((torch.zeros_like(psi), tilt, psi), -1).float()
    edge = (BOX // 2 - 32, BOX - BOX // 2 - 33)
    reference = pad(projector.images(view[None]), edge * 2)[0]
    images = pad(projector.images(euler_to_matrix(angles) @ view), edge * 2)
    # RELION's origin is what centres the image
    moved = [
        torch.roll(image, (-round(y), -round(x)), (0, 1))
        for image, (x, y) in zip(images, origin.tolist(), strict=True)
    ]
    return reference, torch.stack(moved)


@pytest.mark.parametrize("snr", [10.0, 1.0, 0.1])
def test_that_single_images_are_turned_right(
    snr: float, engine: MultiReference, figures: Figures, shared: Path
) -> None:
    n = 500
    generator = torch.Generator().manual_seed(4)
    truth = Planar.from_offset(
        360 * torch.rand(n, generator=generator, dtype=torch.float64),
        torch.randint(-1, 2, (n, 2), generator=generator).double(),
        torch.rand(n, generator=generator) < 0.5,
    )
    reference, images = _projections(shared, truth)
    noise = torch.randn(images.shape, generator=generator)
    images = images + noise * reference.std() / snr**0.5
    found, _ = engine.align_to(images, torch.zeros(n, 2), reference)
    same = found.mirror == truth.mirror
    error = (torch.remainder(found.alpha_deg - truth.alpha_deg + 180, 360) - 180).abs()[same]
    exact = (found.pre_rotation_offset() - truth.pre_rotation_offset()).abs().amax(1) < 0.5
    goal = "< 0.7°" if snr >= 1 else ""
    figures.add(GROUP, f"rotation error, median, SNR {snr:g}", float(error.median()), "°", goal)
    figures.add(GROUP, f"mirror right, SNR {snr:g}", 100 * float(same.float().mean()), "%", "> 99 %")
    figures.add(GROUP, f"shift exact, SNR {snr:g}", 100 * float(exact.float().mean()), "%")
    if snr >= 1:
        assert float(error.median()) < 0.7 and float(same.float().mean()) > 0.99
