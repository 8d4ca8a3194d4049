"""Trajectories with known answers, and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.core.exploring import Embedding, EmbeddingRequest
from widgets.explorer import trajectory, trajectory_file
from widgets.explorer.plane import Plane
from widgets.explorer.trajectory import Trajectory

Floats = NDArray[np.float32]


@pytest.fixture
def plane(rng: np.random.Generator) -> Plane:
    """A linear plane: the first two of four latent coordinates, doubled and moved."""
    latent = rng.uniform(-1, 1, size=(1000, 4)).astype(np.float32)
    offset = np.array([0.5, 0, 0, 0], np.float32)
    matrix = np.diag([0.5, 0.5, 1, 1]).astype(np.float32)
    coordinates = ((latent - offset) @ np.linalg.inv(matrix)).astype(np.float32)
    embedding = Embedding(EmbeddingRequest("axes"), coordinates, ("z1", "z2", "z3", "z4"), offset, matrix)
    return Plane(embedding, latent)


@pytest.fixture
def curved(plane: Plane) -> Plane:
    """The same places without a way back."""
    return Plane(Embedding(EmbeddingRequest("umap"), plane.xy, ("UMAP1", "UMAP2")), plane.latent)


def arc(count: int = 60) -> NDArray[np.float64]:
    angle = np.linspace(0, np.pi, count)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def steps(states: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.linalg.norm(np.diff(states, axis=0), axis=1)


def test_that_a_straight_line_of_a_linear_plane_is_one_of_latent_space_with_equal_steps(plane: Plane) -> None:
    made = trajectory.straight((-1, -0.5), (1, 0.8), plane, 25, exact=True)
    assert made.states.shape == (25, 4) and made.plane.shape == (25, 2)
    np.testing.assert_allclose(
        np.diff(made.states, axis=0), np.diff(made.states, axis=0)[[0] * 24], atol=1e-6
    )
    np.testing.assert_allclose(made.plane[[0, -1]], [[-1, -0.5], [1, 0.8]], atol=1e-6)
    np.testing.assert_allclose(plane.places_of(made.states), made.plane, atol=1e-5)


def test_that_a_straight_line_between_particles_begins_and_ends_at_them(plane: Plane) -> None:
    a, b = 5, 77
    made = trajectory.straight(plane.xy[a] + 1e-5, plane.xy[b] - 1e-5, plane, 10)
    assert made.rows == (a, b)
    np.testing.assert_array_equal(made.states[[0, -1]], plane.latent[[a, b]])
    np.testing.assert_allclose(steps(made.states), steps(made.states)[0], rtol=1e-4)


def test_that_a_free_hand_path_keeps_order_and_ends_and_has_equal_steps(plane: Plane) -> None:
    # drawn slowly at first, fast later: many points close together, then few
    drawn = arc(200)[np.unique((np.linspace(0, 1, 60) ** 2 * 199).astype(int))]
    made = trajectory.free_hand(drawn, plane, 30, exact=True)
    np.testing.assert_allclose(made.plane[[0, -1]], drawn[[0, -1]], atol=1e-5)
    angle = np.arctan2(made.plane[:, 1], made.plane[:, 0])
    assert (np.diff(angle) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(made.plane, axis=1), 1, atol=0.02)
    scaled = steps(made.plane / plane.span)
    np.testing.assert_allclose(scaled, scaled.mean(), rtol=0.02)


def test_that_the_tremor_of_a_hand_is_smoothed_away(plane: Plane, rng: np.random.Generator) -> None:
    drawn = arc(300) + rng.normal(scale=0.01, size=(300, 2))
    drawn[[0, -1]] = [[1, 0], [-1, 0]]
    made = trajectory.free_hand(drawn, plane, 100, exact=True)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(made.plane[::4], axis=0).T[::-1]))))
    raw = drawn[:: len(drawn) // 25]
    wobble = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(raw, axis=0).T[::-1]))))
    assert turn.max() < 0.6 * wobble.max()
    np.testing.assert_allclose(np.linalg.norm(made.plane, axis=1), 1, atol=0.03)


def test_that_a_snapped_path_leads_through_nine_different_particles_near_it(plane: Plane) -> None:
    made = trajectory.free_hand(arc(), plane, 40)
    assert len(made) == 40
    assert len(made.rows) == len(set(made.rows)) == trajectory.KEYS
    np.testing.assert_allclose(np.linalg.norm(plane.xy[list(made.rows)], axis=1), 1, atol=0.2)
    angle = np.arctan2(plane.xy[list(made.rows), 1], plane.xy[list(made.rows), 0])
    assert (np.diff(angle) > 0).all()
    for row in made.rows:
        assert np.abs(made.states - plane.latent[row]).max(axis=1).min() == 0


def test_that_a_path_that_crosses_itself_uses_no_particle_twice(plane: Plane) -> None:
    t = np.linspace(0, 2 * np.pi, 200)
    eight = np.column_stack([np.sin(t), np.sin(2 * t) / 2])
    rows = trajectory.free_hand(eight, plane, 60).rows
    assert len(rows) == len(set(rows)) == trajectory.KEYS


def test_that_a_path_shorter_than_the_gaps_between_particles_is_refused_in_words(plane: Plane) -> None:
    place = plane.xy[3]
    with pytest.raises(UserError, match="shorter than the distance between particles"):
        trajectory.free_hand([place, place + 1e-6], plane)
    with pytest.raises(UserError, match="same particle"):
        trajectory.straight(place, place + 1e-6, plane)


@pytest.mark.parametrize("points", [[], [[1, 2]], [[1, 2], [1, 2]], [[np.nan, 0], [1, 1]]])
def test_that_a_path_without_length_is_refused(plane: Plane, points: list[list[float]]) -> None:
    with pytest.raises(UserError, match="no length"):
        trajectory.free_hand(points, plane, exact=True)


def test_that_a_trajectory_along_a_component_changes_nothing_else(plane: Plane) -> None:
    made = trajectory.along_component(plane, 2, 21, 10, 90)
    coordinate = plane.embedding.coordinates[:, 2]
    np.testing.assert_allclose(made.states[[0, -1], 2], np.percentile(coordinate, (10, 90)), atol=1e-5)
    others = [0, 1, 3]
    np.testing.assert_allclose(
        made.states[:, others], plane.latent[:, others].mean(0)[None].repeat(21, 0), atol=1e-5
    )
    np.testing.assert_allclose(steps(made.states), steps(made.states).mean(), rtol=1e-4)
    # the third axis is not shown: the trajectory stays in one place
    np.testing.assert_allclose(made.plane, made.plane[:1].repeat(21, 0), atol=1e-5)


def test_that_a_component_of_a_curved_plane_is_one_of_latent_space(
    curved: Plane, rng: np.random.Generator
) -> None:
    made = trajectory.along_component(curved, 0, 10)
    leading = np.linalg.eigh(np.cov(curved.latent.T))[1][:, -1]
    direction = made.states[-1] - made.states[0]
    assert abs(direction @ leading) / np.linalg.norm(direction) == pytest.approx(1, abs=1e-4)
    assert "principal component 1" in made.title


def test_that_a_component_without_spread_is_refused(plane: Plane) -> None:
    plane.embedding.coordinates[:, 1] = 3
    with pytest.raises(UserError, match="same value along z2"):
        trajectory.along_component(plane, 1)


@pytest.mark.parametrize("frames", [2, 5, 17, 40, 101])
def test_that_anchors_are_hit_exactly_and_in_order(plane: Plane, frames: int) -> None:
    rows = [4, 8, 15, 16, 23]
    made = trajectory.through(rows, plane, frames)
    assert len(made) == max(frames, 5)
    where = [int(np.flatnonzero((made.states == plane.latent[row]).all(axis=1))[0]) for row in rows]
    assert where[0] == 0 and where[-1] == len(made) - 1 and (np.diff(where) > 0).all()
    np.testing.assert_allclose(made.plane[where], plane.xy[rows], atol=1e-5)


def test_that_steps_between_anchors_are_as_equal_as_frames_allow(plane: Plane) -> None:
    states = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 3, 0, 0]], np.float32)
    made = trajectory.through(states, plane, 41)
    np.testing.assert_allclose(steps(made.states), 0.1, atol=1e-5)


def test_that_an_anchor_very_near_another_still_has_a_frame(plane: Plane) -> None:
    states = np.array([[0, 0, 0, 0], [1e-4, 0, 0, 0], [2e-4, 0, 0, 0], [1, 0, 0, 0]], np.float32)
    for given in (states, states[::-1]):
        made = trajectory.through(given, plane, 6)
        assert len(made) == 6
        for state in given:
            assert (made.states == state).all(axis=1).any()


def test_that_too_few_or_equal_anchors_are_refused(plane: Plane) -> None:
    with pytest.raises(UserError, match="two anchors"):
        trajectory.through([3], plane)
    with pytest.raises(UserError, match="same state"):
        trajectory.through([3, 3], plane)


def test_that_a_chain_of_particles_is_smoothed_and_keeps_its_ends(curved: Plane) -> None:
    order = np.argsort(curved.latent[:, 0])[::10]
    rows = [int(row) for row in order]
    made = trajectory.from_rows(rows, curved.latent, 50, curved)
    np.testing.assert_allclose(made.states[[0, -1]], curved.latent[order[[0, -1]]], atol=1e-5)
    np.testing.assert_allclose(made.plane[[0, -1]], curved.xy[order[[0, -1]]], atol=1e-5)
    raw = trajectory.from_rows(rows, curved.latent, 50, smooth=False)
    assert not raw.plane.any()
    np.testing.assert_array_equal(raw.placed(curved).plane, curved.places_of(raw.states))
    assert steps(made.states).sum() < 0.3 * steps(curved.latent[order]).sum()
    assert steps(raw.states).sum() > 2 * steps(made.states).sum()
    np.testing.assert_allclose(steps(made.states), steps(made.states).mean(), rtol=0.25)
    with pytest.raises(UserError, match="fewer than two"):
        trajectory.from_rows([7, 7], curved.latent)


def test_that_going_back_and_bouncing_repeat_the_same_states(plane: Plane) -> None:
    made = trajectory.through([1, 2, 3], plane, 12)
    np.testing.assert_array_equal(made.reversed().states, made.states[::-1])
    assert made.reversed().rows == (3, 2, 1)
    bounced = made.bounce()
    assert len(bounced) == 22
    np.testing.assert_array_equal(bounced.states[12:], made.states[10:0:-1])


def test_that_frames_away_from_all_particles_are_known(plane: Plane) -> None:
    made = trajectory.straight((-1, 0), (8, 0), plane, 30, exact=True)
    distance = trajectory.distance_to_data(made.states, plane.latent)
    brute = [np.linalg.norm(plane.latent - z, axis=1).min() for z in made.states]
    np.testing.assert_allclose(distance, brute, rtol=1e-5)
    np.testing.assert_allclose(plane.distance_to_data(made.states), brute, rtol=1e-5)
    away = distance > plane.typical_gap()
    # particles end at z1 = 1, which is x = 1
    assert away[made.plane[:, 0] > 2].all() and not away[made.plane[:, 0] < 0.9].any()


@pytest.mark.parametrize("name", ["path.csv", "z-path.txt", "path"])
def test_that_states_come_back_from_a_file_to_the_last_bit(plane: Plane, tmp_path: Path, name: str) -> None:
    made = trajectory.free_hand(arc(), plane, 40)
    written = trajectory_file.save(tmp_path / name, made)
    back = trajectory_file.load(written, plane)
    np.testing.assert_array_equal(back.states, made.states)
    np.testing.assert_allclose(back.plane, made.plane, atol=1e-5)
    # and numpy reads the same
    if written.suffix == ".txt":
        np.testing.assert_array_equal(np.loadtxt(written, dtype=np.float32), made.states)
    else:
        table = np.genfromtxt(written, delimiter=",", names=True)
        assert table.dtype.names == ("frame", "z1", "z2", "z3", "z4")
        np.testing.assert_array_equal(table["z3"].astype(np.float32), made.states[:, 2])
        np.testing.assert_array_equal(table["frame"], np.arange(40))


def test_that_the_text_of_other_programs_is_read(plane: Plane, tmp_path: Path) -> None:
    states = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    np.savetxt(tmp_path / "z-path.txt", states, header="path")
    np.testing.assert_array_equal(trajectory_file.load(tmp_path / "z-path.txt", plane).states, states)
    (tmp_path / "more.csv").write_text("z4,x,z1,z2,z3\n4,9,1,2,3\n8,9,5,6,7\n")
    np.testing.assert_array_equal(
        trajectory_file.read_states(tmp_path / "more.csv", 4), [[1, 2, 3, 4], [5, 6, 7, 8]]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no states"),
        ("frame,z1,z2,z3,z4\n", "no states"),
        ("1 2 3 4\n", "one state only"),
        ("1 2 3 4\n1 2 3\n", "row 2: 3 values where 4 are expected"),
        ("1 2\n3 4\n", "row 1: 2 values where 4 are expected. This model has 4"),
        ("frame,z1,z2,z3,z4\n0,1,2,3,4\n1,1,x,3,4\n", "row 3, column z2: “x” is not a number"),
        ("1 2 3 4\n# note\n1 2 nan 4\n", "row 3, column z3: “nan” is not a finite number"),
        ("frame,z1,z2,z3\n0,1,2,3\n", "no column z4"),
        ("z1,z2,z3,z4,z5\n1,2,3,4,5\n", "has 5 latent coordinates, the model 4"),
        ("1 2 3 1e60\n1 2 3 4\n", "row 1, column z4"),
        ("\x00\xff", "not a text file"),
    ],
)
def test_that_bad_files_are_refused_with_row_and_column(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "path.csv"
    file.write_bytes(text.encode("latin-1") if "\xff" in text else text.encode())
    with pytest.raises(UserError) as caught:
        trajectory_file.read_states(file, 4)
    assert sentence in str(caught.value)
    assert "path.csv" in str(caught.value)


def test_that_missing_files_and_folders_are_refused_in_words(plane: Plane, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        trajectory_file.load(tmp_path / "none.csv", plane)
    with pytest.raises(UserError, match="cannot be read"):
        trajectory_file.load(tmp_path, plane)
    made = Trajectory(np.zeros((2, 4), np.float32), np.zeros((2, 2), np.float32), "nothing")
    with pytest.raises(UserError, match="could not be written"):
        trajectory_file.save(tmp_path / "no folder" / "path.csv", made)


def test_that_a_component_followed_through_the_particles_stays_on_a_bent_band(
    rng: np.random.Generator,
) -> None:
    x = rng.uniform(-2, 2, 2000)
    latent = np.column_stack([x, x**2] + [rng.normal(0, 0.03, 2000) for _ in range(2)]).astype(np.float32)
    request = EmbeddingRequest("axes")
    names = ("z1", "z2", "z3", "z4")
    bent = Plane(
        Embedding(request, latent, names, np.zeros(4, np.float32), np.eye(4, dtype=np.float32)), latent
    )
    made = trajectory.along_component(bent, 0, 21, exact=False)
    np.testing.assert_allclose(made.states[:, 1], made.states[:, 0] ** 2, atol=0.12)
    straight = trajectory.along_component(bent, 0, 21)
    assert np.abs(straight.states[:, 1] - straight.states[:, 0] ** 2).max() > 1
