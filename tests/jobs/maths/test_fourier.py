"""Half-plane transforms: centre, norm, shifts, shells, cropping and adjoints, at even and odd boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.maths.fourier import (
    crop_rfft,
    image_to_rfft,
    pad_rfft,
    radius_rfft,
    rfft_grid,
    rfft_to_image,
    rfft_to_volume,
    rfft_weights,
    shell_average,
    shift_phases,
    volume_to_rfft,
)

BOXES = [8, 9, 16, 17]


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _inner(first: torch.Tensor, second: torch.Tensor, box: int) -> torch.Tensor:
    """Inner product of the real images behind two half planes."""
    return ((first * second.conj()).real * rfft_weights(box)).sum()


@pytest.mark.parametrize("box", BOXES)
def test_that_a_delta_at_the_centre_pixel_has_a_flat_real_transform(box):
    image = torch.zeros(box, box)
    image[box // 2, box // 2] = 1
    torch.testing.assert_close(image_to_rfft(image), torch.full((box, box // 2 + 1), 1 / box + 0j))


@pytest.mark.parametrize("box", BOXES)
def test_that_images_and_volumes_survive_the_round_trip_and_keep_their_power(box):
    image, volume = _random(3, box, box), _random(box, box, box)
    torch.testing.assert_close(rfft_to_image(image_to_rfft(image), box), image)
    torch.testing.assert_close(rfft_to_volume(volume_to_rfft(volume), box), volume)
    power = (image_to_rfft(image).abs() ** 2 * rfft_weights(box)).sum()
    torch.testing.assert_close(power, (image**2).sum())


@pytest.mark.parametrize("box", BOXES)
def test_that_frequencies_are_those_of_numpy_in_cycles_per_pixel(box):
    ky, kx = rfft_grid(box)
    np.testing.assert_allclose(ky[:, 0], np.fft.fftfreq(box), atol=1e-7)
    np.testing.assert_allclose(kx[0], np.fft.rfftfreq(box), atol=1e-7)
    torch.testing.assert_close(radius_rfft(box), torch.hypot(ky, kx) * box)


@pytest.mark.parametrize("box", BOXES)
def test_that_a_whole_pixel_shift_moves_the_content_towards_larger_index(box):
    image = _random(1, box, box)
    moved = rfft_to_image(image_to_rfft(image) * shift_phases(box, torch.tensor([[1.0, -2.0]])), box)
    torch.testing.assert_close(moved, torch.roll(image, (-2, 1), dims=(1, 2)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("box", BOXES)
def test_that_the_opposite_shift_is_the_adjoint(box):
    x, y = image_to_rfft(_random(box, box)), image_to_rfft(_random(box, box, seed=1))
    shift = torch.tensor([0.37, -1.81])
    forward = _inner(x * shift_phases(box, shift), y, box)
    backward = _inner(x, y * shift_phases(box, -shift), box)
    torch.testing.assert_close(forward, backward, rtol=1e-5, atol=1e-5)


def test_that_a_fractional_shift_moves_a_gaussian_by_that_fraction():
    axis = torch.arange(32.0)

    def gaussian(x: float, y: float) -> torch.Tensor:
        return torch.exp(-0.5 * ((axis - x) ** 2 + (axis[:, None] - y) ** 2) / 4)

    moved = rfft_to_image(image_to_rfft(gaussian(16, 16)) * shift_phases(32, torch.tensor([2.25, -1.6])), 32)
    torch.testing.assert_close(moved, gaussian(18.25, 14.4), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("box", "new"), [(16, 12), (17, 12), (16, 9), (17, 9)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_that_cropping_keeps_a_band_limited_object_at_coarser_sampling(box, new, ndim):
    spectrum = (image_to_rfft if ndim == 2 else volume_to_rfft)(_random(*(box,) * ndim))
    radius = radius_rfft(box, ndim=ndim)
    spectrum = torch.where(radius < new / 2 - 0.5, spectrum, 0)
    cropped = crop_rfft(spectrum, new, ndim)
    assert cropped.shape == (new,) * (ndim - 1) + (new // 2 + 1,)
    torch.testing.assert_close(pad_rfft(cropped, box, ndim), spectrum)


@pytest.mark.parametrize(("box", "new"), [(16, 12), (17, 9), (16, 9)])
def test_that_padding_is_the_adjoint_of_cropping(box, new):
    x, y = image_to_rfft(_random(box, box)), image_to_rfft(_random(new, new, seed=1))
    forward, backward = _inner(crop_rfft(x, new), y, new), _inner(x, pad_rfft(y, box), box)
    torch.testing.assert_close(forward, backward, rtol=1e-5, atol=1e-5)


def test_that_cropping_to_the_same_box_is_the_identity_and_to_a_larger_one_is_refused():
    x = image_to_rfft(_random(8, 8))
    assert torch.equal(crop_rfft(x, 8), x)
    with pytest.raises(ValueError, match="cannot crop a transform of box 8 to the larger box 10"):
        crop_rfft(x, 10)
    with pytest.raises(ValueError, match="cannot pad a transform of box 8 to the smaller box 6"):
        pad_rfft(x, 6)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("ndim", [2, 3])
def test_that_shell_averages_equal_those_of_the_full_plane(box, ndim):
    image = _random(*(box,) * ndim)
    power = (image_to_rfft if ndim == 2 else volume_to_rfft)(image).abs() ** 2
    full = np.abs(np.fft.fftn(image.numpy().astype(np.float64), norm="ortho")) ** 2
    axes = np.meshgrid(*[np.fft.fftfreq(box, 1 / box)] * ndim, indexing="ij")
    shell = np.rint(np.sqrt(sum(a**2 for a in axes))).astype(int)
    expected = [full[shell == s].mean() for s in range(box // 2 + 1)]
    np.testing.assert_allclose(shell_average(power, box, ndim).numpy(), expected, rtol=1e-5)
