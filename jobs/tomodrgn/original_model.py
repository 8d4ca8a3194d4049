"""Models that the original tomoDRGN trained, evaluated as it evaluates them.

Two generations are known: the one of 2022 (``S``), whose decoder describes the half of Fourier space with
``z <= 0``, and version 1 (``N``), which describes all of it. Both answer with two numbers per frequency whose
difference is the coefficient of the Hartley transform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.core.checkpoint import load_checkpoint
from jobs.core.errors import FormatError, UserError
from jobs.tomodrgn.encodings import AXIS_TYPES, axis_frequencies
from jobs.tomodrgn.networks import activation_of
from jobs.tomodrgn.original_network import OriginalNetwork, read_network

_ENCODERS = (("encoder.encoder_a.", "encoder.encoder_b."), ("encoder.encoder1.", "encoder.encoder2."))
#: Values of hidden layers held at a time.
_VALUES = 1 << 24


@dataclass(frozen=True)
class OriginalModel:
    """A trained model of the original.

    Attributes
    ----------
    box
        Side ``D`` of its images.
    zdim
        Latent dimensions, 0 for ``train_nn``.
    generation
        ``S`` or ``N``.
    pe_type, pe_dim
        Positional encoding and waves per axis.
    extent
        Coordinate of Nyquist.
    norm
        Offset and scale with which images were normalised.
    decoder
        Its network.
    waves
        ``(3 pe_dim, 3)`` vectors of the gaussian encoding, or None.
    encoder
        Networks of images and of particles where pooling is by concatenation, or None.
    """

    box: int
    zdim: int
    generation: str
    pe_type: str
    pe_dim: int
    extent: float
    norm: tuple[float, float]
    decoder: OriginalNetwork
    waves: Tensor | None
    encoder: tuple[OriginalNetwork, OriginalNetwork] | None

    @torch.no_grad()
    def hartley(self, positions: Tensor, z: Tensor | None) -> Tensor:
        """Hartley coefficients ``(k, m)`` at ``(m, 3)`` lattice coordinates for latent vectors ``(k, zdim)``.

        In units of normalised images; of generation ``S`` points with ``z > 0`` are answered by their
        opposites.
        """
        turned = positions[:, 2] > 0 if self.generation == "S" else torch.zeros(len(positions)).bool()
        features = self._encode(torch.where(turned[:, None], -positions, positions))
        states = [None] if z is None else list(z.to(features.dtype))
        width = max(weight.shape[0] for weight, _, _ in self.decoder.layers)
        found = []
        for state in states:
            parts = []
            for part in features.split(max(1, _VALUES // width)):
                given = part if state is None else torch.cat((part, state.expand(len(part), -1)), dim=1)
                parts.append(self.decoder(given))
            found.append(torch.cat(parts))
        real, imaginary = torch.stack(found).unbind(-1)
        return real - torch.where(turned, -imaginary, imaginary)

    @torch.no_grad()
    def volumes(
        self,
        z: Tensor | None,
        *,
        box: int | None = None,
        flip: bool = False,
        invert: bool = False,
        lowpass: float | None = None,
    ) -> Tensor:
        """Volumes ``(k, d, d, d)`` ``[z, y, x]`` as the original writes them.

        Parameters
        ----------
        z
            ``(k, zdim)`` latent vectors, None for ``train_nn``.
        box
            Side ``d``, even and at most that of the images; None = theirs.
        flip
            Reverse axis z (voxel 0 becomes the last one, as the original does it).
        invert
            Multiply by -1.
        lowpass
            Largest frequency in cycles per pixel of the images, or None.
        """
        whole, d = self.box, self.box if box is None else box
        if d < 2 or d % 2 or d > whole:
            raise UserError(f"volumes have an even box of at most {whole} voxels, not {d}")
        line = (torch.arange(d, dtype=torch.float32) - d // 2) / whole * (2 * self.extent)
        zz, yy, xx = torch.meshgrid(line, line, line, indexing="ij")
        points = torch.stack((xx, yy, zz), dim=-1).reshape(-1, 3)
        limit = self.extent * d / whole
        limit = limit if lowpass is None else min(limit, lowpass * 2 * self.extent)
        inside = torch.nonzero(points.norm(dim=1) <= limit * (1 + 1e-6))[:, 0]
        values = self.hartley(points[inside], z) * self.norm[1] + self.norm[0]
        lattice = torch.zeros(len(values), d**3)
        lattice[:, inside] = values
        lattice = torch.fft.ifftshift(lattice.view(-1, d, d, d), dim=(1, 2, 3))
        opposite = torch.roll(lattice.flip(1, 2, 3), (1, 1, 1), dims=(1, 2, 3))
        half = torch.complex(lattice + opposite, opposite - lattice)[..., : d // 2 + 1] / 2
        volumes = torch.fft.irfftn(half, s=(d, d, d), dim=(1, 2, 3), norm="forward") / whole**3
        volumes = torch.fft.fftshift(volumes, dim=(1, 2, 3)) * (-1 if invert else 1)
        return volumes.flip(1) if flip else volumes

    @torch.no_grad()
    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance ``(p, zdim)`` from Hartley pixels ``(p, tilts, pixels)`` in lattice order.

        Raises
        ------
        UserError
            When this model's encoder pools otherwise than by concatenation, or wants other shapes.
        """
        if self.encoder is None:
            raise UserError("only encoders that concatenate the images of a particle can be evaluated")
        one, whole = self.encoder
        tilts, pixels = images.shape[1:]
        n_out = one.layers[-1][0].shape[0]
        if pixels != one.n_in or tilts * n_out != whole.n_in:
            raise UserError(
                f"the encoder wants {whole.n_in // n_out} images of {one.n_in} pixels, "
                f"not {tilts} of {pixels}"
            )
        pooled = one(images).flatten(1)
        if self.generation == "N":
            pooled = activation_of(one.activation)(pooled)
        answer = whole(pooled)
        return answer[:, : self.zdim], answer[:, self.zdim :]

    def _encode(self, positions: Tensor) -> Tensor:
        """Features ``(m, f)`` in the order of the original: axis by axis sines, then cosines."""
        if self.pe_type == "none":
            return positions
        if self.waves is not None:
            phase = positions @ self.waves.T
            return torch.cat((torch.sin(phase), torch.cos(phase)), dim=-1)
        phase = positions[..., None] * axis_frequencies(self.pe_type, self.box, self.pe_dim)
        return torch.cat((torch.sin(phase), torch.cos(phase)), dim=-1).flatten(1)


