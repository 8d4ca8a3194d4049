"""Particles chosen by conditions."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.choosing import choose, columns_of
from tests.support.explored import BlobModel


def test_that_conditions_choose_by_columns_measures_coordinates_and_components() -> None:
    model = BlobModel()
    columns = columns_of(model, {"cluster": np.arange(400) % 3})
    defocus, z = model.metadata["rlnDefocusU"], model.embedding
    for condition, expected in (
        ("rlnDefocusU > 15000", defocus > 15000),
        ("rlnDefocusU<=15000", defocus <= 15000),
        ("rlnClassNumber = 2", model.metadata["rlnClassNumber"] == 2),
        ("rlnClassNumber != 2", model.metadata["rlnClassNumber"] != 2),
        ("rlnMicrographName = mic_3.mrc", model.metadata["rlnMicrographName"] == "mic_3.mrc"),
        ("rlnMicrographName ~ mic_[12]*", np.isin(np.arange(400) % 5, (1, 2))),
        ("amount >= 5", model.measures["amount"] >= 5),
        ("z2 < -0.1", z[:, 1] < -0.1),
        ("cluster == 1", np.arange(400) % 3 == 1),
        ("half = 1", np.ones(400, bool)),
    ):
        np.testing.assert_array_equal(choose(columns, [condition]), expected, condition)
    # the first component is nearly the first coordinate here
    sign = np.sign(np.corrcoef(columns["PC1"], z[:, 0])[0, 1])
    assert (choose(columns, ["PC1 > 0"]) == (sign * (z[:, 0] - z[:, 0].mean()) > 0)).mean() > 0.95


def test_that_conditions_are_joined_by_and_or_by_or() -> None:
    columns = {"a": np.arange(10), "b": np.arange(10)[::-1]}
    assert np.flatnonzero(choose(columns, ["a > 3", "b > 3"])).tolist() == [4, 5]
    assert np.flatnonzero(choose(columns, ["a < 2", "b < 2"], any_of=True)).tolist() == [0, 1, 8, 9]


def test_that_what_is_not_known_meets_no_condition() -> None:
    columns = {"a": np.array([1.0, np.nan, 3.0])}
    assert choose(columns, ["a < 2"]).tolist() == [True, False, False]
    assert choose(columns, ["a != 1"]).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("rlnDefocus > 15000", "there is no column rlnDefocus. Did you mean rlnDefocusU?"),
        ("amount", "'amount' is no condition"),
        ("> 3", "'> 3' is no condition"),
        ("amount > much", "amount holds numbers, but 'much' is none"),
        ("rlnMicrographName > 3", "holds texts, which are compared by =, != or ~, not by >"),
    ],
)
def test_that_a_condition_that_cannot_be_meant_is_told(condition: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        choose(columns_of(BlobModel()), [condition])
    assert said in str(error.value)


def test_that_no_condition_is_no_selection() -> None:
    with pytest.raises(UserError, match="no condition is given"):
        choose({}, [])
