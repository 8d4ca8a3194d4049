"""From the input stack to working images: resampled once, then shifted, cut and normalised.

Both results are files mapped into memory. They are computed in blocks of a size that only the box decides, so
that neither memory nor threads change a bit, and are gone on with after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.isac2.image_file import ImageFile
from jobs.isac2.inspect_images import Inspection, Inspector, inspection
from jobs.isac2.normalise import normalise, shift_images
from jobs.isac2.power import rotational_amplitudes, whitening_curve, whitening_plane
from jobs.isac2.resample import (
    Sampling,
    background,
    ctf_signs,
    resample_images,
    sampling,
)
from jobs.isac2.working_key import input_key, working_key
from jobs.maths.fourier import crop_rfft, image_to_rfft, pad_rfft, rfft_to_image

if TYPE_CHECKING:
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

FloatImages = npt.NDArray[np.float32]
#: Called with what is being done, images done, and of how many; may raise to stop.
Report = Callable[[str, int, int], None]

STACK: Final = "stack_ali2d.npy"
RESAMPLED: Final = "stack_ali2d_resampled.npy"
_FOUND: Final = "stack_ali2d_inspection.npy"
_AMPLITUDES: Final = "stack_ali2d_amplitudes.npy"
_WORKING_BLOCK: Final = 256


def resample(
    images: ImageInput, settings: IsacSettings, folder: Path, device: torch.device, report: Report
) -> FloatImages:
    """Phase-flip (or whiten) all images and bring them to working pixels, whole.

    Parameters
    ----------
    images
        The input.
    settings
        Of the run.
    folder
        Where the file goes; one that is complete, or begun, with the same input and settings is used.
    device
        Where to compute.
    report
        Is told of progress.

    Returns
    -------
    numpy.ndarray
        ``(n, small, small)`` float32, mapped read-only: the whole field of the input, background about 0.

    Raises
    ------
    FormatError
        When images hold NaN or nothing; all of them are looked at first.
    """
    size = sampling(images.box, settings)
    key = input_key(images, settings)
    target = ImageFile(folder / RESAMPLED, (images.count, size.small, size.small), np.float32, key)
    found = ImageFile(folder / _FOUND, (images.count, 2), np.uint64, key)
    if target.complete and found.complete:
        return target.open()
    with target, found:
        factors = _whitening(images, settings, size, folder, device, report) if settings.vpp else None
        inspector = Inspector(images.box)
        sound = True
        start = min(target.done, found.done)
        target.rewind(start)
        found.rewind(start)
        for first, block in _blocks(images, size.block, start):
            report("preparing images", first, images.count)
            facts = inspector.look(block)
            if not found.complete:
                found.write(facts)
            sound = sound and not facts[:, 1].any()
            if not sound:  # the rest is only looked at, so that all bad images are named at once
                continue
            rows = slice(first, first + len(block))
            signs = ctf_signs(images, rows, size, device) if settings.ctf or settings.vpp else None
            small = resample_images(
                torch.from_numpy(block).to(device),
                size,
                settings,
                signs,
                factors,
                _angles(images, rows, settings, device),
            )
            target.write(small.cpu().numpy())
            if target.due:
                found.note()
                target.note()
        if not sound:
            error = inspection(found.rows()).error(images)
            found.remove()
            target.remove()
            raise error
        found.finish()
        target.finish()
    report("preparing images", images.count, images.count)
    return target.open()


def inspected(images: ImageInput, settings: IsacSettings, folder: Path) -> Inspection:
    """Return what :func:`resample` found out about the images.

    Raises
    ------
    UserError
        When it has not been done.
    """
    file = ImageFile(folder / _FOUND, (images.count, 2), np.uint64, input_key(images, settings), begin=False)
    return inspection(file.open())


def whitening(images: ImageInput, settings: IsacSettings, folder: Path) -> npt.NDArray[np.float64] | None:
    """Return the factors ``(box // 2 + 1,)`` that :func:`resample` whitened with; None without VPP."""
    shape = (1, images.box // 2 + 1)
    store = ImageFile(folder / _AMPLITUDES, shape, np.float64, input_key(images, settings), begin=False)
    if not settings.vpp or not store.complete:
        return None
    return np.asarray(_curve(store, images).numpy(), np.float64)


def coarse_images(resampled: FloatImages, box: int, device: torch.device) -> Tensor:
    """Return all resampled images at a coarser sampling, in the memory of a device.

    Parameters
    ----------
    resampled
        ``(n, small, small)`` from :func:`resample`.
    box
        New box of the whole field, at most ``small``; pixels are ``small / box`` working pixels.
    device
        Where they go.

    Returns
    -------
    Tensor
        ``(n, box, box)`` float32.
    """
    count, small = resampled.shape[:2]
    result = torch.empty((count, box, box), dtype=torch.float32, device=device)
    for first in range(0, count, _WORKING_BLOCK):
        block = torch.from_numpy(np.array(resampled[first : first + _WORKING_BLOCK])).to(device)
        planes = image_to_rfft(block)
        planes = crop_rfft(planes, box) if box < small else pad_rfft(planes, box)
        result[first : first + len(block)] = rfft_to_image(planes, box) * (box / small)
    return result


def prepare(
    images: ImageInput,
    shifts: npt.ArrayLike | None,
    settings: IsacSettings,
    out_folder: Path,
    device: torch.device,
    report: Report,
) -> FloatImages:
    """Make the working images: resampled, shifted, cut or padded to the working box, normalised.

    Parameters
    ----------
    images
        The input.
    shifts
        ``(n, 2)`` movement x, y that centres each image, in pixels of the input; None for none.
    settings
        Of the run.
    out_folder
        Where :data:`STACK` goes; the resampled images before it are removed when it is complete.
    device
        Where to compute.
    report
        Is told of progress.

    Returns
    -------
    numpy.ndarray
        ``(n, settings.box, settings.box)`` float32, mapped read-only. Outside of the particle's mask the mean
        is 0, inside the standard deviation is 1.
    """
    size = sampling(images.box, settings)
    moved = np.zeros((images.count, 2)) if shifts is None else np.asarray(shifts, np.float64)
    if moved.shape != (images.count, 2):
        raise ValueError(f"shifts of shape {moved.shape} do not belong to {images.count} images")
    key = working_key(images, settings, moved)
    path, shape = out_folder / STACK, (images.count, settings.box, settings.box)
    ready = ImageFile(path, shape, np.float32, key, begin=False)
    if ready.complete:
        return ready.open()
    resampled = resample(images, settings, out_folder, device, report)
    target = ImageFile(path, shape, np.float32, key)
    with target:
        working = torch.as_tensor(moved * size.scale, dtype=torch.float32)
        room = int(working.abs().max().ceil()) if images.count else 0
        for first in range(target.done, images.count, _WORKING_BLOCK):
            report("normalising images", first, images.count)
            rows = slice(first, min(first + _WORKING_BLOCK, images.count))
            block = torch.from_numpy(np.array(resampled[rows])).to(device)
            if room:
                block = shift_images(block, working[rows].to(device), room)
            target.write(normalise(block, settings, _angles(images, rows, settings, device)).cpu().numpy())
            if target.due:
                target.note()
        target.finish()
    del resampled
    for path in (out_folder / RESAMPLED, (out_folder / RESAMPLED).with_suffix(".json")):
        path.unlink(missing_ok=True)
    report("normalising images", images.count, images.count)
    return target.open()


def _whitening(
    images: ImageInput,
    settings: IsacSettings,
    size: Sampling,
    folder: Path,
    device: torch.device,
    report: Report,
) -> Tensor:
    """Return the factors of every frequency, from all images."""
    shells = images.box // 2 + 1
    store = ImageFile(folder / _AMPLITUDES, (1, shells), np.float64, input_key(images, settings))
    with store:
        if not store.complete:
            total = torch.zeros(shells, dtype=torch.float64, device=device)
            for first, block in _blocks(images, size.block, 0):
                report("measuring power spectra", first, images.count)
                part = torch.from_numpy(block).to(device)
                rows = slice(first, first + len(block))
                mean = background(part, settings, _angles(images, rows, settings, device))
                # damaged images are told of when they are resampled
                part = torch.nan_to_num(part - mean[:, None, None], 0.0, 0.0, 0.0)
                total += rotational_amplitudes(part)
            store.write(total.cpu().numpy()[None])
            store.finish()
    return whitening_plane(_curve(store, images), size, device)


def _curve(store: ImageFile, images: ImageInput) -> Tensor:
    return whitening_curve(torch.from_numpy(np.array(store.open()[0])), images.count)


def _blocks(images: ImageInput, block: int, start: int) -> Iterator[tuple[int, FloatImages]]:
    """Read blocks of images, the next one while the one before is computed with."""
    firsts = range(start, images.count, block)

    def read(first: int) -> FloatImages:
        return images.read(np.arange(first, min(first + block, images.count)))

    with ThreadPoolExecutor(1, "reader") as pool:
        ahead = pool.submit(read, firsts[0]) if len(firsts) else None
        for number, first in enumerate(firsts):
            assert ahead is not None
            block_now = ahead.result()
            if number + 1 < len(firsts):
                ahead = pool.submit(read, firsts[number + 1])
            yield first, block_now


def _angles(images: ImageInput, rows: slice, settings: IsacSettings, device: torch.device) -> Tensor | None:
    if not settings.filament or images.segment_angle_deg is None:
        return None
    return torch.as_tensor(images.segment_angle_deg[rows].copy(), device=device)
