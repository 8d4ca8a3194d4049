"""The CTF: RELION's formula in double precision, torch-ctf, and every further term of a RELION file."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch_ctf
from scipy import constants
from scipy.optimize import brentq

from jobs.maths.ctf import CtfParameters, aberration_phases, constant_ctf, ctf_rfft, from_particles
from jobs.maths.fourier import image_to_rfft, rfft_to_image
from jobs.maths.zernike import zernike, zernike_index

BOX, PIXEL = 64, 1.5


def _parameters(n: int = 20, seed: int = 0, **changes: torch.Tensor) -> CtfParameters:
    g = np.random.default_rng(seed)
    u = g.uniform(5_000, 30_000, n)
    base = constant_ctf(u, u - g.uniform(0, 2_000, n), g.uniform(0, 180, n))
    return replace(base, **changes)


def _relion(p: CtfParameters, i: int, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """RELION's formula, written with the angle of the frequency, in double precision."""
    u, v, angle = (float(t[i]) for t in (p.defocus_u_a, p.defocus_v_a, p.defocus_angle_deg))
    volts, cs, q = (
        float(t[i]) for t in (p.voltage_kv * 1e3, p.spherical_aberration_mm * 1e7, p.amplitude_contrast)
    )
    wave = 12.2643247 / np.sqrt(volts * (1 + volts * 0.978466e-6))
    square = kx**2 + ky**2
    direction = np.arctan2(ky, kx) - np.radians(angle)
    defocus = 0.5 * (u + v) + 0.5 * (u - v) * np.cos(2 * direction)
    gamma = -np.pi * wave * defocus * square + np.pi / 2 * cs * wave**3 * square**2
    gamma -= np.arctan(q / np.sqrt(1 - q**2)) + np.radians(float(p.phase_shift_deg[i]))
    return -np.sin(gamma) * np.exp(-float(p.bfactor_a2[i]) / 4 * square) * float(p.scale[i])


def _frequencies(box: int = BOX, pixel: float = PIXEL) -> tuple[np.ndarray, np.ndarray]:
    ky, kx = np.meshgrid(np.fft.fftfreq(box, pixel), np.fft.rfftfreq(box, pixel), indexing="ij")
    return kx, ky


def test_that_the_ctf_is_relions_to_1e_5_with_astigmatism_phase_shift_bfactor_and_scale():
    n = 20
    p = _parameters(
        n,
        phase_shift_deg=torch.linspace(0, 120, n),
        bfactor_a2=torch.linspace(0, 80, n),
        scale=torch.linspace(0.5, 1.5, n),
    )
    # Fine pixels: at 0.8 Å the phase reaches 900 radians, which plain single precision gets wrong by 1e-4.
    for pixel in (3.0, 0.8):
        ctf = ctf_rfft(p, BOX, pixel).double().numpy()
        kx, ky = _frequencies(pixel=pixel)
        for i in range(n):
            np.testing.assert_allclose(ctf[i], _relion(p, i, kx, ky), rtol=0, atol=1e-5)


def _voltage_of_the_same_wavelength() -> float:
    """Voltage at which physical constants give the wavelength that RELION's rounded ones give at 300 kV."""
    target = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6)) * 1e-10

    def difference(volts: float) -> float:
        energy = constants.e * volts
        momentum = np.sqrt(energy * (2 * constants.m_e * constants.c**2 + energy)) / constants.c
        return constants.h / momentum - target

    return float(brentq(difference, 299e3, 301e3)) / 1e3


def test_that_the_ctf_agrees_with_torch_ctf_to_1e_5():
    # It adds 1e-7 to squared frequencies before it takes their direction: 5e-6 with 600 Å between U and V.
    p = _parameters(phase_shift_deg=torch.full((20,), 40.0))
    p = replace(p, defocus_v_a=p.defocus_u_a - 0.3 * (p.defocus_u_a - p.defocus_v_a))
    theirs = torch_ctf.calculate_ctf_2d(
        defocus=((p.defocus_u_a + p.defocus_v_a) / 2e4).float(),
        astigmatism=((p.defocus_u_a - p.defocus_v_a) / 2e4).float(),
        astigmatism_angle=p.defocus_angle_deg.float(),
        voltage=_voltage_of_the_same_wavelength(),
        spherical_aberration=2.7,
        amplitude_contrast=0.1,
        phase_shift=40.0,
        pixel_size=8.0,
        image_shape=(BOX, BOX),
        rfft=True,
        fftshift=False,
    )
    assert (theirs - ctf_rfft(p, BOX, 8.0)).abs().max() < 1e-5


