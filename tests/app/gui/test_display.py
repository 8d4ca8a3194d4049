"""Files of a job opened from the window: which viewer, how it is asked for, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu

from app.display_command import display_request
from app.gui.display import viewer_for
from app.gui.display_window import DisplayWindow
from app.gui.main_window import MainWindow
from app.viewing.loading import load
from jobs.core.errors import UserError
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from tests.app.gui.acting import REFINEMENT
from widgets.gallery import Gallery
from widgets.log_view import LogView
from widgets.map_viewer import MapViewer


@pytest.mark.parametrize(
    ("name", "label", "viewer"),
    [
        ("run_data.star", "ParticleGroupMetadata.star.relion.refine3d", "star"),
        ("run_it025_model.star", "", "model"),
        ("postprocess.star", "ProcessData.star.relion.postprocess", "model"),
        ("job.star", "", "job"),
        ("run_class001.mrc", "DensityMap.mrc.relion.refine3d", "map"),
        ("mask.mrc", "Mask3D.mrc.relion", "map"),
        ("run_it025_classes.mrcs", "", "images"),
        ("exported.cs", "", "images"),
        ("mic1.mrc", "MicrographGroupMetadata", "images"),
        ("logfile.pdf", "LogFile.pdf.relion.postprocess", "pdf"),
        ("run.out", "", "text"),
        ("opt_params", "ParamsData.txt.relion.polish", "text"),
        ("model.pth", "", "desktop"),
    ],
)
def test_that_each_file_has_its_viewer(name: str, label: str, viewer: str) -> None:
    assert viewer_for(f"Job/job001/{name}", label) == viewer


def opened(qtbot: Any, window: MainWindow, kind: type) -> Any:
    viewers = window.display_commands.viewers
    qtbot.waitUntil(lambda: bool(viewers) and viewers[-1].content is not None, timeout=10_000)
    found = viewers[-1].content
    return found if isinstance(found, kind) else found.findChild(kind)


def choose(qtbot: Any, window: MainWindow) -> list[str]:
    """Choose the refinement and open its Display menu; returns what it offers."""
    window.select(REFINEMENT)
    qtbot.waitUntil(lambda: bool(window.io.entries()[1]), timeout=5000)
    window.io.display_menu.aboutToShow.emit()
    return [action.text() for action in window.io.display_menu.actions() if action.text()]


def test_that_display_offers_files_as_relion_does_and_shows_them(qtbot: Any, window: MainWindow) -> None:
    offered = choose(qtbot, window)
    assert f"out: {REFINEMENT}run_data.star" in offered and f"out: {REFINEMENT}run_class001.mrc" in offered
    assert "log: run.out" in offered and offered[-1] == "&Display…"
    by_text = {action.text(): action for action in window.io.display_menu.actions()}
    by_text[f"out: {REFINEMENT}run_class001.mrc"].trigger()
    viewer = opened(qtbot, window, MapViewer)
    assert viewer.maps[0].shape == (64, 64, 64)
    by_text[f"out: {REFINEMENT}run_data.star"].trigger()
    assert opened(qtbot, window, Gallery).source.count == 6
    by_text[f"out: {REFINEMENT}run_data.star"].trigger()
    assert len(window.display_commands.viewers) == 2, "a second window for the same file"
    by_text["log: run.out"].trigger()
    assert "Refinement has converged" in opened(qtbot, window, LogView).lines()[0]
    window.close()
    assert not window.display_commands.viewers


def test_that_a_double_click_on_a_file_opens_its_viewer(qtbot: Any, window: MainWindow) -> None:
    choose(qtbot, window)
    tree = window.io.outputs.tree
    item = tree.topLevelItem(0).child(0)
    tree.itemActivated.emit(item, 0)
    opened(qtbot, window, Gallery)
    window.display_commands.close_all()


def test_that_the_menu_of_a_job_holds_the_same_files(qtbot: Any, window: MainWindow) -> None:
    choose(qtbot, window)
    menu = QMenu()
    window.display_commands.add_menu(menu)
    sub = menu.actions()[0].menu()
    assert isinstance(sub, QMenu)
    sub.aboutToShow.emit()
    assert any(action.text().startswith("out: ") for action in sub.actions())


def test_that_a_file_without_viewer_goes_to_the_desktop_or_is_told(
    window: MainWindow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    (project / "weights.pth").write_bytes(b"x")
    window.open_file(Path("weights.pth"))
    assert "no viewer for .pth files" in window.message_bar.messages()[0]


def test_that_a_damaged_file_is_explained_and_can_be_tried_again(qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "map.mrc"
    path.write_bytes(b"no map")
    window = DisplayWindow(path, "map")
    window.show()
    qtbot.waitUntil(lambda: not window.busy)
    assert "cannot be shown" in window.state.message() and "Traceback" not in window.state.message()
    assert window.content is None
    window.close()


def test_that_the_correlations_of_a_backprojection_are_drawn_with_their_names(tmp_path: Path) -> None:
    x = np.arange(1, 20) / 100
    columns = {"rlnResolution": x, "hsFscDeformedMasked": 1 - x, "hsFscOrdinary": 1 - 2 * x}
    write_star_tables(tmp_path / "fsc.star", [StarTable.from_columns("fsc", columns)])
    (sheet,) = load(tmp_path / "fsc.star", "star").sheets
    assert [curve.name for curve in sheet.curves] == ["deformed, masked", "ordinary"]


def test_that_curves_of_postprocessing_and_of_classes_are_found(tmp_path: Path) -> None:
    shell = np.arange(20)
    frequency = shell / 100.0
    columns = {
        "rlnSpectralIndex": shell,
        "rlnResolution": frequency,
        "rlnAngstromResolution": np.where(shell == 0, 999.0, 1 / np.maximum(frequency, 1e-9)),
    }
    fsc = StarTable.from_columns("fsc", {**columns, "rlnFourierShellCorrelationCorrected": 1 - shell / 20})
    guinier = StarTable.from_columns(
        "guinier", {"rlnResolutionSquared": frequency**2, "rlnLogAmplitudesOriginal": -shell * 1.0}
    )
    write_star_tables(tmp_path / "postprocess.star", [fsc, guinier])
    sheets = load(tmp_path / "postprocess.star", "model").sheets
    assert [sheet.title for sheet in sheets] == ["Fourier shell correlation", "Guinier plot"]
    assert sheets[0].curves[0].name == "corrected"
    classes = [
        StarTable.from_columns(f"model_class_{k}", {**columns, "rlnSsnrMap": np.exp(-shell / k)})
        for k in (1, 2)
    ]
    write_star_tables(tmp_path / "run_it025_model.star", classes)
    (found,) = load(tmp_path / "run_it025_model.star", "model").sheets
    assert [curve.name for curve in found.curves] == ["class 1", "class 2"]


def test_that_settings_are_shown_as_parameters(project: Path) -> None:
    tables = load(project / REFINEMENT / "job.star", "job").tables
    assert tables[0].name == "parameters"
    assert ("sym_name", "D2") in [tuple(tables[0].row(k)) for k in range(tables[0].n_rows)]


def test_that_the_command_line_finds_the_project_of_a_file(project: Path, tmp_path: Path) -> None:
    path = project / REFINEMENT / "run_data.star"
    request = display_request([str(path)])
    assert request.files == (path,) and request.project_dir == project
    with pytest.raises(UserError, match="no such file"):
        display_request([str(tmp_path / "none.mrc")])
