"""Preparation of particle images: mask, centre, crop, CTF; kept in memory or read by threads."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.core.errors import FormatError
from jobs.dynamight import images as images_module
from jobs.dynamight.images import ParticleImages, Views
from jobs.maths.ctf import CtfParameters, aberration_phases, constant_ctf, ctf_rfft
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.masks import soft_circle

BOX, PIXEL_A, N = 32, 3.0, 23
CPU = torch.device("cpu")


class Pixels:
    """Images in memory, as a reader."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels, self.asked = pixels, 0

    def read(self, indices: np.ndarray) -> np.ndarray:
        self.asked += 1
        return self.pixels[torch.from_numpy(indices)].numpy()


def _ctf(n: int = N) -> CtfParameters:
    return constant_ctf(torch.linspace(9000, 18000, n), torch.linspace(8800, 17000, n), 30.0)


def _views(shifts_px: Tensor | None = None, ctf: CtfParameters | None = None, n: int = N) -> Views:
    return Views(
        rotations=torch.eye(3).expand(n, 3, 3).contiguous(),
        shifts_px=torch.zeros(n, 2) if shifts_px is None else shifts_px,
        ctf=_ctf(n) if ctf is None else ctf,
        premultiplied=torch.zeros(n, dtype=torch.bool),
        box=BOX,
        pixel_size_a=PIXEL_A,
    )


def _noise(n: int = N) -> Tensor:
    return torch.randn(n, BOX, BOX, generator=torch.Generator().manual_seed(0))


def _blobs(centres_px: Tensor, sigma_px: float = 2.0) -> Tensor:
    """One Gaussian per image at ``(x, y)`` from the image centre."""
    axis = torch.arange(BOX) - BOX // 2
    x = torch.exp(-0.5 * ((axis - centres_px[:, :1]) / sigma_px) ** 2)
    y = torch.exp(-0.5 * ((axis - centres_px[:, 1:]) / sigma_px) ** 2)
    return y[:, :, None] * x[:, None, :]


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


# ------------------------------------------------------------------------------------------ preparation


@pytest.mark.parametrize("box", [24, 32])
def test_that_an_image_is_masked_transformed_and_cropped(box: int) -> None:
    pixels = _noise()
    images = ParticleImages(Pixels(pixels), _views(), CPU, diameter_a=60.0, edge_a=12.0)
    images.prepare(BOX)
    batch = images.batch(torch.tensor([4]), box)
    masked = pixels[4] * soft_circle(BOX, 10.0, 4.0)
    whole = image_to_rfft(masked)
    half = box // 2
    # Below the Nyquist frequency of the working box.
    assert torch.allclose(batch.transforms[0, :half, :half], whole[:half, :half], atol=1e-5)
    assert torch.allclose(batch.transforms[0, -half + 1 :, :half], whole[-half + 1 :, :half], atol=1e-5)


def test_that_the_ctf_of_the_working_box_is_that_of_the_images() -> None:
    images = ParticleImages(Pixels(_noise()), _views(), CPU)
    whole = ctf_rfft(_ctf(), BOX, PIXEL_A)
    batch = images.batch(torch.arange(N), 24)
    assert torch.allclose(batch.ctf[:, :12, :12], whole[:, :12, :12], atol=1e-4)


@pytest.mark.parametrize("shift", [(3.0, -2.0), (0.4, 1.7)], ids=["whole", "part"])
def test_that_a_shifted_particle_is_prepared_like_a_centred_one(shift: tuple[float, float]) -> None:
    shifts = torch.tensor([shift, (0.0, 0.0)])
    pixels = _blobs(shifts)
    images = ParticleImages(Pixels(pixels), _views(shifts, n=2), CPU, diameter_a=50.0, edge_a=15.0)
    moved, centred = images.batch(torch.tensor([0, 1]), BOX).transforms
    # The mask follows the particle, so nothing but its sampling differs.
    assert _relative(moved, centred) < 1e-4


def test_that_the_sign_of_the_shift_matters() -> None:
    shifts = torch.tensor([(3.0, -2.0), (0.0, 0.0)])
    images = ParticleImages(Pixels(_blobs(-shifts)), _views(shifts, n=2), CPU, diameter_a=50.0)
    moved, centred = images.batch(torch.tensor([0, 1]), BOX).transforms
    assert _relative(moved, centred) > 0.5


def test_that_images_multiplied_by_their_ctf_are_compared_with_its_square() -> None:
    views = _views()
    multiplied = replace(views, premultiplied=torch.arange(N) % 2 == 0)
    plain = ParticleImages(Pixels(_noise()), views, CPU).batch(torch.arange(N), BOX)
    squared = ParticleImages(Pixels(_noise()), multiplied, CPU).batch(torch.arange(N), BOX)
    assert torch.equal(squared.ctf[1::2], plain.ctf[1::2])
    assert torch.equal(squared.ctf[::2], plain.ctf[::2] ** 2)
    assert torch.equal(squared.transforms, plain.transforms)


def test_that_odd_aberrations_are_undone() -> None:
    tilted = replace(_ctf(2), beam_tilt_mrad=torch.tensor([[1.5, -0.8], [0.0, 0.0]], dtype=torch.float64))
    phases = aberration_phases(tilted, BOX, PIXEL_A)
    assert phases is not None
    assert float(phases[0].angle().abs().max()) > 0.3
    still = _blobs(torch.zeros(2, 2), sigma_px=1.0)
    pixels = rfft_to_image(image_to_rfft(still) * phases, BOX)
    images = ParticleImages(Pixels(pixels), _views(ctf=tilted, n=2), CPU, diameter_a=1e6, edge_a=6.0)
    aberrated, plain = images.batch(torch.tensor([0, 1]), BOX).transforms
    # The mask cuts off a little of what the tilt has spread out.
    assert _relative(aberrated[:16, :16], plain[:16, :16]) < 5e-4


