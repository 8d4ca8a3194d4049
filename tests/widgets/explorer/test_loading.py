"""What is done with a model before it is shown."""

from __future__ import annotations

import numpy as np

from jobs.core.exploring import EmbeddingRequest
from jobs.explore.embeddings import embed
from widgets.explorer.loading import turned_alike


def test_that_axes_point_where_they_did_and_still_lead_back_to_latent_space(rng: np.random.Generator) -> None:
    latent = (rng.normal(size=(300, 4)) * [4, 3, 2, 1]).astype(np.float32)
    request = EmbeddingRequest("pca")
    before = embed(latent, None, request, lambda *_: None, lambda: False)
    later = embed(latent * [-1, 1, -1, 1], None, request, lambda *_: None, lambda: False)
    turned = turned_alike(later, before)
    for k in range(4):
        correlation = np.corrcoef(turned.coordinates[:, k], before.coordinates[:, k])[0, 1]
        assert correlation > 0.99
    assert turned.offset is not None and turned.matrix is not None
    back = turned.offset + turned.coordinates @ turned.matrix
    np.testing.assert_allclose(back, latent * [-1, 1, -1, 1], atol=1e-4)


def test_that_another_layout_is_left_as_it_is(rng: np.random.Generator) -> None:
    latent = rng.normal(size=(50, 3)).astype(np.float32)
    pca = embed(latent, None, EmbeddingRequest("pca"), lambda *_: None, lambda: False)
    axes = embed(latent, None, EmbeddingRequest("axes"), lambda *_: None, lambda: False)
    assert turned_alike(axes, pca) is axes
