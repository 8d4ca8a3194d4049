from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import FormatError, UserError
from jobs.formats.mrc import check_map, find_violations, read_map, read_map_header, write_map, write_stack
from jobs.formats.mrc_header import HEADER_BYTES, HEADER_DTYPE
from tests.support.shared import shared_dir

DATA = shared_dir() / "data"


@pytest.fixture
def volume(rng: np.random.Generator) -> np.ndarray:
    """Values that every MRC mode can hold, of three different edges."""
    return rng.integers(0, 10, size=(4, 5, 6)).astype(np.float32)


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    [
        "maps/hand_64px.mrc",
        "maps/ribosome_70S_65px.mrc",
        "tomodrgn/tomogram_001.mrc",
        "tomodrgn/warptools_test_box-32_angpix-12_reconstruct.mrc",
    ],
)
def test_that_maps_of_other_programs_read_as_the_mrcfile_package_reads_them(name: str) -> None:
    ours = read_map(DATA / name)
    with mrcfile.open(DATA / name) as theirs:
        np.testing.assert_array_equal(ours.data, theirs.data)
        assert ours.voxel_size_a == pytest.approx(float(theirs.voxel_size.x), rel=1e-6)
    assert ours.data.dtype == np.float32


@pytest.mark.reference
def test_that_a_header_without_cell_leaves_the_voxel_size_unknown() -> None:
    assert read_map_header(DATA / "maps" / "ribosome_70S_65px.mrc").voxel_size_a == 0


@pytest.mark.reference
def test_that_stacks_without_map_id_are_readable_when_their_size_is_right(tmp_path: Path) -> None:
    source = DATA / "star" / "relion31.mrcs"
    header = read_map_header(source)
    assert header.shape == (5, 256, 256)
    assert "no map id" in header.notes[0]
    (tmp_path / "cut.mrcs").write_bytes(source.read_bytes()[:-1])
    with pytest.raises(FormatError, match="truncated"):
        read_map_header(tmp_path / "cut.mrcs")


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_that_what_we_write_the_mrcfile_package_validates_and_reads(
    tmp_path: Path, volume: np.ndarray, dtype: str
) -> None:
    path = tmp_path / "map.mrc"
    write_map(path, volume, 1.37, (10.0, -20.0, 30.5), dtype=dtype)
    with mrcfile.open(path) as theirs:
        np.testing.assert_array_equal(theirs.data.astype(np.float32), volume)
        assert theirs.data.dtype == np.dtype(dtype)
        assert float(theirs.voxel_size.z) == pytest.approx(1.37)
        assert theirs.header.origin.tolist() == (10.0, -20.0, 30.5)
        assert theirs.header.rms == pytest.approx(volume.std(), rel=1e-5)
        assert theirs.is_volume()
    assert mrcfile.validate(path)
    ours = read_map(path)
    np.testing.assert_array_equal(ours.data, volume)
    assert ours.voxel_size_a == 1.37
    assert ours.origin_a == (10.0, -20.0, 30.5)
    assert find_violations(path) == []


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_that_files_of_the_mrcfile_package_read_in_both_byte_orders(
    tmp_path: Path, volume: np.ndarray, dtype: str, order: str
) -> None:
    path = tmp_path / "map.mrc"
    with mrcfile.new(path) as theirs:
        theirs.set_data(volume.astype(np.dtype(dtype).newbyteorder(order)))
        theirs.voxel_size = 2.0
        theirs.set_extended_header(np.zeros(80, "V1"))
    ours = read_map(path)
    np.testing.assert_array_equal(ours.data, volume)
    assert ours.voxel_size_a == 2.0
    assert ours.header.data_offset == HEADER_BYTES + 80


def test_that_a_stack_written_in_portions_is_one_stack(tmp_path: Path, volume: np.ndarray) -> None:
    write_stack(tmp_path / "whole.mrcs", volume, 1.5)
    write_stack(tmp_path / "portions.mrcs", (volume[i : i + 3] for i in (0, 3)), 1.5)
    assert (tmp_path / "whole.mrcs").read_bytes() == (tmp_path / "portions.mrcs").read_bytes()
    with mrcfile.open(tmp_path / "whole.mrcs") as theirs:
        assert theirs.is_image_stack()


