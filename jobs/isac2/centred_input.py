"""The folder ``2dalignment``: pre-alignment of a run, done once and read by who resumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import torch

from jobs.core.errors import FormatError
from jobs.formats.eman_hdf import write_eman_stack
from jobs.isac2.memory import limit_bytes
from jobs.isac2.native_tree import read_rows, write_rows
from jobs.isac2.prealignment import GlobalAlignment, align_globally, coarse_box
from jobs.isac2.prepare import coarse_images, resample
from jobs.maths.fourier import image_to_rfft, pad_rfft, rfft_to_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

FOLDER: Final = "2dalignment"
PARAMETERS: Final = "initial2Dparams.txt"
MARKER: Final = "Finished_initial_2d_alignment.txt"
#: Share of the memory that may be used in which all coarse images may stay on a card.
_RESIDENT: Final = 0.5


def centring_shifts(
    source: ImageInput,
    settings: IsacSettings,
    folder: Path,
    device: torch.device,
    report: Callable[[str, int, int], None],
) -> npt.NDArray[np.float64]:
    """Return the shifts that centre all images, from an earlier start of the run or found now.

    They are always those of the file, rounded as it has them, so that who resumes computes the same.

    Parameters
    ----------
    source, settings
        Images and settings of the run.
    folder
        Of the run; ``2dalignment`` is written into it.
    device
        Where to compute.
    report
        Is told of progress; may raise to stop.

    Returns
    -------
    numpy.ndarray
        ``(N, 2)`` x and y in input pixels; zeros when pre-alignment is skipped.

    Raises
    ------
    FormatError
        When the file of an earlier start does not fit the images.
    """
    tree = folder / FOLDER
    if not (tree / MARKER).exists():
        tree.mkdir(parents=True, exist_ok=True)
        shift = np.zeros((source.count, 2))
        if not settings.skip_prealignment:
            small = resample(source, settings, folder, device, report)
            box = coarse_box(settings, source.box)
            # images that do not fit onto the card stay in the computer, and are moved block by block
            fits = source.count * box**2 * 4 < _RESIDENT * limit_bytes(device, settings.gpu_memory_use)
            images = coarse_images(small, box, device if fits else torch.device("cpu"))
            found = align_globally(
                images,
                source.count,
                settings,
                source.box,
                device,
                lambda done, of: report("pre-alignment", done, of),
            )
            shift = found.shift.cpu().double().numpy() * (source.box / images.shape[-1])
            if settings.filament and source.segment_angle_deg is not None:
                shift = across_filaments(shift, source.segment_angle_deg)
            _write_averages(tree, found, settings, source)
        zero = np.zeros(source.count)
        write_rows(tree / PARAMETERS, zero, shift[:, 0], shift[:, 1], zero.astype(np.int64))
        (tree / MARKER).touch()
    rows = read_rows(tree / PARAMETERS, 4)
    if len(rows) != source.count:
        raise FormatError(
            f"there are shifts of {len(rows)} images, but the input has {source.count}",
            path=tree / PARAMETERS,
            hint="Give the images that the run was started with",
        )
    return rows[:, 1:3]


def across_filaments(
    shift: npt.NDArray[np.float64], segment_angle_deg: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Keep only the part of shifts across filaments, which along them means nothing, in whole pixels.

    Parameters
    ----------
    shift
        ``(n, 2)`` x and y, pixels.
    segment_angle_deg
        ``(n,)`` the filament runs along (cos, -sin) in x and y.
    """
    angle = np.deg2rad(segment_angle_deg)
    across = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    projected = (shift * across).sum(1, keepdims=True) * across
    return np.asarray(np.round(projected), np.float64)


def _write_averages(tree: Path, found: GlobalAlignment, settings: IsacSettings, source: ImageInput) -> None:
    """Write raw and filtered averages of all iterations, and their correlation curves."""
    small = max(settings.small_box(source.box), found.averages.shape[-1])
    pixel = None if source.pixel_size_a is None else source.pixel_size_a * source.box / small
    for name, images in (("aqc", found.averages), ("aqf", found.filtered), ("aqfinal", found.filtered[-1:])):
        shown = rfft_to_image(pad_rfft(image_to_rfft(images.cpu()), small), small)
        write_eman_stack(tree / f"{name}.hdf", iter(shown.numpy()), None, pixel)
    for number, curve in enumerate(found.curves, start=1):
        frequency = np.arange(len(curve)) / small
        counts = np.round(2 * np.pi * np.arange(len(curve))).astype(np.int64).clip(min=1)
        write_rows(tree / f"resolution{number:03d}", frequency, curve.numpy(), counts)
