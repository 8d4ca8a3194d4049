"""Ring correlation: images with a known share of common signal correlate as they must."""

import numpy as np
import pytest
import torch

from jobs.maths.frc import frc


def test_that_an_image_correlates_with_itself_and_against_its_negative():
    image = torch.randn(3, 33, 33, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(frc(image, image)[:, 1:], torch.ones(3, 16), atol=1e-5)
    assert torch.allclose(frc(image, -2 * image)[:, 1:], -torch.ones(3, 16), atol=1e-5)


def test_that_rings_are_those_of_a_slow_sum_over_the_whole_plane():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 16, 16))
    ky, kx = np.meshgrid(*[np.fft.fftfreq(16, 1 / 16)] * 2, indexing="ij")
    ring = np.round(np.hypot(ky, kx)).astype(int)
    fa, fb = np.fft.fft2(a), np.fft.fft2(b)
    slow = [
        np.sum(fa[ring == r] * fb[ring == r].conj()).real
        / np.sqrt(np.sum(abs(fa[ring == r]) ** 2) * np.sum(abs(fb[ring == r]) ** 2))
        for r in range(9)
    ]
    np.testing.assert_allclose(frc(torch.as_tensor(a), torch.as_tensor(b)).numpy(), slow, atol=1e-12)


def test_that_two_noisy_copies_correlate_by_their_share_of_signal():
    rng = np.random.default_rng(2)
    signal = rng.normal(size=(64, 64))
    a, b = (torch.as_tensor(signal + rng.normal(size=(64, 64))) for _ in range(2))
    assert float(frc(a, b)[8:32].mean()) == pytest.approx(0.5, abs=0.05)


def test_that_images_of_other_boxes_are_refused():
    with pytest.raises(ValueError, match="differ in box"):
        frc(torch.zeros(8, 8), torch.zeros(10, 10))
