"""A project made from an IMOD project: files, geometry, particles cut out, average, and bad input."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import dynamotable
import emfile
import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.dynamo_processor.commands import main
from jobs.dynamo_processor.initial_average import average, particle_reader
from jobs.dynamo_processor.looking import Made
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.setup import set_up
from jobs.formats.dynamo_table import read_index, read_table
from jobs.formats.mrc import read_map
from jobs.formats.star import read_star_tables
from jobs.maths.conventions3d import angle_between, dynamo_to_matrix
from tests.support.dynamo_told import Told
from tests.support.tomography_projects import BOX, Placed, correlation, imod_project, reference

EACH = 6
SETTINGS = {
    "dir_contains": "TS",
    "mod_contains": "particles",
    "box_size": BOX,
    "dim_r1": BOX,
    "lim_r1": "4",
    "low_r1": 8.0,
}


@dataclass(frozen=True)
class Project:
    base: Path
    truth: list[Placed]
    folder: Path
    made: Made
    told: str


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("dynamo")
    truth = imod_project(base / "IMOD data", particles_each=EACH)
    told = Told()
    made = set_up(DynamoOptions(imod_dir="IMOD data", **SETTINGS), base, base / "job", told)
    return Project(base, truth, base / "job", made, told.text)


def test_that_all_tomograms_stand_in_index_and_table(project: Project) -> None:
    index = read_index(project.folder / "tomograms_input.doc")
    assert list(index) == [1, 2, 3]
    # paths with blanks have a link without any
    assert all(" " not in path for path in index.values())
    targets = [(project.folder / path).resolve().parent.name for path in index.values()]
    assert targets == ["TS_1", "TS_2", "TS_10"]
    table = dynamotable.read(project.folder / "input.tbl")
    assert table.shape == (3 * EACH, 42)
    assert table["tag"].tolist() == list(range(1, 3 * EACH + 1))
    assert table["tomo"].tolist() == np.repeat([1, 2, 3], EACH).tolist()
    assert table["ymintilt"].tolist() == np.repeat([-54, -40, -54], EACH).tolist()
    assert table["ymaxtilt"].tolist() == np.repeat([54, 60, 54], EACH).tolist()
    assert set(table["apix"]) == {10.0}


def test_that_places_and_orientations_are_those_that_were_put_there(project: Project) -> None:
    table = read_table(project.folder / "input.tbl")
    position = np.concatenate([placed.position for placed in project.truth])
    rotation = np.concatenate([placed.rotation for placed in project.truth])
    np.testing.assert_allclose(table.position + table.shift - 1, position, atol=1e-4)
    assert angle_between(dynamo_to_matrix(table.angles_deg), rotation).max() < 1e-3


def test_that_particles_are_cut_out_around_the_nearest_voxel_and_nothing_is_interpolated(
    project: Project,
) -> None:
    table = read_table(project.folder / "particles" / "crop.tbl")
    volumes = {
        n: read_map(project.folder / p).data
        for n, p in read_index(project.folder / "tomograms_input.doc").items()
    }
    for row in range(0, len(table), 5):
        _, box = emfile.read(project.folder / "particles" / f"particle_{row + 1:06d}.em")
        x, y, z = table.position[row].astype(int) - 1 - BOX // 2
        expected = volumes[int(table["tomo"][row])][z : z + BOX, y : y + BOX, x : x + BOX]
        np.testing.assert_array_equal(box, expected)
    assert np.abs(table.shift).max() <= 0.5


def test_that_the_initial_average_is_the_map_and_wrong_conventions_are_not(project: Project) -> None:
    found = read_map(project.folder / "initial_average.mrc")
    assert found.voxel_size_a == pytest.approx(10)
    assert correlation(found.data, reference()) >= 0.95
    table = read_table(project.folder / "particles" / "crop.tbl")
    names = [project.folder / "particles" / f"particle_{int(tag):06d}.em" for tag in table["tag"]]
    matrices = dynamo_to_matrix(table.angles_deg)
    reversed_order = dynamo_to_matrix(table.angles_deg[:, ::-1])
    tilts = np.stack((table["ymintilt"], table["ymaxtilt"]), axis=1)
    half = np.where(table["tag"] % 2 == 1, 1, 2)
    for wrong in (np.swapaxes(matrices, 1, 2), reversed_order):
        other = average(particle_reader(names), wrong, table.shift, tilts, half, 10.0)
        assert correlation(other.volume, reference()) < 0.95


def test_that_the_control_tells_orientations_from_those_of_another_convention(project: Project) -> None:
    found = project.made.average
    assert found is not None
    assert found.right[1:].mean() > found.other_way[1:].mean() + 0.1
    assert not found.warning
    table = read_table(project.folder / "particles" / "crop.tbl")
    names = [project.folder / "particles" / f"particle_{int(tag):06d}.em" for tag in table["tag"]]
    wrong = np.ascontiguousarray(np.swapaxes(dynamo_to_matrix(table.angles_deg), 1, 2))
    tilts = np.full((len(table), 2), np.nan)
    other = average(particle_reader(names), wrong, table.shift, tilts, np.arange(len(table)) % 2 + 1, 10.0)
    assert "another convention" in other.warning


def test_that_threads_do_not_change_the_average(project: Project) -> None:
    table = read_table(project.folder / "particles" / "crop.tbl")
    names = [project.folder / "particles" / f"particle_{int(tag):06d}.em" for tag in table["tag"]]
    arguments = (dynamo_to_matrix(table.angles_deg), table.shift, np.full((len(table), 2), np.nan))
    half = np.arange(len(table)) % 2 + 1
    one, three = (average(particle_reader(names), *arguments, half, 10.0, threads=n).volume for n in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_that_the_sidecar_names_every_particle_of_the_source(project: Project) -> None:
    tables = read_star_tables(project.folder / "particles_map.star")
    sources = tables["particles"].text("hsSource").tolist()
    assert len(set(sources)) == 3 * EACH
    assert sources[0].startswith("TS_1/")
    assert tables["tomograms"].text("hsTomogramName").tolist() == ["TS_1", "TS_2", "TS_10"]
    record = json.loads((project.folder / "dynamo_summary.json").read_text())
    assert record["particles_written"] == 3 * EACH
    assert record["tomograms"][2]["problems"]


def test_that_a_second_run_gives_the_same_bits_and_cuts_nothing_again(
    project: Project, tmp_path: Path
) -> None:
    before = {
        p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (project.folder / "particles").glob("*.em")
    }
    table = (project.folder / "input.tbl").read_bytes()
    options = DynamoOptions(imod_dir="IMOD data", do_average=False, **SETTINGS)
    with pytest.raises(UserError, match="of another project"):
        set_up(options, project.base, project.folder, Told())
    set_up(DynamoOptions(imod_dir="IMOD data", **SETTINGS), project.base, project.folder, Told())
    after = {
        p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (project.folder / "particles").glob("*.em")
    }
    assert after == before
    assert (project.folder / "input.tbl").read_bytes() == table


def test_that_the_file_of_the_job_gives_the_same_table_on_the_command_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(project.folder / "dynamo.yaml"), "--out", str(tmp_path / "again"), "--crop_with", "dynamo"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "again")
    assert (tmp_path / "again" / "input.tbl").read_bytes() == (project.folder / "input.tbl").read_bytes()
    assert "dtcrop(" in (tmp_path / "again" / "dynamo_process.m").read_text()
    assert not (tmp_path / "again" / "particles").exists()


def test_that_the_dry_run_lists_faults_and_writes_no_project(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = tmp_path / "IMOD"
    shutil.copytree(project.base / "IMOD data", faulty)
    (faulty / "TS_1" / "TS_1.tlt").unlink()
    (faulty / "TS_1" / "TS_1_fid.tlt").unlink()
    model = faulty / "TS_2" / "TS_2_particles.mod"
    model.write_bytes(model.read_bytes()[:400])
    before = sorted(tmp_path.rglob("*"))
    words = ["scan", "--imod_dir", str(faulty), "--dir_contains", "TS", "--mod_contains", "particles"]
    assert main([*words, "--box_size", "16", "--dim_r1", "16", "--lim_r1", "4", "--low_r1", "8"]) == 0
    out = capsys.readouterr().out
    assert "tilt" in out
    assert "TS_2_particles.mod" in out
    assert f"{EACH} particles in 1 of 3 tomograms can be used" in out
    assert f"{EACH} more are in tomograms that cannot be used" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_that_particles_outside_are_listed_by_tag_and_left_out_or_kept(
    project: Project, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "box_size": 22, "dim_r1": 22}
    told = Told()
    made = set_up(DynamoOptions(imod_dir="IMOD data", **settings), project.base, tmp_path / "drop", told)
    outside = made.gathered.tag[made.outside]
    assert 0 < len(outside) < 3 * EACH
    assert all(f"tag {tag} of TS_" in told.text for tag in outside)
    kept = read_table(tmp_path / "drop" / "input.tbl")["tag"]
    assert not set(kept) & set(outside)
    assert len(kept) == made.written == 3 * EACH - len(outside)
    keep = DynamoOptions(imod_dir="IMOD data", out_of_bounds="keep", crop_format="mrc", **settings)
    whole = set_up(keep, project.base, tmp_path / "keep", Told())
    assert whole.written == 3 * EACH
    assert all((tmp_path / "keep" / "particles" / f"particle_{tag:06d}.mrc").is_file() for tag in outside)


def test_that_the_compatible_form_has_the_columns_and_numbers_of_the_original(
    project: Project, tmp_path: Path
) -> None:
    options = DynamoOptions(
        imod_dir="IMOD data", coordinate_origin="as_is", **{**SETTINGS, "dir_contains": "TS_2"}
    )
    set_up(options, project.base, tmp_path / "job", Told())
    rows = [line.split() for line in (tmp_path / "job" / "input.tbl").read_text().splitlines()]
    placed = project.truth[1]
    assert {len(row) for row in rows} == {32}
    for number, row in enumerate(rows):
        x, y, z = placed.position[number]
        # IMOD counts x and y from the edge of the first voxel, z from its centre
        assert row[23:26] == [f"{x + 0.5:.3f}", f"{y + 0.5:.3f}", f"{z:.3f}"]
        assert row[:6] == [str(number + 1), "1", "1", "0", "0", "0"]
        assert row[9:23] == ["0", "0", "0", "1", "-40", "60", "0", "0", "0", "0", "1", "0", "0", "0"]
        assert row[26:] == ["0"] * 6
        assert all(re.fullmatch(r"-?\d+\.\d{3}", angle) for angle in row[6:9])
        angles = np.array(row[6:9], float)
        assert angle_between(dynamo_to_matrix(angles), placed.rotation[number]) < 2e-3


def test_that_nothing_found_is_an_error_and_not_an_empty_project(project: Project, tmp_path: Path) -> None:
    options = DynamoOptions(imod_dir="IMOD data", **{**SETTINGS, "mod_contains": "nothing"})
    with pytest.raises(UserError, match="no particles were found"):
        set_up(options, project.base, tmp_path / "job", Told())
    assert not (tmp_path / "job" / "input.tbl").exists()
    # a dry run in a terminal ends with 1 when there is nothing, and with 0 when there is something
    words = ["scan", "--imod_dir", str(project.base / "IMOD data"), "--mod_contains", "nothing"]
    assert main(words) == 1
