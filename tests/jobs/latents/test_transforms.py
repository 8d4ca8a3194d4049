"""What images weigh: transforms of raw and of treated images tell the same of their slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from jobs.formats.mrc import write_stack
from jobs.formats.stacks import ImageStacks
from jobs.latents.particle_images import ForeignParticles, read_foreign_particles
from jobs.latents.transforms import ImageTransforms
from jobs.maths.ctf import ctf_rfft, from_particles
from jobs.maths.dose import dose_filter
from jobs.maths.fourier import image_to_rfft, radius_rfft, rfft_to_image
from jobs.simulate.tilt_series import simulate_tilt_series
from jobs.simulate.tilt_specification import R4

ROWS = np.arange(12)


def test_that_premultiplied_images_give_the_transforms_of_raw_ones(hinge, tmp_path):
    project, made, _ = hinge
    raw = read_foreign_particles(made.particles, project).select(ROWS)
    images = torch.from_numpy(ImageStacks(raw.content).read(ROWS))
    ctf = ctf_rfft(from_particles(raw.content), 32, 6.0)
    treated = rfft_to_image(image_to_rfft(images) * ctf, 32)
    write_stack(tmp_path / "treated.mrcs", treated.numpy(), 6.0)
    content = replace(
        raw.content,
        stacks=[tmp_path / "treated.mrcs"],
        stack=np.zeros(12, np.int64),
        section=ROWS.astype(np.int64),
        ctf_premultiplied=np.ones(12, bool),
    )
    for box in (32, 20):
        a = ImageTransforms(raw).slices(ROWS, box)
        b = ImageTransforms(ForeignParticles(content)).slices(ROWS, box)
        torch.testing.assert_close(a.transfer, b.transfer)
        clear = (a.transfer.abs() > 0.05) & (radius_rfft(box) < box // 2 - 1)
        difference = (a.transforms - b.transforms).abs()[clear].max()
        assert difference < 1e-3 * a.transforms.abs()[clear].max()


def test_that_kept_transforms_are_those_that_are_read(hinge):
    project, made, _ = hinge
    particles = read_foreign_particles(made.particles, project)
    keeping, reading = ImageTransforms(particles), ImageTransforms(particles, budget=0)
    for rows in (ROWS, ROWS[::-1].copy(), np.array([3, 50, 4])):
        for box in (32, 16):
            a, b = keeping.slices(rows, box), reading.slices(rows, box)
            torch.testing.assert_close(a.transforms, b.transforms)
    assert len(keeping._kept) == 2 * 13 and not reading._kept


def test_that_kept_transforms_stay_within_their_budget(hinge):
    project, made, _ = hinge
    particles = read_foreign_particles(made.particles, project)
    plane = 32 * 17 * 8
    few = ImageTransforms(particles, budget=5 * plane)
    few.slices(np.arange(40), 32)
    assert len(few._kept) == 5 and few._bytes == 5 * plane


@pytest.mark.parametrize("weighted", [False, True])
def test_that_dose_and_tilt_are_part_of_what_slices_were_multiplied_with(tmp_path, weighted):
    spec = R4.with_changes(n_particles=4, tilt_step_deg=20.0)
    simulate_tilt_series(spec, tmp_path)
    particles = read_foreign_particles(tmp_path / "particles.star", tmp_path, n_latent=4)
    content = replace(particles.content, dose_weighted=weighted)
    rows = np.arange(content.n_images)
    found = ImageTransforms(ForeignParticles(content)).slices(rows, 32)
    plain = replace(
        content, dose=np.full(len(rows), np.nan), tilt_weight=np.ones(len(rows)), dose_weighted=False
    )
    bare = ImageTransforms(ForeignParticles(plain)).slices(rows, 32)
    frequency = radius_rfft(32).clamp(min=1e-30) / (32 * content.pixel_size_a)
    q = dose_filter(torch.from_numpy(content.dose).float()[:, None, None], frequency, 300.0)
    factor = q * torch.from_numpy(np.cos(np.radians(content.tilt_deg))).float()[:, None, None]
    torch.testing.assert_close(found.transfer, bare.transfer * factor, atol=1e-4, rtol=1e-3)
    # what was multiplied in afterwards is divided out again, from signal and noise alike
    undone = found.transforms * (q.clamp(min=1e-3) if weighted else 1)
    torch.testing.assert_close(undone, bare.transforms, atol=1e-4, rtol=1e-3)
