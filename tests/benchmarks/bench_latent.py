"""The latent plot at a million particles: what the explorer does, and the two routes it does not take.

Every time is that of the GUI thread until the picture is in the window's memory (`repaint`), with drawing in
software. The routes are compared with the same points, colours and window.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QElapsedTimer, QRectF, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.benchmarks.figures import Figures
from widgets import style
from widgets.explorer import compiled, polygon
from widgets.explorer.canvas import LatentCanvas
from widgets.explorer.view import View

P = 1_000_000
SIZE = (1000, 800)
GROUP = "latent plot, 1,000,000 particles"


@pytest.fixture(scope="module")
def cloud() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Twelve Gaussians in eight dimensions, two of which are shown; and which of them each particle is of."""
    rng = np.random.default_rng(0)
    middles, of = rng.normal(scale=2.5, size=(12, 8)), rng.integers(0, 12, P)
    return (middles[of] + rng.normal(scale=0.6, size=(P, 8)))[:, :2].astype(np.float32), of


@pytest.fixture
def canvas(qapp: QApplication, qtbot: QtBot) -> Iterator[LatentCanvas]:
    """An empty plot on the screen."""
    style.apply_theme(qapp, "dark")
    assert compiled.LOADER.wait(120) and compiled.LOADER.error is None
    widget = LatentCanvas()
    qtbot.addWidget(widget)
    widget.resize(*SIZE)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    widget.close()


@pytest.fixture
def full(
    canvas: LatentCanvas, cloud: tuple[NDArray[np.float32], NDArray[np.int64]], qtbot: QtBot
) -> LatentCanvas:
    """A plot of all particles, coloured by a continuous value, in its quickest order."""
    xy, _ = cloud
    canvas.set_coordinates(xy, ("PC1", "PC2"))
    canvas.set_colours(value_index(xy), table(), categorical=False)
    qtbot.waitUntil(lambda: canvas._cloud.order.rows is not None, timeout=20_000)
    canvas.repaint()
    return canvas


def table() -> NDArray[np.uint8]:
    steps = np.linspace(0, 1, 256)[:, None]
    return (255 * np.hstack([steps, 0.6 * (1 - steps), 1 - steps])).astype(np.uint8)


