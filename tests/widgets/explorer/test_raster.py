from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from widgets.explorer import cloud, compiled, raster, raster_plain, view
from widgets.explorer.cloud import Cloud
from widgets.explorer.view import View

UNIT = View(0.0, 1.0, 0.0, 1.0)
RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 180, 0), (0, 0, 220), (128, 128, 128)
GROUND = raster.Ground(
    np.array([255, 255, 255], np.uint8),
    np.array([100, 100, 100], np.uint8),
    np.linspace([200, 220, 255], [0, 0, 60], 256).astype(np.uint8),
)


@pytest.fixture(scope="module", autouse=True)
def kernels() -> compiled.Kernels:
    """The compiled functions."""
    assert compiled.LOADER.wait(120) and compiled.LOADER.error is None
    found = compiled.kernels()
    assert found is not None
    return found


def made(xy: NDArray[np.floating] | list[list[float]], kernels: compiled.Kernels | None = None) -> Cloud:
    points = Cloud(np.asarray(xy, np.float32))
    if kernels is not None:
        points.set_order(cloud.sort(points.xy, view.fitting(points.xy).box(), kernels.points))
    return points


def draw(
    points: Cloud,
    look: View = UNIT,
    size: tuple[int, int] = (100, 100),
    ratio: float = 1.0,
    display: raster.Display = "points",
) -> raster.Picture:
    return raster.Raster().draw(points, look, size, ratio, GROUND, display)


def rgba(picture: raster.Picture, column: int, row: int) -> tuple[int, int, int, int]:
    v = int(picture.pixels[row, column])
    return (v >> 16) & 255, (v >> 8) & 255, v & 255, v >> 24


def dense(
    value: NDArray[np.integer] | list[int], at: tuple[float, float] = (0.505, 0.505)
) -> NDArray[np.float32]:
    """As many points at one place as there are values, and 60,000 elsewhere so that pixels are counted."""
    rest = np.random.default_rng(1).uniform(0, 0.3, (60_000, 2))
    return np.vstack([np.tile(at, (len(value), 1)), rest]).astype(np.float32)


def test_that_every_point_in_view_is_counted_once(
    kernels: compiled.Kernels, rng: np.random.Generator
) -> None:
    xy = rng.normal(size=(200_000, 2)).astype(np.float32)
    look = View(-0.7, 1.3, -1.1, 0.9)
    inside = (xy[:, 0] >= -0.7) & (xy[:, 0] < 1.3) & (xy[:, 1] > -1.1) & (xy[:, 1] <= 0.9)
    expected = np.histogram2d(
        np.floor((xy[inside, 1].astype(float) - 0.9) / -2.0 * 60),
        np.floor((xy[inside, 0].astype(float) + 0.7) / 2.0 * 80),
        bins=[np.arange(61) - 0.5, np.arange(81) - 0.5],
    )[0]
    for points in (made(xy), made(xy, kernels)):
        sums, count = raster.Raster().sums(kernels, points, look.box(), (80, 60))
        assert count == inside.sum()
        np.testing.assert_array_equal(sums[..., cloud.BRIGHT], expected)
        assert sums[..., :2].sum() == 0


def test_that_sorting_keeps_every_finite_point_in_the_cell_it_belongs_to(
    kernels: compiled.Kernels, rng: np.random.Generator
) -> None:
    xy = rng.normal(size=(30_000, 2)).astype(np.float32)
    xy[::1000] = np.nan
    xy[7] = np.inf
    xy[8] = 1e30
    order = cloud.sort(xy, np.array([-2.0, 2.0, -2.0, 2.0]), kernels.points)
    assert order.rows is not None
    np.testing.assert_array_equal(np.sort(order.rows), np.flatnonzero(np.isfinite(xy).all(axis=1)))
    np.testing.assert_array_equal(order.xy, xy[order.rows])
    cells = np.clip(np.floor((order.xy + 2.0) / 4.0 * order.side), 0, order.side - 1).astype(int)
    assert np.all(np.diff(cells[:, 1] * order.side + cells[:, 0]) >= 0)


def test_that_pictures_do_not_depend_on_the_order_of_drawing(
    kernels: compiled.Kernels, rng: np.random.Generator
) -> None:
    xy = rng.normal(size=(70_000, 2)).astype(np.float32)
    index = rng.integers(0, 256, len(xy)).astype(np.uint8)
    table = rng.integers(0, 256, (257, 3)).astype(np.uint8)
    for look in (View(-3, 3, -3, 3), View(0, 0.2, 0, 0.2)):
        pictures = []
        for points in (made(xy), made(xy, kernels)):
            points.set_colours(index, table, categorical=False)
            pictures.append(draw(points, look))
        np.testing.assert_array_equal(pictures[0].pixels, pictures[1].pixels)
        assert pictures[0].count == pictures[1].count > 0


