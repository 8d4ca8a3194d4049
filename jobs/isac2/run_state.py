"""Where a classification stands, stored after every inner iteration and read to go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import UserError
from jobs.isac2.accounting import Accounts, IntArray, StableClass
from jobs.isac2.settings import IsacSettings

CHECKPOINT: Final = "checkpoint.pth"
_LAYOUT: Final = 1
#: Settings that change how far a run goes or how fast, not what it computes.
_FREE: Final = ("main_iter_limit", "gpu_memory_use", "restart", "skip_ordering", "delta_good")


@dataclass(frozen=True, eq=False)
class InnerState:
    """A generation between two inner iterations.

    Attributes
    ----------
    done
        Inner iterations done.
    references
        ``(K, y, x)`` float32 averages that the next one starts from.
    alpha_deg, shift, mirror
        ``(n,)``, ``(n, 2)``, ``(n,)``: current transformation of the images of the pool.
    group, stable
        ``(n,)`` group of each image (-1 before the first), and whether it was stable in it.
    pixel_error
        ``(n,)`` working pixels.
    agreement
        With the iteration before, 0 to 1.
    converged
        Whether the generation is over.
    """

    done: int
    references: Tensor
    alpha_deg: Tensor
    shift: Tensor
    mirror: Tensor
    group: Tensor
    stable: Tensor
    pixel_error: Tensor
    agreement: float = 0.0
    converged: bool = False

    def state(self) -> dict[str, Any]:
        """Return the plain form of a checkpoint."""
        return {
            name: value.cpu() if isinstance(value, Tensor) else value for name, value in vars(self).items()
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], device: torch.device) -> InnerState:
        """Return what :meth:`state` gave, on a device."""
        moved: dict[str, Any] = {
            name: value.to(device) if isinstance(value, Tensor) else value for name, value in state.items()
        }
        return cls(**moved)


@dataclass(eq=False)
class RunState:
    """A run between two steps.

    Attributes
    ----------
    accounts, classes
        All images, and the classes accepted so far in the order of their numbers.
    main, generation
        Where it is, from 1.
    pool
        Rows of the images of this generation, ascending.
    inner
        The generation as far as it got; None at its start.
    found_first
        Classes that the first generation of this main iteration found.
    finished
        Whether the run is over.
    history
        One entry per finished generation, for curves and words.
    """

    accounts: Accounts
    pool: IntArray
    classes: list[StableClass] = field(default_factory=list)
    main: int = 1
    generation: int = 1
    inner: InnerState | None = None
    found_first: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, images: int) -> RunState:
        """Return a run of so many images before its first step."""
        return cls(accounts=Accounts.empty(images), pool=np.arange(images))


def save_state(path: Path, state: RunState, settings: IsacSettings) -> None:
    """Write the state, whole or not at all.

    Raises
    ------
    UserError
        When it cannot be written; an older one stays.
    """
    save_checkpoint(
        path,
        {
            "layout": _LAYOUT,
            "settings": settings_key(settings),
            "accounts": state.accounts.state(),
            "pool": state.pool,
            "classes": [found.state() for found in state.classes],
            "inner": None if state.inner is None else state.inner.state(),
            "place": [state.main, state.generation, state.found_first, int(state.finished)],
            "history": state.history,
        },
    )


def load_state(path: Path, settings: IsacSettings, device: torch.device) -> RunState:
    """Read a state.

    Parameters
    ----------
    path
        The file.
    settings
        Of the run that is to go on.
    device
        Where its tensors go.

    Raises
    ------
    UserError
        When the file is damaged, or of a run with other settings.
    """
    stored = load_checkpoint(path)
    if stored.get("layout") != _LAYOUT:
        raise UserError(
            "the checkpoint was written by another version",
            path=path,
            hint="Finish the run with that version, or start a new one",
        )
    if stored["settings"] != settings_key(settings):
        raise UserError(
            f"the run was started with other settings ({_difference(stored['settings'], settings)})",
            path=path,
            hint="Give the same settings to go on, or start a new run",
        )
    main, generation, found_first, finished = stored["place"]
    return RunState(
        accounts=Accounts.from_state(stored["accounts"]),
        pool=stored["pool"].numpy(),
        classes=[StableClass.from_state(found) for found in stored["classes"]],
        main=main,
        generation=generation,
        inner=None if stored["inner"] is None else InnerState.from_state(stored["inner"], device),
        found_first=found_first,
        finished=bool(finished),
        history=[dict(entry) for entry in stored["history"]],
    )


def settings_key(settings: IsacSettings) -> str:
    """Return the settings that decide the result, as text."""
    deciding = {name: value for name, value in asdict(settings).items() if name not in _FREE}
    return json.dumps(deciding, sort_keys=True)


def digest(state: RunState) -> str:
    """Return a fingerprint of everything that a run found, for comparing runs bit by bit."""
    total = hashlib.blake2b(digest_size=16)
    for values in vars(state.accounts).values():
        total.update(np.ascontiguousarray(values).tobytes())
    for found in state.classes:
        total.update(found.average.tobytes())
        total.update(found.members.tobytes())
    return total.hexdigest()


def _difference(stored: str, settings: IsacSettings) -> str:
    then, now = json.loads(stored), json.loads(settings_key(settings))
    names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    return ", ".join(f"{name} {then.get(name)} instead of {now.get(name)}" for name in names)
