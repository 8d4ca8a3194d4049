"""Scores of classes with known faults are what those faults make them."""

import numpy as np
import pytest

from jobs.simulate.class_score import score_classes

VIEW = np.repeat([0, 1, 2, 3, -1], 20)


def test_that_the_truth_scores_full_marks_without_noise():
    score = score_classes(VIEW, VIEW)
    assert (score.n_classes, score.views_found, score.purity, score.ari) == (4, 4, 1.0, 1.0)
    assert (score.accounted, score.noise_accounted) == (1.0, 0.0)
    assert "4 classes show 4 views with purity 1.000" in score.sentence


def test_that_a_view_in_two_classes_counts_against_the_index_unless_merged():
    labels = VIEW.copy()
    labels[:10] = 4
    score = score_classes(labels, VIEW)
    assert score.purity == score.ari_merged == 1.0
    assert 0.7 < score.ari < 0.95 and score.views_found == 4 and score.n_classes == 5


def test_that_noise_within_classes_lowers_purity_and_is_counted():
    labels = VIEW.copy()
    labels[80:85] = 0
    labels[60:80] = -1
    score = score_classes(labels, VIEW)
    assert score.purity == pytest.approx(60 / 65)
    assert score.noise_accounted == 0.25 and score.accounted == 0.75
    assert score.ari == 1.0


def test_that_random_classes_and_no_classes_are_told():
    rng = np.random.default_rng(0)
    score = score_classes(rng.integers(0, 4, 100), VIEW)
    assert abs(score.ari) < 0.1 and score.purity < 0.5
    nothing = score_classes(np.full(100, -1), VIEW)
    assert nothing.n_classes == nothing.views_found == 0 and nothing.accounted == 0
    assert np.isnan(nothing.purity)
