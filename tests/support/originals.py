"""Checkpoints in the form of the original DynaMight's, with weights drawn from a seed.

The classes stand in for the original's: they have its names and the attributes that its files hold, and no
code of it. Weights come from `numpy.random.RandomState`, whose numbers never change.
"""

from __future__ import annotations

import pathlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

BOX, PIXEL_A, N_GAUSSIANS, N_LATENT, N_FREQUENCIES = 32, 6.0, 40, 3, 4
WIDTH, N_HIDDEN, N_CLASSES = 16, 3, 2
KINDS = ("flexible", "raw", "masked", "rigid")


def _drawn(random: np.random.RandomState, *shape: int, scale: float = 1.0) -> Tensor:
    return torch.from_numpy((scale * random.standard_normal(shape)).astype(np.float32))


def positions(seed: int) -> Tensor:
    """Consensus ``(N, 3)`` in fractions of the box."""
    spread = np.random.RandomState(seed).uniform(-0.25, 0.25, (N_GAUSSIANS, 3))
    return torch.from_numpy(spread.astype(np.float32))


def half_box() -> Tensor:
    """A mask ``[x, y, z]`` of the half of the box with x > 0."""
    mask = torch.zeros(BOX, BOX, BOX)
    mask[BOX // 2 :] = 1.0
    return mask


def inside(mask: Tensor, points: Tensor) -> Tensor:
    """Rows of points in a mask, one by one."""
    rows = []
    for row, point in enumerate(points.tolist()):
        x, y, z = (min(max(round((value + 0.5) * (BOX - 1)), 0), BOX - 1) for value in point)
        if mask[x, y, z] > 0.9:
            rows.append(row)
    return torch.tensor(rows)


def decoder_weights(kind: str, seed: int) -> dict[str, Tensor]:
    """Weights of a decoder under the original's names."""
    random = np.random.RandomState(seed)
    n_in = {"raw": 3 + N_LATENT, "rigid": N_LATENT}.get(kind, 6 * N_FREQUENCIES + N_LATENT)
    n_out = 12 if kind == "rigid" else 3
    points = positions(seed + 1)
    found = {
        "model_positions": points,
        "amp": 50 + _drawn(random, N_CLASSES, N_GAUSSIANS),
        "ampvar": _drawn(random, N_CLASSES, N_GAUSSIANS),
        "input.weight": _drawn(random, WIDTH, n_in, scale=0.5),
        "output.0.weight": _drawn(random, n_out, WIDTH, scale=0.3),
        "output.2.weight": _drawn(random, n_out, n_out, scale=0.03),
        "image_smoother.B": torch.tensor([1.9, 2.6]),
        "image_smoother.A": torch.tensor([0.3, 0.2]),
    }
    for k in range(N_HIDDEN):
        found[f"layers.{k}.lin.weight"] = _drawn(random, WIDTH, WIDTH, scale=0.35)
    if kind == "masked":
        active = inside(half_box(), points)
        rest = [row for row in range(N_GAUSSIANS) if row not in active.tolist()]
        found |= {"unmasked_positions": points[active], "masked_positions": points[rest]}
    return found


def encoder_weights(seed: int) -> dict[str, Tensor]:
    """Weights of an encoder under the original's names."""
    random = np.random.RandomState(seed)
    found = {}
    for name, n_out, n_in in (
        ("lin1", 256, (BOX // 2) ** 2),
        ("lin1b", 128, 256),
        ("lin2", N_LATENT, 128),
        ("lin3", N_LATENT, 128),
    ):
        found[f"{name}.weight"] = _drawn(random, n_out, n_in, scale=n_in**-0.5)
        found[f"{name}.bias"] = _drawn(random, n_out, scale=0.1)
    return found


def inverse_weights(seed: int) -> dict[str, Tensor]:
    """Weights of a network of inverse deformations under the original's names."""
    random = np.random.RandomState(seed)
    found = {
        "lin0.weight": _drawn(random, 24, 36 + N_LATENT, scale=0.4),
        "lin1a.weight": _drawn(random, 3, 24, scale=0.3),
        "lin1b.weight": _drawn(random, 3, 3, scale=0.1),
    }
    return found | {f"deform1.{k}.lin.weight": _drawn(random, 24, 24, scale=0.3) for k in range(2)}


def images(n: int = 3) -> Tensor:
    """Images ``(n, D, D)`` of noise."""
    return _drawn(np.random.RandomState(77), n, BOX, BOX)


def translations(n: int = 3) -> Tensor:
    """Shifts ``(n, 2)`` in pixels."""
    return _drawn(np.random.RandomState(78), n, 2, scale=2.0)


def latents(n: int = 3) -> Tensor:
    """States ``(n, L)``."""
    return _drawn(np.random.RandomState(79), n, N_LATENT)


def orientations(n: int = 3) -> Tensor:
    """Euler angles ``(n, 3)`` in radians."""
    return _drawn(np.random.RandomState(80), n, 3)


def write_original(path: Path, kind: str, n_particles: int, *, legacy: bool = False, **changes: Any) -> Path:
    """Write a checkpoint of `n_particles`: two fifths in half-set 1, two in half-set 2, one held out.

    Parameters
    ----------
    path
        Target.
    kind
        One of `KINDS`.
    n_particles
        Particles that it has poses of.
    legacy
        Write it in torch's form before version 1.6.
    changes
        Entries of the file that are to be others.
    """
    module = ModuleType("dynamight_of_the_test")
    modules = {"dynamight_of_the_test": module}
    maker = type("Module", (), {"__module__": module.__name__})
    module.Module = maker  # type: ignore[attr-defined]

    def made(**attributes: Any) -> Any:
        thing = maker()
        thing.__dict__.update(attributes)
        return thing

    content: dict[str, Any] = {}
    for number in (1, 2):
        seed, points = 10 * number, positions(10 * number + 1)
        attributes: dict[str, Any] = {
            "box_size": BOX, "ang_pix": np.float64(PIXEL_A), "latent_dim": N_LATENT, "warmup": False,
            "mask": None, "active_indices": [], "device": torch.device("cpu"),
        }  # fmt: skip
        if kind == "masked":
            attributes |= {"mask": half_box(), "active_indices": inside(half_box(), points)}
        if kind == "rigid":
            masks = [half_box(), half_box().flip(0)]
            attributes["deformation_masks"] = masks
            attributes["masked_indices"] = [inside(mask, points) for mask in masks]
        content[f"encoder_half{number}"] = made(down_sample=1)
        content[f"decoder_half{number}"] = made(**attributes)
        content[f"encoder_half{number}_state_dict"] = encoder_weights(seed + 2)
        content[f"decoder_half{number}_state_dict"] = decoder_weights(kind, seed)
    content["poses"] = made()
    content["poses_state_dict"] = {
        "orientations": orientations(n_particles),
        "translations": translations(n_particles),
    }
    n_half = 2 * n_particles // 5
    content |= {
        "indices_half1": torch.arange(n_half),
        "indices_val": torch.arange(2 * n_half, n_particles),
        "refinement_directory": pathlib.PosixPath("particles.star"),
        "batch_size": 128,
        "regularization_parameter_h1": 1.0,
        "regularization_parameter_h2": 1.0,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.modules.update(modules)
    try:
        torch.save(content | changes, path, _use_new_zipfile_serialization=not legacy)
    finally:
        del sys.modules[module.__name__]
    return path
