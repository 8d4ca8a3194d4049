"""Selections that are kept with a job, by identity."""

from __future__ import annotations

from pathlib import Path

import pytest
import starfile

from jobs.explore.kept_selections import FOLDER, forget_kept, read_kept, write_kept

NAMES = [f"{k + 1:06d}@Extract/job001/a b.mrcs" for k in range(5)]


@pytest.mark.parametrize("name", ["good", "two words", "Größe > 3 'x' \"y\"", "a/../b", "#1 _x", "data_"])
def test_that_a_kept_selection_comes_back_under_its_name(tmp_path: Path, name: str) -> None:
    path = write_kept(tmp_path, name, [NAMES[1], NAMES[4]])
    assert path.parent == tmp_path / FOLDER
    assert read_kept(tmp_path) == {name: [NAMES[1], NAMES[4]]}
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    forget_kept(tmp_path, name)
    assert read_kept(tmp_path) == {} and not list(path.parent.iterdir())


def test_that_other_programs_read_the_particles(tmp_path: Path) -> None:
    path = write_kept(tmp_path, "good", NAMES[:2])
    assert list(starfile.read(path)["particles"]["rlnImageName"]) == NAMES[:2]


def test_that_a_name_is_kept_anew_and_particles_of_the_other_half_set_stay(tmp_path: Path) -> None:
    write_kept(tmp_path, "good", NAMES[:2], known=NAMES[:3])
    write_kept(tmp_path, "good", NAMES[4:], known=NAMES[3:])
    assert set(read_kept(tmp_path)["good"]) == {*NAMES[:2], NAMES[4]}
    write_kept(tmp_path, "good", [], known=NAMES)
    assert read_kept(tmp_path) == {"good": []}


def test_that_similar_names_are_different_and_damaged_files_are_passed_over(tmp_path: Path) -> None:
    for k, name in enumerate(("a b", "a_b", "a  b")):
        write_kept(tmp_path, name, NAMES[k : k + 1])
    (tmp_path / FOLDER / "broken.star").write_text("data_\nloop_\n_x #1\n1 2 3\n")
    (tmp_path / FOLDER / "other.star").write_text("data_general\n\n_rlnX 1\n")
    assert read_kept(tmp_path) == {"a b": NAMES[:1], "a_b": NAMES[1:2], "a  b": NAMES[2:3]}
    assert read_kept(tmp_path / "nowhere") == {}
