"""Where parts of a project that have nothing to do with each other stand in its flowchart."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from app.project.flowchart_layout import Layout, lay_out
from widgets.graph_data import GraphJob
from widgets.graph_geometry import Grid


def places(layout: Layout) -> list[tuple[int, int]]:
    return list(zip(layout.layers.tolist(), layout.columns.tolist(), strict=True))


def groups(n_groups: int, n_jobs: int) -> list[tuple[int, int]]:
    """Links of jobs each of which belongs to one of several groups, as if several people worked at once."""
    chance = random.Random(n_groups)
    members: dict[int, list[int]] = {}
    links = []
    for job in range(n_jobs):
        group = members.setdefault(chance.randrange(n_groups), [])
        if group:
            links.append((chance.choice(group[-3:]), job))
        group.append(job)
    return links


def aspect(layout: Layout, *, down: bool) -> float:
    """Width by height of the drawing, as it is drawn."""
    jobs = [
        GraphJob(f"A/job{k}/", layer=layer, column=column) for k, (layer, column) in enumerate(places(layout))
    ]
    width, height = Grid(down).size(jobs)
    return width / height


def corners(layout: Layout, links: list[tuple[int, int]], *, down: bool) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom and right of each part of several jobs, found with scipy, by its first job."""
    n_jobs = len(layout.layers)
    matrix = coo_matrix((np.ones(len(links)), tuple(np.array(links).T)), (n_jobs, n_jobs))
    part = connected_components(matrix, directed=False)[1]
    rows, columns = (layout.layers, layout.columns) if down else (layout.columns, layout.layers)
    boxes = []
    for first in sorted(np.unique(part, return_index=True)[1].tolist()):
        mine = part == part[first]
        if mine.sum() > 1:
            ends = rows[mine].min(), columns[mine].min(), rows[mine].max(), columns[mine].max()
            boxes.append((int(ends[0]), int(ends[1]), int(ends[2]), int(ends[3])))
    return boxes


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize(("n_groups", "n_jobs"), [(10, 40), (30, 200), (250, 2_000), (900, 1_500)])
def test_that_many_parts_fill_rows_in_their_order_on_paper_as_wide_as_a_screen(
    n_groups: int, n_jobs: int, down: bool
) -> None:
    links = groups(n_groups, n_jobs)
    layout = lay_out(n_jobs, links, down=down)
    assert len(set(places(layout))) == n_jobs
    assert all(layout.layers[target] > layout.layers[source] for source, target in links)
    assert 1.2 < aspect(layout, down=down) < 2.4
    boxes = corners(layout, links, down=down)
    for before, after in pairwise(boxes):
        assert before[0] <= after[0]  # rows from above
        if before[0] == after[0]:
            assert after[1] == before[3] + 1  # in a row from the left, without a gap or an overlap
        else:
            assert after[1] == 0
            row = [box for box in boxes if box[0] == before[0]]
            assert after[0] == max(box[2] for box in row) + 2  # below all of them, with one row free


@pytest.mark.parametrize("n_jobs", [10, 100, 1_000])
def test_that_jobs_without_a_link_stand_in_rows_like_words(n_jobs: int) -> None:
    layout = lay_out(n_jobs, [])
    assert places(layout) == sorted(places(layout))
    assert 1.2 < aspect(layout, down=True) < 2.4


def test_that_new_parts_move_nothing_until_a_wider_step_is_due() -> None:
    moved, before = 0, places(lay_out(0, []))
    for n_parts in range(1, 160):
        after = places(lay_out(2 * n_parts, [(2 * k, 2 * k + 1) for k in range(n_parts)]))
        moved += after[: len(before)] != before
        before = after
    assert moved <= 12


def test_that_a_part_that_grows_moves_only_those_after_it() -> None:
    # 60 chains of three jobs; then the fortieth goes on
    chains = [(3 * k + at, 3 * k + at + 1) for k in range(60) for at in (0, 1)]
    before = places(lay_out(180, chains))
    after = places(lay_out(181, [*chains, (3 * 39 + 2, 180)]))
    row = before[3 * 39][0]
    stay = [k for k in range(180) if before[k][0] < row + 3]
    assert 100 < len(stay) < 170
    assert [after[k] for k in stay] == [before[k] for k in stay]
    moved = [k for k in range(180) if k not in stay]
    assert [after[k] for k in moved] == [(before[k][0] + 1, before[k][1]) for k in moved]


def test_that_ten_thousand_jobs_in_many_parts_are_laid_out_in_less_than_two_seconds() -> None:
    links = groups(1_000, 10_000)
    start = time.process_time()
    for down in (True, False):
        lay_out(10_000, links, down=down)
    assert time.process_time() - start < 2.0


def test_that_a_small_part_and_a_few_single_jobs_stand_beside_a_large_one() -> None:
    tree = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (5, 6), (6, 7)]
    alone = lay_out(8, tree)
    layout = lay_out(12, [*tree, (8, 9)])
    assert places(layout)[:8] == places(alone)  # the tree stands as it does without them
    assert {layer for layer, _ in places(layout)[8:]} == {0, 1}
    assert min(column for _, column in places(layout)[8:]) == 4
