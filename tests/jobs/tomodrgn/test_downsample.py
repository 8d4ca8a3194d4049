"""Smaller images and volumes show the same object at the right pixel size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map, read_map_header, write_map, write_stack
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.downsample import DownsampleOptions, downsample
from tests.support.shared import shared_dir


def _blob(box: int, pixel_a: float, ndim: int) -> np.ndarray:
    """A Gaussian of 20 Å beside the centre."""
    axes = np.meshgrid(*[(np.arange(box) - box // 2) * pixel_a] * ndim, indexing="ij")
    square = sum((axis - 10.0 * (i + 1)) ** 2 for i, axis in enumerate(axes))
    return (3 + np.exp(-square / (2 * 20.0**2))).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_that_a_stack_keeps_object_values_and_type(tmp_path: Path, dtype: type[np.generic]) -> None:
    image = _blob(64, 4.0, 2)
    write_stack(tmp_path / "a.mrcs", np.stack([image, 2 * image]), 4.0, dtype=dtype)
    result = downsample(tmp_path / "a.mrcs", tmp_path / "b.mrcs", DownsampleOptions(32))
    header = read_map_header(tmp_path / "b.mrcs")
    assert header.shape == (2, 32, 32) and header.dtype == dtype
    assert header.voxel_size_a == pytest.approx(8.0) == result.pixel_size_a
    raw = np.fromfile(tmp_path / "b.mrcs", dtype, offset=1024).reshape(2, 32, 32).astype(float)
    wanted = _blob(32, 8.0, 2)
    np.testing.assert_allclose(raw, np.stack([wanted, 2 * wanted]), atol=2e-2)


def test_that_a_volume_keeps_object_and_place_in_space(tmp_path: Path) -> None:
    write_map(tmp_path / "a.mrc", _blob(48, 4.0, 3), 4.0, (-96.0, -96.0, -96.0))
    downsample(tmp_path / "a.mrc", tmp_path / "b.mrc", DownsampleOptions(24, is_vol=True))
    small = read_map(tmp_path / "b.mrc")
    assert small.voxel_size_a == pytest.approx(8.0) and small.origin_a == (-96.0, -96.0, -96.0)
    np.testing.assert_allclose(small.data, _blob(24, 8.0, 3), atol=2e-2)


def test_that_chunks_hold_all_images_in_order_and_are_listed(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(7, 16, 16)).astype(np.float32)
    write_stack(tmp_path / "a.mrcs", images, 2.0)
    options = DownsampleOptions(8, batch_size=2)
    whole = downsample(tmp_path / "a.mrcs", tmp_path / "w.mrcs", options).outputs[0]
    result = downsample(tmp_path / "a.mrcs", tmp_path / "c.mrcs", DownsampleOptions(8, chunk=3))
    assert [p.name for p in result.outputs] == ["c.0.mrcs", "c.1.mrcs", "c.2.mrcs"]
    assert (tmp_path / "c.txt").read_text().split() == ["c.0.mrcs", "c.1.mrcs", "c.2.mrcs"]
    parts = [np.fromfile(p, np.float32, offset=1024) for p in result.outputs]
    np.testing.assert_allclose(np.concatenate(parts), np.fromfile(whole, np.float32, offset=1024), atol=1e-6)
    again = downsample(tmp_path / "c.txt", tmp_path / "again.mrcs", DownsampleOptions(4))
    assert read_map_header(again.outputs[0]).shape == (7, 4, 4)


@pytest.mark.parametrize("chunk", [None, 100])
def test_that_the_star_file_states_the_new_pixel_size_and_the_same_origins(
    tmp_path: Path, chunk: int | None
) -> None:
    folder = shared_dir() / "data" / "tomodrgn"
    before = read_tilt_particles(folder / "10076_classD_32_sim.star", datadir=folder)
    options = DownsampleOptions(16, chunk=chunk, write_tiltseries_starfile=True)
    seen: list[tuple[int, int]] = []
    result = downsample(
        before.path, tmp_path / "small.mrcs", options, datadir=folder, each=lambda *a: seen.append(a)
    )
    assert result.pixel_size_a == pytest.approx(26.2) and seen[-1] == (576, 576)
    after = read_tilt_particles(tmp_path / "small.star")
    assert (after.box, after.n, after.n_images) == (16, before.n, before.n_images)
    assert after.pixel_size_a == pytest.approx(26.2)
    np.testing.assert_allclose(after.origin_a, before.origin_a, atol=1e-3)
    np.testing.assert_array_equal(after.rotation, before.rotation)
    np.testing.assert_array_equal(after.defocus_u_a, before.defocus_u_a)
    small, large = (ImageStacks(p).read([5, 300, 575]) for p in (after, before))
    np.testing.assert_allclose(small.mean((1, 2)), large.mean((1, 2)), atol=1e-4)


def test_that_impossible_boxes_and_names_are_refused(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", np.zeros((2, 16, 16), np.float32), 2.0)
    for box, words in ((7, "even box"), (32, "not smaller")):
        with pytest.raises(UserError, match=words):
            downsample(tmp_path / "a.mrcs", tmp_path / "b.mrcs", DownsampleOptions(box))
    with pytest.raises(UserError, match="must end in"):
        downsample(tmp_path / "a.mrcs", tmp_path / "b.mrc", DownsampleOptions(8))
