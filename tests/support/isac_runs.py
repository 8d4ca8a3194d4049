"""Runs of ISAC2 in a process of their own, and what they found, for benchmarks against a known truth."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from jobs.formats.class_files import read_class_set
from jobs.formats.image_names import identity
from jobs.formats.star import read_star_tables
from jobs.maths.fourier import crop_rfft, image_to_rfft, pad_rfft, rfft_to_image
from jobs.maths.partitions import majority
from jobs.maths.planar_similarity import best_matches
from jobs.maths.transforms2d import Planar

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class IsacRun:
    """A finished run: its folder, wall-clock seconds, and peak memory in MB."""

    folder: Path
    seconds: float
    peak_mb: float

    @property
    def classes(self) -> Path:
        """Class file of the accepted classes."""
        return self.folder / "run_optimiser.star"


def classify(particles: Path, folder: Path, threads: int = 2, **options: object) -> IsacRun:
    """Run ``heteroscope isac2 PARTICLES FOLDER --name=value …``; True stands for a bare ``--name``.

    Raises
    ------
    RuntimeError
        With the end of what it said, when it fails.
    """
    options = {"n-threads": threads, **options}
    named = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]
    log = folder.with_suffix(".log")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(_REPOSITORY)}
    began = time.perf_counter()
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app", "isac2", str(particles), str(folder), *named],
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=particles.parent,
        )
        # Its own peak, not that of every process this one ever started.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"isac2 ended with {process.returncode}:\n{log.read_text()[-3000:]}")
    return IsacRun(folder, time.perf_counter() - began, usage.ru_maxrss / 1024)


def true_views(simulated: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Image names and views (-1: noise) of a simulation's ``truth.star``."""
    table = read_star_tables(simulated / "truth.star")["particles"]
    return [str(name) for name in table.text("rlnImageName")], table.ints("rlnClassNumber") - 1


def found_classes(run: IsacRun, names: list[str]) -> NDArray[np.int64]:
    """Class of each named image by the run's particle file; -1: in none."""
    if not run.classes.is_file():
        return np.full(len(names), -1, np.int64)
    classes = read_class_set(run.classes)
    assert classes.particles is not None
    table = read_star_tables(classes.particles)["particles"]
    known = {
        _last(str(name)): label
        for name, label in zip(table.text("rlnImageName"), classes.class_of.tolist(), strict=True)
    }
    return np.array([known.get(_last(name), -1) for name in names], np.int64)


def _last(name: str) -> tuple[str, int]:
    """Stack without folders, and section: a run names stacks from another folder than the simulation does."""
    path, section = identity(name)
    return Path(path).name, section


def likeness_to_views(
    run: IsacRun,
    views: NDArray[np.float32],
    radius_px: float,
    view_pixel_a: float,
    full_size: bool = False,
) -> NDArray[np.float64]:
    """Best correlation ``(K,)`` of every average with any true view, over rotation, mirror and shift.

    Both are compared at the pixel of the averages, within ``radius_px`` of them. The working averages are
    only phase-flipped: the CTF still dims much of what they show. ``full_size`` ones are corrected for it.
    """
    folder = run.folder / "full_size" if full_size else run.folder
    classes = read_class_set(folder / run.classes.name)
    averages = torch.as_tensor(np.stack([classes.read(k) for k in range(len(classes))]))
    factor = view_pixel_a / classes.pixel_size_a
    side = 2 * round(views.shape[-1] * factor / 2)
    resampled = resampled_views(torch.as_tensor(views), side)
    found = best_matches(averages, resampled, round(radius_px), 4.0)
    return found.correlation.max(dim=1).values.double().numpy()


@dataclass(frozen=True)
class AlignmentErrors:
    """How members lie in their classes, once what all members of a class share is taken off.

    Attributes
    ----------
    rotation_deg
        ``(n,)`` error of the angle of members whose mirror state is right.
    mirror_right
        Share of the members whose mirror state is that of most members of their class, as it should be.
    """

    rotation_deg: NDArray[np.float64]
    mirror_right: float


def alignment_errors(run: IsacRun, simulated: Path) -> AlignmentErrors:
    """Compare the alignment of members with the truth, class by class, of the view most of them show."""
    names, view = true_views(simulated)
    classes = read_class_set(run.classes)
    assert classes.particles is not None
    table = read_star_tables(classes.particles)["particles"]
    row_of = {_last(name): row for row, name in enumerate(names)}
    rows = np.array([row_of[_last(str(name))] for name in table.text("rlnImageName")])
    no_shift = torch.zeros(len(rows), 2, dtype=torch.float64)
    psi, tilt = (torch.as_tensor(table.floats(f"rlnAngle{name}")) for name in ("Psi", "Tilt"))
    found = Planar.from_relion(psi, no_shift, tilt, 1.0)
    with np.load(simulated / "truth.npz") as truth:
        true = Planar(
            torch.as_tensor(truth["align_alpha_deg"][rows]),
            no_shift,
            torch.as_tensor(truth["align_mirror"][rows]),
        )
    shared = found.compose(true.inverse())  # from the view to the average: one for all members
    turn, mirror = np.radians(shared.alpha_deg.numpy()), shared.mirror.numpy()
    errors, right, n = [], 0, 0
    for k, main_view in enumerate(majority(classes.class_of, view[rows])):
        mine = (classes.class_of == k) & (view[rows] == main_view)
        if main_view < 0 or not mine.any():
            continue
        state = mirror[mine].mean() > 0.5
        same = mine & (mirror == state)
        right, n = right + int(same.sum()), n + int(mine.sum())
        middle = np.angle(np.exp(1j * turn[same]).sum())
        errors.append(np.degrees(np.abs(np.angle(np.exp(1j * (turn[same] - middle))))))
    return AlignmentErrors(np.concatenate(errors) if errors else np.zeros(0), right / max(1, n))


def resampled_views(views: torch.Tensor, side: int) -> torch.Tensor:
    """Images ``(V, side, side)`` of the same objects, values kept, on a coarser or finer grid."""
    box = views.shape[-1]
    planes = image_to_rfft(views)
    planes = crop_rfft(planes, side) if side <= box else pad_rfft(planes, side)
    return rfft_to_image(planes, side) * (side / box)
