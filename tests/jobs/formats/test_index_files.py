"""Lists of particles are read from every kind of file, and what is wrong with them is said."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.index_files import read_indices, read_labels


def _written(folder: Path, suffix: str, content: Any) -> Path:
    path = folder / f"ind{suffix}"
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    elif suffix == ".npy":
        np.save(path, np.asarray(content))
    else:
        path.write_text("# chosen by hand\n" + "\n".join(str(v) for v in content) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".pkl", ".npy", ".txt"])
@pytest.mark.parametrize(
    "content", [[5, 0, 3], np.array([5, 0, 3], np.int32), np.array([5.0, 0, 3])], ids=["list", "int", "float"]
)
def test_that_indices_come_back_in_the_order_of_the_file(tmp_path: Path, suffix: str, content: Any) -> None:
    indices = read_indices(_written(tmp_path, suffix, content), 6)
    assert indices.dtype == np.int64
    assert indices.tolist() == [5, 0, 3]


@pytest.mark.parametrize("suffix", [".pkl", ".npy", ".txt"])
def test_that_truth_values_are_a_mask(tmp_path: Path, suffix: str) -> None:
    path = _written(tmp_path, suffix, [True, False, False, True])
    assert read_indices(path, 4).tolist() == [0, 3]
    with pytest.raises(FormatError, match="4 values for 5 particles"):
        read_indices(path, 5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([0, 1, 6], "entry 3 is 6.*only 0 to 5"),
        ([0, -1], "entry 2 is -1.*only 0 to 5"),
        ([0, 2, 2, 0], r"entry 3 is 2.*there already \(2 entries"),
        ([0, 1.5], "entry 2 is 1.5.*whole number"),
        ([0, float("nan")], "entry 2 is nan.*whole number"),
    ],
)
@pytest.mark.parametrize("suffix", [".pkl", ".npy", ".txt"])
def test_that_the_entry_at_fault_is_named(tmp_path: Path, suffix: str, content: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read_indices(_written(tmp_path, suffix, content), 6)


def test_that_words_nested_lists_and_single_objects_are_no_indices(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="entry 2 is 'two', but a number"):
        read_indices(_written(tmp_path, ".txt", ["1", "two"]), 6)
    with pytest.raises(FormatError, match="one dimension"):
        read_indices(_written(tmp_path, ".npy", np.eye(2)), 6)
    with pytest.raises(FormatError, match="one dimension"):
        read_indices(_written(tmp_path, ".pkl", [[1], [2]]), 6)
    with pytest.raises(FormatError, match="type dict"):
        read_indices(_written(tmp_path, ".pkl", {"a": 1}), 6)
    with pytest.raises(FormatError, match="no array"):
        read_indices(_written(tmp_path, ".npy", np.array([{}], object)), 6)


def test_that_the_index_files_of_the_simulated_data_off_by_one_are_refused(shared: Path) -> None:
    folder = shared / "data" / "tomodrgn"
    with pytest.raises(FormatError, match=r"ptcl_ind_classE\.pkl: entry 72 is 144, but only 0 to 143"):
        read_indices(folder / "ptcl_ind_classE.pkl", 144)
    with pytest.raises(FormatError, match="entry 73 is 72, but only 0 to 71"):
        read_indices(folder / "ptcl_ind_classD.pkl", 72)
    chosen = read_indices(folder / "ind_ptcl_first10last10.pkl", 144)
    assert chosen.tolist() == [*range(10), *range(134, 144)]


def test_that_labels_are_whole_numbers_where_they_can_be(tmp_path: Path, shared: Path) -> None:
    for name in ("ptcl_labels_D0_E1.pkl", "labels_D-0_E-1.pkl"):
        labels = read_labels(shared / "data" / "tomodrgn" / name, 144)
        assert labels.dtype == np.int64
        assert labels.tolist() == [0] * 72 + [1] * 72
    assert read_labels(_written(tmp_path, ".npy", [0.5, 1]), 2).dtype == np.float64
    assert read_labels(_written(tmp_path, ".txt", ["a", "b"]), 2).tolist() == ["a", "b"]
    with pytest.raises(FormatError, match="2 labels for 3 particles"):
        read_labels(_written(tmp_path, ".pkl", [0, 1]), 3)
    with pytest.raises(FormatError, match="entry 2 is nan"):
        read_labels(_written(tmp_path, ".pkl", [0, float("nan")]), 2)
