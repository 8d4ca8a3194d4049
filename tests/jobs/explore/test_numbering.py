"""Numbers of what is written: the original's rule, never twice, nothing left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs.core.errors import UserError
from jobs.explore.numbering import claimed, map_name, movie_name, next_number, subset_name


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_that_names_have_the_originals_form() -> None:
    assert map_name(7, 1) == "map007_half1"
    assert movie_name(7, 0) == "movie07_half0"
    assert subset_name(7, 2) == "subset_7_half2"


def test_that_the_number_is_one_more_than_there_are_entries_of_the_half_set(tmp_path: Path) -> None:
    assert next_number(tmp_path / "not there", 1) == 1
    for name in ("map001_half1.mrc", "map002_half1.mrc", "map001_half2.mrc", ".map003_half1.writing"):
        (tmp_path / name).touch()
    assert [next_number(tmp_path, half) for half in (0, 1, 2)] == [1, 3, 2]
    (tmp_path / "map002_half1.cxc").touch()
    assert next_number(tmp_path, 1) == 3


def test_that_a_gap_in_the_numbers_never_overwrites(tmp_path: Path) -> None:
    # number 1 was deleted: the rule says 2, which exists
    (tmp_path / "map002_half1.mrc").write_text("precious")
    with claimed(tmp_path, map_name, 1) as claim:
        (claim.work / f"{claim.name}.mrc").write_text("new")
        (path,) = claim.publish(".mrc")
    assert path.name == "map003_half1.mrc"
    assert (tmp_path / "map002_half1.mrc").read_text() == "precious"
    assert names(tmp_path) == ["map002_half1.mrc", "map003_half1.mrc"]


def test_that_a_name_is_taken_with_any_ending(tmp_path: Path) -> None:
    (tmp_path / "subset_2_half1.cs").touch()
    with claimed(tmp_path, subset_name, 1) as claim:
        assert claim.name == "subset_3_half1"


def test_that_an_error_leaves_nothing_not_even_the_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with claimed(tmp_path / "movies", movie_name, 1) as claim:
            (claim.work / "volume000.mrc").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []


def test_that_two_who_write_at_the_same_time_get_different_numbers(tmp_path: Path) -> None:
    def write(k: int) -> str:
        with claimed(tmp_path, subset_name, 1) as claim:
            (claim.work / f"{claim.name}.star").write_text(str(k))
            return claim.publish(".star")[0].name

    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(write, range(64)))
    assert len(set(written)) == 64
    assert sorted(int((tmp_path / name).read_text()) for name in written) == list(range(64))
    assert len(names(tmp_path)) == 64


def test_that_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text("a file")
    with pytest.raises(UserError, match="could not be written"), claimed(tmp_path / "maps", map_name, 1):
        pass
