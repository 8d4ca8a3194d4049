"""Slabs of tomograms, and maps where particles are, against plain numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from jobs.core.placing import TomogramVolume, place_points, placements
from jobs.formats.mrc_view import view_tomogram
from jobs.formats.placed_particles import read_places
from widgets import style
from widgets.explorer import graphics
from widgets.explorer.meshing import surface
from widgets.tomogram.flat_view import FlatView
from widgets.tomogram.instances import arrows, most_instances, nearest_to_slab, placed
from widgets.tomogram.scene import TomogramScene
from widgets.tomogram.slab import Pyramid, Slab


@pytest.fixture
def noise() -> TomogramVolume:
    data = np.random.default_rng(0).normal(size=(20, 24, 28)).astype(np.float32)
    return TomogramVolume(data, 10.0, Path("noise.mrc"))


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_that_a_slab_is_the_mean_over_its_thickness(noise: TomogramVolume, axis: Any) -> None:
    found = Pyramid(noise).cut(Slab(axis, 100.0, 30.0))
    k = "zyx".index(axis)
    expected = np.take(noise.data, [9, 10, 11], axis=k).mean(axis=k)
    assert np.allclose(found.image, expected, atol=1e-6) and found.sections == 3
    assert found.low[k] == found.high[k] == 100.0
    others = [j for j in range(3) if j != k]
    # voxel 0 lies at zero: its edge is half a voxel before
    assert np.allclose(found.low[others], -5) and np.allclose(
        found.high[others], np.array(noise.data.shape)[others] * 10 - 5
    )


def test_that_a_slab_beyond_the_tomogram_is_its_last(noise: TomogramVolume) -> None:
    found = Pyramid(noise).cut(Slab("z", 1e6, 20.0))
    assert np.allclose(found.image, noise.data[-2:].mean(0), atol=1e-6)


def test_that_a_large_tomogram_is_averaged_down_in_place(noise: TomogramVolume) -> None:
    large = Pyramid(noise, most=noise.data.size // 8)
    assert large.step == 2
    small, _ = large.small()
    assert np.allclose(small, noise.data.reshape(10, 2, 12, 2, 14, 2).mean((1, 3, 5)), atol=1e-6)
    found = large.cut(Slab("x", 105.0, 20.0))
    # a block of two voxels about 105 Å
    assert np.allclose(found.image, small[:, :, 5]) and found.low[2] == pytest.approx(105.0)
    full = large.cut(Slab("z", 100.0, 10.0))
    assert np.allclose(full.image, noise.data[10])


def test_that_a_tomogram_is_read_from_its_file_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "tomo.mrc"
    data = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    with mrcfile.new(path) as file:
        file.set_data(data)
        file.voxel_size = 12.5
    found = view_tomogram(path)
    assert isinstance(found.data, np.memmap) and found.voxel_size_a == 12.5
    assert np.array_equal(found.data, data)
    assert np.allclose(Pyramid(found).cut(Slab("z", 25.0, 12.5)).image, data[2])


def test_that_maps_in_the_scene_lie_where_numpy_puts_them(shared: Path) -> None:
    """A ball off the centre of a map goes to centre plus turned offset, to 0.01 Å of its own mesh."""
    places = read_places(shared / "data" / "tomodrgn" / "10076_both_32_sim_vols.star")
    side, voxel = 16, 13.1
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1)
    at = np.array([5.0, 9.0, 11.0])
    volume = np.exp(-((grid - at) ** 2).sum(-1) / 4).astype(np.float32)
    mesh = surface(volume, 0.3, voxel)
    found = placed([mesh], np.zeros(144, int), places.rotation, places.centre_a)
    offset = mesh.vertices.mean(0)[::-1].astype(float)
    for k in (0, 71, 143):
        own = found.mesh.vertices[found.owner == k].astype(float).mean(0)[::-1]
        assert np.abs(own - (places.centre_a[k] + places.rotation[k] @ offset)).max() < 0.01
    expected = (at[::-1] - side // 2) * voxel
    assert np.abs(offset - expected).max() < 0.1 * voxel
    # the same as the script for ChimeraX says, of the map as a file
    matrix = placements(places.rotation, places.centre_a, side, voxel, (3.0, -4.0, 5.0))
    point = at[::-1] * voxel + [3.0, -4.0, 5.0]
    moved = place_points(point[None], matrix)[:, 0]
    direct = places.centre_a + np.einsum("pij,j->pi", places.rotation, expected)
    assert np.abs(moved - direct).max() < 1e-9


def test_that_arrows_point_along_the_turned_z_axis() -> None:
    turn = np.array([[[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]]])
    found = arrows(turn, np.array([[100.0, 200, 300]]), 50.0)
    tip = found.mesh.vertices[np.argmax(found.mesh.vertices[:, 2])]
    assert np.allclose(tip[::-1], [125, 200, 300], atol=0.1)


def test_that_particles_stand_on_their_density_in_the_painted_slab(
    qtbot: QtBot, qapp: QApplication, shared: Path
) -> None:
    style.apply_theme(qapp, "light")
    data = shared / "data" / "tomodrgn"
    places = read_places(data / "10076_both_32_sim_vols.star")
    pyramid = Pyramid(view_tomogram(data / "tomogram_001.mrc"))
    for axis, k in (("z", 2), ("y", 1), ("x", 0)):
        view = FlatView()
        qtbot.addWidget(view)
        view.resize(400, 380)
        view.set_extent(pyramid.extent_a)
        view.look(axis)
        middle = float(np.median(places.centre_a[:, k]))
        near = np.abs(places.centre_a[:, k] - middle) < 250
        view.set_slab(pyramid.cut(Slab(axis, middle, 500.0)))  # type: ignore[arg-type]
        image = view.grab().toImage()
        seen = view.project(places.centre_a[near][:, ::-1])
        grey = [image.pixelColor(round(x), round(y)).value() for x, y, _ in seen]
        assert near.sum() > 4 and np.mean(grey) > 120


def test_that_layers_that_are_changed_look_like_new_ones(qtbot: QtBot, qapp: QApplication) -> None:
    style.apply_theme(qapp, "light")
    parts = []
    for _ in range(0 if graphics.check() else 2):
        assert graphics.wait(60)
        window = QMainWindow()
        qtbot.addWidget(window)
        window.resize(240, 200)
        scene = TomogramScene(smooth_edges=False, parent=window)
        window.setCentralWidget(scene.view)
        window.show()
        scene.set_extent(np.full(3, 100.0))
        parts.append((window, scene))
    sphere = np.linalg.norm(np.indices((9, 9, 9)) - 4, axis=0)
    mesh = surface(5 - sphere.astype(np.float32), 3.0, 4.0)

    def show(scene: TomogramScene, count: int, axis: Any, turned: bool) -> None:
        kept = np.random.default_rng(count)
        tomogram = TomogramVolume(kept.normal(size=(10, 10, 12)).astype(np.float32), 10.0, Path("n.mrc"))
        scene.set_slab(Pyramid(tomogram).cut(Slab(axis, 10.0 * count, 10.0)))
        places, colours = kept.uniform(0, 100, (count, 3)), np.ones((count, 4), np.float32)
        colours[:, :3] = kept.random((count, 3))
        scene.set_points(places, colours, 4.0 + count, 0.0 if turned else 1.0)
        scene.set_rings(places[: count - 3], 9.0)
        solids = placed([mesh], np.zeros(count, int), np.tile(np.eye(3), (count, 1, 1)), places)
        scene.set_solids(solids if turned else None, colours)
        scene.look(axis)
        scene.fit()

    for k, (_, scene) in enumerate(parts):
        if k == 0:  # has shown much else before
            for count, axis, turned in ((6, "z", True), (3, "z", False), (7, "x", True), (4, "y", False)):
                show(scene, count, axis, turned)
        show(scene, 5, "z", True)
        show(scene, 5, "z", True)
    pictures = [scene.picture() for _, scene in parts]
    for window, scene in parts:
        assert {n for n in scene.layers.by_name if scene.layers.shows(n)} == {"slab 10 12", "solids", "rings"}
        scene.close()
        window.hide()
    if pictures:
        assert pictures[0].std() > 10 and len(np.unique(pictures[0])) > 20
        np.testing.assert_array_equal(pictures[0], pictures[1])


def test_that_what_cannot_be_drawn_together_is_what_is_far_from_the_slab() -> None:
    rows, apart = np.arange(10, 20), np.array([5.0, 1, 9, 2, 8, 3, 7, 4, 6, 0])
    chosen = np.zeros(10, bool)
    assert nearest_to_slab(rows, apart, chosen, 4).tolist() == [11, 13, 15, 19]
    chosen[[2, 4]] = True
    assert nearest_to_slab(rows, apart, chosen, 4).tolist() == [11, 12, 14, 19]
    assert nearest_to_slab(rows, apart, chosen, 10) is rows
    assert most_instances(600, in_software=True) < most_instances(600)
