"""The pane as it is used: states come, levels and colours are chosen, and it ends without a trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from widgets import style
from widgets.explorer import graphics
from widgets.explorer.map_maker import DISPLACEMENT, MapMaker
from widgets.explorer.map_options import ONE_COLOUR, POSITION
from widgets.explorer.map_pane import MapPane
from widgets.explorer.map_state import MapState
from widgets.explorer.map_worker import Latest

pytestmark = [pytest.mark.napari, pytest.mark.display]


@pytest.fixture
def maker() -> MapMaker:
    return MapMaker(BlobModel(20, box=32, voxel_size_a=3.0))


@pytest.fixture
def pane(qtbot: QtBot, qapp: QApplication) -> Iterator[MapPane]:
    style.apply_theme(qapp, "light")
    if not graphics.check():
        assert graphics.wait(120)
    made = MapPane()
    qtbot.addWidget(made)
    made.resize(480, 640)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close_down()
    made.hide()


def at(maker: MapMaker, x: float) -> MapState:
    return maker.make(np.array([x, 0, 0, 0], np.float32), f"State {x:g}")


def show(qtbot: QtBot, pane: MapPane, state: MapState) -> None:
    with qtbot.waitSignal(pane.shown, timeout=20_000, check_params_cb=lambda s: s is state):
        pane.show_state(state)


def press(pane: MapPane, key: str) -> None:
    """Do what a shortcut does; a bare X server gives no window the keyboard."""
    (shortcut,) = (s for s in pane.findChildren(QShortcut) if s.key() == QKeySequence(key))
    shortcut.activated.emit()


def settled(qtbot: QtBot, pane: MapPane, act: Callable[[], object]) -> np.ndarray:
    """Do something that changes what is seen; return the picture afterwards."""
    if pane.available:
        with qtbot.waitSignal(pane.shown, timeout=20_000):
            act()
        qtbot.wait(50)
    else:
        act()
    return pane.picture()


def test_that_without_opengl_slices_are_shown_and_the_reason_is_told(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    state = at(maker, 2.0)
    show(qtbot, pane, state)
    if graphics.check():
        assert not pane.available
        assert "three dimensions" in pane.why_not and pane.why_not.endswith(".")
        assert pane.bar.isVisible()
        assert pane.why_not in pane.bar.messages()[0]
        assert pane._room.slices.isVisible()
        assert pane._room.slices._volume is state.volume
        pane.bar.action.click()
        assert "Everything else works" in pane.bar.messages()[-1]
    else:
        assert pane.available
        assert pane.why_not == ""
        assert not pane.bar.isVisible()
        assert pane._room.scene is not None and pane._room.scene.view.isVisible()


def test_that_every_state_is_announced_even_the_same_one_again(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    state = at(maker, 1.0)
    for _ in range(3):
        show(qtbot, pane, state)
    points_only = MapState("Points", None, 3.0, points_a=state.points_a, rest_a=state.rest_a)
    show(qtbot, pane, points_only)
    show(qtbot, pane, MapState("Nothing", np.zeros((16, 16, 16), np.float32), 3.0))


def test_that_pictures_show_what_is_shown(qtbot: QtBot, pane: MapPane, maker: MapMaker) -> None:
    show(qtbot, pane, at(maker, 2.0))
    first = pane.picture()
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3
    show(qtbot, pane, at(maker, -2.0))
    second = pane.picture()
    assert second.shape == first.shape
    assert (first != second).any(-1).mean() > 0.002
    show(qtbot, pane, at(maker, 2.0))
    assert np.abs(pane.picture().astype(int) - first).max() <= 8


def test_that_the_level_is_automatic_until_somebody_chooses(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    heard: list[float] = []
    pane.level_changed.connect(heard.append)
    pane.show_consensus(maker.make(None, "Consensus"))
    show(qtbot, pane, at(maker, 2.0))
    if not pane.available:
        assert heard == []
        return
    automatic = pane.level()
    assert 0.05 < automatic < 0.9
    assert heard[-1] == automatic
    before = pane.picture()
    lower = settled(qtbot, pane, lambda: pane.set_level(automatic / 3))
    assert pane.level() == pytest.approx(automatic / 3)
    assert heard[-1] == pytest.approx(automatic / 3)
    # a lower level is a larger surface
    assert (lower < 200).any(-1).sum() > (before < 200).any(-1).sum()
    # the chosen level stays for other states
    show(qtbot, pane, at(maker, 1.0))
    assert pane.level() == pytest.approx(automatic / 3)
    settled(qtbot, pane, lambda: press(pane, "]"))
    assert pane.level() > automatic / 3
    settled(qtbot, pane, pane.controls.level.automatic.click)
    assert pane.level() == automatic


def test_that_a_level_can_be_typed_and_nonsense_is_put_back(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    show(qtbot, pane, at(maker, 2.0))
    field = pane.controls.level.field
    before = pane.level()
    field.setText("nonsense")
    field.editingFinished.emit()
    assert pane.level() == before
    if not pane.available:
        return
    field.setText("0,25")
    settled(qtbot, pane, field.editingFinished.emit)
    assert pane.level() == 0.25
    field.setText("9")
    settled(qtbot, pane, field.editingFinished.emit)
    assert "No density above 9" in pane.titles.first.text


def test_that_colours_are_offered_by_what_the_state_knows(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    show(qtbot, pane, at(maker, 2.0))
    if not pane.available:
        assert not pane.controls.isVisible()
        return
    combo = pane.controls.colour_by
    offered = [combo.itemData(k) for k in range(combo.count())]
    assert offered[0] == ONE_COLOUR and offered[-1] == POSITION
    assert combo.currentData() == DISPLACEMENT
    plain = pane.picture()
    coloured = settled(qtbot, pane, pane.controls.colour_map.click)
    key = pane.controls.key.key
    assert key is not None and key.name == DISPLACEMENT and key.high == pytest.approx(10.0)

    def red(image: np.ndarray) -> int:
        return int((image[..., 0].astype(int) - image[..., 2] > 60).sum())

    assert red(plain) == 0
    assert red(coloured) > 200


def test_that_comparing_offers_three_ways_and_ends(qtbot: QtBot, pane: MapPane, maker: MapMaker) -> None:
    here, there = at(maker, 2.0), at(maker, -2.0)
    show(qtbot, pane, here)
    pictures = [settled(qtbot, pane, lambda: pane.show_comparison(there))]
    if not pane.available:
        assert pane.titles.first.text == "State 2"
        return
    assert (pane.titles.first.text, pane.titles.second.text) == ("State 2", "State -2")
    for index in (1, 2):
        change = pane.controls.comparison.setCurrentIndex
        pictures.append(settled(qtbot, pane, lambda change=change, index=index: change(index)))
    assert pane.controls.difference.isVisible()
    assert pane.controls.difference.value > 0
    for a, b in ((0, 1), (1, 2), (0, 2)):
        small, large = sorted((pictures[a], pictures[b]), key=len)
        assert (small != large[: len(small)]).any()
    settled(qtbot, pane, lambda: pane.show_comparison(None))
    assert not pane.titles.second.isVisible()
    assert not pane.controls.difference.isVisible()


def test_that_keys_choose_the_representation_and_napari_gets_none(
    qtbot: QtBot, pane: MapPane, maker: MapMaker
) -> None:
    show(qtbot, pane, at(maker, 2.0))
    scene = pane._room.scene
    if scene is None:
        assert not pane.available
        return
    settled(qtbot, pane, lambda: press(pane, "2"))
    assert pane.controls.options().representation == "points"
    layers = list(scene.model.layers)
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_V, Qt.Key.Key_Backspace):
        qtbot.keyClick(scene._canvas, key)
    qtbot.keyClick(scene._canvas, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(scene._canvas, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert list(scene.model.layers) == layers
    assert scene.model.dims.ndisplay == 3
    assert not scene.model.canvas.grid.enabled
    before = scene.camera.zoom
    scene.camera.zoom = 3 * before
    qtbot.mouseDClick(scene._canvas, Qt.MouseButton.LeftButton)
    assert scene.camera.zoom == pytest.approx(before, rel=0.01)


def test_that_points_are_preferred_only_until_somebody_has_chosen(pane: MapPane) -> None:
    pane.prefer_points()
    assert pane.controls.options().representation == "points"
    pane.controls.choose_representation("map")
    pane.prefer_points()
    assert pane.controls.options().representation == "map"


def test_that_states_given_before_the_window_opens_are_shown_then(
    qtbot: QtBot, qapp: QApplication, maker: MapMaker
) -> None:
    pane = MapPane()
    qtbot.addWidget(pane)
    state = at(maker, 1.0)
    pane.show_consensus(maker.make(None, "Consensus"))
    pane.show_state(state)
    with qtbot.waitSignal(pane.shown, timeout=60_000, check_params_cb=lambda s: s is state):
        pane.show()
    pane.close_down()
    pane.hide()


def test_that_a_pane_that_was_closed_leaves_no_thread_and_takes_no_more_states(
    qtbot: QtBot, qapp: QApplication, maker: MapMaker
) -> None:
    for _ in range(2):
        pane = MapPane()
        pane.show()
        show(qtbot, pane, at(maker, 1.0))
        pane.close_down()
        pane.close_down()
        pane.show_state(at(maker, 2.0))
        pane.hide()
        pane.deleteLater()
        qapp.processEvents()
    assert not [t for t in threading.enumerate() if t.name == "heteroscope-map"]


def test_that_of_waiting_requests_the_newest_is_worked_on_and_no_answer_is_lost(qtbot: QtBot) -> None:
    begun, go, owner = [], threading.Event(), MapPane()
    qtbot.addWidget(owner)

    def work(request: int) -> int:
        begun.append(request)
        assert go.wait(10)
        if request == 5:
            raise ValueError("five")
        return 10 * request

    latest = Latest(work, owner)
    answers: list[int] = []
    failures: list[Exception] = []
    latest.answered.connect(answers.append)
    latest.failed.connect(failures.append)
    latest.request(1)
    qtbot.waitUntil(lambda: begun == [1], timeout=5000)
    latest.request(2)
    latest.request(3)
    assert latest.pending
    go.set()
    qtbot.waitUntil(lambda: answers[-1:] == [30], timeout=5000)
    assert begun == [1, 3]
    latest.request(5)
    qtbot.waitUntil(lambda: len(failures) == 1, timeout=5000)
    latest.leave()
    latest.request(6)
    assert not latest.pending
    owner.close_down()
