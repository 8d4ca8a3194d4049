from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.isac2.equal_size import equal_size


def _sequential(scores: np.ndarray) -> np.ndarray:
    """The rule itself, pair by pair."""
    n, k = scores.shape
    placed, sizes = np.full(n, -1), np.zeros(k, int)
    capacity = np.full(k, n // k)
    # lower class, then lower image first among equals
    for flat in np.argsort(-scores.T.ravel(), kind="stable"):
        group, image = divmod(int(flat), n)
        if placed[image] < 0 and sizes[group] < capacity[group]:
            placed[image] = group
            sizes[group] += 1
        still_open = np.flatnonzero(sizes < capacity)
        if len(still_open) == 1 and capacity[still_open[0]] == n // k:
            capacity[still_open[0]] += n % k
    return placed


@pytest.mark.parametrize(("n", "k"), [(400, 5), (403, 20), (799, 40), (57, 2), (40, 40), (59, 40), (7, 1)])
def test_that_classes_are_those_of_the_sequential_rule_with_all_leftovers(n: int, k: int) -> None:
    generator = np.random.default_rng(n + k)
    # classes of different strength, as references of different power are
    scores = (generator.normal(size=(n, k)) + generator.normal(size=k)).astype(np.float32)
    found = equal_size(torch.from_numpy(scores)).numpy()
    np.testing.assert_array_equal(found, _sequential(scores))
    sizes = np.sort(np.bincount(found, minlength=k))
    assert (sizes[:-1] == n // k).all() and sizes[-1] == n // k + n % k


@pytest.mark.parametrize("levels", [1, 2, 7])
def test_that_equal_scores_follow_the_sequential_rule_too(levels: int) -> None:
    for seed in range(8):
        scores = np.random.default_rng(seed).integers(levels, size=(123, 7)).astype(np.float32)
        np.testing.assert_array_equal(equal_size(torch.from_numpy(scores)).numpy(), _sequential(scores))


def test_that_one_class_that_all_prefer_takes_only_its_share() -> None:
    scores = torch.rand(300, 6, generator=torch.Generator().manual_seed(1))
    scores[:, 2] += 5
    placed = equal_size(scores)
    assert torch.bincount(placed).tolist() == [50] * 6
    best = torch.topk(scores[:, 2], 50).indices.sort().values
    assert torch.equal(torch.nonzero(placed == 2).flatten(), best)


def test_that_more_classes_than_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 images cannot fill 4 classes"):
        equal_size(torch.zeros(3, 4))
