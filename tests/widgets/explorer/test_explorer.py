"""The whole explorer, by mouse and keys, on a model with a known answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import starfile
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jobs.core.errors import UserError
from jobs.core.exploring import EmbeddingRequest, ViewRequest
from jobs.core.latent import Snapshot
from tests.support.explored import STEP_A, BlobModel
from tests.support.exploring import BlobServices, write_particles
from tests.support.models import write_peptide
from widgets import style
from widgets.explorer.explorer import Explorer
from widgets.explorer.tools import Tool

Open = Callable[..., Explorer]
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


def at(explorer: Explorer, x: float, y: float) -> QPoint:
    """Where a place of the plane is on the screen."""
    return explorer.canvas.frame.to_screen(x, y).toPoint()


def click(qtbot: QtBot, explorer: Explorer, x: float, y: float) -> None:
    before = explorer.shown_state
    qtbot.mouseClick(explorer.canvas, LEFT, pos=at(explorer, x, y))
    qtbot.waitUntil(lambda: explorer.shown_state is not before and not explorer.showing.busy, timeout=10_000)


def drag(
    qtbot: QtBot,
    explorer: Explorer,
    places: NDArray[Any],
    button: Qt.MouseButton = LEFT,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    points = [at(explorer, float(x), float(y)) for x, y in places]
    canvas = explorer.canvas
    qtbot.mousePress(canvas, button, modifier, points[0])
    for point in points[1:]:
        event_buttons = button
        _move(canvas, point, event_buttons, modifier)
    qtbot.mouseRelease(canvas, button, modifier, points[-1])


def _move(widget: Any, place: QPoint, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(place),
        QPointF(widget.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        button,
        modifier,
    )
    QApplication.sendEvent(widget, event)


def circle(x: float, y: float, radius: float, count: int = 40) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, count)
    return np.column_stack([x + radius * np.cos(turn), y + radius * np.sin(turn)])


@pytest.fixture(scope="module")
def opened_once(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """An explorer for tests that only click, draw and look: to open one takes longer than most of them."""
    style.apply_theme(qapp, "light")
    services = BlobServices(tmp_path_factory.mktemp("blobs"))
    write_particles(services.particles, BlobModel(400))
    folder = services.folder
    found = Explorer(services, ViewRequest(folder, folder, 1, embedding=EmbeddingRequest("axes")))
    found.resize(1280, 760)
    yield found
    found.close_down()
    found.hide()
    found.deleteLater()


@pytest.fixture
def explorer(qtbot: QtBot, opened_once: Explorer) -> Iterator[Explorer]:
    """The same explorer, put back as it was at first after each test."""
    found = opened_once
    if found.shown_state is None:
        with qtbot.waitSignal(found.ready, timeout=30_000):
            found.show()
    found.show()
    qtbot.waitUntil(lambda: not found.showing.busy, timeout=10_000)
    yield found
    found.player.pause()
    found.travel.take(None)
    found.selecting.set_count(400)
    found.canvas.set_tool(Tool.PICK)
    if found.is_exact:
        found.actions_by_key["snap"].trigger()
    if found.plane is None or found.plane.embedding.request != EmbeddingRequest("axes"):
        with qtbot.waitSignal(found.loading.embedded, timeout=20_000):
            found.loading.embed(EmbeddingRequest("axes"))
    qtbot.waitUntil(lambda: not found.showing.busy, timeout=10_000)
    found.hide()


def test_that_a_click_shows_the_map_of_the_nearest_particle(qtbot: QtBot, explorer: Explorer) -> None:
    assert explorer.opened is not None
    z = explorer.opened.latent
    row = int(np.argmax(z[:, 0]))
    click(qtbot, explorer, z[row, 0], z[row, 1])
    state = explorer.shown_state
    assert state is not None and state.volume is not None
    np.testing.assert_array_equal(state.volume, BlobModel(400).decode(z[row]))
    assert str(explorer.opened.names[row]) in state.title


def test_that_the_exact_place_is_decoded_when_snapping_is_off(qtbot: QtBot, explorer: Explorer) -> None:
    explorer.actions_by_key["snap"].trigger()
    click(qtbot, explorer, 0.7, -0.2)
    state = explorer.shown_state
    assert state is not None and state.latent is not None and state.volume is not None
    x, y = explorer.canvas.frame.to_data(QPointF(at(explorer, 0.7, -0.2)))
    np.testing.assert_allclose(state.latent[:2], [x, y], atol=1e-5)
    # the axes that are not shown are at their mean
    assert explorer.opened is not None
    np.testing.assert_allclose(state.latent[2:], explorer.opened.latent[:, 2:].mean(0), atol=1e-5)
    np.testing.assert_array_equal(state.volume, BlobModel(400).decode(state.latent))


def test_that_points_and_displacements_belong_to_the_state(qtbot: QtBot, explorer: Explorer) -> None:
    assert explorer.opened is not None
    z = explorer.opened.latent
    row = int(np.argmin(z[:, 0]))
    click(qtbot, explorer, z[row, 0], z[row, 1])
    state = explorer.shown_state
    assert state is not None and state.points_a is not None and state.rest_a is not None
    moving = state.rest_a[:, 0] > 0
    np.testing.assert_allclose(
        state.points_a[moving, 0] - state.rest_a[moving, 0], z[row, 0] * STEP_A, rtol=1e-4
    )
    assert not np.any(state.point_values["displacement (Å)"][~moving])


def test_that_dragging_shows_states_as_the_mouse_moves(qtbot: QtBot, explorer: Explorer) -> None:
    seen: list[Any] = []
    explorer.showing.made.connect(seen.append)
    ends = np.linspace([-1.5, 0], [1.5, 0], 25)
    canvas = explorer.canvas
    qtbot.mousePress(canvas, LEFT, pos=at(explorer, *ends[0]))
    for x, y in ends[1:]:
        _move(canvas, at(explorer, x, y), LEFT, Qt.KeyboardModifier.NoModifier)
        qtbot.wait(15)
    qtbot.mouseRelease(canvas, LEFT, pos=at(explorer, *ends[-1]))
    qtbot.waitUntil(lambda: not explorer.showing.busy, timeout=10_000)
    assert len(seen) > 5
    row = explorer.states.row
    assert row is not None and explorer.opened is not None and explorer.shown_state is not None
    np.testing.assert_array_equal(explorer.shown_state.latent, explorer.opened.latent[row])


def test_that_a_lasso_selects_exactly_the_particles_inside_and_the_star_file_holds_exactly_these(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    assert explorer.opened is not None
    explorer.canvas.set_tool(Tool.LASSO)
    drag(qtbot, explorer, circle(0.4, 0.1, 0.6))
    mask = explorer.choice.mask
    assert mask is not None
    xy = explorer.opened.latent[:, :2]
    # a polygon of 40 corners lies between two circles; a pixel is 0.01
    distance = np.hypot(xy[:, 0] - 0.4, xy[:, 1] - 0.1)
    assert mask[distance < 0.57].all() and not mask[distance > 0.62].any()
    assert 50 < mask.sum() < 300
    with qtbot.waitSignal(explorer.written, timeout=20_000) as signal:
        explorer.actions_by_key["save_star"].trigger()
    path, kind = signal.args
    assert kind == "star" and path == services.folder / "subsets/subset_1_half1.star"
    blocks, original = starfile.read(path), starfile.read(services.particles)
    names = explorer.opened.names[mask]
    kept = original["particles"][original["particles"]["rlnImageName"].isin(names)].reset_index(drop=True)
    assert list(blocks["particles"]["rlnImageName"]) == list(names)
    assert blocks["particles"].equals(kept)
    assert blocks["optics"].equals(original["optics"])


def test_that_modifiers_combine_regions_and_undo_takes_them_back(qtbot: QtBot, explorer: Explorer) -> None:
    explorer.canvas.set_tool(Tool.LASSO)
    drag(qtbot, explorer, circle(-0.5, 0, 0.6))
    first = explorer.choice.mask.copy()
    drag(qtbot, explorer, circle(0.5, 0, 0.6), modifier=Qt.KeyboardModifier.ShiftModifier)
    both = explorer.choice.mask.copy()
    drag(qtbot, explorer, circle(0.5, 0, 0.6), modifier=Qt.KeyboardModifier.AltModifier)
    without = explorer.choice.mask.copy()
    assert (both & first).sum() == first.sum() and both.sum() > first.sum()
    assert without.sum() < first.sum() and not (without & ~first).any()
    explorer.selecting.undo()
    np.testing.assert_array_equal(explorer.choice.mask, both)
    explorer.selecting.undo()
    np.testing.assert_array_equal(explorer.choice.mask, first)
    explorer.selecting.invert()
    np.testing.assert_array_equal(explorer.choice.mask, ~first)


def test_that_the_middle_button_draws_a_trajectory_that_is_played_and_written(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    drag(qtbot, explorer, np.linspace([-1.5, 0], [1.5, 0], 30), MIDDLE)
    qtbot.waitUntil(lambda: explorer.travel.trajectory is not None, timeout=10_000)
    trajectory = explorer.travel.trajectory
    assert trajectory is not None
    count = len(trajectory.states)
    assert explorer.player.count == count == 40
    qtbot.waitUntil(lambda: bool(explorer.travel.travelling.done.all()), timeout=20_000)
    # the first frame is the map at the start, the last one that at the end
    for frame in (0, count - 1):
        state = explorer.travel.travelling.frames[frame]
        assert state is not None
        np.testing.assert_array_equal(state.volume, BlobModel(400).decode(trajectory.states[frame]))
    assert trajectory.states[0, 0] < -1 and trajectory.states[-1, 0] > 1
    with qtbot.waitSignal(explorer.written, timeout=30_000) as signal:
        explorer.actions_by_key["save_movie"].trigger()
    folder = signal.args[0]
    assert folder == services.folder / "movies/movie01_half1"
    maps = sorted(folder.glob("volume*.mrc"))
    assert len(maps) == count
    with mrcfile.open(maps[0]) as written:
        np.testing.assert_array_equal(written.data, BlobModel(400).decode(trajectory.states[0]))
        assert float(written.voxel_size.x) == pytest.approx(4.0)


def test_that_going_to_a_frame_shows_it(qtbot: QtBot, explorer: Explorer) -> None:
    drag(qtbot, explorer, np.linspace([-1, 0.2], [1, -0.2], 20), MIDDLE)
    qtbot.waitUntil(lambda: bool(len(explorer.travel.travelling.done)), timeout=10_000)
    qtbot.waitUntil(lambda: bool(explorer.travel.travelling.done.all()), timeout=20_000)
    explorer.player.go_to(17)
    qtbot.waitUntil(lambda: explorer.shown_state is explorer.travel.travelling.frames[17], timeout=10_000)


def test_that_the_map_is_written_in_its_own_grey_scale(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    assert explorer.opened is not None
    click(qtbot, explorer, 1.0, 0.0)
    row = explorer.states.row
    with qtbot.waitSignal(explorer.written, timeout=20_000) as signal:
        explorer.actions_by_key["save_map"].trigger()
    assert signal.args[0] == services.folder / "maps/map001_half1.mrc"
    with mrcfile.open(signal.args[0]) as written:
        np.testing.assert_array_equal(written.data, BlobModel(400).decode(explorer.opened.latent[row]))


def test_that_another_layout_keeps_the_state_and_moves_its_mark(qtbot: QtBot, explorer: Explorer) -> None:
    click(qtbot, explorer, 1.0, 0.0)
    row, state = explorer.states.row, explorer.shown_state
    assert row is not None
    bar = explorer.embedding_bar
    bar.method.setCurrentIndex(bar.method.findData("pca"))
    with qtbot.waitSignal(explorer.loading.embedded, timeout=20_000):
        bar.method.activated.emit(bar.method.currentIndex())
    assert explorer.plane is not None
    assert explorer.plane.names[0].startswith("PC1")
    assert explorer.shown_state is state
    np.testing.assert_allclose(explorer.canvas._mark, explorer.plane.xy[row], atol=1e-4)


def test_that_layout_by_deformation_puts_particles_at_distances_in_angstroms(
    qtbot: QtBot, explorer: Explorer
) -> None:
    bar = explorer.embedding_bar
    bar.method.setCurrentIndex(bar.method.findData("pca"))
    bar.basis.setEnabled(True)
    bar.basis.setCurrentIndex(bar.basis.findData("deformation"))
    with qtbot.waitSignal(explorer.loading.embedded, timeout=20_000):
        bar.basis.activated.emit(bar.basis.currentIndex())
    assert explorer.plane is not None and explorer.opened is not None
    z = explorer.opened.latent[:, 0]
    spread = np.ptp(explorer.plane.xy[:, 0])
    assert spread == pytest.approx(np.ptp(z) * STEP_A / np.sqrt(2), rel=1e-3)


def test_that_clusters_can_be_found_and_colour_the_plot(qtbot: QtBot, explorer: Explorer) -> None:
    explorer.choice.find_clusters(3)
    qtbot.waitUntil(
        lambda: (
            explorer.colours.shown is not None and "cluster" in explorer.colours.shown.colouring.label.lower()
        ),
        timeout=20_000,
    )
    assert explorer.colours.shown is not None
    assert explorer.colours.shown.colouring.kind == "categorical"


def test_that_the_other_half_set_shows_its_own_particles_and_forgets_the_selection(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    explorer.canvas.set_tool(Tool.LASSO)
    drag(qtbot, explorer, circle(0, 0, 0.6))
    assert explorer.choice.mask is not None
    with qtbot.waitSignal(explorer.loading.opened, timeout=20_000):
        explorer.top.half_chosen.emit(2)
    assert explorer.opened is not None and explorer.opened.half == 2
    assert "job002" in str(explorer.opened.names[0])
    assert explorer.choice.mask is None
    with pytest.raises(UserError, match="No particles are selected"):
        explorer.choice.names()


def test_that_an_earlier_epoch_keeps_particle_and_selection(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    click(qtbot, explorer, 1.0, 0.0)
    row = explorer.states.row
    explorer.canvas.set_tool(Tool.LASSO)
    drag(qtbot, explorer, circle(0, 0, 0.6))
    mask = explorer.choice.mask.copy()
    with qtbot.waitSignal(explorer.loading.opened, timeout=20_000):
        explorer.top.slider.setValue(0)
    assert services.source.opened[-1] == (1, services.source.path / "004.pth")
    assert explorer.states.row == row
    np.testing.assert_array_equal(explorer.choice.mask, mask)
    assert explorer.top.epoch.text() == "epoch 4"


def test_that_a_running_job_is_followed(
    qtbot: QtBot, services: BlobServices, open_explorer: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.running = True
    explorer = open_explorer(services)
    assert explorer.top.follow.isVisible() and explorer.top.follow.isChecked()
    newer = Snapshot("epoch 14", 14, services.source.path / "014.pth")
    before = list(services.source.snapshots())
    monkeypatch.setattr(services.source, "snapshots", lambda: [*before, newer])
    qtbot.waitUntil(lambda: services.source.opened[-1] == (1, newer.path), timeout=15_000)
    qtbot.waitUntil(lambda: explorer.top.epoch.text() == "epoch 14", timeout=15_000)


def test_that_what_can_not_be_opened_is_told_in_words(
    qtbot: QtBot, services: BlobServices, open_explorer: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UserError("the checkpoint is damaged", path=Path("checkpoint_final.pth"))

    monkeypatch.setattr(services.source, "open", refuse)
    explorer = open_explorer(services, wait=False)
    with qtbot.waitSignal(explorer.loading.failed, timeout=20_000):
        explorer.show()
    assert "the checkpoint is damaged" in explorer.empty_text()


def test_that_the_wheel_zooms_the_plot_and_moves_no_map(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    state, width = explorer.shown_state, explorer.canvas.view.width
    place = QPointF(at(explorer, 0.0, 0.0))
    event = QWheelEvent(
        place,
        QPointF(explorer.canvas.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(explorer.canvas, event)
    assert explorer.canvas.view.width < width
    assert explorer.shown_state is state


def test_that_a_path_through_crowded_regions_is_found(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    explorer.paths.choose("auto")
    explorer.paths.find_path()
    qtbot.waitUntil(lambda: explorer.travel.trajectory is not None, timeout=20_000)
    trajectory = explorer.travel.trajectory
    assert trajectory is not None
    # from one end of the main direction to the other
    assert np.ptp(trajectory.states[:, 0]) > 2.0


def test_that_a_selection_can_be_trained_on(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    explorer.canvas.set_tool(Tool.RECTANGLE)
    drag(qtbot, explorer, np.array([[-0.5, -0.5], [0.0, 0.0], [0.5, 0.5]]))
    assert explorer.choice.mask is not None and explorer.opened is not None
    xy = explorer.opened.latent[:, :2]
    inside = (np.abs(xy) < 0.47).all(1)
    assert explorer.choice.mask[inside].all()
    with qtbot.waitSignal(explorer.train_wanted, timeout=20_000) as signal:
        explorer.actions_by_key["train_subset"].trigger()
    assert signal.args[0].name == "subset_1_half1.star"


def test_that_a_second_plot_shows_the_same_particles_and_is_linked_both_ways(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    second = explorer.second
    bar = second.bar
    second._request = EmbeddingRequest("pca", "deformation")
    explorer.actions_by_key["second"].trigger()
    qtbot.waitUntil(lambda: second.plane is not None, timeout=20_000)
    assert second.isVisible() and bar.method.currentData() == "pca"
    assert second.plane is not None and explorer.opened is not None
    row = int(np.argmin(explorer.opened.latent[:, 0]))
    place = second.canvas.frame.to_screen(*(float(v) for v in second.plane.xy[row])).toPoint()
    qtbot.mouseClick(second.canvas, LEFT, pos=place)
    qtbot.waitUntil(lambda: explorer.shown_state is not None and explorer.states.row == row, timeout=10_000)
    # a region in the second plot selects in the first
    second.canvas.set_tool(Tool.LASSO)
    middle = second.plane.xy.mean(0)
    reach = 0.5 * second.plane.xy.std(0)
    points = middle + reach * np.column_stack(
        [np.cos(np.linspace(0, 6.2, 30)), np.sin(np.linspace(0, 6.2, 30))]
    )
    places = second.canvas.frame.points_to_screen(points)
    qtbot.mousePress(second.canvas, LEFT, pos=places[0].toPoint())
    for point in places[1:]:
        _move(second.canvas, point.toPoint(), LEFT, Qt.KeyboardModifier.NoModifier)
    qtbot.mouseRelease(second.canvas, LEFT, pos=places[-1].toPoint())
    assert explorer.choice.mask is not None
    away = np.abs((second.plane.xy - middle) / reach)
    assert explorer.choice.mask[np.hypot(*away.T) < 0.9].all()
    assert not explorer.choice.mask[np.hypot(*away.T) > 1.1].any()


def test_that_held_out_particles_are_shown_as_points_coloured_by_what_the_models_disagree_about(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    with qtbot.waitSignal(explorer.loading.opened, timeout=20_000):
        explorer.open_half(0)
    controls = explorer.map.controls
    qtbot.waitUntil(lambda: not explorer.showing.busy, timeout=10_000)
    if explorer.map.available:  # slices have no Gaussians to colour
        wanted = "half-set difference (Å)"
        qtbot.waitUntil(lambda: controls.colour_by.currentData() == wanted, timeout=10_000)
    assert controls.representation.currentData() == "points"
    state = explorer.shown_state
    assert state is not None and state.points_a is not None and state.rest_a is not None
    moved = np.linalg.norm(state.points_a - state.rest_a, axis=1)
    np.testing.assert_allclose(state.point_values["half-set difference (Å)"], 0.1 * moved, atol=1e-5)
    np.testing.assert_allclose(state.point_values["estimated error (Å)"], 0.5 + 0.2 * moved, atol=1e-5)
    assert "± 0.50 Å" in explorer.describe(3)
    explorer.states.pick_particle(3)
    qtbot.waitUntil(lambda: "± 0.5 Å" in explorer.particle.facts.text(), timeout=10_000)


def test_that_atomic_models_of_the_selected_particles_are_written(
    qtbot: QtBot, services: BlobServices, open_explorer: Open, tmp_path: Path
) -> None:
    explorer = open_explorer(services)
    explorer.atoms_path = write_peptide(tmp_path / "in.pdb")
    mask = np.zeros(400, bool)
    mask[[4, 9]] = True
    explorer.selecting.combine(mask)
    with qtbot.waitSignal(explorer.written, timeout=20_000) as told:
        explorer.writing.save_selection("models")
    folder = told.args[0]
    names = BlobModel(400).metadata["image_name"]
    assert starfile.read(folder / "models.star")["rlnImageName"].tolist() == [names[4], names[9]]
    assert (folder / "particle0001.cif").is_file()


def test_that_kept_selections_survive_the_closing_of_the_explorer(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    rng = np.random.default_rng(5)
    masks = {"open": rng.random(400) < 0.3, "closed": rng.random(400) < 0.1}
    named = explorer.selecting.ways.named
    for name, mask in masks.items():
        explorer.selecting.clear()
        explorer.selecting.combine(mask)
        named.name.setText(name)
        named.keep()
    explorer.close_down()
    assert not list((services.folder / "explorer").rglob("*.tmp"))
    again = open_explorer(services)
    named = again.selecting.ways.named
    qtbot.waitUntil(lambda: named.names() == ["open", "closed"], timeout=10_000)
    for name, mask in masks.items():
        np.testing.assert_array_equal(named.mask_of(name), mask)
    named.choose("open")
    named.forget()
    # particles of the other half-set are other ones: there is the name, and nobody in it
    again.open_half(2)
    qtbot.waitUntil(lambda: again.opened is not None and again.opened.half == 2, timeout=20_000)
    qtbot.waitUntil(lambda: named.names() == ["closed"], timeout=10_000)
    assert not named.mask_of("closed").any()
    again.close_down()
    assert list(services.kept_selections()) == ["closed"]
