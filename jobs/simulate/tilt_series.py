"""Make simulated tilt-series particles in a folder: images, STAR file, maps, mask and ground truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.core.errors import UserError
from jobs.formats.mrc import write_map, write_stack
from jobs.maths.backproject import Backprojector
from jobs.maths.ctf import CtfParameters, constant_ctf, ctf_rfft
from jobs.maths.dose import dose_filter
from jobs.maths.fourier import crop_rfft, image_to_rfft, radius_rfft, rfft_to_volume, volume_to_rfft
from jobs.maths.masks import mask_from_points
from jobs.maths.rotations import euler_to_matrix, quaternion_to_matrix
from jobs.simulate.images import apply_ctf, images_per_chunk, project_cloud
from jobs.simulate.simulation import Reporter, Silent
from jobs.simulate.structures import Structure, build_structure
from jobs.simulate.tilt_output import publish, write_series, write_truth
from jobs.simulate.tilt_specification import TiltSpec

#: Every random quantity draws from its own generator, so that changing one setting leaves the others alone.
_STREAMS = ("species", "pose", "defocus", "shift", "noise", "lost", "half")


@dataclass(frozen=True)
class TiltTruth:
    """What is known about ``P`` particles in ``N`` images.

    Attributes
    ----------
    particle_name, tomogram
        ``(P,)`` as in the STAR file.
    species
        ``(P,)`` index into the specification's kinds of particles.
    half
        ``(P,)`` 1 or 2.
    rotations
        ``(P, 3, 3)`` RELION matrices reference to tomogram.
    defocus_a
        ``(P,)``.
    particle, tilt_deg, dose
        ``(N,)`` particle of each image, stage tilt, exposure up to the end of the image in e/Å².
    shifts_px
        ``(N, 2)`` offset of the particle from pixel ``box // 2``.
    noise_sd
        Standard deviation of the noise; images are scaled so that the untilted signal has 1.
    """

    particle_name: NDArray[np.str_]
    tomogram: NDArray[np.str_]
    species: NDArray[np.int64]
    half: NDArray[np.int64]
    rotations: Tensor
    defocus_a: NDArray[np.float64]
    particle: NDArray[np.int64]
    tilt_deg: NDArray[np.float64]
    dose: NDArray[np.float64]
    shifts_px: NDArray[np.float64]
    noise_sd: float

    @property
    def image_rotations(self) -> Tensor:
        """``(N, 3, 3)`` matrices reference to image: the particle's, then the stage tilt about y."""
        zero = np.zeros_like(self.tilt_deg)
        tilts = euler_to_matrix(torch.as_tensor(np.stack((zero, self.tilt_deg, zero), axis=-1)))
        return tilts @ self.rotations[torch.as_tensor(self.particle)]


def tilt_scheme(spec: TiltSpec) -> NDArray[np.float64]:
    """Stage tilts in degrees in the order of exposure, from the smallest to the largest angle."""
    n = round((spec.tilt_high_deg - spec.tilt_low_deg) / spec.tilt_step_deg) + 1
    angles = np.asarray(spec.tilt_low_deg + spec.tilt_step_deg * np.arange(n), dtype=np.float64)
    return angles[np.lexsort((-angles, np.abs(angles)))]


