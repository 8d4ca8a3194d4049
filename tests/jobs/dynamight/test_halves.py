"""Half-sets: those of the refinement when it made some, else seeded; particles held out in each."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamight.halves import split_particles


def test_that_the_half_sets_of_the_refinement_are_used() -> None:
    subset = np.array([2, 1, 1, 2, 1, 2, 2, 1, 1])
    for seed in (0, 1):
        split = split_particles(subset, 0.1, seed)
        assert split.half.tolist() == subset.tolist()
        assert "rlnRandomSubset" in split.source


@pytest.mark.parametrize("subset", [np.zeros(101, int), np.array([1, 2, 0] * 33 + [1, 2])])
def test_that_particles_without_half_sets_are_divided_evenly_and_repeatably(subset: np.ndarray) -> None:
    first, again, other = (split_particles(subset, 0.1, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.half, again.half)
    assert np.array_equal(first.validation, again.validation)
    assert not np.array_equal(first.half, other.half)
    assert abs(int((first.half == 1).sum()) - int((first.half == 2).sum())) <= 1
    assert "seed 5" in first.source


def test_that_a_part_of_each_half_set_is_held_out() -> None:
    subset = np.array([1] * 200 + [2] * 100)
    split = split_particles(subset, 0.1, 0)
    assert int(split.validation[split.rows(1)].sum()) == 20
    assert int(split.validation[split.rows(2)].sum()) == 10


def test_that_nothing_is_held_out_when_it_is_not_asked_for_or_there_is_too_little() -> None:
    assert not split_particles(np.zeros(500, int), 0.0, 0).validation.any()
    assert not split_particles(np.zeros(30, int), 0.5, 0).validation.any()


def test_that_every_particle_is_in_one_half_set() -> None:
    split = split_particles(np.zeros(57, int), 0.2, 1)
    rows = np.concatenate((split.rows(1), split.rows(2)))
    assert np.array_equal(np.sort(rows), np.arange(57))
    assert np.array_equal(split.rows(1), np.sort(split.rows(1)))


@pytest.mark.parametrize(
    ("subset", "counts"),
    [
        ([0], "half-set 1 has 1, half-set 2 has 0"),
        ([1] * 50 + [2] * 3, "half-set 1 has 50, half-set 2 has 3"),
    ],
    ids=["one particle", "lopsided"],
)
def test_that_too_few_particles_are_refused_in_words(subset: list[int], counts: str) -> None:
    with pytest.raises(UserError, match="too few") as caught:
        split_particles(np.array(subset), 0.1, 0)
    assert counts in str(caught.value)
    assert "larger particle file" in str(caught.value)
