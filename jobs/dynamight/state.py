"""Checkpoints of a training: what lies in them, and how a model is read back from one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.checkpoint import load_checkpoint, save_checkpoint
from jobs.core.errors import FormatError, UserError
from jobs.dynamight.encoder import Encoder
from jobs.dynamight.field import FieldShape
from jobs.dynamight.half_training import HalfTraining
from jobs.dynamight.model import Frame, GaussianModel
from jobs.dynamight.rigid_field import RigidBodies, RigidField
from jobs.dynamight.setup import Prepared
from jobs.formats.particles import ParticleSet

FORMAT = "heteroscope.dynamight"
VERSION = 1


@dataclass(frozen=True)
class TrainedHalf:
    """Model of a half-set as read from a checkpoint.

    Attributes
    ----------
    model
        The Gaussians and their displacement field.
    rows
        ``(p,)`` particles of this half-set in the STAR file.
    means, log_sds
        ``(p, L)`` posteriors of their states.
    encoder
        Estimates the state of an image that the training has not seen; None in checkpoints of unfinished
        trainings.
    """

    model: GaussianModel
    rows: npt.NDArray[np.int64]
    means: torch.Tensor
    log_sds: torch.Tensor
    encoder: Encoder | None


@dataclass(frozen=True)
class TrainedModel:
    """Both half-sets, and where they come from."""

    path: Path
    halves: tuple[TrainedHalf, TrainedHalf]
    frame: Frame
    star: str
    fingerprint: str
    half: npt.NDArray[np.int64]
    validation: npt.NDArray[np.bool_]
    state: dict[str, Any]


def fingerprint(particles: ParticleSet) -> str:
    """Hash of the identities of the particles in their order: the same for the same STAR file only."""
    return fingerprint_of_names(particles.image_name)


def fingerprint_of_names(image_names: npt.NDArray[np.object_]) -> str:
    """The same of the image names ``(p,)`` alone."""
    return hashlib.sha256("".join(f"{name}\n" for name in image_names).encode()).hexdigest()


def checkpoint_state(
    prepared: Prepared, star: str, encoders: tuple[Encoder, Encoder] | None
) -> dict[str, Any]:
    """State of a training for :func:`jobs.core.checkpoint.save_checkpoint`.

    Parameters
    ----------
    prepared: Prepared
        The training and what it was made from.
    star: str
        Particle STAR file, relative to the project.
    encoders: tuple of Encoder or None
        Of both half-sets, once they are trained.
    """
    training = prepared.training
    first = training.halves[0].model
    return {
        "format": FORMAT,
        "version": VERSION,
        "star": star,
        "fingerprint": fingerprint(prepared.particles),
        "frame": {
            "box": prepared.frame.box,
            "voxel_size_a": prepared.frame.voxel_size_a,
            "origin_a": list(prepared.frame.origin_a),
        },
        "field_shape": first.field.shape.as_dict(),
        "n_points": first.n_points,
        "n_widths": len(first.log_widths),
        "has_mask": first.mask is not None,
        "rigid_bodies": _bodies_of(first),
        "threshold": prepared.threshold,
        "half": prepared.split.half,
        "validation": prepared.split.validation,
        "split_source": prepared.split.source,
        "training": training.state_dict(),
        "encoders": None if encoders is None else [e.export() for e in encoders],
    }


def write_checkpoint(
    path: Path, prepared: Prepared, star: str, encoders: tuple[Encoder, Encoder] | None = None
) -> None:
    """Write a checkpoint, whole or not at all."""
    save_checkpoint(path, checkpoint_state(prepared, star, encoders))


def read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another program.
    """
    state = load_checkpoint(path)
    if state.get("format") != FORMAT:
        hint = (
            "Checkpoints of the original DynaMight cannot be continued; heteroscope dynamight "
            "inspect-checkpoint FILE tells what one holds. Train the job again."
        )
        raise FormatError("not a checkpoint of this program", path=path, hint=hint)
    if state.get("version") != VERSION:
        raise FormatError(
            f"the checkpoint has version {state.get('version')}, this program reads version {VERSION}",
            path=path,
            hint="Use the version of the program that wrote it.",
        )
    return state


