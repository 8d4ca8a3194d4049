"""Maps side by side, their facts, and the correlation of half-maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.viewing.loading import MapWork, load
from app.viewing.maps import MapSource, other_half
from jobs.core.errors import FormatError
from jobs.formats.mrc import write_map
from tests.support.shared import shared_dir
from widgets.fsc_viewer import FscViewer
from widgets.fsc_viewer_data import Curve, CurveSheet, crossing, resolution_words
from widgets.map_viewer import MapViewer


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path]:
    """Two half-maps: a ball, with noise of their own, and a mask around it."""
    grid = np.mgrid[:32, :32, :32] - 16.0
    ball = np.exp(-(grid**2).sum(0) / 18)
    rng = np.random.default_rng(1)
    paths = []
    for half in (1, 2):
        paths.append(tmp_path / f"run_half{half}_class001_unfil.mrc")
        write_map(paths[-1], (ball + rng.normal(size=ball.shape) * 0.03).astype(np.float32), 2.0)
    write_map(tmp_path / "mask.mrc", (ball > 0.05).astype(np.float32), 2.0)
    return paths[0], paths[1]


@pytest.fixture
def viewer(qtbot: QtBot, halves: tuple[Path, Path]) -> MapViewer:
    content = load(halves[1], "map")
    made = MapViewer(MapWork(halves[1]))
    qtbot.addWidget(made, before_close_func=lambda w: w.close_down())
    made.resize(1100, 700)
    made.show()
    made.set_maps(content.maps, content.masks)
    qtbot.waitUntil(lambda: not made.busy)
    return made


def test_that_the_other_half_is_found_and_the_first_comes_first(
    viewer: MapViewer, halves: tuple[Path, Path]
) -> None:
    assert other_half(halves[0]) == halves[1] and other_half(halves[1]) == halves[0]
    assert [m.name for m in viewer.maps] == [p.name for p in halves]
    assert viewer.facts.text(0, "Box") == "32³ voxels"
    assert viewer.facts.text(0, "Pixel size") == "2 Å"
    volume = MapSource(halves[0]).volume()
    assert float(viewer.facts.text(0, "Highest")) == pytest.approx(volume.max(), rel=1e-3)
    assert float(viewer.facts.text(0, "Deviation")) == pytest.approx(volume.std(), rel=1e-3)


def test_that_slices_of_both_maps_move_together(viewer: MapViewer, qtbot: QtBot) -> None:
    slices = viewer.slices
    assert len(slices.panes) == 6
    slices.panes[(0, 0)].moved.emit(3)
    qtbot.waitUntil(lambda: not slices.busy)
    assert [slices.panes[(k, 0)].caption.split("   ")[0] for k in (0, 1)] == ["z 20 of 32"] * 2
    slices.layout_box.setCurrentIndex(2)
    qtbot.waitUntil(lambda: not slices.busy)
    assert [axis for _, axis in slices.panes] == [1, 1]


def test_that_half_maps_are_correlated_and_a_mask_raises_the_correlation(
    viewer: MapViewer, qtbot: QtBot
) -> None:
    viewer.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: bool(viewer.fsc.sheets), timeout=20_000)
    curve = viewer.fsc.shown()[0]
    assert curve.y[1] > 0.98 and abs(curve.y[-1]) < 0.4 and curve.x[-1] == pytest.approx(0.25)
    plain = float(viewer.fsc.resolutions()[0][1][0].split()[0])
    assert 4 < plain < 25 and "at 0.143:" in viewer.fsc.reading_text()
    mask = next(k for k in range(viewer.mask_box.count()) if viewer.mask_box.itemText(k) == "mask.mrc")
    viewer.mask_box.setCurrentIndex(mask)
    viewer.mask_box.activated.emit(mask)
    qtbot.waitUntil(lambda: len(viewer.fsc.shown()) == 2, timeout=20_000)
    assert viewer.fsc.resolutions()[0][0] == "within mask.mrc"


def test_that_maps_are_added_and_taken_away_and_what_can_not_be_read_is_told(
    viewer: MapViewer, qtbot: QtBot, tmp_path: Path
) -> None:
    viewer.add_map(shared_dir() / "data/maps/hand_64px.mrc")
    qtbot.waitUntil(lambda: len(viewer.maps) == 3 and not viewer.busy)
    assert viewer.slices.axes() == (0,)
    viewer.facts.removed.emit(0)
    assert len(viewer.maps) == 2 and not viewer.tabs.isTabVisible(2)
    (tmp_path / "no.mrc").write_bytes(b"nothing")
    viewer.add_map(tmp_path / "no.mrc")
    qtbot.waitUntil(lambda: bool(viewer.bar.messages()))
    assert "no.mrc" in viewer.bar.messages()[0]


def test_that_a_map_mapped_into_memory_is_cut_as_one_that_was_read(
    halves: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = MapSource(halves[0])
    monkeypatch.setattr("app.viewing.maps.IN_MEMORY_BYTES", 0)
    monkeypatch.setattr("app.viewing.maps.SURFACE_SIDE", 16)
    mapped = MapSource(halves[0])
    for axis in range(3):
        assert np.array_equal(read.slice_of(axis, 11), mapped.slice_of(axis, 11))
    small, voxel = mapped.small()
    assert small.shape == (16, 16, 16) and voxel == 4.0
    assert small[3, 4, 5] == pytest.approx(read.volume()[6:8, 8:10, 10:12].mean(), rel=1e-5)


def test_that_a_map_that_is_cut_off_is_refused_in_a_sentence(halves: tuple[Path, Path]) -> None:
    data = halves[0].read_bytes()
    halves[0].write_bytes(data[: len(data) // 2])
    with pytest.raises(FormatError, match="cut off"):
        load(halves[0], "map")


def test_that_resolution_is_read_where_the_curve_first_falls_below() -> None:
    x = np.array([0.0, 0.1, 0.2, 0.3])
    assert crossing(Curve("a", x, np.array([1, 0.8, 0.2, 0.3])), 0.5) == pytest.approx(0.15)
    assert resolution_words(Curve("a", x, np.array([1, 0.9, 0.8, 0.7])), 0.143) == "beyond 3.33 Å"


def test_that_curves_can_be_unticked_and_read_under_the_mouse(qtbot: QtBot) -> None:
    viewer = FscViewer()
    qtbot.addWidget(viewer)
    assert "No curves" in viewer.empty.message()
    x = np.linspace(0, 0.5, 11)
    viewer.set_sheets([CurveSheet("FSC", "", "FSC", (Curve("a", x, 1 - x), Curve("b", x, 1 - 2 * x)))])
    viewer.show_values_at(0.25)
    assert viewer.pointer.text() == "4 Å:  a 0.750   b 0.500"
    viewer.list.item(0).setCheckState(viewer.list.item(0).checkState().Unchecked)
    assert [curve.name for curve in viewer.shown()] == ["b"]