def simulate_tilt_series(
    spec: TiltSpec, folder: str | Path, *, image_prefix: str = "", reporter: Reporter | None = None
) -> TiltTruth:
    """Make a data set; files of the same names are replaced when everything is complete.

    Writes ``particles.star`` (one row per image, as Warp exports image series) and ``particles.mrcs``,
    ``species_K.mrc`` without noise, ``consensus.mrc``, ``mask.mrc``, ``truth.npz`` and ``simulation.json``.

    Parameters
    ----------
    spec
        What to make.
    folder
        Where; created when missing.
    image_prefix
        Path of the folder as the STAR file shall name it; empty when the folder is a project of its own.
    reporter
        Is told the progress, and may stop the simulation.

    Raises
    ------
    UserError
        When a kind of particle names a chain that does not exist.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    report = reporter or Silent()
    structure = build_structure(spec.structure, spec.pixel_size_a)
    weights = species_weights(spec, structure)
    truth = _draw(spec)
    scale = 1 / _untilted_deviation(spec, structure, weights, truth)
    with tempfile.TemporaryDirectory(prefix=".simulate.", dir=target) as scratch:
        work = Path(scratch)
        halves = [Backprojector(spec.box), Backprojector(spec.box)]
        images = _images(spec, structure, weights * scale, truth, halves, report)
        write_stack(work / "particles.mrcs", images, spec.pixel_size_a)
        _write_maps(spec, structure, weights * scale, halves, work)
        write_truth(spec, truth, work)
        write_series(spec, truth, image_prefix, work / "particles.star")
        report.check_abort()
        publish(work, target)
    return truth


def species_weights(spec: TiltSpec, structure: Structure) -> Tensor:
    """``(S, n)`` float32 mass of every bead in every kind of particle."""
    rows = []
    for kind in spec.species:
        names = kind.split("+")
        unknown = [name for name in names if name not in structure.chain_names]
        if unknown:
            raise UserError(
                f"there is no chain '{unknown[0]}' in the molecule",
                hint=f"Choose from {', '.join(structure.chain_names)}, with + between them.",
            )
        present = np.isin(np.array(structure.chain_names)[structure.chain], names)
        rows.append(structure.weights * present)
    return torch.as_tensor(np.array(rows), dtype=torch.float32)


def species_map(spec: TiltSpec, structure: Structure, weights: Tensor) -> Tensor:
    """``(D, D, D)`` density of one kind of particle; its projections are the images without noise."""
    # Narrow Gaussians alias when they are sampled; twice as fine they do not, and what lies beyond the
    # Nyquist frequency is left out as it is in the images.
    fine, pixel = 2 * spec.box, spec.pixel_size_a / 2
    axis = (torch.arange(fine, dtype=torch.float32) - fine // 2) * pixel
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    norm = pixel / (structure.sigma_a * (2 * torch.pi) ** 0.5)
    x, y, z = (
        norm * torch.exp(-0.5 * ((axis - points[:, i, None]) / structure.sigma_a) ** 2) for i in range(3)
    )
    density = torch.einsum("nzy,nx->zyx", (weights[:, None] * z)[:, :, None] * y[:, None, :], x)
    coarse = crop_rfft(volume_to_rfft(density), spec.box, ndim=3) * 2**1.5
    return rfft_to_volume(coarse, spec.box)


def _draw(spec: TiltSpec) -> TiltTruth:
    rng = {name: np.random.default_rng([spec.seed, i]) for i, name in enumerate(_STREAMS)}
    n, tilts = spec.n_particles, tilt_scheme(spec)
    keep = np.ones((n, len(tilts)), bool)
    if spec.tilts_lost:
        lost = rng["lost"].integers(0, min(spec.tilts_lost, len(tilts) - 1) + 1, n)
        keep = rng["lost"].random(keep.shape).argsort(axis=1).argsort(axis=1) >= lost[:, None]
    particle, exposure = np.nonzero(keep)
    tomogram = np.array([f"TS_{i * spec.n_tomograms // n + 1:03d}" for i in range(n)])
    return TiltTruth(
        particle_name=np.array([f"{name}_{i:06d}" for i, name in enumerate(tomogram)]),
        tomogram=tomogram,
        species=rng["species"].permutation(np.arange(n) % len(spec.species)),
        half=rng["half"].permutation(np.arange(n) % 2) + 1,
        rotations=quaternion_to_matrix(torch.as_tensor(rng["pose"].normal(size=(n, 4)))),
        defocus_a=rng["defocus"].uniform(spec.defocus_low_a, spec.defocus_high_a, n),
        particle=particle,
        tilt_deg=tilts[exposure],
        dose=np.asarray((exposure + 1.0) * spec.dose_per_tilt, dtype=np.float64),
        shifts_px=rng["shift"].uniform(-spec.shift_px, spec.shift_px, (len(particle), 2)),
        noise_sd=float(1 / np.sqrt(spec.snr)),
    )


def _ctf(spec: TiltSpec, defocus_a: NDArray[np.float64]) -> Tensor:
    parameters: CtfParameters = constant_ctf(
        torch.as_tensor(defocus_a),
        voltage_kv=spec.voltage_kv,
        spherical_aberration_mm=spec.spherical_aberration_mm,
        amplitude_contrast=spec.amplitude_contrast,
    )
    return ctf_rfft(parameters, spec.box, spec.pixel_size_a).float()


def attenuation(spec: TiltSpec, dose: NDArray[np.float64], tilt_deg: NDArray[np.float64]) -> Tensor:
    """``(n, D, D // 2 + 1)`` what is left of the signal: exp(-N / (2 Nc)) cos(tilt)."""
    frequency = radius_rfft(spec.box) / (spec.box * spec.pixel_size_a)
    undamaged = dose_filter(torch.as_tensor(dose)[:, None, None], frequency, spec.voltage_kv)
    return (undamaged * torch.cos(torch.deg2rad(torch.as_tensor(tilt_deg)))[:, None, None]).float()


def _untilted_deviation(spec: TiltSpec, structure: Structure, weights: Tensor, truth: TiltTruth) -> float:
    """Standard deviation of the particles seen from above, with CTF, before any damage."""
    total = square = 0.0
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    chunk = images_per_chunk(len(points), spec.box)
    for start in range(0, spec.n_particles, chunk):
        rows = slice(start, start + chunk)
        clean = project_cloud(
            points.expand(len(truth.species[rows]), -1, -1),
            weights[truth.species[rows]],
            structure.sigma_a,
            truth.rotations[rows].float(),
            torch.zeros(len(truth.species[rows]), 2),
            spec.box,
            spec.pixel_size_a,
        )
        seen = torch.fft.irfft2(
            torch.fft.rfft2(clean) * _ctf(spec, truth.defocus_a[rows]), s=clean.shape[-2:]
        )
        total += float(seen.double().sum())
        square += float((seen.double() ** 2).sum())
    n = spec.n_particles * spec.box**2
    return float(np.sqrt(square / n - (total / n) ** 2))


def _images(
    spec: TiltSpec,
    structure: Structure,
    weights: Tensor,
    truth: TiltTruth,
    halves: list[Backprojector],
    report: Reporter,
) -> Iterator[NDArray[np.float32]]:
    """Yield images with CTF, loss of signal and noise; insert them into the two reconstructions."""
    rng = np.random.default_rng([spec.seed, _STREAMS.index("noise")])
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    rotations = truth.image_rotations.float()
    chunk = images_per_chunk(len(points), spec.box)
    n = len(truth.particle)
    for start in range(0, n, chunk):
        report.check_abort()
        rows = np.arange(start, min(start + chunk, n))
        owner = truth.particle[rows]
        shifts = torch.as_tensor(truth.shifts_px[rows], dtype=torch.float32)
        clean = project_cloud(
            points.expand(len(rows), -1, -1),
            weights[truth.species[owner]],
            structure.sigma_a,
            rotations[rows],
            shifts,
            spec.box,
            spec.pixel_size_a,
        )
        factor = _ctf(spec, truth.defocus_a[owner]) * attenuation(
            spec, truth.dose[rows], truth.tilt_deg[rows]
        )
        seen = apply_ctf(clean, factor)
        noise = rng.standard_normal((len(rows), spec.box, spec.box), dtype=np.float32)
        images = seen + torch.as_tensor(noise) * truth.noise_sd
        transforms = image_to_rfft(images)
        for number, half in enumerate(halves, start=1):
            own = torch.as_tensor(np.flatnonzero(truth.half[owner] == number))
            if len(own):
                half.add(transforms[own], factor[own], rotations[rows[own.numpy()]], shifts[own])
        yield (-images if spec.invert else images).numpy()
        report.progress("images", int(rows[-1]) + 1, n)


def _write_maps(
    spec: TiltSpec, structure: Structure, weights: Tensor, halves: list[Backprojector], work: Path
) -> None:
    for number, row in enumerate(weights, start=1):
        write_map(
            work / f"species_{number}.mrc", species_map(spec, structure, row).numpy(), spec.pixel_size_a
        )
    for number, half in enumerate(halves, start=1):
        write_map(work / f"half{number}.mrc", half.reconstruct(0.1).numpy(), spec.pixel_size_a)
    consensus = halves[0].merge(halves[1]).reconstruct(0.1)
    write_map(work / "consensus.mrc", consensus.numpy(), spec.pixel_size_a)
    points = torch.as_tensor(structure.points_a[(weights > 0).any(0).numpy()], dtype=torch.float32)
    reach = max(3 * structure.sigma_a, 2 * spec.pixel_size_a)
    edge = max(2 * structure.sigma_a, 2 * spec.pixel_size_a)
    mask = mask_from_points(points, spec.box, spec.pixel_size_a, reach, edge)
    write_map(work / "mask.mrc", mask.numpy(), spec.pixel_size_a)
