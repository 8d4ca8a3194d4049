from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats import stacks as stacks_module
from jobs.formats.mrc import write_stack
from jobs.formats.particles import read_particles
from jobs.formats.stacks import ImageStacks
from tests.support.shared import shared_dir


@dataclass
class Images:
    """The least that image stacks need to know of particles."""

    stacks: list[Path]
    stack: np.ndarray
    section: np.ndarray


@pytest.fixture
def whole_numbers(rng: np.random.Generator) -> np.ndarray:
    """Images of whole numbers that every MRC mode can hold."""
    return rng.integers(0, 100, size=(9, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
@pytest.mark.parametrize("preload", [False, True], ids=["from-disk", "preloaded"])
def test_that_stacks_of_every_mode_read_as_float32(
    tmp_path: Path, whole_numbers: np.ndarray, dtype: str, preload: bool
) -> None:
    write_stack(tmp_path / "a.mrcs", whole_numbers, 1.0, dtype=dtype)
    images = ImageStacks(Images([tmp_path / "a.mrcs"], np.zeros(9, int), np.arange(9)), preload)
    assert images.dtype == np.dtype(dtype)
    assert images.box == 6
    assert images.nbytes == 9 * 36 * np.dtype(dtype).itemsize
    read = images.read([8, 0, 3, 3])
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, whole_numbers[[8, 0, 3, 3]])


def test_that_big_endian_stacks_with_extended_headers_read(tmp_path: Path, whole_numbers: np.ndarray) -> None:
    with mrcfile.new(tmp_path / "a.mrcs") as theirs:
        theirs.set_data(whole_numbers.astype(">f4"))
        theirs.set_image_stack()
        theirs.set_extended_header(np.zeros(7, "V1"))
    images = ImageStacks(Images([tmp_path / "a.mrcs"], np.zeros(9, int), np.arange(9)))
    np.testing.assert_array_equal(images.read(range(9)), whole_numbers)


def test_that_stacks_of_different_modes_can_be_mixed(tmp_path: Path, whole_numbers: np.ndarray) -> None:
    write_stack(tmp_path / "a.mrcs", whole_numbers[:4], 1.0, dtype="float16")
    write_stack(tmp_path / "b.mrcs", whole_numbers[4:], 1.0, dtype="int16")
    particles = Images([tmp_path / "a.mrcs", tmp_path / "b.mrcs"], np.repeat([0, 1], [4, 5]), np.r_[0:4, 0:5])
    for preload in (False, True):
        images = ImageStacks(particles, preload)
        assert images.dtype == np.float32
        np.testing.assert_array_equal(images.read([5, 1, 8, 0]), whole_numbers[[5, 1, 8, 0]])


@pytest.mark.reference
def test_that_float16_stacks_of_warp_read_as_the_mrcfile_package_reads_them() -> None:
    folder = shared_dir() / "data" / "tomodrgn" / "warptools_test_4-tomos_10-ptcls_box-32_angpix-12"
    path = folder / "Unt_050" / "Unt_050_12.00A_000001.mrcs"
    images = ImageStacks(Images([path], np.zeros(37, int), np.arange(37)))
    with mrcfile.open(path) as theirs:
        np.testing.assert_array_equal(images.read(range(37)), theirs.data.astype(np.float32))


def test_that_any_order_of_particles_and_stacks_gives_the_right_images(
    star_path: Path, images: np.ndarray, rng: np.random.Generator
) -> None:
    p = read_particles(star_path)
    for preload in (False, True):
        read = ImageStacks(p, preload)
        for _ in range(5):
            wanted = rng.integers(0, 12, size=30)
            np.testing.assert_array_equal(read.read(wanted), images[wanted])
    assert ImageStacks(p).read([]).shape == (0, 8, 8)


def test_that_images_go_into_an_array_given(star_path: Path, images: np.ndarray) -> None:
    out = np.empty((3, 8, 8), np.float32)
    assert ImageStacks(read_particles(star_path)).read([2, 9, 4], out=out) is out
    np.testing.assert_array_equal(out, images[[2, 9, 4]])


@pytest.mark.parametrize("index", [-1, 12])
def test_that_numbers_outside_the_set_are_refused(star_path: Path, index: int) -> None:
    with pytest.raises(IndexError, match="0 to 11"):
        ImageStacks(read_particles(star_path)).read([0, index])


def test_that_many_threads_read_the_same_images_with_few_open_files(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks_module, "_OPEN_FILES", 3)
    data = rng.normal(size=(20, 4, 8, 8)).astype(np.float32)
    for i in range(20):
        write_stack(tmp_path / f"{i}.mrcs", data[i], 1.0)
    particles = Images(
        [tmp_path / f"{i}.mrcs" for i in range(20)], np.repeat(np.arange(20), 4), np.tile(np.arange(4), 20)
    )
    flat = data.reshape(80, 8, 8)
    started = threading.Barrier(6)

    def read_often(seed: int) -> int:
        own = np.random.default_rng(seed)
        started.wait()
        for _ in range(40):
            wanted = own.integers(0, 80, size=10)
            np.testing.assert_array_equal(read.read(wanted), flat[wanted])
        return 40

    def open_stacks() -> int:
        # a descriptor may be closed between listing and looking
        links = [f.readlink() for f in Path("/proc/self/fd").iterdir() if f.is_symlink()]
        return sum(link.parent == tmp_path for link in links)

    with ImageStacks(particles) as read, ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(read_often, range(6))) == 240
        assert 1 <= open_stacks() <= 3 + 6
    assert open_stacks() == 0