def value_index(xy: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip((xy[:, 0] + 6) / 12 * 254, 0, 254).astype(np.uint8)


def lasso(count: int = 1000) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return (
        np.c_[np.cos(turn), np.sin(turn)] * (2.5 + 0.6 * np.sin(5 * turn) + 0.05 * np.sin(90 * turn))[:, None]
    )


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def motions(home: View) -> list[View]:
    """Views of a pan over everything, then of a zoom into the middle and out again."""
    pan = [home.moved(0.3 * home.width * np.sin(k / 5), 0.2 * home.height * np.sin(k / 3)) for k in range(30)]
    x, y = (home.x_low + home.x_high) / 2, (home.y_low + home.y_high) / 2
    depths = [0.9**k for k in range(25)]
    return pan + [home.zoomed(d, x, y) for d in [*depths, *depths[::-1]]]


def frame_times(canvas: LatentCanvas, views: list[View]) -> list[float]:
    def show(view: View) -> None:
        canvas.show_view(view)
        canvas.repaint()

    return [timed(lambda view=view: show(view)) for view in views]


def longest_stall(qtbot: QtBot, work: Callable[[], object], then: Callable[[], bool]) -> float:
    """The longest gap (s) between turns of the event loop from `work` until `then` holds."""
    gaps: list[float] = []
    clock = QElapsedTimer()
    timer = QTimer(interval=0)
    timer.timeout.connect(lambda: gaps.append(clock.nsecsElapsed() / 1e9) or clock.restart())  # type: ignore[func-returns-value]
    qtbot.wait(50)
    clock.start()
    timer.start()
    QTimer.singleShot(0, work)
    qtbot.waitUntil(then, timeout=20_000)
    qtbot.wait(200)
    timer.stop()
    return max(gaps)


def test_that_a_million_particles_are_drawn_at_once(
    canvas: LatentCanvas,
    cloud: tuple[NDArray[np.float32], NDArray[np.int64]],
    qtbot: QtBot,
    figures: Figures,
) -> None:
    xy, _ = cloud
    index = value_index(xy)

    def draw() -> None:
        canvas.set_coordinates(xy, ("PC1", "PC2"))
        canvas.set_colours(index, table(), categorical=False)
        canvas.repaint()

    first = timed(draw)
    qtbot.waitUntil(lambda: canvas.count_in_view == P, timeout=5000)
    figures.add(GROUP, "first draw", first, "s", "< 2 s")
    again = longest_stall(
        qtbot,
        lambda: canvas.set_coordinates(xy[::-1], ("PC1", "PC2")),
        lambda: canvas._cloud.order.rows is not None,
    )
    figures.add(GROUP, "longest stall while new coordinates come in", again, "s", "< 0.05 s")
    assert first < 2


def test_that_pan_and_zoom_are_fluid(full: LatentCanvas, figures: Figures) -> None:
    views = motions(full.view)
    assert full.rect().width() == SIZE[0]
    for words, prepare in (
        ("continuous", lambda: None),
        ("selection and filter", lambda: select_some(full)),
        (
            "categories",
            lambda: full.set_colours(value_index(full._cloud.xy) % 12, table()[:13], categorical=True),
        ),
        ("free colours", lambda: full.set_rgb(table()[value_index(full._cloud.xy)])),
        ("log-density", lambda: full.show_density(True)),
    ):
        prepare()
        full.repaint()
        times = frame_times(full, views)
        mean = statistics.fmean(times)
        figures.add(GROUP, f"pan and zoom, {words}: mean rate", 1 / mean, "frames/s", "≥ 30")
        slowest = sorted(times)[-1 - len(times) // 50]
        figures.add(GROUP, f"pan and zoom, {words}: slow frames (98 %)", slowest, "s", "< 0.05 s")
        full.fit()
    assert full.count_in_view == P


def select_some(canvas: LatentCanvas) -> None:
    xy = canvas._cloud.xy
    canvas.set_selection(polygon.inside(xy, lasso(100)))
    canvas.set_shown(xy[:, 1] > -1)


def test_that_colours_and_selections_change_at_once(full: LatentCanvas, figures: Figures) -> None:
    xy = full._cloud.xy
    other = (254 - value_index(xy)).astype(np.uint8)
    rgb = table()[other]
    mask = xy[:, 0] > 0
    for words, change in (
        ("colour change", lambda: full.set_colours(other, table(), categorical=False)),
        ("colour change to free colours", lambda: full.set_rgb(rgb)),
        ("selection shown", lambda: full.set_selection(mask)),
        ("filter shown", lambda: full.set_shown(~mask)),
    ):
        seconds = timed(lambda change=change: (change(), full.repaint()))
        figures.add(GROUP, words, seconds, "s", "< 0.5 s")
        assert seconds < 0.5


def test_that_a_lasso_of_a_thousand_corners_is_quick(
    full: LatentCanvas, figures: Figures, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    xy = full._cloud.xy
    for words, outline in (("lasso", lasso()), ("tangle", rng.normal(size=(1000, 2), scale=3))):
        seconds = min(timed(lambda outline=outline: polygon.inside(xy, outline)) for _ in range(3))
        figures.add(GROUP, f"{words} of 1000 corners", seconds, "s", "< 0.5 s")
    seconds = timed(lambda: (full.set_selection(polygon.inside(xy, lasso())), full.repaint()))
    figures.add(GROUP, "lasso of 1000 corners, until it is on the screen", seconds, "s", "< 0.5 s")
    assert seconds < 0.5
    monkeypatch.setattr(compiled, "polygon_kernels", lambda: None)
    figures.add(
        GROUP, "lasso of 1000 corners with numpy alone", timed(lambda: polygon.inside(xy, lasso())), "s"
    )


def test_that_the_mouse_finds_particles_without_delay(full: LatentCanvas, figures: Figures) -> None:
    places = np.random.default_rng(3).normal(size=(200, 2))
    seconds = max(timed(lambda x=x, y=y: full.nearest(float(x), float(y))) for x, y in places)
    figures.add(GROUP, "particle under the mouse, slowest of 200", seconds, "s", "< 0.005 s")


@pytest.mark.parametrize("count", [10_000, 50_000, 200_000, P])
def test_what_vispy_with_software_gl_would_reach(
    cloud: tuple[NDArray[np.float32], NDArray[np.int64]], qtbot: QtBot, figures: Figures, count: int
) -> None:
    from vispy import app, scene

    xy, _ = cloud
    app.use_app("pyside6")
    view_canvas = scene.SceneCanvas(size=SIZE, show=True, bgcolor="#21252c")
    qtbot.addWidget(view_canvas.native)
    view = view_canvas.central_widget.add_view()
    view.camera = "panzoom"
    colour = np.ones((count, 4), np.float32)
    colour[:, :3] = table()[value_index(xy[:count])] / 255
    markers = scene.visuals.Markers(parent=view.scene)

    def first() -> None:
        markers.set_data(xy[:count], face_color=colour, edge_width=0, size=3)
        view.camera.set_range()
        view_canvas.render()

    figures.add("routes", f"vispy Markers, {count:,} points: first draw", timed(first), "s")
    times = []
    for _ in range(3):
        view.camera.zoom(0.97)
        # reading the picture back waits until it is drawn; the window would have to be told too
        times.append(timed(view_canvas.render))
    rate = 1 / statistics.fmean(times)
    figures.add("routes", f"vispy Markers, {count:,} points: mean rate", rate, "frames/s", "≥ 30")
    view_canvas.close()


@pytest.mark.parametrize("count", [10_000, 50_000, 200_000])
def test_what_pyqtgraph_would_reach(
    cloud: tuple[NDArray[np.float32], NDArray[np.int64]], qtbot: QtBot, figures: Figures, count: int
) -> None:
    import pyqtgraph as pg

    xy, _ = cloud
    widget = pg.PlotWidget()
    qtbot.addWidget(widget)
    widget.resize(*SIZE)
    widget.show()
    qtbot.waitExposed(widget)
    brushes = [pg.mkBrush(*(int(v) for v in rgb)) for rgb in table()]
    item = pg.ScatterPlotItem(size=3, pen=None)

    def first() -> None:
        chosen = [brushes[k] for k in value_index(xy[:count])]
        item.setData(x=xy[:count, 0], y=xy[:count, 1], brush=chosen)
        widget.addItem(item)
        widget.grab()

    figures.add("routes", f"pyqtgraph ScatterPlotItem, {count:,} points: first draw", timed(first), "s")

    def pan(k: int) -> None:
        widget.setRange(QRectF(-6 + 0.1 * k, -6, 12, 12), padding=0)
        widget.grab()

    times = [timed(lambda k=k: pan(k)) for k in range(3)]
    rate = 1 / statistics.fmean(times)
    figures.add("routes", f"pyqtgraph ScatterPlotItem, {count:,} points: mean rate", rate, "frames/s", "≥ 30")
    widget.close()


@pytest.mark.parametrize("count", [10_000, 50_000, 200_000, P])
def test_what_our_own_raster_reaches(
    canvas: LatentCanvas,
    cloud: tuple[NDArray[np.float32], NDArray[np.int64]],
    qtbot: QtBot,
    figures: Figures,
    count: int,
) -> None:
    xy, _ = cloud
    index = value_index(xy[:count])

    def first() -> None:
        canvas.set_coordinates(xy[:count], ("PC1", "PC2"))
        canvas.set_colours(index, table(), categorical=False)
        canvas.repaint()

    figures.add("routes", f"own raster, {count:,} points: first draw", timed(first), "s")
    qtbot.waitUntil(lambda: count <= 20_000 or canvas._cloud.order.rows is not None, timeout=20_000)
    times = frame_times(canvas, motions(canvas.view)[:30])
    figures.add(
        "routes", f"own raster, {count:,} points: mean rate", 1 / statistics.fmean(times), "frames/s", "≥ 30"
    )
