"""The sign of protein is found from the images, whatever the CTF and whoever wrote them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.formats.mrc import read_map, write_stack
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.tomodrgn.contrast import detect_contrast, stated_contrast
from jobs.tomodrgn.tilt_transforms import ctf_of
from tests.support.shared import shared_dir

_WARPTOOLS = "warptools_test_4-tomos_10-ptcls_box-32_angpix-12_optimisation_set"


def _read(name: str) -> TiltParticles:
    folder = shared_dir() / "data" / "tomodrgn"
    return read_tilt_particles(folder / f"{name}.star", datadir=folder)


def _rewritten(particles: TiltParticles, images: np.ndarray, folder: Path) -> TiltParticles:
    """The same set with other images, all in one stack."""
    write_stack(folder / "all.mrcs", images, particles.pixel_size_a)
    n = particles.n_images
    return replace(particles, stacks=[folder / "all.mrcs"], stack=np.zeros(n, np.int64), section=np.arange(n))


@pytest.mark.parametrize(
    ("name", "sign"),
    [("10076_classE_32_sim", -1), ("10076_classD_32_clean", 1), (_WARPTOOLS, 1)],
)
def test_that_the_sign_of_others_data_is_found_and_turns_with_the_images(
    tmp_path: Path, name: str, sign: int
) -> None:
    particles = _read(name)
    found = detect_contrast(particles)
    assert found.sign == sign
    assert found.confidence > 0.999
    images = ImageStacks(particles).read(np.arange(particles.n_images))
    inverted = detect_contrast(_rewritten(particles, -images, tmp_path))
    assert inverted.sign == -sign
    assert ("white" if sign < 0 else "dark") in inverted.sentence


@pytest.mark.parametrize("sign", [1, -1])
def test_that_the_sign_is_found_without_a_phase_plate_at_high_defocus(
    tmp_path: Path, sign: int, rng: np.random.Generator
) -> None:
    clean = _read("10076_classE_32_clean")
    n = clean.n_images
    particles = replace(
        clean,
        defocus_u_a=rng.uniform(20000, 40000, n),
        defocus_v_a=rng.uniform(20000, 40000, n),
        voltage_kv=np.full(n, 300.0),
        spherical_aberration_mm=np.full(n, 2.7),
        amplitude_contrast=np.full(n, 0.07),
        phase_shift_deg=np.zeros(n),
        ctf_known=np.ones(n, bool),
    )
    images = torch.from_numpy(ImageStacks(clean).read(np.arange(n)))
    seen = rfft_to_image(image_to_rfft(images) * ctf_of(particles, np.arange(n)), 32).numpy()
    noisy = sign * seen + rng.normal(size=seen.shape) * 5 * seen.std()
    found = detect_contrast(_rewritten(particles, noisy.astype(np.float32), tmp_path))
    assert found.sign == sign
    assert found.confidence > 0.99


def test_that_noise_gives_no_answer_but_says_so(tmp_path: Path) -> None:
    particles = _read("10076_classE_32_sim")
    noise = np.random.default_rng(3).normal(size=(particles.n_images, 32, 32)).astype(np.float32)
    found = detect_contrast(_rewritten(particles, noise, tmp_path))
    assert found.sign == 1
    assert "cannot be told" in found.sentence


def test_that_uninvert_means_what_it_means_to_users_of_the_original() -> None:
    # their test data are all used with --uninvert-data
    for name in ("10076_classE_32_sim", _WARPTOOLS):
        particles = _read(name)
        assert stated_contrast(particles, uninvert=True).sign == detect_contrast(particles).sign
        assert stated_contrast(particles, uninvert=False).sign == -detect_contrast(particles).sign


def test_that_the_answer_agrees_with_the_reference_map() -> None:
    reference = read_map(shared_dir() / "data" / "tomodrgn" / "10076_classE_32.mrc", permissive=True).data
    assert reference[12:20, 12:20, 12:20].mean() > reference.mean()
