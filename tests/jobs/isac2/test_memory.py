from __future__ import annotations

import psutil
import pytest
import torch

from jobs.core.errors import UserError
from jobs.isac2.lattice import Lattice
from jobs.isac2.memory import limit_bytes, plan, scoring_bytes, table_bytes
from jobs.isac2.scoring import BLOCK, MultiReference
from jobs.maths.polar import PolarGrid

CPU = torch.device("cpu")


def test_that_as_many_blocks_are_held_as_fit_and_no_more() -> None:
    block = BLOCK["cpu"]
    image = 76 * 76 * 4
    held = plan(100 * block, image, 10 * block * image + 500, CPU, working_bytes=400, kept_bytes=100)
    assert (held.blocks, held.n_blocks, held.images) == (10, 100, 10 * block)
    assert not held.holds_all
    all_of_them = plan(3 * block - 1, image, 10 * block * image, CPU)
    assert all_of_them.blocks == 3 and all_of_them.holds_all


def test_that_the_size_of_a_block_does_not_depend_on_the_limit() -> None:
    image = 76 * 76 * 4
    assert plan(10_000, image, 10**9, CPU).block == plan(10_000, image, 10**7, CPU).block


def test_that_too_little_memory_is_said_in_numbers() -> None:
    with pytest.raises(UserError, match="MB of memory are needed at the least, and 1 MB may be used"):
        plan(1000, 76 * 76 * 4, 10**6, CPU, working_bytes=10**8)


def test_that_the_limit_is_a_fraction_of_what_is_free() -> None:
    free = psutil.virtual_memory().available
    assert 0.2 * free < limit_bytes(CPU, 0.5) < 0.8 * free


def test_that_scoring_is_foreseen_to_use_no_less_than_its_products_and_their_sums() -> None:
    engine = MultiReference(PolarGrid(13), Lattice.square(36, 13, 1))
    pairs = 12 * BLOCK["cpu"] * len(engine.lattice)
    assert scoring_bytes(engine, 12) > 4 * pairs * 8 * engine.correlator.n_m
    assert scoring_bytes(engine, 24) > scoring_bytes(engine, 12)
    assert table_bytes(1000, 20) == 1000 * 20 * 6
