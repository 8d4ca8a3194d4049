"""Particles of other projects: every column survives, and images are found by RELION's rules and ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.mrc import write_stack
from jobs.formats.particles import read_particles
from jobs.formats.stacks import ImageStacks
from jobs.formats.star import read_star_tables
from tests.support.particle_files import image_names, write_particles
from tests.support.shared import shared_dir

BOX, N = 8, 12
PARTICLES = "ParticleGroupMetadata.star.relion"
Import = Callable[..., Any]


def images(seed: int, count: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, BOX, BOX)).astype(np.float32)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A RELION project elsewhere with two stacks and a refinement; returns its particle file."""
    root = tmp_path / "other place" / "project"
    (root / "Extract" / "job002").mkdir(parents=True)
    for k in range(2):
        write_stack(root / "Extract" / "job002" / f"s{k}.mrcs", images(k), 1.5)
    more = {
        "rlnDefocusV": np.full(N, 9000.0),
        "rlnDefocusAngle": np.zeros(N),
        "rlnAngleTilt": np.linspace(0, 90, N),
        "rlnAnglePsi": np.zeros(N),
        "rlnOriginXAngst": np.full(N, 3.0),
        "rlnOriginYAngst": np.full(N, -1.5),
        "rlnSomebodysOwn": [f"word{k}" for k in range(N)],
    }
    return write_particles(root / "Refine3D" / "job007" / "run_data.star", columns=more)


def test_that_particles_of_another_project_keep_all_columns_and_find_their_images(
    other: Path, project: Path, run_import: Import
) -> None:
    done = run_import(other)
    assert done.nodes == {"run_data.star": PARTICLES}
    before, after = read_star_tables(other)["particles"], read_star_tables(done.folder / "run_data.star")
    assert after["particles"].columns == before.columns
    for column in before.columns:
        if column != "rlnImageName":
            assert list(after["particles"].text(column)) == list(before.text(column))
    names = list(after["particles"].text("rlnImageName"))
    assert names[7] == "000001@Import/job001/images/Extract/job002/s1.mrcs"
    assert (project / "Import/job001/images/Extract/job002/s1.mrcs").is_symlink()
    particles = read_particles(done.folder / "run_data.star", project)
    wanted = np.concatenate([images(0), images(1)[:5]])
    np.testing.assert_array_equal(ImageStacks(particles).read(np.arange(N)), wanted)
    assert "12 particles, 12 micrographs, 1 optics group, 1.5 Å per pixel, box of 8 pixels" in done.log
    assert done.entries[0]["half_sets"] == [6, 6]


def test_that_copied_images_outlive_the_other_project(other: Path, project: Path, run_import: Import) -> None:
    done = run_import(other, image_mode="copy")
    stack = project / "Import/job001/images/Extract/job002/s0.mrcs"
    assert not stack.is_symlink()
    assert stack.read_bytes() == (other.parents[2] / "Extract/job002/s0.mrcs").read_bytes()
    assert "2 image stacks copied into Import/job001/images" in done.log


def test_that_full_paths_are_written_on_request(other: Path, run_import: Import) -> None:
    done = run_import(other, image_mode="paths")
    first = read_star_tables(done.folder / "run_data.star")["particles"].text("rlnImageName")[0]
    assert first == f"000001@{other.parents[2].resolve()}/Extract/job002/s0.mrcs"
    assert not (done.folder / "images").exists()


def test_that_stacks_of_this_project_are_used_where_they_are(project: Path, run_import: Import) -> None:
    (project / "Extract" / "job002").mkdir(parents=True)
    for k in range(2):
        write_stack(project / "Extract" / "job002" / f"s{k}.mrcs", images(k), 1.5)
    more = {"rlnDefocusV": np.ones(N), "rlnDefocusAngle": np.zeros(N)}
    path = write_particles(project / "selected.star", columns=more)
    done = run_import("selected.star")
    after = read_star_tables(done.folder / "selected.star")["particles"]
    assert list(after.text("rlnImageName")) == list(read_star_tables(path)["particles"].text("rlnImageName"))
    assert "2 image stacks used where they are" in done.log


