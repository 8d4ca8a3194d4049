"""Which axes and columns stand in the plots of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from tests.support.explored import BlobModel
from widgets.explorer.columns import Columns
from widgets.explorer.pair_pane import PairPane
from widgets.explorer.pair_plot import MOST

N = 300


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(N, n_latent=6)


@pytest.fixture
def pane(qtbot: QtBot, light: QApplication, model: BlobModel) -> PairPane:
    pane = PairPane()
    qtbot.addWidget(pane)
    pane.resize(360, 420)
    pane.show()
    columns = Columns(model.metadata, model.measures, {})
    columns.list_sources()
    pane.set_dimensions([f"PC{k + 1}" for k in range(6)], model.embedding)
    pane.set_columns(columns)
    settle(qtbot, pane)
    return pane


def settle(qtbot: QtBot, pane: PairPane) -> None:
    qtbot.waitUntil(lambda: not pane._reader.pending)
    qtbot.waitUntil(lambda: not pane.plot._timer.isActive() and not pane.plot._worker.pending)


def test_that_four_axes_are_shown_until_more_are_wanted(qtbot: QtBot, pane: PairPane) -> None:
    assert pane.plot.names == ("PC1", "PC2", "PC3", "PC4")
    pane.count.setCurrentIndex(pane.count.findData(6))
    pane.count.activated.emit(pane.count.currentIndex())
    settle(qtbot, pane)
    assert len(pane.plot.names) == MOST


def test_that_a_column_is_plotted_with_its_numbers(qtbot: QtBot, pane: PairPane, model: BlobModel) -> None:
    pane.chooser.choose("star:rlnDefocusU")
    settle(qtbot, pane)
    assert pane.plot.names[-1] == "Defocus U (Å)"
    assert pane.plot.pictures is not None
    expected = np.corrcoef(model.embedding[:, 0], model.metadata["rlnDefocusU"])[0, 1]
    assert pane.plot.pictures.correlation[0, -1] == pytest.approx(expected, abs=1e-6)
    cross = pane.findChild(QToolButton, "explorer_filter_remove")
    assert cross is not None
    qtbot.mouseClick(cross, Qt.MouseButton.LeftButton)
    settle(qtbot, pane)
    assert pane.plot.names == ("PC1", "PC2", "PC3", "PC4")


def test_that_only_pairs_of_axes_go_to_the_large_plot(qtbot: QtBot, pane: PairPane) -> None:
    pane.chooser.choose("star:rlnDefocusU")
    settle(qtbot, pane)
    with qtbot.waitSignal(pane.axes_chosen) as told:
        place = pane.plot.rect_of(3, 1).center().toPoint()
        qtbot.mouseClick(pane.plot, Qt.MouseButton.LeftButton, pos=place)
    assert told.args == [1, 3]
    with qtbot.assertNotEmitted(pane.axes_chosen):
        place = pane.plot.rect_of(4, 1).center().toPoint()
        qtbot.mouseClick(pane.plot, Qt.MouseButton.LeftButton, pos=place)
    assert pane.message.isVisible()


def test_that_directions_are_refused_in_words(qtbot: QtBot, pane: PairPane) -> None:
    pane.chooser.choose("measure:direction")
    settle(qtbot, pane)
    assert "Direction of motion" in pane.message.text()
    assert pane.plot.names == ("PC1", "PC2", "PC3", "PC4")


def test_that_no_more_than_six_plots_stand_side_by_side(qtbot: QtBot, pane: PairPane) -> None:
    for key in ("star:rlnDefocusU", "star:rlnClassNumber", "measure:amount", "star:rlnMicrographName"):
        pane.chooser.choose(key)
        settle(qtbot, pane)
    assert len(pane.plot.names) == MOST
    assert pane.plot.names[:2] == ("PC1", "PC2")
    pane.chooser.choose("measure:direction#0")
    settle(qtbot, pane)
    assert len(pane.plot.names) == MOST and "Defocus U (Å)" not in pane.plot.names


def test_that_columns_of_other_particles_wait_for_their_axes(qtbot: QtBot, pane: PairPane) -> None:
    pane.chooser.choose("star:rlnDefocusU")
    settle(qtbot, pane)
    other = BlobModel(50, n_latent=6, half=2)
    pane.set_dimensions([f"PC{k + 1}" for k in range(6)], other.embedding)
    settle(qtbot, pane)
    assert "Defocus U (Å)" not in pane.plot.names
    columns = Columns(other.metadata, other.measures, {})
    columns.list_sources()
    pane.set_columns(columns)
    settle(qtbot, pane)
    assert pane.plot.names[-1] == "Defocus U (Å)"
