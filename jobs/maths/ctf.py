"""The contrast transfer function in RELION's convention, with everything a RELION STAR file can say about it.

``CTF = scale * exp(-B u^2 / 4) * -sin(gamma)`` with
``gamma = -pi lambda D(u) u^2 + pi/2 Cs lambda^3 u^4 - atan(Q / sqrt(1 - Q^2)) - phase shift + even
aberrations``; underfocus is positive and ``CTF(0) = Q`` (particles are white).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jobs.maths.fourier import rfft_grid
from jobs.maths.zernike import zernike_phase

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class CtfParameters:
    """CTF parameters of ``b`` images; tensors of one device, of any precision (phases are in double).

    Attributes
    ----------
    defocus_u_a, defocus_v_a: torch.Tensor
        ``(b,)`` defocus along the two principal directions in Å, positive = underfocus.
    defocus_angle_deg: torch.Tensor
        ``(b,)`` angle of the u direction from the x axis.
    voltage_kv, spherical_aberration_mm, amplitude_contrast: torch.Tensor
        ``(b,)``.
    phase_shift_deg, bfactor_a2, scale: torch.Tensor
        ``(b,)`` phase plate, envelope ``exp(-B u^2 / 4)``, factor.
    known: torch.Tensor
        ``(b,)`` bool; where False the CTF is 1 everywhere.
    beam_tilt_mrad: torch.Tensor or None
        ``(b, 2)`` x and y.
    mag_matrix: torch.Tensor or None
        ``(b, 2, 2)`` anisotropic magnification: frequency ``k`` of the image is ``M k`` of the object. It
        acts on the aberrations here, and on the geometry through
        :func:`jobs.maths.rotations.projection_matrices`.
    odd_zernike, even_zernike: torch.Tensor or None
        ``(b, n)`` RELION's coefficients in radians, zero-padded.
    """

    defocus_u_a: Tensor
    defocus_v_a: Tensor
    defocus_angle_deg: Tensor
    voltage_kv: Tensor
    spherical_aberration_mm: Tensor
    amplitude_contrast: Tensor
    phase_shift_deg: Tensor
    bfactor_a2: Tensor
    scale: Tensor
    known: Tensor
    beam_tilt_mrad: Tensor | None = None
    mag_matrix: Tensor | None = None
    odd_zernike: Tensor | None = None
    even_zernike: Tensor | None = None

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.defocus_u_a)

    def select(self, indices: Tensor | slice) -> CtfParameters:
        """Parameters of a subset of the images."""
        return self._map(lambda values: values[indices])

    def to(self, device: torch.device | str) -> CtfParameters:
        """The same parameters on another device."""
        return self._map(lambda values: values.to(device))

    def _map(self, change: Any) -> CtfParameters:
        present = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            self, **{name: change(values) for name, values in present.items() if values is not None}
        )


def constant_ctf(
    defocus_u_a: ArrayLike | Tensor,
    defocus_v_a: ArrayLike | Tensor | None = None,
    defocus_angle_deg: ArrayLike | Tensor = 0.0,
    *,
    voltage_kv: float = 300.0,
    spherical_aberration_mm: float = 2.7,
    amplitude_contrast: float = 0.1,
    phase_shift_deg: ArrayLike | Tensor = 0.0,
    bfactor_a2: ArrayLike | Tensor = 0.0,
) -> CtfParameters:
    """Parameters of images taken on one microscope; scalars are repeated for every image."""
    u = torch.as_tensor(defocus_u_a, dtype=torch.float64)
    u = u.reshape(-1)

    def full(values: ArrayLike | Tensor) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float64).to(u.device).expand_as(u).contiguous()

    return CtfParameters(
        defocus_u_a=u,
        defocus_v_a=u if defocus_v_a is None else full(defocus_v_a),
        defocus_angle_deg=full(defocus_angle_deg),
        voltage_kv=full(voltage_kv),
        spherical_aberration_mm=full(spherical_aberration_mm),
        amplitude_contrast=full(amplitude_contrast),
        phase_shift_deg=full(phase_shift_deg),
        bfactor_a2=full(bfactor_a2),
        scale=full(1.0),
        known=torch.ones_like(u, dtype=torch.bool),
    )


def from_particles(
    particles: Any, indices: ArrayLike | None = None, device: torch.device | str = "cpu"
) -> CtfParameters:
    """Collect the CTF parameters of particles.

    Parameters
    ----------
    particles: jobs.formats.particles.ParticleSet
        Particles with the attributes of that class.
    indices: array of int or None
        Rows to take; all when None.
    device: torch.device or str
        Where the tensors go.

    Returns
    -------
    CtfParameters
        Optional parts are None when no optics group has them.
    """
    rows = slice(None) if indices is None else torch.as_tensor(indices, dtype=torch.long).numpy()

    def column(name: str, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.as_tensor(getattr(particles, name)[rows].copy(), dtype=dtype, device=device)

    tilt, mag = column("beam_tilt_mrad"), column("mag_matrix")
    group = torch.as_tensor(particles.optics_group[rows].copy(), dtype=torch.long)
    identity = torch.eye(2, device=device, dtype=mag.dtype)
    return CtfParameters(
        defocus_u_a=column("defocus_u_a"),
        defocus_v_a=column("defocus_v_a"),
        defocus_angle_deg=column("defocus_angle_deg"),
        voltage_kv=column("voltage_kv"),
        spherical_aberration_mm=column("spherical_aberration_mm"),
        amplitude_contrast=column("amplitude_contrast"),
        phase_shift_deg=column("phase_shift_deg"),
        bfactor_a2=column("ctf_bfactor"),
        scale=column("ctf_scalefactor"),
        known=column("ctf_known", torch.bool),
        beam_tilt_mrad=tilt if bool((tilt != 0).any()) else None,
        mag_matrix=mag if bool((mag != identity).any()) else None,
        odd_zernike=_per_particle(particles.odd_zernike, group, device),
        even_zernike=_per_particle(particles.even_zernike, group, device),
    )


def wavelength_a(voltage_kv: Tensor) -> Tensor:
    """Electron wavelength in Å at a voltage in kV, with RELION's constants."""
    volts = voltage_kv * 1e3
    return 12.2643247 / torch.sqrt(volts * (1 + volts * 0.978466e-6))