def test_that_start_indices_place_the_map_when_the_origin_is_zero(tmp_path: Path, volume: np.ndarray) -> None:
    path = tmp_path / "map.mrc"
    write_map(path, volume, 2.0)
    edit(path, nstart=(3, -4, 5))
    assert read_map(path).origin_a == (6.0, -8.0, 10.0)
    edit(path, origin=(1.0, 2.0, 3.0))
    assert read_map(path).origin_a == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2), (2, 1, 3), (1, 3, 2)])
def test_that_every_axis_order_reads_as_z_y_x(
    tmp_path: Path, volume: np.ndarray, axes: tuple[int, int, int]
) -> None:
    # stored[k, j, i]: columns i run along axes[0], rows j along axes[1], sections k along axes[2]
    along = {1: 2, 2: 1, 3: 0}  # x, y, z are axes 2, 1, 0 of [z, y, x]
    stored = volume.transpose(along[axes[2]], along[axes[1]], along[axes[0]])
    write_map(tmp_path / "map.mrc", stored, 1.0)
    edit(tmp_path / "map.mrc", map_axes=axes)
    np.testing.assert_array_equal(read_map(tmp_path / "map.mrc").data, volume)


def edit(path: Path, **values: object) -> None:
    """Overwrite entries of the header in place."""
    content = bytearray(path.read_bytes())
    record = np.frombuffer(content, HEADER_DTYPE, 1)[0:1].copy()
    for name, value in values.items():
        record[name][0] = value
    content[:HEADER_BYTES] = record.tobytes()
    path.write_bytes(content)


BROKEN = [
    ("map-id", {"map": b"PAM "}, "the map id is b'PAM ', expected b'MAP '", False),
    ("stamp", {"machst": b"\x12\x34\0\0"}, "the machine stamp is 0x12340000, expected 0x44440000", False),
    ("complex", {"mode": 4}, "the mode is 4 (complex numbers (a Fourier transform))", True),
    ("mode", {"mode": 77}, "the mode is 77 (unknown); 0, 1, 2, 6 or 12 is expected", True),
    ("negative", {"nx": -6}, "-6 × 5 × 4 voxels", True),
    ("extended", {"nsymbt": -1}, "-1 bytes of extended header", True),
    ("axes", {"map_axes": (1, 1, 3)}, "the axis order is (1, 1, 3)", False),
    ("cell", {"cella": (6.0, 10.0, 8.0)}, "the voxels are not cubes: 1 × 2 × 2 Å", False),
    ("nan-cell", {"cella": (np.nan, 10.0, 8.0)}, "the voxel size is nan", False),
    (
        "longer",
        {"nz": 5},
        "the file is truncated: 1,624 bytes are expected (5 sections of 6 × 5 float32)",
        False,
    ),
]


@pytest.mark.parametrize(
    ("values", "message", "fatal"), [b[1:] for b in BROKEN], ids=[str(b[0]) for b in BROKEN]
)
def test_that_a_broken_header_is_refused_with_expected_and_found(
    tmp_path: Path, volume: np.ndarray, values: dict[str, object], message: str, fatal: bool
) -> None:
    path = tmp_path / "broken.mrc"
    write_map(path, volume, 1.0)
    edit(path, **values)
    with pytest.raises(FormatError) as caught:
        read_map(path)
    assert message in str(caught.value)
    assert "broken.mrc" in str(caught.value)
    assert any(message in v for v in find_violations(path))
    if fatal:
        with pytest.raises(FormatError):
            read_map_header(path, permissive=True)
    else:
        assert any(message in note for note in read_map_header(path, permissive=True).notes)


