from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import points_in_poly

from widgets.explorer import compiled, polygon

ROUTES = ["compiled", "numpy"]


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of computing, one after the other."""
    if request.param == "numpy":
        monkeypatch.setattr(compiled, "polygon_kernels", lambda: None)
    else:
        assert compiled.LOADER.wait(120) and compiled.LOADER.error is None
    return str(request.param)


def crossings(xy: NDArray[np.float32], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The rule itself, point by point and edge by edge."""
    result = np.zeros(len(xy), bool)
    for i, (x, y) in enumerate(xy.astype(float)):
        odd = False
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                odd = not odd
        result[i] = odd
    return result


def lasso(count: int = 1000) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.c_[np.cos(turn), np.sin(turn)] * (2 + 0.4 * np.sin(7 * turn))[:, None]


@pytest.mark.usefixtures("route")
class TestInside:
    def test_that_a_lasso_holds_what_scikit_image_says(self, rng: np.random.Generator) -> None:
        xy = rng.normal(size=(50_000, 2), scale=1.5).astype(np.float32)
        outline = lasso()
        expected = points_in_poly(xy, outline)
        assert 10_000 < expected.sum() < 40_000
        np.testing.assert_array_equal(polygon.inside(xy, outline), expected)

    def test_that_a_tangled_outline_follows_the_even_odd_rule(self, rng: np.random.Generator) -> None:
        corners = rng.normal(size=(60, 2))
        xy = rng.normal(size=(3000, 2)).astype(np.float32)
        np.testing.assert_array_equal(polygon.inside(xy, corners), crossings(xy, corners))

    def test_that_what_a_star_encloses_twice_is_outside(self) -> None:
        turn = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
        star = np.c_[np.cos(turn), np.sin(turn)]
        xy = np.array([[0, 0], [0, 0.7], [0, 1.2], [0, -0.7]], np.float32)
        assert polygon.inside(xy, star).tolist() == [False, True, False, False]

    def test_that_points_on_level_edges_and_corners_belong_to_one_of_two_neighbours(self) -> None:
        grid = np.array([[x, y] for x in range(5) for y in range(5)], np.float32)
        lower = np.array([[0, 0], [4, 0], [4, 2], [0, 2]])
        upper = np.array([[0, 2], [4, 2], [4, 4], [0, 4]])
        first, second = polygon.inside(grid, lower), polygon.inside(grid, upper)
        assert not (first & second).any()
        # lower and left edges belong to a square, upper and right ones do not
        np.testing.assert_array_equal(first | second, (grid[:, 0] < 4) & (grid[:, 1] < 4))

    def test_that_steps_with_level_edges_are_followed_exactly(self) -> None:
        stairs = np.array([[0, 0], [3, 0], [3, 1], [2, 1], [2, 2], [1, 2], [1, 3], [0, 3]])
        xy = np.array([[x / 2, y / 2] for x in range(-1, 8) for y in range(-1, 8)], np.float32)
        np.testing.assert_array_equal(polygon.inside(xy, stairs), crossings(xy, stairs))

    def test_that_the_direction_of_drawing_and_the_first_corner_do_not_matter(
        self, rng: np.random.Generator
    ) -> None:
        xy = rng.normal(size=(5000, 2)).astype(np.float32)
        outline = lasso(37)
        expected = polygon.inside(xy, outline)
        np.testing.assert_array_equal(polygon.inside(xy, outline[::-1]), expected)
        np.testing.assert_array_equal(polygon.inside(xy, np.roll(outline, 11, axis=0)), expected)

    def test_that_particles_without_a_place_are_outside(self) -> None:
        xy = np.array([[np.nan, 0], [0, np.nan], [np.inf, 0], [0, -np.inf], [0, 0]], np.float32)
        assert polygon.inside(xy, lasso(50)).tolist() == [False, False, False, False, True]

    @pytest.mark.parametrize(
        "corners", [[[0, 0], [1, 1]], [[0, 0], [1, 0], [2, 0]], [[1, 0], [1, 1], [1, 2]], np.zeros((0, 2))]
    )
    def test_that_lines_enclose_nothing(self, corners: list[list[float]]) -> None:
        xy = np.array([[0, 0], [0.5, 0.5], [1, 0], [1, 1]], np.float32)
        assert not polygon.inside(xy, np.array(corners, float)).any()

    def test_that_an_outline_far_larger_than_the_cloud_holds_everything(
        self, rng: np.random.Generator
    ) -> None:
        xy = rng.normal(size=(1000, 2)).astype(np.float32)
        assert polygon.inside(xy, 1e9 * lasso(100)).all()

    def test_that_read_only_and_double_points_give_the_same(self, rng: np.random.Generator) -> None:
        xy = rng.normal(size=(1000, 2)).astype(np.float32)
        expected = polygon.inside(xy, lasso(100))
        frozen = xy.copy()
        frozen.flags.writeable = False
        np.testing.assert_array_equal(polygon.inside(frozen, lasso(100)), expected)
        np.testing.assert_array_equal(polygon.inside(xy.astype(np.float64), lasso(100)), expected)


def test_that_both_routes_agree_on_every_point(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiled.LOADER.wait(120)
    # whole and half numbers put many points exactly on edges and corners
    xy = (rng.integers(-8, 9, size=(20_000, 2)) / 2).astype(np.float32)
    outlines = [rng.integers(-4, 5, size=(n, 2)).astype(float) for n in (3, 4, 7, 20, 200)]
    quick = [polygon.inside(xy, outline) for outline in outlines]
    monkeypatch.setattr(compiled, "polygon_kernels", lambda: None)
    for outline, found in zip(outlines, quick, strict=True):
        np.testing.assert_array_equal(polygon.inside(xy, outline), found)


@pytest.mark.parametrize(
    ("xy", "corners", "sentence"),
    [
        (np.zeros((3, 3)), np.zeros((3, 2)), "points have shape"),
        (np.zeros((3, 2)), np.zeros((3, 3)), "polygon has shape"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), "not finite"),
    ],
)
def test_that_wrong_shapes_are_refused_in_words(
    xy: NDArray[np.float64], corners: NDArray[np.float64], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        polygon.inside(xy, corners)
