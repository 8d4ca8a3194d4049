"""Paths through crowded regions: along a horseshoe, over a bridge, through anchors, the cheapest ones."""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from jobs.core.errors import AbortRequested, UserError
from jobs.explore import paths
from jobs.explore.paths import default_anchors, dense_path

Points = NDArray[np.float64]


def horseshoe(rng: np.random.Generator, count: int = 3000) -> tuple[Points, Points]:
    """Points along three quarters of a circle of radius 10, and their angles in degrees."""
    angle = rng.uniform(45, 315, count)
    ring = 10 * np.column_stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    return ring + rng.normal(scale=0.5, size=(count, 2)), angle


def steps_of(points: Points, path: list[int]) -> Points:
    return np.linalg.norm(np.diff(points[path], axis=0), axis=1)


def test_that_a_path_follows_a_horseshoe_and_never_jumps_the_gap(rng: np.random.Generator) -> None:
    points, angle = horseshoe(rng)
    start, end = int(angle.argmin()), int(angle.argmax())
    path = dense_path(points, [start, end])
    assert path[0] == start and path[-1] == end
    assert steps_of(points, path).max() < 1.5
    # it visits every part of the arc in order, in the middle of the band rather than at its inner edge
    assert np.abs(np.diff(angle[path])).max() < 15
    radius = np.linalg.norm(points[path], axis=1)
    assert abs(np.median(radius) - 10) < 0.3
    assert len(set(path)) == len(path)


def test_that_automatic_ends_are_the_tips_of_a_horseshoe(rng: np.random.Generator) -> None:
    points, angle = horseshoe(rng)
    ends = sorted(angle[list(default_anchors(points))])
    assert ends[0] < 55 and ends[1] > 305


def test_that_automatic_ends_lie_along_the_main_direction_and_not_at_strays(rng: np.random.Generator) -> None:
    points = rng.normal(size=(4000, 5)) * [8, 1, 1, 0.5, 0.5]
    points[:6] = [0, 60, 0, 0, 0] + rng.normal(size=(6, 5)) * 10
    points[6:8] = np.nan
    first, last = default_anchors(points)
    assert points[first, 0] * points[last, 0] < 0
    assert min(abs(points[first, 0]), abs(points[last, 0])) > 8
    assert min(first, last) >= 8


def test_that_a_sparse_bridge_joins_two_crescents(rng: np.random.Generator) -> None:
    """Two half circles back to back, four apart at their summits, where a few particles lead across."""
    angle = rng.uniform(-80, 80, 1500)
    right = np.column_stack([10 * np.cos(np.radians(angle)) - 12, 10 * np.sin(np.radians(angle))])
    crescents = np.vstack([right, -right]) + rng.normal(scale=0.3, size=(3000, 2))
    bridge = np.column_stack([np.linspace(-1.5, 1.5, 16), rng.normal(scale=0.1, size=16)])
    points = np.vstack([crescents, bridge])
    start, end = int(angle.argmax()), 1500 + int(angle.argmax())
    path = dense_path(points, [start, end])
    side = np.sign(points[path, 0])
    # it leaves the first crescent once, at the bridge, and no step is long
    crossing = np.flatnonzero(np.diff(side))
    assert len(crossing) == 1
    assert np.abs(points[path][crossing[0]]).max() < 0.5
    assert len(set(path) & set(range(3000, 3016))) >= 3
    assert steps_of(points, path).max() < 1


