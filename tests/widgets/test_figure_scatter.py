"""Particles of a result as a cloud in the job's page: columns chosen, coloured, pointed at."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jobs.core.figures import Figure, Series
from widgets.explorer import compiled
from widgets.figure_board import FigureBoard
from widgets.figure_plot import FigurePlot
from widgets.figure_scatter import FigureScatter

COLUMNS = ("UMAP1", "UMAP2", "PC1", "group")
FIGURE = Figure(
    kind="scatter",
    task="analyze",
    title="Particles",
    x_title="UMAP1",
    y_title="UMAP2",
    series=tuple(Series(name, ()) for name in COLUMNS),
    arrays=("points", "names"),
    colour="group",
)
CURVES = Figure(kind="curves", task="analyze", title="c", x=(1.0, 2.0), series=(Series("a", (1.0, 2.0)),))


@pytest.fixture
def points(rng: np.random.Generator) -> NDArray[np.float32]:
    """Three groups of particles."""
    group = np.arange(600) % 3
    place = np.array([(-4, 0), (4, 0), (0, 5)])[group] + rng.normal(0, 0.4, (600, 2))
    return np.column_stack([place, rng.normal(size=600), group]).astype(np.float32)


@pytest.fixture
def board(light: QApplication, qtbot: QtBot, points: NDArray[np.float32]) -> FigureBoard:
    """A board with curves and a cloud."""
    assert compiled.LOADER.wait(120)
    made = FigureBoard()
    qtbot.addWidget(made)
    made.resize(900, 420)
    names = np.array([f"TS_01/{k}" for k in range(600)])
    made.set_figures([FIGURE, CURVES], {"points": points, "names": names})
    made.show()
    qtbot.waitExposed(made)
    light.processEvents()
    return made


def scatter(board: FigureBoard) -> FigureScatter:
    found = board.plots[0]
    assert isinstance(found, FigureScatter)
    return found


def point_at(plot: FigureScatter, qtbot: QtBot, row: int, points: NDArray[np.float32]) -> QPoint:
    columns = [COLUMNS.index(box.currentText()) for box in (plot.across, plot.up)]
    place = plot.canvas.frame.to_screen(*(float(points[row, k]) for k in columns))
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(plot.canvas.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(plot.canvas, event)
    return place.toPoint()


def test_that_a_scatter_is_written_and_read_and_refused_when_its_axes_are_no_columns() -> None:
    assert Figure.from_json(FIGURE.to_json()) == FIGURE
    broken = FIGURE.to_json().replace('"x_title": "UMAP1"', '"x_title": "UMAP7"')
    with pytest.raises(ValueError, match="columns for its axes"):
        Figure.from_json(broken)


def test_that_the_mouse_says_which_particle_it_is_and_its_values(
    qtbot: QtBot, board: FigureBoard, points: NDArray[np.float32]
) -> None:
    plot = scatter(board)
    # the one farthest out stands alone
    row = int(np.argmax(points[:, 1]))
    point_at(plot, qtbot, row, points)
    qtbot.waitUntil(lambda: plot.hover.text().startswith(f"TS_01/{row}  ·"), timeout=3000)
    assert f"group {int(points[row, 3])}" in plot.hover.text() and "UMAP2" in plot.hover.text()


def test_that_other_columns_are_chosen_by_hand_and_a_double_click_shows_everything(
    qtbot: QtBot, board: FigureBoard, points: NDArray[np.float32]
) -> None:
    plot = scatter(board)
    plot.across.setCurrentIndex(2)
    plot.across.activated.emit(2)
    np.testing.assert_array_equal(plot.canvas._cloud.xy[:, 0], points[:, 2])
    home = plot.canvas.view
    plot.canvas.zoom(0.4)
    assert plot.canvas.view != home
    middle = plot.canvas.frame.rect.center().toPoint()
    qtbot.mouseDClick(plot.canvas, Qt.MouseButton.LeftButton, pos=middle)  # type: ignore[no-untyped-call]
    assert plot.canvas.view == home


def test_that_groups_have_a_colour_each_and_numbers_a_scale(board: FigureBoard) -> None:
    plot = scatter(board)
    QApplication.processEvents()
    pixels = plot.canvas.picture().convertToFormat(plot.canvas.picture().format())
    several = {pixels.pixel(x, y) for x in range(0, pixels.width(), 2) for y in range(0, pixels.height(), 2)}
    assert len(several) > 10
    plot.choose(colour="PC1")
    assert plot.canvas._cloud.kind != 1 or len(plot.canvas._cloud.table) > 100
    plot.choose(colour="")
    assert len(plot.canvas._cloud.table) == 1


def test_that_what_was_chosen_stays_when_the_figure_comes_again(
    board: FigureBoard, points: NDArray[np.float32]
) -> None:
    plot = scatter(board)
    plot.choose(across="PC1", colour="PC1")
    board.set_figures([FIGURE, CURVES], {"points": points + 1})
    assert board.plots[0] is plot
    assert (plot.across.currentText(), plot.colour.currentText()) == ("PC1", "PC1")
    board.set_figures([CURVES])
    assert isinstance(board.plots[0], FigurePlot) and len(board.plots) == 1
    board.set_figures([FIGURE], {})
    assert scatter(board).texts() == ["Particles", *COLUMNS]


def test_that_a_hundred_thousand_particles_of_thirty_columns_are_fluid(
    light: QApplication, qtbot: QtBot, rng: np.random.Generator
) -> None:
    assert compiled.LOADER.wait(120)
    columns = [f"c{k}" for k in range(30)]
    figure = Figure(
        kind="scatter",
        task="t",
        title="Many",
        x_title="c0",
        y_title="c1",
        series=tuple(Series(name, ()) for name in columns),
        arrays=("points",),
    )
    plot = FigureScatter()
    qtbot.addWidget(plot)
    plot.resize(600, 500)
    plot.show()
    plot.set_figure(figure, {"points": rng.normal(size=(100_000, 30)).astype(np.float32)})
    qtbot.wait(500)
    worst = 0.0
    for k in range(10):
        start = time.perf_counter()
        plot.choose(across=f"c{k + 2}", colour=f"c{k + 3}")
        plot.canvas.zoom(0.9)
        plot.canvas.repaint()
        worst = max(worst, time.perf_counter() - start)
    print(f"choosing columns and drawing 100,000 particles: {1e3 * worst:.0f} ms at worst")
    assert worst < 0.5
