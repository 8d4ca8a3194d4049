"""Clusters: known groups are found, ordered by size, the same in every run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.explore.clusters import centres, clusters

SIZES = (500, 300, 120)
PLACES = np.array([[0.0, 0, 0], [30, 0, 0], [0, 30, 10]])


@pytest.fixture
def groups(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    truth = rng.permutation(np.repeat(np.arange(3), SIZES))
    return (PLACES[truth] + rng.normal(size=(sum(SIZES), 3))).astype(np.float32), truth


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_that_groups_are_found_and_numbered_from_the_largest(
    method: str, groups: tuple[NDArray[np.float32], NDArray[np.intp]]
) -> None:
    points, truth = groups
    found = clusters(points, method, 3, seed=0)
    np.testing.assert_array_equal(found, truth)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(clusters(points, method, 3, seed=0), found)
    # neither units nor a far origin matter
    np.testing.assert_array_equal(clusters(points * 1e-4 + 3, method, 3, seed=0), found)


def test_that_a_mixture_separates_long_parallel_groups_which_k_means_cuts(rng: np.random.Generator) -> None:
    truth = np.repeat([0, 1], [600, 400])
    points = rng.normal(size=(1000, 2)) * [20, 0.3] + np.column_stack([np.zeros(1000), 3.0 * truth])

    def agreement(method: str) -> float:
        return float((clusters(points, method, 2, seed=1) == truth).mean())

    assert agreement("gmm") > 0.99
    assert agreement("kmeans") < 0.8


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_that_particles_without_numbers_belong_to_no_cluster(
    method: str, groups: tuple[NDArray[np.float32], NDArray[np.intp]]
) -> None:
    points, truth = groups
    points[7] = np.nan
    points[11, 1] = np.inf
    found = clusters(points, method, 3, seed=0)
    assert list(np.flatnonzero(found == -1)) == [7, 11]
    rest = found >= 0
    np.testing.assert_array_equal(found[rest], truth[rest])


def test_that_more_particles_than_are_fitted_get_the_cluster_of_their_place(
    groups: tuple[NDArray[np.float32], NDArray[np.intp]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.explore import clusters as module

    points, truth = groups
    for limit in ("_MOST_FITTED", "_MIXTURE_FITTED", "_ROUGHLY_FITTED"):
        monkeypatch.setattr(module, limit, 200)
    for method in ("kmeans", "gmm"):
        np.testing.assert_array_equal(clusters(points, method, 3, seed=0), truth)


@pytest.mark.parametrize("method", ["kmeans", "gmm"])
def test_that_no_more_clusters_come_out_than_there_are_different_particles(method: str) -> None:
    points = np.repeat(np.array([[0.0, 0], [1, 1], [5, 5]], np.float32), [5, 9, 2], axis=0)
    found = clusters(points, method, 8, seed=0)
    np.testing.assert_array_equal(found, np.repeat([1, 0, 2], [5, 9, 2]))
    np.testing.assert_array_equal(clusters(np.ones((6, 2)), method, 4, seed=0), np.zeros(6))


def test_that_the_centre_of_a_cluster_is_its_most_central_particle(
    groups: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    points, truth = groups
    labels = truth.astype(np.int32)
    points[3], labels[3] = np.nan, -1
    rows = centres(points, labels)
    for label, row in enumerate(rows):
        assert labels[row] == label
        members = np.flatnonzero(labels == label)
        mean = points[members].mean(axis=0)
        distances = np.linalg.norm(points[members] - mean, axis=1)
        assert row == members[distances.argmin()]
    assert len(centres(points[:0], labels[:0])) == 0


@pytest.mark.parametrize(
    ("points", "method", "count", "words"),
    [
        (np.ones((4, 2)), "optics", 2, "no clustering called optics"),
        (np.ones((4, 2)), "kmeans", 0, "between 1 and 1000, not 0"),
        (np.full((4, 2), np.nan), "kmeans", 2, "No particle has finite coordinates"),
    ],
)
def test_that_senseless_requests_are_refused_in_words(
    points: NDArray[np.float64], method: str, count: int, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        clusters(points, method, count, seed=0)
