"""What is said about fabricated trainings: done, not done, overfitting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jobs.tomodrgn.convergence_words import THRESHOLDS, Series, verdict


def settled() -> Series:
    """A training that has come to rest, with three classes that differ."""
    n = 40
    among = np.full((5, 3, 3), 0.7)
    among[:, range(3), range(3)] = 1.0
    return Series(
        loss=0.8 + 0.2 * np.exp(-np.arange(n) / 4),
        steps=np.exp(-np.arange(n - 1) / 8),
        spread=2.0,
        epochs=(0, 10, 20, 30, 39),
        names=("A", "B", "C"),
        successive=np.array([[0.5, 0.9, 0.97, 0.985]] * 3),
        nyquist=np.array([[0.1, 0.4, 0.6, 0.7]] * 3),
        all_to_all=among,
        held_out=np.array([0.0, -0.5, -0.9, -1.0, -1.0]),
    )


def test_that_a_training_at_rest_is_said_to_be_done() -> None:
    found = verdict(settled())
    assert (found.converged, found.overfitting) == (True, False)
    assert found.reproducible == ("A", "B", "C") and found.unsure == ()
    done, over, classes = found.sentences
    assert done.startswith("The training is done") and "0.985" in done and "at epoch 30" in done
    assert over.startswith("There is no sign of overfitting") and "0.70" in over and "-1.00" in over
    assert classes == "Reproducible classes: A, B, C."


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"loss": np.linspace(1, 0.8, 40)}, "the loss still falls"),
        ({"steps": np.full(39, 0.5)}, "particles still move"),
        ({"successive": np.array([[0.5, 0.6, 0.7, 0.8]] * 3)}, "maps differ"),
    ],
)
def test_that_a_training_in_motion_is_said_not_to_be_done(changed: dict[str, np.ndarray], word: str) -> None:
    found = verdict(replace(settled(), **changed))  # type: ignore[arg-type]
    assert found.converged is False
    assert found.sentences[0].startswith("The training is not done") and word in found.sentences[0]
    assert "Train for more epochs" in found.sentences[0]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"held_out": np.array([0.0, -0.9, -1.0, -0.6, 0.1])}, "up by 1.10"),
        ({"nyquist": np.array([[0.2, 0.7, 0.5, 0.3]] * 3)}, "down by 0.40"),
        ({"truth": np.repeat(np.array([0.5, 0.8, 0.85, 0.8, 0.7]), 3).reshape(5, 3, 1)}, "down by 0.150"),
    ],
)
def test_that_overfitting_is_told_with_its_number(changed: dict[str, np.ndarray], word: str) -> None:
    found = verdict(replace(settled(), **changed))  # type: ignore[arg-type]
    assert found.overfitting is True
    assert found.sentences[1].startswith("It is overfitting") and word in found.sentences[1]


def overfit() -> Series:
    """Best at epoch 20; afterwards held-out images and detail get worse, while the loss falls."""
    return replace(
        settled(),
        loss=np.linspace(1.0, 0.5, 40),
        held_out=np.array([0.0, -0.9, -1.0, -0.6, 0.1]),
        nyquist=np.array([[0.2, 0.7, 0.5, 0.3]] * 3),
    )


def test_that_a_training_that_overfits_is_not_told_to_go_on() -> None:
    found = verdict(overfit())
    assert (found.converged, found.overfitting) == (False, True)
    done, over, _ = found.sentences
    assert "Train for more" not in done and "More epochs will not help" in done
    assert over.endswith("Use epoch 20, which was best.") and "up by 1.10" in over and "0.40" in over


def test_that_what_speaks_for_the_other_answer_is_no_reason() -> None:
    found = verdict(replace(settled(), loss=np.linspace(1, 0.8, 40)))
    reasons, rest, advice = (part.strip() for part in found.sentences[0].rstrip(".").split(". "))
    assert reasons.startswith("The training is not done: the loss still falls")
    assert "maps" not in reasons and "particles" not in reasons
    assert rest.startswith("At rest already: particles stay where they are") and "maps are the same" in rest
    assert advice == "Train for more epochs"


@pytest.mark.parametrize("off", [-4e-6, 4e-6])
def test_that_no_number_is_rounded_to_the_other_side_of_its_threshold(off: float) -> None:
    value = THRESHOLDS["same_map"][0] + off
    found = verdict(replace(settled(), successive=np.full((3, 4), value)))
    said = float(found.sentences[0].split("median correlation ")[1].split(")")[0])
    assert (said >= 0.95) == (value >= 0.95) == bool(found.converged)


def test_that_a_class_that_changes_is_not_counted_among_those_that_are_the_same() -> None:
    series = settled()
    series.successive[0, -1] = 0.6
    found = verdict(series)
    assert found.converged and "2 of 3 maps are the same as at epoch 30" in found.sentences[0]
    assert found.unsure == ("A",)


def test_that_a_loss_that_rises_has_not_come_to_rest_and_one_that_never_fell_is_not_done() -> None:
    rising = np.concatenate([np.linspace(1, 0.5, 32), np.linspace(0.5, 0.6, 9)[1:]])
    said = verdict(replace(settled(), loss=rising)).sentences[0]
    assert "no longer falls (it rose by 20.0 %" in said and "come to rest" not in said
    found = verdict(replace(settled(), loss=np.linspace(1, 2, 40)))
    assert found.converged is False and "never been lower" in found.sentences[0]


def test_that_measures_that_failed_are_left_out() -> None:
    series = replace(settled(), successive=np.full((3, 4), np.nan), held_out=np.full(5, np.nan))
    done, over, _ = verdict(series).sentences
    assert "nan" not in done + over and "maps" not in done and "held-out" not in over


def test_that_classes_that_change_or_cannot_be_told_apart_are_named() -> None:
    series = settled()
    series.successive[0, -1] = 0.6
    series.all_to_all[-1, 1, 2] = series.all_to_all[-1, 2, 1] = 0.98
    found = verdict(series)
    assert found.reproducible == () and found.unsure == ("A", "B", "C")
    assert "A changes (correlation with itself earlier 0.600)" in found.sentences[2]
    assert "B cannot be told from C (0.980 against 0.985 with itself)" in found.sentences[2]


def test_that_nothing_is_concluded_from_nothing() -> None:
    found = verdict(Series())
    assert (found.converged, found.overfitting) == (None, None)
    assert all("cannot be told" in sentence for sentence in found.sentences)
    assert [fact.value for fact in found.facts] == ["cannot be told"] * 2


def test_that_the_summary_names_every_threshold_and_key_figures_carry_the_sentences() -> None:
    found = verdict(settled())
    for value, meaning in THRESHOLDS.values():
        assert f"{value:g}  {meaning}" in found.text
    assert [(fact.title, fact.value) for fact in found.facts] == [
        ("Training done", "yes"),
        ("Overfitting", "no"),
        ("Reproducible classes", "3 of 3"),
    ]
    assert [fact.detail for fact in found.facts] == list(found.sentences)
