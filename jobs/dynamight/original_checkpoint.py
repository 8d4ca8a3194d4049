"""What can be learnt from a checkpoint of the original DynaMight, whose objects are not loaded.

The consensus, the poses, the half-sets and all weights of the networks are numbers and can be read. The
networks are of another design than those here: they can be evaluated
(:mod:`jobs.dynamight.original_networks`), but a training cannot go on from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

import torch
from torch import Tensor

from jobs.core.errors import FormatError
from jobs.dynamight.original_pickle import Stub, read_original

_NETWORKS: Final = (
    "encoder_half1",
    "encoder_half2",
    "decoder_half1",
    "decoder_half2",
    "poses",
    "inv_half1",
    "inv_half2",
)


@dataclass(frozen=True)
class OriginalHalf:
    """Consensus of a half-set.

    Attributes
    ----------
    positions
        ``(N, 3)`` centres (x, y, z) in fractions of the box from its centre.
    amplitudes
        ``(C, N)`` weight of every Gaussian in every class of width.
    sigmas_px
        ``(C,)`` standard deviations of the classes in pixels, None when not found.
    widths, scales
        ``(C,)`` the original's B and A, from which widths and weights of the rendered Gaussians follow.
    still
        Whether it was saved in the warm-up, in which nothing moves.
    mask, active
        ``[x, y, z]`` where points move, and ``(m,)`` which Gaussians do; None when all do.
    body_masks, bodies
        Of each rigid body its mask ``[x, y, z]`` and its Gaussians; empty without rigid bodies.
    """

    positions: Tensor
    amplitudes: Tensor | None
    sigmas_px: Tensor | None
    widths: Tensor | None = None
    scales: Tensor | None = None
    still: bool = False
    mask: Tensor | None = None
    active: Tensor | None = None
    body_masks: tuple[Tensor, ...] = ()
    bodies: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class OriginalCheckpoint:
    """What was found; whatever was not is None or empty.

    Attributes
    ----------
    path
        The file.
    halves
        Consensus of both half-sets; empty for inverse deformations.
    box, pixel_size_a, n_latent
        Box in pixels, pixel size in Å, dimension of the latent space.
    rows_half1, rows_validation
        Rows (from 0) of the STAR file in half-set 1, and of the particles held out; half-set 2 is the rest.
    orientations, translations_px
        ``(P, 3)`` Euler angles in radians (rot, tilt, psi), ``(P, 2)`` shifts, minus RELION's origin.
    star
        Particle file, "" when not stored.
    batch_size, regularization
        Batch of the training, weight of the restraints in both half-sets.
    weights
        Network to name to tensor.
    """

    path: Path
    halves: tuple[OriginalHalf, ...] = ()
    box: int | None = None
    pixel_size_a: float | None = None
    n_latent: int | None = None
    rows_half1: Tensor | None = None
    rows_validation: Tensor | None = None
    orientations: Tensor | None = None
    translations_px: Tensor | None = None
    star: str = ""
    batch_size: int | None = None
    regularization: tuple[float, ...] = ()
    weights: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Sentences for people, one per line."""
        what = "inverse deformations" if "inv_half1" in self.weights else "motions"
        said = [f"Checkpoint of the original DynaMight with {what}, read without running anything in it."]
        for number, half in enumerate(self.halves, 1):
            said.append(f"Half-set {number}: {_consensus(half, self.box, self.pixel_size_a)}.")
        if self.box is not None and self.pixel_size_a is not None:
            said.append(f"Box {self.box} px, pixel size {self.pixel_size_a:.4g} Å.")
        if self.n_latent is not None:
            said.append(f"Latent space of {self.n_latent} dimensions.")
        said += self._particle_lines()
        for name, tensors in self.weights.items():
            n_numbers = sum(tensor.numel() for tensor in tensors.values())
            said.append(f"Weights of {name}: {n_numbers} numbers in {len(tensors)} tensors.")
        said.append(f"Not found: {', '.join(missing)}." if (missing := self._missing()) else "")
        said.append(
            "Its networks are of another design than those here: the job can be explored and converted, but "
            "a training cannot go on from it; for inverse deformations or a deformed backprojection by this "
            "program its motions must be estimated again."
        )
        return [line for line in said if line]

    def _particle_lines(self) -> list[str]:
        said = []
        if self.star:
            said.append(f"Particles of {self.star}.")
        if self.orientations is not None:
            said.append(f"Poses of {len(self.orientations):,} particles.")
        if self.rows_half1 is not None:
            held = "" if self.rows_validation is None else f", {len(self.rows_validation)} held out"
            said.append(f"{len(self.rows_half1):,} particles in half-set 1{held}; the others are half-set 2.")
        if self.regularization:
            factors = " and ".join(f"{value:.3g}" for value in self.regularization)
            said.append(f"Weights of the restraints {factors}.")
        return said

    def _missing(self) -> list[str]:
        if "inv_half1" in self.weights:
            return []
        wanted = {
            "the Gaussians": self.halves,
            "the box": self.box is not None,
            "the pixel size": self.pixel_size_a is not None,
            "the poses": self.orientations is not None,
            "the half-sets": self.rows_half1 is not None,
        }
        return [name for name, present in wanted.items() if not present]


def read_original_checkpoint(path: Path) -> OriginalCheckpoint:
    """Read what can be read of a checkpoint of the original.

    Raises
    ------
    FormatError
        If the file is damaged, of another program, or names something that is not data.
    """
    return checkpoint_of(read_original(path), path)


