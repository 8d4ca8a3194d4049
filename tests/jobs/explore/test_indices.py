"""Selections as rows: the files that other programs filter by, and names read back."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.explore.indices import save_indices
from jobs.explore.subsets import read_names, save_subset
from tests.support.particle_files import image_names, write_particles


@pytest.fixture
def star_path(tmp_path: Path) -> Path:
    return write_particles(tmp_path / "run_data.star")


class OnlyNumpy(pickle.Unpickler):
    """What a careful reader allows: plain arrays."""

    def find_class(self, module: str, name: str) -> Any:
        assert module.split(".")[0] == "numpy"
        return super().find_class(module, name)


def test_that_the_three_files_hold_the_rows_of_the_particles_in_the_star_file(
    tmp_path: Path, star_path: Path
) -> None:
    names = np.array(image_names(), object)
    text = save_indices(tmp_path, 2, star_path, names[[9, 0, 4]])
    assert text == tmp_path / "subsets" / "subset_1_half2.txt"
    array = np.load(text.with_suffix(".npy"), allow_pickle=False)
    with text.with_suffix(".pkl").open("rb") as file:
        pickled = OnlyNumpy(file).load()
    assert array.tolist() == pickled.tolist() == [0, 4, 9]
    assert type(pickled) is np.ndarray and pickled.dtype == array.dtype == np.int64
    lines = text.read_text().splitlines()[1:]
    assert lines == [f"{row} {names[row]}" for row in (0, 4, 9)]
    assert names[pickled].tolist() == names[[0, 4, 9]].tolist()


def test_that_several_forms_of_selections_get_different_numbers(tmp_path: Path, star_path: Path) -> None:
    names = np.array(image_names(), object)
    save_indices(tmp_path, 1, star_path, names[:2])
    assert save_subset(tmp_path, 1, star_path, names[:2]).name == "subset_2_half1.star"
    assert save_indices(tmp_path, 1, star_path, names[:2]).name == "subset_3_half1.txt"


def test_that_names_come_back_from_a_star_file_and_from_a_list(tmp_path: Path, star_path: Path) -> None:
    names = np.array(image_names(), object)
    chosen = names[[3, 5]].tolist()
    assert list(read_names(save_subset(tmp_path, 1, star_path, chosen))) == chosen
    assert list(read_names(save_indices(tmp_path, 1, star_path, chosen))) == chosen
    plain = tmp_path / "plain.txt"
    plain.write_text("# my favourites\n" + "\n".join([*chosen, "", "7 000003@my stacks/a b.mrcs "]))
    assert list(read_names(plain)) == [*chosen, "000003@my stacks/a b.mrcs"]


def test_that_a_list_without_particles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("0\n1\n2\n")
    with pytest.raises(UserError, match="holds no particles"):
        read_names(path)


def test_that_a_missing_particle_leaves_no_file(tmp_path: Path, star_path: Path) -> None:
    with pytest.raises(UserError, match="1 of 1 chosen particles is not in the file"):
        save_indices(tmp_path / "job", 1, star_path, ["000001@other.mrcs"])
    assert not (tmp_path / "job").exists()
