"""Volumes of latent vectors: one evaluation of half the Fourier volume and a real inverse transform."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.maths.fourier import crop_rfft
from jobs.tomodrgn.encodings import half_space
from jobs.tomodrgn.model import TomoModel

#: Frequencies times latent vectors evaluated at a time: what the cache of each thread holds, and what keeps a
#: GPU busy.
_POINTS_CPU, _POINTS_GPU = 1 << 10, 1 << 20


@torch.no_grad()
def decode_volumes(
    model: TomoModel,
    z: Tensor | None,
    *,
    box: int | None = None,
    norm: float = 1.0,
    flip: bool = False,
    invert: bool = False,
    lowpass_a: float | None = None,
    batch: int | None = None,
) -> Tensor:
    """Volumes ``(k, d, d, d)`` ``[z, y, x]`` of latent vectors, origin at voxel ``d // 2``.

    The coefficient at frequency zero, which no image tells, is zero, and so are those at Nyquist, where one
    stored number stands for two.

    Parameters
    ----------
    model
        The model.
    z
        ``(k, zdim)`` latent vectors; None for a model without latent space, which has one volume.
    box
        Side ``d`` of the volumes: even, at most that of the images; None = theirs. The pixel size grows by
        ``D / d``, values stay those of the volume that is seen at fewer points.
    norm
        Noise scale of the images that the model was trained on: volumes come in the units of the images.
    flip
        Mirror along z, voxel ``d // 2`` staying where it is: the other hand.
    invert
        Multiply by -1.
    lowpass_a
        Resolution in Å beyond which everything is zero.
    batch
        Frequencies evaluated at a time, all latent vectors together; a choice for the device when None.

    Raises
    ------
    UserError
        When the box is odd, or larger than that of the images, or the filter leaves nothing.
    """
    whole = model.settings.box
    d = whole if box is None else int(box)
    if d < 2 or d % 2 or d > whole:
        raise UserError(
            f"volumes have an even box of at most {whole} voxels, not {d}",
            hint=f"Give an even --downsample of at most {whole}, or none",
        )
    radius = _radius(model, d, lowpass_a)
    if radius < 1:
        width = whole * model.settings.pixel_size_a
        raise UserError(
            f"a low-pass filter of {lowpass_a:g} Å leaves nothing of volumes that are {width:g} Å wide",
            hint="Give a smaller --lowpass, or none",
        )
    positions, index, partner = half_volume(d, whole, radius, model.xy.device)
    n = 1 if z is None else len(z)
    if z is not None:
        z = z.to(device=model.xy.device, dtype=model.xy.dtype)
    # Orthonormal slices over unnormalised sums, as of a volume of the full box.
    factor = norm * (-1 if invert else 1) / whole**2
    half = torch.zeros(n, d * d * (d // 2 + 1), 2, device=model.xy.device)
    chunk = batch or (_POINTS_GPU if model.xy.is_cuda else _POINTS_CPU * torch.get_num_threads())
    for part in torch.arange(len(index), device=index.device).split(max(1, chunk // n)):
        values = model.decoder.points(positions[part], z)
        # Partners first: where a frequency is its own place, the value itself is what stays.
        half[:, partner[part]] = values * values.new_tensor([1.0, -1.0])
        half[:, index[part]] = values
    spectra = torch.view_as_complex(half).reshape(n, d, d, d // 2 + 1)
    base = model.consensus_transform(z)
    if base is not None:
        kept = torch.zeros(d * d * (d // 2 + 1), device=base.device)
        kept[index], kept[partner] = 1.0, 1.0
        cropped = crop_rfft(base, d, ndim=3) * kept.reshape(d, d, -1)
        spectra = spectra + cropped * whole**0.5
    if flip:
        spectra = torch.roll(spectra.flip(-3), 1, dims=-3)
    volumes = torch.fft.irfftn(spectra, s=(d, d, d), dim=(-3, -2, -1), norm="forward")
    return torch.fft.fftshift(volumes, dim=(-3, -2, -1)) * factor


def half_volume(
    d: int, box: int, radius: float, device: torch.device | str | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Frequencies of a half volume to evaluate, each pair of conjugates once.

    Parameters
    ----------
    d, box
        Side of the volume, and of the images, whose pixels are the unit of the frequencies.
    radius
        Largest frequency in Fourier pixels.
    device
        Where.

    Returns
    -------
    positions, index, partner
        ``(m, 3)`` x, y, z in cycles/pixel, ``(m,)`` place in the flattened half volume, and ``(m,)`` place of
        the conjugate: in plane ``x = 0`` the mirror point, elsewhere the same as ``index``.
    """
    line = torch.fft.fftfreq(d, 1 / d, device=device)
    z, y, x = torch.meshgrid(line, line, torch.arange(d // 2, device=device).float(), indexing="ij")
    inside = (z * z + y * y + x * x <= radius * radius) & (z * z + y * y + x * x > 0)
    inside &= (z > -d / 2) & (y > -d / 2) & (half_space(torch.stack((x, y, z), dim=-1)) > 0)
    x, y, z = x[inside], y[inside], z[inside]
    index, mirrored = (
        (((s * z).long() % d) * d + (s * y).long() % d) * (d // 2 + 1) + x.long() for s in (1, -1)
    )
    positions = torch.stack((x, y, z), dim=-1) / box
    return positions, index, torch.where(x == 0, mirrored, index)


def _radius(model: TomoModel, d: int, lowpass_a: float | None) -> float:
    s = model.settings
    radius = min(s.extent * s.box + 1e-3, d / 2 - 1 / (2 * d))
    if lowpass_a is not None:
        radius = min(radius, s.box * s.pixel_size_a / lowpass_a + 1e-3)
    return radius
