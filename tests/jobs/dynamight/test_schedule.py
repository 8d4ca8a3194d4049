"""The course of a training: stages, stops, time limits, working boxes."""

from __future__ import annotations

import pytest

from jobs.dynamight.schedule import (
    FINAL_EPOCHS,
    FINAL_SHARE,
    LEAST_GAIN,
    PATIENCE,
    Schedule,
    fft_size,
    working_boxes,
)


def _run(
    schedule: Schedule, objective: list[float] | float, seconds: float = 0.0, limit: float | None = None
) -> list[str]:
    """Follow a schedule to its end; returns the stage of every epoch."""
    stages = []
    while schedule.stage != "done":
        stages.append(schedule.stage)
        epoch = len(stages) - 1
        value = objective if isinstance(objective, float) else objective[min(epoch, len(objective) - 1)]
        schedule.advance(value, seconds * len(stages), limit)
        assert len(stages) < 2000
    return stages


def _falling(n: int = 2000) -> list[float]:
    return [1000.0 - 10 * i for i in range(n)]


def test_that_stages_follow_one_another_and_each_is_told_once() -> None:
    schedule = Schedule.plan(1000, n_warmup=3, n_epochs=40)
    told = []
    while schedule.stage != "done":
        if (new := schedule.advance(_falling()[schedule.epoch], 0.0, None)) is not None:
            told.append(new)
    assert told == ["coarse", "fine", "finalise", "done"]


def test_that_warm_up_and_coarse_stage_have_their_lengths() -> None:
    schedule = Schedule.plan(1000, n_warmup=3, n_epochs=100)
    n_coarse = schedule.n_coarse
    stages = _run(schedule, _falling())
    assert stages[:3] == ["warm-up"] * 3
    assert stages[3 : 3 + n_coarse] == ["coarse"] * n_coarse
    assert stages[3 + n_coarse] == "fine"


def test_that_a_training_that_improves_goes_on_to_the_epoch_at_which_the_end_is_forced() -> None:
    stages = _run(Schedule.plan(1000, n_warmup=2, n_epochs=50), _falling())
    moving = stages[2:]
    assert moving.index("finalise") == 50
    assert moving.count("finalise") == int(FINAL_SHARE * 50)


def test_that_a_training_that_stands_still_ends_after_some_patience() -> None:
    schedule = Schedule.plan(1000, n_warmup=0, n_epochs=500)
    n_coarse, every = schedule.n_coarse, schedule.check_every
    stages = _run(schedule, 100.0)
    # The first interval sets the mark that the following do not pass.
    assert stages.count("fine") == every * (1 + PATIENCE)
    assert stages.index("finalise") == n_coarse + every * (1 + PATIENCE)


def test_that_gains_too_small_to_matter_count_as_none() -> None:
    creeping = [100.0 - 0.1 * LEAST_GAIN * i for i in range(5000)]
    assert len(_run(Schedule.plan(4500, n_warmup=0, n_epochs=1000), creeping)) < 60


def test_that_no_warm_up_starts_with_motion() -> None:
    assert Schedule.plan(1000, n_warmup=0, n_epochs=10).stage == "coarse"


@pytest.mark.parametrize("n_epochs", [1, 2, 5])
def test_that_very_short_trainings_reach_their_end(n_epochs: int) -> None:
    stages = _run(Schedule.plan(100, n_warmup=1, n_epochs=n_epochs), _falling())
    assert stages.count("finalise") == FINAL_EPOCHS
    assert len(stages) == 1 + n_epochs + FINAL_EPOCHS


def test_that_more_particles_need_fewer_epochs() -> None:
    few, many = (Schedule.plan(n, n_warmup=1, n_epochs=150) for n in (1_000, 200_000))
    assert many.n_coarse < few.n_coarse
    assert many.check_every == 1 < few.check_every
    assert many.n_coarse >= 2


def test_that_the_step_size_falls_to_nothing_only_at_the_end() -> None:
    schedule = Schedule.plan(1000, n_warmup=1, n_epochs=30)
    rates: dict[str, list[float]] = {}
    while schedule.stage != "done":
        rates.setdefault(schedule.stage, []).append(schedule.rate)
        schedule.advance(_falling()[schedule.epoch], 0.0, None)
    assert {*rates["warm-up"], *rates["coarse"], *rates["fine"]} == {1.0}
    assert rates["finalise"] == sorted(rates["finalise"], reverse=True)
    assert rates["finalise"][0] == 1.0
    assert rates["finalise"][-1] < 0.05


def test_that_a_time_limit_ends_the_training_in_time() -> None:
    seconds, limit = 1.0, 60.0
    stages = _run(Schedule.plan(1000, n_warmup=3, n_epochs=1000), _falling(), seconds, limit)
    assert "finalise" in stages
    assert seconds * len(stages) <= limit + seconds


def test_that_a_time_limit_already_passed_ends_at_once() -> None:
    stages = _run(Schedule.plan(1000, n_warmup=1, n_epochs=100), _falling(), 100.0, 10.0)
    assert len(stages) <= 3


def test_that_a_saved_schedule_goes_on_as_if_nothing_had_happened() -> None:
    whole = Schedule.plan(1000, n_warmup=2, n_epochs=60)
    stages = _run(whole, _falling())
    for stop in (1, 5, 30, 70):
        part = Schedule.plan(1000, n_warmup=2, n_epochs=60)
        for epoch in range(stop):
            part.advance(_falling()[epoch], 0.0, None)
        rest = _run(Schedule.from_state(part.state_dict()), _falling()[stop:])
        assert rest == stages[stop:]


def test_that_the_expected_length_is_right_once_the_end_has_begun() -> None:
    schedule = Schedule.plan(1000, n_warmup=2, n_epochs=20)
    told = []
    while schedule.stage != "done":
        schedule.advance(_falling()[schedule.epoch], 0.0, None)
        if schedule.stage == "finalise":
            told.append(schedule.expected_epochs)
    assert set(told) == {schedule.epoch}


@pytest.mark.parametrize(
    ("at_least", "size"), [(1, 2), (16, 16), (17, 18), (31, 32), (33, 36), (62.2, 64), (101, 108), (511, 512)]
)
def test_that_working_boxes_are_even_and_quick_to_transform(at_least: float, size: int) -> None:
    assert fft_size(at_least) == size


def test_that_wide_gaussians_need_only_small_images() -> None:
    coarse, full = working_boxes(256, 1.0, width_a=6.0, coarse_resolution_a=12.0)
    # 256 Å at 0.1 per Å: 51.2 frequencies.
    assert full == 54
    assert coarse == 48


@pytest.mark.parametrize("box", [16, 31, 32, 64, 360, 400])
@pytest.mark.parametrize("width", [0.5, 3.0, 20.0])
def test_that_working_boxes_fit_into_any_image(box: int, width: float) -> None:
    coarse, full = working_boxes(box, 1.5, width, 12.0)
    assert 2 <= coarse <= full <= box
    assert coarse % 2 == full % 2 == 0
