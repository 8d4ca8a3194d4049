"""Half-plane Fourier transforms of images and volumes: grids, shifts, shells, cropping.

Transforms are orthonormal. The image centre, pixel ``D // 2``, is moved to the array origin before the
transform, so phases are those of the centred object. A half plane has shape ``(D, D // 2 + 1)``, a half
volume ``(D, D, D // 2 + 1)``; the last axis is x.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rfft_grid(box: int, device: torch.device | str | None = None) -> tuple[Tensor, Tensor]:
    """Frequencies ``(ky, kx)`` of a half plane in cycles per pixel, each ``(box, box // 2 + 1)``."""
    ky = torch.fft.fftfreq(box, device=device)
    kx = torch.fft.rfftfreq(box, device=device)
    shape = (box, box // 2 + 1)
    return ky[:, None].expand(shape), kx[None, :].expand(shape)


def radius_rfft(box: int, device: torch.device | str | None = None, ndim: int = 2) -> Tensor:
    """Distance of every sample of a half plane (or volume) from the origin, in Fourier pixels."""
    full = torch.fft.fftfreq(box, d=1 / box, device=device)
    half = torch.fft.rfftfreq(box, d=1 / box, device=device)
    square = half**2
    for _ in range(ndim - 1):
        square = full.reshape(-1, *(1,) * square.ndim) ** 2 + square
    return torch.sqrt(square)


def rfft_weights(box: int, device: torch.device | str | None = None) -> Tensor:
    """How often each column of a half plane or volume occurs in the full one: ``(box // 2 + 1,)`` of 1 and 2.

    ``sum(weights * |F|**2)`` over a half plane equals the sum of the squared image (orthonormal transform).
    """
    weights = torch.full((box // 2 + 1,), 2.0, device=device)
    weights[0] = 1.0
    if box % 2 == 0:
        weights[-1] = 1.0
    return weights


def image_to_rfft(images: Tensor) -> Tensor:
    """Transform images ``(..., D, D)``, centre at ``D // 2``, into half planes ``(..., D, D // 2 + 1)``."""
    return torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)), norm="ortho")


def rfft_to_image(transforms: Tensor, box: int) -> Tensor:
    """Transform half planes back to images ``(..., box, box)``, centre at ``box // 2``."""
    return torch.fft.fftshift(torch.fft.irfft2(transforms, s=(box, box), norm="ortho"), dim=(-2, -1))


def volume_to_rfft(volumes: Tensor) -> Tensor:
    """Transform volumes ``(..., D, D, D)`` into half volumes ``(..., D, D, D // 2 + 1)``."""
    axes = (-3, -2, -1)
    return torch.fft.rfftn(torch.fft.ifftshift(volumes, dim=axes), dim=axes, norm="ortho")


def rfft_to_volume(transforms: Tensor, box: int) -> Tensor:
    """Transform half volumes back to volumes ``(..., box, box, box)``, centre at ``box // 2``."""
    axes = (-3, -2, -1)
    return torch.fft.fftshift(torch.fft.irfftn(transforms, s=(box,) * 3, dim=axes, norm="ortho"), dim=axes)


def shift_phases(box: int, shifts_px: Tensor) -> Tensor:
    """Phase factors that move an image by given pixels.

    Parameters
    ----------
    box: int
        Image side in pixels.
    shifts_px: torch.Tensor
        ``(..., 2)`` movement ``(x, y)`` in pixels; +1 moves the content one pixel towards larger index.

    Returns
    -------
    torch.Tensor
        ``(..., box, box // 2 + 1)`` complex factors to multiply half planes with. At the Nyquist frequency of
        an even box they are real (the cosine): the only choice that keeps images real and makes ``-t`` the
        adjoint of ``t``.
    """
    x, y = shifts_px.unbind(-1)
    kx = torch.fft.rfftfreq(box, device=shifts_px.device, dtype=shifts_px.dtype)
    ky = torch.fft.fftfreq(box, device=shifts_px.device, dtype=shifts_px.dtype)
    # Separable: two short vectors of factors instead of one exponential per sample.
    along_x = torch.polar(torch.ones_like(kx), -2 * torch.pi * kx * x[..., None])
    along_y = torch.polar(torch.ones_like(ky), -2 * torch.pi * ky * y[..., None])
    if box % 2 == 0:
        along_x = _real_at(along_x, box // 2)
        along_y = _real_at(along_y, box // 2)
    return along_y[..., :, None] * along_x[..., None, :]


def crop_rfft(transforms: Tensor, new_box: int, ndim: int = 2) -> Tensor:
    """Keep the low frequencies of half planes (or volumes): the transform of the object at coarser sampling.

    Parameters
    ----------
    transforms: torch.Tensor
        ``(..., D, D // 2 + 1)`` half planes, or half volumes with ``ndim=3``.
    new_box: int
        New side, at most ``D``.
    ndim: int
        2 for images, 3 for volumes.

    Returns
    -------
    torch.Tensor
        ``(..., new_box, new_box // 2 + 1)``. Samples keep their value: white noise keeps its variance, and
        pixel values grow by ``(D / new_box) ** (ndim / 2)``. Samples at the new Nyquist frequency are zero,
        because there one stored number stands for two different ones; cropping to the same box changes
        nothing.

    Raises
    ------
    ValueError
        If the new box is larger than the old one.
    """
    box = transforms.shape[-2]
    if new_box > box:
        raise ValueError(f"cannot crop a transform of box {box} to the larger box {new_box}")
    if new_box == box:
        return transforms
    cropped = transforms[..., : new_box // 2 + 1]
    positive, negative = (new_box + 1) // 2, new_box // 2
    for axis in range(-ndim, -1):
        low = cropped.narrow(axis, 0, positive)
        cropped = torch.cat((low, cropped.narrow(axis, box - negative, negative)), dim=axis)
    return _zero_nyquist(cropped, new_box, ndim) if new_box % 2 == 0 else cropped


def pad_rfft(transforms: Tensor, new_box: int, ndim: int = 2) -> Tensor:
    """Extend half planes (or volumes) with zero high frequencies; the adjoint of :func:`crop_rfft`."""
    box = transforms.shape[-2]
    if new_box < box:
        raise ValueError(f"cannot pad a transform of box {box} to the smaller box {new_box}")
    if new_box == box:
        return transforms
    if box % 2 == 0:
        transforms = _zero_nyquist(transforms, box, ndim)
    positive, negative = (box + 1) // 2, box // 2
    padded = torch.nn.functional.pad(transforms, (0, new_box // 2 + 1 - transforms.shape[-1]))
    for axis in range(-ndim, -1):
        gap_shape = list(padded.shape)
        gap_shape[axis] = new_box - box
        gap = padded.new_zeros(gap_shape)
        low, high = padded.narrow(axis, 0, positive), padded.narrow(axis, positive, negative)
        padded = torch.cat((low, gap, high), dim=axis)
    return padded


def shell_average(values: Tensor, box: int, ndim: int = 2) -> Tensor:
    """Mean of real values over shells of one Fourier pixel, counting conjugate samples.

    Parameters
    ----------
    values: torch.Tensor
        ``(..., D, D // 2 + 1)`` real values on a half plane, or on a half volume with ``ndim=3``.
    box: int
        ``D``.
    ndim: int
        2 for images, 3 for volumes.

    Returns
    -------
    torch.Tensor
        ``(..., D // 2 + 1)``; shell ``s`` holds the samples whose rounded radius is ``s``; corners are left
        out.
    """
    index = shell_index(box, values.device, ndim).reshape(-1)
    weights = (
        rfft_weights(box, values.device)
        .to(values.dtype)
        .expand((box,) * (ndim - 1) + (box // 2 + 1,))
        .reshape(-1)
    )
    n_shells = box // 2 + 1
    flat = values.reshape(*values.shape[: values.ndim - ndim], -1) * weights
    total = flat.new_zeros(*flat.shape[:-1], n_shells + 1).index_add_(-1, index, flat)
    count = weights.new_zeros(n_shells + 1).index_add_(0, index, weights)
    return (total / count.clamp(min=1.0))[..., :n_shells]


def shell_index(box: int, device: torch.device | str | None = None, ndim: int = 2) -> Tensor:
    """Shell number (int64) of every sample of a half plane or volume; corners share ``box // 2 + 1``."""
    return radius_rfft(box, device, ndim).round().long().clamp(max=box // 2 + 1)


def _zero_nyquist(transforms: Tensor, box: int, ndim: int) -> Tensor:
    """Copy with the rows and the column at the Nyquist frequency of an even box set to zero."""
    result = transforms.clone()
    result[..., box // 2] = 0
    for axis in range(-ndim, -1):
        result.narrow(axis, box // 2, 1).zero_()
    return result


def _real_at(factors: Tensor, index: int) -> Tensor:
    """Copy of complex ``factors`` whose entry ``index`` of the last axis is replaced by its real part."""
    result = factors.clone()
    result[..., index] = factors[..., index].real.to(factors.dtype)
    return result
