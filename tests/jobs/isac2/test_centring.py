"""Averages are found where they lie."""

from __future__ import annotations

import pytest
import torch

from jobs.core.errors import UserError
from jobs.isac2.centring import METHODS, centre_offset

_FINDS = sorted(set(METHODS) - {-1, 0})


def _blob(x: float, y: float, box: int = 48, radius: float = 12.0) -> torch.Tensor:
    axis = torch.arange(box, dtype=torch.float64) - box // 2
    distance = torch.hypot(axis[None, :] - x, axis[:, None] - y)
    return torch.sigmoid((radius - distance) * 2) * (1.2 - distance / 40)


@pytest.mark.parametrize("method", _FINDS)
def test_that_every_method_finds_a_round_object(method: int) -> None:
    found = centre_offset(_blob(5.0, -3.0), method, radius=12.0)
    assert found.tolist() == pytest.approx([5.0, -3.0], abs=0.7)


@pytest.mark.parametrize("method", _FINDS)
def test_that_a_centred_object_is_left_where_it_is(method: int) -> None:
    assert centre_offset(_blob(0.0, 0.0), method, radius=12.0).abs().max() < 0.5


def test_that_methods_without_a_search_in_the_image_give_no_offset() -> None:
    for method in (-1, 0):
        assert not centre_offset(_blob(5.0, -3.0), method, radius=12.0).any()


def test_that_an_unknown_method_is_refused() -> None:
    with pytest.raises(UserError, match="no centring method 8"):
        centre_offset(_blob(0.0, 0.0), 8, radius=12.0)
