"""What the monitor shows of a training: latent places and their colours, volumes of states, key numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from jobs.core.figures import Fact, Figure, Series
from jobs.core.metrics import read_metrics
from jobs.formats.tilt_particles import TiltParticles
from jobs.tomodrgn.volumes import decode_volumes

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.training import Training

#: Particles and voxels of the pictures.
SHOWN: Final = 20_000
PICTURE_BOX: Final = 64
#: Part of the particles whose mean state stands for an end or the middle of the leading axis.
_PART: Final = 0.1
_STATES: Final = (("middle", "Middle"), ("low", "Low end"), ("high", "High end"))


def save_pictures(context: WorkerContext, training: Training, latent: tuple[Tensor, Tensor] | None) -> None:
    """Write latent places with their colours, volumes, and what is known in numbers."""
    box = min(training.bank.box, PICTURE_BOX)
    states, names = None, ["Volume"]
    if latent is not None:
        means = latent[0].float().cpu()
        _save_latent(context, training.bank.particles, means.numpy(), latent[1].float().cpu().numpy())
        states = states_along(means)
        names = [title for _, title in _STATES]
    with training.evaluating() as model:
        volumes = decode_volumes(model, states, box=box)  # type: ignore[arg-type]
    arrays: list[str] = []
    for (key, _), volume in zip(_STATES, volumes.cpu().numpy(), strict=False):
        # The first has the name by which any window shows it while there is no figure yet.
        arrays.append("volume" if not arrays else f"volume_{key}")
        context.save_snapshot(arrays[-1], volume)
    title = "Along the leading axis" if latent is not None else "All particles"
    context.save_figure(
        "volumes",
        Figure(
            kind="maps",
            task="train",
            title=title,
            series=tuple(Series(name, ()) for name in names),
            arrays=tuple(arrays),
            voxel_size_a=training.bank.pixel_size_a * training.bank.box / box,
            facts=(*_data_facts(training.bank.particles), *_loss_facts(context)),
        ),
    )


def states_along(means: Tensor) -> Tensor:
    """Mean latent places ``(3, L)`` of the middle, lowest and highest tenth of particles, leading axis."""
    centred = means - means.mean(0)
    axis = leading_axes(centred.numpy().astype(np.float64), 1)[:, 0]
    order = torch.from_numpy(np.argsort(centred.numpy() @ axis, kind="stable"))
    n = len(order)
    some = max(1, round(_PART * n))
    begin = (n - some) // 2
    parts = (order[begin : begin + some], order[:some], order[n - some :])
    return torch.stack([means[part].mean(0) for part in parts])


def leading_axes(centred: np.ndarray, count: int) -> np.ndarray:
    """Return ``(L, count)``: principal axes of points ``(P, L)``, the leading one first."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    leading = axes[:, ::-1][:, :count]
    # The sign of an axis is arbitrary; one that jumps between epochs would be unpleasant to watch.
    return np.asarray(leading * np.sign(leading.sum(0) + 1e-12))


def principal_axes(places: np.ndarray) -> np.ndarray:
    """Return ``(p, 3)`` float32: some of the places along their three leading principal axes."""
    shown = places[_some(len(places))].astype(np.float64)
    shown = shown - shown.mean(0)
    if shown.shape[1] > 3:
        shown = shown @ leading_axes(shown, 3)
    result = np.zeros((len(shown), 3), np.float32)
    result[:, : shown.shape[1]] = shown[:, :3]
    return result


def _some(count: int) -> slice:
    return slice(None, None, max(1, -(-count // SHOWN)))


def _save_latent(
    context: WorkerContext, particles: TiltParticles, means: np.ndarray, log_variance: np.ndarray
) -> None:
    some = _some(len(means))
    context.save_snapshot("latent", principal_axes(means))
    defocus = 0.5 * (particles.defocus_u_a + particles.defocus_v_a)
    first = particles.first[:-1]
    colours: dict[str, Any] = {
        "images_per_particle": particles.counts,
        "posterior_width": np.sqrt(np.exp(log_variance.astype(np.float64)).mean(1)),
        "mean_defocus_A": np.add.reduceat(defocus, first) / particles.counts,
    }
    for name, values in colours.items():
        if np.isfinite(values).all():
            context.save_snapshot(f"latent_{name}", values[some].astype(np.float32))


def _data_facts(particles: TiltParticles) -> tuple[Fact, ...]:
    counts = particles.counts
    least, most = int(counts.min()), int(counts.max())
    tilts = f"{least}" if least == most else f"{least} to {most}"
    found = [
        Fact("Particles", f"{particles.n:,}"),
        Fact(
            "Images", f"{particles.n_images:,}", f"box {particles.box}, {particles.pixel_size_a:.4g} Å/pixel"
        ),
        Fact("Tilts per particle", tilts),
    ]
    if np.isfinite(particles.dose).all():
        found.append(Fact("Highest dose", f"{particles.dose.max():.3g} e/Å²"))
    return tuple(found)


def _loss_facts(context: WorkerContext) -> tuple[Fact, ...]:
    """Best reconstruction loss of all epochs, and the newest divergence of the latent space."""
    records = [r for r in read_metrics(context.folder.metrics)[0] if isinstance(r.get("loss_data"), float)]
    if not records:
        return ()
    best = min(records, key=lambda record: float(record["loss_data"]))
    found = [
        Fact("Best loss", f"{best['loss_data']:.5f}", f"epoch {best.get('step')}, in units of the noise"),
    ]
    divergence = records[-1].get("divergence_nats")
    if isinstance(divergence, float):
        found.append(Fact("KL divergence", f"{divergence:.3g} nats", "per particle, newest epoch"))
    return tuple(found)
