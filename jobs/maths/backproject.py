"""Reconstruction: CTF-weighted central slices are added up in a Fourier volume, batch after batch."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.maths.fourier import radius_rfft, rfft_to_volume, shell_average, shell_index, shift_phases
from jobs.maths.slices import SlicePlane, fold_hermitian, locate_slices, sinc_squared


class Backprojector:
    """Accumulates ``sum CTF F`` and ``sum CTF^2`` in a half volume; memory does not grow with the particles.

    Parameters
    ----------
    box: int
        Image side.
    device: torch.device or str
        Where the sums live; batches must be there too.
    padding: int
        Oversampling of the Fourier volume. 1 is the plain insertion, 2 with gridding correction is more
        accurate at the rim of the box and needs eight times the memory.
    radius: float or None
        Largest frequency used, in Fourier pixels; ``box // 2 - 1`` when None.
    """

    def __init__(
        self, box: int, device: torch.device | str = "cpu", padding: int = 1, radius: float | None = None
    ) -> None:
        self.box, self.padding, self.size = box, padding, box * padding
        self.radius = float(box // 2 - 1 if radius is None else radius)
        self.plane = SlicePlane.make(box, self.radius, device)
        # Real part, imaginary part and weight side by side: one scatter per corner instead of three.
        self.sums = torch.zeros(self.size * self.size * (self.size // 2 + 1), 3, device=device)

    def add(
        self,
        images_rfft: Tensor,
        ctf: Tensor | None,
        rotations: Tensor,
        shifts_px: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> None:
        """Insert a batch of images.

        Parameters
        ----------
        images_rfft: torch.Tensor
            ``(b, D, D // 2 + 1)`` orthonormal half planes.
        ctf: torch.Tensor or None
            ``(b, D, D // 2 + 1)`` real CTFs, None for 1.
        rotations: torch.Tensor
            ``(b, 3, 3)`` RELION matrices, or ``(b, 2, 3)`` with magnification
            (:func:`jobs.maths.rotations.projection_matrices`).
        shifts_px: torch.Tensor or None
            ``(b, 2)`` offset of the particle from the image centre, ``-origin / pixel``; it is undone.
        weights: torch.Tensor or None
            ``(b,)`` weight of each image, or ``(b, D, D // 2 + 1)`` of each sample (inverse noise power).
        """
        b = len(images_rfft)
        index = self.plane.index
        values = images_rfft.reshape(b, -1)[:, index]
        if shifts_px is not None:
            values = values * shift_phases(self.box, -shifts_px).reshape(b, -1)[:, index]
        multiplicity = self.plane.weight
        if weights is not None:
            per_sample = weights[:, None] if weights.ndim == 1 else weights.reshape(b, -1)[:, index]
            multiplicity = multiplicity * per_sample
        if ctf is None:
            power = multiplicity.expand(b, -1)
            values = values * power
        else:
            transfer = ctf.reshape(b, -1)[:, index]
            weighted = transfer * multiplicity
            values, power = values * weighted, transfer * weighted
        corners = locate_slices(self.plane, rotations, self.padding)
        imaginary = torch.where(corners.flipped, -values.imag, values.imag)
        triples = torch.stack((values.real, imaginary, power), dim=-1)
        for i in range(8):
            position, weight = corners.corner(i, self.size)
            self.sums.index_add_(0, position.reshape(-1), (weight[..., None] * triples).reshape(-1, 3))

    def merge(self, other: Backprojector) -> Backprojector:
        """New accumulator with the sums of both; for half-maps that also give the map of all images."""
        if (other.box, other.padding, other.radius) != (self.box, self.padding, self.radius):
            raise ValueError("only reconstructions of the same box, padding and radius can be merged")
        result = Backprojector(self.box, self.sums.device, self.padding, self.radius)
        result.sums = self.sums + other.sums.to(self.sums.device)
        return result

    def folded(self) -> tuple[Tensor, Tensor]:
        """Sums ``(d, d, d // 2 + 1)`` of data and of weights, with both members of each conjugate pair."""
        shape = (self.size, self.size, self.size // 2 + 1)
        data = fold_hermitian(torch.complex(self.sums[:, 0], self.sums[:, 1]).reshape(shape))
        return data, fold_hermitian(self.sums[:, 2].reshape(shape))

    def reconstruct(
        self, regularisation: float = 0.1, noise_to_signal: Tensor | None = None, gridding: bool | None = None
    ) -> Tensor:
        """Divide the sums and return the volume.

        Parameters
        ----------
        regularisation: float
            The divisor is the weight plus this fraction of the mean weight of its shell.
        noise_to_signal: torch.Tensor or None
            ``(D // 2 + 1,)`` Wiener term added to the weight per shell of the image, instead of the fraction.
        gridding: bool or None
            Undo the footprint of trilinear interpolation; None does so when the volume is padded.

        Returns
        -------
        torch.Tensor
            ``(D, D, D)`` volume ``[z, y, x]`` whose projections are the images; zero beyond the radius.
        """
        data, weight = self.folded()
        index = shell_index(self.size, weight.device, 3).clamp(max=self.size // 2)
        if noise_to_signal is None:
            floor = regularisation * shell_average(weight, self.size, 3)
        else:
            # Fine shells of the padded volume take the value of the image's shell they lie in.
            fine = torch.arange(self.size // 2 + 1, device=weight.device) / self.padding
            shells = fine.round().long().clamp(max=self.box // 2)
            floor = noise_to_signal.to(weight.device, weight.dtype)[shells]
        divisor = weight + floor[index]
        inside = radius_rfft(self.size, weight.device, 3) <= self.radius * self.padding + 1e-3
        tiny = torch.finfo(divisor.dtype).tiny
        transform = torch.where(
            inside & (divisor > 0), data / divisor.clamp(min=tiny), torch.zeros_like(data)
        )
        before = self.size // 2 - self.box // 2
        inner = slice(before, before + self.box)
        scale = self.box / self.size**1.5  # image transform (orthonormal in D^2) to volume transform
        volume = rfft_to_volume(transform, self.size)[inner, inner, inner] * scale
        if gridding is None:
            gridding = self.padding > 1
        return volume / sinc_squared(self.box, self.size, volume.device) if gridding else volume
