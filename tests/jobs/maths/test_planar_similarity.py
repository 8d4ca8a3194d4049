"""Images that are turned, mirrored and shifted copies are found to be so."""

import torch

from jobs.maths.planar_similarity import best_matches
from tests.support.class_images import planted_classes


def test_that_turned_mirrored_shifted_views_are_matched_with_their_transformation():
    made = planted_classes(n_views=4, n_images=16, box=48, snr=1e6, shift_px=2.0)
    found = best_matches(torch.as_tensor(made.images), torch.as_tensor(made.views), 19, 2.0, 0.5)
    own = torch.as_tensor(made.truth.view)
    rows = torch.arange(16)
    assert torch.equal(found.correlation.argmax(1), own)
    assert float(found.correlation[rows, own].min()) > 0.97
    alpha, shift, mirror = made.truth.alignment()
    chosen = found.planar[rows, own]
    assert torch.equal(chosen.mirror, torch.as_tensor(mirror))
    turn = (chosen.alpha_deg - torch.as_tensor(alpha) + 180) % 360 - 180
    assert float(turn.abs().median()) < 1.0
    assert float((chosen.shift - torch.as_tensor(shift)).abs().max()) < 0.7


def test_that_an_image_is_fully_like_itself_and_noise_is_not():
    views = torch.as_tensor(planted_classes(n_views=3, n_images=3, box=40).views)
    alike = best_matches(views, views, 16)
    assert torch.allclose(alike.correlation.diagonal(), torch.ones(3), atol=0.02)
    assert torch.allclose(alike.planar.alpha_deg.diagonal(), torch.zeros(3, dtype=torch.float64))
    noise = torch.randn(4, 40, 40, generator=torch.Generator().manual_seed(1))
    assert float(best_matches(noise, views, 16, 1.0).correlation.max()) < 0.5
