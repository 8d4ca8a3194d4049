"""Make a simulated data set in a folder: images, STAR file, maps, mask and ground truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.formats.mrc import write_map, write_stack
from jobs.maths.backproject import Backprojector
from jobs.maths.coordinates import origin_to_shift
from jobs.maths.ctf import CtfParameters, constant_ctf, ctf_rfft
from jobs.maths.fourier import image_to_rfft
from jobs.maths.masks import mask_from_points
from jobs.maths.rotations import axis_angle_to_matrix, euler_to_matrix, matrix_to_euler, quaternion_to_matrix
from jobs.simulate import motions as motion_module
from jobs.simulate.images import apply_ctf, images_per_chunk, project_cloud
from jobs.simulate.output import write_beads, write_particles
from jobs.simulate.specification import SimulationSpec
from jobs.simulate.structures import Structure, build_structure
from jobs.simulate.truth import GroundTruth

Floats = NDArray[np.float64]

#: Every random quantity draws from its own generator, so that changing one setting leaves the others alone.
_STREAMS = ("motion", "pose", "defocus", "astigmatism", "shift", "noise", "pose error", "half", "absent")
_MASK_STATES = 7
_RECONSTRUCTION_CHUNK = 200


class Reporter(Protocol):
    """What a simulation tells while it runs; a worker's context is one."""

    def say(self, text: str) -> None:
        """Print a line."""

    def check_abort(self) -> None:
        """Raise when the user wants to stop."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Report steps done."""


class Silent:
    """Reports nothing and is never aborted."""

    def say(self, text: str) -> None:
        """Ignore a line."""

    def check_abort(self) -> None:
        """Go on."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Ignore progress."""


@dataclass(frozen=True)
class Simulation:
    """A finished data set.

    Attributes
    ----------
    folder
        Where it lies.
    truth
        What is known about it.
    particles, stack, consensus, mask
        Its main files.
    """

    folder: Path
    truth: GroundTruth
    particles: Path
    stack: Path
    consensus: Path
    mask: Path


@dataclass(frozen=True)
class _Drawn:
    """Random quantities of all particles."""

    theta: Floats
    present: NDArray[np.bool_]
    rotations: torch.Tensor
    shifts_px: torch.Tensor
    written_euler_deg: Floats
    written_origin_a: Floats
    ctf: CtfParameters
    half: NDArray[np.int64]


