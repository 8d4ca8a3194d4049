"""Rules by which classes are kept or rejected. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.class_set import PIXEL_ERROR, RESOLUTION, SIZE, ClassSet

#: Each rule: column, and whether values must be at least (else at most) the limit.
RULES: Final[Mapping[str, bool]] = {SIZE: True, PIXEL_ERROR: False, RESOLUTION: False}


@dataclass(frozen=True)
class KeepRules:
    """Limits a class has to keep; None is no limit.

    Attributes
    ----------
    limits
        Lowest ``size``, highest ``pixel_error_px`` and ``resolution_a``, by column.
    """

    limits: tuple[tuple[str, float], ...] = ()

    @property
    def active(self) -> bool:
        """Whether there is any limit."""
        return bool(self.limits)

    def limit(self, column: str) -> float | None:
        """Return the limit of a column."""
        return dict(self.limits).get(column)

    def passes(self, classes: ClassSet) -> NDArray[np.bool_]:
        """Return which classes `(K,)` keep all limits.

        What is not known of a class keeps no limit; limits of columns the set does not have are not asked.
        """
        kept = np.ones(len(classes), bool)
        for column, limit in self.limits:
            if column in classes.columns:
                values: NDArray[Any] = np.asarray(classes.columns[column], np.float64)
                with np.errstate(invalid="ignore"):
                    kept &= values >= limit if RULES[column] else values <= limit
        return kept

    def rejects(self, classes: ClassSet, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which classes `(K,)` are rejected: those that fail, but not what was chosen all the same."""
        return ~self.passes(classes) & ~selected


def part_of(
    rows: NDArray[np.int64], part: str, selected: NDArray[np.bool_], rejected: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return those of the rows that are ``selected``, ``unselected`` or ``rejected``; or ``all``."""
    masks = {"selected": selected, "unselected": ~selected, "rejected": rejected}
    return rows[masks[part][rows]] if part in masks else rows
