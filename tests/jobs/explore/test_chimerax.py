"""What a script for ChimeraX says; the commands are those of its public documentation."""

from __future__ import annotations

import fnmatch
import re

from jobs.explore.chimerax import map_script, movie_script


def commands(script: str) -> list[str]:
    return [line for line in script.splitlines() if not line.startswith("#")]


def test_that_a_movie_is_opened_as_one_series_and_plays_back_and_forth() -> None:
    said = commands(movie_script(20, 0.0123456, title="PC1"))
    assert said[0] == "open volume*.mrc vseries true"
    assert "volume #1 style surface step 1 level 0.0123456 color #b2b2b2" in said
    assert any(
        re.fullmatch(r"vseries play #1 loop true direction oscillate maxFrameRate \d+", s) for s in said
    )


def test_that_the_wildcard_of_the_series_leaves_the_other_files_of_the_folder_alone() -> None:
    pattern = commands(movie_script(20, 1.0))[0].split()[1]
    files = ["volume000.mrc", "volume019.mrc", "states.csv", "movie.cxc", "model.cif", "model.pdb"]
    assert fnmatch.filter(files, pattern) == files[:2]


def test_that_atoms_and_map_are_stepped_by_the_same_command() -> None:
    said = commands(movie_script(20, 1.0, atoms="model.cif"))
    assert "open model.cif coordsets true" in said
    # the atoms are seen through the surface of every frame
    assert any(s.endswith("level 1 color #b2b2b260") for s in said)
    (play,) = [s for s in said if s.startswith("perframe")]
    # the series counts from 0, coordinate sets from 1
    assert 'jumpTo $1; coordset #2 $2" range 0,19 range 1,20' in play
    assert not any(s.startswith("vseries play #1 loop") for s in said)


def test_that_one_frame_is_shown_and_not_played() -> None:
    for atoms in (None, "model.cif"):
        assert "play" not in "\n".join(commands(movie_script(1, 1.0, atoms=atoms)))


def test_that_a_title_of_several_lines_cannot_become_a_command() -> None:
    script = movie_script(2, 1.0, title="first\nclose session", notes=["a note"])
    assert "close session" not in commands(script)
    assert "# a note" in script.splitlines()


def test_that_a_map_is_opened_by_its_name_alone() -> None:
    said = commands(map_script("map001_half1.mrc", 0.5, atoms="my model.pdb"))
    assert said[0] == "open map001_half1.mrc"
    assert 'open "my model.pdb"' in said
    assert not any("/" in s for s in said)
