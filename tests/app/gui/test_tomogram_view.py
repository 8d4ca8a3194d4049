"""Particles in their tomogram, in the real window: opened from a job, linked with its explorer both ways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QToolButton

from app.gui.main_window import MainWindow
from app.gui.tomogram_view import TomogramWindow
from app.project.project import Project
from jobs.tomodrgn import train
from jobs.tomodrgn.params import JOB_TYPE
from tests.jobs.tomodrgn.conftest import context_of, small_options
from widgets.explorer import graphics
from widgets.explorer.explorer import Explorer
from widgets.tomogram.pane import TomogramPane

#: The first of 144 particles; all lie in one tomogram.
COUNT = 40


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """The project of a training of an epoch on some particles."""
    project = tmp_path_factory.mktemp("learnt")
    options = small_options(shared, n_epochs=1, use_first_nptcls=COUNT, batch_size=8, zdim=4)
    context = context_of(project, "TomoDRGN/job001/", options)
    train.run(context)
    context.metrics.close()
    return project


@pytest.fixture
def job(window: MainWindow, training: Path, qtbot: Any) -> str:
    """A finished TomoDRGN job of the project of the window."""
    assert window.project_path is not None

    def files(job_dir: Path, _name: str) -> None:
        shutil.copytree(training / "TomoDRGN" / "job001", job_dir, dirs_exist_ok=True)
        (job_dir / "RELION_JOB_EXIT_SUCCESS").touch()

    process = Project.open(window.project_path).new_job(
        JOB_TYPE.directory, JOB_TYPE.label, outputs=[], status="Succeeded", prepare=files
    )
    window.project_commands.reread()
    qtbot.waitUntil(lambda: process.name in window.entries, timeout=10_000)
    window.select(process.name)
    qtbot.waitUntil(
        lambda: window.page.details is not None and window.page.details.entry.name == process.name,
        timeout=10_000,
    )
    return str(process.name)


@pytest.fixture
def view(window: MainWindow, job: str, qtbot: Any, shared: Path) -> Iterator[TomogramWindow]:
    """The tomogram of the job, with the places of the volume series."""
    window.actions_by_key["tomogram"].trigger()
    commands = window.explorer_commands
    qtbot.waitUntil(lambda: commands.tomograms.view is not None, timeout=60_000)
    found = commands.tomograms.view
    assert found is not None and found.isVisible()
    pane = found.pane
    qtbot.waitUntil(lambda: not pane.work.busy, timeout=20_000)
    assert "Where are the particles?" in pane.room.empty.message()
    data = shared / "data" / "tomodrgn"
    pane.take_coordinates(data / "10076_both_32_sim_vols.star")
    qtbot.waitUntil(lambda: pane.places is not None and not pane.work.busy, timeout=20_000)
    pane.slabs.use_file("both.tomostar", data / "tomogram_001.mrc")
    qtbot.waitUntil(lambda: pane.slabs.picture is not None, timeout=20_000)
    if not graphics.check():
        qtbot.waitUntil(lambda: pane.room.scene is not None, timeout=60_000)
    settle(qtbot, pane)
    yield found
    window.explorer_commands.close()


def settle(qtbot: Any, pane: TomogramPane) -> None:
    """Wait until everything is drawn."""
    qtbot.waitUntil(lambda: not (pane.looks.busy or pane.slabs.busy), timeout=60_000)
    qtbot.wait(50)


def take_tool(pane: TomogramPane, key: str) -> None:
    button = pane.tools.findChild(QToolButton, f"tomogram_tool_{key}")
    assert button is not None
    button.click()


def explorer_of(window: MainWindow) -> Explorer:
    explorer = window.explorer_commands.explorer
    assert explorer is not None and explorer.opened is not None
    return explorer


def what_is_selected_in_the_latent_plot_is_highlighted_in_the_tomogram(
    qtbot: Any, window: MainWindow, view: TomogramWindow
) -> None:
    explorer, pane = explorer_of(window), view.pane
    assert explorer.opened is not None
    xy = explorer.plane.xy  # type: ignore[union-attr]
    low, high = np.nanmin(xy, 0) - 1, np.nanmax(xy, 0) + 1
    middle = float(np.median(xy[:, 0]))
    left = np.array([low, (middle, low[1]), (middle, high[1]), (low[0], high[1])])
    explorer.canvas.region_drawn.emit(left, "new")
    settle(qtbot, pane)
    expected = xy[:, 0] < middle
    assert pane.selection is not None and np.array_equal(pane.selection, expected)
    colours = pane.looks.colours()
    assert len(colours) == COUNT
    assert np.array_equal(colours[:, 3] == 1, expected) and (colours[~expected, 3] < 0.3).all()
    item = pane.controls.tomograms.list.topLevelItem(0)
    assert item is not None and item.text(1) == f"{int(expected.sum())} of {COUNT}"
    explorer.selecting.clear()
    settle(qtbot, pane)
    assert (pane.looks.colours()[:, 3] == 1).all() and item.text(1) == str(COUNT)


def what_is_outlined_in_the_tomogram_is_selected_in_the_latent_plot(
    qtbot: Any, window: MainWindow, view: TomogramWindow
) -> None:
    explorer, pane = explorer_of(window), view.pane
    take_tool(pane, "rectangle")
    target = pane.room.surface
    seen = pane.looks.seen()
    a, b = QPoint(2, 2), QPoint(int(np.median(seen[:, 0])), target.height() - 2)
    qtbot.mousePress(target, Qt.MouseButton.LeftButton, pos=a)
    qtbot.mouseMove(target, b)
    qtbot.mouseRelease(target, Qt.MouseButton.LeftButton, pos=b)
    inside = (seen[:, 0] > a.x()) & (seen[:, 0] < b.x()) & (seen[:, 1] > a.y()) & (seen[:, 1] < b.y())
    assert 8 < inside.sum() < 32
    mask = explorer.choice.mask
    assert mask is not None and np.array_equal(mask[pane.rows], inside)
    assert pane.selection is not None and np.array_equal(pane.selection, mask)
    assert explorer.selecting.selection.history[-1].startswith("Tomogram")
    # the camera stays: dragging belongs to the outline
    assert np.allclose(pane.looks.seen(), seen)
    explorer.selecting.clear()
    take_tool(pane, "look")
    settle(qtbot, pane)


def a_click_selects_the_particle_and_shows_its_map(
    qtbot: Any, window: MainWindow, view: TomogramWindow
) -> None:
    explorer, pane = explorer_of(window), view.pane
    seen = pane.looks.seen()
    # one that stands alone
    apart = np.hypot(*(seen[:, None, :2] - seen[None, :, :2]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    k = int(np.argmax(apart.min(1)))
    place = QPoint(*(round(float(v)) for v in seen[k, :2]))
    qtbot.mouseMove(pane.room.surface, place)
    qtbot.waitUntil(lambda: str(pane.names[pane.rows[k]]) in pane.hover.text(), timeout=5000)
    qtbot.mouseClick(pane.room.surface, Qt.MouseButton.LeftButton, pos=place)
    mask = explorer.choice.mask
    assert mask is not None and np.flatnonzero(mask).tolist() == [pane.rows[k]]
    name = str(pane.names[pane.rows[k]])

    def shown() -> bool:
        return explorer.shown_state is not None and name in explorer.shown_state.title

    qtbot.waitUntil(shown, timeout=20_000)
    explorer.selecting.clear()
    settle(qtbot, pane)


def each_particle_can_be_shown_as_its_own_volume(
    qtbot: Any, view: TomogramWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = view.pane
    monkeypatch.setattr("widgets.tomogram.looks.MOST_OWN", 9)
    pane.controls.particles.choose_look("own")
    settle(qtbot, pane)
    note = pane.controls.particles.note.text()
    if pane.room.scene is None:
        assert "three dimensions" in note
        return
    assert f"9 of {COUNT}" in note
    layer = pane.room.scene.model.layers["solids"]
    owners = pane.room.scene._solids.owner  # type: ignore[union-attr]
    assert len(np.unique(owners)) == 9 and len(layer.data[0]) == len(owners)
    pane.controls.particles.choose_look("balls")
    settle(qtbot, pane)
    assert not pane.room.scene.layers.shows("solids")


def neighbours_are_compared_in_a_sentence(qtbot: Any, view: TomogramWindow) -> None:
    pane = view.pane
    pane.tabs.setCurrentIndex(1)
    qtbot.mouseClick(pane.neighbours.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(pane.neighbours.sentence.text()), timeout=20_000)
    said = pane.neighbours.sentence.text()
    assert said.startswith(f"{COUNT} particles in one tomogram") and "shuffled" in said
    assert pane.neighbours.distances.isVisible() and pane.neighbours.chance.isVisible()


def places_and_tomograms_are_remembered(qtbot: Any, window: MainWindow) -> None:
    window.explorer_commands.close()
    window.actions_by_key["tomogram"].trigger()
    commands = window.explorer_commands
    qtbot.waitUntil(lambda: commands.tomograms.view is not None, timeout=60_000)
    pane = commands.tomograms.view.pane  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: pane.slabs.picture is not None, timeout=20_000)
    assert len(pane.rows) == COUNT


def test_that_particles_in_their_tomogram_are_linked_with_the_latent_plot_both_ways(
    qtbot: Any, window: MainWindow, view: TomogramWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one story: to open a window and its view takes longer than all that is done in it
    what_is_selected_in_the_latent_plot_is_highlighted_in_the_tomogram(qtbot, window, view)
    what_is_outlined_in_the_tomogram_is_selected_in_the_latent_plot(qtbot, window, view)
    a_click_selects_the_particle_and_shows_its_map(qtbot, window, view)
    each_particle_can_be_shown_as_its_own_volume(qtbot, view, monkeypatch)
    neighbours_are_compared_in_a_sentence(qtbot, view)
    places_and_tomograms_are_remembered(qtbot, window)


def test_that_single_particles_have_no_tomograms(window: MainWindow) -> None:
    action = window.actions_by_key["tomogram"]
    assert not action.isEnabled()
