"""Devices that share work give the same bits as one alone, whatever their number and the memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from jobs.isac2.averages import segment_averages
from jobs.isac2.engine import Engine
from jobs.isac2.group_alignment import GroupAlignment, align_groups
from jobs.isac2.kmeans import kmeans_pass, updated_references
from jobs.isac2.memory import PassPlan, pass_plan, scoring_bytes
from jobs.isac2.scoring import ALIGNED, BLOCK
from jobs.isac2.seeding import generator
from jobs.isac2.settings import IsacSettings
from jobs.isac2.workers import Workers, one_thread
from jobs.maths.transforms2d import Planar

CPU = torch.device("cpu")
SETTINGS = IsacSettings(radius=8, target_radius=8, target_nx=24, img_per_grp=100, maxit=3)
COUNT = 600


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(COUNT, 24, 24, generator=torch.Generator().manual_seed(1))


def _placed() -> Planar:
    random = torch.Generator().manual_seed(2)
    return Planar(
        360 * torch.rand(COUNT, generator=random, dtype=torch.float64),
        torch.randn(COUNT, 2, generator=random, dtype=torch.float64),
        torch.rand(COUNT, generator=random) < 0.5,
    )


def _same(first: Planar, second: Planar) -> bool:
    return all(
        torch.equal(getattr(first, name), getattr(second, name)) for name in ("alpha_deg", "shift", "mirror")
    )


def test_that_results_come_in_the_order_of_the_blocks_from_all_devices() -> None:
    met = threading.Barrier(2, timeout=60)
    used = set()

    def work(device: torch.device, item: int) -> int:
        if item < 2:
            met.wait()  # nobody passes alone: two must be at work at once
        used.add(threading.get_ident())
        assert torch.get_num_threads() == 1
        return item * item

    assert list(Workers(("cpu", "cpu")).map(work, range(20))) == [i * i for i in range(20)]
    assert len(used) == 2


def test_that_a_processor_has_a_worker_for_each_thread() -> None:
    with _torch_threads(2):
        assert Workers(("cpu",)).devices == (CPU, CPU)
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2


def test_that_nothing_more_is_begun_when_whoever_listens_stops() -> None:
    begun: list[int] = []

    def work(device: torch.device, item: int) -> int:
        begun.append(item)
        return item

    results = Workers(("cpu", "cpu")).map(work, range(1000))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 10


def test_that_an_error_in_a_block_reaches_the_caller() -> None:
    def work(device: torch.device, item: int) -> int:
        raise ValueError(f"block {item}")

    with pytest.raises(ValueError, match="block 0"):
        list(Workers(("cpu", "cpu")).map(work, range(4)))


def test_that_a_pass_gives_the_same_bits_on_one_and_two_devices(images: Tensor) -> None:
    found = []
    for devices in (("cpu",), ("cpu", "cpu"), ("cpu", "cpu", "cpu")):
        engine = Engine(images, SETTINGS, CPU, workers=Workers(devices))
        group, planar = kmeans_pass(
            engine, torch.arange(COUNT), _placed(), images[:6], 0.3, lambda part: None
        )
        references, planar = updated_references(
            engine, torch.arange(COUNT), group, planar, 6, 0.3, generator(1, "mutual")
        )
        found.append((group, planar, references))
    for group, planar, references in found[1:]:
        assert torch.equal(group, found[0][0])
        assert _same(planar, found[0][1])
        assert torch.equal(references, found[0][2])


def test_that_a_pass_gives_the_same_bits_in_the_least_memory_it_can_do_with(
    images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    least = scoring_bytes(Engine(images, SETTINGS, CPU).search(0.3), 6) + BLOCK["cpu"] * 24**2 * 4
    for limit in (10**9, least):
        monkeypatch.setattr("jobs.isac2.engine.limit_bytes", lambda device, fraction, limit=limit: limit)
        engine = Engine(images, SETTINGS, CPU, workers=Workers(("cpu", "cpu")))
        held = pass_plan(engine.search(0.3), COUNT, 6, 24, engine.limit)
        found.append(kmeans_pass(engine, torch.arange(COUNT), _placed(), images[:6], 0.3, lambda part: None))
    assert held == PassPlan(ALIGNED["cpu"], 1, True)
    assert len(engine.group_workers(100).devices) == 1
    assert torch.equal(found[0][0], found[1][0])
    assert _same(found[0][1], found[1][1])


def test_that_averages_and_groups_are_the_same_bits_on_one_and_two_devices(images: Tensor) -> None:
    labels = torch.arange(COUNT) % 4
    options = GroupAlignment(radius=8, iterations=4, offset_limit=2)
    found = []
    for devices in (("cpu",), ("cpu", "cpu")):
        with _torch_threads(len(devices)):
            workers = Workers(devices)
            averages, _ = segment_averages(images, _placed(), labels, 4, workers=workers)
            runs = align_groups(
                images, _placed(), labels, 4, options, 2, generator(1, "groups"), workers=workers
            )
            found.append((averages, runs))
    assert torch.equal(found[0][0], found[1][0])
    assert _same(found[0][1], found[1][1])
