"""A particle image beside the projection of the model in the particle's state, both in the same frame."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.core.errors import UserError
from jobs.core.latent import ParticleView
from jobs.dynamight.likelihood import projected_spectra
from jobs.dynamight.model import Frame
from jobs.dynamight.poses import apply_corrections
from jobs.dynamight.setup import views_of
from jobs.formats.particle_set import ParticleSet
from jobs.formats.stacks import ImageStacks
from jobs.maths.ctf import aberration_phases, ctf_rfft
from jobs.maths.fourier import image_to_rfft, rfft_to_image, shift_phases


class Projected(Protocol):
    """Gaussians whose projections are images: a :class:`jobs.dynamight.model.GaussianModel` and its like."""

    @property
    def frame(self) -> Frame:
        """The box."""

    def weights(self) -> Tensor:
        """Weights ``(c, N)`` in the grey scale of the images."""

    def transfer(self, working_box: int) -> Tensor:
        """Fourier filter ``(c, d, d // 2 + 1)`` of the widths, orthonormal."""

    def project(self, points_a: Tensor, rotations: Tensor, working_box: int) -> Tensor:
        """Project points ``(n, 3)`` in Å to pixels ``(b, n, 2)`` of the working box."""


@torch.no_grad()
def view_particle(
    particle: ParticleSet, model: Projected, points_a: Tensor, corrections: Tensor | None
) -> ParticleView:
    """Read the image of a particle and project the model as the training did.

    The image is moved by its shift so that the particle stands at the centre; what leaves it at one edge
    comes in at the other. Odd aberrations are taken out of the image, the CTF is put into the projection.

    Parameters
    ----------
    particle
        The one particle.
    model
        Whose Gaussians are projected.
    points_a
        ``(N, 3)`` where they are in the state of the particle, Å.
    corrections
        ``(5,)`` correction of the pose that the training found, None without refinement of poses.

    Raises
    ------
    UserError
        If the image is missing, damaged, or of another size than the model was trained on.
    """
    frame = model.frame
    with ImageStacks(particle) as stacks:
        if stacks.box != frame.box:
            raise UserError(
                f"the image has {stacks.box} pixels, but the model was trained with {frame.box}",
                path=particle.stacks[int(particle.stack[0])],
                hint="Was the stack replaced since?",
            )
        pixels = torch.from_numpy(stacks.read([0]))
    views = views_of(particle, frame.box, frame.voxel_size_a)
    rotations, shifts_px = views.rotations, views.shifts_px
    if corrections is not None:
        rotations, shifts_a = apply_corrections(corrections[None].cpu(), rotations)
        shifts_px = shifts_px + shifts_a / frame.voxel_size_a
    spectrum = image_to_rfft(pixels) * shift_phases(frame.box, -shifts_px)
    odd = aberration_phases(views.ctf, frame.box, frame.voxel_size_a)
    if odd is not None:
        spectrum = spectrum * odd.conj()
    ctf = ctf_rfft(views.ctf, frame.box, frame.voxel_size_a)
    if bool(views.premultiplied[0]):
        ctf = ctf * ctf
    pixels_of_points = model.project(points_a, rotations.to(points_a.device), frame.box)
    expected = projected_spectra(pixels_of_points, model.weights(), model.transfer(frame.box), frame.box)
    return ParticleView(
        name=str(particle.image_name[0]),
        image=_image(spectrum, frame.box),
        projection=_image(expected.cpu() * ctf, frame.box),
        pixel_size_a=frame.voxel_size_a,
    )


def _image(spectrum: Tensor, box: int) -> npt.NDArray[np.float32]:
    image: npt.NDArray[np.float32] = rfft_to_image(spectrum, box)[0].float().contiguous().numpy()
    return image
