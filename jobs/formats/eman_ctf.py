"""The CTF of an image as EMAN2 and SPHIRE keep it in one string, turned into RELION's parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.star_table import FloatArray

_UM_IN_A = 1e4
_EMAN2_NUMBERS = 9
_EMAN1_NUMBERS = 11


@dataclass(frozen=True)
class EmanCtf:
    """CTF of one image in EMAN2's units.

    Attributes
    ----------
    defocus_um
        Mean defocus in µm, positive = underfocus.
    astigmatism_um, astigmatism_deg
        ``dfdiff`` and ``dfang``: the defocus along azimuth `a` is
        ``defocus - dfdiff / 2 · sin(2 (a + dfang))``, as SPHIRE computes it.
    bfactor_a2
        Å².
    amplitude_percent
        Amplitude contrast in percent; negative for phase shifts beyond 90°.
    voltage_kv, cs_mm, pixel_size_a
        kV, mm, Å.
    """

    defocus_um: float
    astigmatism_um: float
    astigmatism_deg: float
    bfactor_a2: float
    amplitude_percent: float
    voltage_kv: float
    cs_mm: float
    pixel_size_a: float

    @property
    def phase_deg(self) -> float:
        """Phase that amplitude contrast and phase plate add, degrees."""
        w = self.amplitude_percent / 100
        if abs(w) >= 1:
            return 90.0
        phase = math.degrees(math.atan(w / math.sqrt(1 - w * w)))
        return phase + 180 if w < 0 else phase

    def text(self) -> str:
        """Return the string that EMAN2 reads, without background and signal curves."""
        numbers = (
            self.defocus_um,
            self.astigmatism_um,
            self.astigmatism_deg,
            self.bfactor_a2,
            self.amplitude_percent,
            self.voltage_kv,
            self.cs_mm,
            self.pixel_size_a,
            0.0,
        )
        return "E" + " ".join(f"{number:.9g}" for number in numbers) + " 0 0"


def parse_eman_ctf(text: str) -> EmanCtf:
    """Read a CTF string of EMAN2 (``E…``) or EMAN1 (``O…``).

    Raises
    ------
    FormatError
        When it is neither, or has too few numbers.
    """
    kind, rest = text[:1], text[1:]
    wanted = {"E": _EMAN2_NUMBERS, "O": _EMAN1_NUMBERS}.get(kind)
    if wanted is None:
        raise FormatError(f"a CTF begins with E or O, not with {text[:20]!r}", column="ctf")
    try:
        numbers = [float(number) for number in rest.replace(",", " ").split()[:wanted]]
    except ValueError as error:
        raise FormatError(f"the CTF {text[:40]!r} is not made of numbers", column="ctf") from error
    if len(numbers) < wanted or not all(math.isfinite(number) for number in numbers):
        raise FormatError(f"the CTF {text[:40]!r} does not hold {wanted} finite numbers", column="ctf")
    if kind == "E":
        return EmanCtf(*numbers[:8])
    # defocus, B-factor, amplitude, amplitude contrast, four of noise, voltage, Cs, pixel size; the defocus
    # of EMAN1 is negative in underfocus, and its B-factor a quarter of EMAN2's
    return EmanCtf(
        defocus_um=-numbers[0],
        astigmatism_um=0.0,
        astigmatism_deg=0.0,
        bfactor_a2=4 * numbers[1],
        amplitude_percent=100 * numbers[3],
        voltage_kv=numbers[8],
        cs_mm=numbers[9],
        pixel_size_a=numbers[10],
    )


def relion_columns(ctfs: Sequence[EmanCtf]) -> dict[str, FloatArray]:
    """Return RELION's columns of the same CTF curves, `(n,)` each, in Å, degrees, kV and mm.

    An amplitude contrast below zero, or of 100 % and more, becomes a phase shift.
    """
    mean = np.array([c.defocus_um for c in ctfs]) * _UM_IN_A
    half = np.array([c.astigmatism_um for c in ctfs]) * _UM_IN_A / 2
    # -sin(2 (a + f)) = cos(2 (a - g)) with g = -45° - f; with a negative dfdiff u and v change places
    angle = -45 - np.array([c.astigmatism_deg for c in ctfs]) + np.where(half < 0, 90, 0)
    contrast = np.array([c.amplitude_percent for c in ctfs]) / 100
    plain = (contrast >= 0) & (contrast < 1)
    return {
        "rlnDefocusU": mean + np.abs(half),
        "rlnDefocusV": mean - np.abs(half),
        "rlnDefocusAngle": (angle + 90) % 180 - 90,
        "rlnPhaseShift": np.where(plain, 0.0, np.array([c.phase_deg for c in ctfs])),
        "rlnAmplitudeContrast": np.where(plain, contrast, 0.0),
        "rlnVoltage": np.array([c.voltage_kv for c in ctfs]),
        "rlnSphericalAberration": np.array([c.cs_mm for c in ctfs]),
    }
