from __future__ import annotations

import numpy as np
import pytest

from widgets.explorer.cloud import Cloud


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda c: c.set_colours(np.zeros(2), np.zeros((2, 3)), categorical=False), "colours have shape"),
        (lambda c: c.set_colours(None, np.zeros((2, 4)), categorical=False), "colour table has shape"),
        (lambda c: c.set_rgb(np.zeros((3, 4))), "colours have shape"),
        (lambda c: c.set_shown(np.zeros(4, bool)), "mask has shape"),
        (lambda c: c.set_selection(np.zeros((3, 1), bool)), "mask has shape"),
        (lambda c: Cloud(np.zeros((3, 3))), "coordinates have shape"),
    ],
)
def test_that_arrays_of_other_lengths_are_refused(call: object, sentence: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=sentence):
        call(Cloud(np.zeros((3, 2))))
