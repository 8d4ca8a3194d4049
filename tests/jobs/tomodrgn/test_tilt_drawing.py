"""Drawn images: so many of each particle, others at every look or always the first, and the same by seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.tomodrgn import commands, train
from jobs.tomodrgn.outputs import read_latent
from jobs.tomodrgn.tilt_drawing import TiltDrawing
from tests.jobs.tomodrgn.conftest import context_of, small_options

FIRST = torch.tensor([0, 4, 6, 11])


def drawn(images: torch.Tensor | None) -> list[list[int]]:
    assert images is not None
    parts = zip(FIRST[:-1].tolist(), FIRST[1:].tolist(), strict=True)
    return [torch.nonzero(images[a:b])[:, 0].tolist() for a, b in parts]


def test_that_so_many_images_are_drawn_and_all_where_there_are_fewer() -> None:
    drawing = TiltDrawing(FIRST, None, 3, seed=4)
    looks = [drawn(drawing.images(epoch)) for epoch in range(60)]
    assert all([len(part) for part in look] == [3, 2, 3] for look in looks)
    # Every image comes up, about equally often.
    seen = np.bincount([i for look in looks for i in look[2]], minlength=5)
    assert seen.sum() == 180 and seen.min() > 22
    assert looks == [drawn(TiltDrawing(FIRST, None, 3, seed=4).images(epoch)) for epoch in range(60)]
    assert looks[0] != looks[1] != looks[2]


def test_that_sequential_draws_are_the_first_images_that_teach() -> None:
    teach = torch.ones(11, dtype=torch.bool)
    teach[[0, 7]] = False
    drawing = TiltDrawing(FIRST, teach, 2, sequential=True)
    assert drawn(drawing.images(0)) == drawn(drawing.images(5)) == [[1, 2], [0, 1], [0, 2]]
    random = TiltDrawing(FIRST, teach, 2, seed=1)
    assert all(
        not bool((images & ~teach).any()) for e in range(9) if (images := random.images(e)) is not None
    )


@pytest.mark.usefixtures("any_device")
@pytest.mark.parametrize("pooling", ["concatenate", "max"])
def test_that_a_training_on_drawn_images_finds_places_as_it_left_them(
    pooling: str, tmp_path: Path, shared: Path
) -> None:
    options = small_options(shared, sample_ntilts=5, pooling_function=pooling, n_epochs=1)
    context = context_of(tmp_path, "TomoDRGN/job001/", options)
    train.run(context)
    context.metrics.close()
    job = context.folder.path
    slots = torch.load(job / "weights.pkl", weights_only=True)["model_settings"]["n_tilts"]
    assert slots == (5 if pooling == "concatenate" else 8)
    star = job / "10076_both_32_sim_tomodrgn_preprocessed.star"
    words = ["eval_images", str(star), "-w", str(job / "weights.pkl"), "--out-z", str(tmp_path / "z.pkl")]
    assert commands.main([*words, "--gpu-id", "cpu"]) == 0
    before, after = read_latent(job / "z.pkl")[0], read_latent(tmp_path / "z.pkl")[0]
    np.testing.assert_allclose(after, before, atol=2e-3 * np.abs(before).max())
