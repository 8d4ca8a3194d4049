"""The loops around a generation, with a classifier that is told what to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.isac2.accounting import Accounts, Fate, IntArray, StableClass
from jobs.isac2.mains import Generation, groups_of, may_go_on, run_mains
from jobs.isac2.run_state import InnerState, RunState, digest, load_state, save_state
from jobs.isac2.settings import IsacSettings

SETTINGS = IsacSettings(radius=29.0, img_per_grp=10, minimum_grp_size=5)


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def main_begins(self, state: RunState) -> None:
        self.told.append(("main begins", state.main, len(state.pool)))

    def generation_ends(
        self, state: RunState, classes: list[StableClass], accepted: list[StableClass], bad: IntArray
    ) -> None:
        self.told.append(("generation ends", len(accepted), len(bad)))

    def main_ends(self, state: RunState) -> None:
        self.told.append(("main ends", state.main, len(state.pool)))


def _stable(members: IntArray, group: int, main: int = 1, generation: int = 1) -> StableClass:
    count = len(members)
    return StableClass(
        average=np.full((4, 4), group, np.float32),
        members=members,
        alpha_deg=members.astype(np.float64),
        shift=np.zeros((count, 2)),
        mirror=members % 2 == 0,
        pixel_errors=np.full(count, 0.3),
        main=main,
        generation=generation,
        group=group,
    )


def _classifier(sizes: Callable[[int, int], list[int]]) -> Callable[..., Generation]:
    """Groups of equal size, of which so many are stable as ``sizes`` says."""

    def classify(state: RunState, store: Callable[[InnerState], None]) -> Generation:
        wanted = sizes(state.main, state.generation)
        groups = np.arange(len(state.pool)) % max(1, len(wanted))
        classes = [
            _stable(state.pool[groups == k][:size], k, state.main, state.generation)
            for k, size in enumerate(wanted)
        ]
        return Generation(classes, groups)

    return classify


def test_that_every_particle_is_accounted_for_and_no_class_is_at_or_below_the_minimum() -> None:
    state = RunState.start(100)
    run_mains(
        state, SETTINGS, _classifier(lambda m, g: [10, 6, 5, 0] if m == 1 else [5]), Watcher(), _nothing
    )
    assert [found.size for found in state.classes] == [10, 6]
    counts = state.accounts.counts()
    assert sum(counts.values()) == 100
    assert counts[Fate.ACCEPTED] == 16
    assert counts[Fate.SMALL_CLASS] == 5
    assert np.array_equal(np.flatnonzero(state.accounts.mirror >= 0), state.accounts.accepted)
    assert state.accounts.sentence().startswith("Of 100 particles: 16 accepted, 79 unstable, 5 in a class")


def test_that_stable_members_of_small_classes_are_classified_again_in_the_next_generation() -> None:
    watcher = Watcher()
    state = RunState.start(100)
    sizes = {(1, 1): [10, *[5] * 4], (1, 2): [6, 4]}
    run_mains(state, SETTINGS, _classifier(lambda m, g: sizes.get((m, g), [0])), watcher, _nothing)
    assert watcher.told[:4] == [
        ("main begins", 1, 100),
        ("generation ends", 1, 20),
        ("generation ends", 1, 4),
        ("main ends", 2, 84),
    ]
    assert state.finished


def test_that_a_run_ends_when_its_first_generation_finds_nothing() -> None:
    watcher = Watcher()
    state = RunState.start(100)
    run_mains(state, SETTINGS, _classifier(lambda m, g: [5] * 10), watcher, _nothing)
    assert watcher.told == [("main begins", 1, 100), ("generation ends", 0, 50), ("main ends", 2, 100)]
    assert not state.classes


def test_that_a_run_ends_when_too_few_images_are_left() -> None:
    state = RunState.start(100)
    run_mains(state, SETTINGS, _classifier(lambda m, g: [10] * 9), Watcher(), _nothing)
    assert state.finished and not may_go_on(state, SETTINGS)
    assert len(state.accounts.not_accepted) == 10


def test_that_the_limit_of_main_iterations_counts_and_can_be_raised_later() -> None:
    few = replace(SETTINGS, main_iter_limit=2)
    classify = _classifier(lambda m, g: [10, 0, 0])
    state = RunState.start(200)
    run_mains(state, few, classify, Watcher(), _nothing)
    assert {found.main for found in state.classes} == {1, 2}
    assert state.finished and may_go_on(state, few)
    run_mains(state, replace(SETTINGS, main_iter_limit=3), classify, Watcher(), _nothing)
    assert {found.main for found in state.classes} == {1, 2, 3}


def test_that_a_run_killed_after_any_step_ends_with_the_same_bits(tmp_path: Path) -> None:
    sizes = {(1, 1): [10, *[5] * 4], (1, 2): [6, 4], (2, 1): [9, 8]}
    classify = _classifier(lambda m, g: sizes.get((m, g), [0]))
    whole = RunState.start(100)
    steps = 0

    def counted(state: RunState) -> None:
        nonlocal steps
        steps += 1

    run_mains(whole, SETTINGS, classify, Watcher(), counted)
    path = tmp_path / "state.pth"
    for last in range(1, steps):
        state, left = RunState.start(100), last

        def killed(state: RunState) -> None:
            nonlocal left
            save_state(path, state, SETTINGS)
            left -= 1
            if not left:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_mains(state, SETTINGS, classify, Watcher(), killed)
        resumed = load_state(path, SETTINGS, torch.device("cpu"))
        run_mains(resumed, SETTINGS, classify, Watcher(), _nothing)
        assert digest(resumed) == digest(whole)
        assert resumed.history == whole.history


def test_that_a_state_is_not_continued_with_settings_that_change_the_result(tmp_path: Path) -> None:
    path = tmp_path / "state.pth"
    save_state(path, RunState.start(10), SETTINGS)
    load_state(path, replace(SETTINGS, main_iter_limit=5, gpu_memory_use=0.2), torch.device("cpu"))
    with pytest.raises(UserError, match=r"thld_err 0\.7 instead of 0\.6"):
        load_state(path, replace(SETTINGS, thld_err=0.6), torch.device("cpu"))


def test_that_an_image_is_never_in_two_classes() -> None:
    accounts = Accounts.empty(20)
    accounts.accept(_stable(np.arange(5), 0), 0)
    with pytest.raises(ValueError, match="accepted twice"):
        accounts.accept(_stable(np.arange(4, 8), 1), 1)
    with pytest.raises(ValueError, match="classified again"):
        accounts.tried(np.array([4]), np.array([0]), 1, 2)


def test_that_two_groups_are_made_at_least() -> None:
    assert [groups_of(n, 10) for n in (9, 17, 20, 35)] == [2, 2, 2, 3]


def _nothing(state: RunState) -> None:
    pass
