"""Images in a sensible order."""

from __future__ import annotations

import itertools

import numpy as np

from jobs.isac2.tour import best_chain, closed_tour, tour_length


def _similarity(points: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return 1.0 - distance / distance.max()


def test_that_a_chain_of_points_on_a_line_is_the_line() -> None:
    places = np.array([3.0, 0.0, 2.1, 1.1, 4.5])
    order = best_chain(_similarity(places[:, None]))
    assert places[order].tolist() in (sorted(places), sorted(places, reverse=True))


def test_that_a_tour_of_points_on_a_circle_goes_round() -> None:
    rng = np.random.default_rng(0)
    angles = rng.permutation(np.linspace(0, 2 * np.pi, 17, endpoint=False))
    similarity = _similarity(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    order = closed_tour(similarity, rng.permutation(17))
    steps = np.abs(np.angle(np.exp(1j * np.diff(angles[order]))))
    assert np.allclose(steps, 2 * np.pi / 17)


def test_that_a_tour_is_as_short_as_the_shortest_of_all_or_nearly_and_keeps_its_start() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        similarity = _similarity(rng.random((7, 2)))
        start = best_chain(similarity)
        order = closed_tour(similarity, start)
        best = min(
            tour_length(similarity, np.array([0, *rest])) for rest in itertools.permutations(range(1, 7))
        )
        assert sorted(order.tolist()) == list(range(7))
        assert order[0] == start[0]
        assert tour_length(similarity, order) <= tour_length(similarity, start) + 1e-12
        assert tour_length(similarity, order) <= 1.1 * best


def test_that_two_or_three_images_have_an_order_too() -> None:
    for count in (1, 2, 3):
        similarity = _similarity(np.arange(count, dtype=float)[:, None]) if count > 1 else np.ones((1, 1))
        assert sorted(closed_tour(similarity, best_chain(similarity)).tolist()) == list(range(count))
