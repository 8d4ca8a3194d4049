"""Members that lie a little off their average are brought onto it, at the size of the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.isac2.full_size import full_size_averages
from jobs.isac2.local_alignment import align_locally
from jobs.maths.transforms2d import Planar
from tests.support.planted_members import PlantedMembers, planted_members

_RADIUS = 15.0


def _disturbed(planar: Planar, degrees: float, pixels: float) -> Planar:
    """Transformations followed by small random turns and shifts, whose means are zero."""
    generator = torch.Generator().manual_seed(6)
    angle = degrees * torch.randn(len(planar), generator=generator, dtype=torch.float64)
    shift = pixels * torch.randn(len(planar), 2, generator=generator, dtype=torch.float64)
    still = torch.zeros(len(planar), dtype=torch.bool)
    return Planar(angle - angle.mean(), shift - shift.mean(0), still).compose(planar)


def _off(found: Planar, truth: Planar) -> tuple[float, float]:
    """Median turn in degrees and shift in px that are left, beside those that all share."""
    left = found.compose(truth.inverse())
    angle = torch.remainder(left.alpha_deg + 180, 360) - 180
    shift = left.shift - left.shift.median(0).values
    return float((angle - angle.median()).abs().median()), float(shift.norm(dim=1).median())


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedMembers:
    return planted_members(tmp_path_factory.mktemp("members"), 48, noise=0.1)


def _refined(planted: PlantedMembers, planar: Planar, range_px: float) -> Planar:
    return align_locally(
        planted.source, planted.members[0], planar, radius_px=_RADIUS, range_px=range_px, device="cpu"
    )


def test_that_disturbed_members_are_brought_back(planted: PlantedMembers) -> None:
    truth = planted.planar[0]
    before = _disturbed(truth, 3.0, 0.8)
    after = _refined(planted, before, 3.0)
    (angle, shift), (angle_left, shift_left) = _off(before, truth), _off(after, truth)
    assert angle > 1.5 and shift > 0.7
    assert angle_left < 0.5 * angle and shift_left < 0.3 * shift
    assert torch.equal(after.mirror, truth.mirror)


def test_that_averages_show_more_afterwards(planted: PlantedMembers) -> None:
    before = _disturbed(planted.planar[0], 3.0, 0.8)

    def likeness(planar: Planar) -> float:
        made = full_size_averages(
            planted.source, planted.members[:1], [planar], radius_px=_RADIUS, device="cpu"
        )
        inside = np.hypot(*(np.mgrid[:48, :48] - 24)) < _RADIUS
        return float(np.corrcoef(made.averages[0][inside], planted.truth[0][inside])[0, 1])

    assert 1 - likeness(_refined(planted, before, 3.0)) < 0.3 * (1 - likeness(before))


def test_that_nothing_moves_further_than_the_range_and_its_half(planted: PlantedMembers) -> None:
    before = _disturbed(planted.planar[0], 3.0, 0.8)
    moved = _refined(planted, before, 0.5).compose(before.inverse())
    angle = torch.deg2rad(torch.remainder(moved.alpha_deg + 180, 360) - 180)
    # Each half may move as a whole besides, when it is brought onto the other.
    assert (angle.abs() * _RADIUS <= 1.01).all() and float(angle.abs().max()) * _RADIUS > 0.4
    assert (moved.shift.abs() <= 1.01).all() and float(moved.shift.abs().max()) > 0.4


def test_that_members_at_their_place_stay_there_in_much_noise(tmp_path: Path) -> None:
    noisy = planted_members(tmp_path, 48, noise=1.0)
    truth = noisy.planar[0]
    kept = _refined(noisy, truth, 2.0)
    angle, shift = _off(kept, truth)
    assert angle < 1e-6 and shift < 1e-6


def test_that_few_members_are_left_as_they_are(planted: PlantedMembers) -> None:
    few = planted.planar[0][:3]
    same = align_locally(
        planted.source, planted.members[0][:3], few, radius_px=_RADIUS, range_px=2.0, device="cpu"
    )
    assert torch.equal(same.to_table(), few.to_table())
