"""A project from an EMAN2 refinement: volumes unpacked, shifts and halves kept, contrast and average."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamo_processor.commands import main
from jobs.dynamo_processor.looking import look
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.scan import read_preview
from jobs.dynamo_processor.unpacking import unpacked_name
from jobs.formats.dynamo_table import read_index, read_table
from jobs.formats.eman_hdf import EmanStack
from jobs.formats.mrc import read_map
from tests.support.dynamo_told import Told
from tests.support.eman_projects import SIDE, eman2_project, write_list, write_parameters
from tests.support.tomography_projects import correlation, reference

EACH = 6
LIST = "sets/ribo.lst"
FORM = ["--box_size", str(SIDE), "--dim_r1", str(SIDE), "--lim_r1", "4", "--low_r1", "6"]


@pytest.fixture(scope="module")
def eman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set up") / "eman"
    eman2_project(folder, each=EACH)
    return folder


def _words(eman: Path, parameters: Path, out: Path, *more: str) -> list[str]:
    source = ["--source_type", "eman2", "--eman2_dir", str(eman), "--params_json", str(parameters)]
    return [*source, *FORM, "--out", str(out), *more]


def test_that_particles_of_eman2_average_to_the_map_only_with_their_shifts(
    eman: Path, tmp_path: Path
) -> None:
    parms = eman / "spt_00" / "particle_parms_01.json"
    assert main(_words(eman, parms, tmp_path / "out")) == 0
    table = read_table(tmp_path / "out" / "input.tbl")
    index = read_index(tmp_path / "out" / "tomograms_input.doc")
    assert sorted(index) == sorted(table["tomo"].astype(int)) == sorted(table["tag"].astype(int))
    assert np.abs(table.shift).max() > 0.5
    np.testing.assert_array_equal(table.position, SIDE // 2 + 1)
    # names and voxel sizes are those of the original's unpacking: k from 1, digits of the whole stack
    listed = [f"tomo1__ribo-{k}.mrc" for k in range(1, EACH + 1)]
    listed += [f"tomo2__ribo-{k}.mrc" for k in range(EACH, 1, -1)]
    assert [Path(path).name for path in index.values()] == listed
    with EmanStack(eman / "particles3d" / "tomo2__ribo.hdf") as stack:
        np.testing.assert_array_equal(mrcfile.read(tmp_path / "out" / index[EACH + 1]), stack.image(EACH - 1))
    for number, path in index.items():
        with mrcfile.open(tmp_path / "out" / path) as file:
            assert file.data.shape == (SIDE,) * 3
            assert file.voxel_size.x == pytest.approx(8.0)
        assert (tmp_path / "out" / "particles" / f"particle_{number:06d}.em").is_file()
    found = read_map(tmp_path / "out" / "initial_average.mrc").data
    # EMAN2's particles are bright; they were inverted
    assert correlation(-found, reference(SIDE)) >= 0.95


def test_that_particles_without_a_tomogram_are_not_shown_in_one(eman: Path, tmp_path: Path) -> None:
    options = DynamoOptions(
        source_type="eman2", eman2_dir=str(eman), params_json=str(eman / "spt_00" / "particle_parms_01.json")
    )
    told = Told()
    look(options, tmp_path, tmp_path, told)
    assert "no tomogram shows them" in told.text
    with pytest.raises(UserError, match="volumes of their own"):
        read_preview(tmp_path)


def test_that_names_of_unpacked_volumes_have_the_digits_of_their_stack() -> None:
    stack = Path("particles3d/tomo1__ribo.hdf")
    assert unpacked_name(stack, 4, 120) == "tomo1__ribo-005.mrc"
    assert unpacked_name(stack, 119, 120) == "tomo1__ribo-120.mrc"


def test_that_even_and_odd_lists_stay_halves_by_tag(eman: Path, tmp_path: Path) -> None:
    before = json.loads((eman / "spt_00" / "particle_parms_01.json").read_text())
    stacks = [f"particles3d/{name}__ribo.hdf" for name in ("tomo1", "tomo2")]
    rows = [(i, stacks[0]) for i in range(EACH)] + [(i, stacks[1]) for i in range(EACH - 1, 0, -1)]
    halves = {}
    for name, first in (("even", 0), ("odd", 1)):
        members = list(range(first, len(rows), 2))
        write_list(eman / "sets" / f"ribo__{name}.lst", [rows[i] for i in members])
        for new, i in enumerate(members):
            halves[f"('sets/ribo__{name}.lst', {new})"] = before[f"('{LIST}', {i})"]
    parms = eman / "spt_00" / "particle_parms_02.json"
    write_parameters(parms, halves)
    assert all(ast.literal_eval(key)[1] < EACH for key in halves), "each list is numbered from 0"
    out = tmp_path / "out"
    assert main(_words(eman, parms, out, "--crop_with", "dynamo", "--coordinate_origin", "as_is")) == 0
    table = [line.split() for line in (out / "input.tbl").read_text().splitlines()]
    index = read_index(out / "tomograms_input.doc")
    of_half: dict[int, set[str]] = {0: set(), 1: set()}
    for row in table:
        of_half[int(row[0]) % 2].add(Path(index[int(row[19])]).name)
    names = [f"{Path(stack).stem}-{i + 1}.mrc" for i, stack in rows]
    assert of_half == {0: set(names[0::2]), 1: set(names[1::2])}
    script = (out / "dynamo_process.m").read_text()
    assert "mod(used_table(:, 1), 2) == 1" in script and "dynamo_table_eo" not in script
    # what Dynamo cuts out is inverted by the script
    assert "dwrite(-dread(particle_file), particle_file);" in script
    # the compatible form counts from 0 as the original, and keeps the shifts that it dropped
    assert {len(row) for row in table} == {32}
    assert {tuple(row[23:26]) for row in table} == {(f"{SIDE / 2:.3f}",) * 3}
    assert np.abs(np.array([row[3:6] for row in table], float) % 1).max() > 0.01
