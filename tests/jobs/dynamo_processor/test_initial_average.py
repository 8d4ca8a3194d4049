"""What is said of an average is what its halves show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.dynamo_processor.initial_average import Average


def test_that_halves_that_agree_nowhere_are_said_to() -> None:
    empty = np.zeros((4, 4, 4), np.float32)
    lines = np.zeros(3)
    known = Average(empty, (empty, empty), lines, 12.34, lines, lines)
    assert known.agreement == "12.3 Å"
    assert replace(known, resolution_a=float("inf")).agreement == "nowhere"
    assert replace(known, halves=()).agreement == ""
