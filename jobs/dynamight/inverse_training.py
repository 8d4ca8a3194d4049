"""Training of the networks for the way back: pairs of a place in the consensus and where it goes.

Places are Gaussians and, as many, voxels inside the molecule shifted by up to half a voxel, so that the way
back is known between the Gaussians too; with a mask also some anywhere in the box, where nothing moves.  In
every epoch each particle has its turn once, at other places.  All random numbers of an epoch follow from the
seed, the half-set and the number of the epoch: a training that goes on after an interruption gives the bits
of one that was not interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jobs.core.errors import UserError
from jobs.dynamight.field import displace
from jobs.dynamight.inverse_network import InverseNetwork, NetworkShape
from jobs.dynamight.model import radius_of_gyration
from jobs.dynamight.state import TrainedHalf

#: Places per particle and step.
PLACES_PER_PARTICLE = 64
#: Voxels among which the places off the Gaussians are drawn, and the part of them that lies anywhere when
#: there is a mask.
VOXELS_KEPT, PART_ANYWHERE = 8192, 0.125
#: Standard deviation in Å of the jitter of Gaussians.
NOISE_A = 5.0
#: Learning rate: it rises over the first steps, then falls along a cosine to this part of itself.
LEARNING_RATE, WARM_UP_STEPS, LAST_RATE = 5e-3, 50, 2e-3
#: Distance in Å beyond which errors count linearly, so that the few places with no way back do not rule.
LINEAR_BEYOND_A = 1.0
#: The scale of the positional encoding over the radius of gyration.
EXTENT_PER_RADIUS = 6.0
_STATES_LOOKED_AT, _PLACES_LOOKED_AT = 32, 256


@dataclass(frozen=True)
class InverseSettings:
    """How the networks are trained.

    Attributes
    ----------
    n_epochs
        Passes over the particles.
    batch_size
        Particles per step.
    noise
        Gaussians moved at random are places too.
    store
        Displaced places of all particles are kept between epochs.
    seed
        Of all random numbers.
    """

    n_epochs: int
    batch_size: int
    noise: bool = False
    store: bool = False
    seed: int = 0

    def key(self) -> dict[str, Any]:
        """All that the result depends on."""
        return asdict(self)


class InverseTraining:
    """Trains the network of one half-set.

    Parameters
    ----------
    half: TrainedHalf
        Model and particles.
    voxels_a: torch.Tensor
        ``(m, 3)`` voxels in Å that may move.
    settings: InverseSettings
        How.
    number: int
        Which half-set, 1 or 2.
    """

    def __init__(self, half: TrainedHalf, voxels_a: Tensor, settings: InverseSettings, number: int) -> None:
        self.half, self.settings, self.number = half, settings, number
        model = half.model
        self.device = model.positions.device
        generator = self._generator(0)
        positions = model.positions.detach()
        shape = NetworkShape(half.means.shape[1], EXTENT_PER_RADIUS * max(1.0, radius_of_gyration(positions)))
        spread = half.means.std(0, correction=0).clamp(min=1e-3)
        self.network = InverseNetwork(shape, spread, generator).to(self.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99))
        self.epoch = 0
        self.loss_a = float("nan")
        self._off = self._off_the_gaussians(voxels_a, generator)
        with torch.no_grad():
            self._coefficients = model.field.coefficients(half.means)
        self._moved: Tensor | None = None

    # ------------------------------------------------------------------------------------------ places

    def _generator(self, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.settings.seed * 2 + self.number) * 1_000_003 + epoch)

    def _off_the_gaussians(self, voxels_a: Tensor, generator: torch.Generator) -> Tensor:
        """Places ``(m, 3)`` between voxels; some anywhere in the box when there is a mask."""
        frame, masked = self.half.model.frame, self.half.model.mask is not None
        n_anywhere = int(PART_ANYWHERE * VOXELS_KEPT) if masked else 0
        voxels = voxels_a.cpu()
        chosen = voxels[torch.randperm(len(voxels), generator=generator)[: VOXELS_KEPT - n_anywhere]]
        places = chosen + (torch.rand(chosen.shape, generator=generator) - 0.5) * frame.voxel_size_a
        anywhere = (torch.rand(n_anywhere, 3, generator=generator) - 0.5) * frame.side_a
        return torch.cat((places, anywhere)).to(self.device)

    def _places(self, generator: torch.Generator) -> tuple[Tensor, list[int]]:
        """Places ``(n, 3)`` of an epoch, and how many there are of each kind."""
        gaussians = self.half.model.positions.detach()
        kinds = [gaussians]
        if self.settings.noise:
            kinds.append(
                gaussians + NOISE_A * torch.randn(gaussians.shape, generator=generator).to(gaussians)
            )
        if len(self._off):
            kinds.append(self._off)
        return torch.cat(kinds), [len(kind) for kind in kinds]

    @property
    def bytes_stored(self) -> int:
        """Memory that the displaced places of all particles take."""
        places = self.half.model.n_points + len(self._off)
        return 12 * len(self.half.means) * places

    # ---------------------------------------------------------------------------------------- training

    def train_epoch(self, after_each: Callable[[], None] | None = None) -> None:
        """Show the network every particle once; ``after_each`` is called after each step.

        Raises
        ------
        UserError
            If the training diverges.
        """
        settings, model, means = self.settings, self.half.model, self.half.means
        self.epoch += 1
        generator = self._generator(self.epoch)
        with torch.no_grad():
            places, counts = self._places(generator)
            # Jittered places change in every epoch, so what is stored of them would be of no use again.
            if settings.store and not settings.noise:
                if self._moved is None:
                    self._moved = self._all_moved(places)
                modes = None
            else:
                modes = model.basis(places)
        batches = torch.randperm(len(means), generator=generator).split(settings.batch_size)
        first_step, all_steps = (self.epoch - 1) * len(batches), settings.n_epochs * len(batches)
        total = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches):
            self._set_rate(first_step + number, all_steps)
            which = _draw(counts, len(batch), generator).to(self.device)
            rows = batch.to(self.device)
            rest = places[which]
            if modes is None:
                assert self._moved is not None
                moved = self._moved[rows[:, None], which]
            else:
                moved = rest + torch.einsum("bnck,bk->bnc", modes[which], self._coefficients[rows])
            back = self.network(means[rows], moved)
            loss = nn.functional.smooth_l1_loss(back, rest, beta=LINEAR_BEYOND_A)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            total += loss.detach()
            if after_each is not None:
                after_each()
        self.loss_a = float(total) / max(1, len(batches))
        if not math.isfinite(self.loss_a):
            raise UserError(
                f"the inverse network of half-set {self.number} diverged in epoch {self.epoch}",
                hint="Choose the numerical method, which needs no training.",
            )

    def _all_moved(self, places: Tensor) -> Tensor:
        """Displaced places ``(p, n, 3)`` of all particles."""
        modes = self.half.model.basis(places)
        moved = places.new_empty(len(self._coefficients), len(places), 3)
        for start in range(0, len(moved), 64):
            moved[start : start + 64] = places + displace(self._coefficients[start : start + 64], modes)
        return moved

    def _set_rate(self, step: int, steps: int) -> None:
        falling = 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP_STEPS) * (LAST_RATE + (1 - LAST_RATE) * falling)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def look(self) -> tuple[float, float]:
        """Median round-trip error in Å of some particles: at Gaussians, and off them."""
        model = self.half.model
        chosen = torch.arange(0, len(self.half.means), max(1, len(self.half.means) // _STATES_LOOKED_AT))
        states, coefficients = self.half.means[chosen], self._coefficients[chosen]
        generator = self._generator(0)
        found = []
        for places in (model.positions.detach(), self._off):
            order = torch.randperm(len(places), generator=generator)[:_PLACES_LOOKED_AT].to(self.device)
            rest = places[order]
            moved = rest + displace(coefficients, model.basis(rest))
            errors = (self.network(states, moved) - rest).norm(dim=2)
            found.append(float(errors.median()) if errors.numel() else float("nan"))
        return found[0], found[1]

    # --------------------------------------------------------------------------------------- checkpoint

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        return {
            "epoch": self.epoch,
            "loss_a": self.loss_a,
            "network": self.network.state(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""
        self.epoch, self.loss_a = int(state["epoch"]), float(state["loss_a"])
        self.network.load_state_dict(dict(state["network"]["weights"]))
        self.optimiser.load_state_dict(dict(state["optimiser"]))


def _draw(counts: list[int], n_particles: int, generator: torch.Generator) -> Tensor:
    """Numbers ``(b, PLACES_PER_PARTICLE)`` of places, as many of each kind as of any other."""
    parts, start = [], 0
    for kind, count in enumerate(counts):
        share = (kind + 1) * PLACES_PER_PARTICLE // len(counts) - kind * PLACES_PER_PARTICLE // len(counts)
        parts.append(torch.randint(start, start + count, (n_particles, share), generator=generator))
        start += count
    return torch.cat(parts, 1)
