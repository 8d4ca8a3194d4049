from __future__ import annotations

import torch

from jobs.maths.project import Projector
from jobs.maths.rotations import random_rotations
from jobs.tomodrgn.batches import pair_plane
from jobs.tomodrgn.particle_frame import ParticleFrame


def test_that_images_of_all_views_add_up_to_the_transform_of_the_volume() -> None:
    box = 16
    axis = torch.arange(box) - box / 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    volume = torch.exp(-((x - 0.5) ** 2 + (y + 0.75) ** 2 + (z - 0.25) ** 2) / 3)
    plane, rotations = pair_plane(box), random_rotations(3000, generator=torch.Generator().manual_seed(0))
    samples = Projector(volume, padding=3, radius=7).slices(rotations).flatten(1)[:, plane.index]
    frame = ParticleFrame(plane)
    placed = frame.place(torch.view_as_real(samples), rotations)
    ones = torch.stack((torch.ones_like(samples.real), torch.zeros_like(samples.real)), dim=-1)
    mean = torch.view_as_complex(placed.sum(0)) / frame.place(ones, rotations).sum(0)[:, 0]
    # The transform of the same Gaussian about the centre of the box, by its formula.
    k = frame.points / box
    phase = -2 * torch.pi * (k @ torch.tensor([0.5, -0.75, 0.25]))
    height = (3 * torch.pi) ** 1.5 / box * torch.exp(-3 * torch.pi**2 * k.square().sum(1))
    expected = torch.polar(height, phase)
    near = k.norm(dim=1) < 0.2
    error = (mean - expected)[near].abs().square().mean().sqrt()
    assert float(error) < 0.1 * float(expected[near].abs().square().mean().sqrt())


def test_that_the_compiled_placing_is_that_of_plain_torch() -> None:
    g = torch.Generator().manual_seed(1)
    plane, rotations = pair_plane(16), random_rotations(30, generator=g)
    values = torch.randn(30, len(plane.index), 2, generator=g)
    frame = ParticleFrame(plane)
    found = frame.place(values, rotations)
    torch.testing.assert_close(found, frame.place(values.double(), rotations.double()).float())
