"""Surfaces of known shapes, compared with geometry and with another program's marching cubes."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from widgets.explorer import map_shapes, meshing


def blob(box: int, voxel_a: float, centre_xyz: tuple[float, float, float], width_a: float) -> np.ndarray:
    """A Gaussian blob ``[z, y, x]`` with its peak of 1 at a place in Å around voxel D//2."""
    axis = (np.arange(box) - box // 2) * voxel_a
    x, y, z = (np.exp(-0.5 * ((axis - c) / width_a) ** 2) for c in centre_xyz)
    return (z[:, None, None] * y[None, :, None] * x[None, None, :]).astype(np.float32)


def volume_inside(mesh: meshing.Mesh) -> float:
    """Signed volume in Å³: positive when triangles run anti-clockwise seen from outside."""
    corners = mesh.vertices[:, ::-1].astype(float)[mesh.faces]
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


@pytest.mark.parametrize(("box", "voxel_a"), [(48, 2.0), (49, 2.0), (160, 0.6), (150, 0.64)])
def test_that_the_surface_of_a_blob_is_a_sphere_around_its_place_in_angstrom(
    box: int, voxel_a: float
) -> None:
    centre, width = (9.0, -6.0, 4.0), 7.0
    mesh = meshing.surface(blob(box, voxel_a, centre, width), 0.5, voxel_a)
    radius = width * np.sqrt(2 * np.log(2))
    outwards = mesh.vertices[:, ::-1] - np.array(centre)
    distance = np.linalg.norm(outwards, axis=1)
    np.testing.assert_allclose(mesh.vertices.mean(0), centre[::-1], atol=0.1)
    np.testing.assert_allclose(distance, radius, atol=0.12 * voxel_a * (2 if box > 128 else 1))
    facing = np.einsum("ij,ij->i", mesh.normals[:, ::-1], outwards / distance[:, None])
    assert facing.min() > 0.97
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_that_every_edge_joins_two_triangles_and_the_outside_is_outside() -> None:
    mesh = meshing.surface(blob(40, 2.0, (0, 0, 0), 9.0), 0.4, 2.0)
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), 1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert set(uses) == {2}
    radius = 9.0 * np.sqrt(-2 * np.log(0.4))
    assert volume_inside(mesh) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)


def test_that_the_surface_is_that_of_marching_cubes_within_a_fraction_of_a_voxel(
    rng: np.random.Generator,
) -> None:
    volume = sum(blob(48, 2.0, tuple(rng.uniform(-20, 20, 3)), rng.uniform(5, 8)) for _ in range(8))
    mesh = meshing.surface(volume, 0.3, 2.0)
    vertices, faces, _, _ = marching_cubes(volume, 0.3)
    ours, theirs = cKDTree(mesh.vertices), cKDTree((vertices - 24) * 2.0)
    # vertices lie elsewhere on the same surface: at most about one voxel apart, on average much closer
    apart, _ = theirs.query(mesh.vertices)
    back, _ = ours.query((vertices - 24) * 2.0)
    assert max(apart.max(), back.max()) < 2.0
    assert len(mesh.faces) == pytest.approx(len(faces), rel=0.05)


def test_that_nothing_is_made_above_the_highest_density_or_without_a_level() -> None:
    volume = blob(24, 3.0, (0, 0, 0), 8.0)
    assert meshing.surface(volume, 1.5, 3.0).is_empty
    assert meshing.surface(volume, float("nan"), 3.0).is_empty
    assert meshing.surface(volume, -1.0, 3.0).is_empty
    with pytest.raises(ValueError, match="three dimensions"):
        meshing.surface(volume[0], 0.5, 3.0)


def test_that_noise_makes_no_more_triangles_than_a_screen_can_bear(rng: np.random.Generator) -> None:
    noise = rng.normal(size=(128, 128, 128)).astype(np.float32)
    mesh = meshing.surface(noise, 0.0, 1.0)
    assert 0 < len(mesh.faces) <= meshing.MOST_FACES
    assert np.abs(mesh.vertices).max() <= 64


def test_that_block_means_keep_the_sum_and_leave_out_what_is_no_whole_block() -> None:
    volume = np.arange(7**3, dtype=np.float32).reshape(7, 7, 7)
    means = meshing.block_means(volume, 3)
    assert means.shape == (2, 2, 2)
    assert means[0, 0, 0] == pytest.approx(volume[:3, :3, :3].mean())
    assert means[1, 1, 1] == pytest.approx(volume[3:6, 3:6, 3:6].mean())


def test_that_making_surfaces_does_not_hold_up_other_threads() -> None:
    meshing.warm_up()
    volume = np.random.default_rng(1).normal(size=(128,) * 3).astype(np.float32)
    done = threading.Event()

    def work() -> None:
        for _ in range(6):
            meshing.surface(volume, 1.0, 1.0)
        done.set()

    # while the interpreter's lock is held by somebody, this thread's own time stands still
    thread = threading.Thread(target=work)
    counted, longest, last = 0, 0.0, time.perf_counter()
    thread.start()
    while not done.is_set():
        counted += 1
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    thread.join()
    assert counted > 1000
    assert longest < 0.5


def test_that_arrows_point_from_start_to_end_and_rods_carry_the_colours_of_their_atoms() -> None:
    starts = np.array([[0.0, 0, 0], [5, 5, 5]])
    ends = np.array([[10.0, 0, 0], [5, 5, 9]])
    mesh, owner = map_shapes.arrows(starts, ends, 0.5)
    for k in range(2):
        along = ends[k] - starts[k]
        place = (mesh.vertices[owner == k] - starts[k]) @ along / (along @ along)
        assert place.min() == pytest.approx(0, abs=1e-5)
        assert place.max() == pytest.approx(1, abs=1e-5)
    assert volume_inside(mesh) > 0
    rods, atom = map_shapes.sticks(np.array([[0.0, 0, 0], [0, 0, 2]]), np.array([[0, 1]]), 0.3)
    assert np.all(rods.vertices[atom == 0, 2] <= 1.0 + 1e-6)
    assert np.all(rods.vertices[atom == 1, 2] >= 1.0 - 1e-6)


def test_that_light_falls_from_the_eye_and_rims_are_darker() -> None:
    eye, up = (1.0, 0, 0), (0.0, 1, 0)
    towards, aside = np.array([[1.0, 0, 0]], np.float32), np.array([[0.05, -0.9987, 0]], np.float32)
    assert map_shapes.shade(towards, eye, up)[0] > 2 * map_shapes.shade(aside, eye, up)[0]
    above, below = np.array([[0.7071, 0.7071, 0]], np.float32), np.array([[0.7071, -0.7071, 0]], np.float32)
    assert map_shapes.shade(above, eye, up)[0] > map_shapes.shade(below, eye, up)[0]
    red = np.array([[1.0, 0, 0]], np.float32)
    lit = map_shapes.lit_colours(red, np.array([0.75], np.float32))
    np.testing.assert_allclose(lit, [[1, 0, 0, 1]])
    gleam = map_shapes.lit_colours(red, np.array([1.0], np.float32))
    np.testing.assert_allclose(gleam, [[1, 1, 1, 1]])
