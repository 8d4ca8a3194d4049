"""The task "Search rigid bodies": the cloud is divided by how it moves, and every body gets masks.

masks/mask_body1.mrc ...           1 in the body, 0 elsewhere; together they cover the molecule, none overlap
masks/smooth_mask_body1.mrc ...    grown and with soft edges, for refinements
masks/bodies.star                  for RELION's multi-body refinement
masks/gaussians.star               the Gaussians, and which body each belongs to
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.backproject_maps import molecule_mask
from jobs.dynamight.bodies import NEIGHBOURS, Division, MovingCloud, divide
from jobs.dynamight.bodies_options import BODIES_STAR, MASKS
from jobs.dynamight.displacements import find_checkpoint
from jobs.dynamight.state import TrainedHalf, TrainedModel, load_model
from jobs.formats.mrc import write_map
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.coordinates import centred_to_chimerax
from jobs.maths.masks import mask_from_threshold, smooth_volume
from jobs.maths.rigid import ModeMoments, RigidFit, rotation_vectors

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

MASK_LABEL = "Mask3D.mrc.relion"
#: Motions are looked at in so many particles, spread over each half-set, and at so many Gaussians of it.
PARTICLES, GAUSSIANS = 256, 20_000
#: A body less compact than a motion of this size, in Å, has not been seen to move.
_SEEN_A = 0.5
#: Smallest prior of a multi-body refinement: degrees, and pixels.
_LEAST_DEG, _LEAST_PX = 2.0, 1.0
#: Values of a smooth mask below this are 0.
_FAINT = 0.01


def run(context: WorkerContext) -> None:
    """Divide the molecule into rigid bodies and write their masks."""
    options = cast("DynaMightOptions", context.options)
    job = context.folder.path
    chosen = context.project_dir / options.fn_checkpoint if options.fn_checkpoint else None
    model = load_model(find_checkpoint(job, chosen))
    cloud = moving_cloud(model, options.bodies_halfset)
    n_bodies = options.number_of_masks
    if len(cloud.points_a) < 4 * n_bodies:
        raise UserError(
            f"{len(cloud.points_a):,} Gaussians cannot be divided into {n_bodies} bodies",
            hint="Ask for fewer bodies, or train with more Gaussians.",
        )
    halves = "both half-sets" if not options.bodies_halfset else f"half-set {options.bodies_halfset}"
    context.say(
        f"Dividing {len(cloud.points_a):,} Gaussians of {halves} by how they move in "
        f"{len(cloud.coefficients)} "
        "particles"
    )

    def watch(done: int, of: int) -> None:
        context.check_abort()
        context.progress("divide", done, of)

    division = divide(cloud, n_bodies, options.refinement_iterations, watch)
    bodies = describe(cloud, division)
    for sentence in verdict(cloud, division, bodies):
        context.say(sentence)
    molecule = molecule_mask(model)
    labels = body_labels(molecule > 0, cloud.points_a, division.labels, model.frame.voxel_size_a)
    (job / MASKS).mkdir(exist_ok=True)
    _remove_others(job / MASKS, n_bodies)
    frame = model.frame
    shown = []
    for body in range(n_bodies):
        context.check_abort()
        context.progress("write masks", body, n_bodies)
        hard = (labels == body + 1).float()
        soft = smooth_mask(hard, options.mask_resolution, frame.voxel_size_a)
        for name, mask in ((f"mask_body{body + 1}", hard), (f"smooth_mask_body{body + 1}", soft)):
            write_map(job / MASKS / f"{name}.mrc", mask.numpy(), frame.voxel_size_a, frame.origin_a)
            context.add_output(f"{MASKS}/{name}.mrc", MASK_LABEL)
        shown.append(soft)
    context.progress("write masks", n_bodies, n_bodies)
    name = context.folder.name
    write_star_tables(job / BODIES_STAR, [bodies_table(bodies, name, frame.voxel_size_a)])
    write_star_tables(job / MASKS / "gaussians.star", [_gaussians(model, cloud, division)])
    context.say(f"Masks are in {name}{MASKS}/; multi-body refinement takes {name}{BODIES_STAR}")


@torch.no_grad()
def moving_cloud(model: TrainedModel, half_set: int = 0) -> MovingCloud:
    """Gaussians and motions of one half-set, or (0) of both: every particle moves all Gaussians."""
    halves: tuple[TrainedHalf, ...] = model.halves if half_set == 0 else (model.halves[half_set - 1],)
    points, weights = [], []
    for half in halves:
        step = max(1, -(-half.model.n_points // GAUSSIANS))
        points.append(half.model.positions.detach()[::step])
        amount = half.model.weights().sum(0)[::step]
        weights.append(amount / amount.mean())
    cloud = torch.cat(points)
    basis = torch.cat([half.model.basis(cloud) for half in halves], 2)
    states = [half.model.field.coefficients(half.means[_spread(len(half.rows))]) for half in halves]
    return MovingCloud(cloud, torch.cat(weights), basis, torch.block_diag(*states))


def _spread(count: int) -> Tensor:
    """Rows spread over a half-set."""
    return torch.linspace(0, max(0, count - 1), min(count, PARTICLES)).round().long()


@dataclass(frozen=True)
class Bodies:
    """What is known of the bodies.

    Attributes
    ----------
    share
        ``(B,)`` part of the molecule's weight.
    relative_to
        ``(B,)`` body (from 0) with which each has the largest interface.
    angle_deg, shift_a
        ``(B,)`` rms rotation, and rms shift of the centre, relative to that body.
    """

    share: Tensor
    relative_to: Tensor
    angle_deg: Tensor
    shift_a: Tensor


def describe(cloud: MovingCloud, division: Division) -> Bodies:
    """Sizes, neighbours and relative motions of the bodies."""
    labels, count = division.labels, len(division.left_a)
    members = torch.nn.functional.one_hot(labels, count).T.to(cloud.weights)
    moments = ModeMoments.of(cloud.points_a, cloud.basis, members * cloud.weights)
    fit = moments.fit(cloud.coefficients)
    points = cloud.points_a.double().numpy()
    near = np.asarray(cKDTree(points).query(points, k=min(len(points), NEIGHBOURS + 1))[1])
    contacts = torch.zeros(count, count, dtype=torch.long)
    pairs = labels[torch.from_numpy(near.astype(np.int64))]
    contacts.index_put_((labels[:, None].expand_as(pairs), pairs), torch.ones_like(pairs), accumulate=True)
    contacts = contacts + contacts.T
    centres = moments.point / moments.weight[:, None]
    relative = []
    for body in range(count):
        touching = contacts[body].clone()
        touching[body] = -1
        if int(touching.max()) == 0:
            # It touches nothing: the nearest body then.
            distance = (centres - centres[body]).norm(dim=1)
            distance[body] = torch.inf
            relative.append(int(distance.argmin()))
        else:
            relative.append(int(touching.argmax()))
    relative_to = torch.tensor(relative)
    turned, moved = relative_motion(fit, relative_to, centres)
    return Bodies(
        moments.weight / moments.weight.sum(),
        relative_to,
        torch.rad2deg(rotation_vectors(turned).square().sum(2).mean(0).sqrt()),
        moved.square().sum(2).mean(0).sqrt(),
    )


def relative_motion(fit: RigidFit, relative_to: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Motion of bodies as seen from others, after these have been put back where they were.

    Parameters
    ----------
    fit: RigidFit
        ``(b, B)`` motions from the consensus.
    relative_to: torch.Tensor
        ``(B,)`` body from which each is seen.
    centres: torch.Tensor
        ``(B, 3)`` their centres in Å.

    Returns
    -------
    tuple of torch.Tensor
        ``(b, B, 3, 3)`` rotations; ``(b, B, 3)`` shifts in Å of the centres.
    """
    back = fit.rotations[:, relative_to].transpose(-1, -2)
    moved = centres + fit.shift_of(centres.expand_as(fit.shifts)) - fit.shifts[:, relative_to]
    return back @ fit.rotations, (back @ moved[..., None]).squeeze(-1) - centres