def test_that_a_single_particle_is_a_disc_of_its_colour() -> None:
    points = made([[0.505, 0.255]])
    points.set_colours(np.array([1]), np.array([RED, GREEN, BLUE, GREY]), categorical=True)
    picture = draw(points)
    assert picture.count == 1
    assert rgba(picture, 50, 74) == (*GREEN, 255)
    covered = (picture.pixels >> 24) / 255
    # area of a disc with the radius for few points, to within the roughness of pixels
    assert covered.sum() == pytest.approx(np.pi * raster.radius_px(1, 100, 100) ** 2, rel=0.05)
    assert rgba(picture, 10, 10) == (0, 0, 0, 0)


def test_that_discs_are_drawn_at_the_size_of_the_screen_s_pixels() -> None:
    points = made([[0.5, 0.5]])
    areas = [
        ((draw(points, size=(s, s), ratio=r).pixels >> 24) / 255).sum() for s, r in ((100, 1.0), (200, 2.0))
    ]
    assert areas[1] == pytest.approx(4 * areas[0], rel=0.05)


def test_that_the_last_row_of_overlapping_discs_lies_on_top(kernels: compiled.Kernels) -> None:
    for kernel in (None, kernels):
        points = made([[0.505, 0.505], [0.505, 0.505]], kernel)
        points.set_colours(np.array([2, 0]), np.array([RED, GREEN, BLUE, GREY]), categorical=True)
        assert rgba(draw(points), 50, 49) == (*RED, 255)


def test_that_a_pixel_shows_the_mean_of_continuous_values() -> None:
    values = [10, 20, 60]
    xy = dense(values)
    points = made(xy)
    index = np.zeros(len(xy), np.uint8)
    index[:3] = values
    table = np.stack([np.arange(256)] * 3, axis=1).astype(np.uint8)
    points.set_colours(index, np.vstack([table, [GREY]]), categorical=False)
    r, g, b, a = rgba(draw(points), 50, 49)
    assert round(r * 255 / a) == round(g * 255 / a) == round(b * 255 / a) == 30


def test_that_particles_without_a_value_are_grey_and_do_not_shift_the_mean() -> None:
    table = np.array([RED, BLUE, GREY])
    for values, expected in (([0, 2, 2, 2], RED), ([2, 2], GREY)):
        xy = dense(values)
        points = made(xy)
        index = np.zeros(len(xy), np.uint8)
        index[: len(values)] = values
        points.set_colours(index, table, categorical=False)
        r, g, b, a = rgba(draw(points), 50, 49)
        assert np.allclose([r * 255 / a, g * 255 / a, b * 255 / a], expected, atol=2)


def test_that_a_pixel_shows_the_majority_of_categories() -> None:
    values = [0, 1, 2, 1, 0, 1, 1]
    xy = dense(values)
    points = made(xy)
    index = np.full(len(xy), 3, np.uint8)
    index[: len(values)] = values
    points.set_colours(index, np.array([RED, GREEN, BLUE, GREY]), categorical=True)
    r, g, b, a = rgba(draw(points), 50, 49)
    assert np.allclose([r * 255 / a, g * 255 / a, b * 255 / a], GREEN, atol=2)


def test_that_own_colours_are_averaged_in_a_pixel() -> None:
    xy = dense([0, 0])
    points = made(xy)
    rgb = np.zeros((len(xy), 3), np.uint8)
    rgb[0], rgb[1] = (200, 100, 0), (100, 0, 50)
    points.set_rgb(rgb)
    r, g, b, a = rgba(draw(points), 50, 49)
    assert np.allclose([r * 255 / a, g * 255 / a, b * 255 / a], (150, 50, 25), atol=2)


def test_that_more_particles_are_more_opaque() -> None:
    xy = np.vstack([dense([0] * 50), [[0.805, 0.805]]]).astype(np.float32)
    picture = draw(made(xy))
    assert 120 < rgba(picture, 80, 19)[3] < rgba(picture, 50, 49)[3] <= 255
    # a lonely particle is seen in the four pixels around it, weaker
    assert 0 < rgba(picture, 81, 19)[3] < rgba(picture, 80, 19)[3]


def saturation(pixel: tuple[int, int, int, int]) -> int:
    return max(pixel[:3]) - min(pixel[:3])


