"""The task "Rigid-body transforms": how every body turned and shifted in every particle.

body_starfiles/body_1.star ...    all particles, columns kept, with angles and shifts that follow the body
body_starfiles/motions.star       a table per body: rotations and shifts, for plots
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.dynamight.bodies_masks import relative_motion
from jobs.dynamight.bodies_options import MASKS, MOTIONS_STAR, STARFILES
from jobs.dynamight.displacements import find_checkpoint, particles_of
from jobs.dynamight.model import mask_at
from jobs.dynamight.outputs import HALF_COLUMN
from jobs.dynamight.rigid_field import RigidField
from jobs.dynamight.rigid_folder import mask_files
from jobs.dynamight.state import TrainedHalf, TrainedModel, load_model
from jobs.formats.mrc import read_map
from jobs.formats.particles import ParticleSet
from jobs.formats.project_names import named_from_project
from jobs.formats.star import write_star_tables
from jobs.formats.star_table import StarTable
from jobs.maths.rigid import ModeMoments, RigidFit, rotation_vectors
from jobs.maths.rotations import axis_angle_to_matrix, euler_to_matrix, matrix_to_euler

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.dynamight.params import DynaMightOptions

PARTICLES_LABEL = "ParticleGroupMetadata.star.relion"
#: Gaussians count for a body where its mask is above this, as much as the mask says.
INSIDE = 0.5
#: A rotation needs this many Gaussians.
FEWEST = 3


@dataclass(frozen=True)
class BodyMotions:
    """Rigid motions of all bodies in all particles, in the order of the STAR file.

    Attributes
    ----------
    names
        What the bodies were taken from.
    fit
        ``(p, B)`` motions from the consensus of the particle's half-set, about the box centre, Å.
    centres_a
        ``(B, 3)`` centres in Å relative to the box centre.
    weight
        ``(p, B)`` weight of the Gaussians that were fitted.
    """

    names: tuple[str, ...]
    fit: RigidFit
    centres_a: Tensor
    weight: Tensor

    @property
    def residual_a(self) -> Tensor:
        """Root mean square distance ``(p, B)`` in Å that the motion leaves."""
        return (self.fit.residual / self.weight).sqrt()


def run(context: WorkerContext) -> None:
    """Fit the motions of all bodies and write them."""
    options = cast("DynaMightOptions", context.options)
    job = context.folder.path
    chosen = context.project_dir / options.fn_checkpoint if options.fn_checkpoint else None
    model = load_model(find_checkpoint(job, chosen))
    particles = named_from_project(particles_of(model, context.project_dir), context.project_dir)
    folder = context.project_dir / options.body_masks if options.body_masks else job / MASKS
    names, weights = bodies_of_training(model) if options.rigid_bodies else bodies_of_masks(model, folder)
    source = "the training" if options.rigid_bodies else str(folder.relative_to(context.project_dir))
    context.say(f"{len(names)} bodies of {source}: {', '.join(names)}")

    def watch(done: int) -> None:
        context.check_abort()
        context.progress("fit", done, particles.n)

    motions = fit_motions(model, names, weights, options.body_batchsize, watch)
    for sentence in verdict(motions):
        context.say(sentence)
    (job / STARFILES).mkdir(exist_ok=True)
    _remove_others(job / STARFILES, len(names))
    rotations, corrected = refined_poses(model, particles)
    for body in range(len(names)):
        context.check_abort()
        context.progress("write", body, len(names))
        path = f"{STARFILES}/body_{body + 1}.star"
        follow(particles, motions, body, model.half, rotations, corrected).write(job / path)
        context.add_output(path, PARTICLES_LABEL)
    write_star_tables(job / MOTIONS_STAR, motion_tables(motions, particles, model.half))
    context.progress("write", len(names), len(names))
    context.say(f"Particles of each body and the table motions.star are in {context.folder.name}{STARFILES}/")


def bodies_of_masks(model: TrainedModel, folder: Path) -> tuple[tuple[str, ...], tuple[Tensor, Tensor]]:
    """Names of bodies, and weight ``(B, n)`` of each Gaussian of both half-sets in them, from masks.

    Raises
    ------
    UserError
        If there are no masks, or one has another box, or holds fewer than three Gaussians.
    """
    files, _ = mask_files(folder)
    rows: tuple[list[Tensor], list[Tensor]] = ([], [])
    for path in files:
        data = read_map(path).data
        box = model.frame.box
        if data.shape != (box, box, box):
            raise UserError(
                f"the mask has {data.shape[2]} x {data.shape[1]} x {data.shape[0]} voxels, the model has a "
                f"box of {box}",
                path=path,
                hint="Choose masks in the box of the particles.",
            )
        mask = torch.from_numpy(data.copy()).float()
        for half, row in zip(model.halves, rows, strict=True):
            value = mask_at(mask, half.model.positions, model.frame).clamp(0, 1)
            inside = torch.where(value > INSIDE, value, 0.0)
            if int((inside > 0).sum()) < FEWEST:
                raise UserError(
                    f"the mask holds {int((inside > 0).sum()):,} Gaussians of a half-set, a rotation needs "
                    f"{FEWEST} at least",
                    path=path,
                    hint="Choose a mask that holds more density of the map, or train with more Gaussians.",
                )
            row.append(inside * _amounts(half))
    return tuple(path.name for path in files), (torch.stack(rows[0]), torch.stack(rows[1]))


def bodies_of_training(model: TrainedModel) -> tuple[tuple[str, ...], tuple[Tensor, Tensor]]:
    """The same of the bodies that a model was trained with.

    Raises
    ------
    UserError
        If it was trained without rigid bodies.
    """
    found = []
    names: tuple[str, ...] = ()
    for half in model.halves:
        field = half.model.field
        if not isinstance(field, RigidField):
            raise UserError(
                "this model was trained without rigid bodies",
                path=model.path,
                hint="Give a folder of masks, or train with masks of rigid bodies.",
            )
        names = field.names
        own = field.body_of(half.model.positions)
        members = torch.stack([(own == body + 1).float() for body in range(len(names))])
        found.append(members * _amounts(half))
    return names, (found[0], found[1])


def _amounts(half: TrainedHalf) -> Tensor:
    """Weight ``(n,)`` of each Gaussian, 1 on average."""
    amount = half.model.weights().sum(0)
    return amount / amount.mean()


@torch.no_grad()
def fit_motions(
    model: TrainedModel,
    names: tuple[str, ...],
    weights: tuple[Tensor, Tensor],
    batch: int,
    after_each: Callable[[int], None] = lambda done: None,
) -> BodyMotions:
    """Fit the motion of every body in every particle, each by the model of its own half-set.

    Parameters
    ----------
    model: TrainedModel
        Models.
    names: tuple of str
        Of the bodies.
    weights: tuple of torch.Tensor
        ``(B, n)`` weight of the Gaussians of both half-sets in each body.
    batch: int
        Particles at once.
    after_each: callable
        Told how many particles are done.
    """
    count, bodies = len(model.half), len(names)
    rotations = torch.zeros(count, bodies, 3, 3, dtype=torch.float64)
    shifts = torch.zeros(count, bodies, 3, dtype=torch.float64)
    residual = torch.zeros(count, bodies, dtype=torch.float64)
    weight = torch.zeros(count, bodies, dtype=torch.float64)
    centres = torch.zeros(bodies, 3, dtype=torch.float64)
    done = 0
    for half, share in zip(model.halves, weights, strict=True):
        positions = half.model.positions
        moments = ModeMoments.of(positions, half.model.basis(positions), share)
        centres += 0.5 * moments.point / moments.weight[:, None]
        for part in torch.arange(len(half.rows)).split(batch):
            rows = torch.from_numpy(half.rows)[part]
            fit = moments.fit(half.model.field.coefficients(half.means[part]))
            rotations[rows], shifts[rows], residual[rows] = fit.rotations, fit.shifts, fit.residual
            weight[rows] = moments.weight
            done += len(part)
            after_each(done)
    return BodyMotions(names, RigidFit(rotations, shifts, residual), centres, weight)


def refined_poses(model: TrainedModel, particles: ParticleSet) -> tuple[Tensor, Tensor]:
    """Rotations ``(p, 3, 3)`` and origins ``(p, 2)`` in Å that the motions belong to.

    They are those of the particles, unless the training refined poses.
    """
    rotations = euler_to_matrix(torch.from_numpy(particles.euler_deg))
    origins = torch.from_numpy(particles.origin_a.copy())
    scale = torch.from_numpy(particles.pixel_size_a) / model.frame.voxel_size_a
    for half, saved in zip(model.halves, model.state["training"]["halves"], strict=True):
        if saved.get("poses") is None:
            continue
        rows = torch.from_numpy(half.rows)
        table = saved["poses"]["table"].double().cpu()
        rotations[rows] = axis_angle_to_matrix(table[:, :3]) @ rotations[rows]
        origins[rows] -= table[:, 3:] * scale[rows, None]
    return rotations, origins


def follow(
    particles: ParticleSet,
    motions: BodyMotions,
    body: int,
    half: npt.NDArray[np.int64],
    rotations: Tensor,
    origins_a: Tensor,
) -> ParticleSet:
    """Particles as seen from a body: with its poses a reconstruction shows it where the consensus has it.

    A point ``x`` of the body has gone to ``R x + s`` and is seen at ``A (R x + s)``: its pose is ``A R``, and
    its image is moved by ``A s`` more.

    Parameters
    ----------
    particles: ParticleSet
        Particles.
    motions: BodyMotions
        Motions of all bodies.
    body: int
        Which, from 0.
    half: numpy.ndarray
        ``(p,)`` half-set of each particle.
    rotations: torch.Tensor
        ``(p, 3, 3)`` matrices ``A``.
    origins_a: torch.Tensor
        ``(p, 2)`` in Å.
    """
    angles = matrix_to_euler(rotations @ motions.fit.rotations[:, body]).numpy()
    seen = (rotations @ motions.fit.shifts[:, body, :, None])[:, :2]
    # Anisotropic magnification distorts what is projected, shifts of parts included.
    seen = (torch.from_numpy(particles.mag_matrix).transpose(1, 2) @ seen)[..., 0]
    origins = (origins_a - seen).numpy()
    columns: dict[str, npt.NDArray[np.generic]] = {
        f"rlnAngle{name}": angles[:, k] for k, name in enumerate(("Rot", "Tilt", "Psi"))
    }
    for k, axis in enumerate("XY"):
        old = f"rlnOrigin{axis}"
        if old in particles.table and f"{old}Angst" not in particles.table:
            columns[old] = origins[:, k] / particles.pixel_size_a  # files of before optics groups have pixels
        else:
            columns[f"{old}Angst"] = origins[:, k]
    columns["rlnRandomSubset"] = half
    tables = {**particles.tables, particles.table_name: particles.table.with_columns(columns)}
    return replace(particles, tables=tables)


def motion_tables(
    motions: BodyMotions, particles: ParticleSet, half: npt.NDArray[np.int64]
) -> list[StarTable]:
    """A table per body: its rotation and shift in each particle, from the consensus and as seen from body 1.

    Angles in degrees, lengths in Å; x, y, z are the axes of the map. The signed angle is the rotation about
    the axis that this body turns about most.
    """
    first = torch.zeros(len(motions.names), dtype=torch.long)
    turned, moved = relative_motion(motions.fit, first, motions.centres_a)
    own = motions.fit.shift_of(motions.centres_a.expand_as(motions.fit.shifts))
    tables = []
    for body in range(len(motions.names)):
        columns: dict[str, npt.ArrayLike] = {
            "rlnImageName": [str(name) for name in particles.image_name],
            HALF_COLUMN: half,
        }
        motion = [("", motions.fit.rotations[:, body], own[:, body])]
        if body:
            motion.append(("Relative", turned[:, body], moved[:, body]))
        for prefix, rotation, shift in motion:
            vector = torch.rad2deg(rotation_vectors(rotation))
            angle = vector.norm(dim=1)
            axis = vector / angle.clamp(min=1e-12)[:, None]
            columns[f"hs{prefix}Angle"] = angle.numpy()
            columns[f"hs{prefix}SignedAngle"] = (vector @ main_axis(vector)).numpy()
            for k, name in enumerate("XYZ"):
                columns[f"hs{prefix}Axis{name}"] = axis[:, k].numpy()
            for k, name in enumerate("XYZ"):
                columns[f"hs{prefix}Shift{name}Angst"] = shift[:, k].numpy()
        columns["hsResidualAngst"] = motions.residual_a[:, body].numpy()
        tables.append(StarTable.from_columns(f"motion_body_{body + 1}", columns))
    return tables


def main_axis(vectors: Tensor) -> Tensor:
    """Axis ``(3,)`` about which rotation vectors ``(p, 3)`` turn most, its largest component positive."""
    _, axes = torch.linalg.eigh(vectors.T @ vectors)
    axis = axes[:, -1]
    return axis * torch.sign(axis[axis.abs().argmax()])


def verdict(motions: BodyMotions) -> list[str]:
    """What was found, in sentences."""
    first = torch.zeros(len(motions.names), dtype=torch.long)
    turned, moved = relative_motion(motions.fit, first, motions.centres_a)
    angles = torch.rad2deg(rotation_vectors(turned))
    said = []
    for body, name in enumerate(motions.names):
        text = f"Body {body + 1} ({name}): "
        if body:
            x, y, z = main_axis(angles[:, body]).tolist()
            rms = float(angles[:, body].square().sum(1).mean().sqrt())
            text += (
                f"turns by {rms:.1f}° (rms) relative to body 1, mostly about ({x:.2f}, {y:.2f}, {z:.2f}), "
                f"and shifts by {float(moved[:, body].square().sum(1).mean().sqrt()):.1f} Å; "
            )
        text += f"{float(motions.residual_a[:, body].median()):.2f} Å (median) inside it unexplained"
        said.append(text)
    return said


def _remove_others(folder: Path, count: int) -> None:
    """Remove particles of bodies of an earlier run that had more."""
    for path in folder.glob("body_*.star"):
        digits = path.stem.removeprefix("body_")
        if digits.isdecimal() and int(digits) > count:
            path.unlink(missing_ok=True)
