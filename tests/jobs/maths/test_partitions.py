"""Agreement of partitions, against known cases and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from jobs.maths.partitions import adjusted_rand, contingency, majority, match_parts, purity


def test_that_the_adjusted_rand_index_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, 300)
    b = np.where(rng.random(300) < 0.6, a, rng.integers(0, 7, 300))
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b))
    assert adjusted_rand(a, (a + 2) % 5) == 1.0
    left_out = np.where(np.arange(300) < 50, -1, b)
    assert adjusted_rand(a, left_out) == pytest.approx(adjusted_rand_score(a[50:], b[50:]))


def test_that_unrelated_partitions_agree_by_chance_only():
    rng = np.random.default_rng(1)
    found = [adjusted_rand(rng.integers(0, 4, 200), rng.integers(0, 6, 200)) for _ in range(50)]
    assert abs(np.mean(found)) < 0.005
    assert np.isnan(adjusted_rand([-1, -1, 0], [0, 1, -1]))


def test_that_parts_are_matched_whatever_their_numbers_and_omissions_count():
    first = np.repeat([0, 1, 2], 10)
    second = np.array([2, 0, 1])[first]
    second[:4] = -1  # four of the first part are left out
    matched = match_parts(first, second)
    assert matched.first.tolist() == [0, 1, 2] and matched.second.tolist() == [2, 0, 1]
    np.testing.assert_allclose(matched.jaccard, [0.6, 1, 1])
    assert len(match_parts(first, np.full(30, -1)).jaccard) == 0


def test_that_noise_in_a_class_lowers_its_purity():
    labels = [0, 0, 0, 0, 1, 1, 1, 1, -1]
    truth = [5, 5, 5, -1, 2, 2, 3, 3, 5]
    assert purity(labels, truth) == pytest.approx(5 / 8)
    assert majority(labels, truth).tolist() == [5, 2]
    assert majority([0, 0, 2], [-1, -1, 4]).tolist() == [-1, -1, 4]
    assert contingency(labels, truth).shape == (2, 6)
    assert np.isnan(purity([-1, -1], [0, 1]))
    with pytest.raises(ValueError, match="partitions of"):
        contingency([0, 1], [0])
