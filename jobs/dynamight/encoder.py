"""The encoder: the state of a particle from its image in one go, for images the training has not seen.

An image alone says little about the state of a particle seen from an unknown side through an oscillating CTF.
Pose and CTF are known, so the encoder is not shown the pixels but the *forces* that the image exerts on the
consensus Gaussians: the gradient of the log-likelihood with respect to their positions, turned back into the
frame of the molecule and summed over groups of Gaussians, at coarse and at full resolution.  To first order
the best estimate of the state is a linear function of these forces; a small network, which also sees the
pose, does the rest.

It is taught, after the training, to give the posteriors that the training found.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from jobs.dynamight.likelihood import projection_nll

if TYPE_CHECKING:
    from jobs.dynamight.half_training import HalfTraining
    from jobs.dynamight.images import Batch, ParticleImages
    from jobs.dynamight.model import GaussianModel
    from jobs.dynamight.noise import NoiseModel

N_GROUPS = 96
#: Particles the encoder is taught on at most, passes over them, and images per step.
_ENOUGH = 20_000
_EPOCHS = 60
_BATCH = 64


class Encoder(nn.Module):
    """Network from forces and pose to the mean of the latent state.

    Parameters
    ----------
    group: torch.Tensor
        ``(n,)`` int64 group of every Gaussian, 0 to ``N_GROUPS - 1``.
    n_latent: int
        Latent dimensions.
    boxes: tuple of int
        Working boxes of the two scales.
    """

    group: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, group: Tensor, n_latent: int, boxes: tuple[int, int]) -> None:
        super().__init__()
        self.boxes, self.n_latent = boxes, n_latent
        n_features = 2 * 3 * N_GROUPS
        self.register_buffer("group", group)
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))
        self.direct = nn.Linear(n_features, n_latent)
        self.hidden = nn.Linear(n_features + 9, 128)
        self.more = nn.Linear(128, 64)
        self.output = nn.Linear(64, n_latent)

    def forward(self, forces: Tensor, rotations: Tensor) -> Tensor:
        """Means ``(b, L)`` of the states from forces ``(b, F)`` and rotations ``(b, 3, 3)``."""
        scaled = (forces - self.mean) / self.spread
        hidden = silu(self.hidden(torch.cat((scaled, rotations.flatten(1)), 1)))
        result: Tensor = self.direct(scaled) + self.output(silu(self.more(hidden)))
        return result

    def export(self) -> dict[str, Any]:
        """Plain state for a checkpoint."""
        return {"weights": self.state_dict(), "n_latent": self.n_latent, "boxes": list(self.boxes)}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Encoder:
        """Encoder saved before."""
        weights = state["weights"]
        boxes = (int(state["boxes"][0]), int(state["boxes"][1]))
        encoder = cls(weights["group"], int(state["n_latent"]), boxes)
        encoder.load_state_dict(weights)
        return encoder.eval()


def group_points(points_a: Tensor, n_groups: int = N_GROUPS) -> Tensor:
    """Divide points into compact groups by farthest-point sampling: ``(n,)`` group of each."""
    chosen = [int((points_a - points_a.mean(0)).square().sum(1).argmax())]
    nearest = (points_a - points_a[chosen[0]]).square().sum(1)
    group = torch.zeros(len(points_a), dtype=torch.int64, device=points_a.device)
    for number in range(1, min(n_groups, len(points_a))):
        chosen.append(int(nearest.argmax()))
        distance = (points_a - points_a[chosen[-1]]).square().sum(1)
        closer = distance < nearest
        group[closer] = number
        nearest = torch.where(closer, distance, nearest)
    return group


def forces(
    model: GaussianModel,
    images: ParticleImages,
    batch: Batch,
    noise: NoiseModel,
    encoder_boxes: tuple[int, int],
    group: Tensor,
) -> Tensor:
    """Forces ``(b, 2 * 3 * N_GROUPS)`` of images on groups of Gaussians at both scales, nats per Å."""
    rotations = images.rotations[batch.rows]
    parts = []
    for box in encoder_boxes:
        part = images.batch(batch.rows, box)
        pixels = model.project(model.positions.detach(), rotations, box).requires_grad_()
        with torch.enable_grad():
            nll = projection_nll(
                pixels,
                model.weights().detach(),
                model.transfer(box).detach(),
                part.transforms,
                part.ctf,
                noise.precision(box),
            )
            (gradient,) = torch.autograd.grad(nll.sum(), pixels)
        in_molecule = -torch.matmul(gradient, rotations[:, :2]) * (box / model.frame.side_a)
        pooled = in_molecule.new_zeros(len(rotations), N_GROUPS, 3).index_add_(1, group, in_molecule)
        parts.append(pooled.flatten(1))
    return torch.cat(parts, 1)


def teach_encoder(half: HalfTraining, noise: NoiseModel, boxes: tuple[int, int], seed: int) -> Encoder:
    """Teach an encoder the posteriors of a trained half-set.

    Parameters
    ----------
    half: HalfTraining
        Trained half-set.
    noise: NoiseModel
        Weights of the frequencies.
    boxes: tuple of int
        Coarse and full working box.
    seed: int
        Seed.
    """
    generator = torch.Generator().manual_seed(seed)
    model, images = half.model, half.images
    group = group_points(model.positions.detach())
    encoder = Encoder(group, half.latents.n_latent, boxes)
    _initialise(encoder, generator)
    encoder = encoder.to(half.device)
    order = torch.randperm(len(half.training), generator=generator)[:_ENOUGH]
    local = half.training[order]
    seen = []
    for part in images.batches(half.rows[local], _BATCH, boxes[1]):
        seen.append(forces(model, images, part, noise, boxes, group))
    features = torch.cat(seen)
    rotations = images.rotations[half.rows[local].to(half.device)]
    target = half.latents.means[local.to(half.device)]
    encoder.mean.copy_(features.mean(0))
    encoder.spread.copy_(features.std(0).clamp(min=1e-12) * math.sqrt(features.shape[1]))
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=0.3)
    n_steps = _EPOCHS * math.ceil(len(local) / _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=n_steps)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(local), generator=generator).to(half.device).split(_BATCH):
            loss = (encoder(features[rows], rotations[rows]) - target[rows]).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
    return encoder.eval()


@torch.no_grad()
def encode(
    encoder: Encoder, model: GaussianModel, images: ParticleImages, rows: Tensor, noise: NoiseModel
) -> Tensor:
    """Estimate the states ``(p, L)`` of particles ``(p,)`` of a data set."""
    results = []
    for batch in images.batches(rows, _BATCH, encoder.boxes[1]):
        features = forces(model, images, batch, noise, encoder.boxes, encoder.group)
        results.append(encoder(features, images.rotations[batch.rows]))
    return torch.cat(results)


def _initialise(encoder: Encoder, generator: torch.Generator) -> None:
    """Draw the weights from the generator, so that the same seed gives the same encoder."""
    with torch.no_grad():
        for layer in (encoder.direct, encoder.hidden, encoder.more, encoder.output):
            layer.weight.copy_(
                torch.randn(layer.weight.shape, generator=generator) / math.sqrt(layer.in_features)
            )
            layer.bias.zero_()
        encoder.direct.weight.mul_(0.1)
        encoder.output.weight.mul_(0.1)
