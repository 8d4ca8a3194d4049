"""Whether neighbours are alike, on particles of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.core.placing import Places
from jobs.explore.tomogram_neighbours import neighbour_facts


def scattered(n: int = 200, tomograms: int = 2, seed: int = 3) -> Places:
    rng = np.random.default_rng(seed)
    return Places(
        np.array([f"p{k}" for k in range(n)], object),
        np.array([f"t{k % tomograms}" for k in range(n)], object),
        rng.uniform(0, 5000, (n, 3)),
        np.broadcast_to(np.eye(3), (n, 3, 3)),
    )


def test_that_labels_by_place_are_found_alike_and_shuffled_ones_are_not() -> None:
    places = scattered()
    halves = (places.centre_a[:, 0] > 2500).astype(int)
    found = neighbour_facts(places, halves, label="cluster")
    assert found.agreement > 0.8 and abs(found.control - 0.5) < 0.06 and found.p_value < 0.01
    assert "more alike than by chance" in found.sentence and found.n == 200 and found.tomograms == 2
    rng = np.random.default_rng(2)
    chance = neighbour_facts(places, rng.permutation(halves), label="cluster")
    assert chance.p_value > 0.05 and "chance gives" in chance.sentence


def test_that_neighbours_are_looked_for_in_their_own_tomogram_only() -> None:
    """Every particle has a twin at the same place in the other tomogram, with another label."""
    one = scattered(100, 1)
    places = Places(
        np.concatenate([one.name, one.name + "b"]),
        np.array(["a"] * 100 + ["b"] * 100, object),
        np.concatenate([one.centre_a, one.centre_a]),
        np.broadcast_to(np.eye(3), (200, 3, 3)),
    )
    found = neighbour_facts(places, np.repeat([0, 1], 100))
    assert found.agreement == 1.0 and found.distance_a.min() > 0
    squares = ((one.centre_a[:, None] - one.centre_a[None]) ** 2).sum(-1)
    np.fill_diagonal(squares, np.inf)
    assert np.allclose(found.distance_a[:100], np.sqrt(squares.min(1)))


def test_that_numbers_are_correlated_and_the_seed_decides() -> None:
    places = scattered()
    values = places.centre_a[:, 1] + np.random.default_rng(1).normal(0, 300, 200)
    found = neighbour_facts(places, values, label="PC1", is_share=False)
    assert found.agreement > 0.5 and abs(found.control) < 0.1 and "correlates" in found.sentence
    again = neighbour_facts(places, values, label="PC1", is_share=False)
    assert np.array_equal(found.shuffled, again.shuffled)


def test_that_single_particles_have_no_neighbours() -> None:
    with pytest.raises(UserError, match="No tomogram holds two"):
        neighbour_facts(scattered(5, 5), None)
