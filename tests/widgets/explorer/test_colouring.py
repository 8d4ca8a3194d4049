"""Colours are those of the values: at the ends, in the middle, round the circle, and without a value."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from widgets.explorer import colour_tables, colouring
from widgets.explorer.colouring import Taste, make
from widgets.explorer.column_values import interpret


def seen(made: colouring.Colouring) -> NDArray[np.uint8]:
    assert made.index is not None
    return made.table[made.index]


def test_that_a_scale_runs_through_its_table_from_end_to_end() -> None:
    made = make(np.array([0.0, 5.0, 10.0, -99.0, 99.0, 0.25]), "x", Taste("viridis", limits=(0.0, 10.0)))
    table = colour_tables.scale("viridis")
    np.testing.assert_array_equal(seen(made)[:5], table[[0, 127, 254, 0, 254]])
    assert (made.kind, made.limits) == ("continuous", (0.0, 10.0))


def test_that_particles_without_a_value_are_grey_and_nothing_else_is() -> None:
    made = make(np.array([0.1, np.nan, 1e300, np.inf, -np.inf]), "x")
    assert made.index is not None
    assert (made.index == made.missing).tolist() == [False, True, False, True, True]
    assert made.table[made.missing].tolist() == list(colour_tables.grey(dark=False))


def test_that_outliers_do_not_flatten_the_scale(rng: np.random.Generator) -> None:
    values = np.append(rng.uniform(10, 20, 10_000), [1e9, -1e9])
    low, high = make(values, "x").limits or (0, 0)
    assert 10 < low < 10.3 and 19.7 < high < 20


def test_that_values_on_both_sides_of_zero_get_two_colours_of_equal_strength(
    rng: np.random.Generator,
) -> None:
    made = make(np.append(rng.normal(size=9999) + 0.3, 0.0), "x")
    assert made.table_name == "coolwarm" and made.limits is not None
    assert made.limits[0] == -made.limits[1]
    np.testing.assert_array_equal(seen(made)[-1], made.table[127])
    red, blue = made.table[254].astype(int), made.table[0].astype(int)
    assert red[0] > red[2] + 80 and blue[2] > blue[0] + 80
    assert make(rng.normal(size=1000) + 5, "x").table_name == "viridis"


def test_that_both_ends_of_a_turn_have_the_same_colour() -> None:
    angles = np.array([-180.0, 179.99, 0.0, 540.0])
    made = make(interpret(angles, period=360), "psi")
    assert made.table_name == "cyclic" and made.limits == (-180, 180)
    colours = seen(made).astype(int)
    assert np.abs(colours[0] - colours[1]).max() < 16
    assert np.abs(colours[0] - colours[2]).max() > 60
    np.testing.assert_array_equal(colours[0], colours[3])


def test_that_directions_are_coloured_as_half_of_one_plus_the_vector() -> None:
    vectors = np.array([[1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0.6, -0.8], [0, 0, 0]], np.float32)
    made = make(vectors, "direction")
    assert made.kind == "rgb" and made.rgb is not None
    np.testing.assert_array_equal(made.rgb, np.rint((vectors + 1) / 2 * 255))


def test_that_places_run_between_the_smallest_and_largest_of_each_axis() -> None:
    places = np.array([[-10, 0, 5], [30, 2, 5], [10, 1, np.nan]], np.float32)
    rgb = make(places, "location").rgb
    assert rgb is not None
    assert rgb[:2].tolist() == [[0, 0, 0], [255, 255, 0]]
    assert rgb[2].tolist() == list(colour_tables.grey(dark=False))


def test_that_the_twenty_largest_categories_have_colours_and_the_rest_share_one(
    rng: np.random.Generator,
) -> None:
    sizes = rng.permutation(np.arange(1, 26) * 10)
    codes = np.repeat(np.arange(25), sizes)
    made = make(codes, "micrograph", names=[f"m{k}" for k in range(25)])
    assert made.index is not None and len(made.table) == 22
    largest = {f"m{k}" for k in np.argsort(-sizes)[:20]}
    assert set(made.names[:-1]) == largest and made.names[-1] == "5 others"
    for k in range(25):
        rows = set(made.index[codes == k].tolist())
        assert rows == ({made.names.index(f"m{k}")} if f"m{k}" in largest else {20})


def test_that_particles_without_a_category_are_grey() -> None:
    made = make(np.array([0, -1, 1]), "class", names=("a", "b"))
    assert made.index is not None and made.index.tolist() == [0, made.missing, 1]


def blind(rgb: NDArray[np.floating], matrix: list[list[float]]) -> NDArray[np.floating]:
    """Return colours as red- or green-blind eyes see them (Machado, Oliveira, Fernandes 2009)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1)
    return np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)


EYES = {
    "normal": [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]],
    "red-blind": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "green-blind": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("eyes", EYES)
def test_that_categories_are_told_apart_by_colour_blind_eyes_too(eyes: str) -> None:
    own = colour_tables.categories(20)[:20] / 255
    lab = rgb2lab(blind(own, EYES[eyes])[None])[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e3 * np.eye(20)
    # a difference of 2.3 is just noticeable, side by side
    assert apart[:10, :10].min() > 17
    assert apart.min() > 14


def test_that_scales_can_be_turned_round_and_unknown_tables_are_refused() -> None:
    table = colour_tables.scale("magma")
    np.testing.assert_array_equal(colour_tables.scale("magma", backwards=True)[:255], table[254::-1])
    with pytest.raises(KeyError):
        colour_tables.scale("rainbow")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", colour_tables.TABLES)
def test_that_every_table_has_255_steps_and_a_grey(name: str, dark: bool) -> None:
    table = colour_tables.scale(name, dark=dark)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    steps = np.abs(np.diff(table[:255].astype(int), axis=0)).max()
    assert steps < 24


def test_that_a_million_particles_are_coloured_in_under_three_tenths_of_a_second(
    rng: np.random.Generator,
) -> None:
    n = 1_000_000
    vectors = rng.normal(size=(n, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    colouring.make(np.zeros(3), "warm")
    for values in (rng.normal(size=n), rng.integers(0, 15, n), vectors):
        times = []
        for _ in range(2):
            start = time.perf_counter()
            make(values, "x")
            times.append(time.perf_counter() - start)
        assert min(times) < 0.3