def checkpoint_of(state: object, path: Path) -> OriginalCheckpoint:
    """Sort what :func:`jobs.dynamight.original_pickle.read_original` read.

    Raises
    ------
    FormatError
        If it is not of DynaMight.
    """
    if not isinstance(state, Mapping) or not any(
        name in state or f"{name}_state_dict" in state for name in _NETWORKS
    ):
        raise FormatError("this is not a checkpoint of DynaMight", path=path)
    weights = {name: found for name in _NETWORKS if (found := _weights_of(state, name))}
    decoder = state.get("decoder_half1")
    poses = weights.get("poses", {})
    halves = [
        half
        for number in (1, 2)
        if (half := _half(weights.get(f"decoder_half{number}", {}), state.get(f"decoder_half{number}")))
        is not None
    ]
    star = state.get("refinement_directory")
    factors = [_number(state.get(f"regularization_parameter_h{number}")) for number in (1, 2)]
    return OriginalCheckpoint(
        path,
        tuple(halves),
        box=_whole(_attribute(decoder, "box_size")),
        pixel_size_a=_number(_attribute(decoder, "ang_pix")),
        n_latent=_whole(_attribute(decoder, "latent_dim")),
        rows_half1=_rows(state.get("indices_half1")),
        rows_validation=_rows(state.get("indices_val")),
        orientations=_ending(poses, "orientations"),
        translations_px=_ending(poses, "translations"),
        star=str(star) if isinstance(star, str | PurePath) else "",
        batch_size=_whole(state.get("batch_size")),
        regularization=tuple(value for value in factors if value is not None),
        weights=weights,
    )


def _weights_of(state: Mapping[Any, Any], name: str) -> dict[str, Tensor]:
    """Weights of a network: from its dictionary, else gathered from its modules."""
    stored = state.get(f"{name}_state_dict")
    if isinstance(stored, Mapping):
        return {str(key): value for key, value in stored.items() if isinstance(value, Tensor)}
    found: dict[str, Tensor] = {}
    _gather(state.get(name), "", found, depth=0)
    return found


def _gather(module: Any, prefix: str, found: dict[str, Tensor], depth: int) -> None:
    if not isinstance(module, Stub) or not isinstance(module.state, dict) or depth > 50:
        return
    for place in ("_parameters", "_buffers"):
        inner = module.state.get(place)
        for key, value in inner.items() if isinstance(inner, Mapping) else ():
            if isinstance(value, Tensor):
                found[f"{prefix}{key}"] = value
    modules = module.state.get("_modules")
    for key, value in modules.items() if isinstance(modules, Mapping) else ():
        _gather(value, f"{prefix}{key}.", found, depth + 1)


def _half(weights: Mapping[str, Tensor], decoder: Any) -> OriginalHalf | None:
    positions = _ending(weights, "model_positions")
    if positions is None or positions.ndim != 2 or positions.shape[1] != 3:
        return None
    amp, varied, widths = _ending(weights, "amp"), _ending(weights, "ampvar"), _ending(weights, "B")
    amplitudes = amp
    if amp is not None and varied is not None and amp.shape == varied.shape:
        amplitudes = amp * torch.softmax(varied, 0)
    # exp(-(2 r)^2 / B^2) has this standard deviation
    sigmas = None if widths is None else widths.abs().flatten() / (2 * math.sqrt(2))
    active, mask = _attribute(decoder, "active_indices"), _attribute(decoder, "mask")
    masked = isinstance(mask, Tensor) and mask.ndim == 3 and isinstance(active, Tensor)
    return OriginalHalf(
        positions,
        amplitudes,
        sigmas,
        widths=None if widths is None else widths.flatten(),
        scales=None if (scales := _ending(weights, "A")) is None else scales.flatten(),
        still=_attribute(decoder, "warmup") is True,
        mask=mask if masked else None,
        active=active.long() if masked else None,
        body_masks=_tensors(_attribute(decoder, "deformation_masks")),
        bodies=_tensors(_attribute(decoder, "masked_indices")),
    )


def _tensors(values: Any) -> tuple[Tensor, ...]:
    return tuple(v for v in values if isinstance(v, Tensor)) if isinstance(values, list) else ()


def _consensus(half: OriginalHalf, box: int | None, pixel_size_a: float | None) -> str:
    words = f"{len(half.positions):,} Gaussians"
    if half.sigmas_px is not None:
        scale, unit = (pixel_size_a, "Å") if pixel_size_a else (1.0, "px")
        sigmas = ", ".join(f"{float(value) * scale:.3g}" for value in half.sigmas_px)
        words += f" with standard deviations of {sigmas} {unit}"
    if box and pixel_size_a and len(half.positions):
        span = (half.positions.amax(0) - half.positions.amin(0)) * box * pixel_size_a
        words += ", " + " x ".join(f"{float(value):.0f}" for value in span) + " Å wide"
    return words


def _ending(weights: Mapping[str, Tensor], name: str) -> Tensor | None:
    for key, value in weights.items():
        if key == name or key.endswith(f".{name}"):
            return value
    return None


def _attribute(module: Any, name: str) -> Any:
    return module.attribute(name) if isinstance(module, Stub) else None


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isfinite(number) else None


def _rows(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value.flatten().long()
    if isinstance(value, list) and all(isinstance(row, int) for row in value):
        return torch.tensor(value, dtype=torch.int64)
    return None
