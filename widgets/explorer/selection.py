"""Which particles are selected: and, or, not, with every step undone and done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Mode = Literal["new", "add", "subtract", "intersect"]
MODES: Final[tuple[Mode, ...]] = ("new", "add", "subtract", "intersect")
_WORDS: Final[dict[Mode, str]] = {"new": "", "add": "or ", "subtract": "and not ", "intersect": "and "}

#: Steps that can be undone; of a million particles each takes 125 kB.
STEPS: Final = 50


@dataclass(frozen=True, eq=False)
class Step:
    """A state of the selection.

    Attributes
    ----------
    words
        What was done to get there.
    packed
        One bit per particle, None when nothing is selected.
    count
        Selected particles.
    """

    words: str
    packed: NDArray[np.uint8] | None
    count: int

    @property
    def description(self) -> str:
        """What was done, and how many particles were selected then."""
        return self.words if self.packed is None else f"{self.words}  ({self.count:,})"


class Selection:
    """A set of particles with a bounded history.

    There is a difference between no selection (`mask` is None) and one without particles: the first leaves
    everything as it is. Taking away from no selection takes away from all particles, and whatever is
    intersected with it is the selection.

    Parameters
    ----------
    n
        Number of particles.
    steps
        How many steps can be undone.
    """

    def __init__(self, n: int, *, steps: int = STEPS) -> None:
        self.n = n
        self._most = steps
        self._steps = [Step("Nothing selected", None, 0)]
        self._place = 0
        self._mask: Mask | None = None

    @property
    def mask(self) -> Mask | None:
        """Selected particles, ``(P,)``, not to be written to; None when there is no selection."""
        return self._mask

    @property
    def count(self) -> int:
        """Number of selected particles."""
        return self._steps[self._place].count

    @property
    def rows(self) -> NDArray[np.intp]:
        """Rows of the selected particles, in order."""
        return np.flatnonzero(self._mask) if self._mask is not None else np.zeros(0, np.intp)

    # -- changes -------------------------------------------------------------------------------------------

    def combine(self, other: Mask, mode: Mode = "new", words: str = "Selection") -> None:
        """Replace the selection, or combine it with other particles.

        Parameters
        ----------
        other : (P,) bool array
            The other particles.
        mode : {"new", "add", "subtract", "intersect"}
            ``add``: these or those; ``intersect``: these and those; ``subtract``: these and not those.
        words : str
            What the other particles are.

        Raises
        ------
        ValueError
            When the number of particles is another one, or the mode is unknown.
        """
        other = self._checked(other)
        if mode not in MODES:
            raise ValueError(f"no mode '{mode}'; there are {', '.join(MODES)}")
        mask = self._mask
        if mode == "new" or (mask is None and mode != "subtract"):
            result = other.copy()
            mode = "new" if mask is None else mode
        elif mask is None:
            result = ~other
        elif mode == "add":
            result = mask | other
        elif mode == "intersect":
            result = mask & other
        else:
            result = mask & ~other
        self._go(result, f"{_WORDS[mode]}{words}")

    def invert(self) -> None:
        """Select exactly the particles that were not; without a selection, all."""
        everything = np.ones(self.n, np.bool_)
        self._go(everything if self._mask is None else ~self._mask, "inverted")

    def clear(self) -> None:
        """Select nothing."""
        if self._mask is not None:
            self._go(None, "cleared")

    def only_finite(self, values: NDArray[Any]) -> None:
        """Take away particles whose values ``(P,)`` or ``(P, d)`` are not all finite.

        Nothing happens when there are none, or no selection.

        Raises
        ------
        ValueError
            When the number of particles is another one.
        """
        if len(values) != self.n:
            raise ValueError(f"values of {len(values)} particles, expected {self.n}")
        finite = np.isfinite(values)
        finite = finite.all(axis=1) if finite.ndim == 2 else finite
        if self._mask is not None and (self._mask & ~finite).any():
            self._go(self._mask & finite, "and has a place")

    # -- history -------------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._place < len(self._steps) - 1

    @property
    def history(self) -> list[str]:
        """What was done, oldest first, with the number of particles after each step."""
        return [step.description for step in self._steps]

    @property
    def place(self) -> int:
        """The step of `history` in force."""
        return self._place

    @property
    def bytes_kept(self) -> int:
        """Size of the history."""
        return sum(step.packed.nbytes for step in self._steps if step.packed is not None)

    def undo(self) -> bool:
        """Go back a step; returns whether there was one."""
        return self.go_to(self._place - 1)

    def redo(self) -> bool:
        """Do the step again that was undone last; returns whether there was one."""
        return self.go_to(self._place + 1)

    def go_to(self, place: int) -> bool:
        """Go to a step of the history; returns whether there is such a step."""
        if not 0 <= place < len(self._steps):
            return False
        self._place = place
        packed = self._steps[place].packed
        self._mask = None if packed is None else np.unpackbits(packed, count=self.n).view(np.bool_)
        return True

    def _go(self, mask: Mask | None, words: str) -> None:
        del self._steps[self._place + 1 :]
        packed = None if mask is None else np.packbits(mask)
        count = 0 if mask is None else int(np.count_nonzero(mask))
        self._steps.append(Step(words[:1].upper() + words[1:], packed, count))
        # the state before the oldest step is kept too, so that this many can be undone
        del self._steps[: -(self._most + 1)]
        self._place = len(self._steps) - 1
        self._mask = mask

    def _checked(self, mask: Mask) -> Mask:
        mask = np.asarray(mask, np.bool_)
        if mask.shape != (self.n,):
            raise ValueError(f"mask has shape {mask.shape}, expected ({self.n},)")
        return mask