def test_that_all_violations_of_a_file_are_listed(tmp_path: Path, volume: np.ndarray) -> None:
    write_map(tmp_path / "map.mrc", volume, 1.0)
    edit(tmp_path / "map.mrc", map=b"XXXX", map_axes=(7, 8, 9), nz=9)
    assert len(find_violations(tmp_path / "map.mrc")) == 3


def test_that_motioncor2_ids_are_accepted(tmp_path: Path, volume: np.ndarray) -> None:
    """MotionCor2 ends the id with a null instead of a blank; such maps are sound otherwise."""
    write_map(tmp_path / "map.mrc", volume, 1.0)
    edit(tmp_path / "map.mrc", map=b"MAP\0")
    np.testing.assert_array_equal(read_map(tmp_path / "map.mrc").data, volume)


def test_that_every_cut_of_a_file_is_refused_or_told(tmp_path: Path, volume: np.ndarray) -> None:
    write_map(tmp_path / "map.mrc", volume, 1.0)
    content = (tmp_path / "map.mrc").read_bytes()
    for length in (0, 1, 1023, 1024, 1025, len(content) - 1):
        (tmp_path / "cut.mrc").write_bytes(content[:length])
        with pytest.raises(FormatError, match=rf"{length}|{length:,}"):
            read_map(tmp_path / "cut.mrc")
        with pytest.raises(FormatError):
            read_map(tmp_path / "cut.mrc", permissive=True)
    (tmp_path / "cut.mrc").write_bytes(content[:-1])
    assert read_map_header(tmp_path / "cut.mrc", permissive=True).sections_present == 3


def test_that_a_map_with_nan_is_refused_and_not_written(tmp_path: Path, volume: np.ndarray) -> None:
    write_map(tmp_path / "map.mrc", volume, 1.0)
    content = bytearray((tmp_path / "map.mrc").read_bytes())
    content[1224:1228] = np.float32(np.nan).tobytes()
    (tmp_path / "map.mrc").write_bytes(content)
    with pytest.raises(FormatError, match="1 of 120 voxels are not numbers"):
        read_map(tmp_path / "map.mrc")
    with pytest.raises(UserError, match="not numbers"):
        write_map(tmp_path / "new.mrc", volume / np.where(volume > 0, 1, np.nan), 1.0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.mrc"]


@pytest.mark.parametrize(
    ("dtype", "value"), [("float16", 1e5), ("int8", 128.0), ("uint16", -1.0), ("int16", 4e4)]
)
def test_that_values_that_do_not_fit_are_refused_instead_of_wrapped(
    tmp_path: Path, volume: np.ndarray, dtype: str, value: float
) -> None:
    volume[0, 0, 0] = value
    with pytest.raises(UserError, match=f"do not fit into {dtype}"):
        write_map(tmp_path / "map.mrc", volume, 1.0, dtype=dtype)
    assert list(tmp_path.iterdir()) == []


def test_that_a_map_must_be_a_cube_of_the_particles_box_and_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "map.mrc"
    write_map(path, np.zeros((8, 8, 8), np.float32), 1.25)
    header = read_map_header(path)
    check_map(header, box=8, pixel_size_a=1.2501)
    with pytest.raises(FormatError, match="the mask has a box of 8 voxels, but the particles have 10 pixels"):
        check_map(header, box=10, what="the mask")
    with pytest.raises(FormatError, match=r"voxels of 1\.25 Å, but the particles have pixels of 1\.24 Å"):
        check_map(header, box=8, pixel_size_a=1.24)
    write_map(path, np.zeros((8, 8, 6), np.float32), 1.25)
    with pytest.raises(FormatError, match="6 × 8 × 8 voxels, but a cube is expected"):
        check_map(read_map_header(path))
    write_map(path, np.zeros((8, 8, 8), np.float32), 0.0)
    check_map(read_map_header(path), box=8, pixel_size_a=3.0)


def test_that_missing_maps_and_folders_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="does not exist"):
        read_map(tmp_path / "no.mrc")
    with pytest.raises(FormatError, match="this is a folder"):
        read_map_header(tmp_path)
