"""Images of STAR, MRC, cryoSPARC and HDF files are read as one and the same kind of input."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.eman_ctf import EmanCtf, relion_columns
from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.image_stack_input import read_image_input
from jobs.formats.image_tables import image_tables
from jobs.formats.mrc import write_stack
from jobs.formats.star import read_star_tables, write_star_tables
from jobs.formats.star_table import StarTable
from tests.support.shared import shared_dir


@pytest.fixture(scope="module")
def data() -> Path:
    return shared_dir() / "data"


def test_that_a_star_file_gives_its_images_ctf_and_every_column_and_block(data: Path, tmp_path: Path) -> None:
    path = data / "star" / "toy_projections.star"
    images = read_image_input(path)
    box = images.box
    pixels = np.fromfile(data / "star" / "toy_projections.mrcs", "<f4", offset=1024).reshape(-1, box, box)
    np.testing.assert_array_equal(images.read([3, 0]), pixels[[3, 0]])
    assert images.count == len(images) == len(pixels)
    assert images.pixel_size_a == 1.0 and images.ctf is not None
    write_star_tables(tmp_path / "back.star", images.tables)
    before, after = read_star_tables(path), read_star_tables(tmp_path / "back.star")
    assert {n: t.rows() for n, t in before.items()} == {n: t.rows() for n, t in after.items()}
    assert {n: t.columns for n, t in before.items()} == {n: t.columns for n, t in after.items()}


def test_that_flipped_images_and_directions_of_filaments_are_known(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", np.ones((3, 8, 8), np.float32), 2.0)
    ctf = relion_columns([EmanCtf(1.0, 0, 0, 0, 10, 300, 2.7, 2.0)] * 3)
    columns = {**ctf, "rlnAnglePsiPrior": np.array([-30.0, 0, 45])}
    tables = image_tables("a.mrcs", 3, 2.0, columns)
    groups = {"rlnOpticsGroup": [1, 2], "rlnOpticsGroupName": ["a", "b"], "rlnImagePixelSize": [2.0, 2.01]}
    optics = {
        name: [tables["optics"].floats(name)[0]] * 2 for name in ("rlnVoltage", "rlnSphericalAberration")
    }
    flags = {"rlnAmplitudeContrast": [0.1, 0.1], "rlnCtfDataArePhaseFlipped": [0, 1]}
    tables["optics"] = StarTable.from_columns("optics", {**groups, **optics, **flags})
    tables["particles"] = tables["particles"].with_columns({"rlnOpticsGroup": np.array([2, 1, 2])})
    write_star_tables(tmp_path / "a.star", tables)
    images = read_image_input(tmp_path / "a.star")
    assert images.ctf is not None and images.ctf.applied.tolist() == [True, False, True]
    np.testing.assert_allclose(images.segment_angle_deg, [-30, 0, 45])
    assert images.pixel_size_a == 2.01
    np.testing.assert_allclose(images.particles.pixel_size_a, [2.01, 2.0, 2.01])
    groups["rlnImagePixelSize"] = [2.0, 2.2]
    tables["optics"] = StarTable.from_columns("optics", {**groups, **optics, **flags})
    write_star_tables(tmp_path / "a.star", tables)
    with pytest.raises(FormatError, match=r"pixel sizes from 2 to 2\.2"):
        read_image_input(tmp_path / "a.star")


def test_that_a_cryosparc_file_gives_its_images(data: Path) -> None:
    images = read_image_input(data / "cryosparc" / "empiar_10076_7.cs")
    assert images.ctf is not None and images.pixel_size_a
    assert len(images.ctf.defocus_u_a) == images.count
    assert images.read([0]).shape == (1, images.box, images.box)


def test_that_a_bare_stack_is_read_with_odd_boxes_too(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(size=(5, 9, 9)).astype(np.float32)
    (tmp_path / "sub").mkdir()
    write_stack(tmp_path / "sub" / "a.mrcs", pixels, 1.5)
    images = read_image_input(tmp_path / "sub" / "a.mrcs", tmp_path)
    assert (images.count, images.box, images.pixel_size_a, images.ctf) == (5, 9, 1.5, None)
    np.testing.assert_array_equal(images.read([4, 2]), pixels[[4, 2]])
    assert images.image_name[1] == "000002@sub/a.mrcs"
    assert images.stack_of(1) == tmp_path / "sub" / "a.mrcs"


def test_that_an_eman_stack_gives_images_ctf_filaments_and_micrographs(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(size=(3, 8, 8)).astype(np.float32)
    heads = [
        {
            "ctf": EmanCtf(1 + 0.1 * i, 0.02, 10, 0, 10, 300, 2.7, 1.4).text(),
            "segment_angle": 30.0 * i - 30,
            "ptcl_source_image": f"mic{i}.hdf",
            "ptcl_source_coord": [i, 2 * i],
            "ctf_applied": i == 2,
        }
        for i in range(3)
    ]
    write_eman_stack(tmp_path / "a.hdf", pixels, heads)
    images = read_image_input(tmp_path / "a.hdf")
    np.testing.assert_array_equal(images.read([2, 0]), pixels[[2, 0]])
    assert images.pixel_size_a == pytest.approx(1.4)
    assert images.ctf is not None
    np.testing.assert_allclose(images.ctf.defocus_u_a, [10100, 11100, 12100])
    assert images.ctf.applied.tolist() == [False, False, True]
    np.testing.assert_allclose(images.segment_angle_deg, [-30, 0, 30])
    assert images.particles.table.text("rlnMicrographName").tolist() == ["mic0.hdf", "mic1.hdf", "mic2.hdf"]
    np.testing.assert_allclose(images.particles.table.floats("rlnCoordinateY"), [0, 2, 4])
    images.close()


def test_that_a_stack_without_pixel_size_says_so_and_takes_the_one_given(tmp_path: Path) -> None:
    write_eman_stack(tmp_path / "a.hdf", np.ones((2, 8, 8)))
    assert read_image_input(tmp_path / "a.hdf").pixel_size_a is None
    assert read_image_input(tmp_path / "a.hdf", pixel_size_a=2.0).pixel_size_a == 2


def test_that_bad_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"e2proc2d\.py"):
        read_image_input("bdb:stack#data")
    with mrcfile.new(tmp_path / "wide.mrcs") as file:
        file.set_data(np.zeros((2, 8, 6), np.float32))
        file.set_image_stack()
    write_eman_stack(tmp_path / "wide.hdf", np.zeros((2, 8, 6)))
    write_eman_stack(tmp_path / "volume.hdf", np.zeros((1, 8, 8, 8)))
    for name in ("wide.mrcs", "wide.hdf", "volume.hdf"):
        with pytest.raises(FormatError, match="not square"):
            read_image_input(tmp_path / name)
    write_stack(tmp_path / "cut.mrcs", np.zeros((4, 8, 8), np.float32), 1.0)
    whole = (tmp_path / "cut.mrcs").read_bytes()
    (tmp_path / "cut.mrcs").write_bytes(whole[:-300])
    with pytest.raises(FormatError, match="complete images"):
        read_image_input(tmp_path / "cut.mrcs")
    with pytest.raises(FormatError, match="does not exist"):
        read_image_input(tmp_path / "none.hdf")


def test_that_images_named_from_the_folder_of_their_file_are_named_from_the_project(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "project" / "simulated"
    folder.mkdir(parents=True)
    write_stack(folder / "stack.mrcs", np.zeros((2, 8, 8), np.float32) + np.arange(8), 2.0)
    (folder / "particles.star").write_text(
        "data_\n\nloop_\n_rlnImageName #1\n_rlnPixelSize #2\n1@stack.mrcs 2.0\n2@stack.mrcs 2.0\n"
    )
    source = read_image_input(folder / "particles.star", project)
    assert source.image_name.tolist() == ["1@simulated/stack.mrcs", "2@simulated/stack.mrcs"]
    assert source.particles.table.text("rlnImageName").tolist() == source.image_name.tolist()
    assert source.read([1]).shape == (1, 8, 8)
