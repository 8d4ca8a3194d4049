"""Volumes of states without a decoder, against the true maps; the explorer's view of a foreign latent."""

from __future__ import annotations

import numpy as np
import pytest
import starfile

from jobs.core.errors import UserError
from jobs.formats.mrc import read_map
from jobs.latents.explorer_source import source
from jobs.latents.kernel import KERNELS, Whitening, effective_number, weights_for
from jobs.latents.params import CONTRAST_CHOICES, KERNEL_NAMES, PARTICLE_KINDS
from jobs.latents.particle_images import KINDS
from jobs.latents.sign import CONTRASTS
from jobs.simulate.truth import GroundTruth, displacements


def true_map(truth: GroundTruth, row: int, box: int) -> np.ndarray:
    """Gaussians of a particle's beads on the voxels of a box, [z, y, x]."""
    pixel = truth.pixel_size_a * truth.box / box
    points = (truth.beads_a + displacements(truth, [row])[0]) / pixel
    axis = np.arange(box) - box // 2
    x, y, z = (np.exp(-0.5 * ((axis - p[:, None]) * pixel / truth.sigma_a) ** 2) for p in points.T)
    return np.einsum("nz,ny,nx->zyx", z, y, x)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_that_the_choices_of_the_form_are_those_of_the_science():
    assert (PARTICLE_KINDS, KERNEL_NAMES, CONTRAST_CHOICES) == (KINDS, KERNELS, CONTRASTS)


@pytest.mark.parametrize("box", [None, 32, 24])
def test_that_volumes_at_both_ends_are_nearer_to_their_own_truth_than_to_the_other(opened, box):
    model = source(opened.job, opened.project).open(0)
    truth, places = opened.made.truth, model.embedding
    ends = int(np.argsort(places[:, 0])[30]), int(np.argsort(places[:, 0])[-30])
    made = [model.decode(places[row], box) for row in ends]
    side = made[0].shape[0]
    assert side == (box or 32)
    real = [true_map(truth, row, side) for row in ends]
    # what all states have in common says nothing about which end this is
    common = 0.5 * (real[0] + real[1])
    for own, other in ((0, 1), (1, 0)):
        assert likeness(made[own], real[own]) > 0.85
        assert likeness(made[own], real[own]) > likeness(made[own], real[other]) + 0.02
    assert likeness(made[0] - made[1], real[0] - real[1]) > 0.7
    assert likeness(0.5 * (made[0] + made[1]), common) > 0.85


def test_that_a_smaller_box_shows_the_same_density(opened):
    model = source(opened.job, opened.project).open(0)
    full, small = model.decode(None), model.decode(None, 16)
    binned = full.reshape(16, 2, 16, 2, 16, 2).mean((1, 3, 5))
    inner = slice(4, 12)
    # a bin of two voxels is centred half a fine voxel away, which blurs the comparison a little
    slope = (binned[inner, inner, inner] * small[inner, inner, inner]).sum() / (small[inner] ** 2).sum()
    assert likeness(binned, small) > 0.8
    assert 0.6 < slope < 1.3


def test_that_the_explorer_sees_places_names_and_half_sets(opened):
    found = source(opened.job, opened.project)
    assert [snapshot.label for snapshot in found.snapshots()] == ["final"]
    model = found.open(0)
    np.testing.assert_allclose(model.embedding, opened.z, rtol=1e-6)
    assert next(iter(model.metadata)) == "image_name"
    assert model.metadata["image_name"].tolist() == opened.made.truth.image_name.tolist()
    np.testing.assert_array_equal(model.half_set, opened.made.truth.half)
    assert model.abilities == frozenset()
    with pytest.raises(UserError, match="no half-set 2"):
        found.open(2)
    with pytest.raises(ValueError, match="1 finite coordinates"):
        model.decode(np.zeros(3))


def test_that_the_job_writes_a_table_volumes_and_half_maps(opened):
    lines = (opened.job / "latents.csv").read_text().splitlines()
    assert lines[0] == "image_name,z1,spread"
    assert len(lines) == 1 + len(opened.z)
    name, value, spread = lines[5].split(",")
    assert name == opened.made.truth.image_name[4]
    assert float(value) == pytest.approx(opened.z[4, 0], rel=1e-5)
    assert float(spread) == pytest.approx(np.exp(-1.0), rel=1e-5)
    star = starfile.read(opened.job / "particles/particles.star")
    np.testing.assert_allclose(star["particles"]["hsLatent1"], opened.z[:, 0], atol=1e-4)
    rows = (opened.job / "volumes/volumes.csv").read_text().splitlines()
    assert rows[0] == "volume,particles,effective,resolution_A,z1"
    assert len(rows) == 3
    for row in rows[1:]:
        name, _, effective, *_ = row.split(",")
        assert float(effective) == pytest.approx(100, abs=1)
        for end in ("", "_half1", "_half2"):
            volume = read_map(opened.job / f"volumes/{name}{end}.mrc")
            assert volume.data.shape == (32, 32, 32)
            assert volume.voxel_size_a == pytest.approx(6.0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_that_the_bandwidth_reaches_the_wanted_number_of_particles(kernel):
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(rng.normal(size=(3000, 4)) - 1, axis=1)
    for wanted in (20.0, 300.0, 2000.0):
        weights, bandwidth = weights_for(distance, wanted, kernel)
        assert effective_number(weights) == pytest.approx(wanted, rel=0.01)
        assert weights[distance > 3.51 * bandwidth].sum() == 0
        assert (np.diff(weights[np.argsort(distance)]) <= 0).all()
    weights, bandwidth = weights_for(distance, 3000, kernel)
    assert weights.min() == 1 and np.isinf(bandwidth)


def test_that_distances_are_those_of_mahalanobis():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3)) * np.array([1, 10, 100])
    white = Whitening.of(places)
    inverse = np.linalg.inv(np.cov(places, rowvar=False))
    step = places[3] - places[7]
    found = np.linalg.norm(white(places[3]) - white(places[7]))
    assert found == pytest.approx(np.sqrt(step @ inverse @ step), rel=1e-9)
    flat = np.hstack((places, places[:, :1]))
    assert Whitening.of(flat)(flat).shape == (500, 3)


def test_that_boxes_beyond_the_limit_are_filled_by_interpolation(opened, monkeypatch):
    import jobs.latents.latent_model as module

    fresh = source(opened.job, opened.project).open(0)
    exact = fresh.decode(None, 16)
    monkeypatch.setattr(module, "SHOWN_BOX", 16)
    limited = source(opened.job, opened.project).open(0).decode(None, 32)
    assert limited.shape == (32, 32, 32)
    # the even voxels of the finer grid are those of the coarse one
    np.testing.assert_allclose(limited[::2, ::2, ::2], exact, atol=2e-2 * exact.max())
    assert source(opened.job, opened.project).open(0).decode(None).std() > limited.std()
