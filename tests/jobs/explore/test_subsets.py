"""Selections as STAR files: exactly these particles, all else as it was."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile

from jobs.core.errors import UserError
from jobs.explore.subsets import read_particle_tables, save_subset
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from tests.support.particle_files import write_particles

FILES = [
    "FinalRefinement-OriginalParticles-PfCRT.star",
    "relion31.6opticsgroups.star",
    "relion31.star",
    "relion5.star",
    "sample_particles_relion30.star",
    "sample_particles_relion31.star",
    "sta_testing.star",
    "toy_projections.star",
]


@pytest.fixture
def star_path(tmp_path: Path) -> Path:
    return write_particles(tmp_path / "Refine3D" / "job003" / "run_data.star")


def block_of(frames: Any) -> Any:
    """Particle block as the starfile package reads it."""
    if not isinstance(frames, dict):
        return frames
    return frames["particles"] if "particles" in frames else next(iter(frames.values()))


@pytest.mark.reference
@pytest.mark.parametrize("name", FILES)
def test_that_every_relion_version_keeps_all_but_the_rows_left_out(
    tmp_path: Path, shared: Path, name: str
) -> None:
    star = shared / "data" / "star" / name
    source = read_particle_tables(star)
    names = source.image_names()
    # one of the files names some images twice
    rows = np.array([row for row in range(len(names)) if (names == names[row]).sum() == 1])[::3]
    assert len(rows) >= 2
    # in any order, and spelt without leading zeros
    wanted = [str(names[row]).lstrip("0") for row in rows[::-1]]
    written = save_subset(tmp_path, 1, star, wanted)
    assert written == tmp_path / "subsets" / "subset_1_half1.star"
    before, after = read_star_tables(star), read_star_tables(written)
    assert list(before) == list(after)
    for block, table in before.items():
        assert after[block].columns == table.columns
        expected = table.rows() if block == "optics" else [table.rows()[row] for row in rows]
        assert after[block].rows() == expected
    # another reader sees the same
    theirs, mine = starfile.read(star), starfile.read(written)
    expected_frame = block_of(theirs).iloc[rows].reset_index(drop=True)
    for column in expected_frame.columns:
        assert block_of(mine)[column].tolist() == expected_frame[column].tolist(), column
    if isinstance(theirs, dict) and "optics" in theirs:
        assert theirs["optics"].equals(mine["optics"])


def test_that_blocks_with_a_row_per_particle_and_blocks_with_none_keep_step(
    tmp_path: Path, star_path: Path
) -> None:
    tables = read_star_tables(star_path)
    tables["images_body_1"] = StarTable.from_columns("images_body_1", {"rlnAngleRot": np.arange(12)})
    tables["general"] = StarTable.from_columns("general", {"rlnNote": ["kept as it is"]}, is_loop=False)
    star = tmp_path / "many.star"
    write_star_tables(star, tables)
    names = read_particle_tables(star).image_names()
    again = read_star_tables(save_subset(tmp_path, 2, star, names[[7, 2, 9]]))
    assert again["images_body_1"].ints("rlnAngleRot").tolist() == [2, 7, 9]
    assert again["general"].row(0) == {"rlnNote": "kept as it is"}
    assert again["particles"].text("rlnImageName").tolist() == names[[2, 7, 9]].tolist()


def test_that_a_selection_that_cannot_be_meant_is_refused_with_its_reason(
    tmp_path: Path, star_path: Path
) -> None:
    names = read_particle_tables(star_path).image_names().tolist()
    job = tmp_path / "job"
    for wanted, said in (
        ([], "no particles are selected"),
        ([names[0], "000099@Extract/job002/s0.mrcs"], "1 of 2 chosen particles is not in the file (000099@"),
        ([*(f"{k:06d}@x.mrcs" for k in range(1, 6))], "5 of 5 chosen particles are not in the file"),
        ([names[3], names[3]], "1 particles are named more than once in the selection"),
    ):
        with pytest.raises(UserError) as error:
            save_subset(job, 1, star_path, wanted)
        assert said in str(error.value)
    twice = write_particles(tmp_path / "twice.star", [*names[:11], names[0]])
    with pytest.raises(UserError, match="1 of 1 chosen particles is in the file more than once"):
        save_subset(job, 1, twice, names[:1])
    # the others of that file can still be chosen
    save_subset(job, 1, twice, names[1:3])
    assert sorted(p.name for p in job.rglob("*")) == ["subset_1_half1.star", "subsets"]


def test_that_a_file_without_particles_is_refused(tmp_path: Path) -> None:
    star = tmp_path / "a.star"
    write_star_tables(star, [StarTable.from_columns("optics", {"rlnOpticsGroup": [1]})])
    with pytest.raises(UserError, match="no particle table"):
        save_subset(tmp_path, 1, star, ["1@a.mrcs"])


def test_that_half_of_a_million_particles_is_saved_in_seconds(tmp_path: Path) -> None:
    n = 1_000_000
    labels = b"_rlnImageName #1 \n_rlnAngleRot #2 \n_rlnMicrographName #3 \n"
    star = tmp_path / "big.star"
    with star.open("wb") as file:
        file.write(b"\n# version 50001\n\ndata_particles\n\nloop_ \n" + labels)
        row = b"%06d@E/s%03d.mrcs %12.6f MotionCorr/m%05d.mrc\n"
        file.writelines(row % (k % 1000 + 1, k // 1000, k * 1e-3, k // 200) for k in range(n))
    names = [f"{k % 1000 + 1:06d}@E/s{k // 1000:03d}.mrcs" for k in range(0, n, 2)]
    start = time.perf_counter()
    written = save_subset(tmp_path, 1, star, names)
    took = time.perf_counter() - start
    assert read_particle_tables(written).image_names().tolist() == names
    # about eight seconds on two busy cores; an algorithm that looks up names one by one would take hours
    assert took < 40
