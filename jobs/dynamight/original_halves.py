"""Both half-sets of a checkpoint of the original, ready to be evaluated, in Å."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import FormatError
from jobs.dynamight.model import Frame
from jobs.dynamight.original_checkpoint import OriginalCheckpoint, OriginalHalf, read_original_checkpoint
from jobs.dynamight.original_networks import (
    FlexibleNetwork,
    Layers,
    OriginalEncoder,
    RigidNetwork,
    mask_holds,
)
from jobs.maths.gaussians import transfer

#: Mean variance (px²) that spreading a point over the two nearest pixels of an axis adds to its image.
_SPREAD: Final = 1 / 6
#: Narrowest Gaussian in voxels that a map can show.
_NARROWEST: Final = 0.5


@dataclass(frozen=True)
class Points:
    """Points prepared for many states: ``(n, 3)`` in box fractions, and what does not depend on the state.

    Attributes
    ----------
    fractions
        Where they are.
    coded
        What the first layer makes of them; None with rigid bodies.
    members
        ``(n,)`` which of them move, or ``(m, n)`` which belong to each body; None when all move.
    """

    fractions: Tensor
    coded: Tensor | None
    members: Tensor | None


class OriginalCloud:
    """Gaussians of a half-set and how they move.

    Parameters
    ----------
    half
        Consensus as read.
    network
        What moves it.
    frame
        The box.
    device
        Where to compute.
    """

    def __init__(
        self, half: OriginalHalf, network: FlexibleNetwork | RigidNetwork, frame: Frame, device: str
    ) -> None:
        self.frame = frame
        self._half, self._network, self._device = half, network.to(device), device
        self.fractions = half.positions.detach().float().to(device)
        self.positions = self.fractions * frame.side_a
        self._weights, self._widths = (part.to(device) for part in _rendered(half, frame))
        self.own = self._prepared(self.fractions, own=True)

    def weights(self) -> Tensor:
        """Weights ``(C, N)`` in the grey scale of the images."""
        return self._weights

    def widths(self) -> Tensor:
        """Standard deviations ``(C,)`` in Å."""
        return self._widths

    def transfer(self, working_box: int) -> Tensor:
        """Fourier filter ``(C, d, d // 2 + 1)`` of the widths for images of a working box, orthonormal."""
        return transfer(self._widths, working_box, self.frame.side_a / working_box) / self.frame.box

    def project(self, points_a: Tensor, rotations: Tensor, working_box: int) -> Tensor:
        """Project points ``(n, 3)`` in Å to pixels ``(b, n, 2)`` of the working box."""
        return points_a @ rotations[:, :2].transpose(1, 2) * (working_box / self.frame.side_a)

    def prepare(self, points_a: Tensor) -> Points:
        """Prepare any points ``(n, 3)`` of the consensus, in Å."""
        return self._prepared(points_a.to(self._device) / self.frame.side_a, own=False)

    @torch.no_grad()
    def displacement(self, latents: Tensor, points: Points) -> Tensor:
        """Displacement ``(b, n, 3)`` in Å of prepared points in states ``(b, L)``."""
        at = points.fractions
        if self._half.still:
            return latents.new_zeros(len(latents), len(at), 3)
        if isinstance(self._network, RigidNetwork):
            return self._by_bodies(self._network, latents, points) * self.frame.side_a
        assert points.coded is not None
        if points.members is None:
            return self._network.residual(latents, points.coded) * self.frame.side_a
        moved = latents.new_zeros(len(latents), len(at), 3)
        moved[:, points.members] = self._network.residual(latents, points.coded[points.members])
        return moved * self.frame.side_a

    @staticmethod
    def _by_bodies(network: RigidNetwork, latents: Tensor, points: Points) -> Tensor:
        at, members = points.fractions, points.members
        rotations, shifts = network.motions(latents)
        moved = at.expand(len(latents), -1, -1).clone()
        for body in range(network.n_bodies if members is not None else 0):
            assert members is not None
            inside = members[body]
            moved[:, inside] = at[inside] @ rotations[:, body].transpose(1, 2) + shifts[:, body, None]
        return moved - at

    def _prepared(self, fractions: Tensor, *, own: bool) -> Points:
        half, n = self._half, len(fractions)
        if isinstance(self._network, RigidNetwork):
            if own and half.bodies:
                rows = [_flags(indices, n, self._device) for indices in half.bodies]
            else:
                rows = [mask_holds(mask, fractions) for mask in half.body_masks]
            return Points(fractions, None, torch.stack(rows) if rows else None)
        members = None
        if half.mask is not None and half.active is not None:
            known = own and (not len(half.active) or int(half.active.max()) < n)
            members = _flags(half.active, n, self._device) if known else mask_holds(half.mask, fractions)
        return Points(fractions, self._network.prepare(fractions), members)


@dataclass(frozen=True)
class OriginalModel:
    """Everything of a checkpoint that is evaluated.

    Attributes
    ----------
    checkpoint
        What was read.
    frame
        The box; the origin of maps is 0, as the original writes them.
    clouds, encoders
        Of half-sets 1 and 2.
    n_latent
        Latent coordinates.
    """

    checkpoint: OriginalCheckpoint
    frame: Frame
    clouds: tuple[OriginalCloud, OriginalCloud]
    encoders: tuple[OriginalEncoder, OriginalEncoder]
    n_latent: int

    def halves_of(self, n_particles: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Half-set ``(P,)``, 1 or 2, of each particle, and which were held out.

        Those held out are divided between the half-sets as the original does for its later steps: the first
        half of its list goes to half-set 1.

        Raises
        ------
        FormatError
            If the checkpoint belongs to another number of particles.
        """
        checkpoint = self.checkpoint
        rows = [r for r in (checkpoint.rows_half1, checkpoint.rows_validation) if r is not None and len(r)]
        n_posed = n_particles if checkpoint.orientations is None else len(checkpoint.orientations)
        if not rows or n_posed != n_particles or max(int(r.max()) for r in rows) >= n_particles:
            raise FormatError(
                f"the checkpoint was not made from these {n_particles:,} particles",
                path=checkpoint.path,
                hint=f"Restore the particle file {checkpoint.star} as it was.",
            )
        half, held = np.full(n_particles, 2, np.int64), np.zeros(n_particles, np.bool_)
        if checkpoint.rows_half1 is not None:
            half[checkpoint.rows_half1.numpy()] = 1
        if checkpoint.rows_validation is not None:
            validation = checkpoint.rows_validation.numpy()
            held[validation] = True
            half[validation[: len(validation) // 2]] = 1
        return half, held


def load_original(path: Path, device: str = "cpu") -> OriginalModel:
    """Read a checkpoint of the original for evaluation.

    Raises
    ------
    FormatError
        If it is damaged, of another program, harmful, lacks what is needed, or is of an unknown version.
    """
    checkpoint = read_original_checkpoint(path)
    if "inv_half1" in checkpoint.weights:
        raise FormatError(
            "this checkpoint holds inverse deformations only, which cannot be explored",
            path=path,
            hint="Choose forward_deformations/checkpoints/checkpoint_final.pth of the same job.",
        )
    lacking = [
        words
        for words, found in (
            ("the Gaussians of both half-sets", len(checkpoint.halves) == 2),
            ("the box", checkpoint.box is not None),
            ("the pixel size", checkpoint.pixel_size_a is not None),
            ("the half-sets", checkpoint.rows_half1 is not None),
        )
        if not found
    ]
    if lacking or checkpoint.box is None or checkpoint.pixel_size_a is None:
        raise FormatError(f"the checkpoint lacks {', '.join(lacking)}", path=path)
    frame = Frame(checkpoint.box, checkpoint.pixel_size_a)

    def layers(name: str) -> Layers:
        return Layers(checkpoint.weights.get(name, {}), path, name)

    encoders = [OriginalEncoder.of(layers(f"encoder_half{h}"), frame.box).to(device) for h in (1, 2)]
    n_latent = encoders[0].n_latent
    clouds = []
    for number, half in enumerate(checkpoint.halves, 1):
        named = layers(f"decoder_half{number}")
        rigid = named.take("output.0.weight").shape[0] != 3
        network = (
            RigidNetwork(named, n_latent)
            if rigid
            else FlexibleNetwork(named, frame.box, n_latent, FlexibleNetwork.FORWARD)
        )
        if isinstance(network, RigidNetwork) and len(half.body_masks) != network.n_bodies:
            raise FormatError("the checkpoint lacks the masks of its rigid bodies", path=path)
        clouds.append(OriginalCloud(half, network, frame, device))
    return OriginalModel(checkpoint, frame, (clouds[0], clouds[1]), (encoders[0], encoders[1]), n_latent)


def load_inverse(path: Path, model: OriginalModel) -> tuple[FlexibleNetwork, FlexibleNetwork]:
    """Read both networks of inverse deformations that belong to a model.

    Raises
    ------
    FormatError
        If the file holds none, or is damaged.
    """
    checkpoint = read_original_checkpoint(path)
    first, second = (
        FlexibleNetwork(
            Layers(checkpoint.weights.get(name, {}), path, name),
            model.frame.box,
            model.n_latent,
            FlexibleNetwork.INVERSE,
        )
        for name in ("inv_half1", "inv_half2")
    )
    return first, second


def _rendered(half: OriginalHalf, frame: Frame) -> tuple[Tensor, Tensor]:
    """Weights ``(C, N)`` in the grey scale of images and widths ``(C,)`` in Å of a half-set.

    The original spreads points over the nearest pixels and convolves them with exp(-(2r)²/B²), 2r rounded,
    times (0.01 + A²)/B and, by its choice of transforms, over the box. Sum and second moment of that kernel
    are those of the Gaussians here.
    """
    if half.widths is None or half.scales is None or half.amplitudes is None:
        raise FormatError("the checkpoint lacks widths or amplitudes of its Gaussians")
    axis = torch.arange(frame.box, dtype=torch.float64) - frame.box // 2
    square = axis[:, None] ** 2 + axis[None, :] ** 2
    doubled = (2 * square.sqrt()).round()
    widths, scales = half.widths.double(), half.scales.double()
    kernels = torch.exp(-(doubled[None] ** 2) / widths[:, None, None] ** 2)
    sums = kernels.sum((1, 2))
    variance = (kernels * square).sum((1, 2)) / (2 * sums) + _SPREAD
    factors = sums * (0.01 + scales**2) / widths / frame.box
    sigmas = variance.sqrt().clamp(min=_NARROWEST) * frame.voxel_size_a
    return (half.amplitudes.detach().double() * factors[:, None]).float(), sigmas.float()


def _flags(indices: Tensor, n: int, device: str) -> Tensor:
    flags = torch.zeros(n, dtype=torch.bool, device=device)
    flags[indices.long().to(device)] = True
    return flags


def mean_width(cloud: OriginalCloud) -> tuple[Tensor, Tensor]:
    """Total weight and mean width in Å ``(N,)`` of each Gaussian."""
    weights = cloud.weights()
    share = weights.abs() / weights.abs().sum(0).clamp(min=math.ulp(1.0))
    return weights.sum(0), (share * cloud.widths()[:, None]).sum(0)