def ctf_rfft(params: CtfParameters, box: int, pixel_size_a: float | Tensor) -> Tensor:
    """Evaluate the CTF on half planes.

    Parameters
    ----------
    params: CtfParameters
        Parameters of ``b`` images.
    box: int
        Image side in pixels.
    pixel_size_a: float or torch.Tensor
        Pixel size in Å, one number or ``(b,)``.

    Returns
    -------
    torch.Tensor
        ``(b, box, box // 2 + 1)`` real CTF, float32, right to 1e-5 also where the phase is hundreds of
        radians.
    """
    turns = _turns(params, box, pixel_size_a)
    if params.even_zernike is not None:
        kx, ky = _frequencies(params, box, pixel_size_a)
        turns = turns + zernike_phase(params.even_zernike.float(), kx, ky, parity="even") / (2 * torch.pi)
    ctf = torch.sin(turns.mul_(-2 * torch.pi))
    # The envelope is a product of two lines (and a mixed term under magnification): always applied, never
    # asked for, since asking would wait for the GPU.
    one = torch.ones_like(params.bfactor_a2)
    xx, yy, xy = _quadratic_form(one, one, torch.zeros_like(one), params)
    fall = -0.25 * params.bfactor_a2 * _step(pixel_size_a, box, one.device) ** 2
    i, j = _integer_frequencies(box, one.device)
    ctf *= (params.scale[:, None] * torch.exp((fall * yy)[:, None] * j**2)).float()[:, :, None]
    ctf *= torch.exp((fall * xx)[:, None] * i**2).float()[:, None, :]
    if params.mag_matrix is not None:
        ctf *= torch.exp((fall * xy)[:, None, None] * (j[:, None] * i)).float()
    return ctf.masked_fill_(~params.known[:, None, None], 1.0)


def _turns(params: CtfParameters, box: int, pixel_size_a: float | Tensor) -> Tensor:
    """Phase ``gamma / 2 pi`` of the CTF without even aberrations, ``(b, box, box // 2 + 1)`` float32.

    The phase is a polynomial in the integer frequencies ``(i, j)``. Its terms in ``i`` or ``j`` alone, which
    are by far the largest, are evaluated in double precision and reduced to below one turn on two short axes;
    only mixed terms need the plane, where single precision does.
    """
    double = torch.float64
    device = params.defocus_u_a.device
    step = _step(pixel_size_a, box, device)
    wave = wavelength_a(params.voltage_kv.to(double))
    angle = 2 * torch.deg2rad(params.defocus_angle_deg.to(double))
    mean = 0.5 * (params.defocus_u_a.to(double) + params.defocus_v_a.to(double))
    half = 0.5 * (params.defocus_u_a.to(double) - params.defocus_v_a.to(double))
    # Quadratic forms (ii, jj, ij) of defocus times square frequency, and of the square frequency itself.
    defocus = _quadratic_form(
        mean + half * angle.cos(), mean - half * angle.cos(), half * angle.sin(), params
    )
    one = torch.ones_like(mean)
    length = _quadratic_form(one, one, torch.zeros_like(one), params)
    second = -0.5 * wave * step**2
    fourth = 0.25 * params.spherical_aberration_mm.to(double) * 1e7 * wave**3 * step**4
    q = params.amplitude_contrast.to(double)
    constant = (torch.atan2(q, torch.sqrt(1 - q * q)) + torch.deg2rad(params.phase_shift_deg.to(double))) / (
        2 * torch.pi
    )

    i, j = _integer_frequencies(box, device)
    along_x = (
        (second * defocus[0])[:, None] * i**2 + (fourth * length[0] ** 2)[:, None] * i**4 - constant[:, None]
    )
    along_y = (second * defocus[1])[:, None] * j**2 + (fourth * length[1] ** 2)[:, None] * j**4
    along_x, along_y = (along_x - along_x.round()).float(), (along_y - along_y.round()).float()
    i, j = i.float(), j.float()
    across = j[:, None] * i

    def plane(values: Tensor) -> Tensor:
        return values.float()[:, None, None]

    mixed = plane(fourth * (2 * length[0] * length[1] + length[2] ** 2)) * across + plane(second * defocus[2])
    if params.mag_matrix is not None:
        uneven = plane(2 * fourth * length[2] * length[0]) * i**2
        mixed = mixed + uneven + plane(2 * fourth * length[2] * length[1]) * (j**2)[:, None]
    mixed *= across
    mixed += along_y[:, :, None]
    mixed += along_x[:, None, :]
    return mixed


