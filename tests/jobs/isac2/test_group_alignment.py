"""Images of one group find each other: averages, placements and agreement of independent runs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from jobs.isac2.averages import segment_averages, transform_images
from jobs.isac2.disc_basis import disc_basis
from jobs.isac2.filters import lowpass_images
from jobs.isac2.group_alignment import GroupAlignment, _blocks, _Lattice, align_groups
from jobs.isac2.group_scoring import GroupScorer, refine_peak
from jobs.isac2.stability import stable_members
from jobs.maths.transforms2d import Planar

_BOX, _RADIUS = 40, 12.0


def _gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pictures(count: int, seed: int = 0, box: int = _BOX, radius: float = _RADIUS) -> Tensor:
    """Smooth random pictures that vanish towards the radius, with variance 1 inside it."""
    axis = torch.arange(box) - box // 2
    r = torch.hypot(axis[:, None].float(), axis[None].float())
    raw = lowpass_images(torch.randn(count, box, box, generator=_gen(seed)), 0.15, 0.3)
    raw = raw * torch.sigmoid(2 * (0.75 * radius - r))
    return raw / raw[:, r <= radius].std(1)[:, None, None]


def _placements(count: int, seed: int = 1, spread: float = 1.0) -> Planar:
    g = _gen(seed)
    return Planar(
        360 * torch.rand(count, generator=g),
        spread * torch.randn(count, 2, generator=g),
        torch.rand(count, generator=g) < 0.5,
    )


@pytest.fixture(scope="module")
def planted() -> tuple[Tensor, Tensor, Tensor]:
    """Two groups of 40 images of a picture each, turned, shifted, mirrored, with noise."""
    truth = _pictures(2)
    labels = torch.arange(2).repeat_interleave(40)
    images = transform_images(truth[labels], _placements(80, spread=0.7).inverse())
    return truth, images + torch.randn(images.shape, generator=_gen(5)), labels


@pytest.fixture(scope="module")
def runs(planted: tuple[Tensor, Tensor, Tensor]) -> Planar:
    _, images, labels = planted
    options = GroupAlignment(_RADIUS, offset_limit=5)
    return align_groups(images, Planar.identity(80), labels, 2, options, 4, _gen(3))


def test_that_independent_runs_agree_about_true_members(
    planted: tuple[Tensor, Tensor, Tensor], runs: Planar
) -> None:
    truth, images, labels = planted
    found = stable_members(runs, labels, 2, _RADIUS, 0.7)
    assert int(found.stable.sum()) >= 72
    # The frame of a class is free: seen as another run, the truth places the members as they were placed.
    true = _placements(80, spread=0.7)
    pair = Planar(
        torch.stack([found.planar.alpha_deg, true.alpha_deg.double()]),
        torch.stack([found.planar.shift, true.shift.double()]),
        torch.stack([found.planar.mirror, true.mirror]),
    )
    kept = torch.where(found.stable, labels, -1)
    compared = stable_members(pair, kept, 2, _RADIUS, 1.0)
    assert int(compared.mirror_stable.sum()) >= int(found.stable.sum()) - 2
    # Half the distance of the two, and the lattice alone is 0.3 px off along each axis.
    assert compared.pixel_error[compared.mirror_stable].median() < 0.35
    averages, counts = segment_averages(images, found.planar, kept, 2)
    assert counts.tolist() == [int((kept == k).sum()) for k in (0, 1)]
    axis = torch.arange(_BOX) - _BOX // 2
    disc = torch.hypot(axis[:, None].float(), axis[None].float()) < _RADIUS
    # Members that coincide add up: the noise of 40 images leaves most of the variance to the picture.
    assert (averages[:, disc].var(1) > 0.5 * truth[:, disc].var(1)).all()


def test_that_nothing_agrees_about_noise() -> None:
    images = torch.randn(60, _BOX, _BOX, generator=_gen(9))
    labels = torch.zeros(60, dtype=torch.int64)
    options = GroupAlignment(_RADIUS, offset_limit=5)
    found = align_groups(images, Planar.identity(60), labels, 1, options, 3, _gen(4))
    assert int(stable_members(found, labels, 1, _RADIUS, 0.7).stable.sum()) < 10


def _scorer(images: Tensor, half: int = 1, step: float = 1.0) -> GroupScorer:
    """A group of these images, each searched one step around its centre."""
    basis = disc_basis(_RADIUS, torch.device("cpu"))
    lattice = _Lattice(half, half, step)
    stored = lattice.coefficients(basis, images, 1)
    return GroupScorer(basis, stored, lattice.points(), (1, 1), torch.ones(1, len(images), dtype=torch.bool))


def test_that_an_average_of_coefficients_is_that_of_the_moved_images() -> None:
    """The average in coefficients agrees with the average of interpolated images, without a filter."""
    base = _pictures(5, seed=4)
    planar = _placements(5, seed=8, spread=0.0)
    scorer = _scorer(base, half=0)
    centre = torch.zeros(1, 1, 5, dtype=torch.int64)
    angle = torch.deg2rad(planar.alpha_deg)[None, None]
    found = scorer.averages(angle, planar.mirror[None, None], centre, 0.5)
    moved = transform_images(base, planar).mean(0)
    expected = scorer.basis.coefficients(moved[None], torch.zeros(1, 2).long(), 1)
    ours = torch.cat([part[:, 0, 0].flatten() for part in found])
    theirs = torch.cat([part[:, 0, :, :, 0, 0].transpose(1, 2).flatten() for part in expected])
    assert torch.nn.functional.cosine_similarity(ours, theirs, dim=0) > 0.998
    assert ours.norm() / theirs.norm() == pytest.approx(1, abs=0.03)


def test_that_one_image_is_placed_within_half_a_step_and_rightly_mirrored() -> None:
    picture = _pictures(1, seed=6)[0]
    count = 200
    g = _gen(7)
    alpha = 360 * torch.rand(count, generator=g)
    offset = torch.randint(-1, 2, (count, 2), generator=g).float()
    mirror = torch.rand(count, generator=g) < 0.5
    truth = Planar.from_offset(alpha, offset, mirror)
    images = transform_images(picture.expand(count, -1, -1), truth.inverse())
    images = images + 0.5 * torch.randn(images.shape, generator=g)
    scorer = _scorer(images)
    own = _scorer(picture[None], half=0)
    zero = torch.zeros(1, 1, 1)
    reference = own.averages(zero, zero.bool(), zero.long(), 0.5)
    found, flips, place = scorer.align(reference, torch.full((1, 1, count), 4), 0.5)
    assert (flips[0, 0] == mirror).float().mean() > 0.99
    points = _Lattice(1, 1, 1.0).points()[place[0, 0]]
    right = (points == offset).all(-1)
    assert right.float().mean() > 0.95
    away = (torch.rad2deg(found[0, 0]) - alpha + 180) % 360 - 180
    assert away[right].abs().median() < 0.7


def test_that_the_best_placement_is_that_of_a_brute_force_search() -> None:
    """Every angle, mirror and shift tried with interpolated pictures gives nothing better."""
    reference, image = _pictures(2, seed=12)
    image = image + 0.5 * reference.flip(-1)
    scorer = _scorer(image[None])
    zero = torch.zeros(1, 1, 1)
    average = _scorer(reference[None], half=0).averages(zero, zero.bool(), zero.long(), 0.5)
    angle, flip, place = scorer.align(average, torch.full((1, 1, 1), 4), 0.5)
    trials = 72
    grid = torch.cartesian_prod(
        torch.arange(trials) * 5.0, torch.arange(-1.0, 2.0), torch.arange(-1.0, 2.0), torch.tensor([0.0, 1.0])
    )
    mirrored = grid[:, 3] > 0.5
    tried = Planar.from_offset(grid[:, 0], grid[:, 1:3], mirrored)
    axis = torch.arange(_BOX) - _BOX // 2
    disc = torch.hypot(axis[:, None].float(), axis[None].float()) < _RADIUS + 1

    def score(planar: Planar) -> Tensor:
        moved = transform_images(image.expand(len(planar), -1, -1), planar)
        return (moved * reference * disc).sum((1, 2))

    points = _Lattice(1, 1, 1.0).points()[place[0, 0]].float()
    ours = Planar.from_offset(torch.rad2deg(angle[0, 0]), points, flip[0, 0])
    assert score(ours).item() > 0.99 * score(tried).max().item()


def test_that_the_parabola_finds_a_peak_between_samples() -> None:
    turns = torch.arange(256) * (2 * math.pi / 256)
    true = torch.tensor([10.3, 100.0, 255.6, 0.1])
    curve = torch.cos(turns[:, None] - true * (2 * math.pi / 256)) + 0.1
    peak = curve.argmax(0)
    found = (peak + refine_peak(curve, peak)) % 256
    torch.testing.assert_close(found.float(), true, atol=0.02, rtol=0)


def test_that_centres_stay_within_the_limit() -> None:
    images = torch.randn(30, _BOX, _BOX, generator=_gen(15))
    start = Planar.from_offset(torch.zeros(30), torch.full((30, 2), 4.0), torch.zeros(30, dtype=torch.bool))
    options = GroupAlignment(_RADIUS, offset_limit=3, iterations=6)
    found = align_groups(images, start, torch.zeros(30, dtype=torch.int64), 1, options, 2, _gen(1))
    offset = found.pre_rotation_offset()
    assert offset.abs().max() < 3.01
    assert (offset.round() - offset).abs().max() < 1e-3


def test_that_a_half_step_searches_between_pixels() -> None:
    images = torch.randn(12, _BOX, _BOX, generator=_gen(16))
    options = GroupAlignment(_RADIUS, range_x=1, range_y=0.5, step=0.5, offset_limit=3, iterations=4)
    found = align_groups(
        images, Planar.identity(12), torch.zeros(12, dtype=torch.int64), 1, options, 2, _gen(1)
    )
    twice = 2 * found.pre_rotation_offset()
    assert (twice.round() - twice).abs().max() < 1e-3
    assert ((twice.round() % 2) == 1).any()


def test_that_the_schedule_ramps_the_filter_and_shakes_early() -> None:
    steps = GroupAlignment(29.0).schedule()
    assert len(steps) == 29
    assert [k for k, (_, coarse) in enumerate(steps) if coarse] == [0, 4, 8, 12, 16]
    assert steps[0][0] == pytest.approx(0.1)
    assert steps[-1][0] == pytest.approx(0.1 + 0.35 * 28 / 29)


def test_that_the_same_seed_gives_the_same_bits_with_any_number_of_threads(
    planted: tuple[Tensor, Tensor, Tensor],
) -> None:
    _, images, labels = planted
    options = GroupAlignment(_RADIUS, offset_limit=5, iterations=8)
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(align_groups(images, Planar.identity(80), labels, 2, options, 2, _gen(3)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0].to_table(), found[1].to_table())


def test_that_every_member_is_in_one_block_and_nobody_else() -> None:
    labels = torch.tensor([3, 0, 0, -1, 3, 1, 3, 5, 5, -1, 0])
    seen: list[int] = []
    for members, valid in _blocks(labels, 6, 6):
        assert members.shape == valid.shape and members.shape[0] * members.shape[1] <= 6
        for row, real in zip(members, valid, strict=True):
            assert len(set(labels[row[real]].tolist())) == 1
            seen += row[real].tolist()
    assert sorted(seen) == [k for k in range(11) if labels[k] >= 0]


def test_that_frequencies_with_signal_weigh_more_than_those_with_noise_alone() -> None:
    count = 60
    picture = lowpass_images(_pictures(1, seed=20), 0.06, 0.2)
    images = picture + 0.5 * torch.randn(count, _BOX, _BOX, generator=_gen(21))
    scorer = _scorer(images, half=0)
    zero = torch.zeros(1, 1, count)
    averages = scorer.averages(zero, zero.bool(), zero.long(), 0.5)
    # Without a cutoff, what is left of an average is its share of signal and the smoothing of known form.
    weighed = scorer.references(averages, 10.0, 0.2)
    low: list[float] = []
    high: list[float] = []
    for bucket, one, other in zip(scorer.basis.buckets, averages, weighed, strict=True):
        for m in range(bucket.orders):
            for n in range(bucket.radial):
                f = float(bucket.frequency[m, n])
                if f > 0.5:
                    continue
                before, after = one[m, 0, 0, :, n].norm(), other[m, 0, 0, :, n].norm()
                share = float(after / before) / math.exp(-(math.pi**2) * f**2)
                (low if f < 0.06 else high if f > 0.2 else []).append(share)
    assert min(low) > 0.8
    assert sum(high) / len(high) < 0.2
