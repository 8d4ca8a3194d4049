"""Simulated projects and PEET end to end: dry run, set-up, and an average that is the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jobs.dynamo_processor.commands import main
from jobs.formats.dynamo_table import read_table
from jobs.formats.mrc import read_map
from jobs.maths.conventions3d import angle_between, dynamo_to_matrix
from tests.support import tomography_projects as projects
from tests.support.eman_projects import SIDE
from tests.support.peet_projects import peet_project
from tests.support.simulated_projects import simulated_project

EACH = 8


def _simulated(folder: Path, source: str) -> tuple[list[str], np.ndarray]:
    placed = simulated_project(folder, each=EACH)
    words = ["--source_type", source, "--real_data_mode", "No", "--root", str(folder), "--name", "sim"]
    return words, np.concatenate([p.rotation for p in placed])


def _peet(folder: Path, source: str) -> tuple[list[str], np.ndarray]:
    truth, order = peet_project(folder, EACH)
    return ["--source_type", source, "--imod_dir", str(folder)], truth.rotation[order]


@pytest.mark.parametrize(
    ("make", "source", "box"),
    [(_simulated, "imod", projects.BOX), (_simulated, "eman2", SIDE), (_peet, "peet", projects.BOX)],
    ids=["simulated, IMOD", "simulated, EMAN2", "PEET"],
)
def test_that_particles_are_found_set_up_and_averaged_to_the_map(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path, str], tuple[list[str], np.ndarray]],
    source: str,
    box: int,
) -> None:
    folder, out = tmp_path / "source", tmp_path / "out"
    folder.mkdir()
    words, rotation = make(folder, source)
    words += ["--box_size", str(box), "--dim_r1", str(box), "--lim_r1", "4", "--low_r1", "6"]
    assert main(["scan", *words]) == 0
    count = 2 * EACH if make is _simulated else EACH
    assert f"{count} particles in " in capsys.readouterr().out
    # the offset of one particle of PEET leads over the edge
    assert main([*words, "--out_of_bounds", "keep", "--out", str(out)]) == 0
    table = read_table(out / "input.tbl")
    assert len(table) == count
    if make is _peet or source == "imod":
        # stacks of EMAN2 hold the particles without the turn of IMOD's reconstructions
        assert angle_between(dynamo_to_matrix(table.angles_deg), rotation).max() < 1e-3
    found = read_map(out / "initial_average.mrc").data
    sign = -1 if source == "eman2" else 1  # bright particles of EMAN2 are inverted
    assert projects.correlation(sign * found, projects.reference(box)) >= 0.95
