"""The task "Estimate inverse deformations": the way back from moved molecules, and how well it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from jobs.dynamight.displacements import find_checkpoint, particles_of
from jobs.dynamight.field import displace
from jobs.dynamight.inverse_errors import HalfErrors
from jobs.dynamight.inverse_field import InverseField, choose_spacing, evaluate_inverse
from jobs.dynamight.inverse_figure import round_trip_figures
from jobs.dynamight.inverse_learning import learn
from jobs.dynamight.inverse_options import NETWORK
from jobs.dynamight.inverse_state import (
    inverse_path,
    networks_path,
    read_unfinished,
    run_key,
    unfinished_path,
    write_inverse,
    write_particle_errors,
    write_table,
    write_unfinished,
)
from jobs.dynamight.model import Frame, GaussianModel
from jobs.dynamight.state import TrainedHalf, TrainedModel, load_model
from jobs.maths.coordinates import centred_to_chimerax
from jobs.maths.masks import mask_from_points

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

__all__ = ["evaluate_inverse", "run"]

#: Voxels at which the way back of each particle is tried; each particle has others, so all have their turn.
VOXELS_PER_PARTICLE = 96
#: Gaussians at which it is tried, when there are more: each particle has others too.
GAUSSIANS_PER_PARTICLE = 2048
#: Distance in Å from the Gaussians that counts as the molecule when there is no mask.
MOLECULE_A = 8.0
#: Part of the places tried below which folds are mentioned but not warned of.
FEW_FOLDS = 1e-4
_SAVE_S, _REPORT_S = 3.0, 0.5


def run(context: WorkerContext) -> None:
    """Find how to invert the displacements of both half-sets, and measure it for every particle."""
    options = cast("DynaMightOptions", context.options)
    job = context.folder.path
    chosen = context.project_dir / options.fn_checkpoint if options.fn_checkpoint else None
    model = load_model(find_checkpoint(job, chosen), torch.device(context.device))
    particles = particles_of(model, context.project_dir)
    with_network = options.inverse_method == NETWORK
    how = (
        "networks are trained for the way back"
        if with_network
        else "the forward motion is inverted numerically"
    )
    context.say(f"Inverse deformations of {model.path.name}: {how}")
    if not with_network:
        context.say(_unused(options))
    probes = []
    for number, half in enumerate(model.halves, 1):
        context.check_abort()
        probe = prepare_probe(half, context.seed + number)
        table = probe.field.table
        context.say(
            f"Half-set {number}: {len(half.rows):,} particles, modes tabulated at {table.n_nodes}³ nodes "
            f"{table.spacing_a:.2f} Å apart, round trip tried at {len(half.model.positions):,} Gaussians and "
            f"{len(probe.voxels_a)} voxels {_inside(half.model)}"
        )
        probes.append(probe)
    chunk = min(probe.field.states_at_once for probe in probes)
    if with_network:
        fields = learn(context, options, model, probes)
        probes = [replace(probe, field=field) for probe, field in zip(probes, fields, strict=True)]
    key = run_key(model, [probe.field for probe in probes], context.seed, chunk)
    kept = read_unfinished(unfinished_path(job), key)
    if kept is not None:
        context.say(f"Resuming after {sum(half.done for half in kept)} particles")
    errors = kept or [HalfErrors.of(len(half.rows)) for half in model.halves]
    watch = _Watch(context, errors, key, _inside(model.halves[0].model))
    for probe, half_errors in zip(probes, errors, strict=True):
        measure(probe, half_errors, chunk, watch)
    (job / inverse_path(job).parent).mkdir(parents=True, exist_ok=True)
    write_table(job, errors)
    write_particle_errors(job, model, particles.image_name, errors)
    write_inverse(inverse_path(job), model, [probe.field for probe in probes], errors)
    unfinished_path(job).unlink(missing_ok=True)
    networks_path(job).unlink(missing_ok=True)
    for sentence in verdict(model, errors):
        context.say(sentence)


@dataclass(frozen=True)
class Probe:
    """Where the way back of a half-set is tried.

    Attributes
    ----------
    half
        Model and particles.
    field
        The way back.
    gaussians
        ``(n,)`` Gaussians, shuffled.
    voxels_a
        ``(m, 3)`` voxels in Å, shuffled.
    """

    half: TrainedHalf
    field: InverseField
    gaussians: Tensor
    voxels_a: Tensor


def prepare_probe(half: TrainedHalf, seed: int) -> Probe:
    """Tabulate the modes of a half-set and shuffle the places where the way back is tried."""
    model = half.model
    generator = torch.Generator().manual_seed(seed)
    voxels = voxels_inside(model)
    voxels = voxels[torch.randperm(len(voxels), generator=generator).to(voxels.device)]
    gaussians = torch.randperm(model.n_points, generator=generator).to(voxels.device)
    field = InverseField(model, choose_spacing(model, half.means))
    # The kernel is compiled on its first call after an installation; that is no part of the measured time.
    field.invert(half.means[:1], voxels[:1])
    return Probe(half, field, gaussians, voxels)


def voxels_inside(model: GaussianModel) -> Tensor:
    """Voxels ``(m, 3)`` in Å that may move: those inside the mask, or near the Gaussians without one."""
    frame = model.frame
    mask = model.mask
    if mask is None:
        points = model.positions.detach().cpu()
        mask = mask_from_points(points, frame.box, frame.voxel_size_a, MOLECULE_A)
    z, y, x = (mask > 0.5).nonzero().to(model.positions.device).unbind(1)
    return (torch.stack((x, y, z), 1).float() - frame.box // 2) * frame.voxel_size_a


@torch.no_grad()
def measure(
    probe: Probe, errors: HalfErrors, chunk: int, after_each: Callable[[], None] | None = None
) -> None:
    """Measure the round trip of all particles of a half-set that have not been measured yet.

    At the Gaussians: how far the way back from where they moved (exactly, by the network) ends from where
    they lie.  At voxels: how far the way back followed by the exact motion ends from the voxel.

    Parameters
    ----------
    probe: Probe
        Where.
    errors: HalfErrors
        Added to, in the order of the particles.
    chunk: int
        Particles at once.
    after_each: callable
        Called after each chunk.
    """
    model, means = probe.half.model, probe.half.means
    positions = model.positions
    basis = model.basis(positions)
    n_gaussians = min(GAUSSIANS_PER_PARTICLE, len(positions))
    n_voxels = min(VOXELS_PER_PARTICLE, len(probe.voxels_a))
    while errors.done < len(means):
        first = errors.done
        states = means[first : first + chunk]
        coefficients = model.field.coefficients(states)
        if n_gaussians == len(positions):
            moved = positions + displace(coefficients, basis)
            rest = positions.expand_as(moved)
        else:
            which = probe.gaussians[_turn(first, len(states), n_gaussians, probe.gaussians)]
            rest = positions[which]
            moved = rest + torch.einsum("bnck,bk->bnc", basis[which], coefficients)
        voxels = probe.voxels_a[_turn(first, len(states), n_voxels, probe.voxels_a)]
        found = probe.field.invert(states, torch.cat((moved, voxels), 1))
        back, ends = found.points_a.split((n_gaussians, n_voxels), 1)
        folded_back, folded_ends = found.folded().split((n_gaussians, n_voxels), 1)
        exact = model.basis(ends.reshape(-1, 3)).view(*ends.shape, -1)
        again = ends + torch.einsum("bnck,bk->bnc", exact, coefficients)
        errors.add(
            {"gaussians": (back - rest).norm(dim=2), "voxels": (again - voxels).norm(dim=2)},
            {"gaussians": folded_back, "voxels": folded_ends},
            {"gaussians": back, "voxels": ends},
        )
        if after_each is not None:
            after_each()


def _turn(first: int, n_states: int, count: int, places: Tensor) -> Tensor:
    """Places ``(b, count)`` whose turn it is at particles ``first`` and following."""
    numbers = torch.arange(first * count, (first + n_states) * count, device=places.device)
    return numbers.remainder(max(1, len(places))).view(n_states, count)


class _Watch:
    """Follows a run: abort, progress, partial results."""

    def __init__(self, context: WorkerContext, errors: Sequence[HalfErrors], key: str, inside: str) -> None:
        self.context, self.errors, self.key, self.inside = context, errors, key, inside
        self.total = sum(len(half.particles) for half in errors)
        self._began = self._saved = time.monotonic()
        self._reported = 0.0
        self._first = self._done()

    def _done(self) -> int:
        return sum(half.done for half in self.errors)

    def __call__(self) -> None:
        """Do what is due after some more particles."""
        self.context.check_abort()
        now, done = time.monotonic(), self._done()
        if now - self._saved > _SAVE_S and done < self.total:
            write_unfinished(unfinished_path(self.context.folder.path), self.key, self.errors)
            self._saved = time.monotonic()
        if now - self._reported < _REPORT_S and done < self.total:
            return
        self._reported = now
        values: dict[str, float] = {}
        for number, half in enumerate(self.errors, 1):
            if half.done:
                values[f"round_trip_A_half{number}"] = half.at["gaussians"].quantile(0.5)
                values[f"round_trip_voxels_A_half{number}"] = half.at["voxels"].quantile(0.5)
                values[f"folded_percent_half{number}"] = 100 * half.folded_fraction
        values["particles_per_s"] = (done - self._first) / max(1e-9, now - self._began)
        self.context.progress("inverse", done, self.total, **values)
        for name, figure in round_trip_figures(self.errors, self.inside).items():
            self.context.save_figure(name, figure)


def _unused(options: DynaMightOptions) -> str:
    """Options that numerical inversion has no use for, in a sentence; they are those of the network."""
    stored = ", and displacements are needed only once, so none are stored" if options.do_store_deform else ""
    return f"Nothing is trained, so the number of epochs ({options.nr_epochs}) has no effect{stored}"


def _inside(model: GaussianModel) -> str:
    return "inside the molecule" if model.mask is None else "inside the mask"


def verdict(model: TrainedModel, errors: Sequence[HalfErrors]) -> list[str]:
    """What was found, in sentences: how well the way back is known, and where there is none."""
    inside = _inside(model.halves[0].model)
    found = [
        f"median {half.at['gaussians'].quantile(0.5):.3f} Å at the Gaussians, "
        f"{half.at['voxels'].quantile(0.5):.3f} Å {inside} (95 % within "
        f"{half.at['gaussians'].quantile(0.95):.3f} and {half.at['voxels'].quantile(0.95):.3f} Å)"
        for half in errors
    ]
    sentences = [f"Round trip: half-set 1: {found[0]}; half-set 2: {found[1]}."]
    for number, half in enumerate(errors, 1):
        if half.n_folded:
            sentences.append(_fold_warning(number, half, model.frame))
    return sentences


def _fold_warning(number: int, half: HalfErrors, frame: Frame) -> str:
    centre, spread = half.fold_place()
    place = centred_to_chimerax(
        torch.from_numpy(centre), frame.box, frame.voxel_size_a, frame.origin_a
    ).tolist()
    x, y, z = (f"{value:.0f}" for value in place)
    tried = sum(errors.n for errors in half.at.values())
    where = f"within about {spread:.0f} Å of ({x}, {y}, {z}) Å in the frame of the map"
    if half.folded_fraction < FEW_FOLDS:
        return (
            f"In half-set {number} the way back is not unique at {half.n_folded} of {tried:,} places tried, "
            f"{where}: too few to matter."
        )
    return (
        f"Warning: in half-set {number} the motion folds space onto itself at "
        f"{100 * half.folded_fraction:.2g} % of the places tried, {where}: there the way back is not unique. "
        "A larger regularization factor makes motions smoother."
    )