def body_labels(inside: Tensor, points_a: Tensor, labels: Tensor, voxel_a: float) -> Tensor:
    """Body ``(D, D, D)`` of every voxel from 1, 0 outside: that of the Gaussians nearest to it.

    Parameters
    ----------
    inside: torch.Tensor
        ``(D, D, D)`` true in the molecule.
    points_a: torch.Tensor
        ``(n, 3)`` Gaussians in Å.
    labels: torch.Tensor
        ``(n,)`` their bodies from 0.
    voxel_a: float
        Voxel size in Å.
    """
    voxels = inside.nonzero()
    places = (voxels.flip(1).double() - inside.shape[0] // 2) * voxel_a
    count = min(5, len(points_a))
    tree = cKDTree(points_a.double().numpy())
    found = tree.query(places.numpy(), k=np.arange(1, count + 1))
    distance, near = (torch.from_numpy(np.asarray(values)) for values in found)
    votes = torch.zeros(len(voxels), int(labels.max()) + 1, dtype=torch.float64)
    votes.scatter_add_(1, labels[near], 1 / (distance**2 + voxel_a**2))
    result = torch.zeros(inside.shape, dtype=torch.long)
    result[tuple(voxels.T)] = votes.argmax(1) + 1
    return result


def smooth_mask(hard: Tensor, resolution_a: float, voxel_a: float) -> Tensor:
    """Low-pass a mask ``(D, D, D)``, grown before so that it stays 1 within what it covers.

    The filter is ``exp(-(f r)^2 / 2)`` at frequency ``f`` in 1/Å for the resolution ``r``.
    """
    sigma_px = resolution_a / (2 * math.pi) / voxel_a
    if sigma_px < 0.2:
        return hard.clone()
    grown = mask_from_threshold(hard, 0.5, 2 * sigma_px, 0.0)
    smooth = smooth_volume(grown, sigma_px).clamp(0, 1)
    return torch.where(smooth < _FAINT, 0.0, smooth)


def bodies_table(bodies: Bodies, job_name: str, voxel_a: float) -> StarTable:
    """Table for RELION's multi-body refinement: masks, and priors as wide as the motions that were found.

    The prior of offsets stands there in pixels and in Å: RELION 5 reads Å, earlier versions pixels.
    """
    count = len(bodies.share)
    offset_px = [max(_LEAST_PX, round(float(s) / voxel_a, 1)) for s in bodies.shift_a]
    return StarTable.from_columns(
        "",
        {
            "rlnBodyMaskName": [f"{job_name}{MASKS}/smooth_mask_body{b + 1}.mrc" for b in range(count)],
            "rlnBodyRotateRelativeTo": (bodies.relative_to + 1).numpy(),
            "rlnBodySigmaAngles": [max(_LEAST_DEG, round(float(a), 1)) for a in bodies.angle_deg],
            "rlnBodySigmaOffset": offset_px,
            "rlnBodySigmaOffsetAngst": [round(o * voxel_a, 3) for o in offset_px],
        },
    )


def verdict(cloud: MovingCloud, division: Division, bodies: Bodies) -> list[str]:
    """What was found, in sentences."""
    curve = division.curve_a[: max(6, len(bodies.share) + 2)]
    left = ", ".join(f"{n}: {value:.2f}" for n, value in enumerate(curve.tolist(), 1))
    said = [f"Motion not explained by so many bodies (rms, Å): {left}"]
    for body, share in enumerate(bodies.share.tolist()):
        said.append(
            f"Body {body + 1}: {100 * share:.0f} % of the molecule, turns by {bodies.angle_deg[body]:.1f}° "
            f"and shifts by {bodies.shift_a[body]:.1f} Å (rms) relative to body "
            f"{int(bodies.relative_to[body]) + 1}, {division.left_a[body]:.2f} Å (rms) inside it unexplained"
        )
    if float(division.curve_a[0]) < _SEEN_A:
        said.append(
            f"Warning: one body explains all but {division.curve_a[0]:.2f} Å of the motion; these bodies are "
            "a matter of taste."
        )
    return said


def _gaussians(model: TrainedModel, cloud: MovingCloud, division: Division) -> StarTable:
    frame = model.frame
    shown = centred_to_chimerax(cloud.points_a, frame.box, frame.voxel_size_a, frame.origin_a).double()
    columns = dict(zip("xyz", shown.numpy().T, strict=True))
    return StarTable.from_columns("gaussians", {**columns, "hsBody": (division.labels + 1).numpy()})


def _remove_others(folder: Path, count: int) -> None:
    """Remove masks of an earlier search into more bodies, which would count as bodies of this one."""
    for path in folder.glob("*mask_body*.mrc"):
        digits = path.stem.rpartition("body")[2]
        if digits.isdecimal() and int(digits) > count:
            path.unlink(missing_ok=True)
