"""A project from an EMAN2 refinement: volumes unpacked, shifts kept, contrast inverted, average right."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np

from jobs.dynamo_processor.commands import main
from jobs.formats.dynamo_table import read_index, read_table
from jobs.formats.mrc import read_map
from tests.support.eman_projects import SIDE, eman2_project
from tests.support.tomography_projects import correlation, reference


def test_that_particles_of_eman2_average_to_the_map_only_with_their_shifts(tmp_path: Path) -> None:
    eman2_project(tmp_path / "eman", each=6)
    parms = next((tmp_path / "eman").rglob("particle_parms_*.json"))
    words = ["--source_type", "eman2", "--eman2_dir", str(tmp_path / "eman"), "--params_json", str(parms)]
    words += ["--box_size", str(SIDE), "--dim_r1", str(SIDE), "--lim_r1", "4", "--low_r1", "6"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    table = read_table(tmp_path / "out" / "input.tbl")
    index = read_index(tmp_path / "out" / "tomograms_input.doc")
    assert sorted(index) == sorted(table["tomo"].astype(int)) == sorted(table["tag"].astype(int))
    assert np.abs(table.shift).max() > 0.5
    np.testing.assert_array_equal(table.position, SIDE // 2 + 1)
    for number, path in index.items():
        with mrcfile.open(tmp_path / "out" / path) as file:
            assert file.data.shape == (SIDE,) * 3
            assert file.voxel_size.x > 0
        assert (tmp_path / "out" / "particles" / f"particle_{number:06d}.em").is_file()
    found = read_map(tmp_path / "out" / "initial_average.mrc").data
    # EMAN2's particles are bright; they were inverted
    assert correlation(-found, reference(SIDE)) >= 0.95
