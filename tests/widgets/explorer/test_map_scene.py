"""Pictures of known scenes: what is drawn where, in which colour, and from which side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from widgets import style
from widgets.explorer import graphics, map_colours
from widgets.explorer.map_content import Picture, Request
from widgets.explorer.map_maker import MapMaker
from widgets.explorer.map_options import MapOptions
from widgets.explorer.map_prepare import Preparer
from widgets.explorer.map_scene import MapScene
from widgets.explorer.map_state import MapState


@pytest.fixture
def model() -> BlobModel:
    """Two blobs; the second moves along x by 5 Å per unit."""
    return BlobModel(20, box=32, voxel_size_a=3.0)


def state_at(model: BlobModel, x: float, box: int = 32) -> MapState:
    return MapMaker(model).make(np.array([x, 0, 0, 0], np.float32), f"at {x:g}", largest=box)


def prepared(state: MapState, preparer: Preparer | None = None, **options: object) -> Picture:
    other = options.pop("other", None)
    consensus = options.pop("consensus", None)
    atoms = options.pop("atoms_model", None)
    choices = MapOptions(**options)  # type: ignore[arg-type]
    return (preparer or Preparer()).prepare(Request(1, state, consensus, other, atoms, choices))  # type: ignore[arg-type]


@pytest.fixture
def scene(qtbot: QtBot, qapp: QApplication) -> Iterator[MapScene | None]:
    """A scene of 400 × 400 pixels; None where there is no OpenGL, and nothing can be drawn."""
    style.apply_theme(qapp, "light")
    if graphics.check():
        yield None
        return
    assert graphics.wait(120)
    owner = QObject()
    made = MapScene(False, owner)
    made.set_theme(dark=False)
    made.show_scale_bar(False)
    made.view.resize(400, 404)
    with qtbot.waitSignal(made.drawn, timeout=20_000):
        made.view.show()
    yield made
    made.close()
    qapp.processEvents()


def drawn(qtbot: QtBot, scene: MapScene, picture: Picture, view: str = "front") -> np.ndarray:
    scene.apply(picture)
    scene.look(view)  # type: ignore[arg-type]
    scene.fit()
    with qtbot.waitSignal(scene.drawn, timeout=5000):
        scene.draw()
    return scene.picture()


def ink(image: np.ndarray) -> np.ndarray:
    """Return where something is drawn on the white ground, from below and from the left."""
    return (np.abs(image.astype(int) - 255).max(-1) > 12)[::-1]


@pytest.mark.napari
@pytest.mark.display
@pytest.mark.parametrize("view", ["front", "side", "top", "back"])
def test_that_each_view_shows_the_axes_where_they_belong(
    qtbot: QtBot, scene: MapScene | None, view: str
) -> None:
    # blobs of three sizes on the three axes, the largest on x
    axis = (np.arange(48) - 24) * 2.0
    volume = np.zeros((48, 48, 48), np.float32)
    for (x, y, z), width in (((28, 0, 0), 7.0), ((0, 28, 0), 5.0), ((0, 0, 28), 3.0)):
        parts = [np.exp(-0.5 * ((axis - c) / width) ** 2) for c in (z, y, x)]
        volume += np.einsum("i,j,k->ijk", *parts).astype(np.float32)
    picture = prepared(MapState("three", volume, 2.0), level=0.5)
    # (right, up) of x, y and z in each view; 0 is towards the eye or away from it
    expected = {
        "front": ((1, 0), (0, 1), (0, 0)),
        "back": ((-1, 0), (0, 1), (0, 0)),
        "side": ((0, 0), (0, 1), (-1, 0)),
        "top": ((1, 0), (0, 0), (0, -1)),
    }[view]
    if scene is None:
        assert graphics.check()
        return
    seen = ink(drawn(qtbot, scene, picture, view))
    scale = scene.camera.zoom
    centre = np.array(scene.camera.center)[::-1]
    middle = np.array(seen.shape)[::-1] / 2
    for place, (right, up), width in zip(np.diag([28.0] * 3), expected, (7.0, 5.0, 3.0), strict=True):
        axes = np.array(expected, float)
        where = middle + scale * ((place - centre) @ axes)
        x, y = where.round().astype(int)
        assert seen[y, x], (view, right, up)
        radius = int(scale * width * 1.3)
        assert not seen[y, min(max(x + 2 * radius, 0), seen.shape[1] - 1)] or radius > 60


@pytest.mark.napari
@pytest.mark.display
def test_that_the_map_has_its_colour_and_the_veil_shows_points_inside(
    qtbot: QtBot, scene: MapScene | None, model: BlobModel
) -> None:
    state = state_at(model, 1.0)
    solid, veil = prepared(state), prepared(state, representation="both")
    assert "map" in solid.surfaces and "veil" in veil.surfaces
    if scene is None:
        return
    image = drawn(qtbot, scene, solid)
    base = QColor(map_colours.tint_name("map", dark=False))
    covered = image[::-1][ink(image)].astype(float)
    # lit and shaded, but everywhere of the same hue: blue is strongest
    assert np.mean(covered[:, 2] >= covered[:, 0]) > 0.98
    assert base.blue() > base.red()
    shaded = covered.mean(1)
    assert shaded.max() - shaded.min() > 60
    assert not np.array_equal(drawn(qtbot, scene, veil), image)


@pytest.mark.napari
@pytest.mark.display
def test_that_two_states_stand_side_by_side_and_one_fills_the_view_afterwards(
    qtbot: QtBot, scene: MapScene | None, model: BlobModel
) -> None:
    state, other = state_at(model, 2.0), state_at(model, -2.0)
    both = prepared(state, other=other)
    assert {"map", "beside"} == both.surfaces.keys()
    if scene is None:
        return
    alone = ink(drawn(qtbot, scene, prepared(state)))
    scene.apply(both)
    qtbot.waitSignal(scene.drawn, timeout=5000).wait()
    qtbot.wait(200)
    seen = ink(scene.picture())
    half = seen.shape[1] // 2
    left, right = seen[:, :half], seen[:, half:]
    assert left.any() and right.any()
    # the blobs of the left state are farther apart
    assert np.ptp(np.flatnonzero(left.any(0))) > np.ptp(np.flatnonzero(right.any(0)))
    scene.apply(prepared(state))
    qtbot.wait(200)
    np.testing.assert_allclose(ink(scene.picture()).sum(), alone.sum(), rtol=0.05)


@pytest.mark.napari
@pytest.mark.display
def test_that_the_light_follows_the_eye(qtbot: QtBot, scene: MapScene | None, model: BlobModel) -> None:
    picture = prepared(state_at(model, 0.0))
    if scene is None:
        assert not picture.surfaces["map"].mesh.is_empty
        return
    brightness = []
    for view in ("front", "back", "top"):
        image = drawn(qtbot, scene, picture, view)
        brightness.append(image[::-1][ink(image)].mean())
    np.testing.assert_allclose(brightness, brightness[0], rtol=0.08)
