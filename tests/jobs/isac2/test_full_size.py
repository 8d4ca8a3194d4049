"""Full-size averages show what is in the images, without the CTF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.isac2.full_size import FullSize, filtered_average, full_size_averages
from jobs.maths.fourier import image_to_rfft, radius_rfft
from jobs.maths.transforms2d import Planar
from tests.support.planted_members import PIXEL_A, PlantedMembers, planted_members


def _average(planted: PlantedMembers) -> FullSize:
    return full_size_averages(planted.source, planted.members, planted.planar, radius_px=15, device="cpu")


def _likeness(planted: PlantedMembers, found: FullSize) -> list[float]:
    box = planted.source.box
    y, x = np.mgrid[:box, :box] - box // 2
    inside = x**2 + y**2 < 15**2
    pairs = zip(planted.truth, found.averages, strict=True)
    return [float(np.corrcoef(a[inside], b[inside])[0, 1]) for a, b in pairs]


@pytest.mark.parametrize("flipped", [False, True])
def test_that_averages_are_the_objects_without_the_ctf(tmp_path: Path, flipped: bool) -> None:
    planted = planted_members(tmp_path, 48, flipped=flipped)
    found = _average(planted)
    assert min(_likeness(planted, found)) > 0.97
    assert (found.resolution_a < 20).all() and (found.resolution_a >= 2 * PIXEL_A).all()
    other = _likeness(
        planted, FullSize(found.averages[::-1], *(found.curves,) * 1, *(found.resolution_a,) * 2)
    )
    assert max(other) < min(_likeness(planted, found)) - 0.02


def test_that_every_transformation_counts(tmp_path: Path) -> None:
    planted = planted_members(tmp_path, 48)
    good = min(_likeness(planted, _average(planted)))
    right = planted.planar
    for spoiled in (
        [Planar(p.alpha_deg, p.shift, ~p.mirror) for p in right],
        [Planar(-p.alpha_deg, p.shift, p.mirror) for p in right],
        [Planar(p.alpha_deg, -p.shift, p.mirror) for p in right],
    ):
        planted.planar = spoiled
        assert min(_likeness(planted, _average(planted))) < good - 0.03


def test_that_sharpening_undoes_the_fall_of_amplitudes() -> None:
    box, pixel, factor = 96, 1.5, 180.0
    radius = radius_rfft(box)
    noise = image_to_rfft(torch.randn(box, box, generator=torch.Generator().manual_seed(4)))
    fallen = noise * torch.exp(-factor / 4 * (radius / (box * pixel)) ** 2)
    weight, curve = torch.ones_like(radius), torch.ones(box // 2 + 1)
    sharp, found = filtered_average(fallen, weight, curve, pixel, sharpen=True)
    assert found == pytest.approx(factor, rel=0.1)
    inner = (radius > 2) & (radius < box // 2)
    assert torch.allclose(sharp[inner].abs(), noise[inner].abs(), rtol=0.3)
    plain, none = filtered_average(fallen, weight, curve, pixel, sharpen=False)
    assert none == 0 and torch.allclose(plain[inner], fallen[inner], rtol=0.01)
