"""The shape of a tomoDRGN model as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from jobs.core.errors import UserError
from jobs.maths.slices import SlicePlane
from jobs.tomodrgn.batches import pair_plane


@dataclass(frozen=True)
class ModelSettings:
    """Everything that decides which networks a model has.

    Attributes
    ----------
    box, pixel_size_a
        Image side in pixels, and pixel size in Å.
    zdim
        Latent dimensions; 0 = one homogeneous structure, a decoder without encoder (``train_nn``).
    n_tilts
        Images of the particle that has most; slots of the concatenation.
    extent
        Largest frequency that is modelled, in cycles per pixel.
    l_extent
        Coordinate handed to the encoding for Nyquist.
    enc_mask
        Radius in Fourier pixels of what the encoder sees; None or a negative number = everything.
    enc_layers_a, enc_dim_a, out_dim_a
        Hidden layers, their width, and outputs of the encoder of single images.
    enc_layers_b, enc_dim_b
        Hidden layers and their width of the encoder of particles; the width also of the set encoder.
    pooling_function
        ``concatenate``, ``max``, ``mean``, ``median`` or ``set_encoder``.
    num_seeds, num_heads, layer_norm
        Of the set encoder.
    dec_layers, dec_dim
        Hidden layers of the decoder and their width.
    pe_type, pe_dim, feat_sigma
        Positional encoding, waves per axis (None = half the box), spread of ``gaussian`` relative to Nyquist.
    activation
        ``relu`` or ``leaky_relu``.
    seed
        Of the initial weights and of the gaussian encoding.
    """

    box: int
    pixel_size_a: float
    zdim: int = 8
    n_tilts: int = 1
    extent: float = 0.5
    l_extent: float = 0.5
    enc_mask: float | None = None
    enc_layers_a: int = 3
    enc_dim_a: int = 256
    out_dim_a: int = 128
    enc_layers_b: int = 1
    enc_dim_b: int = 256
    pooling_function: str = "concatenate"
    num_seeds: int = 1
    num_heads: int = 4
    layer_norm: bool = False
    dec_layers: int = 3
    dec_dim: int = 256
    pe_type: str = "geom_lowf"
    pe_dim: int | None = None
    feat_sigma: float = 0.5
    activation: str = "relu"
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSettings:
        """Undo :meth:`to_dict`; names that this version does not know are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def plane(self) -> SlicePlane:
        """Samples of an image that the model explains."""
        return pair_plane(self.box, self.extent)

    def check_tilts(self, largest: int) -> None:
        """Refuse particles with more images than the concatenation has slots.

        Raises
        ------
        UserError
            When ``largest``, the most images of a particle, is too many.
        """
        if self.zdim and self.pooling_function == "concatenate" and largest > self.n_tilts:
            raise UserError(
                f"a particle has {largest} images, but the model was made for at most {self.n_tilts}",
                hint="Leave out the images of highest dose, or train with another pooling function",
            )