def test_that_readers_can_be_handed_to_another_process(star_path: Path, images: np.ndarray) -> None:
    read = ImageStacks(read_particles(star_path))
    read.read([0])
    copy = pickle.loads(pickle.dumps(read))  # what a loader's worker process does
    np.testing.assert_array_equal(copy.read([7, 1]), images[[7, 1]])


def test_that_a_stack_cut_while_in_use_ends_in_a_sentence(star_path: Path, tmp_path: Path) -> None:
    read = ImageStacks(read_particles(star_path))
    read.read([0])
    stack = tmp_path / "Extract" / "job002" / "a.mrcs"
    with stack.open("r+b") as file:
        file.truncate(1024 + 3 * 256 + 100)
    assert read.read([2]).shape == (1, 8, 8)
    with pytest.raises(FormatError, match="ends at byte 1892, but image 4 needs 2048"):
        read.read([3])


def test_that_a_stack_removed_before_its_first_use_is_refused_by_name(
    star_path: Path, tmp_path: Path
) -> None:
    read = ImageStacks(read_particles(star_path))
    (tmp_path / "Extract" / "job002" / "b.mrcs").unlink()
    with pytest.raises(FormatError, match=r"b\.mrcs: the stack cannot be opened: no such file"):
        read.read([11])


def test_that_truncated_or_unequal_stacks_are_refused_at_once(
    tmp_path: Path, whole_numbers: np.ndarray
) -> None:
    write_stack(tmp_path / "a.mrcs", whole_numbers, 1.0)
    write_stack(tmp_path / "b.mrcs", whole_numbers[:, :4, :4], 1.0)
    paths = [tmp_path / "a.mrcs", tmp_path / "b.mrcs"]
    with pytest.raises(FormatError, match=r"b\.mrcs: the images are 4 × 4 pixels, but 6 × 6 are expected"):
        ImageStacks(Images(paths, np.array([0, 1]), np.array([0, 0])))
    with pytest.raises(FormatError, match="holds 9 complete images, but 10 are expected"):
        ImageStacks(Images(paths[:1], np.array([0]), np.array([9])))
    (tmp_path / "a.mrcs").write_bytes((tmp_path / "a.mrcs").read_bytes()[:-1])
    with pytest.raises(FormatError, match="holds 8 complete images, but 9 are expected"):
        ImageStacks(Images(paths[:1], np.array([0]), np.array([0])))
