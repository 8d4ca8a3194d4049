"""Gaussians placed on an atomic model instead of in density: one per bead of its residues."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.atomic_graph import BIAS, ModelGraph, model_graph
from jobs.dynamight.model import Frame
from jobs.formats.residues import Beads, read_beads
from jobs.maths.coordinates import chimerax_to_centred
from jobs.maths.gaussians import automatic_threshold, render_volume

if TYPE_CHECKING:
    from jobs.dynamight.half_training import HalfTraining
    from jobs.dynamight.settings import TrainingSettings
    from jobs.formats.mrc import MapFile

#: Width in Å at which a model is compared with a map, and the correlations below which it does not fit.
_COMPARED_AT_A = 4.0
_NO_FIT, _POOR_FIT = 0.1, 0.4
_HINT = "Fit the model into the consensus map and save it in the map's frame."


@dataclass(frozen=True)
class PlacedBeads:
    """An atomic model as the start of a training.

    Attributes
    ----------
    points_a
        ``(n, 3)`` Gaussians in Å relative to the box centre.
    electrons
        ``(n,)`` weight of each.
    graph
        Which of them are bonded or near along the chain, and how long that is in the model.
    notes
        Sentences for the log.
    """

    points_a: Tensor
    electrons: Tensor
    graph: ModelGraph
    notes: tuple[str, ...]

    @property
    def log_amplitudes(self) -> Tensor:
        """Logarithm ``(n,)`` of the weights over their mean."""
        return (self.electrons / self.electrons.mean()).log()


def place_beads(path: Path, frame: Frame, n_points: int) -> PlacedBeads:
    """Read an atomic model that has been fitted into the consensus map.

    Parameters
    ----------
    path: Path
        PDB or mmCIF file, in the frame in which the map is seen.
    frame: Frame
        Box of the map.
    n_points: int
        Gaussians wanted at most: with fewer than there are beads, runs of neighbouring beads are merged.

    Raises
    ------
    UserError
        If the file cannot be read, or no part of the model lies in the box.
    """
    beads = read_beads(path)
    centred = chimerax_to_centred(
        torch.from_numpy(beads.xyz_a).double(), frame.box, frame.voxel_size_a, frame.origin_a
    )
    inside = (centred.abs() < 0.5 * frame.side_a).all(1).numpy()
    if int(inside.sum()) < 2:
        raise UserError(
            f"only {int(inside.sum()):,} of the {len(beads):,} beads of its atoms lie in the box of the map",
            path=path,
            hint=_HINT,
        )
    notes = [_what(beads, path.name)]
    if not inside.all():
        notes.append(
            f"Warning: {int((~inside).sum()):,} of {len(beads):,} beads of {path.name} lie "
            "outside the box of "
            f"the map and are left out. {_HINT}"
        )
    member = np.full(len(beads), -1, np.int64)
    kept = np.flatnonzero(inside)
    member[kept] = _runs(beads.chain[kept], n_points)
    n = int(member.max()) + 1
    weights = beads.electrons[kept]
    electrons = np.bincount(member[kept], weights, n)
    points = np.stack(
        [
            np.bincount(member[kept], weights * centred.numpy()[kept, axis], n) / electrons
            for axis in range(3)
        ],
        axis=1,
    )
    notes.append(_how_many(n, len(kept), n_points))
    return PlacedBeads(
        torch.from_numpy(points).float(),
        torch.from_numpy(electrons).float(),
        model_graph(beads, member, points),
        tuple(notes),
    )


def begin_with_model(
    path: Path,
    frame: Frame,
    settings: TrainingSettings,
    consensus: MapFile | None,
    say: Callable[[str], None],
) -> PlacedBeads:
    """Place Gaussians on a model, and say what it is, how it fits, and what restraining by it means."""
    placed = place_beads(path, frame, settings.n_gaussians)
    if settings.regularise_by_model:
        say(f"Warning: {BIAS}")
    for note in placed.notes:
        say(note)
    if consensus is not None:
        say(check_fit(placed, torch.from_numpy(consensus.data), frame, path))
    if settings.regularise_by_model:
        n_edges = placed.graph.edges.shape[1]
        say(
            f"{n_edges} distances of the atomic model are restrained: {placed.graph.n_bonds} bonds, and "
            f"{n_edges - placed.graph.n_bonds} between neighbours along the chains"
        )
    return placed


@torch.no_grad()
def start_half(half: HalfTraining, placed: PlacedBeads, *, restrain: bool) -> None:
    """Give the Gaussians of a half-set the weights of the beads, and hang them into the graph if wanted."""
    half.model.log_amplitudes.copy_(placed.log_amplitudes)
    if restrain:
        half.graph = placed.graph.to(half.device)


def _runs(chain: NDArray[np.int64], n_points: int) -> NDArray[np.int64]:
    """Group ``(n,)`` of every bead: its own, or equal runs along stretches of chain when there are too many.

    Consecutive beads are bonded, so runs of them lie close together.
    """
    n = len(chain)
    if n <= n_points:
        return np.arange(n)
    _, stretch, sizes = np.unique(chain, return_inverse=True, return_counts=True)
    if len(sizes) > n_points:
        # More pieces than Gaussians: only the order in the file is left.
        return np.arange(n) * n_points // n
    # Each stretch gets its share and one at least; what is left over goes where a run is longest.
    groups = np.maximum(1, sizes * n_points // n)
    while groups.sum() > n_points:
        groups[np.argmin(np.where(groups > 1, sizes / groups, np.inf))] -= 1
    while groups.sum() < n_points:
        groups[np.argmax(sizes / groups)] += 1
    result = np.empty(n, np.int64)
    first = 0
    for number, (size, count) in enumerate(zip(sizes, groups, strict=True)):
        result[stretch == number] = first + np.arange(size) * count // size
        first += count
    return result


def check_fit(placed: PlacedBeads, volume: Tensor, frame: Frame, path: Path) -> str:
    """Compare an atomic model with the map it should fit.

    Both are compared where either has density, so that the empty box around them does not count.

    Parameters
    ----------
    placed: PlacedBeads
        The model.
    volume: torch.Tensor
        ``(D, D, D)`` map ``[z, y, x]``.
    frame: Frame
        Its box.
    path: Path
        File of the model, for the message.

    Returns
    -------
    str
        A sentence with the correlation, beginning with a warning when it is poor.

    Raises
    ------
    UserError
        If the model does not fit at all.
    """
    volume = volume.detach().cpu().float()
    width = torch.tensor([max(_COMPARED_AT_A, frame.voxel_size_a)])
    rendered = render_volume(placed.points_a, placed.electrons[None], width, frame.box, frame.voxel_size_a)
    threshold = automatic_threshold(volume)
    region = (volume > threshold) | (rendered > 0.05 * rendered.max())
    correlation = _correlation(volume[region], rendered[region])
    index = (placed.points_a / frame.voxel_size_a + frame.box // 2).round().long().clamp(0, frame.box - 1)
    there = float(volume[index[:, 2], index[:, 1], index[:, 0]].mean())
    score = (there - float(volume.mean())) / max(float(volume.std()), 1e-30)
    numbers = (
        f"their correlation is {correlation:.2f}, and the mean density at the atoms is {there:.3g}, "
        f"{score:.1f} standard deviations above that of the box"
    )
    # A model of a small part of the map correlates poorly as well, but lies in density.
    if not correlation > _NO_FIT and not there > threshold:
        raise UserError(f"the atomic model does not fit the consensus map: {numbers}", path=path, hint=_HINT)
    if correlation < _POOR_FIT:
        return f"Warning: the atomic model {path.name} fits the consensus map poorly: {numbers}. {_HINT}"
    return f"The atomic model {path.name} fits the consensus map: {numbers}"


def _correlation(a: Tensor, b: Tensor) -> float:
    a, b = a.double() - a.double().mean(), b.double() - b.double().mean()
    below = float(a.norm() * b.norm())
    return float((a * b).sum()) / below if below > 0 and math.isfinite(below) else 0.0


def _what(beads: Beads, name: str) -> str:
    stretches = len(np.unique(beads.chain))
    said = (
        f"{name}: {beads.n_atoms} atoms of {int(beads.residue.max()) + 1} residues in {stretches} unbroken "
        f"stretches make {len(beads)} beads with {len(beads.bonds)} bonds"
    )
    if beads.n_breaks:
        said += f"; chains are broken in {beads.n_breaks} places, which no bond crosses"
    if beads.n_left_out:
        said += f"; {beads.n_left_out} atoms of water, hydrogen and other locations are left out"
    return said


def _how_many(n: int, n_beads: int, n_wanted: int) -> str:
    if n < n_beads:
        return (
            f"{n:,} Gaussians were asked for, fewer than the {n_beads:,} beads: neighbouring beads are merged"
        )
    if n_wanted > n:
        return (
            f"{n:,} Gaussians, one per bead; with an atomic model the number of Gaussians "
            f"({n_wanted:,}) only "
            "limits them"
        )
    return f"{n:,} Gaussians, one per bead"