@pytest.mark.parametrize("counted", [False, True])
def test_that_the_selection_keeps_its_colour_and_the_rest_is_dimmed(counted: bool) -> None:
    xy = np.array([[0.205, 0.505], [0.505, 0.505], [0.805, 0.505]], np.float32)
    if counted:
        xy = np.vstack([xy, dense([])]).astype(np.float32)
    points = made(xy)
    points.set_colours(None, np.array([RED]), categorical=False)
    before = draw(points)
    selected = np.zeros(len(xy), bool)
    selected[1] = True
    points.set_selection(selected)
    after = draw(points)
    assert rgba(after, 50, 49) == pytest.approx(rgba(before, 50, 49), abs=40 if counted else 0)
    assert saturation(rgba(after, 20, 49)) < 0.6 * saturation(rgba(before, 20, 49))
    shown = np.ones(len(xy), bool)
    shown[2] = False
    points.set_shown(shown)
    hidden = rgba(draw(points), 80, 49)
    assert saturation(hidden) == 0 and 0 < hidden[3] < 100, "a faint grey shadow"
    points.set_selection(None)
    points.set_shown(None)
    np.testing.assert_array_equal(draw(points).pixels, before.pixels)


def test_that_a_selected_particle_is_seen_over_a_thousand_others_in_its_pixel() -> None:
    values = [0] * 1000 + [1]
    for where in (0, 500, 1000):  # whatever its row
        xy = dense(values)
        points = made(xy)
        index = np.zeros(len(xy), np.uint8)
        index[where] = 1
        points.set_colours(index, np.array([RED, BLUE, GREY]), categorical=False)
        selected = np.zeros(len(xy), bool)
        selected[where] = True
        points.set_selection(selected)
        r, _, b, a = rgba(draw(points), 50, 49)
        assert r == 0 and b * 255 / a == pytest.approx(BLUE[2], abs=2)


@pytest.mark.parametrize("display", ["density", "log-density"])
def test_that_density_peaks_where_most_particles_are(
    display: raster.Display, rng: np.random.Generator
) -> None:
    many, few = rng.normal((0.3, 0.7), 0.04, (3000, 2)), rng.normal((0.7, 0.3), 0.04, (300, 2))
    points = made(np.vstack([many, few]))
    picture = draw(points, size=(400, 400), display=display)
    assert picture.smooth and picture.count == 3300
    height, width = picture.pixels.shape
    blue = (picture.pixels & 255).astype(int) + 255 - (picture.pixels >> 24).astype(int)
    darkest = np.unravel_index(np.argmin(blue), blue.shape)
    assert darkest[1] / width == pytest.approx(0.3, abs=0.06)
    assert darkest[0] / height == pytest.approx(0.3, abs=0.06)
    assert picture.pixels[height // 20, width // 20] == 0, "nothing where nothing is"


def test_that_smoothing_moves_particles_but_loses_none() -> None:
    counts = np.zeros((40, 50), np.float32)
    counts[20, 25] = 7
    result = raster_plain.smooth(counts, 2.0)
    assert result.sum() == pytest.approx(7, rel=1e-5)
    assert result[20, 25] == pytest.approx(7 / (2 * np.pi * 4), rel=0.02)


@pytest.mark.parametrize(
    "xy",
    [
        np.zeros((0, 2)),
        np.full((5, 2), np.nan),
        np.zeros((1, 2)),
        np.full((100, 2), 3.5),
        np.full((60_000, 2), -1e-20),
        np.array([[0, 0], [1e30, -1e30], [1, 1]]),
        np.array([[1e300, 0], [0, 0]]),
        np.array([[1e-30, 1e-30], [2e-30, 3e-30]]),
    ],
    ids=["none", "nan", "one", "equal", "many equal", "huge", "beyond float32", "tiny"],
)
@pytest.mark.parametrize("display", ["points", "density", "log-density"])
def test_that_odd_clouds_are_drawn_as_far_as_they_can_be_seen(
    xy: NDArray[np.float64], display: raster.Display, kernels: compiled.Kernels
) -> None:
    for kernel in (None, kernels):
        points = made(np.clip(xy, -3e38, 3e38)) if kernel else Cloud(xy)
        look = view.fitting(points.xy)
        picture = draw(points, look, (120, 90), display=display)
        finite = np.isfinite(points.xy).all(axis=1)
        x, y = points.xy[finite].T.astype(float)
        expected = (x >= look.x_low) & (x < look.x_high) & (y > look.y_low) & (y <= look.y_high)
        assert picture.count == expected.sum()
        assert bool(picture.pixels.any()) == bool(expected.any())


def test_that_a_picture_is_there_before_the_compiled_functions_are(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(compiled, "kernels", lambda: None)
    few = made([[0.505, 0.505]])
    few.set_colours(np.array([1]), np.array([RED, GREEN, GREY]), categorical=True)
    assert rgba(draw(few), 50, 49) == (*GREEN, 255)
    many = draw(made(rng.uniform(0, 1, (200_000, 2))))
    assert many.thinned == pytest.approx(1 / 8) and many.count == pytest.approx(200_000, rel=0.01)
