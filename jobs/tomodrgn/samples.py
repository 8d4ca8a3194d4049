"""From image files to masked Fourier samples: window, transform, centring, sign, noise scale."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.fourier import image_to_rfft
from jobs.maths.slices import SlicePlane

#: Images that tell the noise scale, and pixels read at a time.
_SCALE_IMAGES, _CHUNK_PIXELS = 2000, 1 << 24


@dataclass(frozen=True)
class SampleOptions:
    """How images become samples.

    Attributes
    ----------
    extent
        Largest frequency in cycles per pixel.
    window, window_in, window_out
        Whether images are windowed; radii relative to half the box where the window begins to fall from 1 and
        where it is 0, along a cosine.
    sign
        -1 where protein is dark in the images, +1 where it is white.
    scale
        Noise scale to divide by; None = estimate it.
    shift
        Subtracted from the real parts of the transforms (orthonormal) before they are divided.
    """

    extent: float = 0.5
    window: bool = True
    window_in: float = 0.85
    window_out: float = 0.99
    sign: int = 1
    scale: float | None = None
    shift: float = 0.0


def soft_window(box: int, inner: float, outer: float) -> Tensor:
    """Window ``(box, box)``: 1 within ``inner`` half boxes of the centre, 0 beyond ``outer``."""
    axis = (torch.arange(box) - box // 2) * (2.0 / box)
    radius = torch.sqrt(axis[:, None] ** 2 + axis**2)
    if outer <= inner:
        return (radius <= inner).float()
    fall = ((radius - inner) / (outer - inner)).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(math.pi * fall)


class SampleReader:
    """Reads images of a set as samples of their half planes.

    Parameters
    ----------
    particles
        The set.
    plane
        Samples to keep, on the device that computes.
    options
        How.
    """

    def __init__(self, particles: TiltParticles, plane: SlicePlane, options: SampleOptions) -> None:
        self.particles, self.plane, self.options = particles, plane, options
        self.stacks = ImageStacks(particles)
        if self.stacks.box != particles.box:
            raise UserError(
                f"the images are {self.stacks.box} pixels wide, the table says {particles.box}",
                path=particles.path,
            )
        device = plane.index.device
        box = particles.box
        window = (
            soft_window(box, options.window_in, options.window_out)
            if options.window
            else torch.ones(box, box)
        )
        self._window = (window * options.sign).to(device)
        self._turns = plane.xy.double() / box
        self._origin = torch.from_numpy(particles.origin_a / particles.pixel_size_a).to(device)
        self.chunk = max(1, _CHUNK_PIXELS // box**2)

    def read(self, rows: np.ndarray) -> Tensor:
        """Samples of these images, ``(n, m, 2)`` float32, not yet divided by the noise scale."""
        device = self._window.device
        images = torch.from_numpy(self.stacks.read(rows)).to(device)
        spectra = image_to_rfft(images * self._window).flatten(1)[:, self.plane.index] - self.options.shift
        # The origin is how far the particle must be moved to sit in the centre.
        turns = -(self._origin[torch.from_numpy(rows).to(device)] @ self._turns.T)
        phase = ((turns - turns.round()) * (2 * math.pi)).float()
        return torch.view_as_real(spectra * torch.polar(torch.ones_like(phase), phase))

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """All images in the order of the set, in portions."""
        n = self.particles.n_images
        for start in range(0, n, self.chunk):
            rows = np.arange(start, min(n, start + self.chunk))
            yield slice(start, int(rows[-1]) + 1), self.read(rows)

    def noise_scale(self, noise_weight: Tensor | None = None) -> float:
        """Standard deviation of real and imaginary parts of the noise, from the median power of some images.

        Parameters
        ----------
        noise_weight
            Not used where noise is white; ``(k, m)`` inverse variances of the images :meth:`scale_rows`.

        Raises
        ------
        UserError
            When the images are empty or hold numbers that are not finite, or their dose leaves nothing.
        """
        rows = self.scale_rows()
        power = [
            self.read(part).square().sum(-1) for part in np.array_split(rows, -(-len(rows) // self.chunk))
        ]
        whole = torch.cat(power)
        bad = torch.nonzero(~torch.isfinite(whole).all(1) | (whole.amax(1) == 0))[:, 0].tolist()
        if bad:
            image = int(rows[bad[0]])
            raise UserError(
                f"image {int(self.particles.section[image]) + 1} is empty or holds no numbers",
                path=self.particles.stacks[int(self.particles.stack[image])],
                hint="Extract the particles again, or leave this one out",
            )
        if noise_weight is not None:
            whole = whole * noise_weight
            lost = torch.nonzero(whole.amax(1) == 0)[:, 0].tolist()
            if lost:
                image = int(rows[lost[0]])
                raise UserError(
                    f"nothing is left of image {int(self.particles.section[image]) + 1} of "
                    f"{self.particles.stacks[int(self.particles.stack[image])].name} after its dose",
                    path=self.particles.path,
                    hint="Look at the doses of the file, or at --dose-override",
                )
        # Most of the particle's own power lies at low frequencies.
        radius = self.plane.xy.norm(dim=1)
        whole = whole[:, radius >= radius.median()]
        # The power of complex Gaussian noise has the median 2 ln(2) times the variance of each part.
        return float(torch.sqrt(whole.float().median() / (2 * math.log(2))))

    def scale_rows(self) -> np.ndarray:
        """Images spread evenly over the set that tell the noise scale."""
        n = self.particles.n_images
        return np.unique(np.linspace(0, n - 1, min(n, _SCALE_IMAGES)).round().astype(np.int64))

    def fingerprint(self) -> str:
        """A name for everything that the samples depend on."""
        digest = hashlib.sha256(json.dumps(asdict(self.options), sort_keys=True).encode())
        for path in self.particles.stacks:
            status = path.stat()
            digest.update(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode())
        for values in (self.particles.stack, self.particles.section, self.particles.origin_a):
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(f"{self.particles.box} {self.particles.pixel_size_a} 1".encode())
        return digest.hexdigest()[:16]
