"""The loops around a generation: which images are classified next, what is accepted, when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from jobs.isac2.accounting import IntArray, StableClass
from jobs.isac2.run_state import InnerState, RunState

if TYPE_CHECKING:
    from jobs.isac2.settings import IsacSettings


@dataclass(frozen=True, eq=False)
class Generation:
    """What one generation gave.

    Attributes
    ----------
    classes
        All groups in their order, accepted or not; empty ones too.
    groups
        ``(n,)`` group of every image of the pool.
    """

    classes: list[StableClass]
    groups: IntArray


class Classifier(Protocol):
    """Classifies the images of one generation."""

    def __call__(self, state: RunState, store: Callable[[InnerState], None]) -> Generation:
        """Classify ``state.pool``, going on from ``state.inner``; ``store`` after every inner iteration."""


class Observer(Protocol):
    """Is told of the steps of a run, and writes what people want to see of them."""

    def main_begins(self, state: RunState) -> None:
        """A main iteration starts with ``state.pool``."""

    def generation_ends(
        self, state: RunState, classes: list[StableClass], accepted: list[StableClass], bad: IntArray
    ) -> None:
        """A generation was classified; ``state`` holds its accepted classes already."""

    def main_ends(self, state: RunState) -> None:
        """A main iteration is over; ``state`` is at the start of the next one, or finished."""


def run_mains(
    state: RunState,
    settings: IsacSettings,
    classify: Classifier,
    observer: Observer,
    store: Callable[[RunState], None],
) -> None:
    """Classify until nothing more is found; ``state`` is carried on in place.

    Parameters
    ----------
    state
        Where to go on from.
    settings
        Of the run.
    classify
        Does one generation.
    observer
        Is told of every step. A step that was stored is not told again after a restart, one that was
        not is: what it writes must be the same then.
    store
        Keeps the state; called after every inner iteration, generation and main iteration.
    """
    group = settings.group_size(len(state.accounts))
    minimum = settings.minimum_size(len(state.accounts))
    if state.finished and _limit_was_raised(state, settings, group):
        state.finished = False
    while not state.finished:
        if not worth_trying(len(state.pool), group):
            state.finished = True
            store(state)
            break
        if state.generation == 1 and state.inner is None:
            observer.main_begins(state)
        generation = classify(state, _storing_inner(state, store))
        accepted, bad = take_generation(state, generation, minimum)
        observer.generation_ends(state, generation.classes, accepted, bad)
        advance(state, settings, len(accepted), bad, group)
        if state.generation == 1:
            observer.main_ends(state)
        store(state)


def take_generation(
    state: RunState, generation: Generation, minimum: int
) -> tuple[list[StableClass], IntArray]:
    """Enter one generation into the accounts.

    Parameters
    ----------
    state
        Changed in place.
    generation
        Its classes.
    minimum
        Size that a class must exceed.

    Returns
    -------
    accepted, bad
        The accepted classes, and the stable members of all others, ascending.
    """
    state.accounts.tried(state.pool, generation.groups, state.main, state.generation)
    accepted = [found for found in generation.classes if found.size > minimum]
    rejected = [found.members for found in generation.classes if found.size <= minimum]
    for found in accepted:
        state.accounts.accept(found, len(state.classes))
        state.classes.append(found)
    bad = np.sort(np.concatenate(rejected)) if rejected else np.empty(0, np.int64)
    state.accounts.small(bad)
    state.history.append(
        {
            "main": state.main,
            "generation": state.generation,
            "images": len(state.pool),
            "classes": len(generation.classes),
            "accepted_classes": len(accepted),
            "accepted_images": sum(found.size for found in accepted),
            "small_class_images": len(bad),
        }
    )
    return accepted, bad


def advance(state: RunState, settings: IsacSettings, new: int, bad: IntArray, group: int) -> None:
    """Decide what is classified next, in place.

    Parameters
    ----------
    state
        After :func:`take_generation`.
    settings
        Of the run.
    new
        Classes accepted in this generation.
    bad
        Stable members of rejected classes.
    group
        Images per group.
    """
    if state.generation == 1:
        state.found_first = new
    barren = state.generation == 1 and new <= settings.delta_good
    state.inner = None
    if int(1.2 * len(bad)) >= 2 * group and not barren:
        state.generation += 1
        state.pool = bad
        return
    leftover = state.accounts.not_accepted
    limited = settings.main_iter_limit > 0 and state.main >= settings.main_iter_limit
    state.finished = barren or limited or len(leftover) < 2 * group
    state.main += 1
    state.generation = 1
    state.found_first = 0
    state.pool = leftover


def may_go_on(state: RunState, settings: IsacSettings) -> bool:
    """Tell whether an ended run would go on with other limits: more main iterations, fewer new classes."""
    unlimited = replace(settings, main_iter_limit=-1, delta_good=0)
    return _limit_was_raised(state, unlimited, settings.group_size(len(state.accounts)))


def worth_trying(images: int, group: int) -> bool:
    """Tell whether so many images make two groups; a generation may have a sixth less."""
    return int(1.2 * images) >= 2 * group


def groups_of(images: int, group: int) -> int:
    """Return the number of groups for so many images, two at least."""
    return max(2, images // group)


def _storing_inner(state: RunState, store: Callable[[RunState], None]) -> Callable[[InnerState], None]:
    def keep(inner: InnerState) -> None:
        state.inner = inner
        store(state)

    return keep


def _limit_was_raised(state: RunState, settings: IsacSettings, group: int) -> bool:
    """Tell whether a run ended by its limit of main iterations, which is higher now."""
    last = state.history[-1] if state.history else None
    if last is None or len(state.accounts.not_accepted) < 2 * group:
        return False
    first = [entry for entry in state.history if entry["main"] == last["main"] and entry["generation"] == 1]
    barren = first[0]["accepted_classes"] <= settings.delta_good
    limit = settings.main_iter_limit
    return not barren and (limit <= 0 or int(last["main"]) < limit)
