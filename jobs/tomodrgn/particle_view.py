"""The least exposed image of a particle beside what the model expects it to look like."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.core.latent import ParticleView
from jobs.formats.tilt_particles import TiltParticles
from jobs.maths.fourier import rfft_to_image
from jobs.maths.slices import SlicePlane
from jobs.tomodrgn.bank import ImageBank
from jobs.tomodrgn.embedding import forward_of, sampling_of
from jobs.tomodrgn.job_config import JobConfig
from jobs.tomodrgn.latent_columns import lowest_dose_rows
from jobs.tomodrgn.model import TomoModel
from jobs.tomodrgn.trained_model import Trained

Float32 = npt.NDArray[np.float32]


class ParticleViewer:
    """Reads images of a training's particles and projects its model, both as the training saw them.

    Images are windowed and centred, protein is white, and grey values are in units of the noise.

    Parameters
    ----------
    trained
        A model that this program trained.
    config
        Settings of the training, by which images are read.
    read
        Reads the particles in the order of the latent places, with their stacks; called when the first of
        them is looked at.
    """

    def __init__(self, trained: Trained, config: JobConfig, read: Callable[[], TiltParticles]) -> None:
        self._trained, self._config, self._read = trained, config, read

    @cached_property
    def _particles(self) -> TiltParticles:
        return self._read()

    @cached_property
    def _least_exposed(self) -> npt.NDArray[np.int64]:
        return lowest_dose_rows(self._particles)

    @torch.no_grad()
    def view(self, index: int, z: Float32) -> ParticleView:
        """Show a particle.

        Parameters
        ----------
        index
            Which one.
        z
            ``(zdim,)`` its state.

        Raises
        ------
        IndexError
            If there is no such particle.
        UserError
            If its image is missing, damaged, or of another size.
        """
        if not 0 <= index < self._particles.n:
            raise IndexError(f"particle {index} of {self._particles.n}")
        alone = self._alone(index)
        if alone.box != self._trained.box:
            raise UserError(
                f"the image has {alone.box} pixels, but the model was trained with {self._trained.box}",
                path=alone.stacks[int(alone.stack[0])],
                hint="Was the stack replaced since?",
            )
        model: TomoModel = self._trained.own
        device = model.xy.device
        samples = sampling_of(self._config, alone, self._trained.norm)
        bank = ImageBank(alone, samples, forward_of(self._config), device=device)
        batch = bank.batch(torch.arange(1))
        place = torch.from_numpy(np.array(z, np.float32)[None]).to(device)
        slices = model.slices(place, batch.owner, batch.rotations)
        expected = slices * batch.ctf[..., None]
        return ParticleView(
            name=str(alone.particle_name[0]),
            image=_image(batch.coefficients[0], bank.plane),
            projection=_image(expected[0], bank.plane),
            pixel_size_a=alone.pixel_size_a,
        )

    def _alone(self, index: int) -> TiltParticles:
        """The particle with its least exposed image only, and with no stack but that."""
        whole = self._particles.select([index])
        wanted = np.zeros(whole.n_images, bool)
        wanted[int(self._least_exposed[index] - self._particles.first[index])] = True
        return whole.select_images(wanted)


def _image(samples: Tensor, plane: SlicePlane) -> Float32:
    """Image ``[y, x]`` of samples ``(m, 2)`` that stand for themselves and their conjugates."""
    box = plane.box
    half = torch.zeros(box * (box // 2 + 1), dtype=torch.complex64, device=samples.device)
    values = torch.view_as_complex(samples.float().contiguous())
    half[plane.index] = values
    # In column x = 0 the half plane holds both members of each pair.
    edge = plane.xy[:, 0] == 0
    rows = (-plane.xy[edge, 1].round().long()) % box
    half[rows * (box // 2 + 1)] = values[edge].conj()
    image = rfft_to_image(half.reshape(1, box, box // 2 + 1), box)[0]
    shown: Float32 = (image / math.sqrt(2.0)).float().contiguous().cpu().numpy()
    return shown
