"""Images in working pixels: blobs stand where the exact scale puts them, and phases are flipped in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from jobs.formats.eman_ctf import EmanCtf
from jobs.formats.eman_hdf import write_eman_stack
from jobs.formats.image_stack_input import read_image_input
from jobs.isac2.masks import across_filament, disc, strip
from jobs.isac2.power import rotational_amplitudes, whitening_curve, whitening_plane
from jobs.isac2.resample import centred, ctf_signs, resample_images, sampling
from jobs.isac2.settings import IsacSettings

CPU = torch.device("cpu")


def _blob(box: int, x: float, y: float, sigma: float) -> torch.Tensor:
    axis = torch.arange(box, dtype=torch.float64) - box // 2
    squares = (axis - x) ** 2, ((axis - y) ** 2)[:, None]
    return torch.exp(-(squares[0] + squares[1]) / (2 * sigma**2)).float()


@pytest.mark.parametrize("box", [64, 65])
@pytest.mark.parametrize("radius", [24.0, 15.0, 27.7, 29.0, 30.3])
@pytest.mark.parametrize("ctf", [False, True])
def test_that_a_blob_stands_where_the_exact_scale_puts_it(box: int, radius: float, ctf: bool) -> None:
    settings = IsacSettings(radius=radius, ctf=ctf)
    size = sampling(box, settings)
    scale = settings.shrink
    small = resample_images(_blob(box, 6, -9, 3)[None], size, settings)[0]
    assert small.shape == (settings.small_box(box),) * 2
    assert abs(size.scale / scale - 1) * 29 < 0.005
    expected = _blob(len(small), 6 * scale, -9 * scale, 3 * scale)
    assert (small - expected).abs().max() < 4e-3


def test_that_images_at_the_target_radius_stay_as_they_are() -> None:
    settings = IsacSettings(radius=29)
    images = torch.randn(2, 70, 70, generator=torch.Generator().manual_seed(1))
    small = resample_images(images, sampling(70, settings), settings)
    difference = images - small
    assert (difference - difference[:, :1, :1]).abs().max() < 1e-5


def test_that_flipping_is_that_of_the_formula_and_keeps_low_frequencies(tmp_path: Path) -> None:
    box, pixel = 48, 3.0
    random = np.random.default_rng(5)
    # nothing at the Nyquist frequency, where a half plane has one sign for two frequencies
    noise = random.normal(size=(2, box, box))
    images = ndimage.gaussian_filter(noise, (0, 0.8, 0.8)).astype(np.float32)
    ctfs = [EmanCtf(1.5, 0.1, 20, 0, 10, 300, 2.7, pixel), EmanCtf(2.2, 0, 0, 0, 10, 300, 2.7, pixel)]
    write_eman_stack(tmp_path / "a.hdf", images, [{"ctf": c.text()} for c in ctfs])
    data = read_image_input(tmp_path / "a.hdf")
    settings = IsacSettings(radius=20, target_radius=20, ctf=True)
    size = sampling(box, settings)
    signs = ctf_signs(data, slice(0, 2), size, CPU)
    assert signs is not None and (signs[:, 0, 0] == 1).all()
    ours = resample_images(torch.from_numpy(images), size, settings, signs).numpy()
    outside = ~disc(box, 20).numpy()
    for image, ctf, flipped in zip(images, ctfs, ours, strict=True):
        n = size.padded
        low = n // 2 - box // 2
        padded = np.zeros((n, n))
        padded[low : low + box, low : low + box] = image - image[outside].mean()
        ky, kx = np.meshgrid(np.fft.fftfreq(n, pixel), np.fft.fftfreq(n, pixel), indexing="ij")
        wave, k2 = 12.2643247 / np.sqrt(3e5 * (1 + 3e5 * 0.978466e-6)), kx**2 + ky**2
        defocus = ctf.defocus_um - ctf.astigmatism_um / 2 * np.sin(
            2 * (np.arctan2(ky, kx) + np.deg2rad(ctf.astigmatism_deg))
        )
        phase = np.pi * (defocus * 1e4 * wave * k2 - 2.7e7 * wave**3 * k2**2 / 2)
        curve = np.sin(phase + np.deg2rad(ctf.phase_deg))
        plane = np.fft.fft2(padded) * np.where(curve < 0, -1, 1)
        expected = np.fft.ifft2(plane).real[low : low + box, low : low + box]
        # a few samples at the zeros of the CTF are signed by last digits
        assert np.corrcoef(expected.ravel(), flipped.ravel())[0, 1] > 0.9995
    data.close()


def test_that_images_that_are_flipped_already_are_left_alone(tmp_path: Path) -> None:
    ctf = EmanCtf(1.5, 0, 0, 0, 10, 300, 2.7, 3.0).text()
    write_eman_stack(
        tmp_path / "a.hdf", np.zeros((2, 32, 32)), [{"ctf": ctf, "ctf_applied": i} for i in (0, 1)]
    )
    data = read_image_input(tmp_path / "a.hdf")
    signs = ctf_signs(data, slice(0, 2), sampling(32, IsacSettings(radius=12, ctf=True)), CPU)
    assert signs is not None and (signs[0] < 0).any() and (signs[1] == 1).all()
    data.close()


def test_that_whitened_images_have_the_same_power_in_every_shell() -> None:
    box = 48
    settings = IsacSettings(radius=20, target_radius=20, vpp=True)
    noise = torch.randn(60, box, box, generator=torch.Generator().manual_seed(3))
    axis = torch.fft.fftfreq(box)
    falling = 1 / (0.05 + axis[:, None] ** 2 + axis**2)
    coloured = torch.fft.ifft2(torch.fft.fft2(noise) * falling).real * torch.rand(60)[:, None, None].add(1)
    curve = whitening_curve(rotational_amplitudes(coloured), 60)
    assert curve[0] == 1
    size = sampling(box, settings)
    plane = whitening_plane(curve, size, CPU)
    white = resample_images(coloured, size, settings, factors=plane)
    after = rotational_amplitudes(white)[4:-1] / 60
    assert (after / after.mean() - 1).abs().max() < 0.1
    before = rotational_amplitudes(coloured)[4:-1] / 60
    assert (before / before.mean() - 1).abs().max() > 0.8


@pytest.mark.parametrize("angle", [30.0, -30.0, 0.0, 90.0, 117.0])
def test_that_the_strip_follows_the_filament_whatever_the_sign_of_its_angle(angle: float) -> None:
    a = np.deg2rad(angle)
    mask = strip(41, 4, torch.tensor([angle]))[0]
    for distance in (-18, 0, 11):
        x, y = distance * np.cos(a), -distance * np.sin(a)
        assert mask[round(20 + y), round(20 + x)]
        across = across_filament(torch.tensor([angle]))[0].numpy()
        assert abs(across @ [np.cos(a), -np.sin(a)]) < 1e-6
        for side in (-7, 7):
            row, column = round(20 + y + side * across[1]), round(20 + x + side * across[0])
            if 0 <= row < 41 and 0 <= column < 41:
                assert not mask[row, column]


def test_that_cutting_and_padding_keep_the_centre() -> None:
    for box in (7, 8):
        for other in (4, 5, 10, 11):
            image = torch.zeros(box, box)
            image[box // 2, box // 2] = 1
            assert centred(image, other)[other // 2, other // 2] == 1


def test_that_blocks_depend_on_the_box_only() -> None:
    settings = IsacSettings(radius=40, ctf=True)
    assert sampling(128, settings).block == sampling(128, replace(settings, gpu_memory_use=0.1)).block
