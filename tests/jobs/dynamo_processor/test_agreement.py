"""The agreement of averages in numpy is that of the tensors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from jobs.dynamo_processor.agreement import correlation, resolution, sphere
from jobs.maths.fsc import fsc, resolution_at


@pytest.mark.parametrize("box", [16, 22])
def test_that_curve_and_resolution_are_those_of_the_tensors(box: int) -> None:
    rng = np.random.default_rng(box)
    # signal that fades with frequency in noise that does not
    signal = np.cumsum(rng.normal(size=(box,) * 3), axis=0)
    first, second = (np.float32(signal + 3 * rng.normal(size=signal.shape)) for _ in range(2))
    ours = correlation(first, second)
    masked = torch.from_numpy(sphere(box))
    theirs = fsc(torch.from_numpy(first), torch.from_numpy(second), masked)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
    for level in (0.0, 0.2, 0.5):
        curve = ours - level
        assert resolution(curve, 10.0) == pytest.approx(resolution_at(torch.from_numpy(curve), 10.0))
    assert resolution(np.zeros(9), 10.0) == math.inf
    assert resolution(np.ones(9), 10.0) == 20.0
