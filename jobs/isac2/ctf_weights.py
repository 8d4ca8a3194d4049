"""The CTF of every image as K-means needs it: how much of the signal each frequency shows.

Flipping phases leaves contrast that depends on defocus. Two views that resemble one another differ by less
than two defoci of one view, and classes of phase-flipped images are then classes of defocus. Images weighted
by their CTF, and references from which the mean squared CTF of their members is divided out, know no defocus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from jobs.isac2.averages import ImageSource, take_images
from jobs.isac2.image_file import ImageFile
from jobs.isac2.resample import sampling
from jobs.isac2.working_key import input_key
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.fourier import shell_average

if TYPE_CHECKING:
    from jobs.formats.image_stack_input import ImageInput
    from jobs.isac2.settings import IsacSettings

POWERS: Final = "stack_ali2d_ctf.npy"
WEIGHTED: Final = "stack_ali2d_weighted.npy"
#: Images at a time; fixed, so that neither memory nor threads change a bit.
_BLOCK: Final = 32
_POWERS_BLOCK: Final = 256
#: Where members hardly show anything, their noise is not raised above this part of the mean squared CTF.
_FLOOR: Final = 0.05


@dataclass(frozen=True, eq=False)
class CtfWeights:
    """Squared CTFs of all images, averaged over directions.

    Attributes
    ----------
    powers
        ``(N, box // 2 + 1)`` float32 by shell of the working box.
    box
        Of the working images.
    """

    powers: npt.NDArray[np.float32]
    box: int

    def of(self, index: Tensor) -> Tensor:
        """Return the squared CTFs ``(n, box // 2 + 1)`` of some images, on the CPU."""
        return torch.from_numpy(np.array(self.powers[index.cpu().numpy()]))

    def mean(self, index: Tensor, labels: Tensor, classes: int) -> Tensor:
        """Return the mean squared CTF ``(classes, box // 2 + 1)`` of the members of classes, on the CPU.

        Parameters
        ----------
        index, labels
            ``(n,)`` images and their classes; -1 for none.
        classes
            Number of classes; 1 everywhere for those without members.
        """
        labels = labels.cpu()
        member = functional.one_hot(labels.clamp(min=0), classes).float() * (labels >= 0)[:, None]
        count = member.sum(0)[:, None]
        return torch.where(count > 0, (member.T @ self.of(index)) / count.clamp(min=1), 1.0)

    def weigh(self, images: Tensor, index: Tensor) -> Tensor:
        """Return images ``(n, y, x)`` times the size of their CTF."""
        size = self.of(index).sqrt().to(images.device)
        parts = [
            torch.fft.irfft2(
                torch.fft.rfft2(images[first : first + _BLOCK])
                * radial_plane(size[first : first + _BLOCK], self.box),
                s=images.shape[-2:],
            )
            for first in range(0, len(images), _BLOCK)
        ]
        return torch.cat(parts) if parts else images


class WeightedImages:
    """Working images times the size of their CTF, read by index.

    Parameters
    ----------
    images
        Phase-flipped working images ``(N, y, x)``.
    weights
        Their CTFs.
    device
        Where to compute.
    """

    def __init__(
        self, images: ImageSource | Tensor, weights: CtfWeights, device: torch.device | str = "cpu"
    ) -> None:
        self._images, self._weights, self._device = images, weights, device

    def __getitem__(self, index: npt.NDArray[np.int64]) -> Tensor:
        """Return the weighted images of an integer array of indices."""
        which = torch.from_numpy(np.asarray(index))
        return self._weights.weigh(take_images(self._images, which, self._device), which)


def deconvolved(averages: Tensor, power: Tensor) -> Tensor:
    """Divide averages of weighted images by the mean squared CTF of their members.

    Parameters
    ----------
    averages
        ``(k, y, x)``.
    power
        ``(k, y // 2 + 1)`` of :meth:`CtfWeights.mean`.
    """
    safe = (power + _FLOOR * power.mean(1, keepdim=True)).to(averages.device)
    box = averages.shape[-1]
    return torch.fft.irfft2(torch.fft.rfft2(averages) / radial_plane(safe, box), s=(box, box))


def radial_plane(curves: Tensor, box: int) -> Tensor:
    """Return half planes ``(k, box, box // 2 + 1)`` that hold curves ``(k, box // 2 + 1)`` by radius.

    Between shells the curves are interpolated linearly; beyond the last one they keep its value. Frequencies
    lie as :func:`torch.fft.rfft2` leaves them.
    """
    y = torch.fft.fftfreq(box, 1 / box, device=curves.device)
    x = torch.fft.rfftfreq(box, 1 / box, device=curves.device)
    radius = torch.sqrt(y[:, None] ** 2 + x**2).clamp(max=curves.shape[-1] - 1)
    low = radius.floor().clamp(max=curves.shape[-1] - 2).long()
    part = radius - low
    return curves[:, low] * (1 - part) + curves[:, low + 1] * part


def ctf_weights(
    source: ImageInput,
    settings: IsacSettings,
    folder: Path,
    device: torch.device,
    report: Callable[[str, int, int], None],
) -> CtfWeights | None:
    """Work out the CTFs of all images, or read what an earlier start of the run worked out.

    Parameters
    ----------
    source
        The images.
    settings
        Of the run.
    folder
        Where the file goes.
    device
        Where to compute.
    report
        Is told of progress.

    Returns
    -------
    CtfWeights or None
        None when the run knows no CTF.
    """
    if not settings.ctf or source.ctf is None:
        return None
    box, scale = settings.box, sampling(source.box, settings).scale
    target = ImageFile(folder / POWERS, (source.count, box // 2 + 1), np.float32, input_key(source, settings))
    if target.complete:
        return CtfWeights(target.open(), box)
    particles = source.particles
    with target:
        for first in range(target.done, source.count, _POWERS_BLOCK):
            report("CTFs", first, source.count)
            rows = np.arange(first, min(first + _POWERS_BLOCK, source.count))
            params = from_particles(particles, rows, device)
            params = replace(params, bfactor_a2=torch.zeros_like(params.bfactor_a2))
            pixel = torch.as_tensor(particles.pixel_size_a[rows].copy(), device=device) / scale
            power = shell_average(ctf_rfft(params, box, pixel) ** 2, box).float()
            # Images that were multiplied by their CTF already have its weight.
            done = torch.as_tensor(particles.ctf_premultiplied[rows], device=device)
            target.write(torch.where(done[:, None], 1.0, power).cpu().numpy())
        target.finish()
    return CtfWeights(target.open(), box)


def weighted_stack(
    working: npt.NDArray[np.float32],
    weights: CtfWeights,
    key: dict[str, Any],
    folder: Path,
    device: torch.device,
    report: Callable[[str, int, int], None],
) -> npt.NDArray[np.float32]:
    """Write all working images times the size of their CTF, which every pass reads.

    Parameters
    ----------
    working
        Phase-flipped working images ``(N, y, x)``.
    weights
        Their CTFs.
    key
        What decides the working images, as plain values.
    folder
        Where the file goes.
    device
        Where to compute.
    report
        Is told of progress.

    Returns
    -------
    numpy.ndarray
        ``(N, y, x)`` float32, mapped read-only.
    """
    target = ImageFile(folder / WEIGHTED, working.shape, np.float32, key)
    if target.complete:
        return target.open()
    with target:
        for first in range(target.done, len(working), _POWERS_BLOCK):
            report("weighting images", first, len(working))
            rows = torch.arange(first, min(first + _POWERS_BLOCK, len(working)))
            target.write(weights.weigh(take_images(working, rows, device), rows).cpu().numpy())
            if target.due:
                target.note()
        target.finish()
    return target.open()