def read_original(
    path: str | Path,
    *,
    box: int,
    pe_type: str,
    zdim: int | None = None,
    extent: float = 0.5,
    norm: tuple[float, float] | None = None,
    activation: str = "relu",
    generation: str | None = None,
) -> OriginalModel:
    """Read ``weights.pkl`` without running any code in it; shapes that the weights do not tell are given.

    Parameters
    ----------
    path
        The file.
    box, pe_type, zdim, extent, norm, activation, generation
        From the project's ``config.pkl``; ``norm`` None = the file's (``train_nn`` stores it), else (0, 1);
        ``generation`` None = by the names, ``N`` where they are the same.

    Raises
    ------
    UserError, FormatError
        When the file is missing, damaged or holds something else.
    """
    state = load_checkpoint(path)
    weights = state.get("model_state_dict")
    if not isinstance(weights, Mapping):
        raise FormatError("these are not weights of tomoDRGN: model_state_dict is missing", path=Path(path))
    stored = state.get("norm")
    if norm is None:
        norm = (0.0, 1.0) if stored is None else (float(stored[0]), float(stored[1]))
    try:
        return original_model(
            weights,
            box=box,
            pe_type=pe_type,
            zdim=zdim,
            extent=extent,
            norm=norm,
            activation=activation,
            generation=generation,
        )
    except KeyError as error:
        raise FormatError(
            f"these are not weights of tomoDRGN: {error.args[0]} is missing", path=Path(path)
        ) from error


def original_model(
    state: Mapping[str, Any],
    *,
    box: int,
    pe_type: str,
    zdim: int | None = None,
    extent: float = 0.5,
    norm: tuple[float, float] = (0.0, 1.0),
    activation: str = "relu",
    generation: str | None = None,
) -> OriginalModel:
    """Build a model from the original's state dict of either generation; see :func:`read_original`.

    Raises
    ------
    KeyError
        When the decoder's weights are missing.
    UserError
        When the encoding does not fit the weights.
    """
    state = {name.removeprefix("module."): value for name, value in state.items()}
    prefix = "decoder.decoder." if any(n.startswith("decoder.decoder.") for n in state) else "decoder."
    decoder = read_network(state, prefix, activation)
    old = any(n.startswith("encoder.encoder1.") or n.endswith("rand_freqs") for n in state)
    encoder = None
    for first, second in _ENCODERS:
        if any(n.startswith(second + "main.") for n in state):
            encoder = (read_network(state, first, activation), read_network(state, second, activation))
    waves = next((v.float() for n, v in state.items() if n.endswith("freqs")), None)
    if zdim is None:
        zdim = 0 if encoder is None else encoder[1].layers[-1][0].shape[0] // 2
    known = decoder.n_in - zdim
    if pe_type == "linear":
        pe_type = "linear_lowf"
    pe_dim = known // 6
    expected = 3 if pe_type == "none" else 6 * (box // 2 if pe_type == "linear_lowf" else max(1, pe_dim))
    fits = pe_type in (*AXIS_TYPES, "none") or (waves is not None and len(waves) == 3 * pe_dim)
    if not fits or known != expected:
        raise UserError(
            f"the decoder has {decoder.n_in} inputs, which an encoding {pe_type} of box {box} "
            f"with {zdim} latent dimensions does not give"
        )
    return OriginalModel(
        box=box,
        zdim=zdim,
        generation=generation or ("S" if old else "N"),
        pe_type=pe_type,
        pe_dim=pe_dim,
        extent=extent,
        norm=norm,
        decoder=decoder,
        waves=waves if pe_type == "gaussian" else None,
        encoder=encoder,
    )
