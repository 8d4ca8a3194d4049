"""What the monitor and the explorer show of a training, against the numbers it was made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.core.errors import UserError
from jobs.core.figures import Figure
from jobs.formats.stacks import ImageStacks
from jobs.formats.tilt_series import read_tilt_particles
from jobs.tomodrgn.explorer_source import source
from jobs.tomodrgn.figures import principal_axes, states_along


def test_that_states_along_the_leading_axis_are_means_of_its_ends_and_middle() -> None:
    generator = torch.Generator().manual_seed(1)
    places = torch.randn(200, 5, generator=generator) * torch.tensor([0.1, 3.0, 0.1, 0.1, 0.1])
    middle, low, high = states_along(places)
    order = places[:, 1].argsort()
    ends = sorted((float(low[1]), float(high[1])))
    torch.testing.assert_close(ends[0], float(places[order[:20], 1].mean()), atol=0.05, rtol=0)
    torch.testing.assert_close(ends[1], float(places[order[-20:], 1].mean()), atol=0.05, rtol=0)
    assert abs(float(middle[1])) < 0.5


def test_that_the_plotted_axes_are_the_principal_ones_the_widest_first() -> None:
    rng = np.random.default_rng(2)
    places = rng.normal(size=(500, 6)) * np.array([1.0, 0.1, 5.0, 0.2, 2.0, 0.1])
    drawn = principal_axes(places.astype(np.float32))
    assert drawn.shape == (500, 3)
    for axis, column in enumerate((2, 4, 0)):
        assert abs(np.corrcoef(drawn[:, axis], places[:, column])[0, 1]) > 0.99


def test_that_a_training_leaves_latent_places_colours_volumes_and_key_figures(trained: Path) -> None:
    shown = trained / "snapshots"
    figure = Figure.from_json((shown / "volumes.json").read_text())
    assert figure.kind == "maps" and [series.name for series in figure.series] == [
        *("Middle", "Low end", "High end")
    ]
    for name in figure.arrays:
        assert np.load(shown / f"{name}.npy").shape == (32, 32, 32)
    assert len(np.load(shown / "latent.npy")) == len(np.load(shown / "latent_images_per_particle.npy")) == 16
    facts = {fact.title: fact.value for fact in figure.facts}
    assert facts["Particles"] == "16" and facts["Images"] == "128" and facts["Tilts per particle"] == "8"
    assert "Best loss" in facts


def test_that_a_particle_is_shown_by_its_least_exposed_image_centred_and_white(
    trained: Path, shared: Path
) -> None:
    model = source(trained, trained.parents[1]).open(0)
    view = model.particle_view(4)
    star = shared / "data" / "tomodrgn" / "10076_both_32_sim.star"
    particles = read_tilt_particles(star, star.parent, datadir=star.parent)
    first = int(particles.first[4] + np.argmin(particles.dose[particles.first[4] : particles.first[5]]))
    raw = ImageStacks(particles).read([first])[0]
    dx, dy = np.round(particles.origin_a[first] / particles.pixel_size_a).astype(int)
    moved = np.roll(raw, (dy, dx), (0, 1))
    inner = slice(8, 24)
    # the same image by whole pixels only, before the window; protein is dark in the file
    assert np.corrcoef(view.image[inner, inner].ravel(), -moved[inner, inner].ravel())[0, 1] > 0.7
    assert view.name == str(particles.particle_name[4])
    assert view.pixel_size_a == pytest.approx(13.1)
    noise = np.diff(view.image[inner, inner], axis=1).std() / np.sqrt(2)
    assert 0.5 < noise < 1.6, "in units of the noise"


def test_that_a_lost_image_file_is_named(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = source(trained, trained.parents[1]).open(0)
    with pytest.raises(IndexError, match="16"):
        model.particle_view(16)
    viewer = model._viewer  # type: ignore[attr-defined]
    monkeypatch.setattr(
        viewer, "_read", lambda: read_tilt_particles(tmp_path / "gone.star", tmp_path), raising=True
    )
    with pytest.raises(UserError, match=r"gone\.star"):
        model.particle_view(0)