def test_that_contrast_is_positive_at_zero_frequency_and_equals_the_amplitude_contrast():
    torch.testing.assert_close(ctf_rfft(_parameters(), BOX, PIXEL)[:, 0, 0], torch.full((20,), 0.1))


def test_that_underfocus_makes_the_first_zone_positive():
    ctf = ctf_rfft(constant_ctf([10_000.0]), 256, 2.0)[0, 0]
    first_zero = int(torch.nonzero(ctf < 0)[0])
    assert 5 < first_zero < 60
    assert (ctf[:first_zero] > 0).all()


def test_that_the_defocus_angle_is_measured_from_the_x_axis_towards_y():
    # All of the astigmatism along 0: frequencies on the x axis see U, those on the y axis V.
    ctf = ctf_rfft(constant_ctf([20_000.0], [10_000.0], 0.0), BOX, PIXEL)[0]
    torch.testing.assert_close(ctf[0, :], ctf_rfft(constant_ctf([20_000.0]), BOX, PIXEL)[0, 0, :])
    torch.testing.assert_close(ctf[:, 0], ctf_rfft(constant_ctf([10_000.0]), BOX, PIXEL)[0, :, 0])
    kx, ky = _frequencies()
    turned = constant_ctf([20_000.0], [10_000.0], 30.0)
    np.testing.assert_allclose(ctf_rfft(turned, BOX, PIXEL)[0], _relion(turned, 0, kx, ky), atol=1e-4)


def test_that_particles_without_ctf_get_one():
    p = _parameters(2, known=torch.tensor([True, False]))
    ctf = ctf_rfft(p, BOX, PIXEL)
    assert torch.equal(ctf[1], torch.ones_like(ctf[1]))
    assert ctf[0].min() < -0.5


def test_that_each_image_can_have_its_own_pixel_size():
    p = _parameters(2)
    both = ctf_rfft(p, BOX, torch.tensor([1.5, 2.0]))
    torch.testing.assert_close(both[1], ctf_rfft(p.select(slice(1, 2)), BOX, 2.0)[0])


def test_that_magnification_evaluates_the_ctf_at_the_transformed_frequency():
    mag = torch.tensor([[1.02, 0.01], [-0.02, 0.98]], dtype=torch.float64)
    p = _parameters(1, mag_matrix=mag[None], bfactor_a2=torch.full((1,), 20.0))
    kx, ky = _frequencies()
    m = mag.numpy()
    expected = _relion(p, 0, m[0, 0] * kx + m[0, 1] * ky, m[1, 0] * kx + m[1, 1] * ky)
    np.testing.assert_allclose(ctf_rfft(p, BOX, PIXEL)[0], expected, rtol=0, atol=1e-5)


def test_that_zernike_terms_are_numbered_as_in_relion():
    assert [zernike_index(i, "odd") for i in range(6)] == [(-1, 1), (1, 1), (-3, 3), (-1, 3), (1, 3), (3, 3)]
    even = [(0, 0), (-2, 2), (0, 2), (2, 2), (-4, 4), (-2, 4), (0, 4), (2, 4), (4, 4)]
    assert [zernike_index(i, "even") for i in range(9)] == even


@pytest.mark.parametrize(
    ("m", "n", "radial"),
    [
        (1, 1, lambda r: r),
        (-1, 3, lambda r: 3 * r**3 - 2 * r),
        (3, 3, lambda r: r**3),
        (0, 4, lambda r: 6 * r**4 - 6 * r**2 + 1),
        (-2, 4, lambda r: 4 * r**4 - 3 * r**2),
        (4, 4, lambda r: r**4),
        (0, 6, lambda r: 20 * r**6 - 30 * r**4 + 12 * r**2 - 1),
    ],
)
def test_that_cartesian_zernike_polynomials_are_the_tabulated_polar_ones(m, n, radial):
    r, t = np.meshgrid(np.linspace(0, 1.2, 7), np.linspace(-3, 3, 11))
    x, y = torch.tensor(r * np.cos(t)), torch.tensor(r * np.sin(t))
    expected = radial(r) * (np.cos(m * t) if m >= 0 else np.sin(-m * t))
    np.testing.assert_allclose(zernike(m, n, x, y).numpy(), expected, atol=1e-12)


