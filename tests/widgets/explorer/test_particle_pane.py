"""Images beside projections, filtered alike, fetched beside the window."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot
from scipy.ndimage import gaussian_filter

from jobs.core.errors import UserError
from jobs.core.latent import ParticleView
from tests.support.explored import BlobModel
from widgets.explorer import particle_images
from widgets.explorer.filter_slider import STEPS_A
from widgets.explorer.particle_pane import Facts, ParticlePane


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(50)


@pytest.fixture
def pane(qtbot: QtBot, light: QApplication, model: BlobModel) -> ParticlePane:
    facts = Facts(model.metadata["image_name"], model.half_set, model.measures["amount"], model.embedding)
    widget = ParticlePane(model.particle_view, facts)
    qtbot.addWidget(widget)
    widget.resize(300, 320)
    widget.show()
    return widget


def settle(qtbot: QtBot, pane: ParticlePane) -> None:
    qtbot.waitUntil(lambda: not pane.pending, timeout=10_000)


def pixels(image: QImage) -> NDArray[np.uint8]:
    """Return the grey values of a picture ``[y, x]``."""
    rows = [[image.pixelColor(x, y).red() for x in range(image.width())] for y in range(image.height())]
    return np.array(rows, np.uint8)


def test_that_a_wave_at_the_resolution_falls_to_a_half_and_coarse_ones_stay() -> None:
    x = np.arange(128) * 2.0
    for period, expected in ((32.0, 0.5), (256.0, 1.0), (8.0, 0.0)):
        wave = np.tile(np.sin(2 * np.pi * x / period), (128, 1))
        filtered = particle_images.low_pass(wave, 2.0, 32.0)
        assert np.ptp(filtered) / np.ptp(wave) == pytest.approx(expected, abs=0.02)


def test_that_the_filter_is_the_gaussian_of_scipy(rng: np.random.Generator) -> None:
    image = rng.normal(size=(64, 48))
    resolution, pixel = 20.0, 3.0
    sigma_px = np.sqrt(np.log(2) / 2) * resolution / (np.pi * pixel)
    expected = gaussian_filter(image, sigma_px, mode="wrap", truncate=8)
    np.testing.assert_allclose(particle_images.low_pass(image, pixel, resolution), expected, atol=2e-3)


def test_that_no_filter_changes_nothing(rng: np.random.Generator) -> None:
    image = rng.normal(size=(9, 11)).astype(np.float32)
    np.testing.assert_array_equal(particle_images.low_pass(image, 3.0, 0.0), image)
    np.testing.assert_array_equal(particle_images.low_pass(image, 3.0, 5.9), image)
    assert particle_images.low_pass(image, 3.0, 30.0).shape == (9, 11)


def test_that_shrinking_keeps_means() -> None:
    image = np.arange(36, dtype=np.float32).reshape(6, 6)
    np.testing.assert_allclose(particle_images.shrunk(image, 3), image.reshape(3, 2, 3, 2).mean(axis=(1, 3)))
    assert particle_images.shrunk(image, 6) is image
    assert particle_images.shrunk(np.zeros((300, 300), np.float32), 128).shape == (100, 100)


@pytest.mark.parametrize(
    ("count", "room", "expected"),
    [
        (64, 140, (128.0, True)),
        (64, 120, (120.0, False)),
        (64, 192, (192.0, True)),
        (256, 140, (140.0, False)),
    ],
)
def test_that_pixels_are_drawn_whole_where_that_fills_the_room(
    count: int, room: float, expected: tuple[float, bool]
) -> None:
    assert particle_images.shown_side(count, room) == expected


def test_that_image_and_projection_of_the_particle_are_shown_at_one_grey_scale(
    qtbot: QtBot, pane: ParticlePane, model: BlobModel
) -> None:
    pane.low_pass.slider.setValue(0)
    pane.show_particle(7)
    settle(qtbot, pane)
    found, view = pane.shown, model.particle_view(7)
    assert found is not None and found.name == view.name
    np.testing.assert_array_equal(found.image, view.image)
    np.testing.assert_array_equal(found.projection, view.projection)
    # the same value is the same grey in both: compare through a straight line fitted to one of them
    a, b = pixels(pane.image.picture()).astype(float), pixels(pane.projection.picture()).astype(float)
    inside = (a > 0) & (a < 255)
    slope, offset = np.polyfit(view.image[inside], a[inside], 1)
    np.testing.assert_allclose(b, np.clip(slope * view.projection + offset, 0, 255), atol=1.5)


def test_that_filtering_brings_the_image_nearer_to_its_projection(qtbot: QtBot, pane: ParticlePane) -> None:
    correlations = []
    for step in (0, STEPS_A.index(30)):
        pane.low_pass.slider.setValue(step)
        pane.show_particle(3)
        settle(qtbot, pane)
        assert pane.shown is not None
        correlations.append(pane.shown.correlation)
    assert correlations[1] > correlations[0] + 0.02
    assert f"{correlations[1]:.2f}" in pane.projection.toolTip()


def test_that_another_filter_asks_for_no_image_again(
    qtbot: QtBot, pane: ParticlePane, model: BlobModel
) -> None:
    asked: list[int] = []

    def view(row: int) -> ParticleView:
        asked.append(row)
        return model.particle_view(row)

    pane.set_source(view)
    pane.show_particle(4)
    settle(qtbot, pane)
    pane.low_pass.slider.setValue(2)
    settle(qtbot, pane)
    pane.contrast.setValue(20)
    assert asked == [4]
    # but a particle shown anew is fetched anew: the model behind it may be another
    pane.show_particle(4)
    settle(qtbot, pane)
    assert asked == [4, 4]


def test_that_the_particle_is_described(qtbot: QtBot, pane: ParticlePane, model: BlobModel) -> None:
    pane.show_particle(7)
    settle(qtbot, pane)
    assert pane.name.toolTip() == "000008@Extract/job001/stack.mrcs"
    z = model.embedding[7]
    text = pane.facts.text()
    assert f"half-set 1 · moved {abs(z[0]) * 5:.3g} Å" in text
    assert f"{abs(z[1]):.2f}" in text and "z = (" in text
    pane.show_particle(8, "000009@Extract/job001/stack.mrcs  ·  2.00 Å")
    settle(qtbot, pane)
    assert pane.facts.text() == "2.00 Å"
    qtbot.mouseClick(pane.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "000009@Extract/job001/stack.mrcs"


def test_that_held_out_particles_are_called_so() -> None:
    facts = Facts(half=np.array([0]), amount=np.array([1.234]), latent=np.zeros((1, 8)))
    assert facts.sentence(0) == "held out · moved 1.23 Å\nz = (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, …)"
    assert Facts().sentence(0) == ""


@pytest.mark.parametrize("half", [0, 1, 2])
def test_that_the_motion_of_a_particle_is_told_with_its_error(half: int) -> None:
    facts = Facts(half=np.array([half]), amount=np.array([4.3210]), error=lambda _row: 0.4567)
    called = f"half-set {half}" if half else "held out"
    assert facts.sentence(0) == f"{called} · moved 4.32 ± 0.46 Å"


def test_that_the_difference_is_image_less_model(qtbot: QtBot, pane: ParticlePane, model: BlobModel) -> None:
    assert pane.rest.isHidden()
    pane.low_pass.slider.setValue(0)
    pane.show_particle(2)
    settle(qtbot, pane)
    qtbot.mouseClick(pane.difference, Qt.MouseButton.LeftButton)
    assert pane.rest.isVisible()
    view = model.particle_view(2)
    shown = pixels(pane.rest.picture()).astype(float)
    inside = (shown > 0) & (shown < 255)
    assert np.corrcoef(shown[inside], (view.image - view.projection)[inside])[0, 1] > 0.99
    # grey in the middle means: equal
    assert shown[np.abs(view.image - view.projection) < 0.02].mean() == pytest.approx(127, abs=3)


def test_that_a_missing_stack_is_said_in_words_and_the_next_particle_shown(
    qtbot: QtBot, pane: ParticlePane, model: BlobModel
) -> None:
    def view(row: int) -> ParticleView:
        if row == 1:
            raise UserError("the file does not exist", path="Extract/stack.mrcs", hint="Mount the disk.")
        if row == 2:
            raise ValueError("unforeseen")
        return model.particle_view(row)

    pane.set_source(view)
    pane.show_particle(1)
    settle(qtbot, pane)
    assert pane.shown is None
    assert pane.message() == (
        "The image cannot be shown Extract/stack.mrcs: the file does not exist. Mount the disk."
    )
    pane.show_particle(2)
    settle(qtbot, pane)
    assert "ValueError: unforeseen" in pane.message()
    pane.show_particle(3)
    settle(qtbot, pane)
    assert pane.shown is not None and pane.message() == ""


def test_that_models_without_images_say_so(pane: ParticlePane) -> None:
    assert "Move the pointer" in pane.message()
    pane.set_source(None)
    pane.show_particle(1)
    assert "knows no images" in pane.message() and not pane.pending


def test_that_of_many_particles_the_newest_is_shown_and_the_window_never_waits(
    qtbot: QtBot, pane: ParticlePane, model: BlobModel
) -> None:
    gate = threading.Event()
    asked: list[int] = []

    def slow(row: int) -> ParticleView:
        asked.append(row)
        gate.wait(10)
        return model.particle_view(row)

    pane.set_source(slow)
    pane.show_particle(0)
    qtbot.waitUntil(lambda: asked == [0], timeout=5000)
    for row in range(1, 30):
        pane.show_particle(row)
    gate.set()
    settle(qtbot, pane)
    assert asked == [0, 29]
    assert pane.shown is not None and pane.shown.name.startswith("000030@")


def test_that_pictures_are_as_high_as_wide_in_a_narrow_panel(qtbot: QtBot, pane: ParticlePane) -> None:
    pane.show_particle(0)
    settle(qtbot, pane)
    QApplication.processEvents()
    assert pane.image.width() > 130
    assert pane.image.height() >= pane.image.width()
    assert all(b.toolTip() and b.objectName().startswith("explorer_") for b in pane.findChildren(QToolButton))
