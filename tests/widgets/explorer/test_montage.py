"""A sample of the selected particles."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolButton, QToolTip
from pytestqt.qtbot import QtBot

from jobs.core.errors import UserError
from jobs.core.latent import ParticleView
from tests.support.explored import BlobModel
from widgets.explorer.montage import Montage
from widgets.explorer.particle_images import evenly_drawn


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(400)


@pytest.fixture
def montage(qtbot: QtBot, light: QApplication, model: BlobModel) -> Montage:
    widget = Montage(model.particle_view)
    qtbot.addWidget(widget)
    widget.resize(300, 380)
    widget.show()
    return widget


def settle(qtbot: QtBot, montage: Montage) -> None:
    qtbot.waitUntil(lambda: not montage.pending, timeout=20_000)


@pytest.mark.parametrize(("n", "count"), [(1000, 25), (26, 25), (137, 100)])
def test_that_rows_are_drawn_evenly_without_repeats_and_the_same_for_the_same_seed(
    n: int, count: int
) -> None:
    rows = np.arange(n) * 3
    drawn = evenly_drawn(rows, count, 5)
    assert len(drawn) == count and (np.diff(drawn) > 0).all() and np.isin(drawn, rows).all()
    # one from each of equal stretches
    stretch = drawn // 3 * count // n
    assert np.abs(stretch - np.arange(count)).max() <= 1
    np.testing.assert_array_equal(drawn, evenly_drawn(rows, count, 5))


def test_that_few_rows_are_all_taken() -> None:
    np.testing.assert_array_equal(evenly_drawn(np.array([4, 9]), 25, 0), [4, 9])


def test_that_a_selection_is_sampled_and_told(qtbot: QtBot, montage: Montage) -> None:
    mask = np.zeros(400, bool)
    mask[100:300] = True
    montage.show_rows(mask)
    settle(qtbot, montage)
    assert len(montage.drawn) == 25 and mask[montage.drawn].all()
    assert montage.count.text() == "25 of 200 selected particles"
    assert all(picture is not None for picture in montage.grid.pictures)
    assert montage.grid.names[0] == f"{montage.drawn[0] + 1:06d}@Extract/job001/stack.mrcs"


def test_that_others_are_drawn_on_demand_and_again_the_same(qtbot: QtBot, montage: Montage) -> None:
    montage.show_rows(np.arange(400))
    first = montage.drawn.copy()
    qtbot.mouseClick(montage.shuffle, Qt.MouseButton.LeftButton)
    assert not np.array_equal(first, montage.drawn)
    montage.seed = 0
    montage.show_rows(np.arange(400))
    np.testing.assert_array_equal(first, montage.drawn)
    settle(qtbot, montage)


def test_that_a_click_names_the_row_of_the_particle(qtbot: QtBot, montage: Montage) -> None:
    montage.show_rows(np.arange(50, 90))
    settle(qtbot, montage)
    for place in (0, 7, 24):
        at = montage.grid.cell(place).center().toPoint()
        with qtbot.waitSignal(montage.particle_clicked) as clicked:
            qtbot.mouseClick(montage.grid, Qt.MouseButton.LeftButton, pos=at)
        assert clicked.args == [int(montage.drawn[place])]


def test_that_the_name_of_a_particle_appears_under_the_mouse(qtbot: QtBot, montage: Montage) -> None:
    montage.show_rows(np.arange(50, 90))
    settle(qtbot, montage)
    at = montage.grid.cell(3).center().toPoint()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, at, montage.grid.mapToGlobal(at))
    QApplication.sendEvent(montage.grid, event)
    assert QToolTip.text() == montage.grid.names[3]
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible(), timeout=5000)


def test_that_the_mean_stands_first_and_is_no_particle(qtbot: QtBot, montage: Montage) -> None:
    heard: list[int] = []
    montage.particle_clicked.connect(heard.append)
    montage.low_pass.slider.setValue(0)
    montage.mean.setChecked(True)
    montage.show_rows(np.arange(400))
    settle(qtbot, montage)
    assert len(montage.grid.pictures) == 25 and len(montage.drawn) == 24
    assert montage.grid.names[0] == "mean of 24 particles"
    for place in (0, 1):
        at = montage.grid.cell(place).center().toPoint()
        qtbot.mouseClick(montage.grid, Qt.MouseButton.LeftButton, pos=at)
    assert heard == [int(montage.drawn[0])]


def test_that_projections_can_be_shown_instead(qtbot: QtBot, montage: Montage) -> None:
    montage.low_pass.slider.setValue(0)
    montage.show_rows([3])
    settle(qtbot, montage)
    noisy = montage.grid.pictures[0]
    montage.kind.setCurrentIndex(1)
    settle(qtbot, montage)
    clean = montage.grid.pictures[0]
    assert noisy is not None and clean is not None and noisy != clean
    # the corner of a projection of two blobs is empty: one grey value
    corner = {clean.pixelColor(x, y).red() for x in range(4) for y in range(4)}
    assert max(corner) - min(corner) <= 2


def test_that_pictures_appear_while_others_are_still_fetched(
    qtbot: QtBot, montage: Montage, model: BlobModel
) -> None:
    gate = threading.Event()

    def slow(row: int) -> ParticleView:
        if row > 4:
            gate.wait(10)
        return model.particle_view(row)

    montage.set_source(slow)
    montage.show_rows(np.arange(9))
    qtbot.waitUntil(lambda: montage.grid.pictures[4] is not None, timeout=5000)
    assert montage.pending and montage.grid.pictures[5] is None
    gate.set()
    settle(qtbot, montage)
    assert montage.grid.pictures[8] is not None


def test_that_a_new_selection_gives_up_the_one_before(
    qtbot: QtBot, montage: Montage, model: BlobModel
) -> None:
    gate = threading.Event()
    asked: list[int] = []

    def slow(row: int) -> ParticleView:
        asked.append(row)
        gate.wait(10)
        return model.particle_view(row)

    montage.set_source(slow)
    montage.show_rows(np.arange(20))
    qtbot.waitUntil(lambda: asked == [0], timeout=5000)
    montage.show_rows(np.array([300]))
    gate.set()
    settle(qtbot, montage)
    assert sorted(asked) == [0, 300]
    assert montage.grid.names == ["000301@Extract/job001/stack.mrcs"]


def test_that_nothing_selected_and_missing_files_are_said_in_words(qtbot: QtBot, montage: Montage) -> None:
    assert "No particles selected" in montage.message()

    def missing(_row: int) -> ParticleView:
        raise UserError("the file does not exist", path="stack.mrcs")

    montage.set_source(missing)
    montage.show_rows([1, 2])
    settle(qtbot, montage)
    assert "stack.mrcs: the file does not exist" in montage.message()
    montage.show_rows(None)
    assert "No particles selected" in montage.message()
    montage.set_source(None)
    montage.show_rows([1])
    assert "knows no images" in montage.message()


@pytest.mark.parametrize(
    ("count", "size", "columns"), [(25, (300, 300), 5), (100, (300, 300), 10), (9, (900, 100), 9)]
)
def test_that_pictures_are_as_large_as_the_room_allows(
    montage: Montage, count: int, size: tuple[int, int], columns: int
) -> None:
    grid = montage.grid
    grid.set_count(count)
    grid.setFixedSize(*size)
    grid.resize(*size)
    assert grid.columns() == columns
    cells = [grid.cell(k) for k in range(count)]
    assert all(grid.rect().contains(cell.toAlignedRect()) for cell in cells)
    assert not any(a.intersects(b) for k, a in enumerate(cells) for b in cells[:k])
    assert [grid.place_at(cell.center().toPoint()) for cell in cells] == list(range(count))


def test_that_every_control_can_be_found_and_is_explained(montage: Montage) -> None:
    for button in montage.findChildren(QToolButton):
        assert button.objectName().startswith("explorer_montage_") and button.toolTip()