def simulate(
    spec: SimulationSpec,
    folder: str | Path,
    *,
    image_prefix: str = "",
    reporter: Reporter | None = None,
) -> Simulation:
    """Make a data set.

    Parameters
    ----------
    spec
        What to make.
    folder
        Where; created when missing. Files of the same names are replaced when everything is complete.
    image_prefix
        Path of the folder as the STAR file shall name it, such as ``Simulate/job001/``; empty when the folder
        is a project of its own.
    reporter
        Is told the progress, and may stop the simulation.

    Returns
    -------
    Simulation
        Paths and ground truth.

    Raises
    ------
    UserError
        When the structure cannot be read or nothing moves where motion was asked for.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    report = reporter or Silent()
    structure = build_structure(spec.structure, spec.pixel_size_a)
    motions, membership = motion_module.resolve_motions(spec.motions, structure)
    drawn = _draw(spec)
    # Everything is made in a folder of its own beside the results and moved when complete.
    with tempfile.TemporaryDirectory(prefix=".simulate.", dir=target) as scratch:
        work = Path(scratch)
        noise_sd = _write_images(spec, structure, motions, membership, drawn, work, report)
        names = np.array([f"{i + 1:06d}@{image_prefix}particles.mrcs" for i in range(spec.n_images)])
        truth = _ground_truth(spec, structure, motions, membership, drawn, names, noise_sd)
        _write_mask(spec, structure, motions, membership, work)
        truth.save(work / "ground_truth.npz")
        write_beads(truth, work)
        (work / "simulation.json").write_text(spec.to_json() + "\n")
        write_particles(
            spec, truth, drawn.ctf, drawn.written_euler_deg, drawn.written_origin_a, work / "particles.star"
        )
        report.check_abort()
        _publish(work, target)
    return Simulation(
        target,
        truth,
        target / "particles.star",
        target / "particles.mrcs",
        target / "consensus.mrc",
        target / "mask.mrc",
    )


def _draw(spec: SimulationSpec) -> _Drawn:
    rng = {name: np.random.default_rng([spec.seed, i]) for i, name in enumerate(_STREAMS)}
    n = spec.n_images
    rotations = quaternion_to_matrix(torch.as_tensor(rng["pose"].normal(size=(n, 4))))
    shifts_px = rng["shift"].uniform(-spec.shift_px, spec.shift_px, (n, 2))
    mean = rng["defocus"].uniform(spec.defocus_low_a, spec.defocus_high_a, n)
    half_difference = rng["astigmatism"].uniform(0, 0.5, n) * spec.astigmatism_a
    angle = rng["astigmatism"].uniform(0, 180, n)
    turn = rng["pose error"].normal(size=(n, 3))
    turn *= (
        np.radians(spec.pose_error_deg)
        * rng["pose error"].normal(size=(n, 1))
        / np.linalg.norm(turn, axis=1, keepdims=True)
    )
    wrong_rotations = axis_angle_to_matrix(torch.as_tensor(turn)) @ rotations
    wrong_shifts_px = shifts_px + spec.pose_error_px * rng["pose error"].normal(size=(n, 2))
    half = np.zeros(n, dtype=np.int64)
    if spec.halves:
        half = rng["half"].permutation(np.arange(n) % 2) + 1
    return _Drawn(
        theta=motion_module.draw_values(spec.motions, n, rng["motion"]),
        present=rng["absent"].uniform(size=n) >= spec.absent_fraction,
        rotations=rotations,
        shifts_px=torch.as_tensor(shifts_px),
        written_euler_deg=matrix_to_euler(wrong_rotations).numpy(),
        written_origin_a=-wrong_shifts_px * spec.pixel_size_a + 0.0,
        ctf=constant_ctf(
            torch.as_tensor(mean + half_difference),
            torch.as_tensor(mean - half_difference),
            torch.as_tensor(angle if spec.astigmatism_a else np.zeros(n)),
            voltage_kv=spec.voltage_kv,
            spherical_aberration_mm=spec.spherical_aberration_mm,
            amplitude_contrast=spec.amplitude_contrast,
            phase_shift_deg=spec.phase_shift_deg,
            bfactor_a2=spec.bfactor_a2,
        ),
        half=half,
    )


def _clean_images(
    spec: SimulationSpec,
    structure: Structure,
    motions: list[motion_module.Motion],
    membership: Floats,
    drawn: _Drawn,
) -> Iterator[torch.Tensor]:
    """Images with CTF and without noise, chunk after chunk."""
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    member = torch.as_tensor(membership, dtype=torch.float32)
    weights = torch.as_tensor(structure.weights, dtype=torch.float32)
    theta = torch.as_tensor(drawn.theta, dtype=torch.float32)
    missing = torch.as_tensor(~drawn.present, dtype=torch.float32)[:, None]
    chunk = images_per_chunk(len(points), spec.box)
    for start in range(0, spec.n_images, chunk):
        rows = slice(start, start + chunk)
        moved = points + motion_module.displacements(motions, points, member, theta[rows])
        mass = weights * (1 - missing[rows] * member[:, 0]) if spec.absent_fraction else weights
        images = project_cloud(
            moved,
            mass,
            structure.sigma_a,
            drawn.rotations[rows].float(),
            drawn.shifts_px[rows].float(),
            spec.box,
            spec.pixel_size_a,
        )
        yield apply_ctf(images, ctf_rfft(drawn.ctf.select(rows), spec.box, spec.pixel_size_a))


def _write_images(
    spec: SimulationSpec,
    structure: Structure,
    motions: list[motion_module.Motion],
    membership: Floats,
    drawn: _Drawn,
    work: Path,
    report: Reporter,
) -> float:
    """Write stack and reconstructions; return the standard deviation of the noise."""
    shape = (spec.n_images, spec.box, spec.box)
    # The noise depends on the standard deviation of the whole stack, so clean images wait on disk for it.
    clean = np.memmap(work / ".clean", dtype=np.float32, mode="w+", shape=shape)
    total = square = 0.0
    if not spec.noise_only:
        start = 0
        for images in _clean_images(spec, structure, motions, membership, drawn):
            clean[start : start + len(images)] = images.numpy()
            total += float(images.double().sum())
            square += float((images.double() ** 2).sum())
            start += len(images)
            report.check_abort()
            report.progress("images", start, spec.n_images)
    mean = total / clean.size
    deviation = float(np.sqrt(max(square / clean.size - mean**2, 0.0))) or 1.0
    noise_sd = 1 / np.sqrt(spec.snr)
    unit = noise_sd if spec.unit_noise else 1.0
    halves = [Backprojector(spec.box), Backprojector(spec.box)]
    noisy = _add_noise(spec, clean, deviation, noise_sd, unit, drawn, halves, report)
    write_stack(work / "particles.mrcs", noisy, spec.pixel_size_a)
    del clean
    (work / ".clean").unlink()
    consensus = halves[0].merge(halves[1]).reconstruct(0.1)
    write_map(work / "consensus.mrc", consensus.numpy(), spec.pixel_size_a)
    if spec.halves:
        for number, half in enumerate(halves, start=1):
            write_map(work / f"half{number}.mrc", half.reconstruct(0.1).numpy(), spec.pixel_size_a)
    return noise_sd / unit


def _add_noise(
    spec: SimulationSpec,
    clean: NDArray[np.float32],
    deviation: float,
    noise_sd: float,
    unit: float,
    drawn: _Drawn,
    halves: list[Backprojector],
    report: Reporter,
) -> Iterator[NDArray[np.float32]]:
    """Yield noisy images in chunks; insert them into the reconstructions with the written poses."""
    rng = np.random.default_rng([spec.seed, _STREAMS.index("noise")])
    rotations = euler_to_matrix(torch.as_tensor(drawn.written_euler_deg)).float()
    shifts = origin_to_shift(torch.as_tensor(drawn.written_origin_a), spec.pixel_size_a).float()
    for start in range(0, spec.n_images, _RECONSTRUCTION_CHUNK):
        report.check_abort()
        rows = np.arange(start, min(start + _RECONSTRUCTION_CHUNK, spec.n_images))
        noise = rng.standard_normal((len(rows), spec.box, spec.box), dtype=np.float32)
        images = (clean[rows] / deviation + noise * noise_sd) / unit
        transforms = image_to_rfft(torch.as_tensor(images, dtype=torch.float32))
        ctf = ctf_rfft(drawn.ctf.select(torch.as_tensor(rows)), spec.box, spec.pixel_size_a)
        for number, half in enumerate(halves):
            chosen = (
                np.flatnonzero(drawn.half[rows] == number + 1)
                if spec.halves
                else np.arange(len(rows))[number::2]
            )
            if len(chosen):
                pick = torch.as_tensor(chosen)
                half.add(transforms[pick], ctf[pick], rotations[rows[chosen]], shifts[rows[chosen]])
        yield images.astype(np.float32, copy=False)
        report.progress("noise and reconstruction", int(rows[-1]) + 1, spec.n_images)


def _ground_truth(
    spec: SimulationSpec,
    structure: Structure,
    motions: list[motion_module.Motion],
    membership: Floats,
    drawn: _Drawn,
    names: NDArray[np.str_],
    noise_sd: float,
) -> GroundTruth:
    member = membership[structure.beads]
    domain = np.zeros(len(member), dtype=np.int64)
    if motions:
        domain = np.where(member.max(axis=1) > 0, member.argmax(axis=1) + 1, 0)
    return GroundTruth(
        theta=drawn.theta,
        motions=tuple(motions),
        beads_a=structure.points_a[structure.beads],
        membership=member,
        domain=domain,
        weights=structure.weights[structure.beads],
        sigma_a=structure.sigma_a,
        present=drawn.present,
        image_name=names,
        half=drawn.half,
        euler_deg=matrix_to_euler(drawn.rotations).numpy(),
        origin_a=-drawn.shifts_px.numpy() * spec.pixel_size_a + 0.0,
        box=spec.box,
        pixel_size_a=spec.pixel_size_a,
        noise_sd=noise_sd,
        spec=spec.to_json(),
    )


def _write_mask(
    spec: SimulationSpec,
    structure: Structure,
    motions: list[motion_module.Motion],
    membership: Floats,
    work: Path,
) -> None:
    """Mask of everywhere the molecule goes: seven states of each motion, the others at rest."""
    points = torch.as_tensor(structure.points_a, dtype=torch.float32)
    places = [points]
    for k, (motion, asked) in enumerate(zip(motions, spec.motions, strict=True)):
        low, high = (min(asked.states), max(asked.states)) if asked.states else (asked.low, asked.high)
        member = torch.as_tensor(membership[:, k], dtype=torch.float32)
        moving = member > 0
        values = torch.linspace(low, high, _MASK_STATES)
        places += list(points[moving] + motion.displace(points[moving], member[moving], values))
    radius = max(3 * structure.sigma_a, 2 * spec.pixel_size_a)
    edge = max(2 * structure.sigma_a, 2 * spec.pixel_size_a)
    mask = mask_from_points(torch.cat(places), spec.box, spec.pixel_size_a, radius, edge)
    write_map(work / "mask.mrc", mask.numpy(), spec.pixel_size_a)


def _publish(work: Path, target: Path) -> None:
    """Move finished files into place; the STAR file, which refers to the others, comes last."""
    for path in sorted(work.iterdir(), key=lambda p: (p.name == "particles.star", p.name)):
        final = target / path.name
        path.replace(final)
