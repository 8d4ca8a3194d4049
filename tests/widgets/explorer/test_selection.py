"""The algebra of selections against Python's sets, and its history."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from widgets.explorer.selection import MODES, STEPS, Mode, Selection

N = 37
EVERYTHING = frozenset(range(N))


def rows(selection: Selection) -> set[int]:
    return set(selection.rows.tolist())


def some(rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(N) < rng.random(), np.bool_)


def as_set(mask: NDArray[np.bool_]) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


@pytest.mark.parametrize("seed", range(20))
def test_that_any_sequence_of_steps_is_that_of_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    selection = Selection(N)
    expected: set[int] | None = None
    for _ in range(30):
        other = some(rng)
        step = str(rng.choice([*MODES, "invert"]))
        if step == "invert":
            selection.invert()
            expected = set(EVERYTHING - expected) if expected is not None else set(EVERYTHING)
        else:
            mode: Mode = next(m for m in MODES if m == step)
            selection.combine(other, mode)
            before = expected
            expected = {
                "new": as_set(other),
                "add": (before or set()) | as_set(other),
                "intersect": (EVERYTHING if before is None else before) & as_set(other),
                "subtract": (EVERYTHING if before is None else before) - as_set(other),
            }[mode]
        assert rows(selection) == expected
        assert selection.count == len(expected)


@pytest.mark.parametrize("seed", range(10))
def test_that_de_morgans_laws_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = some(rng), some(rng)
    union, parts = Selection(N), Selection(N)
    union.combine(a)
    union.combine(b, "add")
    union.invert()
    parts.combine(~a)
    parts.combine(~b, "intersect")
    np.testing.assert_array_equal(union.mask, parts.mask)
    both, others = Selection(N), Selection(N)
    both.combine(a)
    both.combine(b, "intersect")
    both.invert()
    others.combine(~a)
    others.combine(~b, "add")
    np.testing.assert_array_equal(both.mask, others.mask)
    minus, with_not = Selection(N), Selection(N)
    minus.combine(a)
    minus.combine(b, "subtract")
    with_not.combine(a)
    with_not.combine(~b, "intersect")
    np.testing.assert_array_equal(minus.mask, with_not.mask)


@pytest.mark.parametrize("seed", range(10))
def test_that_undo_and_redo_walk_through_the_same_states(seed: int) -> None:
    rng = np.random.default_rng(seed)
    selection = Selection(N)
    states: list[NDArray[np.bool_] | None] = [None]
    for _ in range(12):
        selection.combine(some(rng), MODES[int(rng.integers(len(MODES)))])
        assert selection.mask is not None
        states.append(selection.mask.copy())
    for state in states[-2::-1]:
        assert selection.undo()
        assert (selection.mask is None) == (state is None)
        if state is not None:
            np.testing.assert_array_equal(selection.mask, state)
    assert not selection.undo() and selection.mask is None
    for state in states[1:]:
        assert selection.redo()
        np.testing.assert_array_equal(selection.mask, state)
    assert not selection.redo()


def test_that_a_new_step_ends_what_could_be_done_again() -> None:
    selection = Selection(3)
    selection.combine(np.array([1, 0, 0], bool))
    selection.combine(np.array([0, 1, 0], bool))
    selection.undo()
    selection.combine(np.array([0, 0, 1], bool), "add")
    assert not selection.can_redo
    assert rows(selection) == {0, 2}
    selection.undo()
    assert rows(selection) == {0}


def test_that_history_is_told_in_words_with_counts() -> None:
    selection = Selection(4)
    selection.combine(np.array([1, 1, 1, 0], bool), "new", "lasso")
    selection.combine(np.array([0, 0, 1, 1], bool), "subtract", "Defocus U ≥ 2")
    selection.invert()
    selection.clear()
    assert selection.history == [
        "Nothing selected",
        "Lasso  (3)",
        "And not Defocus U ≥ 2  (2)",
        "Inverted  (2)",
        "Cleared",
    ]
    assert selection.go_to(1) and rows(selection) == {0, 1, 2}
    assert not selection.go_to(9)


def test_that_nothing_selected_differs_from_a_selection_of_nothing() -> None:
    selection = Selection(3)
    assert selection.mask is None
    selection.combine(np.zeros(3, bool))
    assert selection.mask is not None and selection.count == 0
    selection.clear()
    assert selection.mask is None
    selection.combine(np.array([1, 0, 0], bool), "subtract")
    assert rows(selection) == {1, 2}


def test_that_a_million_particles_keep_fifty_steps_in_under_seven_megabytes() -> None:
    rng = np.random.default_rng(0)
    selection = Selection(1_000_000)
    mask = rng.random(1_000_000) < 0.5
    for k in range(STEPS + 20):
        selection.combine(np.roll(mask, k))
    assert len(selection.history) == STEPS + 1
    assert selection.bytes_kept < 7_000_000
    undone = 0
    while selection.undo():
        undone += 1
    assert undone == STEPS
    np.testing.assert_array_equal(selection.mask, np.roll(mask, 19))


def test_that_particles_without_a_place_can_be_taken_away() -> None:
    selection = Selection(3)
    places = np.array([[0, 1], [np.nan, 0], [2, 3]])
    selection.only_finite(places)
    assert selection.mask is None
    selection.combine(np.ones(3, bool))
    selection.only_finite(places)
    assert rows(selection) == {0, 2}
    before = selection.place
    selection.only_finite(places)
    assert selection.place == before


def test_that_what_does_not_fit_is_refused() -> None:
    selection = Selection(3)
    with pytest.raises(ValueError, match=r"expected \(3,\)"):
        selection.combine(np.zeros(4, bool))
    with pytest.raises(ValueError, match="no mode"):
        selection.combine(np.zeros(3, bool), "xor")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 3"):
        selection.only_finite(np.zeros(4))


def test_that_a_mask_given_in_is_not_kept_for_others_to_change() -> None:
    selection = Selection(3)
    given = np.array([1, 0, 0], bool)
    selection.combine(given)
    given[:] = True
    assert rows(selection) == {0}
