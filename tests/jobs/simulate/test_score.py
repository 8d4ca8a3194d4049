"""The score of predicted displacements: perfect, none, too small, noisy, reordered, two motions at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from jobs.simulate.motions import Motion
from jobs.simulate.score import leading_mode, rank_correlation, score
from jobs.simulate.truth import GroundTruth, displacements

P, N = 80, 60


@pytest.fixture(scope="module")
def truth() -> GroundTruth:
    """Twenty beads stand still, twenty turn, twenty slide."""
    rng = np.random.default_rng(0)
    member = np.zeros((N, 2))
    member[20:40, 0] = member[40:, 1] = 1
    return GroundTruth(
        theta=np.stack([rng.uniform(-25, 25, P), rng.uniform(-7, 7, P)], 1),
        motions=(
            Motion("twist", "twist", (0.0, 0.6, 0.8), (0.0, 0.0, 0.0), 1.0),
            Motion("slide", "slide", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0),
        ),
        beads_a=rng.normal(0, 20, (N, 3)), membership=member, domain=np.repeat([0, 1, 2], 20),
        weights=np.ones(N), sigma_a=3.0, present=np.ones(P, dtype=bool),
        image_name=np.array([f"{i + 1:06d}@Simulate/job001/particles.mrcs" for i in range(P)]),
        half=np.ones(P, dtype=np.int64), euler_deg=np.zeros((P, 3)), origin_a=np.zeros((P, 2)),
        box=64, pixel_size_a=3.0, noise_sd=1.0, spec="{}",
    )  # fmt: skip


def test_that_the_truth_itself_scores_perfectly_wherever_its_frame_rests(truth):
    for offset in (0.0, np.random.default_rng(1).normal(0, 9, (1, N, 3))):
        found = score(displacements(truth) + offset, truth)
        assert found.spearman > 0.999  # the two motions mix a little in the leading mode
        assert found.gain == pytest.approx(1, abs=1e-5)
        assert found.rmsd_all_a < 1e-4
        assert [motion.spearman for motion in found.motions] == pytest.approx([1, 1], abs=1e-3)
        assert [motion.gain for motion in found.motions] == pytest.approx([1, 1], abs=1e-5)


def test_that_predicting_nothing_scores_the_size_of_the_motion(truth):
    found = score(np.zeros((P, N, 3)), truth)
    true = displacements(truth) - displacements(truth).mean(0)
    rms = np.sqrt((true[:, 20:] ** 2).sum(-1).mean())
    assert found.rmsd_moving_a == pytest.approx(rms, rel=1e-5)
    assert found.none_moving_a == pytest.approx(rms, rel=1e-5)
    assert found.none_all_a == pytest.approx(rms * (40 / 60) ** 0.5, rel=1e-5)
    assert (found.rmsd_static_a, found.gain, found.spearman, found.rms_predicted_a) == (0, 0, 0, 0)


def test_that_motions_that_are_too_small_show_in_the_gain_and_not_in_the_rank(truth):
    found = score(0.6 * displacements(truth), truth)
    assert found.gain == pytest.approx(0.6, abs=1e-5)
    assert found.spearman > 0.999  # the two motions mix a little in the leading mode
    assert found.rmsd_moving_a == pytest.approx(0.4 * found.none_moving_a, rel=1e-4)


def test_that_noise_on_all_beads_shows_in_every_rmsd(truth):
    noise = np.random.default_rng(2).normal(0, 1, (P, N, 3))
    found = score(displacements(truth) + noise, truth)
    for value in (found.rmsd_all_a, found.rmsd_moving_a, found.rmsd_static_a):
        assert value == pytest.approx(3**0.5, rel=0.05)


def test_that_particles_are_matched_by_name_in_any_order_and_number(truth):
    rows = np.random.default_rng(3).permutation(P)[:50]
    found = score(displacements(truth, rows), truth, truth.image_name[rows])
    assert found.rmsd_all_a < 1e-4
    elsewhere = [f"{i + 1}@/data/copy/particles.mrcs" for i in rows]
    assert score(displacements(truth, rows), truth, elsewhere).rmsd_all_a < 1e-4
    with pytest.raises(ValueError, match="is not in the ground truth"):
        score(displacements(truth, rows[:2]), truth, ["000001@other.mrcs", "000002@other.mrcs"])


def test_that_finding_only_one_of_two_motions_shows(truth):
    found = score(displacements(truth, motion=0), truth)
    assert found.motions[0].spearman == pytest.approx(1, abs=1e-3)
    assert found.motions[0].gain == pytest.approx(1, abs=1e-5)
    assert found.motions[1].gain == pytest.approx(0, abs=1e-5)
    assert found.motions[1].rmsd_a == pytest.approx(found.motions[1].none_rmsd_a, rel=1e-5)


def test_that_the_sign_of_a_mode_does_not_matter_but_that_of_a_displacement_does(truth):
    found = score(-displacements(truth), truth)
    assert found.spearman > 0.999  # the two motions mix a little in the leading mode
    assert found.gain == pytest.approx(-1, abs=1e-5)


def test_that_wrong_shapes_are_named(truth):
    with pytest.raises(ValueError, match=r"expected displacements of shape \(80, 60, 3\), not \(80, 59, 3\)"):
        score(np.zeros((P, 59, 3)), truth)
    with pytest.raises(ValueError, match="at least two"):
        score(np.zeros((1, N, 3)), truth, truth.image_name[:1])


def test_that_figures_can_be_had_as_a_flat_dictionary(truth):
    flat = score(displacements(truth), truth).as_dict()
    assert flat["motion2_gain"] == pytest.approx(1, abs=1e-5)
    assert all(isinstance(value, float) for value in flat.values())


def test_that_rank_correlation_is_scipys_also_with_ties():
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 5, 50), rng.normal(size=50)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(np.ones(5), np.arange(5)) == 0


def test_that_the_leading_mode_is_the_first_singular_vector_for_tall_and_wide_data():
    for shape in ((200, 30), (30, 200)):
        values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
        values += 5 * np.random.default_rng(6).normal(size=(shape[0], 1)) * np.ones(shape[1])
        values -= values.mean(0)
        expected = torch.linalg.svd(torch.tensor(values, dtype=torch.float64)).Vh[0].numpy()
        assert abs(leading_mode(values.astype(np.float32)) @ expected) == pytest.approx(1, abs=1e-6)
