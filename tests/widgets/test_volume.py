"""Slices, projection, contrast and scale bar of the volume preview."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QSlider, QWidget
from pytestqt.qtbot import QtBot

from widgets import volume_slices
from widgets.volume_preview import SlicePane, VolumePreview


@pytest.fixture
def spot() -> NDArray[np.float32]:
    """A volume of 16 × 24 × 32 voxels with one bright voxel at z 8, y 5, x 20."""
    volume = np.zeros((16, 24, 32), np.float32)
    volume[8, 5, 20] = 1
    return volume


@pytest.fixture
def preview(qtbot: QtBot, spot: NDArray[np.float32]) -> VolumePreview:
    widget = VolumePreview()
    qtbot.addWidget(widget)
    widget.resize(400, 420)
    widget.show()
    widget.set_volume(spot, 2.0)
    return widget


def pane(preview: VolumePreview, name: str) -> SlicePane:
    found = preview.findChild(SlicePane, f"pane_{name}")
    assert found is not None
    return found


def wheel(target: QWidget, notches: int) -> None:
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


@pytest.mark.parametrize(("axis", "index", "place"), [(0, 8, (5, 20)), (1, 5, (8, 20)), (2, 20, (8, 5))])
def test_that_slices_cut_the_axis_they_are_named_for(
    spot: NDArray[np.float32], axis: int, index: int, place: tuple[int, int]
) -> None:
    assert volume_slices.slice_of(spot, axis, index)[place] == 1
    assert not volume_slices.slice_of(spot, axis, index - 1).any()


def test_that_the_projection_sums_along_z(rng: np.random.Generator) -> None:
    volume = np.asarray(rng.normal(size=(5, 6, 7)), np.float32)
    expected = np.array([[volume[:, y, x].sum() for x in range(7)] for y in range(6)])
    np.testing.assert_allclose(volume_slices.projection(volume), expected, atol=1e-5)


def test_that_half_the_range_is_shown_at_double_contrast(rng: np.random.Generator) -> None:
    values = rng.uniform(-1, 3, 100_000)
    low, high = volume_slices.grey_limits(values, 1)
    assert (low, high) == (pytest.approx(-0.98, abs=0.01), pytest.approx(2.99, abs=0.01))
    low2, high2 = volume_slices.grey_limits(values, 2)
    assert high2 - low2 == pytest.approx((high - low) / 2)
    assert (low2 + high2) / 2 == pytest.approx((low + high) / 2)


@pytest.mark.parametrize("values", [np.zeros(10), np.full(10, np.nan), np.array([1.0, np.inf])])
def test_that_flat_and_broken_volumes_have_limits_all_the_same(values: NDArray[np.float64]) -> None:
    low, high = volume_slices.grey_limits(values, 1)
    assert np.isfinite([low, high]).all()
    assert high > low
    assert volume_slices.to_grey(values, (low, high)).dtype == np.uint8


@pytest.mark.parametrize(("width", "bar"), [(100, 20), (160, 50), (64, 20), (1000, 200), (0, 0), (7, 2)])
def test_that_the_scale_bar_has_a_round_length_that_fits(width: float, bar: float) -> None:
    assert volume_slices.bar_length_a(width) == pytest.approx(bar)


def test_that_the_middle_is_shown_first_and_said(preview: VolumePreview) -> None:
    assert preview.places() == (8, 12, 16)
    assert pane(preview, "z").caption == "z 9 of 16"
    assert pane(preview, "z").bar_a == 20  # 32 voxels of 2 Å are 64 Å wide
    facts = preview.findChild(QLabel, "volume_facts")
    assert facts is not None
    assert facts.text() == "32 × 24 × 16 voxels, 2 Å"


def test_that_density_appears_where_it_is_with_y_upward(preview: VolumePreview) -> None:
    shown = pane(preview, "z").grab().toImage()
    place = pane(preview, "z").place()
    left, top, scale = place.left(), place.top(), place.width() / 32
    assert place.height() == pytest.approx(24 * scale)
    assert top > 10, "the name has a line of its own"
    at_spot = shown.pixelColor(round(left + 20.5 * scale), round(top + (24 - 5.5) * scale)).lightness()
    mirrored = shown.pixelColor(round(left + 20.5 * scale), round(top + 5.5 * scale)).lightness()
    assert at_spot > 200
    assert mirrored < 60


def test_that_wheel_and_keys_go_through_the_slices_and_stop_at_the_ends(
    qtbot: QtBot, preview: VolumePreview
) -> None:
    wheel(pane(preview, "y"), 1)
    assert preview.places() == (8, 13, 16)
    for _ in range(30):
        qtbot.keyClick(pane(preview, "z"), Qt.Key.Key_PageDown)
    assert preview.places() == (0, 13, 16)
    assert pane(preview, "z").caption == "z 1 of 16"


def test_that_a_new_volume_of_the_same_size_keeps_the_slices(
    preview: VolumePreview, spot: NDArray[np.float32]
) -> None:
    wheel(pane(preview, "z"), -1)
    preview.set_volume(2 * spot, 2.0)
    assert preview.places()[0] == 7
    preview.set_volume(np.zeros((8, 8, 8)), 1.0)
    assert preview.places() == (4, 4, 4)


def test_that_contrast_brightens_what_is_faint(preview: VolumePreview, rng: np.random.Generator) -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 32, dtype=np.float32), (16, 24, 32)).copy()
    preview.set_volume(ramp, 2.0)
    slider = preview.findChild(QSlider, "volume_contrast")
    assert slider is not None
    before = pane(preview, "z")._grey.copy()
    slider.setValue(slider.maximum())
    after = pane(preview, "z")._grey
    assert (after == 255).sum() > (before == 255).sum()
    assert (after == 0).sum() > (before == 0).sum()


def test_that_without_a_voxel_size_there_is_no_scale_bar(
    preview: VolumePreview, spot: NDArray[np.float32]
) -> None:
    preview.set_volume(spot)
    assert pane(preview, "z").bar_a == 0


def test_that_wrong_shapes_are_refused_and_none_is_the_empty_state(preview: VolumePreview) -> None:
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        preview.set_volume(np.zeros((4, 4)))
    preview.set_volume(None)
    assert preview._body.is_empty
    preview.set_volume(np.zeros((1, 1, 1)), 1.0)
    assert not preview._body.is_empty