def test_that_moved_files_are_found_in_the_folder_that_is_given(
    other: Path, tmp_path: Path, run_import: Import
) -> None:
    alone = tmp_path / "mail" / "run_data.star"
    alone.parent.mkdir()
    alone.write_bytes(other.read_bytes())
    with pytest.raises(FormatError, match=r"does not exist .*Give the folder of the other project"):
        run_import(alone)
    done = run_import(alone, fn_source_project=str(other.parents[2]))
    assert done.entries[0]["particles"] == N


def test_that_missing_and_short_stacks_are_told(other: Path, run_import: Import) -> None:
    stack = other.parents[2] / "Extract" / "job002" / "s1.mrcs"
    write_stack(stack, images(1, 4), 1.5)
    with pytest.raises(FormatError, match=r"image 5 is wanted of .*holds only 4"):
        run_import(other)
    stack.unlink()
    with pytest.raises(FormatError, match="1 of 2 image stacks do not exist"):
        run_import(other)


def test_that_another_pixel_size_scales_origins_and_leaves_particles_centred(
    other: Path, run_import: Import
) -> None:
    done = run_import(other, angpix_override=3.0, optics_group_particles="night 3")
    tables = read_star_tables(done.folder / "run_data.star")
    assert tables["optics"].floats("rlnImagePixelSize").tolist() == [3.0]
    assert tables["optics"].text("rlnOpticsGroupName").tolist() == ["night_3"]
    assert tables["particles"].floats("rlnOriginXAngst").tolist() == [6.0] * N
    assert tables["particles"].floats("rlnDefocusV").tolist() == [9000.0] * N
    assert "The pixel size is now 3 Å (the file stated 1.5)" in done.log


def test_that_files_before_optics_tables_are_taken_as_they_are(tmp_path: Path, run_import: Import) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    write_stack(folder / "a.mrcs", images(3), 2.0)
    labels = ["rlnImageName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"]
    labels += ["rlnMagnification", "rlnDetectorPixelSize", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"]
    labels += ["rlnOriginX", "rlnAngleTilt"]
    rows = [f"{k}@a.mrcs 300 2.7 0.1 10000 2.0 9000 8000 10 1.5 {k}" for k in range(1, 8)]
    head = "".join(f"_{label} #{k}\n" for k, label in enumerate(labels, 1))
    (folder / "old.star").write_text(f"\ndata_\n\nloop_\n{head}" + "\n".join(rows) + "\n\n")
    done = run_import(folder / "old.star", angpix_override=4.0)
    (table,) = read_star_tables(done.folder / "old.star").values()
    assert table.columns == tuple(labels)
    assert table.floats("rlnDetectorPixelSize").tolist() == [4.0] * 7
    assert table.floats("rlnOriginX").tolist() == [1.5] * 7
    read = read_particles(done.folder / "old.star", done.folder.parents[1], require_poses=False)
    assert read.pixel_size_a[0] == 4.0


def test_that_particles_that_others_wrote_are_imported_with_every_value(run_import: Import) -> None:
    source = shared_dir() / "data" / "star" / "relion31.star"
    done = run_import(source)
    before, after = read_star_tables(source), read_star_tables(done.folder / "relion31.star")
    for name, table in before.items():
        assert after[name].columns == table.columns
        for column in table.columns:
            if column != "rlnImageName":
                assert list(after[name].text(column)) == list(table.text(column))
    assert read_particles(done.folder / "relion31.star", done.folder.parents[1]).n == 5


def test_that_names_of_several_files_do_not_collide(other: Path, project: Path, run_import: Import) -> None:
    twin = other.with_name("job.star")
    twin.write_bytes(other.read_bytes())
    elsewhere = other.parents[1] / "job008" / "run_data.star"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(other.read_bytes())
    done = run_import(other, elsewhere, twin)
    assert list(done.nodes) == ["run_data.star", "run_data_2.star", "imported_job.star"]
    assert image_names()[0].endswith("s0.mrcs")
    assert len(list((project / "Import/job001/images").rglob("*.mrcs"))) == 2
