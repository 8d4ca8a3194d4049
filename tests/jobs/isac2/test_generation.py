"""K-means and stability by turns find planted classes, the same ones however they are computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from jobs.isac2.engine import Engine
from jobs.isac2.generation import GenerationClassifier, settled
from jobs.isac2.kmeans import agreement, centred_groups, kmeans_pass
from jobs.isac2.mains import Generation
from jobs.isac2.normalise import normalise
from jobs.isac2.run_state import InnerState, RunState
from jobs.isac2.seeding import generator
from jobs.isac2.settings import IsacSettings
from jobs.maths.transforms2d import Planar
from tests.support.class_images import ClassImages, planted_classes

Found = tuple[Generation, list[InnerState]]
CPU = torch.device("cpu")
SETTINGS = IsacSettings(
    radius=12,
    target_radius=12,
    target_nx=32,
    img_per_grp=10,
    init_iter=2,
    maxit=6,
    stab_ali=3,
    rand_seed=4,
)


@pytest.fixture(scope="module")
def planted() -> ClassImages:
    return planted_classes(3, 60, 32, 2.0)


@pytest.fixture(scope="module")
def images(planted: ClassImages) -> torch.Tensor:
    return normalise(torch.from_numpy(planted.images), SETTINGS)


def _classify(
    images: torch.Tensor, inner: InnerState | None = None, report: Callable[[float], None] | None = None
) -> Found:
    engine = Engine(images, SETTINGS, CPU)
    if report is not None:
        engine.report = lambda main, generation, part: report(part)
    state = RunState.start(len(images))
    state.inner = inner
    stored: list[InnerState] = []
    return GenerationClassifier(engine, 10)(state, stored.append), stored


@pytest.fixture(scope="module")
def progress() -> list[float]:
    """What the run of ``found`` told."""
    return []


@pytest.fixture(scope="module")
def found(images: torch.Tensor, progress: list[float]) -> Found:
    return _classify(images, report=progress.append)


def test_that_classes_are_of_one_view_each_and_disjoint(planted: ClassImages, found: Found) -> None:
    classes = [c for c in found[0].classes if c.size]
    members = np.concatenate([c.members for c in classes])
    assert len(np.unique(members)) == len(members) > 30
    right = sum(int(np.bincount(planted.truth.view[c.members]).max()) for c in classes)
    assert right / len(members) > 0.95
    assert all((c.pixel_errors < SETTINGS.thld_err).all() for c in classes)


def test_that_groups_are_of_equal_size(found: Found) -> None:
    assert np.bincount(found[0].groups).tolist() == [10] * 6


def test_that_an_average_is_what_the_parameters_of_its_members_make(
    images: torch.Tensor, found: Found
) -> None:
    from jobs.isac2.averages import transform_images

    best = max(found[0].classes, key=lambda c: c.size)
    planar = Planar(
        torch.from_numpy(best.alpha_deg), torch.from_numpy(best.shift), torch.from_numpy(best.mirror)
    )
    mean = transform_images(images[torch.from_numpy(best.members)], planar).mean(0)
    assert np.corrcoef(mean.flatten(), best.average.flatten())[0, 1] > 0.98


def test_that_a_generation_resumed_after_its_first_iteration_gives_the_same_bits(
    images: torch.Tensor, found: Found
) -> None:
    whole, stored = found
    again, later = _classify(images, InnerState.from_state(stored[0].state(), CPU))
    assert len(later) == 1
    for a, b in zip(whole.classes, again.classes, strict=True):
        assert np.array_equal(a.members, b.members)
        assert a.average.tobytes() == b.average.tobytes()
        assert a.shift.tobytes() == b.shift.tobytes()


def test_that_progress_rises_to_the_end(progress: list[float], found: Found) -> None:
    assert progress == sorted(progress)
    assert progress[0] >= 0
    assert 0.9 < progress[-1] <= 1


def test_that_one_pass_puts_images_where_they_belong_when_references_are_true(
    planted: ClassImages, images: torch.Tensor
) -> None:
    views = normalise(torch.from_numpy(planted.views), SETTINGS)
    engine = Engine(images, SETTINGS, CPU)
    group, planar = kmeans_pass(engine, torch.arange(60), Planar.identity(60), views, 0.3, lambda part: None)
    assert np.mean(group.numpy() == planted.truth.view) > 0.95
    assert planar.pre_rotation_offset().abs().max() <= SETTINGS.xr + 1e-6


def test_that_centred_groups_have_no_mean_shift_in_the_frame_of_their_average() -> None:
    random = generator(0, "shifts")
    planar = Planar(
        torch.rand(40, generator=random, dtype=torch.float64) * 360,
        torch.randn(40, 2, generator=random, dtype=torch.float64) + 1,
        torch.rand(40, generator=random) < 0.5,
    )
    group = torch.arange(40) % 3
    moved = centred_groups(planar, group, 3)
    centre = moved.apply(torch.zeros(40, 2, dtype=torch.float64))
    for k in range(3):
        assert centre[group == k].mean(0).abs().max() < 1e-12
    assert torch.equal(moved.alpha_deg, planar.alpha_deg)


def test_that_a_generation_ends_when_members_stay_and_not_while_they_still_come_and_go() -> None:
    assert settled(0.97, 0.0) and settled(0.99, 0.992) and settled(0.6, 0.58)
    assert not settled(0.6, 0.62) and not settled(0.8, 0.5) and not settled(0.4, 0.39)


def test_that_agreement_is_shared_members_over_all() -> None:
    before = torch.tensor([0, 0, 1, 1, -1, -1])
    assert agreement(before, before) == 1.0
    assert agreement(torch.full((6,), -1), before) == 0.0
    # shared 2 (image 0 and 2), before 4, now 4
    assert agreement(before, torch.tensor([0, 1, 1, -1, 0, -1])) == pytest.approx(2 / 6)
