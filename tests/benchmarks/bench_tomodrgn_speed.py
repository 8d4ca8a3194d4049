"""Speed of tomoDRGN: training, volumes, start-up and cache, a few minutes in all.

Each line says what was done, how long it took, and what it is to be compared with. Times are the best of
several; `wall` needs a quiet machine, `CPU` (of all threads) also stands on a busy one. Figures of the
original were measured on other machines, so they are goals, not ratios measured here; volumes are compared
with a plain evaluation of the same network that is written out below.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.formats.tilt_particles import TiltParticles
from jobs.formats.tilt_series import read_tilt_particles
from jobs.maths.rotations import random_rotations
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.forward import ForwardOptions
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.samples import SampleOptions
from jobs.tomodrgn.sampling import kept_pixels, with_draw
from jobs.tomodrgn.settings import TrainingSettings
from jobs.tomodrgn.training import Training
from jobs.tomodrgn.volumes import decode_volumes

#: Seconds per epoch of the original on these particles, on another machine.
_ORIGINAL = {("train_vae", 8): 16.7, ("train_vae", 1): 22.6, ("train_nn", 8): 27.6}


@pytest.fixture(autouse=True)
def _memory() -> Iterator[None]:
    yield
    print(f"  peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _best(work: Callable[[], object], n: int) -> tuple[float, float]:
    """Least wall and CPU seconds of ``n`` calls."""
    walls, cpus = [], []
    for _ in range(n):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def _sgemm() -> tuple[float, float]:
    """GFLOP/s of a product of the size of a portion, by wall and by CPU time."""
    a, b = torch.randn(800 * torch.get_num_threads(), 256), torch.randn(256, 256)
    out = torch.empty(len(a), 256)
    return tuple(2e-9 * a.numel() * 256 / s for s in _best(lambda: torch.mm(a, b, out=out), 200))  # type: ignore[return-value]


def _flop(model: TomoModel, pixels: int) -> float:
    """Operations of the products of the decoder and of their gradients, for so many pixels."""
    matrices = [model.decoder.mlp.first.weight, *model.decoder.mlp.matrices_after_first()[::2]]
    sizes = [w.numel() for w in matrices]
    return pixels * (6.0 * sum(sizes) - 2 * sizes[0])


def _particles(shared: Path, name: str) -> TiltParticles:
    folder = shared / "data" / "tomodrgn"
    return read_tilt_particles(folder / f"10076_{name}_32_sim.star", datadir=folder)


def _training(particles: TiltParticles, zdim: int, batch_size: int, fraction: float) -> Training:
    bank = ImageBank(particles, SampleOptions(sign=-1), ForwardOptions(dose=True, tilt=True))
    shapes = ModelSettings(
        box=32,
        pixel_size_a=particles.pixel_size_a,
        zdim=zdim,
        n_tilts=int(particles.counts.max()),
        seed=1,
    )
    settings = TrainingSettings(epochs=10, seed=1, batch_size=batch_size, pixel_fraction=fraction)
    return Training(TomoModel(shapes), zdim, bank, settings)


@pytest.mark.parametrize("fraction", [1.0, TrainingSettings().pixel_fraction])
@pytest.mark.parametrize(("command", "batch_size"), list(_ORIGINAL))
def test_bench_epoch(shared: Path, command: str, batch_size: int, fraction: float) -> None:
    particles = _particles(shared, "both" if command == "train_vae" else "classE")
    training = _training(particles, 8 if command == "train_vae" else 0, batch_size, fraction)
    wall, cpu = _best(lambda: training.run_epoch(lambda done, of: None), 3)
    pixels = kept_pixels(fraction, len(training.model.plane.index)) * particles.n_images  # type: ignore[arg-type]
    flop = _flop(training.model, pixels)  # type: ignore[arg-type]
    peak, cpu_peak = _sgemm()
    print(
        f"\n{command} batch {batch_size}, {particles.n_images} images, {fraction:.0%} of the pixels: "
        f"{wall:.2f} s per epoch (CPU {cpu:.2f} s; original elsewhere {_ORIGINAL[command, batch_size]} s), "
        f"{flop / wall / 1e9:.0f} GFLOP/s = {flop / wall / 1e9 / peak:.2f} of sgemm (by CPU time "
        f"{flop / cpu / 1e9 / cpu_peak:.2f})"
    )
    if training.zdim:
        wall, cpu = _best(training.encode_all, 2)
        print(f"  latent states of all particles: {wall:.2f} s (CPU {cpu:.2f} s)")
    assert np.isfinite(training.run_epoch(lambda done, of: None).misfit)


@pytest.mark.parametrize("box", [64, 128])
def test_bench_larger_images(box: int) -> None:
    model = TomoModel(ModelSettings(box=box, pixel_size_a=4.0, zdim=8, n_tilts=41, seed=1))
    g = torch.Generator().manual_seed(1)
    n, m = (2 if box == 64 else 1), len(model.plane.index)
    batch = Batch(
        coefficients=torch.randn(41 * n, m, 2, generator=g),
        ctf=torch.rand(41 * n, m, generator=g) * 2 - 1,
        weight=None,
        rotations=random_rotations(41 * n, g),
        owner=torch.arange(n).repeat_interleave(41),
        first=torch.arange(0, 41 * n + 1, 41),
        particles=torch.arange(n),
    )
    for fraction in (1.0, TrainingSettings().pixel_fraction):

        def step(fraction: float = fraction) -> None:
            model.zero_grad()
            mean, _ = model.encode(batch)
            model.misfit(mean, with_draw(batch, fraction, torch.rand(n, generator=g))).backward()

        wall, cpu = _best(step, 2)
        flop = _flop(model, kept_pixels(fraction, m) * 41 * n)
        print(
            f"\nbox {box}, 41 tilts, {fraction:.0%} of the pixels: {n / wall:.2f} particles/s "
            f"(CPU {cpu / n:.2f} s per particle), {flop / wall / 1e12:.3f} TFLOP/s"
        )


def _plain_volumes(model: TomoModel, z: Tensor) -> np.ndarray:
    """Volumes as a plain program makes them: slice by slice of the whole lattice, double-precision FFT."""
    box = model.settings.box
    line = torch.linspace(-0.5, 0.5, box + 1)
    y, x = torch.meshgrid(line, line, indexing="ij")
    first, latent = model.decoder._first()
    assert latent is not None
    assert model.decoder.waves is not None
    whole = torch.cat((first, latent), dim=1)
    volumes = []
    for state in z:
        lattice = np.zeros((box + 1,) * 3, complex)
        for i, depth in enumerate(line):
            points = torch.stack((x, y, torch.full_like(x, float(depth))), dim=-1).view(-1, 3)
            kept = points.norm(dim=1) <= model.settings.extent
            if not kept.any():
                continue
            phase = points[kept] * model.decoder._scale @ model.decoder.waves
            coordinates = torch.cat((torch.sin(phase), torch.cos(phase), state.expand(len(phase), -1)), dim=1)
            values = torch.relu(coordinates @ whole.T + model.decoder.mlp.first.bias)
            for layer in model.decoder.mlp.hidden:
                values = torch.relu(layer(values) + values)
            out = model.decoder.mlp.last(values).double().numpy()
            lattice[i].reshape(-1)[kept.numpy()] = out[:, 0] + 1j * out[:, 1]
        volumes.append(np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(lattice[:-1, :-1, :-1]))).real)
    return np.stack(volumes).astype(np.float32)


@pytest.mark.parametrize("box", [32, 64])
def test_bench_volumes(box: int) -> None:
    model = TomoModel(ModelSettings(box=box, pixel_size_a=4.0, zdim=8, n_tilts=10, seed=1))
    n = 20 if box == 32 else 4
    z = torch.randn(n, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain = _best(lambda: _plain_volumes(model, z), 1)
    ours = _best(lambda: decode_volumes(model, z), 2)
    print(
        f"\n{n} volumes of box {box}: {ours[0]:.2f} s (CPU {ours[1]:.2f} s), plain evaluation "
        f"{plain[0]:.2f} s (CPU {plain[1]:.2f} s): {plain[0] / ours[0]:.1f} times as fast "
        f"(CPU {plain[1] / ours[1]:.1f}); the goal is 10"
    )
    assert plain[1] > ours[1]


def test_bench_start(shared: Path) -> None:
    def start() -> None:
        ImageBank(_particles(shared, "both"), SampleOptions(sign=-1), ForwardOptions(dose=True, tilt=True))

    wall, cpu = _best(start, 3)
    print(f"\nparticles read and images transformed: {wall:.2f} s (CPU {cpu:.2f} s); the goal is 2")


def test_bench_cache(shared: Path, tmp_path: Path) -> None:
    times = []
    for lazy in (False, True):
        bank = ImageBank(
            _particles(shared, "both"),
            SampleOptions(sign=-1),
            ForwardOptions(dose=True, tilt=True),
            cache=tmp_path,
            lazy=lazy,
        )
        model = TomoModel(ModelSettings(box=32, pixel_size_a=13.1, zdim=8, n_tilts=10, seed=1))
        training = Training(model, 8, bank, TrainingSettings(epochs=10, seed=1))
        times.append(_best(lambda t=training: t.run_epoch(lambda done, of: None), 3))  # type: ignore[misc]
    ratios = [b / a for a, b in zip(*times, strict=True)]
    print(
        f"\nepoch from a file over epoch from memory: {ratios[0]:.2f} (CPU {ratios[1]:.2f}); the goal is 1.3"
    )
