"""The CTF strings of EMAN2: the curve they describe is the curve of the columns made of them."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.core.errors import FormatError
from jobs.formats.eman_ctf import EmanCtf, parse_eman_ctf, relion_columns
from jobs.maths.ctf import constant_ctf, ctf_rfft


def _by_formula(ctf: EmanCtf, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    volts = ctf.voltage_kv
    wave = 12.398 / np.sqrt(volts * (1022 + volts))
    k2 = kx**2 + ky**2
    az = np.arctan2(ky, kx)
    defocus = ctf.defocus_um - ctf.astigmatism_um / 2 * np.sin(2 * (az + np.deg2rad(ctf.astigmatism_deg)))
    phase = np.deg2rad(ctf.phase_deg)
    return np.sin(np.pi * (defocus * 1e4 * wave * k2 - ctf.cs_mm * 1e7 * wave**3 * k2**2 / 2) + phase)


@pytest.mark.parametrize("dfdiff", [0.08, -0.11, 0.0])
@pytest.mark.parametrize("contrast", [10.0, 0.0, -20.0])
def test_that_relion_columns_give_the_curve_of_sphires_formula(dfdiff: float, contrast: float) -> None:
    ctf = EmanCtf(1.7, dfdiff, 31.0, 0.0, contrast, 300.0, 2.7, 2.0)
    columns = {name: float(values[0]) for name, values in relion_columns([ctf]).items()}
    ours = ctf_rfft(
        constant_ctf(
            [columns["rlnDefocusU"]],
            [columns["rlnDefocusV"]],
            columns["rlnDefocusAngle"],
            voltage_kv=columns["rlnVoltage"],
            spherical_aberration_mm=columns["rlnSphericalAberration"],
            amplitude_contrast=columns["rlnAmplitudeContrast"],
            phase_shift_deg=columns["rlnPhaseShift"],
        ),
        64,
        2.0,
    )[0].numpy()
    kx, ky = np.meshgrid(np.fft.rfftfreq(64, 2.0), np.fft.fftfreq(64, 2.0))
    # the two programs take slightly different constants for the wavelength
    assert np.abs(ours - _by_formula(ctf, kx, ky)).max() < 2e-2
    if contrast >= 0:
        assert ours[0, 0] == pytest.approx(contrast / 100, abs=1e-5)


def test_that_strings_of_eman2_and_eman1_are_read_and_written() -> None:
    ctf = parse_eman_ctf("E1.5 0.02 30 200 7 300 2.7 1.4 0.1 2 0.5,0.4 1 3")
    assert ctf == EmanCtf(1.5, 0.02, 30, 200, 7, 300, 2.7, 1.4)
    assert parse_eman_ctf(ctf.text()) == ctf
    old = parse_eman_ctf("O-1.5 50 1 0.1 0 0 0 0 300 2.7 1.4")
    assert old == EmanCtf(1.5, 0, 0, 200, 10, 300, 2.7, 1.4)


@pytest.mark.parametrize("text", ["", "X1 2", "E1 2 3", "E1 2 3 4 5 6 7 8 nan", "E1 2 3 4 a 6 7 8 9"])
def test_that_other_text_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_eman_ctf(text)
