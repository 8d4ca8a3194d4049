"""Working images: normalised, shifted, checked, the same after any kill and in any portion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import FormatError, UserError
from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.image_stack_input import read_image_input
from jobs.formats.mrc import write_stack
from jobs.isac2 import prepare as module
from jobs.isac2.inspect_images import check_input, inspect_images
from jobs.isac2.masks import disc, strip
from jobs.isac2.prepare import coarse_images, inspected, prepare, resample, whitening
from jobs.isac2.resample import Sampling, sampling
from jobs.isac2.settings import IsacSettings

CPU = torch.device("cpu")
SETTINGS = IsacSettings(radius=20, target_radius=14, target_nx=38, img_per_grp=10)


def _quiet(phase: str, done: int, of: int) -> None:
    """Report nothing."""


class Stopped(Exception):
    """A run that is stopped."""


def _pixels(count: int = 30, box: int = 48) -> np.ndarray:
    return np.random.default_rng(2).normal(3, 2, (count, box, box)).astype(np.float32)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    write_stack(tmp_path / "a.mrcs", _pixels(), 2.0)
    return tmp_path / "a.mrcs"


@pytest.mark.parametrize(
    ("radius", "target_radius", "box"), [(20, 14, 48), (20, 24, 48), (14, 14, 48), (20, 10, 51), (22, 12, 44)]
)
def test_that_the_background_is_zero_and_the_particle_of_deviation_one(
    tmp_path: Path, radius: float, target_radius: int, box: int
) -> None:
    write_stack(tmp_path / "a.mrcs", _pixels(4, box), 2.0)
    settings = IsacSettings(radius=radius, target_radius=target_radius, target_nx=38)
    images = read_image_input(tmp_path / "a.mrcs")
    ready = prepare(images, None, settings, tmp_path / "out", CPU, _quiet)
    assert ready.shape == (4, 38, 38) and ready.dtype == np.float32
    small = settings.small_box(box)
    inner = min(38, small)
    low = 19 - inner // 2
    core = ready[:, low : low + inner, low : low + inner]
    mask = disc(inner, target_radius if small >= 38 else small // 2 - 2).numpy()
    for image in core.astype(np.float64):
        if not mask.all():
            assert abs(image[~mask].mean()) < 1e-5
        assert image[mask].std(ddof=1) == pytest.approx(1, abs=1e-5)
    assert np.abs(ready).sum() == pytest.approx(np.abs(core).sum())


def test_that_a_shift_in_input_pixels_centres_a_particle(tmp_path: Path) -> None:
    axis = np.arange(48) - 24
    places = np.array([[5.0, -3.0], [-4.5, 2.25], [0.0, 0.0]])
    images = [np.exp(-((axis - x) ** 2 + ((axis - y) ** 2)[:, None]) / 32) for x, y in places]
    write_stack(tmp_path / "a.mrcs", np.array(images, np.float32), 2.0)
    ready = prepare(read_image_input(tmp_path / "a.mrcs"), -places, SETTINGS, tmp_path / "o", CPU, _quiet)
    weights = np.clip(np.array(ready) - 0.2, 0, None)
    line = np.arange(38) - 19
    assert np.abs((weights.sum(1) @ line) / weights.sum((1, 2))).max() < 0.02
    assert np.abs((weights.sum(2) @ line) / weights.sum((1, 2))).max() < 0.02
    assert np.abs(ready[0] - ready[2]).max() < 0.05


def test_that_a_stopped_preparation_goes_on_to_the_same_bits(
    stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sampling, "block", 4)
    monkeypatch.setattr(module, "_WORKING_BLOCK", 8)
    images = read_image_input(stack)
    shifts = np.random.default_rng(1).uniform(-3, 3, (30, 2))
    whole = prepare(images, shifts, SETTINGS, tmp_path / "whole", CPU, _quiet)
    for phase, row in (("preparing images", 16), ("normalising images", 16)):
        seen: list[tuple[str, int]] = []

        def stop(
            now: str,
            done: int,
            of: int,
            phase: str = phase,
            row: int = row,
            seen: list[tuple[str, int]] = seen,
        ) -> None:
            seen.append((now, done))
            if (now, done) == (phase, row):
                raise Stopped

        with pytest.raises(Stopped):
            prepare(images, shifts, SETTINGS, tmp_path / "out", CPU, stop)
        assert not (tmp_path / "out" / "stack_ali2d.npy").exists()
    # what was done is not done again
    assert seen[0] == ("preparing images", 16)
    again: list[tuple[str, int]] = []
    ready = prepare(
        images, shifts, SETTINGS, tmp_path / "out", CPU, lambda now, done, of: again.append((now, done))
    )
    assert again[0] == ("normalising images", 16)
    np.testing.assert_array_equal(ready, whole)
    assert not list((tmp_path / "out").glob("*part*"))
    assert not (tmp_path / "out" / "stack_ali2d_resampled.npy").exists()
    fresh: list[str] = []
    prepare(images, shifts, SETTINGS, tmp_path / "out", CPU, lambda now, done, of: fresh.append(now))
    assert not fresh
    other = prepare(images, -shifts, SETTINGS, tmp_path / "out", CPU, _quiet)
    assert np.abs(other - whole).max() > 0.1


def test_that_coarse_images_show_the_same_field(stack: Path, tmp_path: Path) -> None:
    axis = np.arange(48) - 24
    blob = np.exp(-((axis - 8) ** 2 + ((axis + 4) ** 2)[:, None]) / 50).astype(np.float32)
    write_stack(stack, blob[None], 2.0)
    small = resample(read_image_input(stack), SETTINGS, tmp_path, CPU, _quiet)
    coarse = coarse_images(small, 24, CPU)[0].numpy()
    ratio = SETTINGS.shrink * 24 / small.shape[-1]
    line = np.arange(24) - 12
    expected = np.exp(-((line - 8 * ratio) ** 2 + ((line + 4 * ratio) ** 2)[:, None]) / (50 * ratio**2))
    assert np.abs(coarse - expected).max() < 0.01


def test_that_every_unsound_image_is_named_and_duplicates_are_told(stack: Path, tmp_path: Path) -> None:
    pixels = _pixels()
    pixels[3, 5, 5] = np.nan
    pixels[20] = 4
    pixels[21, 0, 0] = np.inf
    pixels[9] = pixels[2]
    with stack.open("r+b") as file:
        file.seek(1024)
        file.write(pixels.tobytes())
    images = read_image_input(stack)
    found = inspect_images(images)
    assert found.not_finite.tolist() == [3, 21] and found.constant.tolist() == [20]
    assert found.duplicates.tolist() == [[9, 2]]
    with pytest.raises(FormatError, match=r"000004@.*a\.mrcs.*000022@.*000021@"):
        prepare(images, None, SETTINGS, tmp_path / "out", CPU, _quiet)
    assert not list((tmp_path / "out").glob("*.npy"))
    pixels[[3, 20, 21]] = _pixels()[[3, 20, 21]]
    write_stack(stack, pixels, 2.0)
    images = read_image_input(stack)
    prepare(images, None, SETTINGS, tmp_path / "out", CPU, _quiet)
    (warning,) = inspected(images, SETTINGS, tmp_path / "out").warnings(images)
    assert "000010@" in warning and "000003@" in warning


def test_that_factors_of_whitening_are_known_after_preparation(stack: Path, tmp_path: Path) -> None:
    images = read_image_input(stack)
    white = replace(SETTINGS, vpp=True)
    prepare(images, None, white, tmp_path / "out", CPU, _quiet)
    factors = whitening(images, white, tmp_path / "out")
    pixels = _pixels().astype(np.float64)
    power = np.abs(np.fft.fft2(pixels - pixels.mean((1, 2), keepdims=True), norm="ortho")) ** 2
    axis = np.fft.fftfreq(48) * 48
    shell = np.rint(np.hypot(axis[:, None], axis)).astype(int)
    assert factors is not None and factors.shape == (25,) and factors[0] == 1
    for k in (5, 12, 20):
        mean = np.sqrt(power[:, shell == k].mean(1)).mean()
        assert factors[k] == pytest.approx(1 / mean, rel=0.02)
    assert whitening(images, SETTINGS, tmp_path / "out") is None


def test_that_filaments_are_normalised_and_masked_along_their_direction(tmp_path: Path) -> None:
    angles = [30.0, -60.0]
    write_eman_stack(tmp_path / "a.hdf", _pixels(2), [{"segment_angle": a} for a in angles])
    settings = replace(SETTINGS, filament_width=16.0)
    images = read_image_input(tmp_path / "a.hdf")
    masked = prepare(images, None, settings, tmp_path / "one", CPU, _quiet)
    mask = strip(settings.small_box(48), int(16 * 0.7 + 0.5) // 2, torch.tensor(angles)).numpy()
    inside = np.zeros((2, 38, 38), bool)
    low = 19 - mask.shape[-1] // 2
    inside[:, low : low + mask.shape[-1], low : low + mask.shape[-1]] = mask
    assert np.abs(masked[~inside]).max() == 0
    open_ = prepare(images, None, replace(settings, filament_mask_ignore=True), tmp_path / "two", CPU, _quiet)
    np.testing.assert_array_equal(np.where(inside, open_, 0), masked)
    for image, where in zip(np.array(open_, np.float64), inside, strict=True):
        assert image[where].std(ddof=1) == pytest.approx(1, abs=1e-5)
    images.close()


def test_that_what_cannot_work_is_said_before_an_image_is_read(stack: Path, tmp_path: Path) -> None:
    images = read_image_input(stack)
    check_input(images, SETTINGS)
    for change, option in (
        ({"radius": 25.0}, "radius"),
        ({"img_per_grp": 20}, "img_per_grp"),
        ({"ctf": True}, "CTF"),
        ({"filament_width": 10.0}, "filament_width"),
    ):
        with pytest.raises(UserError) as error:
            check_input(images, replace(SETTINGS, **change))
        assert error.value.column == option
        # An option is not called a column of the file.
        assert "column" not in str(error.value)


def test_that_the_number_of_threads_does_not_change_a_bit(stack: Path, tmp_path: Path) -> None:
    images = read_image_input(stack)
    shifts = np.random.default_rng(1).uniform(-3, 3, (30, 2))
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            folder = tmp_path / str(threads)
            results.append(prepare(images, shifts, SETTINGS, folder, CPU, _quiet).tobytes())
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1]


def test_that_the_size_of_portions_changes_nothing(
    stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = read_image_input(stack)
    one = np.array(prepare(images, None, SETTINGS, tmp_path / "one", CPU, _quiet))
    monkeypatch.setattr(Sampling, "block", 1)
    assert sampling(48, SETTINGS).block == 1
    two = prepare(images, None, SETTINGS, tmp_path / "two", CPU, _quiet)
    np.testing.assert_allclose(one, two, atol=2e-6)