def test_that_the_mask_is_never_larger_than_the_box_allows() -> None:
    ones = torch.ones(N, BOX, BOX)
    huge = ParticleImages(Pixels(ones), _views(), CPU, diameter_a=1e6, edge_a=12.0)
    default = ParticleImages(Pixels(ones), _views(), CPU, diameter_a=None, edge_a=12.0)
    rows = torch.arange(N)
    assert torch.equal(huge.batch(rows, BOX).transforms, default.batch(rows, BOX).transforms)
    corner = rfft_to_image(huge.batch(rows, BOX).transforms, BOX)[:, 0, 0]
    assert float(corner.abs().max()) < 1e-5


# ------------------------------------------------------------------------------------ memory and threads


@pytest.fixture
def nothing_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that prepared images need more memory than there is."""
    monkeypatch.setattr(images_module, "SMALL_SET_BYTES", 0)


def _streamed(pixels: Tensor, n_threads: int = 2) -> ParticleImages:
    images = ParticleImages(Pixels(pixels), _views(), CPU, n_threads=n_threads)
    images.prepare(BOX)
    assert not images.kept
    return images


@pytest.mark.usefixtures("nothing_fits")
@pytest.mark.parametrize("box", [24, 32])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_that_images_read_by_threads_are_those_kept_in_memory(n_threads: int, box: int) -> None:
    pixels, order = _noise(), torch.randperm(N, generator=torch.Generator().manual_seed(1))
    kept = ParticleImages(Pixels(pixels), _views(), CPU, preload=True)
    kept.prepare(BOX)
    assert kept.kept
    pairs = zip(kept.batches(order, 5, box), _streamed(pixels, n_threads).batches(order, 5, box), strict=True)
    below = box // 2
    for here, there in pairs:
        assert torch.equal(here.rows, there.rows)
        assert torch.equal(here.transforms, there.transforms)
        assert torch.allclose(here.ctf[..., :below, :below], there.ctf[..., :below, :below], atol=2e-6)


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.usefixtures("nothing_fits")
def test_that_batches_keep_the_order_and_leave_nobody_out(preload: bool) -> None:
    images = ParticleImages(Pixels(_noise()), _views(), CPU, preload=preload)
    images.prepare(BOX)
    rows = torch.randperm(N)[:21]
    batches = list(images.batches(rows, 5, BOX))
    assert [len(b.rows) for b in batches] == [5, 5, 5, 5, 1]
    assert torch.equal(torch.cat([b.rows for b in batches]), rows)


def test_that_small_sets_are_kept_and_read_once() -> None:
    reader = Pixels(_noise())
    images = ParticleImages(reader, _views(), CPU)
    told = []
    images.prepare(24, lambda done, of: told.append((done, of)))
    assert images.kept
    assert told == [(N, N)]
    for _ in range(3):
        list(images.batches(torch.arange(N), 4, 24))
    assert reader.asked == 1


@pytest.mark.usefixtures("nothing_fits")
def test_that_an_abandoned_pass_leaves_no_thread_behind() -> None:
    images = _streamed(_noise())
    for _ in range(3):
        passing = images.batches(torch.arange(N), 2, BOX)
        next(passing)
        passing.close()
    deadline = time.monotonic() + 5
    while any(t.name.startswith("images") for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("nothing_fits")
def test_that_a_stack_that_breaks_while_it_is_read_ends_the_pass_in_words() -> None:
    class Broken(Pixels):
        def read(self, indices: np.ndarray) -> np.ndarray:
            if 12 in indices:
                raise FormatError("the stack was cut", path="a.mrcs")
            return super().read(indices)

    images = ParticleImages(Broken(_noise()), _views(), CPU, n_threads=2)
    images.prepare(BOX)
    seen = []
    with pytest.raises(FormatError, match="the stack was cut"):
        seen.extend(images.batches(torch.arange(N), 4, BOX))
    assert [int(b.rows[0]) for b in seen] == [0, 4, 8]


@pytest.mark.usefixtures("nothing_fits")
def test_that_only_a_few_batches_are_read_ahead() -> None:
    reader = Pixels(_noise())
    images = ParticleImages(reader, _views(), CPU)
    images.prepare(BOX)
    passing = images.batches(torch.arange(N), 1, BOX)
    next(passing)
    time.sleep(0.05)
    assert reader.asked <= images_module.AHEAD + 1
    passing.close()


def test_that_bad_defocus_angles_do_not_matter_without_astigmatism() -> None:
    # Guards the order of arguments: a swapped angle and defocus would show here.
    round_ctf = [constant_ctf(torch.tensor([12000.0]), None, angle) for angle in (0.0, 77.0)]
    first, second = (
        ParticleImages(Pixels(_noise(1)), _views(ctf=ctf, n=1), CPU).batch(torch.tensor([0]), BOX)
        for ctf in round_ctf
    )
    assert torch.allclose(first.ctf, second.ctf, atol=1e-5)
    assert math.isclose(float(first.ctf[0, 0, 0]), 0.1, abs_tol=1e-5)
