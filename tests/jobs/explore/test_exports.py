"""The one who writes everything: places, numbers, notes, and refusals."""

from __future__ import annotations

from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest

from jobs.core.errors import AbortRequested, UserError
from jobs.explore.exports import Exporter
from tests.support.explored import STEP_A, BlobModel
from tests.support.models import write_peptide
from tests.support.particle_files import image_names, write_particles

STATES = np.array([[-1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], np.float32)


@pytest.fixture
def job_dir(project_dir: Path) -> Path:
    folder = project_dir / "DynaMight" / "job004"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def exporter(project_dir: Path, job_dir: Path) -> Exporter:
    return Exporter(project_dir, job_dir, 1, BlobModel())


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def cs_file(path: Path, names: list[str]) -> Path:
    rows = np.zeros(len(names), [("uid", "<u8"), ("blob/path", "S40"), ("blob/idx", "<u4"), ("a", "<f4", 2)])
    for row, name in zip(rows, names, strict=True):
        section, _, stack = name.partition("@")
        row["blob/path"], row["blob/idx"] = stack.replace(".mrcs", ".mrc"), int(section) - 1
    rows["uid"] = [10**19 + k for k in range(len(names))]
    rows["a"] = np.arange(2 * len(names)).reshape(-1, 2)
    with path.open("wb") as file:
        np.save(file, rows)
    return path


def test_that_everything_lies_in_the_originals_tree(
    exporter: Exporter, job_dir: Path, tmp_path: Path
) -> None:
    star = write_particles(tmp_path / "run_data.star")
    chosen = image_names()[2:5]
    exporter.save_map(None)
    exporter.save_map(STATES[0])
    exporter.save_movie(STATES)
    exporter.save_subset(star, chosen)
    exporter.save_indices(star, chosen)
    exporter.save_cs(cs_file(tmp_path / "p.cs", image_names()), chosen)
    exporter.save_video([np.zeros((8, 8, 3), np.uint8)] * 2, "gif")
    assert files(job_dir) == [
        "maps/map001_half1.mrc",
        "maps/map002_half1.mrc",
        "movies/movie01_half1/movie.cxc",
        "movies/movie01_half1/states.csv",
        "movies/movie01_half1/volume000.mrc",
        "movies/movie01_half1/volume001.mrc",
        "movies/movie01_half1/volume002.mrc",
        "movies/movie02_half1.gif",
        "subsets/subset_1_half1.star",
        "subsets/subset_2_half1.npy",
        "subsets/subset_2_half1.pkl",
        "subsets/subset_2_half1.txt",
        "subsets/subset_3_half1.cs",
    ]


def test_that_the_first_frame_is_the_map_at_the_start_of_the_trajectory(exporter: Exporter) -> None:
    folder = exporter.save_movie(STATES, title="along z1")
    alone = exporter.save_map(STATES[0])
    with mrcfile.open(folder / "volume000.mrc") as first, mrcfile.open(alone) as map_file:
        np.testing.assert_array_equal(first.data, map_file.data)
    assert (folder / "movie.cxc").read_text().startswith("# along z1\n")


def test_that_a_map_with_atoms_brings_the_moved_model_and_a_script_for_both(
    exporter: Exporter, job_dir: Path, tmp_path: Path
) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    path = exporter.save_map(STATES[2], "one end", atoms=source)
    assert path.name == "map001_half1.mrc"
    assert files(job_dir) == [f"maps/map001_half1.{ending}" for ending in ("cif", "cxc", "mrc", "pdb")]
    rest = np.array([a.atom.pos.x for a in gemmi.read_structure(str(source))[0].all()])
    moved = np.array([a.atom.pos.x for a in gemmi.read_structure(str(path.with_suffix(".cif")))[0].all()])
    np.testing.assert_allclose(moved - rest, STEP_A * (rest > 48), atol=6e-4)
    script = path.with_suffix(".cxc").read_text()
    assert "open map001_half1.mrc\n" in script and "open map001_half1.cif\n" in script
    # four files are one export
    assert exporter.save_map(None).name == "map002_half1.mrc"


def test_that_the_consensus_with_atoms_leaves_them_where_they_are(exporter: Exporter, tmp_path: Path) -> None:
    source = write_peptide(tmp_path / "in.pdb")
    path = exporter.save_map(None, atoms=source)
    before = [a.atom.pos.tolist() for a in gemmi.read_structure(str(source))[0].all()]
    after = [a.atom.pos.tolist() for a in gemmi.read_structure(str(path.with_suffix(".pdb")))[0].all()]
    assert after == before


def test_that_a_subset_for_cryosparc_uses_identifiers_of_the_star_file_when_names_do_not_help(
    exporter: Exporter, tmp_path: Path
) -> None:
    uids = [str(10**19 + k) for k in range(12)]
    star = write_particles(tmp_path / "run_data.star", columns={"ucsfUid": uids})
    renamed = [name.replace("s0", "other").replace("s1", "another") for name in image_names()]
    cs = cs_file(tmp_path / "p.cs", renamed)
    chosen = image_names()[3:8]
    with pytest.raises(UserError, match="5 of 5 chosen particles are not in the file"):
        exporter.save_cs(cs, chosen)
    written = np.load(exporter.save_cs(cs, chosen, star=star), allow_pickle=False)
    assert written.tobytes() == np.load(cs, allow_pickle=False)[3:8].tobytes()


def test_that_pictures_become_a_folder_of_png(exporter: Exporter, job_dir: Path) -> None:
    exporter.save_video([np.zeros((5, 5, 3), np.uint8)] * 2, "png")
    assert files(job_dir) == ["movies/movie01_half1/frame0000.png", "movies/movie01_half1/frame0001.png"]
    with pytest.raises(UserError, match=r"not in \.avi"):
        exporter.save_video([], "avi")


def test_that_giving_up_leaves_the_job_as_it_was(exporter: Exporter, job_dir: Path) -> None:
    with pytest.raises(AbortRequested):
        exporter.save_movie(STATES, cancelled=lambda: True)
    with pytest.raises(AbortRequested):
        exporter.save_video([np.zeros((8, 8, 3), np.uint8)], "mp4", cancelled=lambda: True)
    assert list(job_dir.iterdir()) == []


def test_that_particles_are_written_without_a_model_and_maps_are_refused(
    project_dir: Path, job_dir: Path, tmp_path: Path
) -> None:
    without = Exporter(project_dir, job_dir, 2, None)
    star = write_particles(tmp_path / "run_data.star")
    assert without.save_subset(star, image_names()[:1]).name == "subset_1_half2.star"
    with pytest.raises(UserError, match="no model is open"):
        without.save_map(None)
