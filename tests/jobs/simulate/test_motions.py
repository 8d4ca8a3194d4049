"""Motions: rotations against scipy, regions, soft boundaries, and what is chosen when nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from jobs.core.errors import UserError
from jobs.simulate.motions import Motion, displacements, draw_values, membership, resolve_motions
from jobs.simulate.specification import MotionSpec, RegionSpec
from jobs.simulate.structures import Structure

POINTS = np.random.default_rng(0).normal(0, 20, (60, 3))
STRUCTURE = Structure(POINTS, np.ones(60), 3.0, np.repeat([0, 1, 2], 20), ("A", "B", "C"), np.arange(60))
ALL = torch.ones(60, dtype=torch.float64)


def _values(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["hinge", "twist"])
def test_that_turning_motions_are_right_handed_rotations_about_the_axis(kind):
    axis, centre = np.array([0.6, 0.0, 0.8]), np.array([1.0, -2.0, 3.0])
    motion = Motion("m", kind, tuple(axis), tuple(centre), 1.0)
    moved = POINTS + motion.displace(torch.tensor(POINTS), ALL, _values(25.0))[0].numpy()
    expected = Rotation.from_rotvec(np.radians(25) * axis).apply(POINTS - centre) + centre
    np.testing.assert_allclose(moved, expected, atol=1e-10)
    assert motion.unit == "degrees"


def test_that_slides_shift_and_breathing_stretches():
    slide = Motion("s", "slide", (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), 1.0)
    moved = slide.displace(torch.tensor(POINTS), ALL, _values(-7.0))[0]
    torch.testing.assert_close(moved, torch.tensor([0.0, -7.0, 0.0]).double().expand(60, 3))
    (breathing,), _ = resolve_motions([MotionSpec("breathing", -3, 3)], STRUCTURE)
    moved = breathing.displace(torch.tensor(POINTS), ALL, _values(3.0))[0].numpy()
    outwards = POINTS - POINTS.mean(0)
    np.testing.assert_allclose(np.cross(moved, outwards), 0, atol=1e-9)
    assert np.sqrt((moved**2).sum(1).mean()) == pytest.approx(3.0)


@pytest.mark.parametrize("kind", ["hinge", "twist", "slide", "breathing"])
def test_that_a_parameter_of_zero_moves_nothing(kind):
    motions, member = resolve_motions([MotionSpec(kind, -1, 1, RegionSpec("chain", "B"))], STRUCTURE)
    still = displacements(motions, torch.tensor(POINTS), torch.tensor(member), torch.zeros(3, 1).double())
    assert torch.equal(still, torch.zeros(3, 60, 3).double())


def test_that_only_the_region_moves():
    motions, member = resolve_motions([MotionSpec("slide", -5, 5, RegionSpec("chain", "B, C"))], STRUCTURE)
    moved = displacements(motions, torch.tensor(POINTS), torch.tensor(member), _values(4.0)[:, None])[0]
    np.testing.assert_allclose(moved.norm(dim=1), np.repeat([0.0, 4.0, 4.0], 20))


def test_that_motions_add_up():
    specs = [MotionSpec("slide", -5, 5, RegionSpec("chain", "B"), axis=(1, 0, 0)),
             MotionSpec("slide", -5, 5, RegionSpec("all"), axis=(0, 0, 2))]  # fmt: skip
    motions, member = resolve_motions(specs, STRUCTURE)
    moved = displacements(motions, torch.tensor(POINTS), torch.tensor(member), _values(1.0, 3.0)[None])[0]
    assert moved[0].tolist() == [0, 0, 3]
    assert moved[25].tolist() == [1, 0, 3]


def test_that_a_plane_leaves_the_asked_share_beyond_it_and_its_normal_shows_to_the_moving_side():
    member = membership(RegionSpec("plane", normal=(0, 0, 1), fraction=0.25), STRUCTURE)
    assert abs(member.mean() - 0.25) <= 1 / 60
    assert POINTS[member == 1, 2].min() > POINTS[member == 0, 2].max()


def test_that_soft_boundaries_fade_from_none_to_all_over_their_width():
    region = RegionSpec("plane", point_a=(0.0, 0.0, 5.0), normal=(0, 0, 2), softness_a=20)
    member = membership(region, STRUCTURE)
    z = POINTS[:, 2]
    assert (member[z < -5] == 0).all()
    assert (member[z > 15] == 1).all()
    between = member[(z > -5) & (z < 15)]
    assert ((between > 0) & (between < 1)).all()
    sphere = membership(RegionSpec("sphere", point_a=(0.0, 0.0, 0.0), radius_a=30), STRUCTURE)
    np.testing.assert_array_equal(sphere, np.linalg.norm(POINTS, axis=1) <= 30)


def test_that_axes_follow_the_region_when_none_is_given():
    region = RegionSpec("plane", normal=(0, 0, 1))
    (twist, hinge, slide), _ = resolve_motions(
        [MotionSpec(kind, -1, 1, region) for kind in ("twist", "hinge", "slide")], STRUCTURE
    )
    assert twist.axis == (0, 0, 1)
    assert hinge.axis[2] == 0
    assert slide.axis[2] == 0
    level = membership(region, STRUCTURE) > 0
    # The centre of a hinge is where the region meets the rest: its lowest tenth.
    assert POINTS[level, 2].min() <= hinge.centre_a[2] <= np.quantile(POINTS[level, 2], 0.1)


def test_that_states_are_drawn_equally_often_and_ranges_uniformly():
    rng = np.random.default_rng(0)
    specs = [MotionSpec("slide", -4, 4, states=(-4.0, 0.0, 4.0)), MotionSpec("hinge", -30, 30)]
    theta = draw_values(specs, 6000, rng)
    values, counts = np.unique(theta[:, 0], return_counts=True)
    assert values.tolist() == [-4, 0, 4]
    assert counts.min() > 1850
    assert theta[:, 1].min() < -29.5
    assert theta[:, 1].std() == pytest.approx(60 / 12**0.5, rel=0.03)
    assert abs(np.corrcoef(theta.T)[0, 1]) < 0.05


def test_that_regions_without_molecule_and_unknown_chains_are_refused_in_words():
    with pytest.raises(UserError, match=r"motion 1 \(slide\) moves nothing"):
        resolve_motions([MotionSpec("slide", -1, 1, RegionSpec("sphere", point_a=(500.0, 0, 0)))], STRUCTURE)
    with pytest.raises(UserError, match=r"no chain 'X'.* Chains: A, B, C"):
        resolve_motions([MotionSpec("slide", -1, 1, RegionSpec("chain", "X"))], STRUCTURE)