def test_that_even_zernike_terms_add_to_gamma():
    # Term 2 (m=0, n=2) is 2 r^2 - 1, which a change of defocus and of the phase shift imitates.
    c = 30.0
    p = _parameters(1, even_zernike=torch.tensor([[0.0, 0.0, c]]))
    wave = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
    change = -2 * c / (np.pi * wave)
    equal = replace(
        p,
        even_zernike=None,
        defocus_u_a=p.defocus_u_a + change,
        defocus_v_a=p.defocus_v_a + change,
        phase_shift_deg=torch.full((1,), float(np.degrees(c))),
    )
    torch.testing.assert_close(ctf_rfft(p, BOX, 3.0), ctf_rfft(equal, BOX, 3.0), atol=3e-5, rtol=0)


def test_that_beam_tilt_has_relions_sign_and_size():
    # RELION spreads the tilt over Zernike terms so that the phase is -2 pi Cs lambda^2 (tilt . k) k^2.
    p = _parameters(1, beam_tilt_mrad=torch.tensor([[0.5, -0.2]]))
    kx, ky = _frequencies()
    wave = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
    phase = -2 * np.pi * 2.7e7 * wave**2 * 1e-3 * (0.5 * kx - 0.2 * ky) * (kx**2 + ky**2)
    phases = aberration_phases(p, BOX, PIXEL)
    np.testing.assert_allclose(phases[0], np.exp(1j * phase), atol=1e-5)


def test_that_beam_tilt_and_its_zernike_terms_are_the_same():
    p = _parameters(1, beam_tilt_mrad=torch.tensor([[0.5, -0.2]]))
    wave = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
    scale = 2.7 * 20000 * wave**2 * np.pi
    x, y = -scale * 0.5 / 3, scale * 0.2 / 3
    terms = torch.tensor([[2 * y, 2 * x, 0.0, y, x, 0.0]], dtype=torch.float32)
    instead = replace(p, beam_tilt_mrad=None, odd_zernike=terms)
    torch.testing.assert_close(
        aberration_phases(p, BOX, PIXEL), aberration_phases(instead, BOX, PIXEL), atol=2e-5, rtol=0
    )


def test_that_a_first_order_odd_term_is_a_shift_of_the_image():
    # exp(i c kx) with kx in 1/Å moves an image by -c / (2 pi) Å.
    p = _parameters(1, odd_zernike=torch.tensor([[0.0, 2 * np.pi * 2 * PIXEL]], dtype=torch.float32))
    image = torch.randn(1, BOX, BOX, generator=torch.Generator().manual_seed(0))
    moved = rfft_to_image(image_to_rfft(image) * aberration_phases(p, BOX, PIXEL), BOX)
    torch.testing.assert_close(moved, torch.roll(image, -2, dims=2), atol=2e-5, rtol=0)


def test_that_images_without_odd_aberrations_need_no_phases():
    assert aberration_phases(_parameters(), BOX, PIXEL) is None


def test_that_parameters_come_from_particles_row_by_row():
    n = 4
    column = np.arange(n, dtype=np.float64)
    particles = SimpleNamespace(
        defocus_u_a=10_000 + column, defocus_v_a=9_000 + column, defocus_angle_deg=column,
        voltage_kv=np.full(n, 200.0), spherical_aberration_mm=np.full(n, 1.4),
        amplitude_contrast=np.full(n, 0.07),
        phase_shift_deg=column * 10, ctf_bfactor=column, ctf_scalefactor=column + 1, ctf_known=column > 0,
        beam_tilt_mrad=np.zeros((n, 2)), mag_matrix=np.tile(np.eye(2), (n, 1, 1)),
        optics_group=np.array([0, 1, 1, 0]), odd_zernike=[None, None],
        even_zernike=[None, np.array([0.0, 1.0, 2.0])],
    )  # fmt: skip
    p = from_particles(particles, [2, 0])
    assert p.defocus_u_a.tolist() == [10_002, 10_000]
    assert p.known.tolist() == [True, False]
    assert p.voltage_kv.tolist() == [200, 200]
    assert p.even_zernike is not None
    assert p.even_zernike.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert p.odd_zernike is None
    assert p.beam_tilt_mrad is None
    assert p.mag_matrix is None