def restore(prepared: Prepared, state: dict[str, Any], path: Path) -> None:
    """Bring a freshly prepared training to a saved state.

    Raises
    ------
    UserError
        If the particles, the half-sets or the sizes of the model are not those of the checkpoint.
    """
    if fingerprint(prepared.particles) != state["fingerprint"]:
        raise UserError(
            "the particles have changed since this checkpoint was written",
            path=prepared.particles.path,
            hint=f"Restore the particle file that {path.name} was trained on, or start a new job.",
        )
    different = _differences(prepared, state)
    if different:
        raise UserError(
            f"the checkpoint does not belong to this training: {', '.join(different)}",
            path=path,
            hint="Give the settings and the map that it was made with, or start a new job.",
        )
    prepared.training.load_state_dict(state["training"])


def _differences(prepared: Prepared, state: dict[str, Any]) -> list[str]:
    """In what a saved state differs from a training, in words; nothing when it fits."""
    training = prepared.training
    first = training.halves[0].model
    here: dict[str, Any] = {
        "number of Gaussians": first.n_points,
        "number of widths": len(first.log_widths),
        "deformation mask": "yes" if first.mask is not None else "no",
        "rigid bodies": _bodies_of(first),
        "working boxes": list(training.boxes),
        **first.field.shape.as_dict(),
    }
    there: dict[str, Any] = {
        "number of Gaussians": state["n_points"],
        "number of widths": state["n_widths"],
        "deformation mask": "yes" if state["has_mask"] else "no",
        "rigid bodies": state.get("rigid_bodies"),
        "working boxes": list(state["training"]["boxes"]),
        **state["field_shape"],
    }
    words = [f"{name} was {there.get(name)} and is {value}" for name, value in here.items()]
    different = [w for w, name in zip(words, here, strict=True) if there.get(name) != here[name]]
    split = prepared.split
    if not np.array_equal(state["half"].numpy(), split.half):
        different.append("the half-sets are others")
    elif not np.array_equal(state["validation"].numpy(), split.validation):
        different.append("the particles held out are others")
    return different


def load_model(path: Path, device: torch.device | str = "cpu") -> TrainedModel:
    """Read the models of both half-sets for use.

    Parameters
    ----------
    path: Path
        Checkpoint.
    device: torch.device or str
        Where the models go.
    """
    state = read_state(path)
    frame = Frame(
        int(state["frame"]["box"]), float(state["frame"]["voxel_size_a"]), tuple(state["frame"]["origin_a"])
    )
    shape = FieldShape(**state["field_shape"])
    half = state["half"].numpy()
    encoders = state["encoders"]
    halves = []
    for number, saved in enumerate(state["training"]["halves"], 1):
        model = _empty_model(state, shape, frame)
        model.load_state_dict(saved["model"])
        table = saved["latents"]["table"].to(device)
        encoder = None if encoders is None else Encoder.restore(encoders[number - 1]).to(device)
        halves.append(
            TrainedHalf(
                model.to(device).eval().requires_grad_(False),
                np.nonzero(half == number)[0],
                table[:, : shape.n_latent],
                table[:, shape.n_latent :],
                encoder,
            )
        )
    return TrainedModel(
        path,
        (halves[0], halves[1]),
        frame,
        str(state["star"]),
        str(state["fingerprint"]),
        half,
        state["validation"].numpy(),
        state,
    )


def _empty_model(state: dict[str, Any], shape: FieldShape, frame: Frame) -> GaussianModel:
    """A model of the right sizes, to be filled."""
    box = frame.box
    mask = torch.zeros(box, box, box) if state["has_mask"] else None
    n_points, n_widths = int(state["n_points"]), int(state["n_widths"])
    generator = torch.Generator().manual_seed(0)
    names = state.get("rigid_bodies")  # checkpoints of before there were any have none
    bodies = None if names is None else RigidBodies.empty(box, frame.voxel_size_a, tuple(names))
    return GaussianModel(
        torch.zeros(n_points, 3), torch.ones(n_widths), shape, frame, generator, mask, bodies
    )


def _bodies_of(model: GaussianModel) -> list[str] | None:
    """Names of the masks of a model's rigid bodies; None for a smooth field."""
    return list(model.field.names) if isinstance(model.field, RigidField) else None


def all_latents(halves: tuple[HalfTraining, HalfTraining], n_particles: int) -> npt.NDArray[np.float32]:
    """Posterior means ``(p, L)`` of all particles in the order of the STAR file."""
    result = np.zeros((n_particles, halves[0].latents.n_latent), np.float32)
    for half in halves:
        result[half.rows.numpy()] = half.latents.means.cpu().numpy()
    return result