def test_that_islands_are_joined_at_their_nearest_particles(rng: np.random.Generator) -> None:
    islands = [rng.uniform(-1, 1, size=(200, 3)) + np.array([8 * k, 0, 0]) for k in range(4)]
    points = np.vstack(islands)
    path = dense_path(points, [0, 799])
    crossed = [(a // 200, b // 200) for a, b in pairwise(path) if a // 200 != b // 200]
    assert crossed == [(0, 1), (1, 2), (2, 3)]
    jumps = [np.linalg.norm(points[a] - points[b]) for a, b in pairwise(path) if a // 200 != b // 200]
    for k, jump in enumerate(jumps):
        assert jump == pytest.approx(cKDTree(islands[k]).query(islands[k + 1])[0].min())


def test_that_a_path_passes_its_anchors_in_order(rng: np.random.Generator) -> None:
    points = rng.normal(size=(2000, 4))
    anchors = [5, 900, 17, 1999, 5]
    path = dense_path(points, anchors)
    place = -1
    for anchor in anchors:
        place = path.index(anchor, place + 1)
    assert (path[0], path[-1]) == (5, 5)
    assert all(a != b for a, b in pairwise(path))
    assert dense_path(points, anchors) == path


def test_that_the_dense_detour_wins_over_the_sparse_short_cut_only_when_density_counts(
    rng: np.random.Generator,
) -> None:
    short = np.column_stack([np.linspace(-10, 10, 60), rng.normal(scale=0.1, size=60)])
    angle = np.radians(rng.uniform(0, 180, 4000))
    detour = np.column_stack([10 * np.cos(angle), 10 * np.sin(angle)]) + rng.normal(scale=0.3, size=(4000, 2))
    points = np.vstack([[[-10, 0], [10, 0]], short, detour])
    cheap = points[dense_path(points, [0, 1], density_power=2.0)]
    direct = points[dense_path(points, [0, 1], density_power=0.0)]
    assert cheap[:, 1].max() > 9
    assert direct[:, 1].max() < 1


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_that_no_path_through_the_neighbours_is_cheaper(power: float, rng: np.random.Generator) -> None:
    points = rng.normal(size=(150, 3))
    neighbours = 8
    distances, found = cKDTree(points).query(points, neighbours + 1)
    spacing = distances[:, -1]
    edges: dict[int, dict[int, float]] = {k: {} for k in range(len(points))}
    for a in range(len(points)):
        for b, length in zip(found[a, 1:], distances[a, 1:], strict=True):
            local = max(0.5 * (spacing[a] + spacing[b]), length) / np.median(spacing)
            edges[a][int(b)] = edges[int(b)][a] = length * local**power
    best, queue = {3: 0.0}, [(0.0, 3)]
    while queue:
        cost, node = heapq.heappop(queue)
        for other, more in edges[node].items():
            if cost + more < best.get(other, np.inf):
                best[other] = cost + more
                heapq.heappush(queue, (cost + more, other))
    path = dense_path(points, [3, 77], neighbours=neighbours, density_power=power)
    assert sum(edges[a][b] for a, b in pairwise(path)) == pytest.approx(best[77])


def test_that_anchors_survive_thinning_and_particles_at_one_place(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, angle = horseshoe(rng, 1500)
    points = np.vstack([points, points])
    monkeypatch.setattr(paths, "_MOST_POINTS", 500)
    anchors = [int(angle.argmin()), 1500 + int(angle.argmax())]
    path = dense_path(points, anchors)
    assert [path[0], path[-1]] == anchors
    assert steps_of(points, path).max() < 3


def test_that_few_and_equal_particles_have_paths_too() -> None:
    assert dense_path(np.zeros((3, 2)), [0, 2]) in ([0], [0, 2])
    line = np.array([[0.0], [1.0], [2.0]])
    assert dense_path(line, [0, 2]) == [0, 1, 2] or dense_path(line, [0, 2]) == [0, 2]
    assert set(default_anchors(line)) == {0, 2}
    with pytest.raises(UserError, match="two particles at different places"):
        default_anchors(np.zeros((5, 2)))


def test_that_many_dimensions_are_no_obstacle(rng: np.random.Generator) -> None:
    points, angle = horseshoe(rng, 1000)
    turned = points @ np.linalg.qr(rng.normal(size=(40, 2)))[0].T + rng.normal(scale=1e-3, size=(1000, 40))
    path = dense_path(turned, [int(angle.argmin()), int(angle.argmax())])
    assert steps_of(points, path).max() < 2


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        ([1], "two anchors or more"),
        ([0, 9], "no particle 10; there are 5"),
        ([0, 3], "particle 4 are not finite"),
    ],
)
def test_that_impossible_anchors_are_refused_in_words(anchors: list[int], words: str) -> None:
    points = np.arange(10.0).reshape(5, 2)
    points[3, 1] = np.nan
    with pytest.raises(UserError, match=words):
        dense_path(points, anchors)


def test_that_a_path_tells_how_far_it_is_and_can_be_given_up(rng: np.random.Generator) -> None:
    points = rng.normal(size=(300, 2))
    told: list[tuple[int, int]] = []
    dense_path(points, [0, 1, 2], progress=lambda done, of, _: told.append((done, of)))
    shares = [done / of for done, of in told]
    assert shares == sorted(shares) and shares[-1] == 1
    with pytest.raises(AbortRequested):
        dense_path(points, [0, 1], cancelled=lambda: True)
