"""The whole model: encoder, decoder, and optionally a volume that the decoder adds to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jobs.maths.fourier import volume_to_rfft
from jobs.maths.project import Projector
from jobs.maths.slice_tables import read_slices
from jobs.maths.slices import SlicePlane
from jobs.tomodrgn.batches import Batch
from jobs.tomodrgn.decoder import Decoder
from jobs.tomodrgn.encoder import Encoder
from jobs.tomodrgn.linear_modes import LinearModes, posterior
from jobs.tomodrgn.model_settings import ModelSettings
from jobs.tomodrgn.shaped import amplitude_of

#: Oversampling of the transform of the consensus.
_PADDING = 3


@dataclass(frozen=True)
class BaseSlices:
    """Slices of what a decoder adds to, for some images.

    Attributes
    ----------
    consensus
        ``(n, m, 2)``.
    modes
        ``(n, l, 2, k)`` of the volumes of the linear part at the samples they reach; None = there is none.
    """

    consensus: Tensor
    modes: Tensor | None


class TomoModel(nn.Module):
    """A volume for each latent vector, and a latent vector for each particle.

    Coefficients are those of orthonormal image transforms in units of the noise.

    Parameters
    ----------
    settings
        Shapes; with zdim 0 there is no encoder.
    """

    xy: Tensor
    consensus: Tensor | None
    modes: Tensor | None
    modes_doubt: Tensor | None

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        generator = torch.Generator().manual_seed(settings.seed)
        self.plane: SlicePlane = settings.plane()
        self.register_buffer("xy", self.plane.xy / settings.box, persistent=False)
        self.encoder = Encoder(settings, generator) if settings.zdim else None
        self.decoder = Decoder(settings, generator)
        self.register_buffer("consensus", None)
        #: Interleaved transform of the consensus, and the side of it.
        self._table: tuple[Tensor, int] | None = None
        self.register_buffer("modes", None)
        self.register_buffer("modes_doubt", None)
        self._linear: LinearModes | None = None
        self._reached: tuple[Tensor, Tensor] | None = None

    @classmethod
    def from_state(cls, settings: ModelSettings, state: Mapping[str, Tensor]) -> TomoModel:
        """Build a model from what ``state_dict`` gave, with its consensus if it has one."""
        model = cls(settings)
        model.take_state(state)
        return model

    def take_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state_dict`` of a model of the same settings gave, consensus and all."""
        self.set_consensus(state.get("consensus"))
        self.set_modes(state.get("modes"), state.get("modes_doubt"))
        if "decoder.envelope" not in state:
            self.decoder.envelope = None
        self.load_state_dict(state)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latent vectors of the particles, ``(p, zdim)`` each.

        Raises
        ------
        ValueError
            When the model has no latent space.
        """
        if self.encoder is None:
            raise ValueError("a model without latent space has nothing to encode")
        mu, logvar = self.encoder(batch)
        return mu, logvar

    def slices(self, z: Tensor | None, owner: Tensor, rotations: Tensor) -> Tensor:
        """Coefficients ``(n, m, 2)``, real and imaginary, of central slices at the samples of ``plane``.

        Parameters
        ----------
        z
            ``(p, zdim)`` latent vectors; None for a model without latent space.
        owner
            ``(n,)`` row of each image's particle in ``z``.
        rotations
            ``(n, 3, 3)`` RELION matrices reference to image.
        """
        out = self.decoder.planes(self.xy, rotations, z, owner)
        base = self._added(z, owner, self.base_slices(rotations))
        return out if base is None else out + base

    def misfit(
        self,
        z: Tensor | None,
        batch: Batch,
        dtype: torch.dtype = torch.float32,
        base: BaseSlices | None = None,
    ) -> Tensor:
        """Sum over the batch of ``weight |ctf slice - coefficient|^2``, the same as by way of :meth:`slices`.

        Several times as fast and with little memory, because value and gradients come in one pass. Call
        ``backward`` on what is made of it at most once.

        Parameters
        ----------
        z
            ``(p, zdim)`` latent vectors; None for a model without latent space.
        batch
            Images.
        dtype
            Precision of the matrix products; ``torch.bfloat16`` suits a GPU.
        base
            What :meth:`base_slices` gives for these images, where it is known already.
        """
        offset = self._added(z, batch.owner, base or self.base_slices(batch.rotations))
        return self.decoder.misfit(self.xy, z, batch, offset, dtype)

    def set_consensus(self, volume: Tensor | None) -> None:
        """Let the decoder add to a volume ``(D, D, D)`` ``[z, y, x]`` in units of the noise; None = nothing.

        Raises
        ------
        ValueError
            When the volume has another box.
        """
        if volume is not None and volume.shape != (self.settings.box,) * 3:
            raise ValueError(f"a volume of box {self.settings.box} is needed, not {tuple(volume.shape)}")
        self.consensus = None if volume is None else volume.detach().float().to(self.xy.device)
        self._table = None
        self.decoder.envelope = None if self.consensus is None else amplitude_of(self.consensus)

    def set_modes(self, volumes: Tensor | None, doubt: Tensor | None = None) -> None:
        """Let the first coordinates of the latent space add volumes to the consensus, in proportion.

        Parameters
        ----------
        volumes
            ``(k, d, d, d)``, see :class:`jobs.tomodrgn.linear_modes.LinearModes`; None = nothing.
        doubt
            ``(k, D // 2 + 1)`` variance of each part of their slices in each shell.
        """
        there = self.xy.device
        self.modes = None if volumes is None else volumes.detach().float().to(there)
        self.modes_doubt = None if volumes is None or doubt is None else doubt.detach().float().to(there)
        self._linear = self._reached = None

    def consensus_transform(self, z: Tensor | None = None) -> Tensor | None:
        """Orthonormal half transforms ``(1 or k, D, D, D // 2 + 1)`` of what the decoder adds to."""
        if self.consensus is None:
            return None
        base = volume_to_rfft(self.consensus)[None]
        linear = self._modes()
        if linear is None or z is None:
            return base
        return base + torch.einsum(
            "pk,kzyx->pzyx", z[:, : linear.n].to(base.dtype), linear.transforms(self.settings.box)
        )

    @torch.no_grad()
    def linear_posterior(self, left: Batch, slices: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """What images say of the latent state by the linear part alone, exactly; None if there is none.

        Parameters
        ----------
        left
            Images less the consensus, in units of the noise.
        slices
            ``(n, l, 2, k)`` of the linear part, where they are known already.

        Returns
        -------
        mean, log_variance
            ``(p, zdim)`` each; coordinates without a volume have 0 and 0.
        """
        linear = self._modes()
        if linear is None:
            return None
        with torch.autocast(self.xy.device.type, enabled=False):
            chosen, xy = self._low(linear)
            values, factor = left.coefficients[:, chosen], left.ctf[:, chosen]
            if left.weight is not None:
                root = left.weight[:, chosen].sqrt()
                values, factor = values * root[..., None], factor * root
            doubt = self.modes_doubt
            if doubt is not None:
                doubt = 2 * doubt[:, xy.norm(dim=1).round().long()].T
            if slices is None:
                slices = linear.slices(xy, left.rotations)
            found = posterior(values, factor, slices, left.owner, left.n_particles, doubt)
            rest = (0, self.settings.zdim - linear.n)
            log_variance = found[1].diagonal(dim1=1, dim2=2).log()
            return torch.nn.functional.pad(found[0], rest), torch.nn.functional.pad(log_variance, rest)

    def _modes(self) -> LinearModes | None:
        if self.modes is None:
            return None
        if self._linear is None or self._linear.volumes.device != self.modes.device:
            self._linear = LinearModes(self.modes)
        return self._linear

    def _low(self, linear: LinearModes) -> tuple[Tensor, Tensor]:
        """Samples that the volumes reach, and where they are in Fourier pixels."""
        if self._reached is None or self._reached[0].device != self.xy.device:
            xy = self.xy * self.settings.box
            chosen = torch.nonzero(xy.norm(dim=1) <= linear.radius + 1e-3)[:, 0]
            self._reached = (chosen, xy[chosen])
        return self._reached

    @torch.no_grad()
    def base_slices(self, rotations: Tensor) -> BaseSlices | None:
        """Slices of what the decoder adds to, whatever the latent state; None when it adds to nothing."""
        if self.consensus is None:
            return None
        linear = self._modes()
        modes = None if linear is None else linear.slices(self._low(linear)[1], rotations)
        return BaseSlices(self.consensus_slices(rotations), modes)

    def _added(self, z: Tensor | None, owner: Tensor, base: BaseSlices | None) -> Tensor | None:
        """Slices ``(n, m, 2)`` of what the decoder adds to."""
        if base is None or base.modes is None or z is None:
            return None if base is None else base.consensus
        linear = self._modes()
        assert linear is not None
        chosen, _ = self._low(linear)
        added = torch.einsum("nmck,nk->nmc", base.modes, z[owner, : linear.n].float())
        return torch.index_add(base.consensus, 1, chosen, added)

    @torch.no_grad()
    def consensus_slices(self, rotations: Tensor) -> Tensor:
        """Slices ``(n, m, 2)`` of the consensus."""
        assert self.consensus is not None
        if self._table is None or self._table[0].device != self.consensus.device:
            radius = float(self.plane.xy.norm(dim=-1).max())
            projector = Projector(self.consensus, padding=_PADDING, radius=radius)
            self._table = torch.view_as_real(projector.transform.flatten()).contiguous(), projector.size
        table, size = self._table
        return read_slices(table, size, self.xy * self.settings.box, rotations, _PADDING)
