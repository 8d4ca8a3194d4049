"""Where every particle went: accepted, unstable, in a class too small, or never tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Fate(IntEnum):
    """What became of a particle the last time it was classified."""

    UNTRIED = 0
    ACCEPTED = 1
    UNSTABLE = 2
    SMALL_CLASS = 3

    @property
    def words(self) -> str:
        """The fate as people read it."""
        return ("never tried", "accepted", "unstable", "in a class too small")[self]


@dataclass(frozen=True, eq=False)
class StableClass:
    """One class as stability left it.

    Attributes
    ----------
    average
        ``(y, x)`` float32, the mean of its stable members in working pixels, filtered.
    members
        ``(n,)`` rows of the input, ascending.
    alpha_deg, shift, mirror
        ``(n,)``, ``(n, 2)`` x and y in working pixels, ``(n,)`` bool: from prepared image to average.
    pixel_errors
        ``(n,)`` of the members, working pixels.
    main, generation, group
        Where it was found; groups from 0.
    """

    average: NDArray[np.float32] = field(repr=False)
    members: IntArray = field(repr=False)
    alpha_deg: FloatArray = field(repr=False)
    shift: FloatArray = field(repr=False)
    mirror: NDArray[np.bool_] = field(repr=False)
    pixel_errors: FloatArray = field(repr=False)
    main: int = 0
    generation: int = 0
    group: int = 0

    @property
    def size(self) -> int:
        """Number of stable members."""
        return len(self.members)

    @property
    def pixel_error(self) -> float:
        """Root mean square of the members' pixel errors, working pixels; not a number when empty."""
        return float(np.sqrt(np.mean(self.pixel_errors**2))) if self.size else float("nan")

    def state(self) -> dict[str, Any]:
        """Return the class in the plain form of a checkpoint."""
        return {
            "average": self.average,
            "members": self.members,
            "alpha_deg": self.alpha_deg,
            "shift": self.shift,
            "mirror": self.mirror,
            "pixel_errors": self.pixel_errors,
            "place": [self.main, self.generation, self.group],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> StableClass:
        """Return the class that :meth:`state` gave."""
        main, generation, group = state["place"]
        arrays = {name: torch.as_tensor(value).numpy() for name, value in state.items() if name != "place"}
        return cls(**arrays, main=int(main), generation=int(generation), group=int(group))


@dataclass(frozen=True, eq=False)
class Accounts:
    """One row per image of the input.

    Attributes
    ----------
    fate
        ``(N,)`` :class:`Fate`.
    class_of
        ``(N,)`` number of the accepted class, from 0; -1 = none.
    alpha_deg, shift, mirror
        ``(N,)``, ``(N, 2)``, ``(N,)``: transformation in working pixels; mirror is -1 unless accepted.
    pixel_error
        ``(N,)`` working pixels, not a number unless accepted.
    main, generation, group
        ``(N,)`` where the particle was classified last (0, 0, -1 = never).
    """

    fate: NDArray[np.int8]
    class_of: IntArray
    alpha_deg: FloatArray
    shift: FloatArray
    mirror: NDArray[np.int8]
    pixel_error: FloatArray
    main: NDArray[np.int32]
    generation: NDArray[np.int32]
    group: NDArray[np.int32]

    @classmethod
    def empty(cls, images: int) -> Accounts:
        """Return the accounts of so many images none of which was tried."""
        return cls(
            fate=np.zeros(images, np.int8),
            class_of=np.full(images, -1, np.int64),
            alpha_deg=np.zeros(images),
            shift=np.zeros((images, 2)),
            mirror=np.full(images, -1, np.int8),
            pixel_error=np.full(images, np.nan),
            main=np.zeros(images, np.int32),
            generation=np.zeros(images, np.int32),
            group=np.full(images, -1, np.int32),
        )

    def __len__(self) -> int:
        return len(self.fate)

    @property
    def accepted(self) -> IntArray:
        """Rows of the accepted images, ascending."""
        return np.flatnonzero(self.fate == Fate.ACCEPTED)

    @property
    def not_accepted(self) -> IntArray:
        """Rows of all others, ascending."""
        return np.flatnonzero(self.fate != Fate.ACCEPTED)

    def tried(self, rows: IntArray, groups: IntArray, main: int, generation: int) -> None:
        """Note that images were classified; they count as unstable until :meth:`small` or :meth:`accept`.

        Parameters
        ----------
        rows
            ``(n,)`` images, none of them accepted before.
        groups
            ``(n,)`` the group each was in.
        main, generation
            Where.

        Raises
        ------
        ValueError
            When one of them was accepted before: no image is used twice.
        """
        if np.any(self.fate[rows] == Fate.ACCEPTED):
            raise ValueError("an accepted image was classified again")
        self.fate[rows] = Fate.UNSTABLE
        self.main[rows], self.generation[rows], self.group[rows] = main, generation, groups

    def small(self, rows: IntArray) -> None:
        """Note that images were stable in a class that was too small."""
        self.fate[rows] = Fate.SMALL_CLASS

    def accept(self, found: StableClass, number: int) -> None:
        """Enter the members of an accepted class.

        Raises
        ------
        ValueError
            When one of them belongs to a class already.
        """
        rows = found.members
        if np.any(self.fate[rows] == Fate.ACCEPTED):
            raise ValueError("an image was accepted twice")
        self.fate[rows] = Fate.ACCEPTED
        self.class_of[rows] = number
        self.alpha_deg[rows], self.shift[rows] = found.alpha_deg, found.shift
        self.mirror[rows] = found.mirror
        self.pixel_error[rows] = found.pixel_errors

    def counts(self) -> dict[Fate, int]:
        """Return how many images have each fate; they add up to all."""
        return {fate: int((self.fate == fate).sum()) for fate in Fate}

    def sentence(self) -> str:
        """Return the counts in words."""
        counts = self.counts()
        order = (Fate.ACCEPTED, Fate.UNSTABLE, Fate.SMALL_CLASS, Fate.UNTRIED)
        return f"Of {len(self)} particles: " + ", ".join(f"{counts[fate]} {fate.words}" for fate in order)

    def state(self) -> dict[str, Any]:
        """Return the accounts in the plain form of a checkpoint."""
        return dict(vars(self))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Accounts:
        """Return the accounts that :meth:`state` gave."""
        return cls(**{name: torch.as_tensor(value).numpy() for name, value in state.items()})
