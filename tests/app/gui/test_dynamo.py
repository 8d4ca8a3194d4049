"""A Dynamo project in the window: form, dry run, particles in their tomograms, set-up, and the average."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QPushButton

from app.gui.main_window import MainWindow
from app.project.project import Project
from jobs.dynamo_processor.config_file import write_config
from jobs.dynamo_processor.params import DynamoOptions
from jobs.formats.dynamo_table import read_table
from jobs.formats.mrc import read_map
from tests.app.gui.acting import type_into, wait_for_status
from tests.support.tomography_projects import BOX, Placed, correlation, imod_project, reference
from widgets.figure_table import FigureTable
from widgets.series_field import SeriesEditor

SMALL = {"dir_contains": "TS", "mod_contains": "particles", "box_size": str(BOX), "dim_r1": str(BOX)}


@pytest.fixture(scope="module")
def imod(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Placed]]:
    """An IMOD project of three tomograms, and a fourth that nobody has picked yet."""
    folder = tmp_path_factory.mktemp("imod") / "IMOD's data"
    placed = imod_project(folder, 5)
    (folder / "TS_3").mkdir()
    shutil.copy(folder / "TS_1" / "TS_1_rec.rec", folder / "TS_3" / "TS_3_rec.rec")
    return folder, placed


@pytest.fixture
def tomo(
    qtbot: Any, make_window: Callable[..., MainWindow], tmp_path: Path, imod: tuple[Path, list[Placed]]
) -> MainWindow:
    """A window in tomography mode on a project that holds the tomograms."""
    path = tmp_path / "tomo"
    path.mkdir()
    Project.create(path)
    (path / "IMOD's data").symlink_to(imod[0])
    window = make_window()
    window.project_commands.open(path)
    qtbot.waitUntil(lambda: window.project_path == path, timeout=10_000)
    window.housekeeping.set_tomo(True)
    window.show_new("dynamo")
    return window


def checked(qtbot: Any, window: MainWindow) -> list[str]:
    """Wait for the checks; returns what is wrong."""
    form = window.page.current_form
    assert form is not None
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not form.checking, timeout=10_000)
    return [problem.sentence for problem in form.problems() if problem.severity == "error"]


def press(qtbot: Any, window: MainWindow, text: str) -> None:
    """Press a button of the overview."""

    def found() -> list[QPushButton]:
        return [b for b in window.overview.findChildren(QPushButton) if b.text() == text and not b.isHidden()]

    window.panes.reveal("overview")
    qtbot.waitUntil(lambda: len(found()) == 1, timeout=10_000)
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def test_that_a_project_is_looked_over_set_up_and_averaged(
    qtbot: Any, tomo: MainWindow, imod: tuple[Path, list[Placed]]
) -> None:
    window = tomo
    for option, text in {**SMALL, "imod_dir": "IMOD's data", "low_r1": "6", "lim_r1": "3"}.items():
        type_into(qtbot, window, option, text)
    assert checked(qtbot, window) == []
    form = window.page.current_form
    assert form is not None
    # 16 px of 10 Å; 6 Fourier pixels of that box; shifts of 3 px
    said = {name: form.rows[name].caption.text() for name in ("box_size", "low_r1", "lim_r1", "apix")}
    assert said == {"box_size": "160 Å", "low_r1": "26.7 Å", "lim_r1": "30 Å", "apix": "10 Å found"}

    # the dry run: a table of all tomograms, with what is wrong in words
    rehearse = window.findChild(QPushButton, "rehearse_button")
    assert rehearse is not None and rehearse.text() == "Dry run"
    qtbot.mouseClick(rehearse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.page.details is not None, timeout=10_000)
    assert window.page.details is not None
    name = window.page.details.entry.name
    wait_for_status(qtbot, window, name, "Succeeded")
    project = window.project_path
    assert project is not None
    folder = project / name
    assert (folder / "scan.star").is_file() and not (folder / "input.tbl").exists()
    assert rehearse.isHidden()
    # a dry run is not what Run! does next time
    window.show_new("dynamo")
    form = window.page.current_form
    assert form is not None and form.values()["scan_only"] == "No"
    assert form.values()["imod_dir"] == "IMOD's data", "all else is kept"
    window.select(name)
    wait_for_status(qtbot, window, name, "Succeeded")

    def tables() -> list[FigureTable]:
        return [plot for plot in window.monitor.figures.plots if isinstance(plot, FigureTable)]

    press(qtbot, window, "Table")
    qtbot.waitUntil(lambda: bool(tables()), timeout=10_000)
    texts = tables()[0].texts()
    assert {"TS_1", "TS_2", "TS_3", "TS_10", "-40 … 60°", "50 × 60 × 40", "10"} <= set(texts)
    assert any("the model was not found" in text for text in texts)
    assert any("another binning" in text for text in texts)
    figure = tables()[0].figure
    assert figure is not None
    counts = {row[1]: row[6] for row in figure.rows}
    assert counts == {"TS_1": "5", "TS_2": "5", "TS_3": "0", "TS_10": "5"}

    # the particles in their tomogram, before anything else is written
    press(qtbot, window, "Tomograms…")
    commands = window.explorer_commands.tomograms
    qtbot.waitUntil(lambda: commands.placed is not None, timeout=60_000)
    assert commands.placed is not None
    pane = commands.placed.pane
    qtbot.waitUntil(lambda: pane.places is not None and not pane.work.busy, timeout=30_000)
    qtbot.waitUntil(lambda: pane.slabs.picture is not None, timeout=30_000)
    assert pane.places is not None
    first = imod[1][0]
    here = pane.places.tomogram == first.name
    assert np.allclose(pane.places.centre_a[here], first.position * 10.0, atol=0.01)
    # arrows stand along the axis of the reference, the third row of M
    assert np.allclose(pane.places.rotation[here][:, :, 2], first.rotation[:, 2, :], atol=1e-4)
    commands.placed.close()

    # and the project itself
    press(qtbot, window, "Set up")
    assert checked(qtbot, window) == []
    qtbot.waitUntil(window.page.can_run, timeout=10_000)
    qtbot.mouseClick(window.page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil((folder / "initial_average.mrc").is_file, timeout=60_000)
    wait_for_status(qtbot, window, name, "Succeeded")
    assert len(read_table(folder / "input.tbl")) == 15
    for file in ("tomograms_input.doc", "dynamo_process.m", "particles/crop.tbl", "particles_map.star"):
        assert (folder / file).is_file(), file
    assert correlation(read_map(folder / "initial_average.mrc").data, reference()) > 0.95
    window.panes.reveal("monitor")
    choice = window.monitor.maps.choice
    qtbot.waitUntil(lambda: choice.count() == 1 and choice.itemText(0) == "all particles", timeout=10_000)
    assert any("Fourier shell correlation" in text for text in window.monitor.figures.texts())
    details = window.page.details
    found = {fact.title: fact.value for _, facts in details.findings for fact in facts}
    assert found["Particles"] == "15" and found["Halves agree to"].endswith("Å")
    assert "dynamo_process.m" in details.next_step
    press(qtbot, window, "Bring back")


def test_that_the_form_shows_what_is_used_and_is_filled_in_from_a_file_that_is_dropped(
    qtbot: Any, tomo: MainWindow, tmp_path: Path
) -> None:
    window = tomo
    form = window.page.current_form
    assert form is not None
    names = [form.tab_widget.tabText(k) for k in range(form.tab_widget.count())]
    place = names.index(form.rows["low_later"].spec.tab)
    assert not form.tab_widget.isTabVisible(place)
    type_into(qtbot, window, "nr_rounds", "3")
    assert form.tab_widget.isTabVisible(place)
    type_into(qtbot, window, "low_r1", "10")
    editor = form.rows["low_later"].editor
    assert isinstance(editor, SeriesEditor)
    boxes = editor.boxes
    assert [box.isHidden() for box in boxes[:2]] == [False, False] and boxes[0].placeholderText() == "10"
    qtbot.keyClicks(boxes[1], "12")
    assert form.values()["low_later"] == "; 12"
    words = form.rows["limm_r1"].editor.findChild(QComboBox)
    assert words is not None and words.currentText() == "1: the centre of the box"
    type_into(qtbot, window, "nr_rounds", "1")
    assert not form.tab_widget.isTabVisible(place)
    # each source has fields of its own
    shown = {}
    for source in ("imod", "eman2", "relion5", "warp", "peet"):
        form.set_values({"source_type": source})
        names = ["imod_dir", "eman2_dir", "fn_particles", "root"]
        shown[source] = {name for name in names if form.rows[name].shown}
    assert shown == {
        "imod": {"imod_dir"},
        "eman2": {"eman2_dir"},
        "relion5": {"fn_particles"},
        "warp": {"fn_particles"},
        "peet": {"imod_dir"},
    }

    # a configuration file dropped on the window gives the same job
    options = DynamoOptions(
        imod_dir="IMOD's data", project_name="ribo", box_size=32, nr_rounds=3, low_later="12; 14", sym_r1="c6"
    )
    path = tmp_path / "job.yaml"
    write_config(path, options)
    path.write_text(path.read_text() + "- name: i3\n  args: {}\n")
    window.show_new("dynamo")
    window.drops.take([path])
    form = window.page.current_form
    assert form is not None
    qtbot.waitUntil(lambda: form.values()["project_name"] == "ribo", timeout=10_000)
    assert form.options() == options
    qtbot.waitUntil(lambda: "i3" in " ".join(window.message_bar.messages()), timeout=5_000)
