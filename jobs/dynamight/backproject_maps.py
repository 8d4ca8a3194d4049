"""What half-maps of a backprojection are judged by: masks, moving and static parts, FSCs, grey scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jobs.dynamight.state import TrainedModel
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.fourier import rfft_weights, shell_index, volume_to_rfft
from jobs.maths.fsc import fsc, resolution_at
from jobs.maths.gaussians import radius_graph
from jobs.maths.masks import mask_from_points

#: Reach of masks about Gaussians, and their soft edge, Å.
REACH_A, EDGE_A = 10.0, 6.0
#: The same of the combined map's: on simulated hinges what lies farther out is noise alone.
_TIGHT_A, _TIGHT_EDGE_A = 6.0, 6.0
#: Domains are told apart when the faster moves this much, Å, and this many times as far as the slower.
_MOVES_A, _TIMES = 1.0, 2.0
#: Shells in which the half-maps agree this well set the grey scale.
_AGREE = 0.8


def _reach(model: TrainedModel) -> tuple[float, float]:
    """Reach and soft edge in Å: at least from one Gaussian to the next, and some voxels."""
    voxel = model.frame.voxel_size_a
    distance = max(radius_graph(half.model.positions)[1] for half in model.halves)
    return max(REACH_A, distance, 2 * voxel), max(EDGE_A, 2 * voxel)


def molecule_mask(model: TrainedModel) -> Tensor:
    """Soft mask ``(D, D, D)`` about the Gaussians of both half-sets, on the CPU."""
    points = torch.cat([half.model.positions.detach().cpu() for half in model.halves])
    return mask_from_points(points, model.frame.box, model.frame.voxel_size_a, *_reach(model))


def combined_map(halves: tuple[Tensor, Tensor], model: TrainedModel) -> Tensor:
    """Mean of half-maps ``(D, D, D)``, each without what lies far from the Gaussians of its half-set.

    It is closer to the truth than the half-maps' mean, and meant to be looked at.  Half-maps keep their
    solvent: their correlation would otherwise tell of the shape of the masks.
    """
    frame = model.frame
    total = torch.zeros_like(halves[0])
    for volume, half in zip(halves, model.halves, strict=True):
        points = half.model.positions.detach().cpu()
        reach = max(_TIGHT_A, radius_graph(points)[1], 2 * frame.voxel_size_a)
        edge = max(_TIGHT_EDGE_A, 2 * frame.voxel_size_a)
        envelope = mask_from_points(points, frame.box, frame.voxel_size_a, reach, edge)
        total += volume * envelope.to(volume.device) / 2
    return total


@torch.no_grad()
def domain_masks(model: TrainedModel) -> dict[str, Tensor]:
    """Soft masks of the moving and the static part; empty when the molecule is not made of such parts.

    The Gaussians are divided by their rms displacement over the particles into two clusters (k-means).
    """
    points, amounts = [], []
    for half in model.halves:
        coefficients = half.model.field.coefficients(half.means)
        second = coefficients.T @ coefficients / len(coefficients)
        modes = half.model.basis(half.model.positions)
        amounts.append(torch.einsum("nik,kl,nil->n", modes, second, modes).clamp(min=0).sqrt().cpu())
        points.append(half.model.positions.detach().cpu())
    amount, cloud = torch.cat(amounts), torch.cat(points)
    low, high = float(amount.min()), float(amount.max())
    for _ in range(50):
        fast = (amount - low).abs() > (amount - high).abs()
        if not bool(fast.any()) or bool(fast.all()):
            return {}
        low, high = float(amount[~fast].mean()), float(amount[fast].mean())
    if high < _MOVES_A or high < _TIMES * low:
        return {}
    frame, reach = model.frame, _reach(model)
    return {
        "moving": mask_from_points(cloud[fast], frame.box, frame.voxel_size_a, *reach),
        "static": mask_from_points(cloud[~fast], frame.box, frame.voxel_size_a, *reach),
    }


@dataclass(frozen=True)
class Curves:
    """Fourier shell correlations ``(D // 2 + 1,)`` between half-maps, by reconstruction and mask."""

    values: dict[tuple[str, str], Tensor]
    voxel_size_a: float

    @classmethod
    def of(
        cls,
        maps: Mapping[str, tuple[Tensor, Tensor]],
        masks: Mapping[str, Tensor | None],
        voxel_size_a: float,
    ) -> Curves:
        """Correlate the half-maps of every reconstruction within every mask (None: without)."""
        values = {
            (kind, name): fsc(first.cpu(), second.cpu(), mask)
            for kind, (first, second) in maps.items()
            for name, mask in masks.items()
        }
        return cls(values, voxel_size_a)

    def resolution(self, kind: str, mask: str, level: float) -> float:
        """Resolution in Å of one of the curves."""
        return resolution_at(self.values[kind, mask], self.voxel_size_a, level)

    def frequencies(self) -> np.ndarray:
        """Frequencies ``(D // 2 + 1,)`` of the shells in 1/Å."""
        n = len(next(iter(self.values.values())))
        return np.arange(n) / (2 * (n - 1) * self.voxel_size_a)

    def write(self, path: Path) -> None:
        """Write a STAR file: frequency in 1/Å, resolution in Å, and a column per curve."""
        frequency = self.frequencies()
        with np.errstate(divide="ignore"):
            length = np.where(frequency > 0, 1 / frequency, 999.0)
        columns: dict[str, np.ndarray] = {
            "rlnSpectralIndex": np.arange(len(frequency)),
            "rlnResolution": frequency,
            "rlnAngstromResolution": length,
        }
        for (kind, mask), values in self.values.items():
            columns[f"hsFsc{kind.capitalize()}{mask.capitalize()}"] = values.double().numpy()
        write_star_tables(path, [StarTable.from_columns("fsc", columns)])


def grey_scale(halves: tuple[Tensor, Tensor], reference: Tensor, mask: Tensor) -> float:
    """Factor that brings half-maps to the grey scale of a map, 1 when they have nothing in common.

    The regression uses the shells in which the half-maps agree, and their cross power, which noise does not
    raise.

    Parameters
    ----------
    halves: tuple of torch.Tensor
        ``(D, D, D)`` half-maps.
    reference: torch.Tensor
        ``(D, D, D)`` map.
    mask: torch.Tensor
        ``(D, D, D)`` where they are compared.
    """
    box = mask.shape[0]
    first, second, wanted = (volume_to_rfft(v.cpu() * mask) for v in (*halves, reference))
    curve = fsc(halves[0].cpu(), halves[1].cpu(), mask)
    agreed = torch.cumprod((curve[1:] > _AGREE).int(), 0)
    good = torch.cat((torch.zeros(1), agreed, torch.zeros(1)))  # neither the mean nor the corners
    counted = good[shell_index(box, ndim=3)] * rfft_weights(box)
    mean = (first + second) / 2
    above = float(((mean.conj() * wanted).real * counted).sum(dtype=torch.float64))
    below = float(((first.conj() * second).real * counted).sum(dtype=torch.float64))
    return above / below if below > 0 and above > 0 else 1.0
