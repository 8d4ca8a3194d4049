"""Classes know their particles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.class_set import ClassSet


def _read(path: Path, section: int) -> np.ndarray:
    return np.full((4, 4), section, np.float32)


def _set(class_of: list[int], sizes: list[int]) -> ClassSet:
    averages = tuple((Path("a.mrcs"), k) for k in range(len(sizes)))
    columns = {"size": np.array(sizes)}
    return ClassSet(Path("a.star"), averages, _read, 1.0, columns, Path("b.star"), np.array(class_of))


def test_that_every_particle_is_a_member_of_its_class_and_of_no_other() -> None:
    classes = _set([1, -1, 0, 1, 1, -1], [1, 3, 0])
    assert [classes.members(k).tolist() for k in range(3)] == [[2], [0, 3, 4], []]
    assert classes.read(2)[0, 0] == 2


def test_that_a_column_needs_a_value_for_every_class() -> None:
    with pytest.raises(ValueError, match="size has 2 values for 1 classes"):
        ClassSet(Path("a"), ((Path("a"), 0),), _read, 1.0, {"size": np.zeros(2)}, None, np.zeros(0, int))
    with pytest.raises(ValueError, match="needs the column 'size'"):
        ClassSet(Path("a"), (), _read, 1.0, {}, None, np.zeros(0, int))
