"""Reconstructions found by themselves, and the density where their particles are."""

from __future__ import annotations

import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from app.tomogram_services import JobTomograms
from jobs import registry
from jobs.core.placing import Places, TomogramVolume
from jobs.formats.mrc_view import view_tomogram
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from jobs.formats.tomogram_files import files_in, find_tomograms
from tests.support.relion_projects import BINNING, PIXEL_A, relion5_project

_JOB = "DynamoProcessor/job011"
_STARS = Path("Refine3D/job010")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    relion5_project(project)
    (project / _JOB).mkdir(parents=True)
    return project


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def opened(project: Path) -> tuple[JobTomograms, Places]:
    services = JobTomograms(project, _JOB, registry.JOB_TYPES["dynamo"])
    path = project / _STARS / "particles.star"
    names = read_star_tables(path)["particles"].text("rlnTomoParticleName")
    return services, services.use_coordinates(path, names)


def rename_columns(project: Path, change: dict[str, list[str] | None]) -> None:
    path = project / _STARS / "tomograms.star"
    table = read_star_tables(path)["global"]
    columns = {c: table.text(c) for c in table.columns if c not in change}
    columns |= {c: np.array(v, object) for c, v in change.items() if v is not None}
    write_star_tables(path, [StarTable.from_columns("global", columns)])


def density_at(volume: TomogramVolume, centre_a: np.ndarray) -> np.ndarray:
    z, y, x = np.round(centre_a[:, ::-1] / volume.voxel_size_a).astype(int).T
    return np.asarray(volume.data[z, y, x])


def test_that_the_tomogram_that_the_star_file_names_is_opened_and_holds_its_particles(project: Path) -> None:
    services, places = opened(project)
    for name in ("TS_1", "TS_2", "TS_10"):
        volume = services.tomogram(name)
        assert volume is not None and volume.path.name == f"rec_{name}.mrc"
        assert volume.voxel_size_a == pytest.approx(PIXEL_A * BINNING)
        here = places.centre_a[places.tomogram == name]
        assert (density_at(volume, here) > np.percentile(volume.data, 97)).all()
    assert services.tomogram("TS_3") is None and services.tomogram("") is None


def test_that_a_tomogram_at_another_binning_is_placed_by_its_size_in_angstroms(project: Path) -> None:
    services, places = opened(project)
    fine = services.tomogram("TS_1")
    assert fine is not None
    coarse = np.ascontiguousarray(np.asarray(fine.data)[::2, ::2, ::2])
    path = project / "rough" / "TS_1_20.00Apx.mrc"
    path.parent.mkdir()
    with mrcfile.new(path) as file:
        file.set_data(coarse)
        file.voxel_size = 2 * fine.voxel_size_a
    rough = services.use_tomogram("TS_1", path)
    here = places.centre_a[places.tomogram == "TS_1"]
    assert rough.voxel_size_a == 2 * fine.voxel_size_a
    assert (density_at(rough, here) > np.percentile(rough.data, 95)).all()


def test_that_what_was_chosen_wins_and_is_remembered(project: Path) -> None:
    services, _ = opened(project)
    rec = project / "Tomograms" / "job003" / "tomograms"
    other = project / "mine.mrc"
    shutil.copy(rec / "rec_TS_2.mrc", other)
    services.use_tomogram("TS_1", other)
    again, _ = opened(project)
    volume = again.tomogram("TS_1")
    assert volume is not None and volume.path == other
    assert [p.name for p in again.tomogram_files("TS_1")] == ["mine.mrc", "rec_TS_1.mrc"]
    # a choice that is no longer there is no reason to show nothing
    other.unlink()
    volume = again.tomogram("TS_1")
    assert volume is not None and volume.path.name == "rec_TS_1.mrc"


def test_that_denoised_tomograms_are_offered_and_halves_shown_where_there_is_no_other(project: Path) -> None:
    rec = project / "Tomograms" / "job003" / "tomograms"
    named = {}
    for kind in ("Denoised", "Half1", "Half2"):
        files = []
        for name in ("TS_1", "TS_2", "TS_10"):
            shutil.copy(rec / f"rec_{name}.mrc", project / f"{kind}_{name}.mrc")
            files.append(f"{kind}_{name}.mrc")
        named[f"rlnTomoReconstructedTomogram{kind}"] = files
    rename_columns(project, dict(named))
    services, _ = opened(project)
    expected = ["rec_TS_2.mrc", "Denoised_TS_2.mrc", "Half1_TS_2.mrc", "Half2_TS_2.mrc"]
    assert [p.name for p in services.tomogram_files("TS_2")] == expected
    shutil.rmtree(project / "Tomograms")
    rename_columns(
        project, {"rlnTomoReconstructedTomogram": None, "rlnTomoReconstructedTomogramDenoised": None}
    )
    services, _ = opened(project)
    volume = services.tomogram("TS_2")
    assert volume is not None and volume.path.name == "Half1_TS_2.mrc"


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("tomograms", "rec_{}.mrc"),
        ("reconstruction", "{}_10.00Apx.mrc"),
        ("warp_tiltseries/reconstruction", "{}_10.00Apx.mrc"),
        ("Refine3D/job010/tomograms", "rec_{}.mrc"),
        ("Tomograms/job077/tomograms", "rec_{}.mrc"),
    ],
)
def test_that_tomograms_are_found_where_programs_put_them(project: Path, folder: str, pattern: str) -> None:
    rename_columns(project, {"rlnTomoReconstructedTomogram": None})
    (project / folder).mkdir(parents=True, exist_ok=True)
    for path in (project / "Tomograms" / "job003" / "tomograms").iterdir():
        path.rename(project / folder / pattern.format(path.stem.removeprefix("rec_")))
    services, _ = opened(project)
    for name in ("TS_1", "TS_10"):
        volume = services.tomogram(name)
        assert volume is not None and volume.path == project / folder / pattern.format(name)


def test_that_the_star_file_gives_the_voxel_size_to_a_header_without(project: Path) -> None:
    path = project / "Tomograms" / "job003" / "tomograms" / "rec_TS_1.mrc"
    with mrcfile.open(path, "r+") as file:
        file.voxel_size = 0
    services, _ = opened(project)
    volume = services.tomogram("TS_1")
    assert volume is not None and volume.voxel_size_a == PIXEL_A * BINNING


def test_that_a_truncated_tomogram_gives_way_to_one_that_is_whole(project: Path) -> None:
    path = project / "Tomograms" / "job003" / "tomograms" / "rec_TS_1.mrc"
    whole = project / "tomograms" / path.name
    whole.parent.mkdir()
    shutil.copy(path, whole)
    path.write_bytes(path.read_bytes()[:4096])
    services, _ = opened(project)
    volume = services.tomogram("TS_1")
    assert volume is not None and volume.path == whole
    assert view_tomogram(whole).voxel_size_a == volume.voxel_size_a


def test_that_files_of_other_tomograms_are_not_taken(tmp_path: Path) -> None:
    wrong = ("TS_10.mrc", "TS_1_2_8.00Apx.mrc", "TS_1_b.mrc", "ATS_1.mrc", "TS_1.txt", "TS_1a.mrc")
    right = ("TS_1.rec", "rec_TS_1_bin4.mrc", "TS_1_8.00Apx_even.mrc")
    for name in (*wrong, *right):
        (tmp_path / name).touch()
    assert [p.name for p in files_in(tmp_path, "TS_1.tomostar", ["TS_1", "TS_1_b"])] == list(right)
    assert find_tomograms("TS_1", [tmp_path / "missing.star"], tmp_path) == []