def _step(pixel_size_a: float | Tensor, box: int, device: torch.device) -> float | Tensor:
    """Frequency in 1/Å of one Fourier pixel; a number stays a number, so that nothing is sent to the GPU."""
    if isinstance(pixel_size_a, Tensor):
        return 1 / (pixel_size_a.to(device, torch.float64) * box)
    return 1 / (pixel_size_a * box)


def _integer_frequencies(box: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Frequencies in Fourier pixels, in double precision: ``(box // 2 + 1,)`` along x, ``(box,)`` along y."""
    i = torch.fft.rfftfreq(box, 1 / box, dtype=torch.float64, device=device)
    return i, torch.fft.fftfreq(box, 1 / box, dtype=torch.float64, device=device)


def _quadratic_form(
    xx: Tensor, yy: Tensor, xy: Tensor, params: CtfParameters
) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients of ``i^2``, ``j^2`` and ``i j`` of a form in ``M (i, j)``, given those in ``(x, y)``."""
    if params.mag_matrix is None:
        return xx, yy, 2 * xy
    m = params.mag_matrix.to(xx.dtype)
    a, b, c, d = m[:, 0, 0], m[:, 0, 1], m[:, 1, 0], m[:, 1, 1]
    return (
        xx * a * a + 2 * xy * a * c + yy * c * c,
        xx * b * b + 2 * xy * b * d + yy * d * d,
        2 * (xx * a * b + xy * (a * d + b * c) + yy * c * d),
    )


def aberration_phases(params: CtfParameters, box: int, pixel_size_a: float | Tensor) -> Tensor | None:
    """Phase factors of the odd aberrations: beam tilt and odd Zernike terms.

    Parameters
    ----------
    params: CtfParameters
        Parameters of ``b`` images.
    box: int
        Image side in pixels.
    pixel_size_a: float or torch.Tensor
        Pixel size in Å, one number or ``(b,)``.

    Returns
    -------
    torch.Tensor or None
        ``(b, box, box // 2 + 1)`` complex factors that turn the transform of an unaberrated image into the
        measured one; None when no image has odd aberrations.
    """
    if params.beam_tilt_mrad is None and params.odd_zernike is None:
        return None
    kx, ky = _frequencies(params, box, pixel_size_a)
    phase = torch.zeros_like(kx + ky).expand(params.n, -1, -1)
    if params.beam_tilt_mrad is not None:
        wave = wavelength_a(params.voltage_kv)
        # RELION's sign: a positive tilt delays the phase along it.
        factor = -2 * torch.pi * params.spherical_aberration_mm * 1e7 * wave * wave * 1e-3
        tilt = (factor[:, None] * params.beam_tilt_mrad).float()[:, :, None, None]
        phase = phase + (kx * kx + ky * ky) * (tilt[:, 0] * kx + tilt[:, 1] * ky)
    if params.odd_zernike is not None:
        phase = phase + zernike_phase(params.odd_zernike.float(), kx, ky, parity="odd")
    phases = torch.polar(torch.ones_like(phase), phase)
    return torch.where(params.known[:, None, None], phases, torch.ones_like(phases))


def _frequencies(params: CtfParameters, box: int, pixel_size_a: float | Tensor) -> tuple[Tensor, Tensor]:
    """Frequencies ``(kx, ky)`` in 1/Å, ``(1 or b, box, box // 2 + 1)``, after the magnification matrix."""
    device = params.defocus_u_a.device
    ky, kx = (k[None] for k in rfft_grid(box, device))
    if isinstance(pixel_size_a, Tensor):
        pixel_size_a = pixel_size_a.to(device).float().reshape(-1, 1, 1)
    kx, ky = kx / pixel_size_a, ky / pixel_size_a
    if params.mag_matrix is None:
        return kx, ky
    m = params.mag_matrix.float()[:, :, :, None, None]
    return m[:, 0, 0] * kx + m[:, 0, 1] * ky, m[:, 1, 0] * kx + m[:, 1, 1] * ky


def _per_particle(
    groups: Sequence[ArrayLike | None] | None, group: Tensor, device: torch.device | str
) -> Tensor | None:
    """Spread coefficients given per optics group over particles, zero-padded; None when there are none."""
    if groups is None or all(values is None for values in groups):
        return None
    rows = [torch.as_tensor([] if v is None else v, dtype=torch.float32).reshape(-1) for v in groups]
    if not any(bool((row != 0).any()) for row in rows):
        return None
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)[group].to(device)
