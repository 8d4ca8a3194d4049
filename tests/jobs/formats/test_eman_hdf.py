"""Stacks in the HDF files of EMAN2, compared with files laid out by hand as its library writes them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.eman_attributes import align2d_matrix, align2d_values
from jobs.formats.eman_hdf import EmanStack, write_eman_stack

_TRANSFORM = np.dtype([(f"{r}{c}", "<f4") for r in range(3) for c in range(4)])


def _by_hand(path: Path, images: list[np.ndarray]) -> h5py.File:
    file = h5py.File(path, "w")
    group = file.create_group("/MDF/images")
    group.attrs["imageid_max"] = np.array([len(images) - 1], np.int32)
    for i, image in enumerate(images):
        group.create_group(str(i)).create_dataset("image", data=image)
    return file


def test_that_a_file_laid_out_as_eman2_does_is_read_with_every_kind_of_header_value(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    with _by_hand(tmp_path / "a.hdf", [image]) as file:
        group = file["/MDF/images/0"]
        group.attrs["EMAN.nx"] = np.array([4], np.int32)
        group.attrs["EMAN.apix_x"] = np.array([1.5], np.float32)
        group.attrs["EMAN.is_complex"] = np.array([ord("F")], np.int8)
        group.attrs["EMAN.ctf"] = np.bytes_("E1.5 0 0\0\0")
        group.attrs["EMAN.members"] = np.array([7], np.int32)
        group.attrs["EMAN.other"] = np.array([7, 8], np.int32)
        matrix = np.zeros(1, _TRANSFORM)
        matrix[0] = tuple(range(12))
        group.attrs["EMAN.xform.align2d"] = matrix
        group.attrs["HEAD.foreign"] = 1
    with EmanStack(tmp_path / "a.hdf") as stack:
        assert len(stack) == 1
        assert stack.shape(0) == (3, 4)
        np.testing.assert_array_equal(stack.image(0), image)
        values = stack.attributes(0)
    assert values["nx"] == 4 and values["apix_x"] == 1.5 and values["is_complex"] is False
    assert values["ctf"] == "E1.5 0 0"
    np.testing.assert_array_equal(values["members"], [7])
    np.testing.assert_array_equal(values["other"], [7, 8])
    np.testing.assert_array_equal(values["xform.align2d"], np.arange(12).reshape(3, 4))
    assert "foreign" not in values


def test_that_compressed_images_come_back_in_their_own_units(tmp_path: Path) -> None:
    image = np.linspace(-3, 5, 64 * 64).reshape(64, 64)
    raw = np.round((image + 3) / 8 * 1023).astype(np.uint16)
    with _by_hand(tmp_path / "a.hdf", []) as file:
        file["/MDF/images"].attrs["imageid_max"] = np.array([0], np.int32)
        group = file["/MDF/images"].create_group("0")
        group.create_dataset("image", data=raw, chunks=(8, 64), compression="gzip")
        group.attrs["EMAN.stored_renderbits"] = np.array([10], np.int32)
        group.attrs["EMAN.stored_rendermin"] = np.array([-3.0], np.float32)
        group.attrs["EMAN.stored_rendermax"] = np.array([5.0], np.float32)
    with EmanStack(tmp_path / "a.hdf") as stack:
        assert np.abs(stack.image(0) - image).max() <= 8 / 1023 / 2 + 1e-6


def test_that_images_volumes_and_headers_survive_writing_in_the_types_of_eman2(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    volume = rng.normal(size=(3, 4, 5)).astype(np.float32)
    header = {
        "members": [3, 1],
        "n_objects": 2,
        "ctf": "E1 2",
        "flag": True,
        "pix_err": np.array([0.5, 0.25]),
        "score": 0.5,
        "xform.align2d": align2d_matrix(30, 1, 2, mirror=True),
    }
    write_eman_stack(tmp_path / "a.hdf", [volume], [header], pixel_size_a=2.5)
    with EmanStack(tmp_path / "a.hdf") as stack:
        np.testing.assert_array_equal(stack.image(0), volume)
        back = stack.attributes(0)
        assert stack.attribute("n_objects") == [2]
        assert stack.attribute("absent", 0) == [0]
    assert (back["nx"], back["ny"], back["nz"], back["apix_y"]) == (5, 4, 3, 2.5)
    assert back["mean"] == pytest.approx(volume.mean(), abs=1e-6)
    assert back["ctf"] == "E1 2" and back["flag"] is True and back["score"] == 0.5
    np.testing.assert_array_equal(back["members"], [3, 1])
    assert align2d_values(back["xform.align2d"]) == pytest.approx((30, 1, 2, True), abs=1e-5)
    with h5py.File(tmp_path / "a.hdf") as file:
        attributes = file["/MDF/images/0"].attrs
        assert attributes["EMAN.members"].dtype == np.int32 and attributes["EMAN.members"].shape == (2,)
        assert attributes["EMAN.n_objects"].dtype == np.int32 and attributes["EMAN.n_objects"].shape == (1,)
        assert attributes["EMAN.score"].dtype == np.float32
        assert attributes["EMAN.xform.align2d"].dtype == _TRANSFORM
        kind = attributes.get_id("EMAN.ctf").get_type()
        assert not kind.is_variable_str() and kind.get_strpad() == h5py.h5t.STR_NULLTERM
        assert file["/MDF/images"].attrs["imageid_max"].dtype == np.int32


def test_that_a_class_of_twenty_thousand_members_is_kept(tmp_path: Path) -> None:
    members = np.arange(20_000)[::-1]
    write_eman_stack(tmp_path / "a.hdf", [np.zeros((4, 4))], [{"members": members}])
    with EmanStack(tmp_path / "a.hdf") as stack:
        np.testing.assert_array_equal(stack.attributes(0)["members"], members)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 123.4, 359.0])
def test_that_the_matrix_of_a_transformation_rotates_shifts_and_then_mirrors(
    alpha: float, mirror: bool
) -> None:
    matrix = align2d_matrix(alpha, 1.5, -2.5, mirror)
    a = np.deg2rad(alpha)
    x, y = 3.0, 5.0
    expected = np.array([np.cos(a) * x + np.sin(a) * y + 1.5, -np.sin(a) * x + np.cos(a) * y - 2.5])
    if mirror:
        expected[0] *= -1
    np.testing.assert_allclose(matrix[:2] @ [x, y, 0, 1], expected)
    assert align2d_values(matrix) == pytest.approx((alpha, 1.5, -2.5, mirror))


def test_that_truncated_foreign_old_and_gappy_files_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf"
    write_eman_stack(path, [np.ones((32, 32))] * 4)
    whole = path.read_bytes()
    (tmp_path / "cut.hdf").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "text.hdf").write_text("not HDF")
    with h5py.File(tmp_path / "other.hdf", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "old.hdf", "w") as file:
        file.attrs["num_dataset"] = 3
    for name, says in (
        ("cut", "cut short"),
        ("text", "not a readable HDF5"),
        ("other", "no EMAN2 images"),
        ("old", "EMAN1"),
        ("none", "does not exist"),
    ):
        with pytest.raises(FormatError, match=says):
            EmanStack(tmp_path / f"{name}.hdf")
    with h5py.File(path, "a") as file:
        del file["/MDF/images/2"]
    with EmanStack(path) as stack:
        assert stack.present().tolist() == [True, True, False, True]
        with pytest.raises(FormatError, match="image 2 of 4 is missing"):
            stack.image(2)
        with pytest.raises(IndexError):
            stack.image(4)


def test_that_damaged_pixels_are_told_with_their_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (16, 16)).astype(np.uint8)
    with _by_hand(tmp_path / "a.hdf", []) as file:
        file["/MDF/images"].attrs["imageid_max"] = np.array([0], np.int32)
        data = (
            file["/MDF/images"]
            .create_group("0")
            .create_dataset("image", data=pixels, chunks=(8, 16), compression="gzip")
        )
        chunk = data.id.get_chunk_info(0)
    with (tmp_path / "a.hdf").open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xff" * chunk.size)
    with EmanStack(tmp_path / "a.hdf") as stack, pytest.raises(FormatError, match="image 0 is damaged"):
        stack.image(0)


def test_that_a_failing_write_leaves_the_old_stack(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf"
    write_eman_stack(path, [np.ones((4, 4))])
    with pytest.raises(ValueError, match="attributes"):
        write_eman_stack(path, [np.zeros((4, 4))], [{}, {}])
    with EmanStack(path) as stack:
        assert stack.image(0).min() == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.hdf"]
