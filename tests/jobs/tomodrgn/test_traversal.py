"""Ways through a latent space against brute force, and their files."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.pickles import read_pickles, write_pickles
from jobs.tomodrgn import commands, traversal_files
from jobs.tomodrgn.outputs import write_latent
from jobs.tomodrgn.params import TomoDrgnOptions
from jobs.tomodrgn.traversal import along_components, count_near, neighbour_graph, shortest_path
from tests.jobs.tomodrgn.conftest import context_of
from tests.support.fake_training import blobs, fake_training


def brute(z: np.ndarray, neighbours: int, longest: float, start: int, end: int) -> float:
    """Length of the shortest way by Bellman's relaxation over a dense matrix of steps."""
    distance = np.linalg.norm(z[:, None] - z[None], axis=-1)
    step = np.full(distance.shape, np.inf)
    for row, order in enumerate(np.argsort(distance + np.diag(np.full(len(z), np.inf)), axis=1)):
        near = order[:neighbours]
        step[row, near] = np.where(distance[row, near] <= longest, distance[row, near], np.inf)
    length = np.full(len(z), np.inf)
    length[start] = 0
    for _ in range(len(z)):
        length = np.minimum(length, (length[:, None] + step).min(axis=0))
    return float(length[end])


@pytest.mark.parametrize("average", [None, 3.0])
def test_that_a_way_is_as_short_as_brute_force_finds_it(average: float | None) -> None:
    z = np.random.default_rng(3).normal(size=(60, 2)).astype(np.float32)
    graph = neighbour_graph(z, 6, average)
    for start, end in itertools.pairwise([0, 17, 42, 5]):
        expected = brute(z.astype(float), 6, graph.longest * (1 + 1e-6), start, end)
        if not np.isfinite(expected):
            with pytest.raises(UserError, match="no way leads"):
                shortest_path(graph, [start, end])
            continue
        path = shortest_path(graph, [start, end])
        assert (path[0], path[-1]) == (start, end)
        assert np.linalg.norm(np.diff(z[path], axis=0), axis=1).sum() == pytest.approx(expected, rel=1e-5)


def test_that_longest_steps_are_left_out_until_the_average_remains() -> None:
    z = np.random.default_rng(4).normal(size=(80, 12)).astype(np.float32)
    everything, some = neighbour_graph(z, 10), neighbour_graph(z, 10, 4)
    # One more where the last step is as long in the other direction.
    assert everything.edges.nnz == 800 and some.edges.nnz in (320, 321)
    kept = np.sort(some.edges.data)
    np.testing.assert_allclose(np.sort(everything.edges.data)[: len(kept)], kept)
    assert some.longest == pytest.approx(float(some.edges.data.max()))


def test_that_particles_at_one_place_are_neighbours_of_each_other_but_not_of_themselves() -> None:
    z = np.zeros((20, 2), np.float32)
    z[10:] = 1
    graph = neighbour_graph(z, 12)
    assert graph.edges.diagonal().sum() == 0
    assert len(set(zip(*(index.tolist() for index in graph.edges.tocoo().coords), strict=True))) == 240
    assert shortest_path(graph, [0, 15, 15, 3])[-1] == 3


def test_that_a_way_visits_anchors_in_their_order() -> None:
    z = np.linspace(0, 1, 30)[:, None].astype(np.float32)
    path = shortest_path(neighbour_graph(z, 2), [3, 20, 10])
    assert path == [*range(3, 21), *range(19, 9, -1)]
    for wrong, told in (([3], "two anchors"), ([3, 30], "no particle 30")):
        with pytest.raises(UserError, match=told):
            shortest_path(neighbour_graph(z, 2), wrong)


def test_that_places_along_a_component_lie_between_its_percentiles() -> None:
    z = blobs(100, 3)[0]
    found = along_components(z, [1], 7, (10, 90), percentiles=False)
    assert list(found) == [1] and found[1].shape == (7, 3)
    steps = np.diff(found[1], axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-5)
    near = count_near(z, found[1])
    assert near.tolist() == [np.sum(np.linalg.norm(z - p, axis=1) < 3) for p in found[1]]
    with pytest.raises(UserError, match="components 1 to 3"):
        along_components(z, [3], 7, (10, 90), percentiles=False)


def test_that_commands_write_the_files_that_users_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    z, _ = blobs(80, 4, spread=2.0)
    write_latent(tmp_path / "z.7.pkl", z, z)
    (tmp_path / "analyze.7").mkdir()
    write_pickles(tmp_path / "analyze.7" / "umap.pkl", z[:, :2])
    words = f"graph_traversal {tmp_path / 'z.7.pkl'} --anchors 3 40 --max-neighbors 25 -o {tmp_path / 'g'}"
    assert commands.main(words.split()) == 0
    path = [int(word) for word in capsys.readouterr().out.split()]
    assert path[0] == 3 and path[-1] == 40
    out = tmp_path / "g"
    assert np.loadtxt(out / "path_particle_indices.txt", dtype=int).tolist() == path
    assert read_pickles(out / "path_particle_indices.pkl")[0].tolist() == path
    np.testing.assert_array_equal(read_pickles(out / "path_particle_embeddings.pkl")[0], z[path])
    pictures = {"latent_graph.png", "latent_graph_path.png", "umap_graph.png", "umap_graph_path.png"}
    assert pictures <= {p.name for p in out.iterdir()}
    for _ in range(2):  # a second time into the same folder
        words = f"pc_traversal {tmp_path / 'z.7.pkl'} -o {tmp_path / 'p'} -n 5 --lim 5 95"
        assert commands.main(words.split()) == 0
    assert {p.name for p in (tmp_path / "p").iterdir()} >= {f"pc{k}.txt" for k in (1, 2, 3, 4)}
    assert np.loadtxt(tmp_path / "p" / "pc2.txt").shape == (5, 4)
    assert "within a distance of 3" in capsys.readouterr().err
    words = f"pc_traversal {tmp_path / 'z.7.pkl'} -o {tmp_path}"
    (tmp_path / "config.pkl").touch()
    assert commands.main(words.split()) == 2
    assert "folder of its own" in capsys.readouterr().err


def test_that_the_task_writes_either_way(tmp_path: Path) -> None:
    job = tmp_path / "TomoDRGN" / "job001"
    fake_training(job, epochs=1)
    for anchors, name in (("", "pc1.txt"), ("1, 5", "path_particle_indices.txt")):
        options = TomoDrgnOptions(
            fn_star=str(job / "particles.star"),
            zdim=4,
            do_traverse=True,
            traverse_anchors=anchors,
            traverse_neighbours=40,
            traverse_average=0,
        )
        context = context_of(tmp_path, "TomoDRGN/job001/", options, "traverse")
        traversal_files.run(context)
        context.metrics.close()
        assert (job / f"traversal.{context.run:03d}" / name).exists()
